//! The overview: what waits, runs, is held and needs a person.

use askama::Template;
use autoscan_core::ports::Stats;
use axum::extract::State;
use axum::response::Response;

use super::Frame;
use crate::answer::Problem;
use crate::app::Shared;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    frame: Frame,
    stats: Stats,
}

/// `GET /`.
pub(super) async fn page(State(app): State<Shared>, visitor: Visitor) -> Result<Response, Problem> {
    let stats = app.web.engine.stats().await?;
    Ok(super::page(&Overview { frame: Frame::new(&app, &visitor.session, "/"), stats }))
}
