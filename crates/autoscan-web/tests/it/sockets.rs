//! What only shows on a real connection.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use autoscan_core::secret::Secret;
use autoscan_web::ConnectionLimits;
use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::span;

use crate::harness::{API_KEY, Harness};

const GRACE: Duration = Duration::from_secs(5);

async fn listen(router: Router, stop: &CancellationToken) -> (SocketAddr, JoinHandle<Result<(), String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (
        address,
        tokio::spawn(autoscan_web::serve(
            vec![listener],
            None,
            router,
            ConnectionLimits::within(8192),
            stop.clone(),
            GRACE,
        )),
    )
}

/// One answer: its status and its body, by its length.
async fn read_answer(stream: &mut TcpStream) -> (u16, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    (head[9..12].parse().unwrap(), String::from_utf8(body).unwrap())
}

fn post(uri: &str, key: &str, body: &str) -> String {
    format!(
        "POST {uri} HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_connection_goes_on_after_bodies_that_were_not_wanted() {
    let harness = Harness::new(|_| ());
    let (address, _server) = listen(harness.router.clone(), &CancellationToken::new()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let large = " ".repeat(5 << 20);
    for (uri, key, body, status) in [
        ("/triggers/sonarr", API_KEY, large.as_str(), 413),
        ("/triggers/sonarr", "wrong", &large, 401),
        ("/nothing", API_KEY, &large, 404),
        ("/health", API_KEY, &large, 405),
        ("/api/v1/stats", API_KEY, &large, 405),
        ("/triggers/sonarr", API_KEY, r#"{"paths":["/tv/Show"]}"#, 200),
    ] {
        stream.write_all(post(uri, key, body).as_bytes()).await.unwrap();
        let (answered, body) = read_answer(&mut stream).await;
        assert_eq!(answered, status, "{uri}: {body}");
    }
    assert_eq!(harness.folders().await, ["/mnt/tv/Show"]);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let harness = Harness::new(|_| ());
    let (address, _server) = listen(harness.router.clone(), &CancellationToken::new()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let large = " ".repeat(5 << 20);
    let pipeline = [
        post("/triggers/sonarr", API_KEY, r#"{"paths":["/tv/A"]}"#),
        post("/triggers/sonarr", API_KEY, &large),
        post("/triggers/sonarr", API_KEY, "no JSON"),
        post("/triggers/sonarr", API_KEY, r#"{"paths":["/tv/B"]}"#),
    ];
    stream.write_all(pipeline.concat().as_bytes()).await.unwrap();
    for status in [200, 413, 400, 200] {
        assert_eq!(read_answer(&mut stream).await.0, status);
    }
}

#[tokio::test]
async fn a_slow_sender_holds_up_nobody() {
    let harness = Harness::new(|_| ());
    let (address, _server) = listen(harness.router.clone(), &CancellationToken::new()).await;
    let mut slow = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST /triggers/sonarr HTTP/1.1\r\nhost: x\r\nx-api-key: {API_KEY}\r\ncontent-length: 9\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(post("/triggers/sonarr", API_KEY, r#"{"paths":["/tv/A"]}"#).as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut stream).await.0, 200);
}

#[tokio::test]
async fn failed_logins_are_counted_by_the_address_they_come_from() {
    let harness = Harness::new(|web| web.access.server_pass = Some(Secret::new("pass")));
    let (address, _server) = listen(harness.router.clone(), &CancellationToken::new()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    for status in [401; 20].into_iter().chain([429]) {
        stream.write_all(post("/triggers/sonarr", "wrong", "{}").as_bytes()).await.unwrap();
        assert_eq!(read_answer(&mut stream).await.0, status);
    }
    // A request that came over no connection is another peer.
    assert_eq!(harness.ask("POST", "/triggers/sonarr", &[("x-api-key", "wrong")], "{}").await.status, 401);
}

#[tokio::test]
async fn a_stop_finishes_what_was_begun_and_takes_no_more() {
    let (stop, begun, go) = (CancellationToken::new(), Notify::new(), Notify::new());
    let (begun, go): (&'static Notify, &'static Notify) = (Box::leak(begun.into()), Box::leak(go.into()));
    let router = Router::new().route(
        "/",
        get(move || async move {
            begun.notify_one();
            go.notified().await;
            "done"
        }),
    );
    let (address, server) = listen(router, &stop).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    let mut busy = TcpStream::connect(address).await.unwrap();
    busy.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    begun.notified().await;
    stop.cancel();
    assert_eq!(idle.read(&mut [0]).await.unwrap(), 0, "an idle connection is closed at once");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    assert!(!server.is_finished());
    go.notify_one();
    assert_eq!(read_answer(&mut busy).await, (200, "done".to_owned()));
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn over_tls_the_cookie_stays_there_and_plain_http_is_told_to_come_by_it() {
    use tokio_rustls::rustls::pki_types::ServerName;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};

    let made = rcgen::generate_simple_self_signed(["nas.example".to_owned()]).unwrap();
    let key = Secret::new(made.signing_key.serialize_pem());
    let tls = autoscan_web::Tls::new(made.cert.pem().as_bytes(), &key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (harness, stop) = (Harness::new(|_| ()), CancellationToken::new());
    let server = autoscan_web::serve(
        vec![listener],
        Some(tls),
        harness.router.clone(),
        ConnectionLimits::within(8192),
        stop.clone(),
        GRACE,
    );
    let server = tokio::spawn(server);

    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET /login HTTP/1.1\r\nhost: nas.example\r\n\r\n").await.unwrap();
    plain.shutdown().await.unwrap();
    let mut told = String::new();
    plain.read_to_string(&mut told).await.unwrap();
    assert!(told.starts_with("HTTP/1.1 400") && told.contains("https://"), "{told}");

    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = std::sync::Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let name = ServerName::try_from("nas.example").unwrap();
    let mut stream = connector.connect(name, TcpStream::connect(address).await.unwrap()).await.unwrap();
    let request = b"GET /login HTTP/1.1\r\nhost: nas.example\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    // The end may come without the farewell of TLS.
    stream.read_to_end(&mut answer).await.ok();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("strict-transport-security: max-age=15552000\r\n"), "{answer}");
    assert!(answer.contains("set-cookie: __Host-autoscan_session=v."), "{answer}");
    assert!(answer.contains("; HttpOnly; SameSite=Lax; Secure; Path=/\r\n"), "{answer}");
    stop.cancel();
    server.await.unwrap().unwrap();
}

/// A log that panics at the first warning, wherever in the server that is written.
#[derive(Default)]
struct PanickingLog {
    warned: AtomicBool,
}

impl tracing::Subscriber for PanickingLog {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        assert!(self.warned.swap(true, Ordering::Relaxed), "a fault for this test");
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn a_listener_that_breaks_ends_all_of_them_and_is_told_to_who_started_them() {
    let _log = tracing::subscriber::set_default(PanickingLog::default());
    let (stop, places) = (CancellationToken::new(), ConnectionLimits::within(0));
    let (one, other) = (TcpListener::bind("127.0.0.1:0").await, TcpListener::bind("127.0.0.1:0").await);
    let (one, other) = (one.unwrap(), other.unwrap());
    let (address, beside) = (one.local_addr().unwrap(), other.local_addr().unwrap());
    let serving = autoscan_web::serve(vec![one, other], None, Router::new(), places, stop.clone(), GRACE);
    let server = tokio::spawn(serving);
    // All places are taken, which is worth a warning. One address may have half of them.
    let mut connections = Vec::new();
    for number in 0..16 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 2 + number % 2], 0))).unwrap();
        // The last ones may find nobody who listens any more.
        connections.push(socket.connect(address).await);
    }

    let failure = server.await.unwrap().unwrap_err();

    assert!(
        failure.starts_with("a listener broke: ") && failure.contains("a fault for this test"),
        "{failure}"
    );
    assert!(stop.is_cancelled());
    assert!(TcpStream::connect(beside).await.is_err(), "nobody listens any more");
}
