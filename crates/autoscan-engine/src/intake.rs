//! The only way in: a sender's paths → local paths → filter → one group a folder → the store.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use autoscan_core::change::{Change, Refusal};
use autoscan_core::map::PathMap;
use autoscan_core::name::Name;
use autoscan_core::path::{LocalPath, PathRefusal, TriggerPath};
use autoscan_core::ports::{Absorb, Batch, Hook, ReadError, Reading, RefusalRecord, StoreError};
use autoscan_core::scan::StoredChange;
use autoscan_core::time::Timestamp;
use tracing::{debug, warn};

use crate::bound::BoundTrigger;
use crate::bus::Topic;
use crate::views::{ReceivedEvent, TakeError, Taken};
use crate::{Engine, MANUAL};

/// The same path on this machine.
pub(crate) fn to_local(map: &PathMap, path: &TriggerPath) -> Result<LocalPath, PathRefusal> {
    map.apply(&path.0).map(|mapped| LocalPath(mapped.path))
}

/// What the trigger `manual` makes of paths that are asked for: it knows a file from a folder by its name.
pub(crate) fn asked(manual: &BoundTrigger, paths: &[TriggerPath]) -> Result<Reading, ReadError> {
    let query: Vec<_> = paths.iter().map(|path| ("path".to_owned(), path.to_string())).collect();
    manual.reader.read(&Hook { query: &query, content_type: None, body: &[] })
}

/// One request on its way into the store.
struct Intake<'a> {
    engine: &'a Engine,
    trigger: &'a BoundTrigger,
    /// Whose map and filter count.
    eyes: &'a BoundTrigger,
    targets: Option<Vec<Name>>,
    now: Timestamp,
    folders: Vec<Absorb>,
    by_folder: HashMap<LocalPath, usize>,
    taken: Taken,
}

impl Engine {
    /// Takes in one request of a sender: read, map, filter, store. Answers once it is stored.
    pub async fn take(&self, trigger: &Name, hook: &Hook<'_>) -> Result<Taken, TakeError> {
        let bound = self.trigger(trigger.as_str()).ok_or(TakeError::UnknownTrigger)?;
        self.take_for(bound, bound.targets.clone(), hook).await
    }

    /// The same for a request that another autoscan passed on: it is passed on no further.
    pub async fn take_passed_on(&self, trigger: &Name, hook: &Hook<'_>) -> Result<Taken, TakeError> {
        let bound = self.trigger(trigger.as_str()).ok_or(TakeError::UnknownTrigger)?;
        let meant = |name: &Name| bound.targets.as_ref().is_none_or(|names| names.contains(name));
        let ends = self.parts.targets.iter().filter(|target| !target.server.passes_on());
        let targets = ends.map(|target| target.name.clone()).filter(meant).collect();
        self.take_for(bound, Some(targets), hook).await
    }

    async fn take_for(
        &self,
        bound: &BoundTrigger,
        targets: Option<Vec<Name>>,
        hook: &Hook<'_>,
    ) -> Result<Taken, TakeError> {
        let now = self.now();
        let reading = bound.reader.read(hook).inspect_err(|unreadable| {
            self.ledger.note_refused(&bound.name, now, &unreadable.to_string());
            self.bus.name(Topic::Trigger, &bound.name);
        })?;
        let mut intake = Intake::new(self, bound, targets, now);
        intake.taken.event = reading.event;
        for Refusal { reason } in reading.refused {
            intake.refuse(&reason);
        }
        for change in reading.changes {
            intake.add(change);
        }
        self.store_and_note(intake).await
    }

    /// Stores a request and remembers what became of it.
    async fn store_and_note(&self, intake: Intake<'_>) -> Result<Taken, TakeError> {
        let (trigger, now, event) = (&intake.trigger.name, intake.now, intake.taken.event.clone());
        let stored = self.store_intake(intake).await;
        let (changes, scans, outcome) = match &stored {
            Ok(taken) => (taken.changes, &taken.scans[..], taken.sentence()),
            Err(failure) => (0, &[][..], failure.to_string()),
        };
        self.hours.received(changes, now);
        self.ledger.note(trigger, changes, ReceivedEvent::new(now, &event, &outcome, scans));
        self.bus.name(Topic::Trigger, trigger);
        Ok(stored?)
    }

    /// Remembers that a request was turned away before it was read: at the door, or because of its type. It is counted, and
    /// the same again is one event; the trigger is as silent as before.
    pub fn note_refused(&self, trigger: &Name, reason: &str) {
        self.ledger.note_refused(trigger, self.now(), reason);
        self.bus.name(Topic::Trigger, trigger);
    }

    /// Takes in a scan that a person or script asked for over the API, as the trigger `manual` reads `?path=`: it knows a
    /// file from a folder.
    pub async fn ask(&self, paths: Vec<TriggerPath>, targets: Option<Vec<Name>>) -> Result<Taken, TakeError> {
        self.ask_as(paths, targets, MANUAL).await
    }

