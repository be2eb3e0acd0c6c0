//! A change to the config's file: its difference first, then a button that writes it. What is to be changed stays here, by
//! an id that the page carries, so that no key ever stands in a page.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use askama::Template;
use autoscan_core::time::Timestamp;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::Frame;
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

/// A change that a person looks at.
struct Draft {
    id: String,
    /// The token of the session that began it: nobody else is shown it.
    owner: String,
    edit: Edit,
    begun_at: Timestamp,
    /// The page on which it was begun.
    back: &'static str,
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

    /// The change of this id and the page on which it was begun, for the session that began it.
    fn find(&self, id: &str, session: &Session, now: Timestamp) -> Result<(Edit, &'static str), Problem> {
        let mut drafts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drafts.retain(|draft| now.since(draft.begun_at) < REST);
        let found = drafts.iter().find(|draft| draft.id == id && session.is_token(&draft.owner));
        found.map(|draft| (draft.edit.clone(), draft.back)).ok_or_else(|| {
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
    let mut bytes = [0; 16];
    (app.web.random)(&mut bytes);
    let id = format!("{:032x}", u128::from_le_bytes(bytes));
    let to = format!("{}/edit/{id}", app.base());
    app.lasting.drafts.keep(Draft {
        id,
        owner: visitor.session.csrf.clone(),
        edit,
        begun_at: app.web.engine.now(),
        back,
    });
    super::see_other(&to)
}

#[derive(Template)]
#[template(path = "edit.html")]
struct Page<'a> {
    frame: Frame,
    id: &'a str,
    back: &'static str,
    title: String,
    /// The lines of a map, for who writes them by hand.
    lines: &'a [(String, String)],
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
    let (edit, back) = app.lasting.drafts.find(&id, &posted.visitor.session, app.web.engine.now())?;
    match app.web.control.apply(&edit, posted.get("basis")).await {
        Ok(said) => {
            app.lasting.drafts.forget(&id);
            posted.visitor.say(&app, "good", said);
            Ok(super::see_other(&format!("{}{back}", app.base())))
        }
        Err(faults) => {
            let page = draw(&app, &posted.visitor, &id, &faults).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

async fn draw(app: &App, visitor: &Visitor, id: &str, faults: &[String]) -> Result<Response, Problem> {
    let (edit, back) = app.lasting.drafts.find(id, &visitor.session, app.web.engine.now())?;
    let (title, lines) = match &edit {
        Edit::AddTarget(target) => (format!("Add the target {}", target.name), target.map.as_slice()),
        Edit::AddMap { of: MapOf::Trigger(name), lines } => {
            (format!("Map the paths of the trigger {name}"), lines.as_slice())
        }
        Edit::AddMap { of: MapOf::Target(name), lines } => {
            (format!("Map the paths for the target {name}"), lines.as_slice())
        }
    };
    let proposal = app.web.control.propose(&edit).await;
    let frame = Frame::new(app, &visitor.session, back);
    Ok(super::page(&Page { frame, id, back, title, lines, proposal, faults }))
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
        drafts.keep(Draft { id, owner: session.csrf.clone(), edit, begun_at: start, back: "/targets" });
        assert!(drafts.find("abc", &session, start + Duration::from_mins(29)).is_ok());
        assert!(drafts.find("abc", &session, start + REST).is_err());
    }
}
