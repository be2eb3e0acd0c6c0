//! `live`: what changes, as server-sent events. A page that is left open costs little, and never the place of a webhook.

use std::time::Duration;

use autoscan_engine::{BusEventId, BusMessage, Listener};
use axum::Extension;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::answer::Problem;
use crate::app::{App, Shared};
use crate::caller::Caller;
use crate::connection_limits::Slot;
use crate::query;
use crate::session::Session;
use crate::streaming::Streaming;

/// Seconds after which somebody for whom there was no place may try again.
const NO_SLOT_PAUSE: u64 = 30;
/// A silent stream shows so often that it is alive: more often than proxies and the watch over connections end it.
const HEARTBEAT: Duration = Duration::from_secs(20);
/// New lines of the log that come faster than this are one event.
const BETWEEN_LOGS: Duration = Duration::from_secs(1);
/// The time after which a browser whose stream ended opens it again.
const RECONNECT: Duration = Duration::from_secs(2);

const HEADERS: [(HeaderName, HeaderValue); 3] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // nginx would keep events until it has some kilobytes of them.
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
];

/// A client with an open stream.
struct Subscriber {
    app: Shared,
    listener: Listener,
    /// A client that came in by a session stays only while it goes on.
    session: Option<Session>,
    /// What says that there are new lines of the log, for those who asked, and not before this moment.
    log: Option<(watch::Receiver<u64>, Instant)>,
    /// What is sent before any event, the last first.
    opening: Vec<Event>,
    _slot: Slot,
}

/// `GET live`.
pub(super) async fn live(State(app): State<Shared>, parts: Parts) -> Result<Response, Problem> {
    let since = since(&parts);
    let session = app.session(&parts).await?.filter(|session| session.logged_in);
    let slot = app.process.slots.take(Caller::of(&parts).address).ok_or_else(no_slot)?;
    let listener = app.web.engine.subscribe(if let Since::After(id) = since { Some(id) } else { None });
    // The number that a browser shows when it comes back is set before the first event.
    let mut opening = vec![Event::default().retry(RECONNECT).id(listener.at().to_string())];
    if matches!(since, Since::Unknown) {
        opening.insert(0, resync(listener.at()));
    }
    let log = wants_log(&parts).then(|| (app.web.log.news(), Instant::now()));
    let subscriber = Subscriber { app, listener, session, log, opening, _slot: slot };
    let events = stream::unfold(subscriber, |mut subscriber| async move {
        let event = subscriber.next().await?;
        Some((Ok::<_, std::convert::Infallible>(event), subscriber))
    });
    Ok((Extension(Streaming), HEADERS, Sse::new(events)).into_response())
}

/// From where somebody wants to hear.
enum Since {
    Now,
    After(BusEventId),
    /// A number that nobody gave out.
    Unknown,
}

/// A browser that comes back says it by a header, a page by its query.
fn since(parts: &Parts) -> Since {
    let by_query = || {
        let query = query::parse(parts.uri.query()).unwrap_or_default();
        query.into_iter().find(|(name, _)| name == "since").map(|(_, value)| value)
    };
    let by_header = parts.headers.get("last-event-id");
    let by_header = by_header.map(|value| value.to_str().unwrap_or("unreadable").to_owned());
    match by_header.or_else(by_query) {
        Some(shown) if !shown.is_empty() => shown.parse().map_or(Since::Unknown, Since::After),
        _ => Since::Now,
    }
}

impl Subscriber {
    /// What is sent next; none when the stream is over.
    async fn next(&mut self) -> Option<Event> {
        if let Some(event) = self.opening.pop() {
            return Some(event);
        }
        let event = tokio::select! {
            () = self.app.web.stop.cancelled() => return None,
            message = self.listener.next() => event_of(&message),
            () = new_log_lines(&mut self.log) => Event::default().event("log").data("{}"),
            () = tokio::time::sleep(HEARTBEAT) => Event::default().comment("alive"),
        };
        self.may_stay().then_some(event)
    }

    fn may_stay(&self) -> bool {
        let App { process, web, .. } = &*self.app;
        self.session.as_ref().is_none_or(|session| process.sessions.goes_on(session, web.engine.now()))
    }
}

/// Whether news of the log are wanted: `log=1`.
fn wants_log(parts: &Parts) -> bool {
    let query = query::parse(parts.uri.query()).unwrap_or_default();
    query.iter().any(|(name, value)| name == "log" && value == "1")
}

/// Ends when there are new lines of the log, once a second at most; never for those who did not ask.
async fn new_log_lines(log: &mut Option<(watch::Receiver<u64>, Instant)>) {
    let Some((news, not_before)) = log else { return std::future::pending().await };
    tokio::time::sleep_until(*not_before).await;
    if news.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
    *not_before = Instant::now() + BETWEEN_LOGS;
}

fn event_of(message: &BusMessage) -> Event {
    match message {
        BusMessage::Gap(id) => resync(*id),
        BusMessage::Event(event) => {
            let data = serde_json::to_string(&**event);
            debug_assert!(data.is_ok(), "numbers and names are always JSON");
            Event::default()
                .id(event.id.to_string())
                .event(event.topic.as_str())
                .data(data.unwrap_or_default())
        }
    }
}

/// Everything must be looked up afresh.
fn resync(id: BusEventId) -> Event {
    Event::default().id(id.to_string()).event("resync").data("{}")
}

/// The connection ends with it: one that waited here for its next request would take a place, too.
fn no_slot() -> Problem {
    let error = "Too many live streams are open: close some pages, or look again in half a minute";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "TOO_MANY_STREAMS", error)
        .with(header::RETRY_AFTER, NO_SLOT_PAUSE.into())
        .and_close()
}
