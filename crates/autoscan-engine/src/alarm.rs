//! What wakes a waiting loop: a bell that rings only when the news is earlier than what the loop waits for.

use std::sync::atomic::{AtomicI64, Ordering};

use autoscan_core::time::Timestamp;
use tokio::sync::Notify;

/// An alarm. The loop arms it, looks, and then sleeps until the moment it found; news for an earlier moment ring.
pub(crate) struct Alarm {
    bell: Notify,
    /// The loop wakes by itself at this moment; news for a later one need not ring.
    wakes_at: AtomicI64,
}

impl Alarm {
    pub(crate) fn new() -> Self {
        Self { bell: Notify::new(), wakes_at: AtomicI64::new(i64::MAX) }
    }

    /// Before a look: whatever comes from now on rings.
    pub(crate) fn arm(&self) {
        self.wakes_at.store(i64::MAX, Ordering::SeqCst);
    }

    /// After a look: news for a moment at or after `at` need not ring.
    pub(crate) fn sleeps_until(&self, at: Timestamp) {
        self.wakes_at.store(at.as_millis(), Ordering::SeqCst);
    }

    /// Rings when the loop would wake too late for `at`.
    pub(crate) fn ring_before(&self, at: Timestamp) {
        if at.as_millis() < self.wakes_at.load(Ordering::SeqCst) {
            self.ring();
        }
    }

    /// Rings.
    pub(crate) fn ring(&self) {
        self.bell.notify_one();
    }

    /// Ends with the next ring, or at once when it rang since the last wait.
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }
}
