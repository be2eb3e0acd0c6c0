use std::time::Duration;

use async_trait::async_trait;

use crate::time::{SteadyTime, Timestamp};

/// The time, handed in, so that an hour passes in a millisecond in a test.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The time of day now: for what is kept and shown. It may be set back or forward at any moment.
    fn now(&self) -> Timestamp;

    /// The time that nobody can set: for whatever waits within this process.
    fn steady(&self) -> SteadyTime;

    /// The minute of the day at this time, in local time: 0 to 1439.
    fn minute_of_day(&self, at: Timestamp) -> u16;

    /// Ends after `duration`.
    async fn sleep(&self, duration: Duration);
}
