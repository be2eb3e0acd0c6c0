//! The real disk. Every look runs on a thread that may block, with a limit on how long it is waited for. A mount on which
//! a look hangs is not looked at again before that look ends, so that a dead mount costs a bounded number of threads and
//! delays nothing beside it.

mod links;

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use autoscan_core::path::{LocalPath, Style};
use autoscan_core::ports::{Files, Folders, Inside, Listing, Look};
use autoscan_core::time::Timestamp;
use tokio::sync::Semaphore;

/// How long one look is waited for. A sleeping disk that takes longer to spin up is looked at again.
const PATIENCE: Duration = Duration::from_secs(5);
/// Looks on one mount at a time: a mount that hangs keeps this many threads and no more.
const AT_A_TIME: usize = 8;
/// How long the table of mounts is believed. It is read from the kernel without touching any mount.
const MOUNTS_AGE: Duration = Duration::from_millis(500);

/// The machine's disk.
pub(crate) struct Disk {
    patience: Duration,
    /// One entry a mount that was looked at; bounded by the machine's mounts.
    manners: Mutex<HashMap<LocalPath, Arc<Manners>>>,
    mounts: Mutex<Option<(Instant, Arc<[LocalPath]>)>>,
}

impl Default for Disk {
    fn default() -> Self {
        Self { patience: PATIENCE, manners: Mutex::default(), mounts: Mutex::default() }
    }
}

/// How one mount is treated.
struct Manners {
    places: Arc<Semaphore>,
    /// Looks that were given up and have not ended yet.
    hanging: AtomicUsize,
}

/// Where one look is.
enum Progress {
    Running,
    GivenUp,
    Ended,
}

impl Disk {
    /// Runs a look on a thread that may block, and gives up waiting after its patience.
    async fn ask<T: Send + 'static>(
        &self,
        path: &LocalPath,
        look: impl FnOnce(&Path) -> T + Send + 'static,
    ) -> Result<T, String> {
        let mount = self.mount_point(path).unwrap_or_else(|| path.clone());
        let manners = self.manners(&mount);
        let silent = || format!("{:?} does not answer within {} s", mount.as_str(), self.patience.as_secs());
        if manners.hanging.load(Ordering::SeqCst) > 0 {
            return Err(silent());
        }
        let place = tokio::time::timeout(self.patience, Arc::clone(&manners.places).acquire_owned());
        let Ok(Ok(place)) = place.await else { return Err(silent()) };
        let progress = Arc::new(Mutex::new(Progress::Running));
        let (theirs, path) = ((Arc::clone(&manners), Arc::clone(&progress)), path.clone());
        let task = tokio::task::spawn_blocking(move || {
            let answer = look(Path::new(path.as_str()));
            let before = std::mem::replace(&mut *lock(&theirs.1), Progress::Ended);
            if matches!(before, Progress::GivenUp) {
                theirs.0.hanging.fetch_sub(1, Ordering::SeqCst);
            }
            drop(place);
            answer
        });
        match tokio::time::timeout(self.patience, task).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(broken)) => Err(format!("the look at it broke: {broken}")),
            Err(_elapsed) => {
                let mut progress = lock(&progress);
                if matches!(*progress, Progress::Running) {
                    *progress = Progress::GivenUp;
                    manners.hanging.fetch_add(1, Ordering::SeqCst);
                }
                Err(silent())
            }
        }
    }

    fn manners(&self, mount: &LocalPath) -> Arc<Manners> {
        let mut all = lock(&self.manners);
        let new = || {
            Arc::new(Manners { places: Arc::new(Semaphore::new(AT_A_TIME)), hanging: AtomicUsize::new(0) })
        };
        Arc::clone(all.entry(mount.clone()).or_insert_with(new))
    }

    fn mounts(&self) -> Arc<[LocalPath]> {
        let mut cached = lock(&self.mounts);
        match &*cached {
            Some((read_at, mounts)) if read_at.elapsed() < MOUNTS_AGE => Arc::clone(mounts),
            _ => {
                let mounts: Arc<[LocalPath]> = fs::read_to_string("/proc/self/mountinfo")
                    .map(|table| mount_points(&table))
                    .unwrap_or_default()
                    .into();
                *cached = Some((Instant::now(), Arc::clone(&mounts)));
                mounts
            }
        }
    }
}

