//! Moments in JSON and on pages.

use autoscan_core::time::Timestamp;
use serde::{Serialize, Serializer};

/// A moment as RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy)]
pub(crate) struct Moment(Timestamp);

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = jiff::Timestamp::from_millisecond(self.0.as_millis());
        write!(out, "{:.3}", at.unwrap_or(jiff::Timestamp::MAX))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_always_show_milliseconds() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_700_000_000_120, "2023-11-14T22:13:20.120Z"),
            (i64::MAX, "9999-12-30T22:00:00.999Z"),
        ] {
            assert_eq!(Moment(Timestamp::from_millis(millis)).to_string(), text);
        }
    }
}
