//! A websocket that a server tells us things over, opened through the one pooled client: the same certificates, the same
//! timeouts, and the secrets in headers.

use std::time::Duration;

use autoscan_core::fault::Fault;
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::header::{
    CONNECTION, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE,
};
use reqwest::{StatusCode, Upgraded};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::answer::Answer;
use crate::client::Http;
use crate::request::Request;
use crate::transport::ShownCall;

/// How much is read at a time: what servers tell is short.
const READ: usize = 8 * 1024;
/// How much may wait to be sent: answers to pings, and short texts.
const UNSENT: usize = 16 * 1024;
/// How long a server may take to receive the answer to its ping, or a text.
const PONG_PATIENCE: Duration = Duration::from_secs(10);

/// An open websocket.
pub struct Socket {
    stream: WebSocketStream<Upgraded>,
    call: ShownCall,
    allowance: Allowance,
}

impl Http {
    /// Opens a websocket: a `GET` that becomes one. A message longer than `at_most` bytes ends it. Connecting has the
    /// timeouts of every call.
    pub async fn socket(&self, request: &Request, at_most: usize) -> Result<Socket, Fault> {
        let key = generate_key();
        let mut request = request.clone();
        for (name, value) in [
            (CONNECTION, "Upgrade"),
            (UPGRADE, "websocket"),
            (HeaderName::from_static("sec-websocket-version"), "13"),
        ] {
            request.headers.insert(name, HeaderValue::from_static(value));
        }
        // A key is Base64, which every header can hold.
        if let Ok(key) = HeaderValue::from_str(&key) {
            request.headers.insert(SEC_WEBSOCKET_KEY, key);
        }
        let response = self.execute(&request).await?;
        let (status, call) = (response.status(), ShownCall::of(&request));
        if status != StatusCode::SWITCHING_PROTOCOLS {
            let answer = Answer::new(&request, status, response.headers(), bytes::Bytes::new());
            return Err(answer.check().err().unwrap_or_else(|| no_websocket(&call)));
        }
        let accepted = derive_accept_key(key.as_bytes());
        if response.headers().get(SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes)
            != Some(accepted.as_bytes())
        {
            return Err(no_websocket(&call));
        }
        let upgraded = response.upgrade().await.map_err(|_lost| no_websocket(&call))?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ)
            .write_buffer_size(0)
            .max_write_buffer_size(UNSENT)
            .max_message_size(Some(at_most))
            .max_frame_size(Some(at_most));
        let stream = WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await;
        Ok(Socket { stream, call, allowance: Allowance::new(Instant::now()) })
    }
}

impl Socket {
    /// The next text that the server sends; none when it closed the websocket. What is no text is passed over, and pings
    /// are answered. A server that sends nothing for `silence` is a fault, as is one that does not receive the answer to its
    /// ping, and a connection that was lost. A server that sends too much is read no faster than its allowance lasts.
    pub async fn next(&mut self, silence: Duration) -> Result<Option<String>, Fault> {
        let end = match tokio::time::timeout(silence, self.text()).await {
            Ok(Ok(text)) => return Ok(text),
            Ok(Err(end)) => end,
            Err(_elapsed) => SocketEnd::Silence,
        };
        let reason = match end {
            SocketEnd::Lost(error) => reason(&error).to_owned(),
            SocketEnd::Unread => "it does not receive the answers to its pings".to_owned(),
            SocketEnd::Silence => format!("nothing was said for {} s", silence.as_secs_f32()),
        };
        Err(Fault::away(format!("{}: {reason}", self.call.line)))
    }

    /// Sends a text. A server that does not receive it within seconds is a fault, as is a connection that was lost.
    pub async fn send(&mut self, text: &str) -> Result<(), Fault> {
        let sent = tokio::time::timeout(PONG_PATIENCE, self.stream.send(Message::text(text))).await;
        let reason = match sent {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => reason(&error).to_owned(),
            Err(_elapsed) => "it does not receive what is sent".to_owned(),
        };
        Err(Fault::away(format!("{}: {reason}", self.call.line)))
    }

    async fn text(&mut self) -> Result<Option<String>, SocketEnd> {
        loop {
            tokio::time::sleep_until(self.allowance.lasts_from).await;
            let Some(message) = self.stream.next().await else { return Ok(None) };
            let message = message.map_err(SocketEnd::Lost)?;
            self.allowance.take(message.len(), Instant::now());
            match message {
                Message::Text(text) => return Ok(Some(text.as_str().to_owned())),
                Message::Close(_) => return Ok(None),
                // The answer lies ready; it is sent before anything more is read.
                Message::Ping(_) => match tokio::time::timeout(PONG_PATIENCE, self.stream.flush()).await {
                    Ok(sent) => sent.map_err(SocketEnd::Lost)?,
                    Err(_elapsed) => return Err(SocketEnd::Unread),
                },
                _ => {}
            }
        }
    }
}

/// Why a websocket is of no use any more.
enum SocketEnd {
    Lost(Error),
    Unread,
    Silence,
}

/// How many messages are read: many at once when something happens, and no more than this each second for long, so that no
/// server can keep a whole core busy.
struct Allowance {
    /// The next message may be read from this moment on.
    lasts_from: Instant,
    /// When all of it is there again.
    full_at: Instant,
}

impl Allowance {
    /// Messages that may come at once.
    const AT_ONCE: u32 = 1000;
    /// The time in which one more may come.
    const EACH: Duration = Duration::from_millis(1);
    /// Bytes that count as a message.
    const BYTES: usize = 4096;

    fn new(now: Instant) -> Self {
        Self { lasts_from: now, full_at: now }
    }

    /// A message of so many bytes was read.
    fn take(&mut self, bytes: usize, now: Instant) {
        let messages = u32::try_from(1 + bytes / Self::BYTES).unwrap_or(u32::MAX);
        self.full_at = self.full_at.max(now) + Self::EACH.saturating_mul(messages);
        self.lasts_from = self.full_at.checked_sub(Self::EACH * Self::AT_ONCE).unwrap_or(now);
    }
}

fn no_websocket(call: &ShownCall) -> Fault {
    Fault::away(format!("{}: the answer is no websocket; does a proxy keep it back?", call.line))
}

/// What ended it. The error may quote what was received, so it is not shown.
fn reason(error: &Error) -> &'static str {
    match error {
        Error::Capacity(_) => "a message is longer than any that is expected",
        Error::Protocol(_) | Error::Utf8(_) => "what came is no websocket message",
        _ => "the connection was lost",
    }
}
