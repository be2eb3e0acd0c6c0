//! The gate stands before a scan starts: is the mount there, and is the file there and still?
//!
//! A scan that the gate keeps back stays in the queue and goes on merging changes, so that however long a mount is away
//! its folders are one scan each afterwards.

use std::sync::Arc;
use std::time::Duration;

use autoscan_core::change::{ChangeKind, Subject};
use autoscan_core::path::LocalPath;
use autoscan_core::ports::{HoldUntil, Look};
use autoscan_core::scan::{Scan, ScanId, StoredChange};
use autoscan_core::time::Timestamp;

use crate::absence;
use crate::bound::FileRules;
use crate::gone::{deleted, is_asked_for};
use crate::guards::{Fallen, Guards};
use crate::mounts::Mounts;
use crate::ports::Ports;
use crate::storms::Storms;
use crate::watched_scans::WatchedScans;

/// A folder that is about to be deleted is waited for this long.
const GONE_WITHIN: Duration = Duration::from_mins(2);
/// Servers are asked for so many paths of a scan that were asked for and are not there.
const ASKED_ABOUT: usize = 3;

/// What the gate says of a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GateVerdict {
    /// It may start; targets are told of this folder.
    Pass {
        /// The scan's own folder, or the nearest that exists.
        tell: LocalPath,
        /// Why it is another folder, in a sentence.
        note: Option<String>,
        /// Whether a file that was to be there never came.
        absent: bool,
    },
    /// Its file is late or still growing: look again then.
    Wait {
        /// When to look again.
        until: Timestamp,
        /// What is waited for, in a sentence.
        reason: String,
        /// What was asked for by its path and is not there, though its folder is: a server that lists it tells that it was
        /// deleted. Empty while it is too early to ask.
        absent: Vec<(LocalPath, Subject)>,
    },
    /// What guards its folder does not stand: nothing under it may reach a target.
    Hold {
        /// When to look again.
        until: HoldUntil,
        /// What is wrong, in a sentence.
        reason: String,
    },
    /// A file that was to be there never came, and no folder is left that may be told in its place.
    NeverCame {
        /// What was waited for and what to look for, in a sentence.
        reason: String,
    },
}

/// Why a look at the files does not let a scan pass.
enum Blocked {
    Late(String),
    Unreachable(String),
}

pub(crate) struct Gate {
    ports: Arc<Ports>,
    rules: FileRules,
    mounts: Arc<Mounts>,
    pub(crate) guards: Arc<Guards>,
    pub(crate) storms: Arc<Storms>,
    watched: WatchedScans,
}

impl Gate {
    pub(crate) fn new(
        ports: Arc<Ports>,
        rules: FileRules,
        mounts: Arc<Mounts>,
        guards: Arc<Guards>,
        storms: Arc<Storms>,
    ) -> Self {
        Self { ports, rules, mounts, guards, storms, watched: WatchedScans::default() }
    }

    /// Looks at a due scan.
    pub(crate) async fn check(&self, scan: &Scan) -> GateVerdict {
        let approved = self.watched.begin(scan.id, self.ports.steady());
        let verdict = self.inspect(scan, approved).await;
        match &verdict {
            GateVerdict::Pass { .. } => self.mounts.remember(self.ports.files.as_ref(), &scan.folder).await,
            // When its prefix stands again it is waited for as if it had come then.
            GateVerdict::Hold { until: HoldUntil::Released(_), .. } => self.forget(scan.id),
            GateVerdict::Wait { .. } | GateVerdict::Hold { .. } | GateVerdict::NeverCame { .. } => {}
        }
        verdict
    }

    /// A person says that what the gate holds a scan for is as it should be.
    pub(crate) fn approve(&self, scan: ScanId) {
        self.watched.approve(scan, self.ports.steady());
    }

    /// A server lists what was asked for by its path and is not there: it was deleted, and is not waited for.
    pub(crate) fn believe_gone(&self, scan: ScanId) {
        self.watched.believe_gone(scan, self.ports.steady());
    }

