//! What each trigger sent last, since the start.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use autoscan_core::name::Name;
use autoscan_core::time::Timestamp;

/// What one trigger sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    pub(crate) events: u64,
    pub(crate) last: Option<(Timestamp, String)>,
}

/// The entries by trigger; bounded by the configured triggers.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<HashMap<Name, Entry>>);

impl Ledger {
    pub(crate) fn note(&self, trigger: &Name, event: &str, at: Timestamp) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get_mut(trigger) {
            entry.events += 1;
            match &mut entry.last {
                Some((when, what)) if what == event => *when = at,
                last => *last = Some((at, event.to_owned())),
            }
        } else {
            entries.insert(trigger.clone(), Entry { events: 1, last: Some((at, event.to_owned())) });
        }
    }

    pub(crate) fn of(&self, trigger: &Name) -> Entry {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(trigger).cloned().unwrap_or_default()
    }
}
