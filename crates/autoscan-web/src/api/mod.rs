//! `/api/v1`: the queue, the targets and the triggers as JSON.

mod config;
mod explain;
pub(crate) mod live;
mod log;
pub(crate) mod openapi;
mod remedy;
mod scan_json;
mod scans;
pub(crate) mod stats;
mod suggestions;
pub(crate) mod targets;
mod timeline;
mod triggers;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRef, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::app::{Shared, only_looks};
use crate::map_advice::Maps;
use crate::{body, health};

/// The state of the API.
#[derive(Clone)]
pub(crate) struct ApiState {
    pub(crate) app: Shared,
    pub(crate) maps: Arc<Maps>,
}

impl FromRef<ApiState> for Shared {
    fn from_ref(state: &ApiState) -> Self {
        Self::clone(&state.app)
    }
}

impl FromRef<ApiState> for Arc<Maps> {
    fn from_ref(state: &ApiState) -> Self {
        Self::clone(&state.maps)
    }
}

/// The routes that want credentials. `S` is the state of the router that they become part of.
pub(crate) fn routes<S>(state: ApiState) -> Router<S> {
    Router::new()
        .route("/api/v1/scans", get(scans::list).post(scans::ask))
        .route("/api/v1/scans/{id}", get(scans::show).delete(scans::forget))
        .route("/api/v1/scans/{id}/retry", post(scans::retry))
        .route("/api/v1/scans/{id}/remedy", post(remedy::ask))
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
        .route("/api/v1/triggers/{name}/dismiss-lost", post(triggers::dismiss_lost))
        .route("/api/v1/config", get(config::show))
        .route("/api/v1/config/reload", post(config::reload))
        .route("/api/v1/live", get(live::live))
        .route("/api/v1/log", get(log::list))
        .route("/api/v1/openapi.json", get(openapi::document))
        .route("/api/v1/explain", post(explain::explain))
        .route("/scan", post(scans::ask_leniently))
        .route("/health/detailed", get(health::detailed))
        .route_layer(middleware::from_fn_with_state(Shared::clone(&state.app), guard))
        .with_state(state)
}

async fn guard(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match app.admit_page(&parts, !only_looks(&parts.method)).await {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(problem) => body::reject(&parts, body, problem).await.into_response(),
    }
}
