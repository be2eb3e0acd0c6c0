//! The servers: how each is, and what map it needs.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::{Frame, edit};
use crate::answer::Problem;
use crate::app::Shared;
use crate::control::{Edit, MapOf};
use crate::visitor::{Posted, Visitor};

#[derive(Template)]
#[template(path = "targets.html")]
struct Page {
    frame: Frame,
}

/// `GET /targets`.
pub(super) async fn page(State(app): State<Shared>, visitor: Visitor) -> Response {
    super::page(&Page { frame: Frame::new(&app, &visitor.session, "/targets") })
}

/// `POST /targets/map`: leads to the page that shows what lines for a map would change in the config's file.
pub(super) async fn map(State(app): State<Shared>, posted: Posted) -> Result<Response, Problem> {
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
    Ok(edit::begin(&app, &posted.visitor, Edit::AddMap { of, lines }, "/targets"))
}
