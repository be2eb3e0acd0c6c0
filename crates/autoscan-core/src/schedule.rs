//! When a waiting scan is due.

use std::time::Duration;

use crate::change::Change;
use crate::scan::Quiet;
use crate::time::Timestamp;

/// How long a folder is left alone at most after a sender deleted a file for an upgrade. Between that report and the one of the
/// new file neither is on the disk, for as long as the copy takes (Sonarr 10.0.0.15072 and Radarr 10.0.0.15633, measured): a
/// server that looked meanwhile would drop the episode or film.
pub const REPLACEMENT_WAIT: Duration = Duration::from_mins(30);

/// What a group of changes says of a file that is being replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplacementNews {
    /// A file is about to be replaced, and nothing else changed.
    Announced,
    /// Something else changed in the folder: whatever was announced is there, or somebody wants to see the folder now.
    Ended,
    /// Nothing.
    Nothing,
}

impl ReplacementNews {
    /// What these changes say.
    pub fn of<'a, P: 'a>(changes: impl IntoIterator<Item = &'a Change<P>>) -> Self {
        changes.into_iter().fold(Self::Nothing, |news, change| match news {
            Self::Nothing | Self::Announced if change.is_replacement_announced() => Self::Announced,
            _ => Self::Ended,
        })
    }
}

/// When a waiting scan is due, and what that follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// When it may start.
    pub due_at: Timestamp,
    /// While it waits for a replacement that was announced: when it is due without that wait.
    pub due_without_replacement: Option<Timestamp>,
    /// From when on the maximum wait counts: the end of the last wait for a replacement; none is from the first change on.
    pub counted_from: Option<Timestamp>,
}

impl Schedule {
    /// That of a scan that is new.
    pub fn new(quiet: Quiet, news: ReplacementNews, now: Timestamp) -> Self {
        let due_at = quiet.due(now, None, now);
        Self { due_at, due_without_replacement: None, counted_from: None }.waiting(quiet, news, now, now)
    }

    /// That after further changes of the folder came in now. `first_seen` is when its first change came in. It is never due
    /// before `held_until`.
    #[must_use]
    pub fn after(
        self,
        quiet: Quiet,
        first_seen: Timestamp,
        news: ReplacementNews,
        held_until: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let ends = news == ReplacementNews::Ended && self.due_without_replacement.is_some();
        let counted_from = if ends { Some(now) } else { self.counted_from };
        let known = self.due_without_replacement.unwrap_or(self.due_at);
        let due = quiet.due(counted_from.unwrap_or(first_seen), Some(known), now);
        let goes_on = news == ReplacementNews::Nothing && self.due_without_replacement.is_some();
        let plain = Self { due_at: due, due_without_replacement: None, counted_from };
        let next = if goes_on {
            Self { due_at: self.due_at.max(due), due_without_replacement: Some(due), ..plain }
        } else {
            plain.waiting(quiet, news, first_seen, now)
        };
        Self { due_at: held_until.map_or(next.due_at, |until| next.due_at.max(until)), ..next }
    }

