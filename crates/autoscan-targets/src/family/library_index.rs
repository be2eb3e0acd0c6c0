//! Which libraries own a folder: those of its nearest library folder above.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use autoscan_core::path::{AbsolutePath, Style};
use autoscan_core::ports::Library;

/// How many roots a reason names.
const NAMED_ROOTS: usize = 10;

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

/// The libraries at one moment, by their folders.
pub(crate) struct LibraryIndex {
    list: Arc<[Library]>,
    roots: HashMap<String, Vec<(AbsolutePath, usize)>>,
}

impl LibraryIndex {
    pub(crate) fn new(libraries: Vec<Library>) -> Self {
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

    /// All libraries.
    pub(crate) fn all(&self) -> &Arc<[Library]> {
        &self.list
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

    /// The libraries that have the path in one of their folders, one for each such folder, the nearest first: where folders of
    /// libraries lie in one another, a server may show a file in the outer one.
    pub(crate) fn holders(&self, path: &AbsolutePath) -> Vec<Owner> {
        let above = std::iter::successors(Some(path.clone()), AbsolutePath::parent);
        above
            .filter(|at| self.roots.contains_key(&key(at)))
            .filter_map(|at| {
                let names = path.names_below(&at)?;
                let inside = at.join(names);
                let (root, library) = self.roots.get(&key(&at))?.first()?;
                let path = root.join(inside.names_below(root)?);
                let library = LibraryRef { list: Arc::clone(&self.list), at: *library };
                Some(Owner { library, root: root.clone(), path })
            })
            .collect()
    }

    /// The sentence for a folder that no library owns: where the libraries lie, and what may be wrong.
    pub(crate) fn no_owner(&self, product: &str, path: &AbsolutePath) -> String {
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
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn library(id: &str, folders: &[&str]) -> Library {
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
    fn folders_of_libraries_that_lie_in_one_another_all_hold_a_path() {
        let index = LibraryIndex::new(vec![library("all", &["/media"]), library("tv", &["/media/tv"])]);
        let held: Vec<(String, String)> = index
            .holders(&path("/media/tv/Show"))
            .iter()
            .map(|owner| (owner.library.id.clone(), owner.root.as_str().to_owned()))
            .collect();
        assert_eq!(held, pairs(&[("tv", "/media/tv"), ("all", "/media")]));
        assert_eq!(index.holders(&path("/media/music/A")).len(), 1);
        assert!(index.holders(&path("/elsewhere")).is_empty());
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
}
