//! When Jellyfin shut down: it forgets what it was told and has not done yet. It says so over its websocket, which an API key may open
//! and which tells it nothing else (12.0.0, measured). Everything works without it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_http::{Http, Request};
use serde::Deserialize;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::family::listener::{Listener, listen};

/// Longest message that is read, in bytes.
const LONGEST: usize = 256 * 1024;

/// Jellyfin forgets a connection that said nothing for 60 s, without closing it (12.0.0, measured).
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// A websocket that answers no [`KEEP_ALIVE`] is dead.
const SILENCE: Duration = Duration::from_secs(75);

/// Listens to one Jellyfin.
#[derive(Default)]
pub(super) struct Shutdowns {
    listener: Listener,
    heard: Arc<Heard>,
}

/// What was heard.
#[derive(Default)]
struct Heard {
    last: Mutex<Option<Instant>>,
    /// It has not been heard since it shut down.
    is_away: AtomicBool,
    /// Jellyfin is there again.
    back: Notify,
}

impl Shutdowns {
    /// Begins to listen, if nobody does.
    pub(super) fn listen(&self, http: &Http, request: impl FnOnce() -> Request) {
        self.listener.open(|| {
            let (http, request, heard) = (http.clone(), request(), Arc::clone(&self.heard));
            listen("Jellyfin", move || {
                let (http, request, heard) = (http.clone(), request.clone(), Arc::clone(&heard));
                async move { hear(&http, &request, &heard).await }
            })
        });
    }

    /// How long ago Jellyfin last shut down; none when nobody heard it.
    pub(super) fn last(&self) -> Option<Duration> {
        let last = *self.heard.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.map(|last| last.elapsed())
    }

    /// Ends when Jellyfin is there again after it shut down.
    pub(super) async fn is_back(&self) {
        self.heard.back.notified().await;
    }
}

/// Listens until the websocket ends.
async fn hear(http: &Http, request: &Request, heard: &Heard) -> Result<(), Fault> {
    let mut socket = http.socket(request, LONGEST).await?;
    if heard.is_away.swap(false, Ordering::Relaxed) {
        heard.back.notify_one();
    }
    let mut spoke = Instant::now();
    loop {
        socket.send(r#"{"MessageType":"KeepAlive"}"#).await?;
        let next_keep_alive = Instant::now() + KEEP_ALIVE;
        while let Ok(text) = tokio::time::timeout_at(next_keep_alive, socket.next(SILENCE)).await {
            let Some(text) = text? else { return Ok(()) };
            spoke = Instant::now();
            if says_that_it_shuts_down(&text) {
                tracing::info!("Jellyfin shuts down; what it was told and does not show will be told again");
                *heard.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                heard.is_away.store(true, Ordering::Relaxed);
            }
        }
        if spoke.elapsed() >= SILENCE {
            return Err(Fault::away("Jellyfin no longer answers on its websocket"));
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    message_type: String,
}

fn says_that_it_shuts_down(text: &str) -> bool {
    serde_json::from_str::<Message>(text).is_ok_and(|message| message.message_type == "ServerShuttingDown")
}
