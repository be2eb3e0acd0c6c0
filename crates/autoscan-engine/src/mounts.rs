//! The mounts that scanned folders were seen on, so that one that vanishes is noticed without any setting.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use autoscan_core::path::LocalPath;
use autoscan_core::ports::{Files, MountedPath};

use crate::wakeup::Wakeup;

/// More mounts than this are not remembered: no machine has them.
const MOST: usize = 500;

/// Mount points by path, and the roots that the config names.
pub(crate) struct Mounts {
    known: Mutex<BTreeSet<LocalPath>>,
    configured: Vec<LocalPath>,
    /// Woken when a mount was met for the first time or is known no more, so that this is kept.
    changed: Arc<Wakeup>,
}

impl Mounts {
    /// `configured` are the folders that triggers' maps lead to.
    pub(crate) fn new(configured: Vec<LocalPath>, changed: Arc<Wakeup>) -> Self {
        Self { known: Mutex::default(), configured, changed }
    }

    /// Takes up what was known before the restart.
    pub(crate) fn restore(&self, kept: impl IntoIterator<Item = LocalPath>) {
        self.lock().extend(kept);
    }

    /// Remembers the mount that a folder lies on, now that the folder is known to be well. A mount that it no longer
    /// lies on is forgotten.
    pub(crate) async fn remember(&self, files: &dyn Files, folder: &LocalPath) {
        let Some(MountedPath { real, mount }) = files.mount_of(folder).await else { return };
        let mut known = self.lock();
        let before = known.len();
        known.retain(|old| !real.0.is_within(&old.0) || mount.0.is_within(&old.0));
        let gone = before != known.len();
        let new = !mount.0.is_root() && known.len() < MOST && known.insert(mount);
        if gone || new {
            self.changed.wake();
        }
    }

    /// The mounts that were seen.
    pub(crate) fn known(&self) -> Vec<LocalPath> {
        self.lock().iter().cloned().collect()
    }

    /// The mount of a folder, when it is gone, and that in a sentence; none when it is there or none was ever seen.
    pub(crate) async fn missing(&self, files: &dyn Files, folder: &LocalPath) -> Option<(LocalPath, String)> {
        let MountedPath { real, mount } = files.mount_of(folder).await?;
        let known = self.lock();
        let expected = known.iter().filter(|old| real.0.is_within(&old.0)).max_by_key(|old| old.0.depth())?;
        (!mount.0.is_within(&expected.0)).then(|| {
            let reason = format!(
                "{:?} was a mount and is none now: is it gone? If that is meant, retry this scan",
                expected.as_str()
            );
            (expected.clone(), reason)
        })
    }

    /// The roots that a folder lies under: anchored prefixes, mounts seen, and folders that maps lead to.
    pub(crate) fn roots_of<'a>(
        &self,
        folder: &LocalPath,
        prefixes: impl Iterator<Item = &'a LocalPath>,
    ) -> BTreeSet<LocalPath> {
        let holds = |root: &&LocalPath| !root.0.is_root() && folder.0.is_within(&root.0);
        let mut roots: BTreeSet<LocalPath> = prefixes.filter(holds).cloned().collect();
        roots.extend(self.configured.iter().filter(holds).cloned());
        roots.extend(self.lock().iter().filter(holds).cloned());
        roots
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<LocalPath>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
