//! A scan that a person asks for: what would happen, then the scan, then what became of it.

use askama::Template;
use autoscan_core::name::Name;
use autoscan_core::path::{PathRefusal, TriggerPath};
use autoscan_core::scan::ScanId;
use autoscan_engine::{IntakeError, MANUAL};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::frame::{self, Frame};
use super::preview::{Item, PREVIEWED};
use super::requested_scans::RequestedScans;
use super::words;
use crate::answer::Problem;
use crate::app::{App, Shared};
use crate::query;
use crate::visitor::{Posted, Visitor};

/// Paths that are sent at once.
const MOST: usize = 500;

#[derive(Template)]
#[template(path = "manual_scan.html")]
struct Page {
    frame: Frame,
    /// Why nothing was sent.
    problem: Option<String>,
    asked: Option<RequestedScans>,
    /// What the form holds.
    text: String,
    targets: Vec<Choice>,
    senders: Vec<Choice>,
    preview: Option<Preview>,
}

/// Something that may be chosen.
struct Choice {
    value: String,
    label: String,
    chosen: bool,
}

/// What would become of what the form holds.
struct Preview {
    items: Vec<Item>,
    /// Paths that are sent without a look at each.
    unseen: usize,
    /// Lines that said the same as one before.
    repeats: usize,
    /// Whether there is anything to send.
    can_send: bool,
}

/// What the form asks for.
#[derive(Default)]
struct Wish {
    paths: Vec<Line>,
    repeats: usize,
    /// None: all.
    targets: Vec<Name>,
    /// The trigger whose map and filter count.
    sender: String,
}

/// One path as it was written.
pub(super) struct Line {
    pub(super) text: String,
    pub(super) path: Result<TriggerPath, PathRefusal>,
}

/// `GET /manual-scan`: the form, filled with each `path=` of the query, or what became of `scans=`. Scans nothing.
pub(super) async fn page(
    State(app): State<Shared>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = query::parse(query.as_deref())?;
    let values = |wanted: &'static str| {
        query.iter().filter(move |(name, _)| name == wanted).map(|(_, value)| value.as_str())
    };
    let wish = Wish::read(values("path"), values("target"), values("sender").next());
    let ids: Vec<ScanId> = values("scans")
        .flat_map(|ids| ids.split(','))
        .filter_map(|id| id.parse().ok().map(ScanId))
        .take(MOST)
        .collect();
    let asked = if ids.is_empty() { None } else { Some(RequestedScans::of(&app, &ids).await?) };
    Ok(frame::page(&Page { asked, ..Page::new(&app, &visitor, &wish) }))
}

