use std::time::Duration;

use async_trait::async_trait;

use crate::time::Timestamp;

/// The time, handed in, so that an hour passes in a millisecond in a test.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The moment now.
    fn now(&self) -> Timestamp;

    /// Ends after `duration`.
    async fn sleep(&self, duration: Duration);
}
