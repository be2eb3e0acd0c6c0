//! Whether autoscan lives, can store, and is well.

use autoscan_core::ports::{Stats, StoreError};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::answer::{self, Problem};
use crate::api::stats::StatsJson;
use crate::api::targets::TargetJson;
use crate::app::{App, Shared};
use crate::unreached;

/// Lane states that a person should know of.
const UNWELL: [&str; 2] = ["away", "misconfigured"];

#[derive(Serialize)]
struct Detailed<'a> {
    status: &'static str,
    version: &'static str,
    uptime_seconds: u64,
    store: StoreHealth,
    queue: Option<StatsJson>,
    /// Scans of which no server was told, among the newest hundred that need attention.
    no_server_told: Option<u64>,
    targets: Vec<TargetJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
}

#[derive(Serialize)]
struct StoreHealth {
    ok: bool,
    error: Option<String>,
}

/// `GET /health`: the program answers.
pub(crate) async fn alive() -> Response {
    answer::fresh(answer::success("alive"))
}

/// `GET /ready`: what is sent now would be stored.
pub(crate) async fn ready(State(app): State<Shared>) -> Response {
    answer::fresh(is_ready(&app).await.into_response())
}

async fn is_ready(app: &App) -> Result<Response, Problem> {
    if app.web.stop.is_cancelled() {
        return Err(StoreError::Closed.into());
    }
    app.web.engine.ready().await.map_err(|error| match error {
        StoreError::Broken(reason) => StoreError::NotWritable(reason),
        other => other,
    })?;
    Ok(answer::success("ready"))
}

/// `GET /health/detailed`: the store, the queue and every target.
pub(crate) async fn detailed(State(app): State<Shared>) -> Response {
    let engine = &app.web.engine;
    let store = match engine.ready().await {
        Ok(()) => engine.stats().await,
        Err(error) => Err(error),
    };
    let unreached = unreached::count(engine).await.ok();
    let targets = engine.targets();
    let well = !targets.iter().any(|target| UNWELL.contains(&target.state))
        && unreached.is_none_or(|unreached| unreached == 0);
    let failed = store.is_err();
    let health = Detailed {
        status: match (failed, well) {
            (true, _) => "failed",
            (_, false) => "degraded",
            _ => "healthy",
        },
        version: app.web.version,
        uptime_seconds: engine.now().since(app.process.since).as_secs(),
        queue: store.as_ref().ok().copied().map(Stats::into),
        no_server_told: unreached.filter(|_| !failed),
        store: StoreHealth { ok: !failed, error: store.err().map(|error| error.to_string()) },
        targets: targets.iter().map(TargetJson::from).collect(),
        error: failed.then_some("The database cannot be written"),
        code: failed.then_some("STORE"),
    };
    let status = if failed { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    answer::fresh(answer::json(status, &health))
}
