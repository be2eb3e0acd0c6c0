//! One connection: requests one after another, until the client, the watch or the stop ends it.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;
use tower::Service;

use crate::activity::{Activity, CountedStream};
use crate::caller::Peer;
use crate::current::Current;
use crate::streaming::{StreamBody, write_stream};

/// Speaks HTTP/1.1 with `peer`. Once stopped, a request in flight has `grace` to be answered.
pub(crate) async fn serve_connection<S>(
    stream: S,
    peer: Peer,
    site: Current,
    stop: CancellationToken,
    grace: Duration,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let address = peer.address;
    let (activity, streamed) = (Arc::new(Activity::default()), StreamBody::default());
    let service = service_fn(|request: Request<Incoming>| {
        let (busy, streamed) = (activity.begin(), streamed.clone());
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        let answer = site.router().call(request);
        Box::pin(async move {
            let answer = answer.await;
            drop(busy);
            answer.map(|answer| streamed.keep(answer))
        })
    });
    // A script that closes its half after the request still wants the answer. No `pipeline_flush`: by it hyper would keep back
    // what it answers to a head that it cannot read.
    let mut connection = http1::Builder::new()
        .half_close(true)
        .serve_connection(TokioIo::new(CountedStream::new(stream, Arc::clone(&activity))), service);
    let ended = tokio::select! {
        ended = poll_fn(|context| connection.poll_without_shutdown(context)) => Some(ended),
        () = activity.stalls() => return tracing::debug!(peer = %address, "a connection without progress was ended"),
        () = stop.cancelled() => {
            Pin::new(&mut connection).graceful_shutdown();
            let ending = poll_fn(|context| connection.poll_without_shutdown(context));
            tokio::time::timeout(grace, ending).await.ok()
        }
    };
    match ended {
        Some(Ok(())) => {
            let stream = connection.into_parts().io.into_inner();
            Box::pin(finish(stream, streamed.take(), &activity, &stop, grace)).await;
        }
        Some(Err(error)) => tracing::debug!(peer = %address, %error, "a connection broke"),
        None => {
            tracing::warn!(peer = %address, "a request was cut off: it was not answered in the time left for stopping");
        }
    }
}

