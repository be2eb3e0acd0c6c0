//! The servers: how each is, what it has, and what map it needs.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use autoscan_core::ports::{Library, Look};
use autoscan_core::time::Timestamp;
use autoscan_engine::{LocalFolders, ServerStatus, TargetView, TestView};
use axum::extract::State;
use axum::response::Response;

use super::drafts::Drafts;
use super::edit;
use super::frame::{self, Frame};
use super::target_maps::Section;
use super::words::{self, Badge, When};
use crate::answer::Problem;
use crate::app::Shared;
use crate::control::{Edit, MapOf};
use crate::map_advice::Maps;
use crate::segment::Segment;
use crate::visitor::{Posted, Visitor};

/// How long the page waits for servers that were never asked.
const PATIENCE: Duration = Duration::from_millis(800);
/// Folders of one target that the page shows; the rest is counted.
const MOST: usize = 60;

#[derive(Template)]
#[template(path = "targets.html")]
struct Page {
    frame: Frame,
    targets: Vec<Card>,
    maps: Option<Section>,
}

struct Card {
    name: String,
    kind: &'static str,
    url: String,
    state: Badge,
    reason: Option<String>,
    until: Option<When>,
    is_paused: bool,
    version: Option<String>,
    waiting: String,
    sent: String,
    seen: String,
    missing: String,
    known: Option<Knowledge>,
}

/// What a target said of itself.
struct Knowledge {
    asked: When,
    silent: Option<String>,
    said: Option<What>,
}

struct What {
    at: When,
    sentence: String,
    advice: Vec<String>,
    folders: Vec<Folder>,
    left_out: usize,
    has_libraries: bool,
}

/// A folder of a library.
struct Folder {
    library: String,
    kind: String,
    path: String,
    here: Vec<(String, Badge, String)>,
}

/// `GET /targets`.
pub(super) async fn page(
    State(app): State<Shared>,
    State(maps): State<Arc<Maps>>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let engine = &app.web.engine;
    engine.get_to_know(PATIENCE).await;
    let now = engine.now();
    let mut targets = Vec::new();
    for (view, known) in engine.targets().iter().zip(engine.known()) {
        let backlog = engine.backlog(&view.name).await?;
        targets.push(Card {
            waiting: figure(backlog.to_tell),
            sent: figure(backlog.to_follow),
            known: known.map(|known| Knowledge::new(&known, now)),
            ..Card::new(view, now)
        });
    }
    let maps = maps.last().map(|advice| Section::new(engine, &advice, now));
    Ok(frame::page(&Page { frame: Frame::new(&app, &visitor.session, "/targets"), targets, maps }))
}

impl Card {
    fn new(view: &TargetView, now: Timestamp) -> Self {
        Self {
            name: view.name.to_string(),
            kind: view.kind,
            url: words::short(&view.url, 200),
            state: words::lane_state(view.state),
            reason: view.reason.as_deref().map(ended),
            until: view.until.map(|until| words::when(now, until)),
            is_paused: view.state == "paused",
            version: view.version.as_deref().map(|version| words::short(version, 60)),
            waiting: String::new(),
            sent: String::new(),
            seen: words::number_of(view.figures.seen),
            missing: words::number_of(view.figures.missing),
            known: None,
        }
    }
}

impl Knowledge {
    fn new(known: &ServerStatus, now: Timestamp) -> Self {
        let what = known.said.as_ref().map(|said| {
            let here = |folder: &String| {
                said.folders.iter().find(|(known, _)| known == folder).map(|(_, here)| here)
            };
            let libraries = said.test.libraries.iter().flatten();
            let row = |library: &Library, folder: &String| Folder {
                library: words::short(&library.title, 80),
                kind: words::short(&library.kind, 30),
                path: words::short(folder, 300),
                here: here(folder).map(places).unwrap_or_default(),
            };
            let rows =
                libraries.flat_map(|library| library.folders.iter().map(move |folder| row(library, folder)));
            let mut folders: Vec<Folder> = rows.collect();
            let left_out = folders.len().saturating_sub(MOST);
            folders.truncate(MOST);
            What {
                at: words::when(now, said.at),
                sentence: words::short(&sentence(&said.test), 300),
                advice: said.test.advice.iter().map(|advice| words::short(advice, 400)).collect(),
                folders,
                left_out,
                has_libraries: said.test.libraries.is_some(),
            }
        });
        Self {
            asked: words::when(now, known.asked_at),
            silent: known.silent.as_deref().map(ended),
            said: what,
        }
    }
}

