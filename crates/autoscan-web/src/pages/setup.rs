//! One more server, without a look at the config.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::Frame;
use crate::app::Shared;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "setup.html")]
struct Page {
    frame: Frame,
}

/// `GET /setup`.
pub(super) async fn page(State(app): State<Shared>, visitor: Visitor) -> Response {
    super::page(&Page { frame: Frame::new(&app, &visitor.session, "/setup") })
}
