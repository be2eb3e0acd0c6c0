//! The one cache of what a server's libraries are.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{Identity, Library};
use tokio::time::Instant;

use crate::family::library_index::{LibraryIndex, Owner};

/// A list older than this is read again before it is used: a library may have come to share a folder.
const FRESH: Duration = Duration::from_mins(10);

/// A stream of folders that no library owns makes the list be read again at most this often.
const BETWEEN_MISSES: Duration = Duration::from_secs(10);

/// A server that has libraries.
#[async_trait]
pub(crate) trait LibraryServer: Send + Sync {
    /// The product, for a person.
    fn product(&self) -> &'static str;

    /// What is remembered of the libraries.
    fn library_cache(&self) -> &LibraryCache;

    /// The libraries, from the server.
    async fn fetch_libraries(&self) -> Result<Vec<Library>, Fault>;
}

/// The libraries of one server as they were read last. The lock of what was read is held only to copy a pointer; one caller at a
/// time reads from the server, and only those wait for it who need the list itself.
#[derive(Default)]
pub(crate) struct LibraryCache {
    last: Mutex<LastRead>,
    reading: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct LastRead {
    index: Option<(Arc<LibraryIndex>, Instant)>,
    /// The fault of the last reading, where it failed.
    failed: Option<(Fault, Instant)>,
    /// When the list was last read because no library owned a folder.
    missed: Option<Instant>,
}

impl LibraryCache {
    fn last(&self) -> MutexGuard<'_, LastRead> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The libraries as they were read last, and how long ago. Waits for nothing.
    pub(crate) fn cached(&self) -> Option<(Arc<[Library]>, Duration)> {
        self.last().index.as_ref().map(|(index, read_at)| (Arc::clone(index.all()), read_at.elapsed()))
    }

    /// The libraries that own the folder, as they were read last; none while they were never read. Waits for nothing.
    pub(crate) fn owners(&self, folder: &TargetPath) -> Option<Vec<Owner>> {
        let index = self.last().index.as_ref().map(|(index, _)| Arc::clone(index))?;
        Some(index.owners(&folder.0))
    }

    fn fresh(&self) -> Option<Arc<LibraryIndex>> {
        let last = self.last();
        let fresh = last.index.as_ref().filter(|(_, read_at)| read_at.elapsed() < FRESH);
        fresh.map(|(index, _)| Arc::clone(index))
    }

    /// Whether a folder that no library owns is a reason to read the list again. A yes is remembered.
    fn may_read_after_a_miss(&self) -> bool {
        let mut last = self.last();
        let may = last.missed.is_none_or(|at| at.elapsed() >= BETWEEN_MISSES);
        if may {
            last.missed = Some(Instant::now());
        }
        may
    }

    /// What a reading that ended at this moment or later brought.
    fn read_since(&self, since: Instant) -> Option<Result<Arc<LibraryIndex>, Fault>> {
        let last = self.last();
        let read = last.index.as_ref().filter(|(_, at)| *at >= since).map(|(index, _)| Ok(Arc::clone(index)));
        let failed =
            || last.failed.as_ref().filter(|(_, at)| *at >= since).map(|(fault, _)| Err(fault.clone()));
        read.or_else(failed)
    }

