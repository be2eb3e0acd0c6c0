//! Which libraries own a folder.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::fault::Fault;
use autoscan_core::path::{AbsolutePath, Style, TargetPath};
use autoscan_core::ports::{Identity, Library};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// A list older than this is read again before it is used: a library may have come to share a folder.
const FRESH: Duration = Duration::from_mins(10);

/// A stream of folders that no library owns makes the list be read again at most this often.
const BETWEEN_MISSES: Duration = Duration::from_secs(10);

/// How many roots a reason names.
const NAMED_ROOTS: usize = 10;

/// A server that has libraries.
#[async_trait]
pub(crate) trait Catalogue: Send + Sync {
    /// The product, for a person.
    fn product(&self) -> &'static str;

    /// What is remembered of the libraries.
    fn shelves(&self) -> &Shelves;

    /// The libraries, from the server.
    async fn read(&self) -> Result<Vec<Library>, Fault>;
}

/// A library that owns a path.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    /// The library.
    pub(crate) library: Arc<Library>,
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
}

/// A path as these servers write it: the root of a share without the separator that ends it here.
pub(crate) fn spelled(path: &AbsolutePath) -> &str {
    let text = path.as_str();
    if text.starts_with("\\\\") { text.trim_end_matches('\\') } else { text }
}

/// The libraries of one server, remembered.
#[derive(Default)]
pub(crate) struct Shelves(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    list: Option<(Arc<Shelf>, Instant)>,
    missed: Option<Instant>,
}

/// The libraries at one moment, by their folders.
pub(crate) struct Shelf {
    libraries: Vec<Arc<Library>>,
    roots: HashMap<String, Vec<(AbsolutePath, Arc<Library>)>>,
}

/// The libraries, read afresh and remembered. A fault of the whole list is none of a single folder, so it holds the lane.
pub(crate) async fn read_afresh(server: &(impl Catalogue + ?Sized)) -> Result<Arc<Shelf>, Fault> {
    let mut memory = server.shelves().0.lock().await;
    refill(server, &mut memory).await
}

/// Every library that owns the folder, after the list was read afresh when none did. The deepest root wins; several
/// libraries may share it.
pub(crate) async fn owners(
    server: &(impl Catalogue + ?Sized),
    folder: &TargetPath,
) -> Result<(Arc<Shelf>, Vec<Owner>), Fault> {
    let mut memory = server.shelves().0.lock().await;
    let known = memory.list.clone().filter(|(_, read_at)| read_at.elapsed() < FRESH);
    let (mut shelf, is_new) = match known {
        Some((shelf, _)) => (shelf, false),
        None => (refill(server, &mut memory).await?, true),
    };
    let mut owners = shelf.owners(&folder.0);
    let may_read = memory.missed.is_none_or(|at| at.elapsed() >= BETWEEN_MISSES);
    if owners.is_empty() && !is_new && may_read {
        shelf = refill(server, &mut memory).await?;
        memory.missed = Some(Instant::now());
        owners = shelf.owners(&folder.0);
    }
    if owners.is_empty() {
        return Err(Fault::not_mine(shelf.no_owner(server.product(), &folder.0)));
    }
    Ok((shelf, owners))
}

/// The libraries that own the folder, as they are remembered; none while they were never read. Asks nobody.
pub(crate) async fn remembered(
    server: &(impl Catalogue + ?Sized),
    folder: &TargetPath,
) -> Option<Vec<Owner>> {
    let memory = server.shelves().0.lock().await;
    memory.list.as_ref().map(|(shelf, _)| shelf.owners(&folder.0))
}

async fn refill(server: &(impl Catalogue + ?Sized), memory: &mut Memory) -> Result<Arc<Shelf>, Fault> {
    let libraries = server.read().await.map_err(of_the_server)?;
    let shelf = Arc::new(Shelf::new(libraries));
    tracing::debug!(server = server.product(), libraries = shelf.libraries.len(), "libraries read");
    memory.list = Some((Arc::clone(&shelf), Instant::now()));
    Ok(shelf)
}

