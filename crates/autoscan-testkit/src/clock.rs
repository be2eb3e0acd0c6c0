//! A clock on the runtime's own time: under `start_paused` an hour passes in a millisecond.

use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::ports::Clock;
use autoscan_core::time::Timestamp;
use tokio::time::Instant;

/// The time of the runtime, counted from a fixed date.
#[derive(Clone, Copy, Debug)]
pub struct FakeClock {
    start: Instant,
}

/// What the clock shows when it is made: 2026-01-01T00:00:00Z.
pub const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

impl FakeClock {
    /// A clock that shows [`START`] now.
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for FakeClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        START + self.start.elapsed()
    }

    /// The clock stands in Greenwich.
    fn minute_of_day(&self, at: Timestamp) -> u16 {
        u16::try_from(at.as_millis().div_euclid(60_000).rem_euclid(24 * 60)).unwrap_or_default()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
