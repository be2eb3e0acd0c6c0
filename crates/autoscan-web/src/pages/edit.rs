//! A change to the config's file: its difference first, then a button that writes it. What is to be changed stays here, by
//! an id that the page carries, so that no key ever stands in a page.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use askama::Template;
use autoscan_core::filter::pattern_of_folder;
use autoscan_core::scan::ScanId;
use autoscan_core::time::Timestamp;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::{Frame, words};
use crate::answer::Problem;
use crate::api::Segment;
use crate::app::{App, Shared};
use crate::control::{Edit, MapOf, Proposal, Sign};
use crate::session::Session;
use crate::visitor::{Posted, Visitor};

/// Changes that are kept at a time; beyond, the oldest is forgotten.
const MOST: usize = 64;
/// A change that nobody wrote for so long is forgotten, with the key that may stand in it.
const REST: Duration = Duration::from_mins(30);
/// The longest path that a title shows whole, in characters.
const LONGEST: usize = 200;

/// A change that a person looks at.
#[derive(Clone)]
struct Draft {
    id: String,
    /// The token of the session that began it: nobody else is shown it.
    owner: String,
    edit: Edit,
    begun_at: Timestamp,
    /// The page on which it was begun.
    back: &'static str,
    /// The scan that nobody needs any more once it is written.
    drops: Option<ScanId>,
}

/// The changes that people look at, before they are written.
#[derive(Default)]
pub(crate) struct Drafts(Mutex<VecDeque<Draft>>);

impl Drafts {
    fn keep(&self, draft: Draft) {
        let mut drafts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drafts.retain(|known| draft.begun_at.since(known.begun_at) < REST);
        if drafts.len() >= MOST {
            drafts.pop_front();
        }
        drafts.push_back(draft);
    }

    /// The change of this id, for the session that began it.
    fn find(&self, id: &str, session: &Session, now: Timestamp) -> Result<Draft, Problem> {
        let mut drafts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drafts.retain(|draft| now.since(draft.begun_at) < REST);
        let found = drafts.iter().find(|draft| draft.id == id && session.is_token(&draft.owner));
        found.cloned().ok_or_else(|| {
            Problem::not_found("This change is not known any more: nothing was written. Begin it again")
        })
    }

    fn forget(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|draft| draft.id != id);
    }
}

/// Leads to the page that shows what a change would do to the config's file, with the button that writes it. `back` is the
/// page on which it was begun, a path of the navigation: the person is led there again afterwards.
pub(crate) fn begin(app: &App, visitor: &Visitor, edit: Edit, back: &'static str) -> Response {
    keep(app, visitor, edit, back, None)
}

/// The same for a change by which this scan is not needed any more: it is dropped once the change is written.
pub(crate) fn begin_instead_of(
    app: &App,
    visitor: &Visitor,
    edit: Edit,
    back: &'static str,
    scan: ScanId,
) -> Response {
    keep(app, visitor, edit, back, Some(scan))
}

fn keep(app: &App, visitor: &Visitor, edit: Edit, back: &'static str, drops: Option<ScanId>) -> Response {
    let mut bytes = [0; 16];
    (app.web.random)(&mut bytes);
    let id = format!("{:032x}", u128::from_le_bytes(bytes));
    let to = format!("{}/edit/{id}", app.base());
    let (owner, begun_at) = (visitor.session.csrf.clone(), app.web.engine.now());
    app.lasting.drafts.keep(Draft { id, owner, edit, begun_at, back, drops });
    super::see_other(&to)
}

#[derive(Template)]
#[template(path = "edit.html")]
struct Page<'a> {
    frame: Frame,
    id: &'a str,
    back: &'static str,
    title: String,
    /// The key, and the lines below it, for who writes them by hand.
    key: &'static str,
    lines: Vec<String>,
    proposal: Result<Proposal, String>,
    /// Why it was not written.
    faults: &'a [String],
}

/// `GET /edit/{id}`.
pub(super) async fn page(
    State(app): State<Shared>,
    visitor: Visitor,
    Segment(id): Segment,
) -> Result<Response, Problem> {
    draw(&app, &visitor, &id, &[]).await
}

/// `POST /edit/{id}`: writes it.
pub(super) async fn write(
    State(app): State<Shared>,
    Segment(id): Segment,
    posted: Posted,
) -> Result<Response, Problem> {
    let draft = app.lasting.drafts.find(&id, &posted.visitor.session, app.web.engine.now())?;
    match app.web.control.apply(&draft.edit, posted.get("basis")).await {
        Ok(said) => {
            app.lasting.drafts.forget(&id);
            if let Some(scan) = draft.drops {
                app.web.engine.drop_scan(scan).await?;
            }
            posted.visitor.say(&app, "good", said);
            Ok(super::see_other(&format!("{}{}", app.base(), draft.back)))
        }
        Err(faults) => {
            let page = draw(&app, &posted.visitor, &id, &faults).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

async fn draw(app: &App, visitor: &Visitor, id: &str, faults: &[String]) -> Result<Response, Problem> {
    let Draft { edit, back, .. } = app.lasting.drafts.find(id, &visitor.session, app.web.engine.now())?;
    let map = |lines: &[(String, String)]| lines.iter().map(|(from, to)| format!("{from}: {to}")).collect();
    let (title, key, lines) = match &edit {
        Edit::AddTarget(target) => (format!("Add the target {}", target.name), "map", map(&target.map)),
        Edit::AddMap { of: MapOf::Trigger(name), lines } => {
            (format!("Map the paths of the trigger {name}"), "map", map(lines))
        }
        Edit::AddMap { of: MapOf::Target(name), lines } => {
            (format!("Map the paths for the target {name}"), "map", map(lines))
        }
        Edit::Exclude { folder, .. } => {
            let title = format!("Ignore {} from now on", words::short(folder.as_str(), LONGEST));
            let pattern = pattern_of_folder(&folder.0).replace('\'', "''");
            (title, "exclude", vec![format!("- '{pattern}'")])
        }
    };
    let proposal = app.web.control.propose(&edit).await;
    let frame = Frame::new(app, &visitor.session, back);
    Ok(super::page(&Page { frame, id, back, title, key, lines, proposal, faults }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_nobody_writes_is_forgotten() {
        let (drafts, start) = (Drafts::default(), Timestamp::from_millis(0));
        let session = Session::new("one", true, start);
        let edit = Edit::AddMap { of: MapOf::Target("plex".to_owned()), lines: Vec::new() };
        let id = "abc".to_owned();
        drafts.keep(Draft {
            id,
            owner: session.csrf.clone(),
            edit,
            begun_at: start,
            back: "/targets",
            drops: None,
        });
        assert!(drafts.find("abc", &session, start + Duration::from_mins(29)).is_ok());
        assert!(drafts.find("abc", &session, start + REST).is_err());
    }
}
