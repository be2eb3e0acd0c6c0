//! `timeline`: what happened to one scan.

use autoscan_core::name::Name;
use autoscan_core::step::{Step, StepKind};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::scans::{no_scan, read_id};
use crate::answer::{self, Problem};
use crate::app::Shared;
use crate::moment::Moment;
use crate::segment::Segment;

#[derive(Serialize)]
struct TimelineJson<'a> {
    steps: Vec<StepJson<'a>>,
}

#[derive(Serialize)]
struct StepJson<'a> {
    at: Moment,
    /// None for what concerns the whole scan.
    target: Option<&'a Name>,
    kind: StepKind,
    text: &'a str,
}

impl<'a> From<&'a Step> for StepJson<'a> {
    fn from(step: &'a Step) -> Self {
        Self { at: step.at.into(), target: step.target.as_ref(), kind: step.kind, text: &step.text }
    }
}

/// `GET scans/{id}/timeline`.
pub(super) async fn timeline(State(app): State<Shared>, id: Segment) -> Result<Response, Problem> {
    let steps = app.web.engine.timeline(read_id(&id)?).await?.ok_or_else(|| no_scan(&id))?;
    let steps = steps.iter().map(StepJson::from).collect();
    Ok(answer::json(StatusCode::OK, &TimelineJson { steps }))
}
