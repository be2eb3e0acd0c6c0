//! Which libraries own a folder, and the one cache of what a server's libraries are.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::fault::Fault;
use autoscan_core::path::{AbsolutePath, Style, TargetPath};
use autoscan_core::ports::{Identity, Library};
use tokio::time::Instant;

/// A list older than this is read again before it is used: a library may have come to share a folder.
const FRESH: Duration = Duration::from_mins(10);

/// A stream of folders that no library owns makes the list be read again at most this often.
const BETWEEN_MISSES: Duration = Duration::from_secs(10);

/// How many roots a reason names.
const NAMED_ROOTS: usize = 10;

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

/// One library of a list that was read.
#[derive(Clone, Debug)]
pub(crate) struct LibraryRef {
    list: Arc<[Library]>,
    at: usize,
}

impl Deref for LibraryRef {
    type Target = Library;

    fn deref(&self) -> &Library {
        &self.list[self.at]
    }
}

/// A library that owns a path.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    /// The library.
    pub(crate) library: LibraryRef,
    /// The library's folder that holds the path.
    pub(crate) root: AbsolutePath,
    /// The path in the library's own spelling of its root: a Windows server compares without case, but not everywhere.
    pub(crate) path: AbsolutePath,
}

impl Owner {
    /// The path as these servers write it.
    pub(crate) fn spelled(&self) -> String {
        spelled(&self.path).to_owned()
    }

    /// The same library and root with another path.
    pub(crate) fn with_path(&self, path: AbsolutePath) -> Self {
        Self { library: self.library.clone(), root: self.root.clone(), path }
    }
}

