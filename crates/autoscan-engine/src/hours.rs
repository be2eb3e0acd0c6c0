//! What happened in each hour of the last week. Kept now and then, never with what is counted.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use autoscan_core::history::{HourCounts, VISIBLE_CLASSES};
use autoscan_core::time::Timestamp;

use crate::views::Hour;

/// Hours that are remembered: a week.
pub const HOURS: usize = 168;
const MILLIS: i64 = 3_600_000;

/// The upper ends of the classes of time to visible, in milliseconds; one more class holds what took longer.
const CLASSES: [u64; VISIBLE_CLASSES - 1] = [
    500, 1_000, 2_000, 3_000, 4_000, 5_000, 7_000, 10_000, 15_000, 20_000, 30_000, 45_000, 60_000, 90_000,
    120_000, 180_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 86_400_000,
];

/// The hours of the last week.
#[derive(Default)]
pub(crate) struct Hours(Mutex<Counts>);

/// By the number of the hour since the Unix epoch; at most [`HOURS`].
#[derive(Default)]
struct Counts {
    all: BTreeMap<i64, HourCounts>,
    /// What of it is not in the store yet.
    unsaved: BTreeMap<i64, HourCounts>,
}

impl Hours {
    /// Changes were stored.
    pub(crate) fn received(&self, changes: usize, now: Timestamp) {
        if changes > 0 {
            self.count(now, |counts| counts.changes += u64::try_from(changes).unwrap_or(u64::MAX));
        }
    }

    /// Scans came to their end.
    pub(crate) fn finished(&self, done: u64, attention: u64, now: Timestamp) {
        if done + attention > 0 {
            self.count(now, |counts| {
                counts.done += done;
                counts.attention += attention;
            });
        }
    }

    /// A delivery was seen, so long after its first request.
    pub(crate) fn seen(&self, after: Duration, now: Timestamp) {
        let millis = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        let class = CLASSES.iter().position(|end| millis <= *end).unwrap_or(CLASSES.len());
        self.count(now, |counts| {
            counts.visible[class] = counts.visible[class].saturating_add(1);
            counts.slowest = counts.slowest.max(millis);
        });
    }

    /// Every hour of the last week, oldest first; the last is the one that runs.
    pub(crate) fn all(&self, now: Timestamp) -> Vec<Hour> {
        let counts = self.lock();
        let nothing = HourCounts::default();
        let start = |number| Timestamp::from_millis(number * MILLIS);
        window(now).map(|number| shown(counts.all.get(&number).unwrap_or(&nothing), start(number))).collect()
    }

    /// What is to be added to what the store has; from now on it counts as kept.
    pub(crate) fn take_unsaved(&self) -> Vec<HourCounts> {
        std::mem::take(&mut self.lock().unsaved).into_values().collect()
    }

    /// What was got by [`Self::take_unsaved`] could not be kept.
    pub(crate) fn not_kept(&self, unsaved: Vec<HourCounts>) {
        let mut counts = self.lock();
        for hour in unsaved {
            of_hour(&mut counts.unsaved, hour.hour).add(&hour);
        }
    }

    /// Takes up what was kept; what was counted since the start is added.
    pub(crate) fn restore(&self, kept: Vec<HourCounts>, now: Timestamp) {
        let window = window(now);
        let mut counts = self.lock();
        for hour in kept.into_iter().filter(|hour| window.contains(&hour.hour)) {
            of_hour(&mut counts.all, hour.hour).add(&hour);
        }
    }

    fn count(&self, now: Timestamp, count: impl Fn(&mut HourCounts)) {
        let number = number(now);
        let mut counts = self.lock();
        if !counts.all.contains_key(&number) {
            let window = window(now);
            counts.all.retain(|number, _| window.contains(number));
        }
        let Counts { all, unsaved } = &mut *counts;
        count(of_hour(all, number));
        count(of_hour(unsaved, number));
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn of_hour(hours: &mut BTreeMap<i64, HourCounts>, number: i64) -> &mut HourCounts {
    hours.entry(number).or_insert_with(|| HourCounts { hour: number, ..HourCounts::default() })
}

/// The number of the first hour that is kept.
pub(crate) fn oldest(now: Timestamp) -> i64 {
    *window(now).start()
}

/// The number of the hour of a moment.
fn number(now: Timestamp) -> i64 {
    now.as_millis().div_euclid(MILLIS)
}

/// The numbers of the hours of the last week.
fn window(now: Timestamp) -> std::ops::RangeInclusive<i64> {
    let last = number(now);
    let week = i64::try_from(HOURS).unwrap_or(i64::MAX);
    last - week + 1..=last
}

fn shown(counts: &HourCounts, start: Timestamp) -> Hour {
    let seen = counts.visible.iter().copied().map(u64::from).sum();
    let within = |share| (seen > 0).then(|| Duration::from_millis(share_within(counts, seen, share)));
    Hour {
        start,
        changes: counts.changes,
        done: counts.done,
        attention: counts.attention,
        seen,
        visible_median: within(50),
        visible_p95: within(95),
        visible_slowest: (seen > 0).then(|| Duration::from_millis(counts.slowest)),
    }
}

/// The time in milliseconds within which that share in percent of all was visible: the end of its class, and never more than
/// the slowest.
fn share_within(counts: &HourCounts, seen: u64, share: u64) -> u64 {
    let enough = (seen * share).div_ceil(100).max(1);
    let mut counted = 0;
    for (count, end) in counts.visible.iter().zip(CLASSES) {
        counted += u64::from(*count);
        if counted >= enough {
            return end.min(counts.slowest);
        }
    }
    counts.slowest
}
