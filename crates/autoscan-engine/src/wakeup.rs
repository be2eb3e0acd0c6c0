//! What wakes a waiting loop, only when there is something earlier than what the loop waits for.

use std::sync::atomic::{AtomicU64, Ordering};

use autoscan_core::time::SteadyTime;
use tokio::sync::Notify;

/// A wakeup. The loop arms it, looks, and then sleeps until the moment it found; news for an earlier moment wake it.
pub(crate) struct Wakeup {
    notify: Notify,
    /// The loop wakes by itself at this moment; news for a later one need not wake it.
    wakes_at: AtomicU64,
}

impl Wakeup {
    pub(crate) fn new() -> Self {
        Self { notify: Notify::new(), wakes_at: AtomicU64::new(u64::MAX) }
    }

    /// Before a look: whatever comes from now on wakes.
    pub(crate) fn arm(&self) {
        self.wakes_at.store(u64::MAX, Ordering::SeqCst);
    }

    /// After a look: news for `at` or a later moment need not wake.
    pub(crate) fn sleeps_until(&self, at: SteadyTime) {
        self.wakes_at.store(at.as_millis(), Ordering::SeqCst);
    }

    /// Wakes when the loop would wake too late for `at`.
    pub(crate) fn wake_before(&self, at: SteadyTime) {
        if at.as_millis() < self.wakes_at.load(Ordering::SeqCst) {
            self.wake();
        }
    }

    /// Wakes.
    pub(crate) fn wake(&self) {
        self.notify.notify_one();
    }

    /// Ends with the next wakeup, or at once when there was one since the last wait.
    pub(crate) async fn woken(&self) {
        self.notify.notified().await;
    }
}