    /// The same for paths as this trigger's sender sees them: its map and its filter count. [`MANUAL`] stands for the
    /// trigger of that kind, whatever its name.
    pub async fn ask_as(
        &self,
        paths: Vec<TriggerPath>,
        targets: Option<Vec<Name>>,
        eyes: &str,
    ) -> Result<Taken, TakeError> {
        let bound = self.trigger_of_kind(MANUAL).ok_or(TakeError::UnknownTrigger)?;
        let eyes =
            if eyes == MANUAL { bound } else { self.trigger(eyes).ok_or(TakeError::UnknownTrigger)? };
        for name in targets.iter().flatten() {
            if !self.parts.targets.iter().any(|target| target.name == *name) {
                return Err(TakeError::UnknownTarget(name.to_string()));
            }
        }
        let now = self.now();
        let mut intake = Intake::new(self, bound, targets.or_else(|| eyes.targets.clone()), now);
        intake.eyes = eyes;
        let reading = asked(bound, &paths)?;
        for change in reading.changes {
            intake.add(change);
        }
        self.store_and_note(intake).await
    }

    /// Remembers whether the last request could be stored, for [`Self::ready`].
    fn note_writes(&self, failure: Option<&StoreError>) {
        let fails = failure.is_some();
        if self.intake_fails.load(Ordering::Relaxed) != fails {
            self.intake_fails.store(fails, Ordering::Relaxed);
        }
    }

    async fn store_intake(&self, intake: Intake<'_>) -> Result<Taken, StoreError> {
        let Intake { trigger, now, folders, mut taken, .. } = intake;
        let refusals: Vec<RefusalRecord> = taken
            .refused
            .iter()
            .map(|reason| RefusalRecord {
                trigger: trigger.name.clone(),
                reason: reason.clone(),
                received_at: now,
            })
            .collect();
        debug!(trigger = %trigger.name, event = taken.event, changes = taken.changes, folders = folders.len(), "received");
        if folders.is_empty() && refusals.is_empty() {
            return Ok(taken);
        }
        // A folder that got a file in the same request is tidied, not lost: an upgrade deletes what it replaces.
        for folder in folders.iter().filter(|folder| !folder.changes.iter().any(|kept| kept.change.awaited)) {
            self.gate.storms.note(folder.changes.iter().map(|kept| &kept.change), now);
        }
        let rings = !folders.is_empty();
        let stored = self.parts.store.absorb(Batch { received_at: now, folders, refusals }).await;
        self.note_writes(stored.as_ref().err());
        taken.scans = stored?.scans;
        self.bus.scans(taken.scans.iter().copied());
        if rings {
            self.alarm.ring_before(now + trigger.quiet.minimum_age.min(trigger.quiet.maximum_wait));
        }
        Ok(taken)
    }
}

impl<'a> Intake<'a> {
    fn new(
        engine: &'a Engine,
        trigger: &'a BoundTrigger,
        targets: Option<Vec<Name>>,
        now: Timestamp,
    ) -> Self {
        let (folders, by_folder, taken) = (Vec::new(), HashMap::new(), Taken::default());
        Self { engine, trigger, eyes: trigger, targets, now, folders, by_folder, taken }
    }

    /// Keeps a path that is not believed on record. Its text holds the path escaped.
    fn refuse(&mut self, reason: &PathRefusal) {
        warn!(trigger = %self.trigger.name, %reason, "a path is refused; the rest of the request is taken");
        self.taken.refused.push(reason.to_string());
    }

    fn add(&mut self, change: Change<TriggerPath>) {
        let sent = change.path.clone();
        let change = match change.try_map(|path| to_local(&self.eyes.map, &path)) {
            Ok(change) => change,
            Err(reason) => return self.refuse(&reason),
        };
        if let Some(reason) = self.engine.left_out(self.eyes, &change) {
            debug!(trigger = %self.trigger.name, path = ?change.path, reason, "a path is left out");
            self.taken.ignored.push(format!("{:?}: {reason}", change.path.as_str()));
            return;
        }
        self.taken.changes += 1;
        let sent_path = (sent.as_str() != change.path.as_str()).then_some(sent);
        for folder in change.folders() {
            let stored = StoredChange {
                change: change.clone(),
                trigger: self.trigger.name.clone(),
                received_at: self.now,
                targets: self.targets.clone(),
                sent_path: sent_path.clone(),
            };
            self.group(folder).changes.push(stored);
        }
    }

    /// The folder's own priority where one is set for its path, else that of the trigger.
    fn priority_of(&self, folder: &LocalPath) -> i64 {
        let text = format!("{folder}/");
        let rules = &self.engine.parts.rules.priorities;
        let rule = rules.iter().find(|rule| text.contains(&rule.path));
        rule.map_or(self.trigger.priority, |rule| rule.priority)
    }

    fn group(&mut self, folder: LocalPath) -> &mut Absorb {
        let priority = self.priority_of(&folder);
        let at = *self.by_folder.entry(folder).or_insert_with_key(|folder| {
            self.folders.push(Absorb {
                folder: folder.clone(),
                priority,
                quiet: self.trigger.quiet,
                // Most folders of a large request get one change: room for four would be most of what it costs.
                changes: Vec::with_capacity(1),
            });
            self.folders.len() - 1
        });
        &mut self.folders[at]
    }
}

impl Engine {
    /// Why a change does not reach the queue, or none when it does.
    pub(crate) fn left_out(&self, trigger: &BoundTrigger, change: &Change<LocalPath>) -> Option<String> {
        if let Some(pattern) = self.parts.rules.ignore.matches(&change.path.0) {
            return Some(format!("ignored because of {pattern:?}"));
        }
        trigger.filter.reject(&change.path.0, change.subject)
    }
}
