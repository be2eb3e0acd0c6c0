//! Websockets of servers that send more than anybody should read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use autoscan_http::{BaseUrl, Http, Request, Socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// A server that sends these bytes again and again, so many times, and reads nothing. What it has sent is counted.
async fn server(frame: Vec<u8>, times: usize) -> (Socket, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = vec![0; 4096];
        let length = stream.read(&mut head).await.unwrap();
        let head = String::from_utf8_lossy(&head[..length]).into_owned();
        let key = head.lines().find_map(|line| line.strip_prefix("sec-websocket-key: ")).unwrap();
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: {}\r\n\r\n",
            derive_accept_key(key.trim().as_bytes())
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
        for _ in 0..times {
            if stream.write_all(&frame).await.is_err() {
                return;
            }
            counter.fetch_add(frame.len(), Ordering::SeqCst);
        }
        std::future::pending::<()>().await;
    });
    let request = Request::get(&BaseUrl::parse(&url).unwrap(), &["notifications"]);
    (Http::default().socket(&request, 1 << 20).await.unwrap(), sent)
}

/// A frame of the server: not masked, and short.
fn frame(opcode: u8, content: &[u8]) -> Vec<u8> {
    [&[0x80 | opcode, u8::try_from(content.len()).unwrap()], content].concat()
}

const TEXT: u8 = 1;
const PING: u8 = 9;

#[tokio::test(start_paused = true)]
async fn a_server_that_pings_and_reads_no_answer_is_left() {
    const MOST: usize = 64 << 20;
    let pings = frame(PING, &[7; 125]).repeat(1000);
    let times = MOST / pings.len();
    let (mut socket, sent) = server(pings, times).await;
    let fault = socket.next(Duration::from_hours(24)).await.unwrap_err();
    assert!(fault.reason().contains("does not receive the answers to its pings"), "{fault}");
    // No more was read than systems keep for a connection, both ways.
    assert!(sent.load(Ordering::SeqCst) < MOST / 2, "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_news_is_read_at_a_pace_that_a_burst_never_notices() {
    let (mut socket, _sent) = server(frame(TEXT, b"{}").repeat(100), 1000).await;
    let began = Instant::now();
    for _ in 0..1000 {
        socket.next(Duration::from_mins(1)).await.unwrap().unwrap();
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    let mut read = 0;
    while began.elapsed() < Duration::from_secs(10) && read < 50_000 {
        socket.next(Duration::from_mins(1)).await.unwrap().unwrap();
        read += 1;
    }
    assert!((5000..15_000).contains(&read), "{read} messages in ten seconds");
}
