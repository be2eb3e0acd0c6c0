//! Deletion storms: a prefix that reports the loss of many of its files at once has rather lost its mount.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use autoscan_core::change::{Change, ChangeKind};
use autoscan_core::path::LocalPath;
use autoscan_core::ports::{Files, Look};
use autoscan_core::scan::Scan;
use autoscan_core::storm::{Deletions, StormRule};
use autoscan_core::time::Timestamp;
use tokio::sync::Notify;

use crate::mounts::Mounts;

/// A storm that holds nothing any more is forgotten after this.
const FORGET_AFTER: Duration = Duration::from_mins(10);
/// Files counted below a prefix at most: where more are left the share is taken for small.
const COUNTED: usize = 50_000;
/// How long a count of files is believed.
const COUNT_AGE: Duration = Duration::from_secs(10);
/// Prefixes remembered: no machine has more roots.
const MOST: usize = 500;
/// A prefix without any known root is this many names below `/`.
const DEPTH_WITHOUT_ROOT: usize = 2;

/// The deletions of one prefix.
#[derive(Debug, Default)]
struct Prefix {
    deletions: Deletions,
    suspect: Option<Suspect>,
    left: Option<(Timestamp, usize)>,
}

/// So many deletions that they may be a storm.
#[derive(Clone, Copy, Debug)]
struct Suspect {
    deleted: usize,
    last: Timestamp,
    held_at: Option<Timestamp>,
}

/// What is known of deletions, by prefix.
pub(crate) struct Storms {
    rule: Option<StormRule>,
    files: Arc<dyn Files>,
    mounts: Arc<Mounts>,
    prefixes: Mutex<HashMap<LocalPath, Prefix>>,
    /// Rings when what must survive a restart has changed.
    pub(crate) changed: Notify,
}

impl Storms {
    pub(crate) fn new(rule: Option<StormRule>, files: Arc<dyn Files>, mounts: Arc<Mounts>) -> Self {
        Self { rule, files, mounts, prefixes: Mutex::default(), changed: Notify::new() }
    }