    /// Forgets what was seen of a scan that started or is gone.
    pub(crate) fn forget(&self, scan: ScanId) {
        self.watched.forget(scan);
    }

    /// Forgets scans that nobody looks at any more.
    pub(crate) fn tidy(&self) {
        self.watched.tidy(self.ports.steady());
    }

    /// Whether what scans are held for at this prefix still does not stand.
    pub(crate) async fn is_fallen(&self, prefix: &LocalPath) -> bool {
        if self.guards.anchors_stand(prefix).await.is_some() {
            return true;
        }
        let guarded = self.guards.anchors.guarding(prefix).next().is_some();
        if !self.rules.check {
            return false;
        }
        self.guards.mount_missing(prefix).await.is_some()
            || self.storms.goes_on(prefix, guarded)
            || self.is_gone(prefix).await
    }

    /// Whether a root is not there, empty, or cannot be looked at.
    async fn is_gone(&self, root: &LocalPath) -> bool {
        match self.ports.files.look(root).await {
            Look::Folder => self.is_empty(root).await,
            Look::File { .. } => false,
            Look::Missing | Look::Unreachable(_) => true,
        }
    }

    async fn inspect(&self, scan: &Scan, approved: bool) -> GateVerdict {
        if let Some(fallen) = self.guards.anchors_stand(&scan.folder).await {
            return hold_until_released(fallen);
        }
        if !self.rules.check {
            return GateVerdict::Pass { tell: scan.folder.clone(), note: None, absent: false };
        }
        if !approved && let Some(fallen) = self.guards.mount_missing(&scan.folder).await {
            return hold_until_released(fallen);
        }
        let guarded = self.guards.anchors.guarding(&scan.folder).next().is_some();
        if !approved && let Some((fallen, whole)) = self.storms.holds(scan, guarded).await {
            return if whole { hold_until_released(fallen) } else { self.hold(scan.id, fallen.reason) };
        }
        let late = match self.files_stand(scan).await {
            Ok(()) => None,
            Err(Blocked::Unreachable(reason)) => return self.unreachable(scan, reason).await,
            Err(Blocked::Late(reason)) if !self.gave_up(scan.id) => return self.wait(scan, reason).await,
            Err(Blocked::Late(reason)) => Some(reason),
        };
        let nearest = match self.nearest_folder(&scan.folder).await {
            Ok(nearest) => nearest,
            Err(reason) => return self.unreachable(scan, reason).await,
        };
        if nearest != scan.folder
            && !approved
            && let Some(fallen) = self.root_is_gone(&scan.folder, &nearest).await
        {
            return hold_until_released(fallen);
        }
        match late {
            None if self.is_being_deleted(scan).await => {
                let reason = format!("{:?} is still there; it is about to be deleted", scan.folder.as_str());
                self.wait(scan, reason).await
            }
            None => Self::pass(scan, nearest),
            Some(reason) => self.pass_without(scan, nearest, &reason).await,
        }
    }

    /// Everything that was to be there is there.
    fn pass(scan: &Scan, nearest: LocalPath) -> GateVerdict {
        // Nobody is told of the root of the disk: of what is gone with everything above it the folder itself is told.
        let tell = if nearest.0.is_root() { scan.folder.clone() } else { nearest };
        let note = (tell != scan.folder).then(|| {
            format!(
                "{:?} is not there; scanning {:?} instead, or, where that is a whole library, what is gone from it",
                scan.folder.as_str(),
                tell.as_str()
            )
        });
        GateVerdict::Pass { tell, note, absent: false }
    }

