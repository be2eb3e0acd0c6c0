//! The real time.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use autoscan_core::ports::Clock;
use autoscan_core::time::{SteadyTime, Timestamp};

/// The machine's clock.
pub(crate) struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock that everything else asks")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn steady(&self) -> SteadyTime {
        static START: OnceLock<Instant> = OnceLock::new();
        SteadyTime::default() + START.get_or_init(Instant::now).elapsed()
    }

    /// By the system's time zone; UTC where it is not known.
    fn minute_of_day(&self, at: Timestamp) -> u16 {
        let moment = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
        let local = moment.to_zoned(jiff::tz::TimeZone::system());
        u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap_or_default()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
