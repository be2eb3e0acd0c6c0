//! `stats`: how many scans are in which state.

use autoscan_core::ports::Stats;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::answer::{self, Problem};
use crate::app::Shared;

/// Counts of scans by state.
#[derive(Serialize)]
pub(crate) struct StatsJson {
    waiting: u64,
    running: u64,
    attention: u64,
    done: u64,
}

impl From<Stats> for StatsJson {
    fn from(stats: Stats) -> Self {
        let Stats { waiting, running, attention, done } = stats;
        Self { waiting, running, attention, done }
    }
}

/// `GET stats`.
pub(super) async fn stats(State(app): State<Shared>) -> Result<Response, Problem> {
    Ok(answer::json(StatusCode::OK, &StatsJson::from(app.web.engine.stats().await?)))
}