/// What a folder is on this machine.
fn places(here: &LocalFolders) -> Vec<(String, Badge, String)> {
    let LocalFolders::At(places) = here else { return Vec::new() };
    let place = |(path, look): &(autoscan_core::path::LocalPath, Look)| {
        let (word, tone, why) = match look {
            Look::Folder => ("is here", "good", String::new()),
            Look::File { .. } => ("is a file here", "bad", String::new()),
            Look::Missing => ("does not exist here", "wait", String::new()),
            Look::Unreachable(why) => ("cannot be looked at", "bad", words::short(why, 200)),
        };
        (words::short(path.as_str(), 300), Badge { word, tone }, why)
    };
    places.iter().map(place).collect()
}

/// A sentence from elsewhere with its end.
pub(super) fn ended(text: &str) -> String {
    let text = words::short(text, 400);
    if text.ends_with(['.', '?', '!']) { text } else { format!("{text}.") }
}

fn figure(count: Option<u64>) -> String {
    count.map_or_else(|| "many".to_owned(), words::number_of)
}

fn sentence(test: &TestView) -> String {
    let who = format!("{} {}", test.identity.product, test.identity.version);
    match test.libraries.as_ref().map(Vec::len) {
        None => format!("{who} answers and lets autoscan in"),
        Some(0) => format!("{who} answers, but shows no library: does the key belong to its owner?"),
        Some(number) => {
            let libraries = words::count(number as u64, "library", "libraries");
            format!("{who} answers and lets autoscan in; it has {libraries}")
        }
    }
}

/// `POST /targets/{name}/test`.
pub(super) async fn test(
    State(app): State<Shared>,
    Segment(name): Segment,
    posted: Posted,
) -> Result<Response, Problem> {
    let answer = app.web.engine.test(&name).await.ok_or_else(|| no_target(&name))?;
    let (tone, text) = match answer {
        Ok(test) if test.libraries.as_ref().is_some_and(Vec::is_empty) => ("wait", sentence(&test)),
        Ok(test) => ("good", sentence(&test)),
        Err(fault) => ("bad", fault.reason().to_owned()),
    };
    posted.visitor.notify(&app, tone, format!("{name}: {}", ended(&text)));
    Ok(frame::see_other(&format!("{}/targets", app.base())))
}

/// `POST /targets/{name}/pause`: for `15m`, `1h`, or until resumed.
pub(super) async fn pause(
    State(app): State<Shared>,
    Segment(name): Segment,
    posted: Posted,
) -> Result<Response, Problem> {
    let engine = &app.web.engine;
    let span = match posted.get("for") {
        "15m" => Some(Duration::from_mins(15)),
        "1h" => Some(Duration::from_hours(1)),
        "" => None,
        _ => return Err(Problem::bad_request("A pause lasts 15 minutes, an hour, or until it is ended")),
    };
    let until = span.map(|span| engine.now() + span);
    if engine.pause(Some(&name), until).await?.is_empty() {
        return Err(no_target(&name));
    }
    let when = until.map_or_else(|| "you resume it".to_owned(), words::moment);
    let text = format!("{name} is told nothing until {when}. What comes meanwhile is kept for it.");
    posted.visitor.notify(&app, "wait", text);
    Ok(frame::see_other(&format!("{}/targets", app.base())))
}

/// `POST /targets/{name}/resume`.
pub(super) async fn resume(
    State(app): State<Shared>,
    Segment(name): Segment,
    posted: Posted,
) -> Result<Response, Problem> {
    if app.web.engine.resume(Some(&name)).await?.is_empty() {
        return Err(no_target(&name));
    }
    posted.visitor.notify(&app, "good", format!("{name} goes on."));
    Ok(frame::see_other(&format!("{}/targets", app.base())))
}

/// `POST /targets/map`: leads to the page that shows what lines for a map would change in the config's file.
pub(super) async fn map(
    State(app): State<Shared>,
    State(drafts): State<Arc<Drafts>>,
    posted: Posted,
) -> Result<Response, Problem> {
    let name = posted.get("name").to_owned();
    let of = match posted.get("of") {
        "trigger" if app.web.engine.trigger(&name).is_some() => MapOf::Trigger(name),
        "target" if app.web.engine.targets().iter().any(|target| target.name.as_str() == name) => {
            MapOf::Target(name)
        }
        _ => return Err(Problem::not_found("There is no such trigger or target: nothing was written")),
    };
    let lines: Vec<(String, String)> =
        posted.all("from").zip(posted.all("to")).map(|(from, to)| (from.to_owned(), to.to_owned())).collect();
    if lines.is_empty() {
        return Err(Problem::bad_request("The form holds no line for a map: nothing was written"));
    }
    Ok(edit::begin(&app, &drafts, &posted.visitor, Edit::AddMap { of, lines }, "/targets"))
}

fn no_target(name: &str) -> Problem {
    Problem::not_found(format!("There is no target named {name:?}"))
}
