//! A clock on the runtime's own time: under `start_paused` an hour passes in a millisecond.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::ports::Clock;
use autoscan_core::time::{SteadyTime, Timestamp};
use tokio::time::Instant;

/// The time of the runtime, counted from a fixed date. Its time of day can be set.
/// Clones are the same clock.
#[derive(Clone, Debug)]
pub struct FakeClock {
    start: Instant,
    /// How far the time of day was set forward, in milliseconds; below zero where it was set back.
    set_by: Arc<AtomicI64>,
}

/// What the clock shows when it is made: 2026-01-01T00:00:00Z.
pub const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

impl FakeClock {
    /// A clock that shows [`START`] now.
    pub fn new() -> Self {
        Self { start: Instant::now(), set_by: Arc::default() }
    }

    /// Sets the time of day back, as a person or a time server does. The steady time goes on.
    pub fn set_back(&self, by: Duration) {
        self.set_by.fetch_sub(millis(by), Ordering::Relaxed);
    }

    /// Sets the time of day forward. The steady time goes on.
    pub fn set_forward(&self, by: Duration) {
        self.set_by.fetch_add(millis(by), Ordering::Relaxed);
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Default for FakeClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        let now = START + self.start.elapsed();
        Timestamp::from_millis(now.as_millis().saturating_add(self.set_by.load(Ordering::Relaxed)))
    }

    fn steady(&self) -> SteadyTime {
        SteadyTime::default() + self.start.elapsed()
    }

    /// The clock stands in Greenwich.
    fn minute_of_day(&self, at: Timestamp) -> u16 {
        u16::try_from(at.as_millis().div_euclid(60_000).rem_euclid(24 * 60)).unwrap_or_default()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_time_of_day_can_be_set_and_the_steady_time_goes_on() {
        let clock = FakeClock::new();
        assert_eq!((clock.now(), clock.steady()), (START, SteadyTime::from_millis(0)));
        let (hour, day) = (Duration::from_hours(1), Duration::from_hours(24));
        clock.set_back(day);
        tokio::time::advance(hour).await;
        assert_eq!(clock.now().as_millis(), START.as_millis() - 23 * 3_600_000);
        assert_eq!(clock.steady(), SteadyTime::from_millis(3_600_000));
        clock.set_forward(day);
        assert_eq!((clock.now(), clock.steady()), (START + hour, SteadyTime::from_millis(3_600_000)));
    }
}