    /// The same with the wait for a replacement that was announced now. However many are announced one after the other, the
    /// folder is not left alone for longer than the maximum wait and this wait.
    fn waiting(self, quiet: Quiet, news: ReplacementNews, first_seen: Timestamp, now: Timestamp) -> Self {
        let until = (now + REPLACEMENT_WAIT).min(first_seen + quiet.maximum_wait + REPLACEMENT_WAIT);
        if news == ReplacementNews::Announced && until > self.due_at {
            return Self { due_at: until, due_without_replacement: Some(self.due_at), ..self };
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const QUIET: Quiet = Quiet { minimum_age: Duration::from_secs(10), maximum_wait: Duration::from_mins(2) };

    use ReplacementNews::{Announced, Ended, Nothing};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    /// When a folder is due from which this was said, each at its second.
    fn due(said: &[(i64, ReplacementNews)]) -> i64 {
        let ((first, news), rest) = said.split_first().unwrap();
        let schedule = rest.iter().fold(Schedule::new(QUIET, *news, at(*first)), |known, (now, news)| {
            known.after(QUIET, at(*first), *news, None, at(*now))
        });
        schedule.due_at.as_millis() / 1000
    }

    #[test]
    fn a_replacement_is_waited_for_until_another_change_comes() {
        for (said, expected) in [
            (&[(0, Ended)][..], 10),
            (&[(0, Announced)], 1800),
            (&[(0, Announced), (1, Ended)], 11),
            (&[(0, Announced), (600, Ended)], 610),
            (&[(0, Announced), (600, Ended), (601, Ended)], 611),
            (&[(0, Announced), (600, Ended), (715, Ended)], 720),
            (&[(0, Announced), (600, Ended), (601, Announced), (700, Ended)], 710),
            (&[(0, Announced), (600, Announced)], 1920),
            (&[(0, Announced), (1900, Announced), (1910, Announced)], 1920),
            (&[(0, Announced), (5, Nothing)], 1800),
            (&[(0, Announced), (5, Nothing), (6, Ended)], 16),
            (&[(0, Ended), (1, Announced), (2, Ended)], 12),
        ] {
            assert_eq!(due(said), expected, "{said:?}");
        }
    }

    #[test]
    fn a_folder_that_is_held_is_not_due_before_its_time_whatever_is_announced() {
        let known = Schedule::new(QUIET, Announced, at(0));
        let held = Some(at(4000));
        assert_eq!(known.after(QUIET, at(0), Ended, held, at(1)).due_at, at(4000));
        assert_eq!(known.after(QUIET, at(0), Announced, held, at(1)).due_at, at(4000));
    }

    #[test]
    fn a_deletion_for_an_upgrade_announces_and_everything_else_ends_the_wait() {
        let replaced = Change::replaced("/tv/a.mkv");
        let rest = [
            Change::created("/tv/a.mkv"),
            Change::modified("/tv/a.mkv"),
            Change::deleted("/tv/a.mkv"),
            Change::moved("/tv/a.mkv", "/tv/b.mkv"),
            Change::rescan("/tv"),
            Change::folder_deleted("/tv"),
        ];
        assert_eq!(ReplacementNews::of::<&str>([]), Nothing);
        assert_eq!(ReplacementNews::of([&replaced, &replaced]), Announced);
        for change in &rest {
            assert_eq!(ReplacementNews::of([change]), Ended, "{change:?}");
            assert_eq!(ReplacementNews::of([change, &replaced]), Ended, "{change:?}");
            assert_eq!(ReplacementNews::of([&replaced, change]), Ended, "{change:?}");
        }
    }

    fn news() -> impl Strategy<Value = ReplacementNews> {
        prop::sample::select(vec![Announced, Ended, Nothing])
    }

    proptest! {
        #[test]
        fn whatever_is_announced_no_folder_waits_for_ever_and_the_end_of_a_wait_never_delays(
            first in news(),
            said in prop::collection::vec((0_u64..900_000, news()), 0..60),
            minimum_age in 0_u64..60_000,
            maximum_wait in 0_u64..180_000,
        ) {
            let quiet = Quiet {
                minimum_age: Duration::from_millis(minimum_age),
                maximum_wait: Duration::from_millis(maximum_wait),
            };
            let start = at(1);
            let mut now = start;
            let mut known = Schedule::new(quiet, first, now);
            for (pause, news) in said {
                now = now + Duration::from_millis(pause);
                let next = known.after(quiet, start, news, None, now);
                let waits = next.due_without_replacement.is_some();
                prop_assert!(next.due_at <= start + quiet.maximum_wait * 2 + REPLACEMENT_WAIT || next.due_at <= now + quiet.minimum_age);
                prop_assert!(!waits || next.due_at <= now + REPLACEMENT_WAIT);
                if news == Ended {
                    let alone = Schedule::new(quiet, Ended, now);
                    let plain = known.due_without_replacement.unwrap_or(known.due_at);
                    prop_assert!(next.due_at <= alone.due_at.max(plain));
                }
                known = next;
            }
        }
    }
}
