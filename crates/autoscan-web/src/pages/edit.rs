//! A change to the config's file: its difference first, then a button that writes it. What is to be changed stays here, by
//! an id that the page carries, so that no key ever stands in a page.

use std::sync::Arc;

use askama::Template;
use autoscan_core::filter::pattern_of_folder;
use autoscan_core::scan::ScanId;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::drafts::{Draft, Drafts};
use super::frame::{self, Frame};
use super::words;
use crate::answer::Problem;
use crate::app::{App, Shared};
use crate::control::{Edit, MapOf, Proposal, Sign};
use crate::segment::Segment;
use crate::visitor::{Posted, Visitor};

/// The longest path that a title shows whole, in characters.
const LONGEST: usize = 200;

/// Leads to the page that shows what a change would do to the config's file, with the button that writes it. `back` is the
/// page on which it was begun, a path of the navigation: the person is led there again afterwards.
pub(crate) fn begin(
    app: &App,
    drafts: &Drafts,
    visitor: &Visitor,
    edit: Edit,
    back: &'static str,
) -> Response {
    keep(app, drafts, visitor, edit, back, None)
}

/// The same for a change by which this scan is not needed any more: it is dropped once the change is written.
pub(crate) fn begin_instead_of(
    app: &App,
    drafts: &Drafts,
    visitor: &Visitor,
    edit: Edit,
    back: &'static str,
    scan: ScanId,
) -> Response {
    keep(app, drafts, visitor, edit, back, Some(scan))
}

fn keep(
    app: &App,
    drafts: &Drafts,
    visitor: &Visitor,
    edit: Edit,
    back: &'static str,
    drops: Option<ScanId>,
) -> Response {
    let mut bytes = [0; 16];
    (app.web.random)(&mut bytes);
    let id = format!("{:032x}", u128::from_le_bytes(bytes));
    let to = format!("{}/edit/{id}", app.base());
    let (owner, begun_at) = (visitor.session.csrf.clone(), app.web.engine.now());
    drafts.keep(Draft { id, owner, edit, begun_at, back, drops });
    frame::see_other(&to)
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
    State(drafts): State<Arc<Drafts>>,
    visitor: Visitor,
    Segment(id): Segment,
) -> Result<Response, Problem> {
    draw(&app, &drafts, &visitor, &id, &[]).await
}

/// `POST /edit/{id}`: writes it.
pub(super) async fn write(
    State(app): State<Shared>,
    State(drafts): State<Arc<Drafts>>,
    Segment(id): Segment,
    posted: Posted,
) -> Result<Response, Problem> {
    let draft = drafts.find(&id, &posted.visitor.session, app.web.engine.now())?;
    match app.web.control.apply(&draft.edit, posted.get("basis")).await {
        Ok(said) => {
            drafts.forget(&id);
            if let Some(scan) = draft.drops {
                app.web.engine.drop_scan(scan).await?;
            }
            posted.visitor.notify(&app, "good", said);
            Ok(frame::see_other(&format!("{}{}", app.base(), draft.back)))
        }
        Err(faults) => {
            let page = draw(&app, &drafts, &posted.visitor, &id, &faults).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

async fn draw(
    app: &App,
    drafts: &Drafts,
    visitor: &Visitor,
    id: &str,
    faults: &[String],
) -> Result<Response, Problem> {
    let Draft { edit, back, .. } = drafts.find(id, &visitor.session, app.web.engine.now())?;
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
    Ok(frame::page(&Page { frame, id, back, title, key, lines, proposal, faults }))
}