    /// A file never came, or never stood still. The nearest folder may be told instead, below what the config names as a root.
    async fn pass_without(&self, scan: &Scan, nearest: LocalPath, reason: &str) -> GateVerdict {
        let waited = autoscan_core::duration::Span(self.rules.give_up);
        let absent = self.is_absent(scan).await;
        if !absent {
            let note = Some(format!("waited {waited}, and goes on all the same: {reason}"));
            return GateVerdict::Pass { tell: nearest, note, absent };
        }
        let why = absence::sentence(scan, &nearest, waited);
        if nearest == scan.folder {
            return GateVerdict::Pass { tell: nearest, note: Some(why), absent };
        }
        let prefixes = self.guards.anchors.iter().map(|anchor| &anchor.prefix);
        let is_root = nearest.0.is_root() || self.mounts.roots_of(&scan.folder, prefixes).contains(&nearest);
        if is_root {
            return GateVerdict::NeverCame { reason: why };
        }
        let note = Some(format!("{why}; scanning {:?} instead", nearest.as_str()));
        GateVerdict::Pass { tell: nearest, note, absent }
    }

    /// Whether something that must be there is not.
    async fn is_absent(&self, scan: &Scan) -> bool {
        for stored in &scan.changes {
            if must_be_there(scan, stored)
                && self.ports.files.look(&stored.change.path).await == Look::Missing
            {
                return true;
            }
        }
        false
    }

    /// Whether every file of the scan that must be there is there and still.
    async fn files_stand(&self, scan: &Scan) -> Result<(), Blocked> {
        let gone = self.watched.is_believed_gone(scan.id);
        for stored in scan.changes.iter().filter(|stored| must_be_there(scan, stored)) {
            let path = &stored.change.path;
            if gone && is_asked_for(&stored.change) && self.ports.files.look(path).await == Look::Missing {
                continue;
            }
            self.file_stands(scan.id, path).await?;
        }
        Ok(())
    }

    /// Whether the scan's folder is about to be deleted, as Sonarr and Radarr say before they do it, and is still there. It is
    /// not waited for long: what stays in it may stay for good.
    async fn is_being_deleted(&self, scan: &Scan) -> bool {
        let deleted = |stored: &&StoredChange| {
            let change = &stored.change;
            change.kind == ChangeKind::Deleted
                && change.subject == Subject::Folder
                && change.path == scan.folder
        };
        let waited = self.watched.waited(scan.id, self.ports.steady());
        let is_new = waited.is_some_and(|waited| waited < GONE_WITHIN);
        is_new
            && scan.changes.iter().any(|stored| deleted(&stored))
            && scan.changes.iter().all(|stored| !must_be_there(scan, stored))
            && self.ports.files.look(&scan.folder).await == Look::Folder
    }

    /// What was asked for by its path and is not there, though its folder is; none while it may still come, or a server was
    /// asked a moment ago.
    async fn absent(&self, scan: &Scan) -> Vec<(LocalPath, Subject)> {
        if !self.watched.may_ask(scan.id, self.ports.steady()) {
            return Vec::new();
        }
        let mut absent = Vec::new();
        for stored in scan.changes.iter().filter(|stored| must_be_there(scan, stored)) {
            let change = &stored.change;
            let Some(above) = change.path.parent().filter(|_| is_asked_for(change)) else { continue };
            let files = &self.ports.files;
            if absent.len() < ASKED_ABOUT
                && files.look(&change.path).await == Look::Missing
                && files.look(&above).await == Look::Folder
            {
                absent.push((change.path.clone(), deleted(change, &change.path.0).subject));
            }
        }
        absent
    }

    async fn file_stands(&self, scan: ScanId, path: &LocalPath) -> Result<(), Blocked> {
        match self.ports.files.look(path).await {
            Look::Folder => Ok(()),
            Look::File { size, changed_at } if self.is_still(scan, path, size, changed_at) => Ok(()),
            Look::File { .. } => Err(Blocked::Late(format!(
                "{:?} changed a moment ago; it must stand still for {}",
                path.as_str(),
                autoscan_core::duration::Span(self.rules.settle)
            ))),
            Look::Missing => Err(Blocked::Late(format!("{:?} is not there yet", path.as_str()))),
            Look::Unreachable(reason) => {
                Err(Blocked::Unreachable(format!("{:?} cannot be looked at: {reason}", path.as_str())))
            }
        }
    }

