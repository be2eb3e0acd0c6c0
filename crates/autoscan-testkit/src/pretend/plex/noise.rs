//! What a pretend Plex says over its websocket.

use serde_json::json;
use tokio::sync::mpsc;

use super::Plex;
use super::state::PlexSocket;
use crate::pretend::http_server::{FRAMES, Frame, Reply, lock};

/// What no client expects.
const GARBAGE: [&str; 8] = [
    "",
    "hello",
    "{\"NotificationContainer\":",
    "[]",
    "null",
    "{\"NotificationContainer\": 7}",
    "{\"NotificationContainer\": {\"type\": 5, \"ActivityNotification\": \"x\"}}",
    "{\"NotificationContainer\": {\"type\": \"activity\", \"ActivityNotification\": [{\"event\": {}}]}}",
];

/// The size of a message that no client should read.
const FLOOD: usize = 16 * 1024 * 1024;

impl Plex {
    /// Opens a websocket.
    pub(super) fn listen(&self) -> Result<mpsc::Receiver<Frame>, Reply> {
        let (sender, receiver) = mpsc::channel(FRAMES);
        let mut state = lock(&self.state);
        match state.manners.socket {
            PlexSocket::Missing => return Err(Reply::new(404, "text/html", "<html><h1>404</h1></html>")),
            PlexSocket::Drops => {}
            PlexSocket::Speaks => state.sockets.push(sender),
            PlexSocket::Silent => {
                tokio::spawn(async move { sender.closed().await });
            }
            PlexSocket::Chatters => {
                tokio::spawn(chatter(sender));
            }
            PlexSocket::Garbles => {
                for text in GARBAGE {
                    // The queue is empty and longer than this.
                    let _ = sender.try_send(Frame::Text(text.to_owned()));
                }
                let _ = sender.try_send(Frame::Binary(vec![0, 159, 146, 150]));
                state.sockets.push(sender);
            }
            PlexSocket::Floods => {
                let _ = sender.try_send(Frame::Text("x".repeat(FLOOD)));
                state.sockets.push(sender);
            }
        }
        Ok(receiver)
    }
}

/// Progress of things that nobody asked for, until the client is gone.
async fn chatter(sender: mpsc::Sender<Frame>) {
    for item in 0_u64.. {
        let entry = json!({
            "identifier": "com.plexapp.plugins.library", "sectionID": "4711", "itemID": item.to_string(),
            "type": 4, "title": "", "state": 1, "queueSize": 7,
        });
        let frame =
            json!({"NotificationContainer": {"type": "timeline", "size": 1, "TimelineEntry": [entry]}});
        if sender.send(Frame::Text(frame.to_string())).await.is_err() {
            return;
        }
        if item.is_multiple_of(20) {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
}
