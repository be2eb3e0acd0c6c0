//! Files that a sender missed on the disk: they are looked for again, because no sender reports that one came back.

use std::time::Duration;

use crate::name::Name;
use crate::path::{LocalPath, TriggerPath};
use crate::time::Timestamp;

/// So long after a file was reported missing it is looked for again.
const AFTER: [Duration; 3] = [Duration::from_mins(5), Duration::from_mins(30), Duration::from_hours(2)];
/// While an anchor or mount above the file is gone, or it cannot be looked at, look this often.
const WHILE_FALLEN: Duration = Duration::from_mins(1);
/// So long that is done at most.
const LONGEST: Duration = Duration::from_hours(7 * 24);

/// Later looks that a store keeps at most: those of the files that were reported first go.
pub const MOST_LATER_LOOKS: usize = 10_000;

/// A file that a sender reported missing. Sonarr and Radarr take it in without a word when it is back (Sonarr 10.0.0.15072,
/// Radarr 10.0.0.15633, measured).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaterLook {
    /// The file.
    pub path: LocalPath,
    /// The trigger that reported it.
    pub trigger: Name,
    /// The path as it was sent; none when it is the same here.
    pub sent_path: Option<TriggerPath>,
    /// When it was reported.
    pub reported_at: Timestamp,
    /// How many looks did not find it.
    pub looks: u32,
    /// When it is looked for next.
    pub next_at: Timestamp,
}

impl LaterLook {
    /// A file that is reported missing now.
    pub fn new(path: LocalPath, trigger: Name, sent_path: Option<TriggerPath>, now: Timestamp) -> Self {
        Self { path, trigger, sent_path, reported_at: now, looks: 0, next_at: now + AFTER[0] }
    }

    /// The next look, after one that did not find the file; none after the last.
    pub fn not_found(self, now: Timestamp) -> Option<Self> {
        let looks = self.looks.saturating_add(1);
        let after = AFTER.get(usize::try_from(looks).unwrap_or(usize::MAX))?;
        let next_at = (self.reported_at + *after).max(now + AFTER[0]);
        Some(Self { looks, next_at, ..self })
    }

    /// The next look, after one that says nothing, because what guards the file's folder does not stand; none when that goes on
    /// for too long.
    pub fn postponed(self, now: Timestamp) -> Option<Self> {
        (now.since(self.reported_at) < LONGEST).then(|| Self { next_at: now + WHILE_FALLEN, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(minutes: u64) -> LaterLook {
        let path = LocalPath::parse("/tv/Show/a.mkv").unwrap();
        LaterLook::new(path, Name::parse("sonarr").unwrap(), None, at(minutes))
    }

    fn at(minutes: u64) -> Timestamp {
        Timestamp::from_millis(0) + Duration::from_mins(minutes)
    }

    #[test]
    fn a_missing_file_is_looked_for_after_5_30_and_120_minutes() {
        let first = look(0);
        assert_eq!(first.next_at, at(5));
        let second = first.not_found(at(5)).unwrap();
        assert_eq!(second.next_at, at(30));
        let third = second.not_found(at(30)).unwrap();
        assert_eq!((third.next_at, third.looks), (at(120), 2));
        assert_eq!(third.not_found(at(120)), None);
    }

    #[test]
    fn a_look_that_says_nothing_does_not_count_and_ends_after_a_week() {
        let postponed = look(0).postponed(at(5)).unwrap();
        assert_eq!((postponed.looks, postponed.next_at), (0, at(6)));
        let late = postponed.not_found(at(600)).unwrap();
        assert_eq!(late.next_at, at(605), "looks keep a distance");
        assert_eq!(late.postponed(at(7 * 24 * 60)), None);
    }
}