/// `POST /manual-scan`: what would happen, or with `step=scan` the scan.
pub(super) async fn send(State(app): State<Shared>, posted: Posted) -> Result<Response, Problem> {
    let wish = Wish::read(posted.all("paths"), posted.all("target"), Some(posted.get("sender")));
    let page = Page::new(&app, &posted.visitor, &wish);
    if let Some(problem) = wish.problem(&app) {
        let page = frame::page(&Page { problem: Some(problem), ..page });
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let mut problem = None;
    let mut is_refused = wish.paths.iter().any(|line| line.path.is_err());
    if posted.get("step") == "scan" {
        match scan(&app, &wish).await? {
            Sent { scans, tone, sentence, .. } if !scans.is_empty() => {
                posted.visitor.notify(&app, tone, sentence);
                let ids: Vec<String> = scans.iter().map(|id| id.0.to_string()).collect();
                return Ok(frame::see_other(&format!("{}/manual-scan?scans={}", app.base(), ids.join(","))));
            }
            sent => {
                is_refused |= sent.is_refused;
                problem = Some(sent.sentence);
            }
        }
    }
    let preview = Preview::of(&app, &wish).await;
    let page = frame::page(&Page { problem, preview: Some(preview), ..page });
    Ok(if is_refused { (StatusCode::UNPROCESSABLE_ENTITY, page).into_response() } else { page })
}

/// What became of a wish.
struct Sent {
    scans: Vec<ScanId>,
    tone: &'static str,
    sentence: String,
    /// Whether a path was not believed, or the whole could not be read.
    is_refused: bool,
}

/// Sends what is believed; the rest is said.
async fn scan(app: &App, wish: &Wish) -> Result<Sent, Problem> {
    let paths: Vec<TriggerPath> = wish.paths.iter().filter_map(|line| line.path.clone().ok()).collect();
    let refused = wish.paths.iter().filter_map(|line| line.path.as_ref().err()).map(ToString::to_string);
    let mut taken = if paths.is_empty() {
        autoscan_engine::IntakeReport::default()
    } else {
        let targets = (!wish.targets.is_empty()).then(|| wish.targets.clone());
        match app.web.engine.ask_as(paths, targets, &wish.sender).await {
            // Each path goes its way of its own: what cannot be read as a whole is said, not answered with an error.
            Err(IntakeError::Unreadable(reason)) => {
                let sentence = words::sentence(&reason.to_string());
                return Ok(Sent { scans: Vec::new(), tone: "bad", sentence, is_refused: true });
            }
            taken => taken?,
        }
    };
    taken.refused.splice(0..0, refused);
    let is_whole = taken.refused.is_empty() && taken.ignored.is_empty();
    let sentence = words::sentence(&taken.sentence());
    let (tone, is_refused) = (if is_whole { "good" } else { "wait" }, !taken.refused.is_empty());
    Ok(Sent { scans: taken.scans, tone, sentence, is_refused })
}

impl Page {
    fn new(app: &App, visitor: &Visitor, wish: &Wish) -> Self {
        let engine = &app.web.engine;
        let targets = engine.targets().into_iter().map(|target| Choice {
            chosen: wish.targets.contains(&target.name),
            label: target.name.to_string(),
            value: target.name.to_string(),
        });
        let mapped = engine.triggers().into_iter().filter(|view| view.kind != MANUAL);
        let mapped = mapped
            .filter(|view| engine.trigger(view.name.as_str()).is_some_and(|bound| !bound.map.is_empty()));
        let senders = mapped.map(|view| Choice {
            chosen: wish.sender == view.name.as_str(),
            label: view.name.to_string(),
            value: view.name.to_string(),
        });
        Self {
            frame: Frame::new(app, &visitor.session, "/manual-scan"),
            problem: None,
            asked: None,
            text: wish.paths.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n"),
            targets: targets.collect(),
            senders: senders.collect(),
            preview: None,
        }
    }
}

impl Preview {
    async fn of(app: &App, wish: &Wish) -> Self {
        let targets = (!wish.targets.is_empty()).then_some(&wish.targets[..]);
        let seen = &wish.paths[..wish.paths.len().min(PREVIEWED)];
        Self {
            items: Item::all(app, seen, &wish.sender, targets).await,
            unseen: wish.paths.len() - seen.len(),
            repeats: wish.repeats,
            can_send: wish.paths.iter().any(|line| line.path.is_ok()),
        }
    }
}

impl Wish {
    fn read<'a>(
        texts: impl Iterator<Item = &'a str>,
        targets: impl Iterator<Item = &'a str>,
        sender: Option<&str>,
    ) -> Self {
        let mut wish = Self {
            targets: targets.filter_map(|name| Name::parse(name).ok()).collect(),
            sender: sender.filter(|sender| !sender.is_empty()).unwrap_or(MANUAL).to_owned(),
            ..Self::default()
        };
        let mut known = std::collections::HashSet::new();
        for text in texts.flat_map(|text| text.split('\n')).map(tidy).filter(|text| !text.is_empty()) {
            let path = TriggerPath::parse(text);
            let meant = path.as_ref().map_or(text, TriggerPath::as_str).to_owned();
            if known.insert(meant) {
                wish.paths.push(Line { text: text.to_owned(), path });
            } else {
                wish.repeats += 1;
            }
        }
        wish
    }

    /// Why nothing of it is looked at, in a sentence.
    fn problem(&self, app: &App) -> Option<String> {
        let engine = &app.web.engine;
        let lanes = engine.targets();
        let unknown = self.targets.iter().find(|name| !lanes.iter().any(|lane| lane.name == **name));
        match (self.paths.len(), unknown) {
            (0, _) => Some("Write at least one path.".to_owned()),
            (count, _) if count > MOST => {
                Some(format!("{count} paths are too many at once: send at most {MOST}. Nothing was sent."))
            }
            (_, Some(name)) => Some(format!("There is no target {name} (any more). Nothing was sent.")),
            _ if self.sender != MANUAL && engine.trigger(&self.sender).is_none() => {
                Some(format!("There is no trigger {:?} (any more). Nothing was sent.", self.sender))
            }
            _ => None,
        }
    }
}

/// A line without what is pasted along with a path: a line's end, what stands before it, and the quotation marks that
/// Windows puts around. What a name may end with stays.
fn tidy(line: &str) -> &str {
    let line = line.trim_end_matches('\r').trim_start();
    if line.trim().is_empty() {
        return "";
    }
    let quoted = line.trim_end().strip_prefix('"').and_then(|line| line.strip_suffix('"'));
    quoted.unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_lines_become_paths_once_each() {
        let text = "/tv/Show\r\n\r\n  /tv/Show/\n \"C:\\TV\\a b\" \n/tv/ends with a space \n/tv//Show\ntv/relative\n\t\n";
        let wish = Wish::read([text, "/tv/Other"].into_iter(), std::iter::empty(), Some(""));
        let texts: Vec<_> = wish.paths.iter().map(|line| (line.text.as_str(), line.path.is_ok())).collect();
        let expected = [
            ("/tv/Show", true),
            ("C:\\TV\\a b", true),
            ("/tv/ends with a space ", true),
            ("tv/relative", false),
            ("/tv/Other", true),
        ];
        assert_eq!(
            (texts.as_slice(), wish.repeats, wish.sender.as_str()),
            (expected.as_slice(), 2, "manual")
        );
    }
}
