//! Many deletions at once are rather a mount that lost its files than a person who tidies.

use std::collections::VecDeque;
use std::time::Duration;

use crate::path::LocalPath;
use crate::time::{SteadyTime, Timestamp};

/// When deletions are a storm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StormRule {
    /// More than this part of the files below a prefix, in percent…
    pub share: u8,
    /// … reported deleted within this time…
    pub within: Duration,
    /// … and at least so many.
    pub at_least: usize,
}

impl Default for StormRule {
    fn default() -> Self {
        Self { share: 30, within: Duration::from_mins(1), at_least: 50 }
    }
}

impl StormRule {
    /// The most files that may be left below a prefix so that `deleted` deletions are a storm: there is no need to count
    /// more.
    pub fn most_left(self, deleted: usize) -> usize {
        let share = usize::from(self.share.max(1));
        (deleted.saturating_mul(100).saturating_sub(1) / share).saturating_sub(deleted)
    }

    /// Whether `deleted` of the files below a prefix, of which `left` are still there, are a storm.
    pub fn is_storm(self, deleted: usize, left: usize) -> bool {
        let all = deleted.saturating_add(left);
        deleted >= self.at_least && deleted.saturating_mul(100) > all.saturating_mul(usize::from(self.share))
    }
}

/// A storm of deletions that is held, as it is kept for the next start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldStorm {
    /// Below which folder.
    pub prefix: LocalPath,
    /// How many files were reported deleted.
    pub deleted: usize,
    /// When the last of them was.
    pub last: Timestamp,
}

/// The deletions of one prefix within the last while.
#[derive(Clone, Debug, Default)]
pub struct Deletions(VecDeque<(SteadyTime, usize)>);

/// Most entries kept: beyond them the newest takes up what comes.
const KEPT: usize = 256;

impl Deletions {
    /// Notes so many deletions.
    pub fn note(&mut self, at: SteadyTime, count: usize) {
        let full = self.0.len() >= KEPT;
        match self.0.back_mut() {
            Some((last, total)) if full || *last == at => *total += count,
            _ => self.0.push_back((at, count)),
        }
    }

    /// When the last of them was noted.
    pub fn last(&self) -> Option<SteadyTime> {
        self.0.back().map(|(at, _)| *at)
    }

    /// How many there were within the last `within`.
    pub fn within(&mut self, now: SteadyTime, within: Duration) -> usize {
        while self.0.front().is_some_and(|(at, _)| now.since(*at) > within) {
            self.0.pop_front();
        }
        self.0.iter().map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_storm_is_many_and_a_large_part() {
        let rule = StormRule::default();
        for (deleted, left, storm) in
            [(49, 0, false), (50, 0, true), (50, 116, true), (50, 117, false), (1000, 100_000, false)]
        {
            assert_eq!(rule.is_storm(deleted, left), storm, "{deleted} of {}", deleted + left);
        }
    }

    #[test]
    fn old_deletions_do_not_count() {
        let mut deletions = Deletions::default();
        deletions.note(SteadyTime::from_millis(0), 30);
        deletions.note(SteadyTime::from_millis(50_000), 30);
        assert_eq!(deletions.within(SteadyTime::from_millis(60_000), Duration::from_mins(1)), 60);
        assert_eq!(deletions.within(SteadyTime::from_millis(60_001), Duration::from_mins(1)), 30);
    }

    proptest! {
        #[test]
        fn counting_up_to_the_most_left_is_enough(deleted in 1_usize..5_000, left in 0_usize..50_000, share in 1_u8..=100) {
            let rule = StormRule { share, within: Duration::ZERO, at_least: 1 };
            let most = rule.most_left(deleted);
            prop_assert_eq!(rule.is_storm(deleted, left), left <= most && rule.is_storm(deleted, left.min(most)));
        }
    }
}
