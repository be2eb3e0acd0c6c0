//! The only way in: a sender's paths → local paths → filter → one group a folder → the store.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use autoscan_core::change::{Change, Refusal};
use autoscan_core::filter::IgnoreList;
use autoscan_core::later_look::LaterLook;
use autoscan_core::map::PathMap;
use autoscan_core::name::Name;
use autoscan_core::path::{LocalPath, PathRefusal, TriggerPath};
use autoscan_core::ports::{Absorb, Batch, Bookmark, Hook, Reading, Receipt, RefusalRecord, StoreError};
use autoscan_core::scan::{Scan, StoredChange};
use autoscan_core::time::Timestamp;
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use crate::bound::{BoundTrigger, Rules};
use crate::bus::{Bus, Topic};
use crate::history::History;
use crate::ports::Ports;
use crate::scheduler::Scheduling;
use crate::storms::Storms;
use crate::views::{IntakeError, IntakeReport};
use crate::wakeup::Wakeup;

/// How long a request waits while another program keeps the database locked. Sonarr and Radarr wait 100 s for their answer and
/// never send a webhook again (measured at Sonarr 10.0.0.15072 and Radarr 10.0.0.15633).
const LOCKED_PATIENCE: Duration = Duration::from_mins(1);
/// The pause before the next attempt meanwhile.
const LOCKED_PAUSE: Duration = Duration::from_millis(200);
/// Changes of all requests that wait like this at most: what is more is refused at once.
const MOST_CHANGES_WAITING: usize = 100_000;
/// A small request counts as this many: 250 requests wait at most.
const LEAST_COUNTED: usize = 400;

/// The same path on this machine.
pub(crate) fn to_local(map: &PathMap, path: &TriggerPath) -> Result<LocalPath, PathRefusal> {
    map.apply(&path.0).map(|mapped| LocalPath(mapped.path))
}

/// Why a change does not reach the queue, or none when it does.
pub(crate) fn left_out(
    ignore: &IgnoreList,
    trigger: &BoundTrigger,
    change: &Change<LocalPath>,
) -> Option<String> {
    if let Some(pattern) = ignore.matches(&change.path.0) {
        return Some(format!("ignored because of {pattern:?}"));
    }
    trigger.filter.reject(&change.path.0, change.subject)
}

/// What taking changes in takes.
pub(crate) struct Intake {
    ports: Arc<Ports>,
    bus: Arc<Bus>,
    history: Arc<History>,
    storms: Arc<Storms>,
    pub(crate) rules: Arc<Rules>,
    /// Wakes whoever starts scans.
    pub(crate) scheduler: Arc<Wakeup>,
    /// Whether the last request could not be stored: a small write may still fit where a request does not.
    pub(crate) fails: AtomicBool,
    /// Wakes whoever looks again for missing files.
    pub(crate) later_looks: Arc<Wakeup>,
    /// Permits, one a change, of requests that wait while another program keeps the database locked.
    waits_for_lock: Semaphore,
}

/// Changes on their way in: whose they are, and whom they are for.
pub(crate) struct Incoming<'a> {
    /// Who reported them.
    pub(crate) trigger: &'a BoundTrigger,
    /// Whose map and filter count.
    pub(crate) mapped_by: &'a BoundTrigger,
    /// The targets that should be told; none means all.
    pub(crate) targets: Option<Vec<Name>>,
    /// From where on their source is read next.
    pub(crate) bookmark: Option<Bookmark>,
    /// Whether they could not be stored before: they are not counted once more.
    pub(crate) again: bool,
    /// Whether the trigger reports them just now: they count among what it sent.
    pub(crate) counted: bool,
}

impl Intake {
    /// A way in to the queue from which these start scans.
    pub(crate) fn new(scheduling: &Scheduling, rules: Arc<Rules>) -> Self {
        Self {
            ports: Arc::clone(&scheduling.ports),
            bus: Arc::clone(&scheduling.bus),
            history: Arc::clone(&scheduling.history),
            storms: Arc::clone(&scheduling.gate.storms),
            rules,
            scheduler: Arc::clone(&scheduling.wakeup),
            fails: AtomicBool::new(false),
            later_looks: Arc::new(Wakeup::new()),
            waits_for_lock: Semaphore::new(MOST_CHANGES_WAITING),
        }
    }

