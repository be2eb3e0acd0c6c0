//! The senders: what to set in each, and what came from it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::Frame;
use crate::app::Shared;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "triggers.html")]
struct Page {
    frame: Frame,
}

/// `GET /triggers`.
pub(super) async fn page(State(app): State<Shared>, visitor: Visitor) -> Response {
    super::page(&Page { frame: Frame::new(&app, &visitor.session, "/triggers") })
}
