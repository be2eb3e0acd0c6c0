//! The numbers by which states and kinds are kept. They stand in databases and in the conditions of SQL: a number that was
//! once given never means something else.

use autoscan_core::change::ChangeKind;
use autoscan_core::delivery::DeliveryState;
use autoscan_core::scan::ScanState;
use autoscan_core::step::StepKind;
use rusqlite::{Error, Result, Row};

/// A value that is kept as a number.
pub(super) trait Coded: Copy + PartialEq + 'static {
    /// Every value.
    const VALUES: &'static [Self];

    /// Its number.
    fn code(self) -> i64;
}

/// The value whose number is in a column.
pub(super) fn coded<T: Coded>(row: &Row<'_>, column: usize) -> Result<T> {
    let code: i64 = row.get(column)?;
    of_code(code).ok_or(Error::IntegralValueOutOfRange(column, code))
}

/// The value that has this number.
pub(super) fn of_code<T: Coded>(code: i64) -> Option<T> {
    T::VALUES.iter().copied().find(|value| value.code() == code)
}

impl Coded for ScanState {
    const VALUES: &'static [Self] = &Self::ALL;

    fn code(self) -> i64 {
        match self {
            Self::Waiting => 0,
            Self::Running => 1,
            Self::Done => 2,
            Self::Attention => 3,
        }
    }
}

impl Coded for DeliveryState {
    const VALUES: &'static [Self] = &Self::ALL;

    fn code(self) -> i64 {
        match self {
            Self::Waiting => 0,
            Self::Held => 1,
            Self::Sent => 2,
            Self::Seen => 3,
            Self::Missing => 4,
            Self::Skipped => 5,
            Self::Failed => 6,
        }
    }
}

impl Coded for ChangeKind {
    const VALUES: &'static [Self] = &Self::ALL;

    fn code(self) -> i64 {
        match self {
            Self::Created => 0,
            Self::Modified => 1,
            Self::Deleted => 2,
            Self::Moved => 3,
            Self::Rescan => 4,
        }
    }
}

impl Coded for StepKind {
    const VALUES: &'static [Self] = &Self::ALL;

    fn code(self) -> i64 {
        match self {
            Self::Received => 0,
            Self::Mapped => 1,
            Self::Waiting => 2,
            Self::Held => 3,
            Self::Started => 4,
            Self::Sent => 5,
            Self::Asked => 6,
            Self::Seen => 7,
            Self::Missing => 8,
            Self::Skipped => 9,
            Self::Failed => 10,
            Self::Cared => 11,
            Self::Retried => 12,
            Self::Finished => 13,
            Self::LeftOut => 14,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use autoscan_core::delivery::{Delivery, Work};
    use autoscan_core::name::Name;
    use autoscan_core::time::Timestamp;
    use rusqlite::Connection;

    use super::*;

    /// The word of each number, from 0 on.
    fn words<T: Coded + Debug>(word: fn(T) -> &'static str) -> Vec<&'static str> {
        let conn = Connection::open_in_memory().unwrap();
        let mut read = conn.prepare("SELECT ?1").unwrap();
        let mut value =
            |code: usize| read.query_row([i64::try_from(code).unwrap()], |row| coded::<T>(row, 0));
        assert!(value(T::VALUES.len()).is_err());
        (0..T::VALUES.len()).map(|code| word(value(code).unwrap())).collect()
    }

    #[test]
    fn every_number_means_what_it_has_always_meant() {
        assert_eq!(words(ScanState::as_str), ["waiting", "running", "done", "attention"]);
        assert_eq!(
            words(DeliveryState::as_str),
            ["waiting", "held", "sent", "seen", "missing", "skipped", "failed"]
        );
        assert_eq!(words(ChangeKind::as_str), ["created", "modified", "deleted", "moved", "rescan"]);
        assert_eq!(
            words(StepKind::as_str),
            [
                "received", "mapped", "waiting", "held", "started", "sent", "asked", "seen", "missing",
                "skipped", "failed", "cared", "retried", "finished", "left-out"
            ]
        );
    }

    #[test]
    fn the_states_that_sql_takes_for_open_are_those_that_are_to_be_delivered() {
        for state in DeliveryState::ALL {
            let open =
                Delivery { state, ..Delivery::new(Name::parse("plex").unwrap(), Timestamp::from_millis(0)) };
            assert_eq!(state.code() < 2, open.work() == Some(Work::Deliver), "{state:?}");
        }
    }
}
