//! What is counted since the start.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use autoscan_core::name::Name;

/// The upper ends of the classes of time to visible, in seconds.
pub const VISIBLE_WITHIN: [u64; 10] = [1, 2, 5, 10, 30, 60, 120, 300, 900, 3600];

/// What is counted of one target since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetFigures {
    /// Deliveries that were seen, by the class of their time to visible: how many took at most so many seconds as
    /// [`VISIBLE_WITHIN`] says at the same place. Those that took longer are in none.
    pub visible_within: [u64; VISIBLE_WITHIN.len()],
    /// Deliveries that were seen.
    pub seen: u64,
    /// The sum of their times to visible, from the first webhook to the moment at which the server showed the files.
    pub visible_after: Duration,
    /// Deliveries whose files did not appear.
    pub missing: u64,
}

/// The figures by target; bounded by the targets that were ever configured since the start.
#[derive(Default)]
pub(crate) struct Figures(Mutex<HashMap<Name, TargetFigures>>);

impl Figures {
    /// A delivery was seen, so long after its first webhook.
    pub(crate) fn seen(&self, target: &Name, visible_after: Duration) {
        self.count(target, |figures| {
            figures.seen += 1;
            figures.visible_after += visible_after;
            for (count, limit) in figures.visible_within.iter_mut().zip(VISIBLE_WITHIN) {
                *count += u64::from(visible_after <= Duration::from_secs(limit));
            }
        });
    }

    /// A delivery's files did not appear.
    pub(crate) fn missing(&self, target: &Name) {
        self.count(target, |figures| figures.missing += 1);
    }

    /// What was counted of a target.
    pub(crate) fn of(&self, target: &Name) -> TargetFigures {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(target).cloned().unwrap_or_default()
    }

    fn count(&self, target: &Name, count: impl FnOnce(&mut TargetFigures)) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(figures) = all.get_mut(target) {
            return count(figures);
        }
        count(all.entry(target.clone()).or_default());
    }
}
