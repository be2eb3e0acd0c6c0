//! The websockets of a pretend server.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::{Behavior, Recorded};

/// What a server sends over an open websocket; when its sender is dropped the connection is cut.
#[derive(Clone, Debug)]
pub(crate) enum Frame {
    Text(String),
    Binary(Vec<u8>),
}

/// How many frames wait for a client that reads slowly.
pub(crate) const FRAMES: usize = 1024;

/// Answers 101, and sends the frames as soon as the connection is a websocket.
pub(super) fn switch(
    call: &Recorded,
    upgrade: OnUpgrade,
    mut frames: mpsc::Receiver<Frame>,
    behavior: Arc<dyn Behavior>,
) -> (Response, AbortHandle) {
    let speak = async move {
        let Ok(upgraded) = upgrade.await else { return };
        let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        loop {
            let frame = tokio::select! {
                frame = frames.recv() => frame,
                said = socket.next() => match said {
                    Some(Ok(Message::Text(text))) => match behavior.heard(&text) {
                        Some(answer) => Some(answer),
                        None => continue,
                    },
                    Some(Ok(_)) => continue,
                    _ => None,
                },
            };
            let message = match frame {
                Some(Frame::Text(text)) => Message::text(text),
                Some(Frame::Binary(bytes)) => Message::binary(bytes),
                None => return,
            };
            if socket.send(message).await.is_err() {
                return;
            }
        }
    };
    let speaking = tokio::spawn(speak).abort_handle();
    let key = call.header("sec-websocket-key").unwrap_or_default();
    let response = Response::builder()
        .status(101)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-accept", derive_accept_key(key.as_bytes()));
    (response.body(Body::empty()).unwrap_or_default(), speaking)
}
