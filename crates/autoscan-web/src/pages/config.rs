//! What was loaded, and from where.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::Frame;
use crate::app::Shared;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "config.html")]
struct Page {
    frame: Frame,
}

/// `GET /config`.
pub(super) async fn page(State(app): State<Shared>, visitor: Visitor) -> Response {
    super::page(&Page { frame: Frame::new(&app, &visitor.session, "/config") })
}
