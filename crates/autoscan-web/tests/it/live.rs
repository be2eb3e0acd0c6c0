//! The live stream: what changes, as server-sent events.

use std::sync::Arc;
use std::time::Duration;

use autoscan_engine::Engine;
use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::harness::{API_KEY, Harness, PASSWORD, basic};

/// A harness whose engine runs.
struct Lively {
    harness: Harness,
    engine: Arc<Engine>,
    stop: CancellationToken,
}

impl Lively {
    fn new() -> Self {
        let lively = Self::at_rest();
        tokio::spawn(Arc::clone(&lively.engine).run(lively.stop.clone()));
        lively
    }

    /// Nothing happens in it by itself.
    fn at_rest() -> Self {
        let (mut engine, mut stop) = (None, None);
        let harness = Harness::new(|web| {
            engine = Some(Arc::clone(&web.engine));
            stop = Some(web.stop.clone());
        });
        let (engine, stop) = (engine.unwrap(), stop.unwrap());
        Self { harness, engine, stop }
    }

    async fn open(&self, uri: &str, headers: &[(&str, &str)]) -> Stream {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.harness.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Stream { body: answer.into_body().into_data_stream(), rest: String::new() }
    }

    async fn listen(&self, since: &str) -> Stream {
        self.open("/api/v1/live", &[("x-api-key", API_KEY), ("last-event-id", since)]).await
    }

    /// Lets what the start brings pass.
    async fn settle(&self) {
        tokio::time::sleep(Duration::from_secs(5)).await;
    }

    async fn webhook(&self) {
        let body = r#"{"eventType":"Download","paths":["/tv/Show"]}"#;
        assert_eq!(self.harness.post("/triggers/sonarr", body).await.status, 200);
    }
}

struct Stream {
    body: BodyDataStream,
    /// What came and was not looked at yet.
    rest: String,
}

impl Stream {
    /// What is said next within a minute, up to its empty line; none when the stream is over.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.rest.find("\n\n") {
                let rest = self.rest.split_off(end + 2);
                return Some(std::mem::replace(&mut self.rest, rest));
            }
            let said = tokio::time::timeout(Duration::from_mins(1), self.body.next()).await.unwrap()?;
            self.rest.push_str(std::str::from_utf8(&said.unwrap()).unwrap());
        }
    }

    /// The next of this kind, past heartbeats and others.
    async fn until(&mut self, event: &str) -> String {
        loop {
            let said = self.next().await.unwrap();
            if said.contains(&format!("event: {event}\n")) {
                return said;
            }
        }
    }
}

fn id(said: &str) -> String {
    said.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_webhook_is_told_with_the_scan_and_the_trigger() {
    let lively = Lively::new();
    lively.settle().await;
    let mut stream = lively.listen("").await;
    let greeting = stream.next().await.unwrap();
    assert!(greeting.starts_with("retry: 2000\nid: ") && greeting.ends_with("\n\n"), "{greeting}");
    lively.webhook().await;

    let scan = stream.until("scan").await;
    assert!(scan.ends_with("event: scan\ndata: {\"scans\":[1],\"more\":false}\n\n"), "{scan}");
    let trigger = stream.until("trigger").await;
    assert!(trigger.ends_with("data: {\"names\":[\"sonarr\"],\"more\":false}\n\n"), "{trigger}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_comes_back_goes_on_where_it_was_cut() {
    let lively = Lively::new();
    lively.settle().await;
    let last = id(&lively.listen("").await.next().await.unwrap());
    lively.webhook().await;
    tokio::time::sleep(Duration::from_secs(1)).await;

    let mut by_header = lively.listen(&last).await;
    assert_eq!(id(&by_header.next().await.unwrap()), last);
    assert!(by_header.next().await.unwrap().contains("\"scans\":[1]"));
    let uri = format!("/api/v1/live?since={last}");
    let mut by_query = lively.open(&uri, &[("x-api-key", API_KEY)]).await;
    by_query.next().await.unwrap();
    assert!(by_query.next().await.unwrap().contains("\"scans\":[1]"));
}

#[tokio::test(start_paused = true)]
async fn a_number_of_another_run_or_of_nobody_begins_with_a_resync() {
    let lively = Lively::new();
    lively.settle().await;
    for strange in ["1-1", "17", "x", "-", "1-99999999999999999999999"] {
        let mut stream = lively.listen(strange).await;
        let begin = stream.next().await.unwrap() + &stream.next().await.unwrap();
        assert!(begin.contains("event: resync\ndata: {}\n\n"), "{strange}: {begin}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_shows_that_it_is_alive_and_ends_when_autoscan_stops() {
    let lively = Lively::at_rest();
    let mut stream = lively.listen("").await;
    stream.next().await.unwrap();
    for _ in 0..10 {
        let before = lively.engine.now();
        assert_eq!(stream.next().await.unwrap(), ": alive\n\n");
        assert_eq!(lively.engine.now().since(before), Duration::from_secs(20));
    }
    lively.stop.cancel();
    assert_eq!(stream.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn it_needs_a_login_a_password_or_a_key() {
    let lively = Lively::new();
    for headers in [&[][..], &[("x-api-key", "wrong")], &[("cookie", "autoscan_session=00")]] {
        assert_eq!(lively.harness.ask("GET", "/api/v1/live", headers, "").await.status, 401, "{headers:?}");
    }
    lively.open("/api/v1/live", &[("authorization", &basic(format!("autoscan:{PASSWORD}")))]).await;
    let cookie = lively.harness.log_in().await;
    lively.open("/api/v1/live", &[("cookie", &cookie)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_session() {
    let lively = Lively::at_rest();
    let cookie = lively.harness.log_in().await;
    let mut stream = lively.open("/api/v1/live", &[("cookie", &cookie)]).await;
    stream.next().await.unwrap();
    assert_eq!(stream.next().await.unwrap(), ": alive\n\n");
    lively.harness.log_out(&cookie).await;
    assert_eq!(stream.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn streams_are_bounded_and_whoever_finds_no_place_is_told_to_come_again() {
    let lively = Lively::new();
    let mut open = Vec::new();
    for _ in 0..1024 {
        open.push(lively.listen("").await);
    }
    let full = lively.harness.get("/api/v1/live").await;
    assert_eq!((full.status, full.code().as_str()), (503, "TOO_MANY_STREAMS"));
    assert_eq!((full.header("retry-after"), full.header("connection")), ("30", "close"));
    assert_eq!(lively.harness.get("/api/v1/stats").await.status, 200);
    open.pop();
    lively.listen("").await;
}
