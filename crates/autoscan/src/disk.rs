//! The real disk. A path is looked at on the mount that it resolves to, which is found without touching any other: a mount
//! that hangs delays only the looks that end on it.

mod listing;
mod mount_table;
mod resolve;
mod workers;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use autoscan_core::path::{LocalPath, Style};
use autoscan_core::ports::{Files, Folders, Listing, Look, MountedPath};
use autoscan_core::time::Timestamp;

use listing::FileWalk;
use mount_table::MountTable;
pub(crate) use workers::{Unanswered, Workers};

/// How long one look is waited for. A sleeping disk that takes longer to spin up is looked at again.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the table of mounts is believed, and where links led. It is read from the kernel without touching any mount.
const MOUNTS_AGE: Duration = Duration::from_millis(500);
/// Paths whose mounts are remembered for that long.
const REMEMBERED: usize = 1024;

/// The machine's disk. One lasts as long as the program: what hangs is known to it.
pub(crate) struct Disk {
    workers: Workers,
    snapshot: Mutex<Option<Snapshot>>,
    read_table: fn() -> MountTable,
}

/// The mounts as they were at a moment.
struct Snapshot {
    read_at: Instant,
    table: Arc<MountTable>,
    /// Where paths were found to lie since.
    mounted: HashMap<LocalPath, MountedPath>,
}

impl Default for Disk {
    fn default() -> Self {
        Self {
            workers: Workers::new(PATIENCE),
            snapshot: Mutex::default(),
            read_table: MountTable::of_process,
        }
    }
}

impl Disk {
    fn mounts(&self) -> Arc<MountTable> {
        self.with_snapshot(|snapshot| Arc::clone(&snapshot.table))
    }

    fn with_snapshot<T>(&self, ask: impl FnOnce(&mut Snapshot) -> T) -> T {
        let mut kept = lock(&self.snapshot);
        let fresh = kept.take().filter(|kept| kept.read_at.elapsed() < MOUNTS_AGE);
        ask(kept.insert(fresh.unwrap_or_else(|| Snapshot {
            read_at: Instant::now(),
            table: Arc::new((self.read_table)()),
            mounted: HashMap::new(),
        })))
    }
}

/// Whether a path is written as no file of this system is: taken literally it would be a name in the working folder.
fn is_foreign(path: &LocalPath) -> bool {
    path.0.style() == Style::Windows
}