/// Whether a path is written as no file of this system is: taken literally it would be a name in the working folder.
fn is_foreign(path: &LocalPath) -> bool {
    cfg!(unix) && path.0.style() == Style::Windows
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
        match self.ask(path, |path: &Path| fs::metadata(path)).await {
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

    async fn list(&self, folder: &LocalPath, most: usize) -> Listing {
        let patience = self.patience / 2;
        self.ask(folder, move |path: &Path| walk(path, most, patience)).await.unwrap_or_default()
    }

    async fn folders_in(&self, folder: &LocalPath, most: usize) -> Result<Folders, String> {
        if is_foreign(folder) {
            return Err(unreadable(&ErrorKind::NotFound.into()));
        }
        let patience = self.patience / 2;
        let found = self.ask(folder, move |path: &Path| folders(path, most, patience)).await?;
        found.map_err(|error| unreadable(&error))
    }

    async fn real_path(&self, path: &LocalPath) -> Result<LocalPath, String> {
        if is_foreign(path) {
            return Err(unreadable(&ErrorKind::NotFound.into()));
        }
        if path.0.style() == Style::Windows {
            return self.ask(path, links::follow_at_once).await?;
        }
        links::follow(self, path).await
    }

    fn mount_point(&self, path: &LocalPath) -> Option<LocalPath> {
        self.mounts()
            .iter()
            .filter(|mount| path.0.is_within(&mount.0))
            .max_by_key(|mount| mount.0.depth())
            .cloned()
    }
}

/// Folders that one walk opens at most.
const FOLDERS_OPENED: usize = 20_000;

/// The files below a folder. Links are not followed into folders, so a walk cannot go round.
fn walk(folder: &Path, most: usize, patience: Duration) -> Listing {
    let began = Instant::now();
    let mut listing = Listing { files: Vec::new(), whole: true };
    let mut folders = vec![folder.to_owned()];
    let mut opened = 0;
    while let Some(folder) = folders.pop() {
        opened += 1;
        let Ok(entries) = fs::read_dir(&folder) else {
            listing.whole = false;
            continue;
        };
        for entry in entries {
            if listing.files.len() >= most || opened > FOLDERS_OPENED || began.elapsed() > patience {
                listing.whole = false;
                return listing;
            }
            let Some((path, kind)) =
                entry.ok().and_then(|entry| Some((entry.path(), entry.file_type().ok()?)))
            else {
                listing.whole = false;
                continue;
            };
            if kind.is_dir() {
                folders.push(path);
            } else if let Some(path) = path.to_str().and_then(|path| LocalPath::parse(path).ok()) {
                listing.files.push(path);
            }
        }
    }
    listing
}

/// The folders in a folder. Links are not looked behind: one that leads onto a dead mount would hang this folder's mount.
fn folders(folder: &Path, most: usize, patience: Duration) -> io::Result<Folders> {
    let began = Instant::now();
    let mut found = Folders { folders: Vec::new(), whole: true };
    for entry in fs::read_dir(folder)? {
        if found.folders.len() >= most || began.elapsed() > patience {
            found.whole = false;
            break;
        }
        let Some((kind, entry)) = entry.ok().and_then(|entry| Some((entry.file_type().ok()?, entry))) else {
            found.whole = false;
            continue;
        };
        if kind.is_dir() || kind.is_symlink() {
            found.folders.push(Inside {
                name: entry.file_name().to_string_lossy().into_owned(),
                path: entry.path().to_str().and_then(|path| LocalPath::parse(path).ok()),
                is_link: kind.is_symlink(),
            });
        }
    }
    Ok(found)
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
    async fn a_list_holds_the_files_below_and_says_whether_it_is_whole() {
        let room = tempfile::tempdir().unwrap();
        fs::create_dir_all(room.path().join("a/b")).unwrap();
        fs::write(room.path().join("a/b/1.mkv"), b"").unwrap();
        fs::write(room.path().join("2.mkv"), b"").unwrap();
        std::os::unix::fs::symlink(room.path(), room.path().join("a/round")).unwrap();
        let list = async |most| Disk::default().list(&local(room.path()), most).await;
        let names = |listing: &Listing| {
            let mut names: Vec<_> =
                listing.files.iter().map(|file| file.0.file_name().unwrap().to_owned()).collect();
            names.sort();
            names
        };
        let all = list(10).await;
        assert_eq!((names(&all), all.whole), (vec!["1.mkv".into(), "2.mkv".into(), "round".into()], true));
        assert!(!list(2).await.whole);
        let gone = Disk::default().list(&local(&room.path().join("gone")), 5).await;
        assert_eq!(gone, Listing::default());
    }

    #[tokio::test]
    async fn folders_and_links_are_listed_and_files_are_not() {
        let room = tempfile::tempdir().unwrap();
        for name in ["b", "a\u{202e}<x>", "line\nbreak"] {
            fs::create_dir(room.path().join(name)).unwrap();
        }
        let bytes: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"caf\xe9");
        fs::create_dir(room.path().join(bytes)).unwrap();
        fs::write(room.path().join("file.mkv"), b"").unwrap();
        std::os::unix::fs::symlink("/nowhere", room.path().join("link")).unwrap();
        let disk = Disk::default();
        let mut found = disk.folders_in(&local(room.path()), 10).await.unwrap();
        found.folders.sort_by(|one, other| one.name.cmp(&other.name));
        let told: Vec<_> = found
            .folders
            .iter()
            .map(|each| (each.name.as_str(), each.path.is_some(), each.is_link))
            .collect();
        let expected = [
            ("a\u{202e}<x>", true, false),
            ("b", true, false),
            ("caf\u{fffd}", false, false),
            ("line\nbreak", false, false),
            ("link", true, true),
        ];
        assert_eq!((told.as_slice(), found.whole), (expected.as_slice(), true));
        assert!(!disk.folders_in(&local(room.path()), 2).await.unwrap().whole);
        let gone = disk.folders_in(&local(&room.path().join("gone")), 2).await;
        assert_eq!(gone.unwrap_err(), "there is no such folder");
    }

    #[tokio::test]
    async fn a_real_path_has_every_link_followed() {
        let room = tempfile::tempdir().unwrap();
        let room = fs::canonicalize(room.path()).unwrap();
        let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, room.join(at)).unwrap();
        fs::create_dir_all(room.join("media/tv/Show")).unwrap();
        fs::create_dir(room.join("links")).unwrap();
        link("../media/./tv", "links/relative");
        link(room.join("links/relative").to_str().unwrap(), "absolute");
        link("/../../etc", "links/out");
        link("around", "around");
        let disk = Disk::default();
        let real = async |path: &str| disk.real_path(&local(&room.join(path))).await;
        for (path, expected) in [
            ("media/tv", "media/tv"),
            ("links/relative/Show", "media/tv/Show"),
            ("absolute/Show", "media/tv/Show"),
        ] {
            assert_eq!(real(path).await.unwrap(), local(&room.join(expected)), "{path}");
        }
        assert_eq!(real("links/out").await.unwrap().as_str(), "/etc");
        assert!(real("around").await.unwrap_err().contains("go round"));
        assert_eq!(real("media/gone/x").await.unwrap_err(), "there is no such folder");
    }

    #[tokio::test]
    async fn a_look_that_hangs_is_given_up_and_the_next_one_does_not_wait_for_it() {
        let disk = Disk { patience: Duration::from_millis(20), ..Disk::default() };
        let path = LocalPath::parse("/").unwrap();
        let (end, hang) = std::sync::mpsc::channel::<()>();
        let first = disk.ask(&path, move |_: &Path| hang.recv());
        assert!(first.await.unwrap_err().contains("does not answer"));
        assert!(matches!(disk.look(&path).await, Look::Unreachable(_)));
        end.send(()).unwrap();
        while disk.look(&path).await != Look::Folder {
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn mount_points_are_read_with_their_spaces() {
        let table =
            "36 35 98:0 / /mnt/My\\040Disk rw,noatime shared:1 - ext3 /dev/root rw\n1 0 0:1 / / rw - x y z\n";
        let points: Vec<_> = mount_points(table).iter().map(ToString::to_string).collect();
        assert_eq!(points, ["/mnt/My Disk", "/"]);
    }
}
