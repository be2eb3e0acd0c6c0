//! The servers: how each is, and what map it needs.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::Frame;
use crate::app::Shared;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "targets.html")]
struct Page {
    frame: Frame,
}

/// `GET /targets`.
pub(super) async fn page(State(app): State<Shared>, visitor: Visitor) -> Response {
    super::page(&Page { frame: Frame::new(&app, &visitor.session, "/targets") })
}
