//! Which folder of a new server is which folder here.

use std::sync::Arc;

use autoscan_core::path::{AbsolutePath, LocalPath};
use autoscan_core::ports::Look;
use autoscan_core::suggest::{Counterpart, Doubt, Party, Suggestions};
use autoscan_engine::NewServer;
use axum::extract::State;
use axum::response::Response;

use super::drafts::Drafts;
use super::setup::{walk_of, write_stream};
use super::setup_wizard::{Row, Step, Wizard, Wizards};
use super::{edit, words};
use crate::app::{App, Shared};
use crate::control::{Edit, NewTarget, TriedServer};
use crate::map_advice;
use crate::visitor::Posted;

/// Folders that are shown; a server with more is mapped by hand.
const MOST: usize = 100;

/// The folders of a server that was tried, each once, with what it may be here.
pub(super) async fn rows(app: &App, name: &str, tried: TriedServer) -> Vec<Row> {
    let TriedServer { test, samples } = tried;
    let libraries = test.libraries.unwrap_or_default();
    let mut rows: Vec<Row> = Vec::new();
    for library in &libraries {
        for folder in &library.folders {
            if let Some(row) = rows.iter_mut().find(|row| row.folder == *folder) {
                row.libraries = format!("{}, {}", row.libraries, library.title);
            } else if rows.len() < MOST {
                rows.push(Row {
                    folder: folder.clone(),
                    libraries: library.title.clone(),
                    here: String::new(),
                    evidence: Vec::new(),
                });
            }
        }
    }
    if rows.is_empty() {
        return rows;
    }
    let new = NewServer { name: name.to_owned(), libraries, samples };
    let found = app.web.engine.map_advice(map_advice::senders(app).await, Some(new)).await.found;
    for row in &mut rows {
        let Ok(folder) = AbsolutePath::parse(&row.folder) else { continue };
        let look = app.web.engine.look(&LocalPath(folder.clone())).await;
        guess(row, &Guess::of(&found, name, folder.as_str()), &look);
    }
    rows
}

/// What the comparison says of one folder of the new server.
enum Guess<'a> {
    /// It is this one.
    Found(&'a Counterpart),
    /// It may be one of several.
    Unsure(&'a Doubt),
    /// It is called the same here, or nothing is known.
    Nothing,
}

impl<'a> Guess<'a> {
    fn of(found: &'a Suggestions, name: &str, folder: &str) -> Self {
        let is_its =
            |of: &Party, known: &str| matches!(of, Party::Target(of) if of == name) && known == folder;
        let counterpart = found.counterparts.iter().find(|one| is_its(&one.of, &one.folder));
        let doubt = found.doubts.iter().find(|doubt| is_its(&doubt.of, &doubt.folder));
        match (counterpart, doubt.filter(|doubt| !doubt.choices.is_empty())) {
            (Some(counterpart), _) => Self::Found(counterpart),
            (None, Some(doubt)) => Self::Unsure(doubt),
            (None, None) => Self::Nothing,
        }
    }
}

/// Fills a row with what is likely, and with the reasons. A folder of the very same name is left alone: a person sees what
/// speaks for another.
fn guess(row: &mut Row, guess: &Guess<'_>, look: &Look) {
    let here = match look {
        Look::Folder => Some("There is a folder of this very name on autoscan's machine."),
        Look::Missing if matches!(guess, Guess::Nothing) => Some(
            "There is no folder of this name on autoscan's machine: it is called otherwise, or not mounted.",
        ),
        Look::Missing | Look::File { .. } | Look::Unreachable(_) => None,
    };
    row.evidence.extend(here.map(str::to_owned));
    match guess {
        Guess::Found(found) if *look == Look::Folder => {
            row.evidence.push(format!("But {} looks more like it:", words::plain(&found.local)));
            row.evidence.extend(said(&found.evidence));
        }
        Guess::Found(found) => {
            row.here.clone_from(&found.local);
            row.evidence.push("This is proposed: look whether it is right.".to_owned());
            row.evidence.extend(said(&found.evidence));
        }
        Guess::Unsure(doubt) => {
            let choices: Vec<String> =
                doubt.choices.iter().map(|choice| words::plain(&choice.folder)).collect();
            row.evidence.push(format!("It may be {}: {}.", choices.join(" or "), doubt.why));
        }
        Guess::Nothing => {}
    }
}

/// Evidence as sentences.
fn said(evidence: &[String]) -> impl Iterator<Item = String> {
    evidence.iter().map(|sentence| words::sentence(&words::short(sentence, 500)))
}

/// `POST /setup/folders`: leads to what this changes in the config's file.
pub(super) async fn write(
    State(app): State<Shared>,
    State(wizards): State<Arc<Wizards>>,
    State(drafts): State<Arc<Drafts>>,
    posted: Posted,
) -> Response {
    let session = &posted.visitor.session;
    let mut wizard = walk_of(&app, &wizards, session);
    let target = wizard.target().filter(|_| wizard.step == Step::Folders);
    let Some(target) = target else { return write_stream(&app, &wizards, session, wizard) };
    for (row, here) in wizard.rows.iter_mut().zip(posted.all("here")) {
        let here = here.trim();
        here.clone_into(&mut row.here);
    }
    wizard.problem = fault(&app, &mut wizard, posted.get("insist") == "1").await;
    if wizard.problem.is_some() {
        return write_stream(&app, &wizards, session, wizard);
    }
    let edit = Edit::AddTarget(NewTarget { map: lines(&wizard), ..target });
    write_stream(&app, &wizards, session, wizard);
    edit::begin(&app, &drafts, &posted.visitor, edit, "/setup")
}

/// The lines of the map: only where a folder is called otherwise.
fn lines(wizard: &Wizard) -> Vec<(String, String)> {
    let differs = wizard.rows.iter().filter(|row| !row.here.is_empty() && row.here != row.folder);
    differs.map(|row| (row.here.clone(), row.folder.clone())).collect()
}

/// Why the folders cannot be written, in a sentence.
async fn fault(app: &App, wizard: &mut Wizard, insists: bool) -> Option<String> {
    let mut missing = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for row in wizard.rows.iter().filter(|row| !row.here.is_empty()) {
        if seen.contains(&row.here.as_str()) {
            return Some(format!(
                "{:?} stands there twice: two folders of a server cannot be one folder here.",
                row.here
            ));
        }
        seen.push(&row.here);
        match AbsolutePath::parse(&row.here) {
            Err(refusal) => return Some(format!("{refusal}.")),
            Ok(path) => {
                if app.web.engine.look(&LocalPath(path)).await == Look::Missing {
                    missing.push(format!("{:?}", row.here));
                }
            }
        }
    }
    wizard.may_insist = !missing.is_empty();
    let many = missing.join(" and ");
    (wizard.may_insist && !insists)
        .then(|| format!("On autoscan's machine there is no {many} now. Is it mounted, and spelt right?"))
}