    /// A file stands still when neither its content nor its entry changed for the settle time. A time stamp that lies
    /// ahead of our clock proves nothing: then it is watched for that long.
    fn is_still(&self, scan: ScanId, path: &LocalPath, size: u64, changed_at: Timestamp) -> bool {
        let (settle, now) = (self.rules.settle, self.ports.now());
        if settle.is_zero() || (changed_at <= now && now.since(changed_at) >= settle) {
            return true;
        }
        self.watched.unchanged_for(scan, path, size, changed_at, self.ports.steady()) >= settle
    }

    /// The folder itself, or the nearest above it that exists.
    async fn nearest_folder(&self, folder: &LocalPath) -> Result<LocalPath, String> {
        let mut at = folder.clone();
        loop {
            match self.ports.files.look(&at).await {
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

    /// The root that the folder lies under, when it has vanished or was emptied, so that what looks like a deletion is
    /// rather a mount that is gone.
    async fn root_is_gone(&self, folder: &LocalPath, nearest: &LocalPath) -> Option<Fallen> {
        let prefixes = self.guards.anchors.iter().map(|anchor| &anchor.prefix);
        for root in self.mounts.roots_of(folder, prefixes) {
            let what = if !nearest.0.is_within(&root.0) {
                "not there"
            } else if *nearest == root && self.is_empty(&root).await {
                "empty"
            } else {
                continue;
            };
            let reason = format!(
                "the folder {:?} is {what}: is the mount gone? If that is meant, retry this scan",
                root.as_str()
            );
            return Some(Fallen { prefix: root, reason });
        }
        None
    }

    async fn is_empty(&self, root: &LocalPath) -> bool {
        let anchors: Vec<_> = self.guards.anchors.iter().map(|anchor| anchor.file.clone()).collect();
        self.ports.files.is_empty(root, &anchors).await
    }

    /// A path of the scan cannot be looked at: perhaps all of its mount.
    async fn unreachable(&self, scan: &Scan, reason: String) -> GateVerdict {
        let mounted = self.ports.files.mount_of(&scan.folder).await;
        let mount = mounted.map(|mounted| mounted.mount).filter(|mount| !mount.0.is_root());
        if let Some(prefix) = mount
            && matches!(self.ports.files.look(&prefix).await, Look::Unreachable(_))
        {
            return hold_until_released(Fallen { prefix, reason });
        }
        self.hold(scan.id, reason)
    }

    fn hold(&self, scan: ScanId, reason: String) -> GateVerdict {
        GateVerdict::Hold { until: HoldUntil::Time(self.ports.now() + self.watched.pause(scan)), reason }
    }

    async fn wait(&self, scan: &Scan, reason: String) -> GateVerdict {
        let absent = self.absent(scan).await;
        GateVerdict::Wait { until: self.ports.now() + self.watched.pause(scan.id), reason, absent }
    }

    fn gave_up(&self, scan: ScanId) -> bool {
        let waited = self.watched.waited(scan, self.ports.steady());
        waited.is_some_and(|waited| waited >= self.rules.give_up)
    }
}

fn hold_until_released(Fallen { prefix, reason }: Fallen) -> GateVerdict {
    GateVerdict::Hold { until: HoldUntil::Released(prefix), reason }
}

/// Whether a change's path must be on the disk before a target is told: its sender says so, or a look at a folder was
/// asked for. The old folder of a move does not wait for the new name.
fn must_be_there(scan: &Scan, stored: &StoredChange) -> bool {
    let change = &stored.change;
    (change.awaited || change.kind == ChangeKind::Rescan) && change.path.0.is_within(&scan.folder.0)
}
