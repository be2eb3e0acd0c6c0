//! `triggers`: every trigger with what it sent last.

use autoscan_core::name::Name;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::Moment;
use crate::answer;
use crate::app::Shared;

#[derive(Serialize)]
struct ListJson {
    triggers: Vec<TriggerJson>,
}

#[derive(Serialize)]
struct TriggerJson {
    name: Name,
    kind: &'static str,
    events: u64,
    last_event_at: Option<Moment>,
    last_event: Option<String>,
}

/// `GET triggers`.
pub(super) async fn list(State(app): State<Shared>) -> Response {
    let triggers = app.web.engine.triggers().into_iter().map(|trigger| TriggerJson {
        name: trigger.name,
        kind: trigger.kind,
        events: trigger.events,
        last_event_at: trigger.last_event_at.map(Moment::from),
        last_event: trigger.last_event,
    });
    answer::json(StatusCode::OK, &ListJson { triggers: triggers.collect() })
}