/// Where a server does not know the call that tells its version, because a proxy lets only some through, its list of
/// libraries proves as much: that it answers, and that the key is good.
pub(crate) async fn known_by_its_list(catalogue: &impl Catalogue, fault: Fault) -> Result<Identity, Fault> {
    if !matches!(fault, Fault::Wrong { .. }) {
        return Err(fault);
    }
    match read_afresh(catalogue).await {
        Ok(_) => Ok(Identity {
            product: catalogue.product().to_owned(),
            name: None,
            version: "unknown".to_owned(),
        }),
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

impl Shelf {
    fn new(libraries: Vec<Library>) -> Self {
        let libraries: Vec<Arc<Library>> = libraries.into_iter().map(Arc::new).collect();
        let mut roots: HashMap<String, Vec<(AbsolutePath, Arc<Library>)>> = HashMap::new();
        for library in &libraries {
            for folder in &library.folders {
                let Ok(root) = AbsolutePath::parse(folder) else {
                    tracing::debug!(library = ?library.title, ?folder, "a library's folder is no absolute path");
                    continue;
                };
                let sharing = roots.entry(key(&root)).or_default();
                if !sharing.iter().any(|(_, other)| Arc::ptr_eq(other, library)) {
                    sharing.push((root, Arc::clone(library)));
                }
            }
        }
        Self { libraries, roots }
    }

    /// The libraries as they were read.
    pub(crate) fn libraries(&self) -> Vec<Library> {
        self.libraries.iter().map(|library| Library::clone(library)).collect()
    }

    /// The libraries whose root is the path or the nearest folder above it. A root owns itself: movies may lie flat in it.
    pub(crate) fn owners(&self, path: &AbsolutePath) -> Vec<Owner> {
        let nearest = std::iter::successors(Some(path.clone()), AbsolutePath::parent)
            .find_map(|at| self.roots.get(&key(&at)));
        let owner = |(root, library): &(AbsolutePath, Arc<Library>)| {
            let names = path.names_below(root)?;
            Some(Owner { library: Arc::clone(library), root: root.clone(), path: root.join(names) })
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

    fn told(shelf: &Shelf, text: &str) -> Vec<(String, String)> {
        let owners = shelf.owners(&path(text));
        owners.iter().map(|owner| (owner.library.id.clone(), owner.spelled())).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|&(id, path)| (id.to_owned(), path.to_owned())).collect()
    }

    #[test]
    fn the_deepest_root_owns_a_folder_and_every_library_that_shares_it() {
        let shelf = Shelf::new(vec![
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
            assert_eq!(told(&shelf, folder), pairs(expected), "{folder}");
        }
    }

    #[test]
    fn a_folder_without_owner_is_told_what_it_was_compared_with() {
        let shelf = Shelf::new(vec![library("1", &["/data/TV", "/data/movies"])]);
        for (folder, part) in [
            ("/mnt/tv/Show", r#"is the map "/mnt/tv" → "/data/TV" missing"#),
            ("/data", r#"lies above "/data/TV""#),
            ("/srv/music/x", "is the target's `map` missing"),
            (
                "/mnt/tv/Show",
                r#"no library of Plex owns "/mnt/tv/Show"; its libraries lie at "/data/TV", "/data/movies";"#,
            ),
        ] {
            let reason = shelf.no_owner("Plex", &path(folder));
            assert!(reason.contains(part), "{folder}: {reason}");
        }
        assert!(Shelf::new(vec![]).no_owner("Plex", &path("/tv")).contains("no library with a folder"));
        let many: Vec<String> = (10..35).map(|n| format!("/data/{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let reason = Shelf::new(vec![library("1", &many)]).no_owner("Plex", &path("/x"));
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
            let shelf = Shelf::new(libraries.clone());
            let found = shelf.owners(&folder);
            prop_assert_eq!(found.iter().map(|owner| owner.library.id.as_str()).collect::<Vec<_>>(), expected);
            prop_assert!(found.iter().all(|owner| owner.path.is_within(&folder) && folder.is_within(&owner.path)));
        }
    }

    #[derive(Default)]
    struct Server {
        shelves: Shelves,
        roots: std::sync::Mutex<Vec<&'static str>>,
        reads: AtomicUsize,
    }

    #[async_trait]
    impl Catalogue for Server {
        fn product(&self) -> &'static str {
            "Plex"
        }

        fn shelves(&self) -> &Shelves {
            &self.shelves
        }

        async fn read(&self) -> Result<Vec<Library>, Fault> {
            self.reads.fetch_add(1, Ordering::Relaxed);
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
}