    /// Takes in one request of a sender: read, map, filter, store. Answers once it is stored.
    pub(crate) async fn take(
        &self,
        trigger: &BoundTrigger,
        targets: Option<Vec<Name>>,
        hook: &Hook<'_>,
    ) -> Result<IntakeReport, IntakeError> {
        let reading = trigger.reader.read(hook).inspect_err(|unreadable| {
            self.note_rejected(&trigger.name, &unreadable.to_string());
        })?;
        let incoming =
            Incoming { trigger, mapped_by: trigger, targets, bookmark: None, again: false, counted: true };
        Ok(self.take_changes(incoming, reading).await?)
    }

    /// Takes in changes: map, filter, store. Answers once they are stored.
    pub(crate) async fn take_changes(
        &self,
        incoming: Incoming<'_>,
        reading: Reading,
    ) -> Result<IntakeReport, StoreError> {
        let (trigger, now) = (incoming.trigger, self.ports.now());
        let (bookmark, again, counted) = (incoming.bookmark.clone(), incoming.again, incoming.counted);
        let mut grouping = Grouping::new(self, incoming, now);
        grouping.taken.event = reading.event;
        for Refusal { reason } in reading.refused {
            grouping.refuse(&reason);
        }
        for change in reading.changes {
            grouping.add(change);
        }
        for path in reading.missing {
            grouping.look_again(path);
        }
        let Grouping { folders, later_looks, taken, .. } = grouping;
        let event = taken.event.clone();
        if !again {
            self.note_deletions(&folders);
        }
        let (is_read_again, only_moves) = (bookmark.is_some(), bookmark.is_some() && taken.is_empty());
        let batch = Batch { received_at: now, folders, bookmark, later_looks, ..Batch::default() };
        let stored = self.store(trigger, batch, taken).await;
        if only_moves || !counted || (again && stored.is_err()) {
            return stored;
        }
        match &stored {
            Ok(taken) => {
                let (outcome, name) = (taken.sentence(), &trigger.name);
                self.history.received(name, taken.changes, &event, &outcome, &taken.scans, now);
                self.bus.name(Topic::Trigger, name);
            }
            // A source is read again from where it was.
            Err(failure) if is_read_again => {
                self.history.received(&trigger.name, 0, &event, &failure.to_string(), &[], now);
                self.bus.name(Topic::Trigger, &trigger.name);
            }
            Err(failure) => self.note_lost(trigger, &event, &failure.to_string()),
        }
        stored
    }

    /// Remembers that a request was refused though it was right, and warns of it. No sender sends it again: Sonarr, Radarr and
    /// their like send each event once. A person, or a script that asks by the same way, knows.
    pub(crate) fn note_lost(&self, trigger: &BoundTrigger, event: &str, reason: &str) {
        if trigger.kind == crate::MANUAL {
            self.history.refused(&trigger.name, reason, self.ports.now());
        } else {
            warn!(trigger = %trigger.name, event = ?event, reason, "a request could not be stored: its changes are lost unless caught up; scan their folders by hand");
            let outcome = format!("lost unless caught up: {reason}");
            self.history.lost(&trigger.name, event, &outcome, self.ports.now());
        }
        self.bus.name(Topic::Trigger, &trigger.name);
    }

    /// Remembers that a request was rejected before it was read, at the door or because of its type, or could not be read, and
    /// warns of it: Sonarr and Radarr show their person the status alone (measured at Sonarr 10.0.0.15072 and Radarr
    /// 10.0.0.15633).
    pub(crate) fn note_rejected(&self, trigger: &Name, reason: &str) {
        warn!(%trigger, reason, "a request to this trigger was rejected, and its changes are lost; the sender shows the status alone");
        self.note_refused(trigger, reason);
    }

    /// Remembers that a trigger said something that is of no use. It is counted, and the same again is one event; the trigger is
    /// as silent as before.
    pub(crate) fn note_refused(&self, trigger: &Name, reason: &str) {
        self.history.refused(trigger, reason, self.ports.now());
        self.bus.name(Topic::Trigger, trigger);
    }

