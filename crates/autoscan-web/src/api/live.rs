//! `live`: what changes, as server-sent events. A page that is left open costs little, and never the place of a webhook.

use std::fmt::Write as _;
use std::time::Duration;

use autoscan_engine::{BusEventId, BusMessage, Listener};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
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
/// News of the log that come faster than this are one.
const BETWEEN_LOGS: Duration = Duration::from_secs(1);
/// As much as is said in one piece.
const LARGE: usize = 4096;
/// Milliseconds after which a browser whose stream ended opens it again.
const COME_BACK: u32 = 2000;

const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // nginx would keep events until it has some kilobytes of them.
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
];

/// Somebody who looks on.
struct Subscriber {
    app: Shared,
    listener: Listener,
    /// Who came in by a session stays only while it goes on.
    session: Option<Session>,
    /// What tells of new lines of the log, for those who asked, and not before this moment.
    log: Option<(watch::Receiver<u64>, Instant)>,
    /// What is still to be said at the beginning.
    greeting: Option<Bytes>,
    _slot: Slot,
}

/// `GET live`.
pub(super) async fn live(State(app): State<Shared>, parts: Parts) -> Result<Response, Problem> {
    let since = since(&parts);
    let session = app.session(&parts).await?.filter(|session| session.logged_in);
    let slot = app.process.slots.take(Caller::of(&parts).address).ok_or_else(no_slot)?;
    let listener = app.web.engine.subscribe(if let Since::After(id) = since { Some(id) } else { None });
    // The number that a browser shows when it comes back is set before the first event.
    let mut greeting = format!("retry: {COME_BACK}\nid: {}\n\n", listener.at());
    if matches!(since, Since::Unknown) {
        resync(&mut greeting, listener.at());
    }
    let greeting = Some(Bytes::from(greeting));
    let log = wants_log(&parts).then(|| (app.web.log.news(), Instant::now()));
    let subscriber = Subscriber { app, listener, session, log, greeting, _slot: slot };
    let events = stream::unfold(subscriber, |mut subscriber| async move {
        let said = subscriber.next().await?;
        Some((Ok::<_, std::convert::Infallible>(said), subscriber))
    });
    Ok((Extension(Streaming), HEADERS, Body::from_stream(events)).into_response())
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
    /// What is said next; none when it is over.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting);
        }
        tokio::select! {
            () = self.app.web.stop.cancelled() => None,
            heard = self.listener.next() => {
                if self.may_stay() { Some(self.told(heard)) } else { None }
            }
            () = logged(&mut self.log) => {
                self.may_stay().then_some(Bytes::from_static(b"event: log\ndata: {}\n\n"))
            }
            () = tokio::time::sleep(HEARTBEAT) => {
                self.may_stay().then_some(Bytes::from_static(b": alive\n\n"))
            }
        }
    }

    /// What was heard, and what came with it: a beat tells several topics, and one write is cheaper than several.
    fn told(&mut self, first: BusMessage) -> Bytes {
        let mut text = String::new();
        let mut heard = Some(first);
        while let Some(one) = heard {
            tell(&mut text, &one);
            heard = if text.len() < LARGE { self.listener.ready() } else { None };
        }
        Bytes::from(text)
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
async fn logged(log: &mut Option<(watch::Receiver<u64>, Instant)>) {
    let Some((news, not_before)) = log else { return std::future::pending().await };
    tokio::time::sleep_until(*not_before).await;
    if news.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
    *not_before = Instant::now() + BETWEEN_LOGS;
}

fn tell(text: &mut String, message: &BusMessage) {
    match message {
        BusMessage::Gap(id) => resync(text, *id),
        BusMessage::Event(event) => {
            let (id, topic) = (event.id, event.topic.as_str());
            let data = serde_json::to_string(&**event);
            debug_assert!(data.is_ok(), "numbers and names are always JSON");
            let written = write!(text, "id: {id}\nevent: {topic}\ndata: {}\n\n", data.unwrap_or_default());
            debug_assert!(written.is_ok(), "a text takes everything");
        }
    }
}

/// Everything must be looked up afresh.
fn resync(text: &mut String, id: BusEventId) {
    let written = write!(text, "id: {id}\nevent: resync\ndata: {{}}\n\n");
    debug_assert!(written.is_ok(), "a text takes everything");
}

/// The connection ends with it: one that waited here for its next request would take a place, too.
fn no_slot() -> Problem {
    let error = "Too many live streams are open: close some pages, or look again in half a minute";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "TOO_MANY_STREAMS", error)
        .with(header::RETRY_AFTER, NO_SLOT_PAUSE.into())
        .and_close()
}
