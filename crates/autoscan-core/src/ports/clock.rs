use std::time::Duration;

use async_trait::async_trait;

use crate::time::Timestamp;

/// The time, handed in, so that an hour passes in a millisecond in a test.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The moment now.
    fn now(&self) -> Timestamp;

    /// The minute of the day at this moment, in local time: 0 to 1439.
    fn minute_of_day(&self, at: Timestamp) -> u16;

    /// Ends after `duration`.
    async fn sleep(&self, duration: Duration);
}
