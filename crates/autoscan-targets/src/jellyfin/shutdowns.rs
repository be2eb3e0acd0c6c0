//! When Jellyfin shut down: it forgets what it was told and has not done yet. It says so over its websocket, which an API key may open
//! and which tells it nothing else (12.0.0, measured). Everything works without it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_http::{Http, Request};
use serde::Deserialize;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Longest message that is read, in bytes.
const LONGEST: usize = 256 * 1024;

/// Jellyfin forgets a connection that said nothing for 60 s, without closing it (12.0.0, measured).
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// A websocket that answers no [`KEEP_ALIVE`] is dead.
const SILENCE: Duration = Duration::from_secs(75);

/// The pause before the first new attempt; each failure doubles it…
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// … up to this.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// A connection that stood for so long was a good one.
const STOOD: Duration = Duration::from_secs(30);

/// The one task that listens. It ends when this is dropped.
#[derive(Default)]
pub(super) struct Shutdowns {
    task: Mutex<Option<JoinHandle<()>>>,
    heard: Arc<Heard>,
}

/// What was heard.
#[derive(Default)]
struct Heard {
    last: Mutex<Option<Instant>>,
    /// Jellyfin is there again.
    back: Notify,
}

impl Shutdowns {
    /// Begins to listen, if nobody does.
    pub(super) fn listen(&self, http: &Http, request: impl FnOnce() -> Request) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        task.get_or_insert_with(|| tokio::spawn(listen(http.clone(), request(), Arc::clone(&self.heard))));
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

impl Drop for Shutdowns {
    fn drop(&mut self) {
        let task = self.task.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task.take() {
            task.abort();
        }
    }
}

/// Listens for ever, with growing pauses while it cannot be had.
async fn listen(http: Http, request: Request, heard: Arc<Heard>) {
    let mut pause = FIRST_PAUSE;
    let mut shut_down = false;
    loop {
        let began = Instant::now();
        let end = hear(&http, &request, &heard, &mut shut_down).await;
        let reason = end.err().map(|fault| fault.reason().to_owned());
        tracing::debug!(reason, "Jellyfin's websocket has ended; autoscan opens it again");
        if began.elapsed() >= STOOD {
            pause = FIRST_PAUSE;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Listens until the websocket ends.
async fn hear(http: &Http, request: &Request, heard: &Heard, shut_down: &mut bool) -> Result<(), Fault> {
    let mut socket = http.socket(request, LONGEST).await?;
    if std::mem::take(shut_down) {
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
                *shut_down = true;
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
