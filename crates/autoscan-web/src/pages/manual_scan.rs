//! A scan that a person asks for: what would happen, and then the scan.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::Frame;
use crate::app::Shared;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "manual_scan.html")]
struct Page {
    frame: Frame,
}

/// `GET /manual-scan`.
pub(super) async fn page(State(app): State<Shared>, visitor: Visitor) -> Response {
    super::page(&Page { frame: Frame::new(&app, &visitor.session, "/manual-scan") })
}
