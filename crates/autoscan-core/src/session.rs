//! How long a person stays logged in.

use std::time::Duration;

use crate::time::Timestamp;

/// A session that was not used for so long is over.
pub const IDLE: Duration = Duration::from_hours(7 * 24);

/// A session is over so long after the password was shown, however much it is used.
pub const LONGEST: Duration = Duration::from_hours(30 * 24);

/// A use is written down no more often than this, so that a page does not cost a write.
pub const RENEWED_EVERY: Duration = Duration::from_hours(1);

/// Sessions that are kept; beyond, those that were used longest ago are over.
pub const MOST: usize = 1024;

/// The SHA-256 of a session's id. The id itself is kept by the browser alone: who reads this cannot use it.
pub type SessionPrint = [u8; 32];

/// A browser that is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSession {
    /// Whose it is.
    pub print: SessionPrint,
    /// A fingerprint of the credentials that were shown, made with the session's id.
    pub credentials: [u8; 32],
    /// When the password was shown.
    pub begun_at: Timestamp,
    /// When it was used, as far as that is written down.
    pub used_at: Timestamp,
}

impl KeptSession {
    /// Whether it is over by time.
    pub fn is_over(&self, now: Timestamp) -> bool {
        now.since(self.used_at) >= IDLE || now.since(self.begun_at) >= LONGEST
    }

    /// Whether a use at `now` is to be written down.
    pub fn wants_renewal(&self, now: Timestamp) -> bool {
        now.since(self.used_at) >= RENEWED_EVERY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(hours: u64) -> Timestamp {
        Timestamp::from_millis(0) + Duration::from_hours(hours)
    }

    fn used(begun: u64, used: u64) -> KeptSession {
        KeptSession { print: [0; 32], credentials: [0; 32], begun_at: after(begun), used_at: after(used) }
    }

    #[test]
    fn a_session_lasts_a_week_without_use_and_a_month_with_it() {
        for (session, hours, over) in [
            (used(0, 0), 167, false),
            (used(0, 0), 168, true),
            (used(0, 700), 719, false),
            (used(0, 700), 720, true),
            (used(10, 10), 0, false),
        ] {
            assert_eq!(session.is_over(after(hours)), over, "{hours}: {session:?}");
        }
    }

    #[test]
    fn a_use_is_written_down_once_an_hour() {
        assert!(!used(0, 5).wants_renewal(after(5)));
        assert!(used(0, 5).wants_renewal(after(6)));
    }
}