    /// The same scan by the maps and filters of now, when its paths are others on this machine: what is to be stored instead.
    pub(crate) fn remapped<'a>(
        &self,
        scan: &Scan,
        trigger: impl Fn(&Name) -> Option<&'a BoundTrigger>,
    ) -> Option<Batch> {
        let now = self.ports.now();
        let mut moved = false;
        let mut folders: Vec<Absorb> = Vec::new();
        for stored in &scan.changes {
            let bound = trigger(&stored.trigger)?;
            let sent = match &stored.sent_path {
                Some(sent) => sent.clone(),
                None => TriggerPath(stored.change.path.0.clone()),
            };
            let path = to_local(&bound.map, &sent).ok()?;
            moved |= path != stored.change.path;
            let sent_path = (sent.as_str() != path.as_str()).then_some(sent);
            let change = Change { path, ..stored.change.clone() };
            let again = StoredChange { change, received_at: now, sent_path, ..stored.clone() };
            for folder in again.change.folders() {
                let priority = self.priority_of(&folder, scan.priority);
                match folders.iter_mut().find(|known| known.folder == folder) {
                    Some(known) => known.changes.push(again.clone()),
                    None => folders.push(Absorb {
                        folder,
                        priority,
                        quiet: bound.quiet,
                        changes: vec![again.clone()],
                    }),
                }
            }
        }
        moved.then(|| Batch { received_at: now, folders, ..Batch::default() })
    }

    async fn store(
        &self,
        trigger: &BoundTrigger,
        batch: Batch,
        mut taken: IntakeReport,
    ) -> Result<IntakeReport, StoreError> {
        let record = |reason: &String| RefusalRecord {
            trigger: trigger.name.clone(),
            reason: reason.clone(),
            received_at: batch.received_at,
        };
        let refusals: Vec<RefusalRecord> = taken.refused.iter().map(record).collect();
        debug!(trigger = %trigger.name, event = taken.event, changes = taken.changes, folders = batch.folders.len(), "received");
        if batch.folders.is_empty() && refusals.is_empty() && batch.bookmark.is_none() {
            return Ok(taken);
        }
        let (wakes, looks_later) = (!batch.folders.is_empty(), !batch.later_looks.is_empty());
        let stored = self.absorb(Batch { refusals, ..batch }).await;
        self.note_writes(stored.as_ref().err());
        taken.scans = stored?.scans;
        self.bus.scans(taken.scans.iter().copied());
        if wakes {
            let quiet = trigger.quiet.minimum_age.min(trigger.quiet.maximum_wait);
            self.scheduler.wake_before(self.ports.steady() + quiet);
        }
        if looks_later {
            self.later_looks.wake();
        }
        Ok(taken)
    }

    /// Stores a batch, and waits for a database that another program keeps locked. What fails in another way fails at once.
    async fn absorb(&self, batch: Batch) -> Result<Receipt, StoreError> {
        let (store, batch) = (&self.ports.store, Arc::new(batch));
        let locked = match store.absorb(Arc::clone(&batch)).await {
            Err(StoreError::Locked) => StoreError::Locked,
            stored => return stored,
        };
        let changes: usize = batch.folders.iter().map(|folder| folder.changes.len()).sum();
        let counted = u32::try_from(changes.clamp(LEAST_COUNTED, MOST_CHANGES_WAITING)).unwrap_or(u32::MAX);
        let Ok(_permits) = self.waits_for_lock.try_acquire_many(counted) else { return Err(locked) };
        warn!(
            "another program keeps the database locked; requests wait for it, each for up to {} s",
            LOCKED_PATIENCE.as_secs()
        );
        let until = self.ports.steady() + LOCKED_PATIENCE;
        while self.ports.steady() < until {
            self.ports.clock.sleep(LOCKED_PAUSE).await;
            match store.absorb(Arc::clone(&batch)).await {
                Err(StoreError::Locked) => {}
                stored => return stored,
            }
        }
        Err(locked)
    }

    /// Counts deletions before they are stored, so that none is started uncounted. A folder that got a file in the same request
    /// is tidied, not lost: an upgrade deletes what it replaces.
    fn note_deletions(&self, folders: &[Absorb]) {
        for folder in folders.iter().filter(|folder| !folder.changes.iter().any(|kept| kept.change.awaited)) {
            self.storms.note(folder.changes.iter().map(|kept| &kept.change));
        }
    }

    /// Remembers whether the last request could be stored.
    fn note_writes(&self, failure: Option<&StoreError>) {
        let fails = failure.is_some();
        if self.fails.load(Ordering::Relaxed) != fails {
            self.fails.store(fails, Ordering::Relaxed);
        }
    }

    /// The folder's own priority where one is set for its path, else this.
    fn priority_of(&self, folder: &LocalPath, otherwise: i64) -> i64 {
        let text = format!("{folder}/");
        let rule = self.rules.priorities.iter().find(|rule| text.contains(&rule.path));
        rule.map_or(otherwise, |rule| rule.priority)
    }
}

