//! A disk in memory, with mounts that can vanish, hang or be emptied.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::path::LocalPath;
use autoscan_core::ports::{Files, Folders, Listing, Look, MountedPath, Subfolder};
use autoscan_core::time::Timestamp;

/// What the disk holds.
#[derive(Debug, Default)]
struct Disk {
    files: BTreeMap<LocalPath, (u64, Timestamp)>,
    texts: BTreeMap<LocalPath, String>,
    folders: BTreeSet<LocalPath>,
    links: BTreeMap<LocalPath, LocalPath>,
    odd: BTreeMap<LocalPath, Vec<String>>,
    mounts: BTreeSet<LocalPath>,
    unreachable: BTreeMap<LocalPath, String>,
    slow: BTreeMap<LocalPath, Duration>,
    looks: u64,
}

/// Files and folders by path. A file makes the folders above it.
#[derive(Debug, Default)]
pub struct FakeFiles(Mutex<Disk>);

#[expect(clippy::panic, reason = "furniture: a test that names a bad path must fail")]
fn local(path: &str) -> LocalPath {
    LocalPath::parse(path).unwrap_or_else(|refusal| panic!("a test names a bad path: {refusal}"))
}

impl FakeFiles {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a file there that changed last at `changed_at`.
    pub fn put(&self, path: &str, size: u64, changed_at: Timestamp) {
        let path = local(path);
        let mut disk = self.lock();
        for above in std::iter::successors(path.parent(), LocalPath::parent) {
            disk.folders.insert(above);
        }
        disk.files.insert(path, (size, changed_at));
    }

    /// Writes a file with this text.
    pub fn write(&self, path: &str, text: &str) {
        self.put(path, text.len() as u64, Timestamp::default());
        self.lock().texts.insert(local(path), text.to_owned());
    }

    /// Makes a folder and those above it.
    pub fn make_folder(&self, path: &str) {
        let path = local(path);
        self.lock().folders.extend(std::iter::successors(Some(path), LocalPath::parent));
    }

    /// Puts a link there that leads to `to`. It is followed by [`Files::real_path`] and
    /// [`Files::mount_of`] alone.
    pub fn link(&self, path: &str, to: &str) {
        let path = local(path);
        let mut disk = self.lock();
        disk.folders.extend(std::iter::successors(path.parent(), LocalPath::parent));
        disk.links.insert(path, local(to));
    }

    /// Makes a folder in `folder` whose name cannot be written as a path.
    pub fn make_odd_folder(&self, folder: &str, name: &str) {
        self.make_folder(folder);
        self.lock().odd.entry(local(folder)).or_default().push(name.to_owned());
    }

    /// Removes a file, or a folder with all that is in it.
    pub fn remove(&self, path: &str) {
        let path = local(path);
        let mut disk = self.lock();
        disk.files.retain(|file, _| !file.0.is_within(&path.0));
        disk.folders.retain(|folder| !folder.0.is_within(&path.0));
    }

    /// Mounts something at a folder.
    pub fn mount(&self, path: &str) {
        self.make_folder(path);
        self.lock().mounts.insert(local(path));
    }

    /// Takes a mount away: what was in it is gone, the empty folder stays.
    pub fn unmount(&self, path: &str) {
        self.remove(path);
        self.make_folder(path);
        self.lock().mounts.remove(&local(path));
    }

    /// Every look at or below `path` fails with this sentence until [`Self::heal`].
    pub fn break_below(&self, path: &str, reason: &str) {
        self.lock().unreachable.insert(local(path), reason.to_owned());
    }

    /// Every look at or below `path` takes so long.
    pub fn slow_down_below(&self, path: &str, by: Duration) {
        self.lock().slow.insert(local(path), by);
    }

    /// Ends [`Self::break_below`].
    pub fn heal(&self, path: &str) {
        self.lock().unreachable.remove(&local(path));
    }

    /// How many looks there were.
    pub fn looks(&self) -> u64 {
        self.lock().looks
    }

    fn resolved(&self, path: &LocalPath) -> Result<LocalPath, String> {
        let (mut real, disk) = (path.clone(), self.lock());
        for _ in 0..40 {
            let step = disk
                .links
                .iter()
                .find_map(|(link, to)| real.0.names_below(&link.0).map(|names| LocalPath(to.0.join(names))));
            match step {
                Some(step) => real = step,
                None => return Ok(real),
            }
        }
        Err("its links go round".to_owned())
    }