    /// Notes changes that were reported.
    pub(crate) fn note<'a>(&self, changes: impl Iterator<Item = &'a Change<LocalPath>>, now: Timestamp) {
        let Some(rule) = self.rule else { return };
        for change in changes.filter(|change| change.kind == ChangeKind::Deleted) {
            let prefix = self.prefix_of(&change.path);
            let mut prefixes = self.lock();
            if prefixes.len() >= MOST && !prefixes.contains_key(&prefix) {
                continue;
            }
            let known = prefixes.entry(prefix).or_default();
            known.deletions.note(now, 1);
            let deleted = known.deletions.within(now, rule.within);
            if deleted >= rule.at_least {
                let before = known.suspect;
                let held_at = before.and_then(|suspect| suspect.held_at);
                let deleted = before.map_or(deleted, |suspect| suspect.deleted.max(deleted));
                known.suspect = Some(Suspect { deleted, last: now, held_at });
            }
        }
    }

    /// Why a scan must wait because its deletions belong to a storm. `guarded` says that an anchor guards its folder and
    /// stands.
    pub(crate) async fn holds(&self, scan: &Scan, guarded: bool, now: Timestamp) -> Option<String> {
        let rule = self.rule?;
        // A file that is to be there, and is, proves the mount.
        if scan.changes.iter().any(|stored| stored.change.awaited) {
            return None;
        }
        let deleted: Vec<&LocalPath> = scan
            .changes
            .iter()
            .filter(|stored| stored.change.kind == ChangeKind::Deleted)
            .map(|stored| &stored.change.path)
            .collect();
        let prefix = self.prefix_of(deleted.first()?);
        let suspect = self.suspect(&prefix, now)?;
        let left = self.left(&prefix, rule.most_left(suspect.deleted).saturating_add(1), now).await;
        if !rule.is_storm(suspect.deleted, left) {
            return None;
        }
        let calm = now.since(suspect.last) >= rule.within;
        if calm && guarded && self.really_gone(&deleted).await {
            return None;
        }
        let news = {
            let mut prefixes = self.lock();
            let known = prefixes.get_mut(&prefix).and_then(|known| known.suspect.as_mut());
            known.is_some_and(|suspect| suspect.held_at.replace(now).is_none())
        };
        if news {
            self.changed.notify_one();
        }
        Some(sentence(&prefix, suspect.deleted, left, guarded))
    }

    /// A storm that holds deletions now, in a sentence.
    pub(crate) fn on(&self, now: Timestamp) -> Option<String> {
        let prefixes = self.lock();
        let held = prefixes.iter().find(|(_, known)| {
            known
                .suspect
                .and_then(|suspect| suspect.held_at)
                .is_some_and(|held_at| now.since(held_at) < FORGET_AFTER)
        });
        held.map(|(prefix, _)| format!("a storm of deletions under {:?} is held", prefix.as_str()))
    }

    /// A person says that the deletions under this folder are meant.
    pub(crate) fn release(&self, folder: &LocalPath) {
        let prefix = self.prefix_of(folder);
        if self.lock().remove(&prefix).is_some_and(|known| known.suspect.is_some()) {
            self.changed.notify_one();
        }
    }

    /// What must survive a restart: one storm a line.
    pub(crate) fn lines(&self) -> String {
        let line = |(prefix, known): (&LocalPath, &Prefix)| {
            let suspect = known.suspect.filter(|suspect| suspect.held_at.is_some())?;
            Some(format!("{} {} {prefix}", suspect.deleted, suspect.last.as_millis()))
        };
        self.lock().iter().filter_map(line).collect::<Vec<_>>().join("\n")
    }

    /// Takes up what was known before the restart.
    pub(crate) fn restore(&self, lines: &str, now: Timestamp) {
        for line in lines.lines() {
            let mut words = line.splitn(3, ' ');
            let (deleted, last) = (words.next().map(str::parse), words.next().map(str::parse));
            let prefix = words.next().map(LocalPath::parse);
            if let (Some(Ok(deleted)), Some(Ok(last)), Some(Ok(prefix))) = (deleted, last, prefix) {
                let last = Timestamp::from_millis(last);
                let suspect = Some(Suspect { deleted, last, held_at: Some(now) });
                self.lock().insert(prefix, Prefix { suspect, ..Prefix::default() });
            }
        }
    }

    /// The root that a path lies under: the deepest known, or one near `/`.
    fn prefix_of(&self, path: &LocalPath) -> LocalPath {
        let roots = self.mounts.roots_of(path, std::iter::empty());
        let deepest = roots.into_iter().max_by_key(|root| root.0.depth());
        deepest.unwrap_or_else(|| {
            let above: Vec<LocalPath> =
                std::iter::successors(Some(path.clone()), LocalPath::parent).collect();
            let near = above.iter().find(|at| at.0.depth() <= DEPTH_WITHOUT_ROOT);
            near.unwrap_or(path).clone()
        })
    }

    fn suspect(&self, prefix: &LocalPath, now: Timestamp) -> Option<Suspect> {
        let mut prefixes = self.lock();
        let known = prefixes.get_mut(prefix)?;
        let suspect = known.suspect?;
        let newest = suspect.held_at.map_or(suspect.last, |held_at| held_at.max(suspect.last));
        if now.since(newest) > FORGET_AFTER {
            known.suspect = None;
        }
        known.suspect
    }

    /// How many files are left below a prefix, counted up to `most`.
    async fn left(&self, prefix: &LocalPath, most: usize, now: Timestamp) -> usize {
        let known = self.lock().get(prefix).and_then(|known| known.left);
        if let Some((_, left)) = known.filter(|(at, _)| now.since(*at) < COUNT_AGE) {
            return left;
        }
        let left = self.files.list(prefix, most.min(COUNTED)).await.files.len();
        if let Some(known) = self.lock().get_mut(prefix) {
            known.left = Some((now, left));
        }
        left
    }

    async fn really_gone(&self, paths: &[&LocalPath]) -> bool {
        for path in paths {
            if self.files.look(path).await != Look::Missing {
                return false;
            }
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LocalPath, Prefix>> {
        self.prefixes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sentence(prefix: &LocalPath, deleted: usize, left: usize, guarded: bool) -> String {
    let itself = if guarded {
        "it goes on by itself once the files are really gone from the disk and the anchor stands"
    } else {
        "an `anchors` entry for this folder would let autoscan see for itself"
    };
    format!(
        "{deleted} files under {:?} were reported deleted in a short while, and {left} are left: deletions are held, \
         because it looks like a lost mount; retry this scan if they are meant ({itself})",
        prefix.as_str()
    )
}
