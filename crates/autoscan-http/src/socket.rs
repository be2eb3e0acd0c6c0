//! A websocket that a server tells us things over, opened through the one pooled client: the same certificates, the same
//! timeouts, and the secrets in headers.

use std::time::Duration;

use autoscan_core::fault::Fault;
use futures_util::StreamExt as _;
use reqwest::header::{
    CONNECTION, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE,
};
use reqwest::{StatusCode, Upgraded};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::answer::Answer;
use crate::client::Http;
use crate::request::Request;
use crate::transport::Call;

/// How much is read at a time: what servers tell is short.
const READ: usize = 8 * 1024;

/// An open websocket.
pub struct Socket {
    stream: WebSocketStream<Upgraded>,
    call: Call,
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
        let (status, call) = (response.status(), Call::of(&request));
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
            .max_message_size(Some(at_most))
            .max_frame_size(Some(at_most));
        let stream = WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await;
        Ok(Socket { stream, call })
    }
}

impl Socket {
    /// The next text that the server sends; none when it closed the websocket. What is no text is passed over, and pings
    /// are answered. A server that sends nothing for `silence` is a fault, as is a connection that was lost.
    pub async fn next(&mut self, silence: Duration) -> Result<Option<String>, Fault> {
        let text = async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Text(text))) => return Ok(Some(text.as_str().to_owned())),
                    Some(Ok(Message::Close(_))) | None => return Ok(None),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error),
                }
            }
        };
        let line = &self.call.line;
        match tokio::time::timeout(silence, text).await {
            Ok(Ok(text)) => Ok(text),
            Ok(Err(error)) => Err(Fault::away(format!("{line}: {}", reason(&error)))),
            Err(_elapsed) => {
                Err(Fault::away(format!("{line}: nothing was said for {} s", silence.as_secs_f32())))
            }
        }
    }
}

fn no_websocket(call: &Call) -> Fault {
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