/// Changes of one request, grouped by folder.
struct Grouping<'a> {
    intake: &'a Intake,
    incoming: Incoming<'a>,
    now: Timestamp,
    folders: Vec<Absorb>,
    by_folder: HashMap<LocalPath, usize>,
    later_looks: Vec<LaterLook>,
    taken: IntakeReport,
}

impl<'a> Grouping<'a> {
    fn new(intake: &'a Intake, incoming: Incoming<'a>, now: Timestamp) -> Self {
        let (folders, by_folder, taken) = (Vec::new(), HashMap::new(), IntakeReport::default());
        Self { intake, incoming, now, folders, by_folder, later_looks: Vec::new(), taken }
    }

    /// Keeps a path that is not believed on record. Its text holds the path escaped.
    fn refuse(&mut self, reason: &PathRefusal) {
        warn!(trigger = %self.incoming.trigger.name, %reason, "a path is refused; the rest of the request is taken");
        self.taken.refused.push(reason.to_string());
    }

    fn add(&mut self, change: Change<TriggerPath>) {
        let sent = change.path.clone();
        let change = match change.try_map(|path| to_local(&self.incoming.mapped_by.map, &path)) {
            Ok(change) => change,
            Err(reason) => return self.refuse(&reason),
        };
        if let Some(reason) = self.left_out(&change) {
            debug!(trigger = %self.incoming.trigger.name, path = ?change.path, reason, "a path is left out");
            self.taken.ignored.push(format!("{:?}: {reason}", change.path.as_str()));
            return;
        }
        self.taken.changes += 1;
        let sent_path = (sent.as_str() != change.path.as_str()).then_some(sent);
        for folder in change.folders() {
            let stored = StoredChange {
                change: change.clone(),
                trigger: self.incoming.trigger.name.clone(),
                received_at: self.now,
                targets: self.incoming.targets.clone(),
                sent_path: sent_path.clone(),
            };
            self.group(folder).changes.push(stored);
        }
    }

    /// A file that the sender missed is looked for again, where autoscan looks at the disk at all. A path that is left out was
    /// reported with the change of the same path.
    fn look_again(&mut self, sent: TriggerPath) {
        let Ok(path) = to_local(&self.incoming.mapped_by.map, &sent) else { return };
        if !self.intake.rules.files.check || self.left_out(&Change::deleted(path.clone())).is_some() {
            return;
        }
        let sent_path = (sent.as_str() != path.as_str()).then_some(sent);
        let trigger = self.incoming.trigger.name.clone();
        self.later_looks.push(LaterLook::new(path, trigger, sent_path, self.now));
    }

    fn left_out(&self, change: &Change<LocalPath>) -> Option<String> {
        if self.incoming.targets.as_ref().is_some_and(Vec::is_empty) {
            return Some(
                "it is for no target: another autoscan passed it on, and only others would be told"
                    .to_owned(),
            );
        }
        left_out(&self.intake.rules.ignore, self.incoming.mapped_by, change)
    }

    fn group(&mut self, folder: LocalPath) -> &mut Absorb {
        let trigger = self.incoming.trigger;
        let priority = self.intake.priority_of(&folder, trigger.priority);
        let at = *self.by_folder.entry(folder).or_insert_with_key(|folder| {
            self.folders.push(Absorb {
                folder: folder.clone(),
                priority,
                quiet: trigger.quiet,
                // Most folders of a large request get one change: room for four would be most of what it costs.
                changes: Vec::with_capacity(1),
            });
            self.folders.len() - 1
        });
        &mut self.folders[at]
    }
}
