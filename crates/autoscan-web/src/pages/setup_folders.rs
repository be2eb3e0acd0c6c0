//! Which folder of a new server is which folder here.

use autoscan_core::path::{AbsolutePath, LocalPath};
use autoscan_core::ports::Look;
use autoscan_engine::TestView;
use axum::extract::State;
use axum::response::Response;

use super::edit;
use super::setup::{go_on, walk_of};
use super::setup_walk::{Row, Step, Walk};
use crate::app::{App, Shared};
use crate::control::{Edit, NewTarget};
use crate::visitor::Posted;

/// Folders that are shown; a server with more is mapped by hand.
const MOST: usize = 100;

/// The folders of a server that was tried, each once.
pub(super) async fn rows(app: &App, tried: &TestView) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for library in tried.libraries.iter().flatten() {
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
    for row in &mut rows {
        row.evidence = evidence(app, &row.folder).await;
    }
    rows
}

/// What this machine says of a folder that it may call the same.
async fn evidence(app: &App, folder: &str) -> Vec<String> {
    let Ok(path) = AbsolutePath::parse(folder) else { return Vec::new() };
    let said = match app.web.engine.look(&LocalPath(path)).await {
        Look::Folder => "There is a folder of this very name on autoscan's machine.",
        Look::Missing => {
            "There is no folder of this name on autoscan's machine: it is called otherwise, or not mounted."
        }
        Look::File { .. } | Look::Unreachable(_) => return Vec::new(),
    };
    vec![said.to_owned()]
}

/// `POST /setup/folders`: leads to what this changes in the config's file.
pub(super) async fn write(State(app): State<Shared>, posted: Posted) -> Response {
    let session = &posted.visitor.session;
    let mut walk = walk_of(&app, session);
    let target = walk.target().filter(|_| walk.step == Step::Folders);
    let Some(target) = target else { return go_on(&app, session, walk) };
    for (row, here) in walk.rows.iter_mut().zip(posted.all("here")) {
        let here = here.trim();
        here.clone_into(&mut row.here);
    }
    walk.problem = fault(&app, &mut walk, posted.get("insist") == "1").await;
    if walk.problem.is_some() {
        return go_on(&app, session, walk);
    }
    let edit = Edit::AddTarget(NewTarget { map: lines(&walk), ..target });
    go_on(&app, session, walk);
    edit::begin(&app, &posted.visitor, edit, "/setup")
}

/// The lines of the map: only where a folder is called otherwise.
fn lines(walk: &Walk) -> Vec<(String, String)> {
    let differs = walk.rows.iter().filter(|row| !row.here.is_empty() && row.here != row.folder);
    differs.map(|row| (row.here.clone(), row.folder.clone())).collect()
}

/// Why the folders cannot be written, in a sentence.
async fn fault(app: &App, walk: &mut Walk, insists: bool) -> Option<String> {
    let mut missing = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for row in walk.rows.iter().filter(|row| !row.here.is_empty()) {
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
    walk.may_insist = !missing.is_empty();
    let many = missing.join(" and ");
    (walk.may_insist && !insists)
        .then(|| format!("On autoscan's machine there is no {many} now. Is it mounted, and spelt right?"))
}
