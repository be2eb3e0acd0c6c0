//! The one task that listens to what a server says by itself, as over a websocket: begun once, again after growing pauses while the
//! connection cannot be had, and ended with the target.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use autoscan_core::fault::Fault;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// The pause before the first new attempt; each failure doubles it…
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// … up to this.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// A connection that stood for so long was a good one.
const STOOD: Duration = Duration::from_secs(30);

/// The task. It ends when this is dropped.
#[derive(Default)]
pub(crate) struct Listener(Mutex<Option<JoinHandle<()>>>);

impl Listener {
    /// Begins to listen, if nobody does.
    pub(crate) fn open<F>(&self, listening: impl FnOnce() -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut task = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        task.get_or_insert_with(|| tokio::spawn(listening()));
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let task = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task.take() {
            task.abort();
        }
    }
}

/// Listens for ever: what `hear` makes ends when a connection does.
pub(crate) async fn listen<F>(product: &str, mut hear: impl FnMut() -> F)
where
    F: Future<Output = Result<(), Fault>>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        let began = Instant::now();
        let reason = hear().await.err().map(|fault| fault.reason().to_owned());
        tracing::debug!(
            product,
            reason,
            "the server no longer tells what it does; autoscan asks, and tries again"
        );
        if began.elapsed() >= STOOD {
            pause = FIRST_PAUSE;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