/// A path as these servers write it: the root of a share without the separator that ends it here.
pub(crate) fn spelled(path: &AbsolutePath) -> &str {
    let text = path.as_str();
    if text.starts_with("\\\\") { text.trim_end_matches('\\') } else { text }
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

/// The libraries at one moment, by their folders.
pub(crate) struct LibraryIndex {
    list: Arc<[Library]>,
    roots: HashMap<String, Vec<(AbsolutePath, usize)>>,
}

impl LibraryCache {
    fn last(&self) -> MutexGuard<'_, LastRead> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The libraries as they were read last, and how long ago. Waits for nothing.
    pub(crate) fn cached(&self) -> Option<(Arc<[Library]>, Duration)> {
        self.last().index.as_ref().map(|(index, read_at)| (Arc::clone(&index.list), read_at.elapsed()))
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
    Ok(read(server).await?.list.to_vec())
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

/// A call that concerns no single scan and was not understood is a fault of the address, or of a proxy whose server is
/// gone: the lane holds.
fn of_the_server(fault: Fault) -> Fault {
    match fault {
        Fault::Wrong { reason } => Fault::Away { reason: format!("{reason}; is the URL right?") },
        other => other,
    }
}

impl LibraryIndex {
    fn new(libraries: Vec<Library>) -> Self {
        let mut roots: HashMap<String, Vec<(AbsolutePath, usize)>> = HashMap::new();
        for (at, library) in libraries.iter().enumerate() {
            for folder in &library.folders {
                let Ok(root) = AbsolutePath::parse(folder) else {
                    tracing::debug!(library = ?library.title, ?folder, "a library's folder is no absolute path");
                    continue;
                };
                let sharing = roots.entry(key(&root)).or_default();
                if !sharing.iter().any(|(_, other)| *other == at) {
                    sharing.push((root, at));
                }
            }
        }
        Self { list: libraries.into(), roots }
    }

    /// The libraries whose root is the path or the nearest folder above it. A root owns itself: movies may lie flat in it.
    pub(crate) fn owners(&self, path: &AbsolutePath) -> Vec<Owner> {
        let nearest = std::iter::successors(Some(path.clone()), AbsolutePath::parent)
            .find_map(|at| self.roots.get(&key(&at)));
        let owner = |(root, at): &(AbsolutePath, usize)| {
            let names = path.names_below(root)?;
            let library = LibraryRef { list: Arc::clone(&self.list), at: *at };
            Some(Owner { library, root: root.clone(), path: root.join(names) })
        };
        nearest.into_iter().flatten().filter_map(owner).collect()
    }

    fn no_owner(&self, product: &str, path: &AbsolutePath) -> String {
        let mut roots: Vec<&AbsolutePath> = self.roots.values().flatten().map(|(root, _)| root).collect();
        roots.sort();
        roots.dedup();
        if roots.is_empty() {
            return format!("{product} has no library with a folder, so none owns {path:?}");
        }
        let named: Vec<String> = roots.iter().take(NAMED_ROOTS).map(|root| format!("{root:?}")).collect();
        let more = match roots.len().saturating_sub(NAMED_ROOTS) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let hint = hint(path, &roots);
        format!(
            "no library of {product} owns {path:?}; its libraries lie at {}{more}; {hint}",
            named.join(", ")
        )
    }
}

/// What a person could do about a folder that no library owns.
fn hint(path: &AbsolutePath, roots: &[&AbsolutePath]) -> String {
    if let Some(root) = roots.iter().find(|root| root.is_within(path)) {
        return format!("the folder lies above {root:?}: name a folder in a library");
    }
    // The last name of a root often is a folder's name on both sides of a missing map.
    let ancestors = || std::iter::successors(Some(path.clone()), AbsolutePath::parent);
    let twin = roots.iter().find_map(|root| {
        let name = root.file_name()?.to_lowercase();
        let from = ancestors().find(|at| at.file_name().is_some_and(|other| other.to_lowercase() == name))?;
        Some((from, root))
    });
    match twin {
        Some((from, root)) => format!("is the map {from:?} → {root:?} missing in the target's `map`?"),
        None => "is the target's `map` missing, or is the folder in no library?".to_owned(),
    }
}

/// How a root is looked up: Windows compares without case, the same way as [`AbsolutePath::names_below`].
fn key(path: &AbsolutePath) -> String {
    match path.style() {
        Style::Posix => path.as_str().to_owned(),
        Style::Windows => path.as_str().to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use proptest::prelude::*;

    fn library(id: &str, folders: &[&str]) -> Library {
        Library {
            id: id.to_owned(),
            title: format!("Library {id}"),
            kind: "show".to_owned(),
            folders: folders.iter().map(|&folder| folder.to_owned()).collect(),
        }
    }

    fn path(text: &str) -> AbsolutePath {
        AbsolutePath::parse(text).unwrap()
    }

    fn owned(index: &LibraryIndex, text: &str) -> Vec<(String, String)> {
        let owners = index.owners(&path(text));
        owners.iter().map(|owner| (owner.library.id.clone(), owner.spelled())).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|&(id, path)| (id.to_owned(), path.to_owned())).collect()
    }

    #[test]
    fn the_deepest_root_owns_a_folder_and_every_library_that_shares_it() {
        let index = LibraryIndex::new(vec![
            library("all", &["/media"]),
            library("tv", &["/media/tv/", "/media/tv"]),
            library("tv-de", &["/mnt/other", "/media/tv"]),
            library("4k", &["/media/tv4k"]),
            library("win", &["D:\\Media\\TV\\"]),
            library("share", &["\\\\NAS\\tv"]),
            library("bad", &["relative/folder", "", "/media/../tv"]),
        ]);
        for (folder, expected) in [
            ("/media/tv/Show/S01", &[("tv", "/media/tv/Show/S01"), ("tv-de", "/media/tv/Show/S01")][..]),
            ("/media/tv", &[("tv", "/media/tv"), ("tv-de", "/media/tv")]),
            ("/media/tv4k/Show", &[("4k", "/media/tv4k/Show")]),
            ("/media/tv4", &[("all", "/media/tv4")]),
            ("/media/TV/Show", &[("all", "/media/TV/Show")]),
            ("/media", &[("all", "/media")]),
            ("/med", &[]),
            ("/", &[]),
            ("d:\\media\\tv\\Show", &[("win", "D:\\Media\\TV\\Show")]),
            ("D:\\Media\\TV4k\\Show", &[]),
            ("\\\\nas\\TV\\Show", &[("share", "\\\\NAS\\tv\\Show")]),
            ("\\\\nas\\TV", &[("share", "\\\\NAS\\tv")]),
        ] {
            assert_eq!(owned(&index, folder), pairs(expected), "{folder}");
        }
    }

    #[test]
    fn a_folder_without_owner_is_told_what_it_was_compared_with() {
        let index = LibraryIndex::new(vec![library("1", &["/data/TV", "/data/movies"])]);
        for (folder, part) in [
            ("/mnt/tv/Show", r#"is the map "/mnt/tv" → "/data/TV" missing"#),
            ("/data", r#"lies above "/data/TV""#),
            ("/srv/music/x", "is the target's `map` missing"),
            (
                "/mnt/tv/Show",
                r#"no library of Plex owns "/mnt/tv/Show"; its libraries lie at "/data/TV", "/data/movies";"#,
            ),
        ] {
            let reason = index.no_owner("Plex", &path(folder));
            assert!(reason.contains(part), "{folder}: {reason}");
        }
        assert!(
            LibraryIndex::new(vec![]).no_owner("Plex", &path("/tv")).contains("no library with a folder")
        );
        let many: Vec<String> = (10..35).map(|n| format!("/data/{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let reason = LibraryIndex::new(vec![library("1", &many)]).no_owner("Plex", &path("/x"));
        assert!(reason.contains("\"/data/19\" and 15 more;"), "{reason}");
    }

    proptest! {
        #[test]
        fn the_owners_are_those_of_a_component_wise_search(
            roots in prop::collection::vec("(/[ab]{1,2}){0,3}|[cC]:(\\\\[aAbB]{1,2}){1,3}", 1..8),
            folder in "(/[ab]{1,2}){1,4}|[cC]:(\\\\[aAbB]{1,2}){1,4}",
        ) {
            let libraries: Vec<Library> = roots
                .iter()
                .enumerate()
                .map(|(n, root)| library(&n.to_string(), &[if root.is_empty() { "/" } else { root }]))
                .collect();
            let folder = path(&folder);
            let holding: Vec<(usize, &Library)> = libraries
                .iter()
                .filter_map(|library| {
                    let root = path(&library.folders[0]);
                    folder.is_within(&root).then(|| (root.depth(), library))
                })
                .collect();
            let deepest = holding.iter().map(|(depth, _)| *depth).max();
            let expected: Vec<&str> = holding
                .iter()
                .filter(|(depth, _)| Some(*depth) == deepest)
                .map(|(_, library)| library.id.as_str())
                .collect();
            let index = LibraryIndex::new(libraries.clone());
            let found = index.owners(&folder);
            prop_assert_eq!(found.iter().map(|owner| owner.library.id.as_str()).collect::<Vec<_>>(), expected);
            prop_assert!(found.iter().all(|owner| owner.path.is_within(&folder) && folder.is_within(&owner.path)));
        }
    }

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
