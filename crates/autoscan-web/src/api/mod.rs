//! `/api/v1`: the queue, the targets and the triggers as JSON.

mod config;
mod explain;
pub(crate) mod live;
mod log;
pub(crate) mod openapi;
mod scan_json;
mod scans;
pub(crate) mod stats;
mod suggestions;
pub(crate) mod targets;
mod timeline;
mod triggers;

use autoscan_core::time::Timestamp;
use axum::Router;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::{Serialize, Serializer};

use crate::answer::Problem;
use crate::app::{Shared, only_looks};
use crate::{body, health};

/// The routes that want credentials.
pub(crate) fn routes(app: &Shared) -> Router<Shared> {
    Router::new()
        .route("/api/v1/scans", get(scans::list).post(scans::ask))
        .route("/api/v1/scans/{id}", get(scans::show).delete(scans::forget))
        .route("/api/v1/scans/{id}/retry", post(scans::retry))
        .route("/api/v1/scans/{id}/timeline", get(timeline::timeline))
        .route("/api/v1/scans/retry", post(scans::retry_all))
        .route("/api/v1/stats", get(stats::stats))
        .route("/api/v1/stats/hours", get(stats::hours))
        .route("/api/v1/targets", get(targets::list))
        .route("/api/v1/targets/{name}/test", post(targets::test))
        .route("/api/v1/targets/{name}/pause", post(targets::pause))
        .route("/api/v1/targets/{name}/resume", post(targets::resume))
        .route("/api/v1/queue/pause", post(targets::pause_all))
        .route("/api/v1/queue/resume", post(targets::resume_all))
        .route("/api/v1/libraries", get(targets::libraries))
        .route("/api/v1/suggestions", get(suggestions::last).post(suggestions::look))
        .route("/api/v1/triggers", get(triggers::list))
        .route("/api/v1/config", get(config::show))
        .route("/api/v1/config/reload", post(config::reload))
        .route("/api/v1/live", get(live::live))
        .route("/api/v1/log", get(log::list))
        .route("/api/v1/openapi.json", get(openapi::document))
        .route("/api/v1/explain", post(explain::explain))
        .route("/scan", post(scans::ask_leniently))
        .route("/health/detailed", get(health::detailed))
        .route_layer(middleware::from_fn_with_state(Shared::clone(app), guard))
}

async fn guard(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match app.admit_page(&parts, !only_looks(&parts.method)).await {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(problem) => body::reject(&parts, body, problem).await.into_response(),
    }
}

/// The one variable segment of a route, decoded.
pub(crate) struct Segment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let segment = Path::<String>::from_request_parts(parts, state).await;
        segment.map(|Path(text)| Self(text)).map_err(|_not_utf8| Problem::no_route())
    }
}

/// A moment as RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy)]
pub(crate) struct Moment(Timestamp);

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = jiff::Timestamp::from_millisecond(self.0.as_millis());
        write!(out, "{:.3}", at.unwrap_or(jiff::Timestamp::MAX))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_always_show_milliseconds() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_700_000_000_120, "2023-11-14T22:13:20.120Z"),
            (i64::MAX, "9999-12-30T22:00:00.999Z"),
        ] {
            assert_eq!(Moment(Timestamp::from_millis(millis)).to_string(), text);
        }
    }
}