    fn lock(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Files for FakeFiles {
    async fn look(&self, path: &LocalPath) -> Look {
        let slow = self.lock().slow.iter().find(|(slow, _)| path.0.is_within(&slow.0)).map(|(_, by)| *by);
        if let Some(by) = slow {
            tokio::time::sleep(by).await;
        }
        let mut disk = self.lock();
        disk.looks += 1;
        if let Some((_, reason)) = disk.unreachable.iter().find(|(broken, _)| path.0.is_within(&broken.0)) {
            return Look::Unreachable(reason.clone());
        }
        match disk.files.get(path) {
            Some(&(size, changed_at)) => Look::File { size, changed_at },
            None if path.0.is_root() || disk.folders.contains(path) => Look::Folder,
            None => Look::Missing,
        }
    }

    async fn is_empty(&self, folder: &LocalPath, besides: &[LocalPath]) -> bool {
        let disk = self.lock();
        let inside =
            |path: &&LocalPath| *path != folder && path.0.is_within(&folder.0) && !besides.contains(path);
        !disk.files.keys().chain(&disk.folders).any(|path| inside(&path))
    }

    async fn list(&self, folder: &LocalPath, most: usize) -> Listing {
        let disk = self.lock();
        let reachable = !disk.unreachable.keys().any(|broken| folder.0.is_within(&broken.0));
        let below = disk.files.keys().filter(|file| reachable && file.0.is_within(&folder.0));
        let mut files: Vec<LocalPath> = below.cloned().collect();
        files.sort_by_key(|file| file.parent().as_ref() != Some(folder));
        let whole = reachable && files.len() <= most;
        files.truncate(most);
        Listing { files, whole }
    }

    async fn text(&self, path: &LocalPath, most: usize) -> Result<String, String> {
        match self.look(path).await {
            Look::File { .. } => {
                let text = self.lock().texts.get(path).cloned().unwrap_or_default();
                Ok(String::from_utf8_lossy(&text.as_bytes()[..text.len().min(most)]).into_owned())
            }
            Look::Unreachable(reason) => Err(reason),
            Look::Folder | Look::Missing => Err("there is no such file".to_owned()),
        }
    }

    async fn folders_in(&self, folder: &LocalPath, most: usize) -> Result<Folders, String> {
        match self.look(folder).await {
            Look::Folder => {}
            Look::Unreachable(reason) => return Err(reason),
            Look::File { .. } | Look::Missing => return Err("there is no such folder".to_owned()),
        }
        let disk = self.lock();
        let inside = |path: &LocalPath, is_link| Subfolder {
            name: path.0.file_name().unwrap_or_default().to_owned(),
            path: Some(path.clone()),
            is_link,
        };
        let here = |path: &&LocalPath| path.parent().as_ref() == Some(folder);
        let folders = disk.folders.iter().filter(here).map(|path| inside(path, false));
        let links = disk.links.keys().filter(here).map(|path| inside(path, true));
        let odd = disk.odd.get(folder).into_iter().flatten();
        let odd = odd.map(|name| Subfolder { name: name.clone(), path: None, is_link: false });
        let mut all: Vec<Subfolder> = folders.chain(links).chain(odd).collect();
        let whole = all.len() <= most;
        all.truncate(most);
        Ok(Folders { folders: all, whole })
    }

    async fn real_path(&self, path: &LocalPath) -> Result<LocalPath, String> {
        let real = self.resolved(path)?;
        match self.look(&real).await {
            Look::Unreachable(reason) => Err(reason),
            Look::Missing => Err("there is no such folder".to_owned()),
            Look::File { .. } | Look::Folder => Ok(real),
        }
    }

    async fn mount_of(&self, path: &LocalPath) -> Option<MountedPath> {
        let real = self.resolved(path).ok()?;
        let disk = self.lock();
        let deepest =
            disk.mounts.iter().filter(|mount| real.0.is_within(&mount.0)).max_by_key(|m| m.0.depth());
        let mount = deepest.cloned().unwrap_or_else(|| local("/"));
        Some(MountedPath { real, mount })
    }
}
