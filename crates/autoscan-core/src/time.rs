//! Times as whole milliseconds: of day, since the Unix epoch in UTC, and steady, since some moment of this process.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A time of day in UTC, in milliseconds since the Unix epoch. The machine's clock may be set: what waits within this
/// process counts in [`SteadyTime`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// How long ago `earlier` was, or zero when it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }
}

/// A moment of this process, in milliseconds since some earlier one: it never goes back, whatever becomes of the clock.
/// Worth nothing in another process or on a disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SteadyTime(u64);

impl SteadyTime {
    /// The moment `millis` milliseconds after the first.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the first moment.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// How long ago `earlier` was, or zero when it lies ahead.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for SteadyTime {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_since_a_later_moment_is_zero() {
        assert_eq!(Timestamp::from_millis(5).since(Timestamp::from_millis(9)), Duration::ZERO);
    }

    #[test]
    fn the_time_since_a_later_steady_moment_is_zero() {
        let moment = SteadyTime::from_millis(5);
        assert_eq!(moment.since(moment + Duration::from_millis(4)), Duration::ZERO);
        assert_eq!((moment + Duration::from_millis(4)).since(moment), Duration::from_millis(4));
        assert_eq!((moment + Duration::MAX).as_millis(), u64::MAX);
    }

    #[test]
    fn adding_for_ever_saturates() {
        assert_eq!((Timestamp::from_millis(1) + Duration::MAX).as_millis(), i64::MAX);
    }
}
