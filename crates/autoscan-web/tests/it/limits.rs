use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use http_body_util::StreamBody;
use hyper::body::{Body as _, Frame};
use tokio::time::{Instant, Interval, interval};

use crate::harness::{API_KEY, Harness, KEYED};

const LIMIT: usize = 4 << 20;
static MEGABYTE: [u8; 1 << 20] = [b' '; 1 << 20];

/// A body of unknown length: pieces, one each pause.
struct Pieces {
    pause: Interval,
    piece: Bytes,
    left: usize,
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        ready!(self.pause.poll_tick(cx));
        self.left -= 1;
        Poll::Ready(Some(Ok(Frame::data(self.piece.clone()))))
    }
}

fn pieces(pause: Duration, piece: &'static [u8], left: usize) -> Request<Body> {
    let body = Body::new(Pieces { pause: interval(pause), piece: Bytes::from_static(piece), left });
    Request::post("/triggers/sonarr").header("x-api-key", API_KEY).body(body).unwrap()
}

#[tokio::test]
async fn a_body_of_4_mib_is_read_and_one_byte_more_is_not() {
    let harness = Harness::new(|_| ());
    let json = |size: usize| format!("{{\"eventType\":\"Grab\"{}}}", " ".repeat(size - 20));
    assert_eq!(json(LIMIT).len(), LIMIT);
    assert_eq!(harness.post("/triggers/sonarr", &json(LIMIT)).await.status, 200);
    for uri in ["/triggers/sonarr", "/api/v1/scans", "/scan"] {
        let reply = harness.post(uri, &json(LIMIT + 1)).await;
        assert_eq!((reply.status, reply.code().as_str()), (413, "TOO_LARGE"), "{uri}");
        assert_eq!(reply.header("connection"), "", "the rest is read, so that the connection goes on");
    }
}

#[tokio::test]
async fn a_body_without_a_length_is_limited_too() {
    let harness = Harness::new(|_| ());
    let reply = harness.send(pieces(Duration::from_nanos(1), &MEGABYTE, 5)).await;
    assert_eq!((reply.status, reply.header("connection")), (413, ""));
    let reply = harness.send(pieces(Duration::from_nanos(1), &MEGABYTE, 100)).await;
    assert_eq!((reply.status, reply.header("connection")), (413, "close"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_in_is_cut_off_and_holds_nobody_up() {
    let harness = Harness::new(|_| ());
    let start = Instant::now();
    let dripping = harness.send(pieces(Duration::from_secs(1), b" ", usize::MAX));
    let other = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let reply = harness.post("/triggers/sonarr", r#"{"eventType":"Grab"}"#).await;
        assert_eq!((reply.status, start.elapsed()), (200, Duration::from_secs(5)));
    };
    let (reply, ()) = tokio::join!(dripping, other);
    assert_eq!((reply.status, reply.code().as_str()), (408, "TOO_SLOW"));
    assert_eq!(reply.header("connection"), "close");
    assert_eq!(start.elapsed(), Duration::from_secs(30));
}

#[tokio::test]
async fn a_sender_that_asks_first_is_told_at_once() {
    let body =
        Body::new(StreamBody::new(futures_util::stream::pending::<Result<Frame<Bytes>, Infallible>>()));
    assert!(!body.is_end_stream());
    let request = Request::post("/triggers/sonarr").header("expect", "100-continue").body(body).unwrap();
    let reply = Harness::new(|_| ()).send(request).await;
    assert_eq!((reply.status, reply.header("connection")), (401, "close"));
}

#[tokio::test]
async fn many_pieces_are_one_body() {
    let harness = Harness::new(|_| ());
    let reply = harness.send(pieces(Duration::from_nanos(1), b"[\"\"],", 3)).await;
    assert_eq!(reply.status, 400);
    let body = Body::new(StreamBody::new(futures_util::stream::iter(
        ["{\"paths\":", "[\"/tv/S", "how\"]}"]
            .map(|piece| Ok::<_, Infallible>(Frame::data(Bytes::from(piece)))),
    )));
    let reply = harness.ask("POST", "/triggers/sonarr", &KEYED, body).await;
    assert_eq!(reply.status, 200);
    assert_eq!(harness.folders().await, ["/mnt/tv/Show"]);
}