/// Goes on with a streamed answer, if there is one, and closes. An answer that goes on ends by itself at the stop; a client
/// that does not read it is not waited for longer than `grace`.
async fn finish<S>(
    mut stream: CountedStream<S>,
    streamed: Option<Body>,
    activity: &Activity,
    stop: &CancellationToken,
    grace: Duration,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let going_on = async {
        if let Some(body) = streamed {
            write_stream(&mut stream, body).await?;
        }
        stream.shutdown().await
    };
    tokio::select! {
        ended = going_on => if let Err(error) = ended {
            tracing::debug!(%error, "a connection broke at its end");
        },
        () = activity.stalls() => tracing::debug!("a connection without progress was ended"),
        () = async { stop.cancelled().await; tokio::time::sleep(grace).await } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streaming::Streaming;
    use axum::routing::{get, post};
    use axum::{Extension, Router};
    use futures_util::{StreamExt as _, stream};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::task::JoinHandle;
    use tokio::time::{Instant, sleep};

    const GRACE: Duration = Duration::from_secs(5);

    fn open(stop: &CancellationToken) -> (DuplexStream, JoinHandle<Duration>) {
        let ends = stop.clone();
        let ticking = move || {
            let ticks = stream::unfold((), |()| async {
                sleep(Duration::from_secs(10)).await;
                Some((Ok::<_, std::convert::Infallible>("tick\n"), ()))
            });
            let ticks = Body::from_stream(ticks.take_until(ends.clone().cancelled_owned()));
            async move { (Extension(Streaming), ticks) }
        };
        let router = Router::new()
            .route("/", get(|| async { "hello" }))
            .route("/ticking", get(ticking))
            .route(
                "/flood",
                get(|| async {
                    (
                        Extension(Streaming),
                        Body::from_stream(stream::repeat_with(|| Ok::<_, std::convert::Infallible>("flood"))),
                    )
                }),
            )
            .route("/slow", get(|| async { sleep(Duration::from_secs(3)).await }))
            .route("/stuck", get(std::future::pending::<()>))
            .route("/echo", post(|body: String| async { body }));
        let (ours, theirs) = duplex(1024);
        let stop = stop.clone();
        let server = tokio::spawn(async move {
            let start = Instant::now();
            let peer = Peer { address: [127, 0, 0, 1].into(), is_tls: false };
            serve_connection(theirs, peer, Current::from(router), stop, GRACE).await;
            start.elapsed()
        });
        (ours, server)
    }

    async fn answer(client: &mut DuplexStream) -> String {
        let mut answer = vec![0; 4096];
        let read = client.read(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer[..read]).into_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn a_header_that_drips_in_is_cut_off() {
        let (mut client, server) = open(&CancellationToken::new());
        let dripping = tokio::spawn(async move {
            while client.write_all(b"G").await.is_ok() {
                sleep(Duration::from_secs(1)).await;
            }
        });
        assert_eq!(server.await.unwrap(), Duration::from_secs(30));
        dripping.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_header_that_stops_is_cut_off_in_the_same_time_on_a_new_connection_and_on_a_used_one() {
        let begun = b"GET / HTTP/1.1\r\nhost: x\r\nx-more: ";
        let (mut client, server) = open(&CancellationToken::new());
        client.write_all(begun).await.unwrap();
        assert_eq!(server.await.unwrap(), Duration::from_secs(30));

        let (mut client, server) = open(&CancellationToken::new());
        client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        answer(&mut client).await;
        sleep(Duration::from_secs(65)).await;
        client.write_all(begun).await.unwrap();
        assert_eq!(server.await.unwrap(), Duration::from_secs(90));
    }

    #[tokio::test(start_paused = true)]
    async fn a_header_that_takes_twenty_seconds_is_answered_and_so_is_one_of_a_slow_body() {
        let (mut client, _server) = open(&CancellationToken::new());
        client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        sleep(Duration::from_secs(19)).await;
        client.write_all(b"host: x\r\n\r\n").await.unwrap();
        assert!(answer(&mut client).await.starts_with("HTTP/1.1 200"));
        client.write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 6\r\n\r\n").await.unwrap();
        for _ in 0..6 {
            sleep(Duration::from_secs(15)).await;
            client.write_all(b"x").await.unwrap();
        }
        assert!(answer(&mut client).await.starts_with("HTTP/1.1 200"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_kept_for_more_than_two_minutes_and_then_ended() {
        let (mut client, server) = open(&CancellationToken::new());
        for _ in 0..3 {
            client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
            assert!(answer(&mut client).await.starts_with("HTTP/1.1 200"));
            sleep(Duration::from_secs(121)).await;
        }
        assert!(server.await.unwrap() >= Duration::from_secs(2 * 121 + 120));
        assert_eq!(answer(&mut client).await, "");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_its_answers_is_let_go() {
        let (mut client, server) = open(&CancellationToken::new());
        let body = "x".repeat(4000);
        let request = format!("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 4000\r\n\r\n{body}");
        client.write_all(request.as_bytes()).await.unwrap();
        assert!(server.await.unwrap() >= Duration::from_mins(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_in_flight_is_answered_within_the_grace_and_an_idle_connection_ends_at_once() {
        let stop = CancellationToken::new();
        let (mut busy, busy_server) = open(&stop);
        let (_idle, idle_server) = open(&stop);
        let (mut stuck, stuck_server) = open(&stop);
        busy.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        stuck.write_all(b"GET /stuck HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        sleep(Duration::from_secs(1)).await;
        stop.cancel();
        assert!(answer(&mut busy).await.contains("connection: close"));
        assert_eq!(busy_server.await.unwrap(), Duration::from_secs(3));
        assert_eq!(idle_server.await.unwrap(), Duration::from_secs(1));
        assert_eq!(stuck_server.await.unwrap(), Duration::from_secs(1) + GRACE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_closes_its_half_still_gets_its_answer() {
        let (mut client, server) = open(&CancellationToken::new());
        client.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        client.shutdown().await.unwrap();
        assert!(answer(&mut client).await.starts_with("HTTP/1.1 200"));
        server.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_streamed_answer_goes_on_as_it_comes_until_the_stop() {
        let stop = CancellationToken::new();
        let (mut client, server) = open(&stop);
        client.write_all(b"GET /ticking HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let head = answer(&mut client).await;
        assert!(head.starts_with("HTTP/1.0 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
        assert!(!head.contains("content-length") && !head.contains("transfer-encoding"), "{head}");
        for _ in 0..100 {
            assert_eq!(answer(&mut client).await, "tick\n");
        }
        stop.cancel();
        assert_eq!(answer(&mut client).await, "");
        assert_eq!(server.await.unwrap(), Duration::from_secs(1000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_streamed_answer_ends_when_its_client_leaves_or_no_longer_reads() {
        let (mut client, server) = open(&CancellationToken::new());
        client.write_all(b"GET /ticking HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        answer(&mut client).await;
        answer(&mut client).await;
        drop(client);
        assert!(server.await.unwrap() <= Duration::from_secs(20));

        let (mut client, server) = open(&CancellationToken::new());
        client.write_all(b"GET /flood HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        assert!(server.await.unwrap() >= Duration::from_mins(2));
        drop(client);

        let stop = CancellationToken::new();
        let (mut client, server) = open(&stop);
        client.write_all(b"GET /flood HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        sleep(Duration::from_secs(1)).await;
        stop.cancel();
        assert_eq!(server.await.unwrap(), Duration::from_secs(1) + GRACE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_cannot_be_read_is_answered_before_the_connection_ends() {
        let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(70_000));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(120));
        for (head, status) in [("GET / HTTP/1.1\r\nno header\r\n\r\n", "400"), (&long, "414"), (&many, "431")]
        {
            let (mut client, server) = open(&CancellationToken::new());
            client.write_all(head.as_bytes()).await.unwrap();
            let answered = answer(&mut client).await;
            assert!(answered.starts_with(&format!("HTTP/1.1 {status} ")), "{answered:?}");
            server.await.unwrap();
        }
    }
}
