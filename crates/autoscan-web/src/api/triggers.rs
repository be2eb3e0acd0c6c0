//! `triggers`: every trigger with what it sent last.

use autoscan_core::history::TriggerEvent;
use autoscan_core::name::Name;
use autoscan_core::scan::ScanId;
use autoscan_engine::{TriggerView, UnknownTrigger};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::answer::{self, Problem};
use crate::app::Shared;
use crate::caller::Caller;
use crate::moment::Moment;
use crate::segment::Segment;

#[derive(Serialize)]
struct ListJson {
    triggers: Vec<TriggerJson>,
    /// Names that senders asked for since the start and that no trigger has, the last first.
    unknown: Vec<UnknownJson>,
}

#[derive(Serialize)]
struct UnknownJson {
    name: String,
    last_at: Moment,
    times: u32,
}

#[derive(Serialize)]
struct TriggerJson {
    name: Name,
    kind: &'static str,
    events: u64,
    changes: u64,
    refused: u64,
    /// Requests that could not be stored: lost, unless they are caught up with.
    lost: u64,
    /// Those of them that nobody has put away, and when the first of these came in.
    lost_unseen: u64,
    lost_since: Option<Moment>,
    last_event_at: Option<Moment>,
    last_event: Option<String>,
    /// When a request was refused last, and why; it is the last request of all where it is later than the last event.
    last_refused_at: Option<Moment>,
    last_refusal: Option<String>,
    /// The last ten, newest first.
    recent: Vec<EventJson>,
}

#[derive(Serialize)]
struct EventJson {
    at: Moment,
    event: String,
    outcome: String,
    scans: Vec<ScanId>,
    refused: bool,
    times: u32,
}

impl From<TriggerEvent> for EventJson {
    fn from(received: TriggerEvent) -> Self {
        let TriggerEvent { at, event, outcome, scans, refused, times } = received;
        Self { at: at.into(), event, outcome, scans, refused, times }
    }
}

/// `GET triggers`.
pub(super) async fn list(State(app): State<Shared>) -> Response {
    let engine = &app.web.engine;
    let triggers = engine.triggers().into_iter().map(TriggerJson::from).collect();
    let unknown = engine.unknown_triggers().into_iter().map(UnknownJson::from).collect();
    answer::json(StatusCode::OK, &ListJson { triggers, unknown })
}

/// `POST triggers/{name}/dismiss-lost`: the warning of what was lost is put away until another is lost.
pub(super) async fn dismiss_lost(
    State(app): State<Shared>,
    name: Segment,
    caller: Caller,
) -> Result<Response, Problem> {
    let dismissed = app.web.engine.dismiss_lost(&name.0, &caller.said("the API")).await?;
    let no_trigger = || Problem::not_found(format!("There is no trigger named {:?}", name.0));
    let message = if dismissed.ok_or_else(no_trigger)? {
        format!("the warning of {} is put away until another request is lost", name.0)
    } else {
        format!("{} has no such warning", name.0)
    };
    Ok(answer::success(&message))
}

impl From<UnknownTrigger> for UnknownJson {
    fn from(UnknownTrigger { name, last, times }: UnknownTrigger) -> Self {
        Self { name, last_at: last.into(), times }
    }
}

impl From<TriggerView> for TriggerJson {
    fn from(trigger: TriggerView) -> Self {
        let refusals = trigger.recent.iter().filter(|event| event.refused);
        let refusal = refusals.max_by_key(|event| event.at);
        Self {
            last_refused_at: refusal.map(|event| event.at.into()),
            last_refusal: refusal.map(|event| event.outcome.clone()),
            name: trigger.name,
            kind: trigger.kind,
            events: trigger.events,
            changes: trigger.changes,
            refused: trigger.refused,
            lost: trigger.lost,
            lost_unseen: trigger.lost_unseen,
            lost_since: trigger.lost_since.map(Moment::from),
            last_event_at: trigger.last_event_at.map(Moment::from),
            last_event: trigger.last_event,
            recent: trigger.recent.into_iter().map(EventJson::from).collect(),
        }
    }
}
