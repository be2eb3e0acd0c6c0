//! What each trigger sent last. It is kept now and then, never with a request: a request must not wait for it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use autoscan_core::name::Name;
use autoscan_core::scan::ScanId;
use autoscan_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::views::ReceivedEvent;

/// Events that are remembered of each trigger.
const REMEMBERED: usize = 10;
/// Scans that are named with an event.
const SCANS: usize = 20;
/// Characters of a sender's text that are remembered.
const LONGEST: usize = 500;

/// What one trigger sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Requests that were read.
    pub(crate) events: u64,
    /// Changes that were stored.
    pub(crate) changes: u64,
    /// Requests that were turned away or could not be read.
    pub(crate) refused: u64,
    /// When the last one that was read came in, and its name.
    pub(crate) last: Option<(Timestamp, String)>,
    /// The last ones, oldest first.
    pub(crate) recent: VecDeque<ReceivedEvent>,
}

/// The entries by trigger; bounded by the configured triggers.
#[derive(Default)]
pub(crate) struct Ledger {
    entries: Mutex<BTreeMap<Name, Entry>>,
    /// Whether there is something that is not kept yet.
    changed: AtomicBool,
}

impl Ledger {
    /// A request was read, and this became of it.
    pub(crate) fn note(&self, trigger: &Name, changes: usize, event: ReceivedEvent) {
        self.change(trigger, |entry| {
            entry.events += 1;
            entry.changes += u64::try_from(changes).unwrap_or(u64::MAX);
            match &mut entry.last {
                Some((when, what)) if *what == event.event => *when = event.at,
                last => *last = Some((event.at, event.event.clone())),
            }
            entry.remember(event);
        });
    }

    /// A request was turned away or could not be read. The same again and again is one event, so that it does not push out
    /// all others.
    pub(crate) fn note_refused(&self, trigger: &Name, at: Timestamp, outcome: &str) {
        let refused = ReceivedEvent { refused: true, ..ReceivedEvent::new(at, "", outcome, &[]) };
        self.change(trigger, |entry| {
            entry.refused += 1;
            let same =
                entry.recent.iter_mut().rev().find(|known| known.refused && known.outcome == refused.outcome);
            match same {
                Some(known) => {
                    known.at = at;
                    known.times = known.times.saturating_add(1);
                }
                None => entry.remember(refused),
            }
        });
    }

    /// What is known of a trigger.
    pub(crate) fn of(&self, trigger: &Name) -> Entry {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).get(trigger).cloned().unwrap_or_default()
    }

    /// All of it as text, when something changed since it was asked for last.
    pub(crate) fn changes(&self) -> Option<String> {
        if !self.changed.swap(false, Ordering::Relaxed) {
            return None;
        }
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let kept: BTreeMap<&str, Kept> =
            entries.iter().map(|(name, entry)| (name.as_str(), Kept::from(entry))).collect();
        serde_json::to_string(&kept).ok()
    }

    /// What was got by [`Self::changes`] could not be kept.
    pub(crate) fn not_kept(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    /// Takes up what was kept. What came in since the start comes behind it. Text that cannot be read is forgotten.
    pub(crate) fn restore<'a>(&self, text: &str, triggers: impl Iterator<Item = &'a Name>) {
        let mut kept: BTreeMap<String, Kept> = serde_json::from_str(text).unwrap_or_default();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        for trigger in triggers {
            let Some(kept) = kept.remove(trigger.as_str()) else { continue };
            let known = entries.entry(trigger.clone()).or_default();
            let mut entry = Entry::from(kept);
            entry.events += known.events;
            entry.changes += known.changes;
            entry.refused += known.refused;
            entry.last = known.last.take().or(entry.last);
            known.recent.drain(..).for_each(|event| entry.remember(event));
            *known = entry;
        }
    }

    fn change(&self, trigger: &Name, change: impl FnOnce(&mut Entry)) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        match entries.get_mut(trigger) {
            Some(entry) => change(entry),
            None => change(entries.entry(trigger.clone()).or_default()),
        }
        self.changed.store(true, Ordering::Relaxed);
    }
}

impl Entry {
    fn remember(&mut self, event: ReceivedEvent) {
        if self.recent.len() >= REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(event);
    }
}

impl ReceivedEvent {
    /// One that was read, with no more of it than a person reads.
    pub(crate) fn new(at: Timestamp, event: &str, outcome: &str, scans: &[ScanId]) -> Self {
        let scans = scans.iter().take(SCANS).copied().collect();
        Self { at, event: short(event), outcome: short(outcome), scans, refused: false, times: 1 }
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// An entry as it is kept.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    events: u64,
    changes: u64,
    refused: u64,
    last: Option<(i64, String)>,
    recent: Vec<KeptEvent>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct KeptEvent {
    at: i64,
    event: String,
    outcome: String,
    scans: Vec<i64>,
    refused: bool,
    times: u32,
}

impl From<&Entry> for Kept {
    fn from(entry: &Entry) -> Self {
        let event = |event: &ReceivedEvent| KeptEvent {
            at: event.at.as_millis(),
            event: event.event.clone(),
            outcome: event.outcome.clone(),
            scans: event.scans.iter().map(|scan| scan.0).collect(),
            refused: event.refused,
            times: event.times,
        };
        Self {
            events: entry.events,
            changes: entry.changes,
            refused: entry.refused,
            last: entry.last.clone().map(|(at, event)| (at.as_millis(), event)),
            recent: entry.recent.iter().map(event).collect(),
        }
    }
}

impl From<Kept> for Entry {
    fn from(kept: Kept) -> Self {
        let event = |event: KeptEvent| ReceivedEvent {
            at: Timestamp::from_millis(event.at),
            event: event.event,
            outcome: event.outcome,
            scans: event.scans.into_iter().map(ScanId).collect(),
            refused: event.refused,
            times: event.times,
        };
        Self {
            events: kept.events,
            changes: kept.changes,
            refused: kept.refused,
            last: kept.last.map(|(at, event)| (Timestamp::from_millis(at), event)),
            recent: kept.recent.into_iter().map(event).collect(),
        }
    }
}
