//! Names of triggers that senders asked for and that there are not: a sender shows its person no more than the status 404.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use autoscan_core::time::Timestamp;

use crate::views::UnknownTrigger;

/// Names that are remembered: those that were asked for last.
const MOST: usize = 10;
/// Characters of a name that are shown.
const LONGEST: usize = 64;

/// What was asked for since the start.
#[derive(Default)]
pub(crate) struct UnknownTriggers(Mutex<VecDeque<UnknownTrigger>>);

impl UnknownTriggers {
    /// Somebody who was let in asked for this name. Answers it as it is shown.
    pub(crate) fn note(&self, name: &str, now: Timestamp) -> String {
        let name: String = name.chars().filter(|letter| !letter.is_control()).take(LONGEST).collect();
        let mut names = self.lock();
        let known = names.iter().position(|known| known.name == name);
        let times = known.and_then(|at| names.remove(at)).map_or(0, |known| known.times);
        names.push_front(UnknownTrigger { name: name.clone(), last: now, times: times.saturating_add(1) });
        names.truncate(MOST);
        name
    }

    /// All that are remembered, the last first.
    pub(crate) fn all(&self) -> Vec<UnknownTrigger> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<UnknownTrigger>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_names_are_remembered_each_once_and_safe_to_show() {
        let names = UnknownTriggers::default();
        let at = Timestamp::from_millis;
        assert_eq!(names.note("sonar\u{1b}[2J", at(1)), "sonar[2J");
        names.note(&"x".repeat(500), at(2));
        names.note("sonar\u{1b}[2J", at(3));
        let known = names.all();
        assert_eq!((known[0].name.as_str(), known[0].times, known[0].last), ("sonar[2J", 2, at(3)));
        assert_eq!((known.len(), known[1].name.len()), (2, LONGEST));
        (0..50).for_each(|number| drop(names.note(&number.to_string(), at(9))));
        assert_eq!((names.all().len(), names.all()[0].name.as_str()), (MOST, "49"));
    }
}
