//! What happened in each hour of the last week. Kept now and then, never with what is counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use autoscan_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::views::Hour;

/// Hours that are remembered: a week.
pub const HOURS: usize = 168;
const MILLIS: i64 = 3_600_000;

/// The upper ends of the classes of time to visible, in milliseconds; one more class holds what took longer.
const CLASSES: [u64; 23] = [
    500, 1_000, 2_000, 3_000, 4_000, 5_000, 7_000, 10_000, 15_000, 20_000, 30_000, 45_000, 60_000, 90_000,
    120_000, 180_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 86_400_000,
];

/// What is counted in one hour.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Counts {
    changes: u64,
    done: u64,
    attention: u64,
    /// Deliveries that were seen, by the class of their time to visible.
    visible: [u32; CLASSES.len() + 1],
    /// The longest of them, in milliseconds.
    slowest: u64,
}

/// The hours by their number since 1970; at most [`HOURS`].
#[derive(Default)]
pub(crate) struct Hours {
    hours: Mutex<BTreeMap<i64, Counts>>,
    changed: AtomicBool,
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
        let hours = self.hours.lock().unwrap_or_else(PoisonError::into_inner);
        let nothing = Counts::default();
        window(now)
            .map(|number| {
                hours.get(&number).unwrap_or(&nothing).shown(Timestamp::from_millis(number * MILLIS))
            })
            .collect()
    }

    /// All of it as text, when something changed since it was asked for last.
    pub(crate) fn changes(&self) -> Option<String> {
        if !self.changed.swap(false, Ordering::Relaxed) {
            return None;
        }
        let hours = self.hours.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::to_string(&*hours).ok()
    }

    /// What was got by [`Self::changes`] could not be kept.
    pub(crate) fn not_kept(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    /// Takes up what was kept; what was counted since the start is added. Text that cannot be read is forgotten.
    pub(crate) fn restore(&self, text: &str, now: Timestamp) {
        let kept: BTreeMap<i64, Counts> = serde_json::from_str(text).unwrap_or_default();
        let window = window(now);
        let mut hours = self.hours.lock().unwrap_or_else(PoisonError::into_inner);
        for (number, counts) in kept.into_iter().filter(|(number, _)| window.contains(number)) {
            hours.entry(number).or_default().add(&counts);
        }
    }

    fn count(&self, now: Timestamp, count: impl FnOnce(&mut Counts)) {
        let number = number(now);
        let mut hours = self.hours.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counts) = hours.get_mut(&number) {
            count(counts);
        } else {
            let window = window(now);
            hours.retain(|number, _| window.contains(number));
            count(hours.entry(number).or_default());
        }
        self.changed.store(true, Ordering::Relaxed);
    }
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

impl Counts {
    fn add(&mut self, other: &Self) {
        self.changes += other.changes;
        self.done += other.done;
        self.attention += other.attention;
        self.slowest = self.slowest.max(other.slowest);
        for (count, more) in self.visible.iter_mut().zip(other.visible) {
            *count = count.saturating_add(more);
        }
    }

    fn shown(&self, start: Timestamp) -> Hour {
        let seen = self.visible.iter().copied().map(u64::from).sum();
        let among = |share| (seen > 0).then(|| Duration::from_millis(self.among(seen, share)));
        Hour {
            start,
            changes: self.changes,
            done: self.done,
            attention: self.attention,
            seen,
            visible_median: among(50),
            visible_p95: among(95),
            visible_slowest: (seen > 0).then(|| Duration::from_millis(self.slowest)),
        }
    }

    /// The time within which that share in percent of all was visible: the end of its class, and never more than the
    /// slowest.
    fn among(&self, seen: u64, share: u64) -> u64 {
        let wanted = (seen * share).div_ceil(100).max(1);
        let mut counted = 0;
        for (count, end) in self.visible.iter().zip(CLASSES) {
            counted += u64::from(*count);
            if counted >= wanted {
                return end.min(self.slowest);
            }
        }
        self.slowest
    }
}
