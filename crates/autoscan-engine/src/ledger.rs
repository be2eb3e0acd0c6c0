//! What each trigger sent. It is kept now and then, never with a request: a request must not wait for it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use autoscan_core::history::{TriggerCounts, TriggerEvent};
use autoscan_core::name::Name;
use autoscan_core::scan::ScanId;
use autoscan_core::time::Timestamp;

/// Scans that are named with an event.
const SCANS: usize = 20;
/// Characters of a sender's text that are kept.
const LONGEST: usize = 500;

/// What triggers sent; bounded by the triggers that were ever configured.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    /// Ever since they are configured.
    all: BTreeMap<Name, TriggerCounts>,
    /// What of it is not in the store yet.
    unsaved: BTreeMap<Name, TriggerCounts>,
}

impl Ledger {
    /// A request was read, and this became of it.
    pub(crate) fn note(&self, trigger: &Name, changes: usize, event: TriggerEvent) {
        let last = Some((event.at, event.event.clone()));
        let changes = u64::try_from(changes).unwrap_or(u64::MAX);
        let counts = TriggerCounts::new(trigger.clone());
        self.add(TriggerCounts { events: 1, changes, last, recent: vec![event], ..counts });
    }

    /// A request was refused or could not be read. The same again and again is one event, so that it does not push out
    /// all others.
    pub(crate) fn note_refused(&self, trigger: &Name, at: Timestamp, outcome: &str) {
        let event = TriggerEvent { refused: true, ..received(at, "", outcome, &[]) };
        self.add(TriggerCounts { refused: 1, recent: vec![event], ..TriggerCounts::new(trigger.clone()) });
    }

    /// A request was right and could not be stored: what it said is lost.
    pub(crate) fn note_lost(&self, trigger: &Name, event: TriggerEvent) {
        let event = TriggerEvent { refused: true, ..event };
        let (lost_since, counts) = (Some(event.at), TriggerCounts::new(trigger.clone()));
        self.add(TriggerCounts { refused: 1, lost: 1, lost_since, recent: vec![event], ..counts });
    }

    /// A person knows of what is lost. Answers whether there was any that nobody knew of.
    pub(crate) fn dismiss_lost(&self, trigger: &Name) -> bool {
        let mut counts = self.lock();
        let dismissed = counts.all.get(trigger).map_or(0, TriggerCounts::lost_and_not_dismissed);
        if dismissed > 0 {
            let more = TriggerCounts { dismissed, ..TriggerCounts::new(trigger.clone()) };
            add_to(&mut counts.unsaved, more.clone());
            add_to(&mut counts.all, more);
        }
        dismissed > 0
    }

    /// What is known of a trigger.
    pub(crate) fn of(&self, trigger: &Name) -> TriggerCounts {
        self.lock().all.get(trigger).cloned().unwrap_or_else(|| TriggerCounts::new(trigger.clone()))
    }

    /// What is to be added to what the store has; from now on it counts as kept.
    pub(crate) fn take_unsaved(&self) -> Vec<TriggerCounts> {
        std::mem::take(&mut self.lock().unsaved).into_values().collect()
    }

    /// What was got by [`Self::take_unsaved`] could not be kept.
    pub(crate) fn not_kept(&self, unsaved: Vec<TriggerCounts>) {
        let mut counts = self.lock();
        for counted in unsaved {
            let later = counts.unsaved.remove(&counted.trigger);
            let mut counted = counted;
            if let Some(later) = later {
                counted.add(later);
            }
            counts.unsaved.insert(counted.trigger.clone(), counted);
        }
    }

    /// Takes up what was kept. What came in since the start comes behind it.
    pub(crate) fn restore(&self, kept: Vec<TriggerCounts>) {
        let mut counts = self.lock();
        for mut kept in kept {
            if let Some(since) = counts.all.remove(&kept.trigger) {
                kept.add(since);
            }
            counts.all.insert(kept.trigger.clone(), kept);
        }
    }

    fn add(&self, more: TriggerCounts) {
        let mut counts = self.lock();
        add_to(&mut counts.unsaved, more.clone());
        add_to(&mut counts.all, more);
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add_to(known: &mut BTreeMap<Name, TriggerCounts>, more: TriggerCounts) {
    match known.get_mut(&more.trigger) {
        Some(known) => known.add(more),
        None => drop(known.insert(more.trigger.clone(), more)),
    }
}

/// A request that was read, with no more of it than a person reads.
pub(crate) fn received(at: Timestamp, event: &str, outcome: &str, scans: &[ScanId]) -> TriggerEvent {
    let scans = scans.iter().take(SCANS).copied().collect();
    TriggerEvent { at, event: short(event), outcome: short(outcome), scans, refused: false, times: 1 }
}

/// Text of a sender with no more of it than a person reads.
pub(crate) fn short(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
