//! The gate stands before a scan starts: is the mount there, and is the file there and still?
//!
//! A scan that the gate keeps back stays in the queue and goes on merging changes, so that however long a mount is away
//! its folders are one scan each afterwards.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use autoscan_core::anchor::Anchors;
use autoscan_core::change::ChangeKind;
use autoscan_core::path::LocalPath;
use autoscan_core::ports::{Clock, Files, Look};
use autoscan_core::scan::{Scan, ScanId, StoredChange};
use autoscan_core::time::Timestamp;

use crate::bound::FileRules;
use crate::guards::Guards;
use crate::mounts::Mounts;
use crate::storms::Storms;

/// Pauses between two looks at what is not there yet: short at first, because most files are only just late.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// What is remembered of a scan that was not looked at for this long is forgotten: it was dropped.
const FORGET_AFTER: Duration = Duration::from_hours(1);

/// What the gate says of a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may start; targets are told of this folder.
    Pass {
        /// The scan's own folder, or the nearest that exists.
        tell: LocalPath,
        /// Why it is another folder, in a sentence.
        note: Option<String>,
    },
    /// Its file is late or still growing: look again then.
    Wait {
        /// When to look again.
        until: Timestamp,
        /// What is waited for, in a sentence.
        reason: String,
    },
    /// Its mount is not as it should be: nothing under it may reach a target.
    Hold {
        /// When to look again.
        until: Timestamp,
        /// What is wrong, in a sentence.
        reason: String,
    },
}

/// What was seen of a scan's files so far.
#[derive(Debug)]
struct Memory {
    since: Timestamp,
    looked_at: Timestamp,
    pauses: u32,
    files: HashMap<LocalPath, Sight>,
    /// A person said that the mount is as it should be.
    waved_through: bool,
}

/// How a file looked, and since when it looks so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sight {
    size: u64,
    changed_at: Timestamp,
    since: Timestamp,
}

/// Why a look at the files does not let a scan pass.
enum Blocked {
    Late(String),
    Gone(String),
}

pub(crate) struct Gate {
    clock: Arc<dyn Clock>,
    files: Arc<dyn Files>,
    rules: FileRules,
    mounts: Arc<Mounts>,
    pub(crate) guards: Guards,
    pub(crate) storms: Storms,
    memory: Mutex<HashMap<ScanId, Memory>>,
}

