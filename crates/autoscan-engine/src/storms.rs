//! Deletion storms: a prefix that reports the loss of many of its files at once has rather lost its mount.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use autoscan_core::change::{Change, ChangeKind};
use autoscan_core::path::LocalPath;
use autoscan_core::ports::Look;
use autoscan_core::scan::Scan;
use autoscan_core::storm::{Deletions, HeldStorm, StormRule};
use autoscan_core::time::SteadyTime;

use crate::guards::Fallen;
use crate::mounts::Mounts;
use crate::ports::Ports;
use crate::wakeup::Wakeup;

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
    suspect: Option<SuspectedStorm>,
    left: Option<(SteadyTime, usize)>,
}

/// So many deletions that they may be a storm.
#[derive(Clone, Copy, Debug)]
struct SuspectedStorm {
    deleted: usize,
    last: SteadyTime,
    held_at: Option<SteadyTime>,
}

/// What is known of deletions, by prefix.
pub(crate) struct Storms {
    rule: Option<StormRule>,
    ports: Arc<Ports>,
    mounts: Arc<Mounts>,
    prefixes: Mutex<HashMap<LocalPath, Prefix>>,
    /// Woken when what must survive a restart has changed.
    changed: Arc<Wakeup>,
}

impl Storms {
    pub(crate) fn new(
        rule: Option<StormRule>,
        ports: Arc<Ports>,
        mounts: Arc<Mounts>,
        changed: Arc<Wakeup>,
    ) -> Self {
        Self { rule, ports, mounts, prefixes: Mutex::default(), changed }
    }

    /// Notes changes that were reported.
    pub(crate) fn note<'a>(&self, changes: impl Iterator<Item = &'a Change<LocalPath>>) {
        let (Some(rule), now) = (self.rule, self.ports.steady()) else { return };
        for change in changes.filter(|change| change.kind == ChangeKind::Deleted) {
            let prefix = self.prefix_of(&change.path);
            let mut prefixes = self.lock();
            let is_full = prefixes.len() >= MOST && !prefixes.contains_key(&prefix);
            if is_full && !forget_the_quietest(&mut prefixes) {
                continue;
            }
            let known = prefixes.entry(prefix).or_default();
            known.deletions.note(now, 1);
            let deleted = known.deletions.within(now, rule.within);
            if deleted >= rule.at_least {
                let before = known.suspect;
                let held_at = before.and_then(|suspect| suspect.held_at);
                let deleted = before.map_or(deleted, |suspect| suspect.deleted.max(deleted));
                known.suspect = Some(SuspectedStorm { deleted, last: now, held_at });
            }
        }
    }

    /// Why a scan must wait because its deletions belong to a storm, and whether it waits for the whole prefix or for its own
    /// files to be really gone. `guarded` says that an anchor guards its folder and stands.
    pub(crate) async fn holds(&self, scan: &Scan, guarded: bool) -> Option<(Fallen, bool)> {
        let (rule, now) = (self.rule?, self.ports.steady());
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
            self.changed.wake();
        }
        let reason = sentence(&prefix, suspect.deleted, left, guarded);
        Some((Fallen { prefix, reason }, !(calm && guarded)))
    }

    /// Whether the storm below this prefix goes on, so that whatever is held for it stays so: it has not calmed down, or
    /// nothing proves that the files are really gone. Scans are held for it, so it is not forgotten.
    pub(crate) fn goes_on(&self, prefix: &LocalPath, guarded: bool) -> bool {
        let (Some(rule), now) = (self.rule, self.ports.steady()) else { return false };
        let mut prefixes = self.lock();
        let Some(suspect) = prefixes.get_mut(prefix).and_then(|known| known.suspect.as_mut()) else {
            return false;
        };
        suspect.held_at = Some(now);
        !guarded || now.since(suspect.last) < rule.within
    }

    /// A storm that holds deletions now, in a sentence.
    pub(crate) fn on(&self) -> Option<String> {
        let (prefixes, now) = (self.lock(), self.ports.steady());
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
            self.changed.wake();
        }
    }

    /// The storms that hold deletions: they must survive a restart.
    pub(crate) fn held(&self) -> Vec<HeldStorm> {
        let now = self.ports.steady();
        let held = |(prefix, known): (&LocalPath, &Prefix)| {
            let suspect = known.suspect.filter(|suspect| suspect.held_at.is_some())?;
            let last = self.ports.now() - now.since(suspect.last);
            Some(HeldStorm { prefix: prefix.clone(), deleted: suspect.deleted, last })
        };
        self.lock().iter().filter_map(held).collect()
    }

    /// Takes up what was known before the restart.
    pub(crate) fn restore(&self, kept: impl IntoIterator<Item = HeldStorm>) {
        let now = self.ports.steady();
        for HeldStorm { prefix, deleted, .. } in kept {
            let suspect = Some(SuspectedStorm { deleted, last: now, held_at: Some(now) });
            self.lock().insert(prefix, Prefix { suspect, ..Prefix::default() });
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

    fn suspect(&self, prefix: &LocalPath, now: SteadyTime) -> Option<SuspectedStorm> {
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
    async fn left(&self, prefix: &LocalPath, most: usize, now: SteadyTime) -> usize {
        let known = self.lock().get(prefix).and_then(|known| known.left);
        if let Some((_, left)) = known.filter(|(at, _)| now.since(*at) < COUNT_AGE) {
            return left;
        }
        let left = self.ports.files.list(prefix, most.min(COUNTED)).await.files.len();
        if let Some(known) = self.lock().get_mut(prefix) {
            known.left = Some((now, left));
        }
        left
    }

    async fn really_gone(&self, paths: &[&LocalPath]) -> bool {
        for path in paths {
            if self.ports.files.look(path).await != Look::Missing {
                return false;
            }
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LocalPath, Prefix>> {
        self.prefixes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room for another prefix: the one whose last deletion was longest ago and that is no suspect, or else any that holds
/// nothing. Answers whether there was one.
fn forget_the_quietest(prefixes: &mut HashMap<LocalPath, Prefix>) -> bool {
    let quietest = prefixes
        .iter()
        .filter(|(_, known)| known.suspect.is_none_or(|suspect| suspect.held_at.is_none()))
        .min_by_key(|(_, known)| (known.suspect.is_some(), known.deletions.last()))
        .map(|(prefix, _)| prefix.clone());
    quietest.is_some_and(|quietest| prefixes.remove(&quietest).is_some())
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
