//! The real disk. Every look runs on a thread that may block, with a limit on how long it is waited for. A mount on which
//! a look hangs is not looked at again before that look ends, so that a dead mount costs a bounded number of threads and
//! delays nothing beside it.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use autoscan_core::path::{LocalPath, Style};
use autoscan_core::ports::{Files, Look};
use autoscan_core::time::Timestamp;

/// How long one look is waited for. A sleeping disk that takes longer to spin up is looked at again.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the table of mounts is believed. It is read from the kernel without touching any mount.
const MOUNTS_AGE: Duration = Duration::from_millis(500);

/// The machine's disk.
#[derive(Default)]
pub(crate) struct Disk {
    /// Mount points on which a look hangs now.
    hanging: Arc<Mutex<BTreeSet<LocalPath>>>,
    mounts: Mutex<Option<(Instant, Arc<[LocalPath]>)>>,
}

impl Disk {
    /// Runs a look on a thread that may block, and gives up waiting after [`PATIENCE`].
    async fn ask<T: Send + 'static>(
        &self,
        path: &LocalPath,
        look: impl FnOnce(&Path) -> T + Send + 'static,
    ) -> Result<T, String> {
        let mount = self.mount_point(path).unwrap_or_else(|| path.clone());
        if lock(&self.hanging).contains(&mount) {
            return Err(format!("{:?} does not answer", mount.as_str()));
        }
        let (hanging, at, path) = (Arc::clone(&self.hanging), mount.clone(), path.clone());
        let task = tokio::task::spawn_blocking(move || {
            let answer = look(Path::new(path.as_str()));
            lock(&hanging).remove(&at);
            answer
        });
        match tokio::time::timeout(PATIENCE, task).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(broken)) => Err(format!("the look at it broke: {broken}")),
            Err(_elapsed) => {
                lock(&self.hanging).insert(mount.clone());
                Err(format!("{:?} does not answer within {} s", mount.as_str(), PATIENCE.as_secs()))
            }
        }
    }

    fn mounts(&self) -> Arc<[LocalPath]> {
        let mut cached = lock(&self.mounts);
        match &*cached {
            Some((read_at, mounts)) if read_at.elapsed() < MOUNTS_AGE => Arc::clone(mounts),
            _ => {
                let mounts: Arc<[LocalPath]> =
                    fs::read_to_string("/proc/self/mountinfo").map(|table| mount_points(&table)).unwrap_or_default().into();
                *cached = Some((Instant::now(), Arc::clone(&mounts)));
                mounts
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Files for Disk {
    async fn look(&self, path: &LocalPath) -> Look {
        if cfg!(unix) && path.0.style() == Style::Windows {
            return Look::Missing;
        }
        match self.ask(path, fs::metadata).await {
            Ok(result) => seen(result),
            Err(reason) => Look::Unreachable(reason),
        }
    }

    async fn is_empty(&self, folder: &LocalPath, besides: &[LocalPath]) -> bool {
        let besides: Vec<String> = besides.iter().map(ToString::to_string).collect();
        let look = move |path: &Path| {
            fs::read_dir(path).map(|entries| {
                entries.flatten().all(|entry| besides.iter().any(|known| entry.path() == Path::new(known)))
            })
        };
        matches!(self.ask(folder, look).await, Ok(Ok(true) | Err(_)) | Err(_))
    }

    fn mount_point(&self, path: &LocalPath) -> Option<LocalPath> {
        self.mounts().iter().filter(|mount| path.0.is_within(&mount.0)).max_by_key(|mount| mount.0.depth()).cloned()
    }
}

/// What a look at a path means. A broken link is a file that is not there yet.
fn seen(result: io::Result<Metadata>) -> Look {
    match result {
        Ok(found) if found.is_dir() => Look::Folder,
        Ok(found) => Look::File { size: found.len(), changed_at: changed_at(&found) },
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Look::Missing,
        Err(error) => Look::Unreachable(match error.kind() {
            ErrorKind::PermissionDenied => "autoscan may not look there (permission denied)".to_owned(),
            ErrorKind::NotConnected => "the mount is not connected (its program ended)".to_owned(),
            _ => error.to_string(),
        }),
    }
}

/// The later of the times at which the content and the entry changed: a copy that keeps the old mtime still has a new
/// ctime, which no program can set.
#[cfg(unix)]
fn changed_at(found: &Metadata) -> Timestamp {
    use std::os::unix::fs::MetadataExt;
    let millis = |seconds: i64, nanos: i64| seconds.saturating_mul(1000).saturating_add(nanos / 1_000_000);
    Timestamp::from_millis(millis(found.mtime(), found.mtime_nsec()).max(millis(found.ctime(), found.ctime_nsec())))
}

#[cfg(not(unix))]
fn changed_at(found: &Metadata) -> Timestamp {
    let since = found.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    Timestamp::from_millis(since.and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(0))
}

/// The mount points of a `/proc/<pid>/mountinfo` table (proc(5)): the fifth field, with `\040` for a space and the like.
fn mount_points(table: &str) -> Vec<LocalPath> {
    let point = |line: &str| line.split(' ').nth(4).and_then(|field| LocalPath::parse(&unescape(field)).ok());
    table.lines().filter_map(point).collect()
}

fn unescape(field: &str) -> String {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let [byte, after @ ..] = rest {
        let code = after.get(..3).filter(|_| *byte == b'\\').and_then(octal);
        out.push(code.unwrap_or(*byte));
        rest = if code.is_some() { &after[3..] } else { after };
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn octal(digits: &[u8]) -> Option<u8> {
    std::str::from_utf8(digits).ok().and_then(|digits| u8::from_str_radix(digits, 8).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(path: &Path) -> LocalPath {
        LocalPath::parse(path.to_str().unwrap()).unwrap()
    }

    #[tokio::test]
    async fn files_folders_gaps_and_broken_links_are_told_apart() {
        let room = tempfile::tempdir().unwrap();
        let disk = Disk::default();
        fs::write(room.path().join("a.mkv"), b"12345").unwrap();
        std::os::unix::fs::symlink(room.path().join("nowhere"), room.path().join("link.mkv")).unwrap();
        assert!(matches!(disk.look(&local(&room.path().join("a.mkv"))).await, Look::File { size: 5, .. }));
        assert_eq!(disk.look(&local(room.path())).await, Look::Folder);
        assert_eq!(disk.look(&local(&room.path().join("b.mkv"))).await, Look::Missing);
        assert_eq!(disk.look(&local(&room.path().join("a.mkv/b.mkv"))).await, Look::Missing);
        assert_eq!(disk.look(&local(&room.path().join("link.mkv"))).await, Look::Missing);
    }

    #[tokio::test]
    async fn a_folder_that_holds_only_its_anchor_is_empty() {
        let room = tempfile::tempdir().unwrap();
        let (disk, anchor) = (Disk::default(), room.path().join(".mounted"));
        fs::write(&anchor, b"").unwrap();
        assert!(disk.is_empty(&local(room.path()), &[local(&anchor)]).await);
        assert!(!disk.is_empty(&local(room.path()), &[]).await);
        assert!(disk.is_empty(&local(&room.path().join("gone")), &[]).await);
    }

    #[tokio::test]
    async fn a_mount_on_which_a_look_hangs_answers_at_once_the_next_time() {
        let disk = Disk::default();
        let path = LocalPath::parse("/").unwrap();
        lock(&disk.hanging).insert(disk.mount_point(&path).unwrap());
        assert!(matches!(disk.look(&path).await, Look::Unreachable(reason) if reason.contains("does not answer")));
    }

    #[test]
    fn mount_points_are_read_with_their_spaces() {
        let table = "36 35 98:0 / /mnt/My\\040Disk rw,noatime shared:1 - ext3 /dev/root rw\n1 0 0:1 / / rw - x y z\n";
        let points: Vec<_> = mount_points(table).iter().map(ToString::to_string).collect();
        assert_eq!(points, ["/mnt/My Disk", "/"]);
    }
}