impl Gate {
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        files: Arc<dyn Files>,
        anchors: Anchors,
        rules: FileRules,
        mounts: Arc<Mounts>,
        storms: Storms,
    ) -> Self {
        let guards =
            Guards::new(Arc::clone(&clock), Arc::clone(&files), anchors, Arc::clone(&mounts), rules.check);
        Self { clock, files, rules, mounts, guards, storms, memory: Mutex::default() }
    }

    /// Looks at a due scan.
    pub(crate) async fn check(&self, scan: &Scan) -> Verdict {
        let now = self.clock.now();
        let waved_through = self.begin(scan.id, now);
        let verdict = self.inspect(scan, now, waved_through).await;
        match &verdict {
            Verdict::Pass { .. } => {
                self.mounts.remember(self.files.as_ref(), &scan.folder).await;
                self.forget(scan.id);
            }
            Verdict::Wait { .. } | Verdict::Hold { .. } => {}
        }
        verdict
    }

    /// A person says that what the gate holds a scan for is as it should be.
    pub(crate) fn wave_through(&self, scan: ScanId) {
        if let Some(memory) = self.lock().get_mut(&scan) {
            memory.waved_through = true;
        }
    }

    /// Forgets what was seen of a scan that is gone.
    pub(crate) fn forget(&self, scan: ScanId) {
        self.lock().remove(&scan);
    }

    /// Forgets scans that nobody looks at any more.
    pub(crate) fn tidy(&self) {
        let now = self.clock.now();
        self.lock().retain(|_, memory| now.since(memory.looked_at) < FORGET_AFTER);
    }

    async fn inspect(&self, scan: &Scan, now: Timestamp, waved_through: bool) -> Verdict {
        if let Some(reason) = self.guards.anchors_stand(&scan.folder).await {
            return self.hold(scan.id, now, reason);
        }
        if !self.rules.check {
            return Verdict::Pass { tell: scan.folder.clone(), note: None };
        }
        if !waved_through && let Some(reason) = self.guards.mount_missing(&scan.folder).await {
            return self.hold(scan.id, now, reason);
        }
        let guarded = self.guards.anchors.guarding(&scan.folder).next().is_some();
        if !waved_through && let Some(reason) = self.storms.holds(scan, guarded, now).await {
            return self.hold(scan.id, now, reason);
        }
        let late = match self.files_stand(scan, now).await {
            Ok(()) => None,
            Err(Blocked::Gone(reason)) => return self.hold(scan.id, now, reason),
            Err(Blocked::Late(reason)) if !self.gave_up(scan.id, now) => {
                return self.wait(scan.id, now, reason);
            }
            Err(Blocked::Late(reason)) => Some(reason),
        };
        let tell = match self.nearest_folder(&scan.folder).await {
            Ok(tell) => tell,
            Err(reason) => return self.hold(scan.id, now, reason),
        };
        if tell != scan.folder
            && !waved_through
            && let Some(reason) = self.root_is_gone(&scan.folder, &tell).await
        {
            return self.hold(scan.id, now, reason);
        }
        Verdict::Pass { note: self.note(scan, &tell, late), tell }
    }

    /// Whether every file of the scan that must be there is there and still.
    async fn files_stand(&self, scan: &Scan, now: Timestamp) -> Result<(), Blocked> {
        for stored in &scan.changes {
            if must_be_there(scan, stored) {
                self.file_stands(scan.id, &stored.change.path, now).await?;
            }
        }
        Ok(())
    }

    async fn file_stands(&self, scan: ScanId, path: &LocalPath, now: Timestamp) -> Result<(), Blocked> {
        match self.files.look(path).await {
            Look::Folder => Ok(()),
            Look::File { size, changed_at } if self.is_still(scan, path, size, changed_at, now) => Ok(()),
            Look::File { .. } => Err(Blocked::Late(format!(
                "{:?} changed a moment ago; it must stand still for {}",
                path.as_str(),
                autoscan_core::duration::Span(self.rules.settle)
            ))),
            Look::Missing => Err(Blocked::Late(format!("{:?} is not there yet", path.as_str()))),
            Look::Unreachable(reason) => {
                Err(Blocked::Gone(format!("{:?} cannot be looked at: {reason}", path.as_str())))
            }
        }
    }

    /// A file stands still when neither its content nor its entry changed for the settle time. A time stamp that lies
    /// ahead of our clock proves nothing: then it is watched for that long.
    fn is_still(
        &self,
        scan: ScanId,
        path: &LocalPath,
        size: u64,
        changed_at: Timestamp,
        now: Timestamp,
    ) -> bool {
        let settle = self.rules.settle;
        if settle.is_zero() || (changed_at <= now && now.since(changed_at) >= settle) {
            return true;
        }
        let mut memories = self.lock();
        let Some(memory) = memories.get_mut(&scan) else { return false };
        let sight = Sight { size, changed_at, since: now };
        let known = memory.files.entry(path.clone()).or_insert(sight);
        if (known.size, known.changed_at) != (size, changed_at) {
            *known = sight;
        }
        now.since(known.since) >= settle
    }

    /// The folder itself, or the nearest above it that exists.
    async fn nearest_folder(&self, folder: &LocalPath) -> Result<LocalPath, String> {
        let mut at = folder.clone();
        loop {
            match self.files.look(&at).await {
                Look::Folder => return Ok(at),
                Look::File { .. } | Look::Missing => match at.parent() {
                    Some(parent) => at = parent,
                    None => return Ok(folder.clone()),
                },
                Look::Unreachable(reason) => {
                    return Err(format!("{:?} cannot be looked at: {reason}", at.as_str()));
                }
            }
        }
    }

    /// Whether a root that the folder lies under has vanished or was emptied, so that what looks like a deletion is
    /// rather a mount that is gone.
    async fn root_is_gone(&self, folder: &LocalPath, nearest: &LocalPath) -> Option<String> {
        let prefixes = self.guards.anchors.iter().map(|anchor| &anchor.prefix);
        for root in self.mounts.roots_of(folder, prefixes) {
            if !nearest.0.is_within(&root.0) {
                return Some(format!(
                    "the folder {:?} is not there: is the mount gone? If that is meant, retry this scan",
                    root.as_str()
                ));
            }
            let anchors: Vec<_> = self.guards.anchors.iter().map(|anchor| anchor.file.clone()).collect();
            if *nearest == root && self.files.is_empty(&root, &anchors).await {
                return Some(format!(
                    "the folder {:?} is empty: is the mount gone? If that is meant, retry this scan",
                    root.as_str()
                ));
            }
        }
        None
    }

    fn note(&self, scan: &Scan, tell: &LocalPath, late: Option<String>) -> Option<String> {
        let instead = (*tell != scan.folder).then(|| {
            format!(
                "{:?} is not there, so the nearest folder {:?} is told",
                scan.folder.as_str(),
                tell.as_str()
            )
        });
        let waited = late.map(|reason| {
            format!("waited {} in vain: {reason}", autoscan_core::duration::Span(self.rules.give_up))
        });
        match (waited, instead) {
            (Some(waited), Some(instead)) => Some(format!("{waited}; {instead}")),
            (waited, instead) => waited.or(instead),
        }
    }

    fn hold(&self, scan: ScanId, now: Timestamp, reason: String) -> Verdict {
        Verdict::Hold { until: now + self.pause(scan), reason }
    }

    fn wait(&self, scan: ScanId, now: Timestamp, reason: String) -> Verdict {
        Verdict::Wait { until: now + self.pause(scan), reason }
    }

    fn pause(&self, scan: ScanId) -> Duration {
        let mut memories = self.lock();
        let Some(memory) = memories.get_mut(&scan) else { return FIRST_PAUSE };
        memory.pauses += 1;
        FIRST_PAUSE.saturating_mul(memory.pauses).min(LONGEST_PAUSE)
    }

    fn gave_up(&self, scan: ScanId, now: Timestamp) -> bool {
        self.lock().get(&scan).is_some_and(|memory| now.since(memory.since) >= self.rules.give_up)
    }

    fn begin(&self, scan: ScanId, now: Timestamp) -> bool {
        let mut memories = self.lock();
        let memory = memories.entry(scan).or_insert_with(|| Memory {
            since: now,
            looked_at: now,
            pauses: 0,
            files: HashMap::new(),
            waved_through: false,
        });
        memory.looked_at = now;
        memory.waved_through
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ScanId, Memory>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a change's path must be on the disk before a target is told: its sender says so, or a look at a folder was
/// asked for. The old folder of a move does not wait for the new name.
fn must_be_there(scan: &Scan, stored: &StoredChange) -> bool {
    let change = &stored.change;
    (change.awaited || change.kind == ChangeKind::Rescan) && change.path.0.is_within(&scan.folder.0)
}
