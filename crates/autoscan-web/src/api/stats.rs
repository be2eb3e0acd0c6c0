//! `stats`: how many scans are in which state, and what happened in each hour of the last week.

use std::time::Duration;

use autoscan_core::ports::Stats;
use autoscan_engine::Hour;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::answer::{self, Problem};
use crate::app::Shared;
use crate::moment::Moment;

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

#[derive(Serialize)]
struct HoursJson {
    /// Oldest first; the last is the one that runs.
    hours: Vec<HourJson>,
}

#[derive(Serialize)]
struct HourJson {
    start: Moment,
    changes: u64,
    done: u64,
    attention: u64,
    seen: u64,
    /// From the first request to the moment at which the files were shown: half of what was seen took no longer.
    visible_median_ms: Option<u64>,
    visible_p95_ms: Option<u64>,
    visible_slowest_ms: Option<u64>,
}

impl From<Hour> for HourJson {
    fn from(hour: Hour) -> Self {
        let millis = |time: Option<Duration>| time.and_then(|time| u64::try_from(time.as_millis()).ok());
        Self {
            start: hour.start.into(),
            changes: hour.changes,
            done: hour.done,
            attention: hour.attention,
            seen: hour.seen,
            visible_median_ms: millis(hour.visible_median),
            visible_p95_ms: millis(hour.visible_p95),
            visible_slowest_ms: millis(hour.visible_slowest),
        }
    }
}

/// `GET stats/hours`.
pub(super) async fn hours(State(app): State<Shared>) -> Response {
    let hours = app.web.engine.hours().into_iter().map(HourJson::from).collect();
    answer::json(StatusCode::OK, &HoursJson { hours })
}

/// `GET stats`.
pub(super) async fn stats(State(app): State<Shared>) -> Result<Response, Problem> {
    Ok(answer::json(StatusCode::OK, &StatsJson::from(app.web.engine.stats().await?)))
}