    fn keep(&self, read: &Result<Arc<LibraryIndex>, Fault>) {
        let mut last = self.last();
        match read {
            Ok(index) => {
                last.index = Some((Arc::clone(index), Instant::now()));
                last.failed = None;
            }
            Err(fault) => last.failed = Some((fault.clone(), Instant::now())),
        }
    }
}

/// The libraries, read afresh and remembered. Callers that come while they are read get what that reading brings. A fault of the
/// whole list is none of a single folder, so it holds the lane.
pub(crate) async fn read(server: &(impl LibraryServer + ?Sized)) -> Result<Arc<LibraryIndex>, Fault> {
    let cache = server.library_cache();
    let came = Instant::now();
    let _one_reader = match cache.reading.try_lock() {
        Ok(reader) => reader,
        Err(_is_read) => {
            let reader = cache.reading.lock().await;
            if let Some(read) = cache.read_since(came) {
                return read;
            }
            reader
        }
    };
    let read = server.fetch_libraries().await.map_err(of_the_server).map(|list| {
        tracing::debug!(server = server.product(), libraries = list.len(), "libraries read");
        Arc::new(LibraryIndex::new(list))
    });
    cache.keep(&read);
    read
}

/// The libraries, read afresh: what [`autoscan_core::ports::Libraries::read`] answers.
pub(crate) async fn list(server: &(impl LibraryServer + ?Sized)) -> Result<Vec<Library>, Fault> {
    Ok(read(server).await?.all().to_vec())
}

/// Every library that owns the folder, after the list was read afresh when none did. The deepest root wins; several
/// libraries may share it.
pub(crate) async fn owners(
    server: &(impl LibraryServer + ?Sized),
    folder: &TargetPath,
) -> Result<(Arc<LibraryIndex>, Vec<Owner>), Fault> {
    let cache = server.library_cache();
    let known = cache.fresh();
    let is_new = known.is_none();
    let mut index = match known {
        Some(index) => index,
        None => read(server).await?,
    };
    let mut owners = index.owners(&folder.0);
    if owners.is_empty() && !is_new && cache.may_read_after_a_miss() {
        index = read(server).await?;
        owners = index.owners(&folder.0);
    }
    if owners.is_empty() {
        return Err(Fault::not_mine(index.no_owner(server.product(), &folder.0)));
    }
    Ok((index, owners))
}

/// Whether the folder lies below a folder of each library that owns it, and is none of these itself.
pub(crate) async fn is_below_a_root(server: &(impl LibraryServer + ?Sized), folder: &TargetPath) -> bool {
    owners(server, folder)
        .await
        .is_ok_and(|(_, owners)| owners.iter().all(|owner| owner.path.depth() > owner.root.depth()))
}

/// Where a server does not know the call that tells its version, because a proxy lets only some through, its list of
/// libraries proves as much: that it answers, and that the key is good.
pub(crate) async fn identity_by_list(server: &impl LibraryServer, fault: Fault) -> Result<Identity, Fault> {
    if !matches!(fault, Fault::Wrong { .. }) {
        return Err(fault);
    }
    match read(server).await {
        Ok(_) => {
            Ok(Identity { product: server.product().to_owned(), name: None, version: "unknown".to_owned() })
        }
        Err(_) => Err(of_the_server(fault)),
    }
}

/// The part of a probe that proves that the list can be read, when the last reading failed: a server that tells who it is but not
/// what it has is not ready.
pub(crate) async fn check_list(server: &impl LibraryServer) -> Result<(), Fault> {
    let failed = server.library_cache().last().failed.is_some();
    if failed { read(server).await.map(drop) } else { Ok(()) }
}

/// A call that concerns no single scan and was not understood is a fault of the address, or of a proxy whose server is
/// gone: the lane holds.
fn of_the_server(fault: Fault) -> Fault {
    match fault {
        Fault::Wrong { reason } => Fault::Away { reason: format!("{reason}; is the URL right?") },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::family::library_index::tests::library;

    #[derive(Default)]
    struct Server {
        library_cache: LibraryCache,
        roots: Mutex<Vec<&'static str>>,
        reads: AtomicUsize,
        /// How long the list takes, and whether it fails then.
        trouble: Mutex<(Duration, bool)>,
    }

    #[async_trait]
    impl LibraryServer for Server {
        fn product(&self) -> &'static str {
            "Plex"
        }

        fn library_cache(&self) -> &LibraryCache {
            &self.library_cache
        }

        async fn fetch_libraries(&self) -> Result<Vec<Library>, Fault> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            let (takes, fails) = *self.trouble.lock().unwrap();
            tokio::time::sleep(takes).await;
            if fails {
                return Err(Fault::away("no answer"));
            }
            Ok(vec![library("1", &self.roots.lock().unwrap())])
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_list_is_read_again_on_a_miss_but_not_on_each_of_a_stream() {
        let server = Server::default();
        let owned = async |folder| owners(&server, &TargetPath::parse(folder).unwrap()).await.is_ok();
        let reads = || server.reads.load(Ordering::Relaxed);
        server.roots.lock().unwrap().push("/tv");

        assert!(!owned("/movies/A").await);
        assert_eq!(reads(), 1, "a list that was read for this very call is fresh");
        assert!(owned("/tv/A").await && owned("/tv/B").await);
        assert_eq!(reads(), 1, "a hit is answered from memory");

        server.roots.lock().unwrap().push("/movies");
        assert!(owned("/movies/A").await);
        assert_eq!(reads(), 2, "a miss reads again at once");

        for _ in 0..100 {
            assert!(!owned("/music/A").await);
            tokio::time::advance(Duration::from_millis(250)).await;
        }
        assert_eq!(reads(), 4, "25 s of misses");

        tokio::time::advance(FRESH).await;
        assert!(owned("/tv/A").await);
        assert_eq!(reads(), 5, "an old list is not believed");
    }

    fn folder(text: &str) -> TargetPath {
        TargetPath::parse(text).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn while_the_list_hangs_what_was_read_before_is_answered_at_once() {
        let server = Server::default();
        assert!(
            server.library_cache.cached().is_none()
                && server.library_cache.owners(&folder("/tv/A")).is_none()
        );
        server.roots.lock().unwrap().push("/tv");
        list(&server).await.unwrap();
        *server.trouble.lock().unwrap() = (Duration::from_hours(1), false);
        let began = Instant::now();
        tokio::select! {
            biased;
            _ = list(&server) => unreachable!("the list hangs"),
            () = async {
                tokio::task::yield_now().await;
                let (known, age) = server.library_cache.cached().unwrap();
                assert_eq!((known.len(), age), (1, Duration::ZERO));
                assert_eq!(server.library_cache.owners(&folder("/tv/A")).unwrap().len(), 1);
                assert!(owners(&server, &folder("/tv/A")).await.is_ok(), "nor does a folder wait that is known");
            } => {}
        }
        assert_eq!((began.elapsed(), server.reads.load(Ordering::Relaxed)), (Duration::ZERO, 2));
        // Nobody waits for a reading that was given up.
        *server.trouble.lock().unwrap() = (Duration::ZERO, false);
        assert_eq!(list(&server).await.unwrap().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_need_the_list_at_once_are_one_reading_and_one_fault() {
        for fails in [false, true] {
            let server = Server::default();
            *server.trouble.lock().unwrap() = (Duration::from_secs(30), fails);
            let began = Instant::now();
            let all = futures_util::future::join_all((0..50).map(|_| list(&server))).await;
            assert!(all.iter().all(|read| read.is_err() == fails));
            assert_eq!((began.elapsed().as_secs(), server.reads.load(Ordering::Relaxed)), (30, 1));
            list(&server).await.ok();
            assert_eq!(server.reads.load(Ordering::Relaxed), 2, "who comes later reads afresh");
        }
    }
}
