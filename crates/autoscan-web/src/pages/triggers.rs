//! The senders: what to set in each, and what came from it.

use std::time::Duration;

use askama::Template;
use autoscan_core::guide::{FieldValue, Guide};
use autoscan_core::history::TriggerEvent;
use autoscan_core::time::Timestamp;
use autoscan_engine::{TriggerView, UnknownTrigger};
use axum::extract::State;
use axum::response::Response;

use super::frame::{self, Frame};
use super::words::{self, When};
use crate::answer::Problem;
use crate::app::{App, Shared};
use crate::caller::Caller;
use crate::segment::Segment;
use crate::visitor::{Posted, Visitor};

/// A sender that sends nothing for so long is asked after.
const SILENT: Duration = Duration::from_hours(3 * 24);
/// Scans of an event that are linked.
const LINKED: usize = 5;

#[derive(Template)]
#[template(path = "triggers.html")]
struct Page {
    frame: Frame,
    cards: Vec<Card>,
    /// Senders that ask for a trigger that there is not, a sentence each.
    strays: Vec<String>,
    is_open: bool,
    username: String,
    needs_signature: bool,
    /// What stands for a name of this machine that only its owner knows; none where it is known.
    unknown: Option<String>,
}

/// One trigger.
struct Card {
    name: String,
    kind: &'static str,
    url: String,
    /// The URL with the place of its token.
    token_url: Option<String>,
    guide: Option<&'static Guide>,
    events: String,
    last: Option<When>,
    /// When its last request came, where that was refused.
    refused: Option<When>,
    silence: Option<String>,
    /// What could not be stored, in a sentence.
    lost: Option<String>,
    recent: Vec<Event>,
}

/// One request.
struct Event {
    when: When,
    name: String,
    outcome: String,
    refused: bool,
    times: u32,
    scans: Vec<i64>,
}

/// `GET /triggers`.
pub(super) async fn page(State(app): State<Shared>, visitor: Visitor) -> Response {
    let now = app.web.engine.now();
    frame::page(&Page {
        frame: Frame::new(&app, &visitor.session, "/triggers"),
        cards: app.web.engine.triggers().iter().map(|view| Card::of(&app, view, now)).collect(),
        strays: app.web.engine.unknown_triggers().iter().map(|name| stray(name, now)).collect(),
        is_open: app.access.disabled,
        username: app.web.access.username.clone(),
        needs_signature: app.access.signatures.is_some(),
        unknown: app.web.address.contains('<').then(|| app.web.address.clone()),
    })
}

impl Card {
    fn of(app: &App, view: &TriggerView, now: Timestamp) -> Self {
        let url = format!("{}{}/triggers/{}", app.web.address, app.base(), view.name);
        let bound = app.web.engine.trigger(view.name.as_str());
        let has_token = bound.and_then(|bound| bound.token.as_ref()).is_some_and(|token| !token.is_empty());
        let is_sender = !(app.web.for_people)(view.kind);
        Self {
            silence: silence(view, app.process.since, now).filter(|_| is_sender),
            lost: lost(view, now),
            token_url: has_token.then(|| format!("{url}/…")),
            url,
            guide: (app.web.guide)(view.kind),
            events: words::count(view.events, "request", "requests"),
            last: view.last_event_at.map(|at| words::when(now, at)),
            refused: last_refused(view).map(|event| words::when(now, event.at)),
            recent: view.recent.iter().map(|event| Event::of(event, now)).collect(),
            kind: view.kind,
            name: view.name.to_string(),
        }
    }

    /// The text of a command, with the address of this trigger.
    fn command(&self, command: &str) -> String {
        command.replace("URL", &self.url)
    }
}

impl Event {
    fn of(event: &TriggerEvent, now: Timestamp) -> Self {
        Self {
            when: words::when(now, event.at),
            name: words::plain(&event.event),
            outcome: words::plain(&event.outcome),
            refused: event.refused,
            times: event.times,
            scans: event.scans.iter().take(LINKED).map(|id| id.0).collect(),
        }
    }
}

/// What of a trigger is lost, in a sentence.
fn lost(view: &TriggerView, now: Timestamp) -> Option<String> {
    let since = view.lost_since.filter(|_| view.lost_unseen > 0)?;
    Some(format!(
        "{} could not be stored, the first {}. Senders do not repeat them: their changes are lost unless caught up. Scan the folders by hand.",
        words::count(view.lost_unseen, "request", "requests"),
        words::ago(now, since)
    ))
}

/// `POST /lost-requests/{name}/dismiss`: a person knows of what was lost.
pub(super) async fn dismiss(
    State(app): State<Shared>,
    name: Segment,
    caller: Caller,
    posted: Posted,
) -> Result<Response, Problem> {
    let dismissed = app.web.engine.dismiss_lost(&name.0, &caller.said("the page")).await?;
    let dismissed = dismissed.ok_or_else(|| no_trigger(&name))?;
    let text = if dismissed {
        format!("The warning of {} is put away. It comes back when another request is lost.", name.0)
    } else {
        format!("{} has no such warning any more.", name.0)
    };
    posted.visitor.notify(&app, "good", text);
    Ok(frame::see_other(&format!("{}/triggers", app.base())))
}

fn no_trigger(name: &Segment) -> Problem {
    Problem::not_found(format!("There is no trigger named {:?}", words::short(&name.0, 80)))
}

/// A sender that asks for a trigger that there is not, in a sentence.
fn stray(unknown: &UnknownTrigger, now: Timestamp) -> String {
    format!(
        "{} came for /triggers/{}, the last {}, but there is no trigger of this name. Check the URL in the sender.",
        words::count(u64::from(unknown.times), "request", "requests"),
        words::plain(&unknown.name),
        words::ago(now, unknown.last)
    )
}

/// The last request of a trigger, where that was refused.
pub(super) fn last_refused(view: &TriggerView) -> Option<&TriggerEvent> {
    let refused = view.recent.iter().filter(|event| event.refused).max_by_key(|event| event.at)?;
    view.last_event_at.is_none_or(|at| at < refused.at).then_some(refused)
}

/// What is odd about a sender that says nothing, in a sentence.
fn silence(view: &TriggerView, since: Timestamp, now: Timestamp) -> Option<String> {
    match view.last_event_at {
        Some(at) if now.since(at) >= SILENT => {
            let days = words::about(now.since(at));
            Some(format!(
                "Nothing came for {days}. If there was something to report, press Test in the sender and look at what comes."
            ))
        }
        None if view.events == 0 && view.refused == 0 && now.since(since) >= SILENT => {
            Some(format!("Nothing ever came, and autoscan runs for {}.", words::about(now.since(since))))
        }
        _ => None,
    }
}