fn as_path(path: &LocalPath) -> &Path {
    Path::new(path.as_str())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Files for Disk {
    async fn look(&self, path: &LocalPath) -> Look {
        if is_foreign(path) {
            return Look::Missing;
        }
        match self.at(as_path(path), |real, _| fs::metadata(real)).await {
            Ok(result) => seen(result),
            Err(stopped) => Look::Unreachable(stopped.reason),
        }
    }

    async fn is_empty(&self, folder: &LocalPath, besides: &[LocalPath]) -> bool {
        if is_foreign(folder) {
            return true;
        }
        let (named, besides) = (as_path(folder).to_owned(), besides.to_vec());
        let look = move |real: &Path, _: &MountTable| {
            fs::read_dir(real).map(|entries| {
                entries.flatten().all(|entry| {
                    let path = named.join(entry.file_name());
                    besides.iter().any(|known| as_path(known) == path)
                })
            })
        };
        matches!(self.at(as_path(folder), look).await, Ok(Ok(true) | Err(_)) | Err(_))
    }

    async fn list(&self, folder: &LocalPath, most: usize) -> Listing {
        if is_foreign(folder) {
            return Listing::default();
        }
        let mut walk = FileWalk::new(most, self.workers.patience / 2);
        walk.mounts.push(as_path(folder).to_owned());
        let mut unread = false;
        while let Some(folder) = walk.mounts.pop() {
            let (so_far, named) = (walk.clone(), folder.clone());
            let below = move |real: &Path, table: &MountTable| walk.below(real, &named, table);
            walk = self.at(&folder, below).await.unwrap_or_else(|_stopped| {
                unread = true;
                so_far
            });
        }
        Listing { whole: walk.listing.whole && !unread, ..walk.listing }
    }

    async fn text(&self, path: &LocalPath, most: usize) -> Result<String, String> {
        if is_foreign(path) {
            return Err(unreadable(&ErrorKind::NotFound.into()));
        }
        let read = self.at(as_path(path), move |real, _| beginning(real, most)).await;
        let read = read.map_err(|stopped| stopped.reason)?;
        read.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).map_err(|error| unreadable(&error))
    }

    async fn folders_in(&self, folder: &LocalPath, most: usize) -> Result<Folders, String> {
        if is_foreign(folder) {
            return Err(unreadable(&ErrorKind::NotFound.into()));
        }
        let (named, patience) = (as_path(folder).to_owned(), self.workers.patience / 2);
        let look =
            move |real: &Path, table: &MountTable| listing::folders(real, &named, most, patience, table);
        let found = self.at(as_path(folder), look).await.map_err(|stopped| stopped.reason)?;
        found.map_err(|error| unreadable(&error))
    }

    async fn real_path(&self, path: &LocalPath) -> Result<LocalPath, String> {
        if is_foreign(path) {
            return Err(unreadable(&ErrorKind::NotFound.into()));
        }
        let look = |real: &Path, _: &MountTable| fs::symlink_metadata(real).map(|_there| real.to_owned());
        let real = self.at(as_path(path), look).await.map_err(|stopped| stopped.reason)?;
        let real = real.map_err(|error| unreadable(&error))?;
        let text = real.to_str().ok_or_else(|| "it leads to a name that is no text".to_owned())?;
        // Its names are those of the disk, which may not be believed: a control character, or too many of them.
        LocalPath::parse(text).map_err(|refusal| refusal.to_string())
    }

    async fn mount_of(&self, path: &LocalPath) -> Option<MountedPath> {
        let table = self.mounts();
        if is_foreign(path) || table.is_empty() {
            return None;
        }
        if let Some(known) = self.with_snapshot(|snapshot| snapshot.mounted.get(path).cloned()) {
            return Some(known);
        }
        let found = self.at(as_path(path), |real, _| real.to_owned()).await;
        let (real, is_sure) = match found {
            Ok(real) => (real, true),
            Err(stopped) => (stopped.at, false),
        };
        let mount = LocalPath::parse(table.mount_of(&real).to_str()?).ok()?;
        let real = real.to_str().and_then(|real| LocalPath::parse(real).ok());
        let mounted = MountedPath { real: real.unwrap_or_else(|| path.clone()), mount };
        self.with_snapshot(|snapshot| {
            if is_sure && snapshot.mounted.len() < REMEMBERED {
                snapshot.mounted.insert(path.clone(), mounted.clone());
            }
        });
        Some(mounted)
    }
}

/// The first bytes of a regular file. To open anything else may wait for ever.
fn beginning(file: &Path, most: usize) -> io::Result<Vec<u8>> {
    if !fs::metadata(file)?.is_file() {
        return Err(ErrorKind::InvalidInput.into());
    }
    let (mut bytes, most) = (Vec::new(), u64::try_from(most).unwrap_or(u64::MAX));
    fs::File::open(file)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What a look at a path means. A broken link is a file that is not there yet.
fn seen(result: io::Result<Metadata>) -> Look {
    match result {
        Ok(found) if found.is_dir() => Look::Folder,
        Ok(found) => Look::File { size: found.len(), changed_at: changed_at(&found) },
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Look::Missing,
        Err(error) => Look::Unreachable(unreadable(&error)),
    }
}

/// Why the disk could not say, in a sentence.
fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => "there is no such folder".to_owned(),
        ErrorKind::PermissionDenied => "autoscan may not look there (permission denied)".to_owned(),
        ErrorKind::NotConnected => "the mount is not connected (its program ended)".to_owned(),
        _ => error.to_string(),
    }
}

/// The later of the times at which the content and the entry changed: a copy that keeps the old mtime still has a new
/// ctime, which no program can set.
#[cfg(unix)]
fn changed_at(found: &Metadata) -> Timestamp {
    use std::os::unix::fs::MetadataExt;
    let millis = |seconds: i64, nanos: i64| seconds.saturating_mul(1000).saturating_add(nanos / 1_000_000);
    Timestamp::from_millis(
        millis(found.mtime(), found.mtime_nsec()).max(millis(found.ctime(), found.ctime_nsec())),
    )
}

#[cfg(not(unix))]
fn changed_at(found: &Metadata) -> Timestamp {
    let since = found.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    Timestamp::from_millis(since.and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(0))
}
