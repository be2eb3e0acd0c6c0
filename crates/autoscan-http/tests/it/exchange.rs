//! The client against servers that behave badly, byte by byte.

use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_core::secret::Secret;
use autoscan_http::{BaseUrl, Http, Request, SecretHeader, Timeouts, overhear};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// A server that answers every connection with these bytes and then closes it; what it was sent comes out of the
/// receiver.
async fn server(answer: &'static str) -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (heard, requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = vec![0; 16 * 1024];
            let length = stream.read(&mut buffer).await.unwrap_or(0);
            let _ = heard.send(String::from_utf8_lossy(&buffer[..length]).into_owned());
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    (url, requests)
}

fn get(url: &str) -> Request {
    Request::get(&BaseUrl::parse(url).unwrap(), &["identity"])
}

async fn fault(url: &str) -> Fault {
    Http::default().send(&get(url)).await.err().expect("a fault")
}

fn is_away(fault: &Fault, part: &str) {
    assert!(matches!(fault, Fault::Away { .. }), "{fault:?}");
    assert!(fault.reason().contains(part), "{fault}");
}

#[tokio::test]
async fn a_request_carries_its_headers_and_its_sub_path() {
    let (url, mut requests) = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]").await;
    let url = url.replace("http://", "http://me:p%40ss@") + "/plex/";
    let key = SecretHeader::new("x-plex-token", "hunter2", &Secret::new("hunter2")).unwrap();
    let request = get(&url).secret(&key).query("path", "/tv/A + B");
    let answer = Http::default().send(&request).await.unwrap();
    assert!(answer.json::<Vec<String>>().unwrap().is_empty());
    let heard = requests.recv().await.unwrap();
    assert!(heard.starts_with("GET /plex/identity?path=%2Ftv%2FA+%2B+B HTTP/1.1\r\n"), "{heard}");
    for header in [
        "x-plex-token: hunter2",
        "accept: application/json",
        "authorization: Basic bWU6cEBzcw==",
        "user-agent: autoscan/",
    ] {
        assert!(heard.contains(header), "{header} in {heard}");
    }
    assert!(!heard.contains("cookie"), "{heard}");
}

#[tokio::test]
async fn an_outage_is_away_whatever_it_looks_like() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    is_away(&fault(&closed).await, "the connection was refused");

    let (cut, _requests) = server("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"half\":").await;
    is_away(&fault(&cut).await, "before the whole answer was there");

    let (silent, _requests) = server("").await;
    is_away(&fault(&silent).await, "before the whole answer was there");

    let (plain, _requests) = server("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
    is_away(&fault(&plain.replace("http://", "https://")).await, "should the URL begin with http://?");

    is_away(&fault("http://no-such-machine.invalid").await, "\"no-such-machine.invalid\"");
}

#[tokio::test]
async fn a_server_that_hangs_has_an_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let http = Http::new(Timeouts { total: Duration::from_millis(50), ..Timeouts::default() });
    is_away(&http.send(&get(&url)).await.err().unwrap(), "no whole answer within 0.05 s");
}

#[tokio::test]
async fn a_request_may_be_waited_for_longer_than_any_other_and_has_an_end_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let http = Http::new(Timeouts { total: Duration::from_millis(50), ..Timeouts::default() });
    let hangs = get(&url).within(Duration::from_millis(200));
    is_away(&http.send(&hangs).await.err().unwrap(), "no whole answer within 0.2 s");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::time::sleep(Duration::from_millis(150)).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]").await;
        }
    });
    assert_eq!(http.send(&get(&url).within(Duration::from_secs(10))).await.unwrap().body(), b"[]");
    is_away(&http.send(&get(&url)).await.err().unwrap(), "no whole answer within 0.05 s");
}

#[tokio::test]
async fn a_body_beyond_its_limit_is_not_read() {
    let (url, _requests) = server("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789").await;
    let http = Http::default();
    assert_eq!(http.send(&get(&url).at_most(10)).await.unwrap().body(), b"0123456789");
    is_away(&http.send(&get(&url).at_most(9)).await.err().unwrap(), "is this the right URL?");
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let (url, mut requests) =
        server("HTTP/1.1 302 Found\r\nlocation: /login?next=%2F\r\ncontent-length: 0\r\n\r\n").await;
    is_away(&fault(&url).await, "it points to \"/login\"");
    assert!(requests.recv().await.is_some());
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn a_status_counts_even_when_its_body_is_cut_off() {
    let (url, _requests) = server("HTTP/1.1 401 Unauthorized\r\ncontent-length: 100\r\n\r\n<html>").await;
    assert!(matches!(fault(&url).await, Fault::Refused { .. }));
}

#[tokio::test]
async fn an_error_page_that_echoes_the_key_does_not_leak_it() {
    let (url, _requests) =
        server("HTTP/1.1 400 Bad Request\r\ncontent-length: 25\r\n\r\nbad key: hunter2 \u{1b}[31mxx").await;
    let key = SecretHeader::new("x-api-key", "hunter2", &Secret::new("hunter2")).unwrap();
    let fault = Http::default().send(&get(&url).secret(&key)).await.err().unwrap();
    assert!(matches!(fault, Fault::Wrong { .. }), "{fault:?}");
    assert!(!fault.reason().contains("hunter2") && !fault.reason().contains('\u{1b}'), "{fault}");
}

#[tokio::test]
async fn who_listens_hears_each_call_with_its_status_and_without_its_secrets() {
    let (url, _requests) = server("HTTP/1.1 204 No Content\r\n\r\n").await;
    let key = SecretHeader::new("x-api-key", "hunter2", &Secret::new("hunter2")).unwrap();
    let request = get(&url).secret(&key).query("api_key", "hunter2");
    let ask = async || Http::default().exchange(&request).await.unwrap().status();
    let (status, calls) = overhear(ask()).await;
    assert_eq!(status, 204);
    let [call] = &calls[..] else { panic!("{calls:?}") };
    assert!(call.starts_with("GET http://127.0.0.1:") && call.ends_with(" → 204"), "{call}");
    assert!(!call.contains("hunter2"), "{call}");

    let ((), calls) = overhear(async {
        for _ in 0..40 {
            ask().await;
        }
    })
    .await;
    assert_eq!(calls.len(), 16);
}
