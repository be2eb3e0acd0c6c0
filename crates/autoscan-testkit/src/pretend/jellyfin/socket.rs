//! Jellyfin's websocket as an API key has it: it tells that the server shuts down, and nothing of items (12.0.0, measured).

use std::sync::Mutex;

use tokio::sync::mpsc;

use crate::pretend::http_server::{FRAMES, Frame, lock};

/// The open websockets.
#[derive(Default)]
pub(super) struct Sockets(Mutex<Vec<mpsc::Sender<Frame>>>);

impl Sockets {
    /// Opens one: it begins by telling how often it wants to hear something.
    pub(super) fn open(&self) -> mpsc::Receiver<Frame> {
        let (sender, receiver) = mpsc::channel(FRAMES);
        let first =
            r#"{"Data":60,"MessageId":"0123456789abcdef0123456789abcdef","MessageType":"ForceKeepAlive"}"#;
        // The queue is empty.
        let _ = sender.try_send(Frame::Text(first.to_owned()));
        lock(&self.0).push(sender);
        receiver
    }

    /// Tells everybody that the server shuts down, and ends all.
    pub(super) fn shut_down(&self) {
        let last = r#"{"MessageId":"0123456789abcdef0123456789abcdef","MessageType":"ServerShuttingDown"}"#;
        for socket in lock(&self.0).drain(..) {
            // Who has left needs not hear it.
            let _ = socket.try_send(Frame::Text(last.to_owned()));
        }
    }
}

/// What it answers to a text: a `KeepAlive` to a `KeepAlive`.
pub(super) fn answer(text: &str) -> Option<Frame> {
    text.contains("\"KeepAlive\"").then(|| Frame::Text(r#"{"MessageType":"KeepAlive"}"#.to_owned()))
}
