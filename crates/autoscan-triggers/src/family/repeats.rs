//! Senders say some changes twice.

use std::collections::HashSet;

use autoscan_core::change::Change;
use autoscan_core::path::TriggerPath;

/// The changes with each said once, in order.
pub(crate) fn without_repeats(changes: Vec<Change<TriggerPath>>) -> Vec<Change<TriggerPath>> {
    if changes.len() < 2 {
        return changes;
    }
    let mut said = HashSet::with_capacity(changes.len());
    let mut first: Vec<_> = changes.iter().map(|change| said.insert(change)).collect();
    drop(said);
    let mut firsts = first.drain(..);
    changes.into_iter().filter(|_| firsts.next().unwrap_or(true)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_is_said_twice_is_one() {
        let path = |text: &str| TriggerPath::parse(text).unwrap();
        let (a, b) = (Change::created(path("/tv/a")), Change::deleted(path("/tv/b")));
        let said = vec![a.clone(), b.clone(), a.clone(), b.clone(), a.clone()];
        assert_eq!(without_repeats(said), [a, b]);
    }
}
