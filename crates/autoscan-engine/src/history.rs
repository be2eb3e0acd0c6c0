//! What is counted and kept of the past: what triggers sent, the hours of the last week, and figures since the start.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use autoscan_core::history::TriggerCounts;
use autoscan_core::name::Name;
use autoscan_core::ports::StoreError;
use autoscan_core::scan::{ScanId, ScanState};
use autoscan_core::time::Timestamp;

use crate::figures::{Figures, TargetFigures};
use crate::hours::{self, Hours};
use crate::ledger::{self, Ledger};
use crate::ports::Ports;
use crate::unknown_triggers::UnknownTriggers;
use crate::views::{Hour, UnknownTrigger};

/// What is counted since the program came up, and kept of the time before. One for all configs: each has an engine of its own,
/// while a counter only grows.
#[derive(Default)]
pub struct History {
    ledger: Ledger,
    hours: Hours,
    figures: Figures,
    unknown: UnknownTriggers,
    /// Whether what was kept before the start was read.
    restored: AtomicBool,
}

impl History {
    /// A request was read, and this became of it.
    pub(crate) fn received(
        &self,
        trigger: &Name,
        changes: usize,
        event: &str,
        outcome: &str,
        scans: &[ScanId],
        now: Timestamp,
    ) {
        self.hours.received(changes, now);
        self.ledger.note(trigger, changes, ledger::received(now, event, outcome, scans));
    }

    /// A request was refused, or could not be read.
    pub(crate) fn refused(&self, trigger: &Name, reason: &str, now: Timestamp) {
        self.ledger.note_refused(trigger, now, reason);
    }

    /// A request was right and could not be stored.
    pub(crate) fn lost(&self, trigger: &Name, event: &str, outcome: &str, now: Timestamp) {
        self.ledger.note_lost(trigger, ledger::received(now, event, outcome, &[]));
    }

    /// A person knows of what a trigger lost: from now on only what is lost later is warned of. Answers whether there was any
    /// that nobody knew of, once it is kept.
    pub(crate) async fn dismiss_lost(&self, trigger: &Name, ports: &Ports) -> Result<bool, StoreError> {
        let dismissed = self.ledger.dismiss_lost(trigger);
        if dismissed {
            self.keep(ports).await?;
        }
        Ok(dismissed)
    }

    /// A request came for a trigger that does not exist. Answers the name as it is shown.
    pub(crate) fn unknown_trigger(&self, name: &str, now: Timestamp) -> String {
        self.unknown.note(name, now)
    }

    /// The names of triggers that do not exist, the last that was asked for first.
    pub(crate) fn unknown_triggers(&self) -> Vec<UnknownTrigger> {
        self.unknown.all()
    }

    /// What a trigger sent.
    pub(crate) fn of_trigger(&self, trigger: &Name) -> TriggerCounts {
        self.ledger.of(trigger)
    }

    /// Files were shown by a target, so long after their first change.
    pub(crate) fn seen(&self, target: &Name, visible: Duration, now: Timestamp) {
        self.figures.seen(target, visible);
        self.hours.seen(visible, now);
    }

    /// The files of a delivery did not appear.
    pub(crate) fn missing(&self, target: &Name) {
        self.figures.missing(target);
    }

    /// What was counted of a target since the start.
    pub(crate) fn of_target(&self, target: &Name) -> TargetFigures {
        self.figures.of(target)
    }

    /// Scans came to their end.
    pub(crate) fn finished(&self, scans: &[(ScanId, ScanState)], now: Timestamp) {
        let attention = scans.iter().filter(|(_, state)| *state == ScanState::Attention).count();
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        self.hours.finished(count(scans.len() - attention), count(attention), now);
    }

    /// What happened in each hour of the last week.
    pub(crate) fn hours(&self, now: Timestamp) -> Vec<Hour> {
        self.hours.all(now)
    }

    /// Takes up what was kept before the start. Only the first engine whose store can be read does.
    pub(crate) async fn restore(&self, ports: &Ports) -> Result<(), StoreError> {
        if self.restored.load(Ordering::Relaxed) {
            return Ok(());
        }
        let (store, now) = (&ports.store, ports.now());
        let (triggers, hours) = (store.trigger_counts().await?, store.hours(hours::oldest(now)).await?);
        self.ledger.restore(triggers);
        self.hours.restore(hours, now);
        self.restored.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Adds what is new to what is kept.
    pub(crate) async fn keep(&self, ports: &Ports) -> Result<(), StoreError> {
        let store = &ports.store;
        let unsaved = self.ledger.take_unsaved();
        if !unsaved.is_empty()
            && let Err(failure) = store.add_trigger_counts(unsaved.clone()).await
        {
            self.ledger.not_kept(unsaved);
            return Err(failure);
        }
        let unsaved = self.hours.take_unsaved();
        if !unsaved.is_empty()
            && let Err(failure) = store.add_hours(unsaved.clone(), hours::oldest(ports.now())).await
        {
            self.hours.not_kept(unsaved);
            return Err(failure);
        }
        Ok(())
    }
}
