//! What lies on the disk of a pretend server, as that server sees it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use autoscan_core::media::{Role, is_extra};
use autoscan_core::path::{AbsolutePath, Style};

/// The files that a pretend server can see: real folders of this machine, and files laid by hand.
#[derive(Default)]
pub(crate) struct Shelf {
    seen: Vec<(AbsolutePath, PathBuf)>,
    laid: BTreeMap<String, u64>,
    forbidden: Vec<AbsolutePath>,
}

/// A name in a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// The whole path.
    pub(crate) path: String,
    /// Whether it is a folder.
    pub(crate) folder: bool,
}

impl Shelf {
    /// What the server calls `prefix` is this folder of this machine.
    pub(crate) fn sees(&mut self, prefix: &str, local: &Path) {
        if let Ok(prefix) = AbsolutePath::parse(prefix) {
            self.seen.push((prefix, local.to_owned()));
        }
    }

    /// Lays a file there by hand.
    pub(crate) fn lay(&mut self, path: &str, size: u64) {
        self.laid.insert(path.to_owned(), size);
    }

    /// Takes a file that was laid by hand, or all of a folder.
    pub(crate) fn take(&mut self, path: &str) {
        let Ok(gone) = AbsolutePath::parse(path) else { return };
        self.laid.retain(|file, _| !within(file, &gone));
    }

    /// Hides what lies at and below a path, as a missing permission does; or shows it again.
    pub(crate) fn forbid(&mut self, path: &str, forbidden: bool) {
        let Ok(path) = AbsolutePath::parse(path) else { return };
        self.forbidden.retain(|other| *other != path);
        if forbidden {
            self.forbidden.push(path);
        }
    }

    /// The media files at and below a path with their sizes, extras left out.
    pub(crate) fn media(&self, folder: &str) -> BTreeMap<String, u64> {
        let mut found = self.files(folder);
        found.retain(|path, _| is_media(path));
        found
    }

    /// The files of every kind at and below a path with their sizes.
    pub(crate) fn files(&self, folder: &str) -> BTreeMap<String, u64> {
        let Ok(folder) = AbsolutePath::parse(folder) else { return BTreeMap::new() };
        let mut found = BTreeMap::new();
        for (prefix, local) in &self.seen {
            if let Some(names) = folder.names_below(prefix) {
                let start = names.iter().fold(local.clone(), |at, name| at.join(name));
                walk(&folder, &start, &mut found);
            } else if prefix.is_within(&folder) {
                walk(prefix, local, &mut found);
            }
        }
        let laid = self.laid.iter().filter(|(path, _)| within(path, &folder));
        found.extend(laid.map(|(path, size)| (path.clone(), *size)));
        found.retain(|path, _| !self.forbidden.iter().any(|forbidden| within(path, forbidden)));
        found
    }

    /// What a folder holds, files of every kind included; none when it is not there or may not be seen.
    pub(crate) fn list(&self, folder: &str) -> Option<Vec<Entry>> {
        let folder = AbsolutePath::parse(folder).ok()?;
        if self.forbidden.iter().any(|forbidden| folder.is_within(forbidden)) {
            return None;
        }
        let mut entries = Vec::new();
        let mut there = self.seen.iter().any(|(prefix, _)| *prefix == folder);
        for (prefix, local) in &self.seen {
            let Some(names) = folder.names_below(prefix) else { continue };
            let local = names.iter().fold(local.clone(), |at, name| at.join(name));
            let Ok(read) = fs::read_dir(local) else { continue };
            there = true;
            entries.extend(read.flatten().filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let path = folder.join([name.as_str()]).to_string();
                Some(Entry { path, folder: entry.path().is_dir() })
            }));
        }
        for path in self.laid.keys().filter_map(|path| AbsolutePath::parse(path).ok()) {
            let Some(names) = path.names_below(&folder) else { continue };
            let Some(name) = names.first() else { continue };
            there = true;
            entries.push(Entry { path: folder.join([*name]).to_string(), folder: names.len() > 1 });
        }
        entries.sort();
        entries.dedup();
        let hidden = |entry: &Entry| self.forbidden.iter().any(|forbidden| within(&entry.path, forbidden));
        entries.retain(|entry| !hidden(entry));
        there.then_some(entries)
    }
}

fn is_media(path: &str) -> bool {
    AbsolutePath::parse(path).is_ok_and(|path| Role::of(&path) == Role::Media && !is_extra(&path))
}

/// Whether a path is `folder` or lies in it.
pub(crate) fn within(path: &str, folder: &AbsolutePath) -> bool {
    AbsolutePath::parse(path).is_ok_and(|path| path.is_within(folder))
}

fn walk(path: &AbsolutePath, local: &Path, found: &mut BTreeMap<String, u64>) {
    let Ok(entry) = fs::metadata(local) else { return };
    if entry.is_file() {
        found.insert(path.to_string(), entry.len());
        return;
    }
    let Ok(read) = fs::read_dir(local) else { return };
    for entry in read.flatten() {
        if let Some(name) = entry.file_name().to_str() {
            walk(&path.join([name]), &entry.path(), found);
        }
    }
}

/// A great many files that nobody keeps in memory: each is reckoned from its number. They lie in three levels, such as
/// show, season and episode.
#[derive(Clone, Debug)]
pub(crate) struct Filled {
    root: AbsolutePath,
    count: usize,
    shape: Shape,
}

/// How filled files are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `Filled 000001 (1999)/Filled 000001 (1999).mkv`.
    Movies,
    /// `Filled 000001/Season 01/Filled 000001 - S01E01.mkv`.
    Episodes,
    /// `Filled 000001/Album 01/Filled 000001 - 01 - 01.flac`.
    Tracks,
}

/// Files in a group of the lowest level, and groups in one above it.
pub(crate) const IN_GROUP: usize = 12;
pub(crate) const GROUPS: usize = 5;

impl Filled {
    pub(crate) fn new(root: &str, count: usize, shape: Shape) -> Option<Self> {
        Some(Self { root: AbsolutePath::parse(root).ok()?, count, shape })
    }

    /// How many files there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// The name of the highest folder of file `n`.
    pub(crate) fn title(&self, n: usize) -> String {
        match self.shape {
            Shape::Movies => format!("Filled {n:06}"),
            Shape::Episodes | Shape::Tracks => format!("Filled {:06}", n / (IN_GROUP * GROUPS)),
        }
    }

    /// The number of the folder of file `n` in the one above, and of the file in its folder, both from one.
    pub(crate) fn place(n: usize) -> (usize, usize) {
        (n / IN_GROUP % GROUPS + 1, n % IN_GROUP + 1)
    }

    /// The path of file `n`.
    pub(crate) fn path(&self, n: usize) -> String {
        let (title, (group, one)) = (self.title(n), Self::place(n));
        let names = match self.shape {
            Shape::Movies => vec![format!("{title} (1999)"), format!("{title} (1999).mkv")],
            Shape::Episodes => {
                vec![
                    title.clone(),
                    format!("Season {group:02}"),
                    format!("{title} - S{group:02}E{one:02}.mkv"),
                ]
            }
            Shape::Tracks => {
                vec![
                    title.clone(),
                    format!("Album {group:02}"),
                    format!("{title} - {group:02} - {one:02}.flac"),
                ]
            }
        };
        self.root.join(names.iter().map(String::as_str)).to_string()
    }

    /// The size of file `n`.
    pub(crate) fn size(n: usize) -> u64 {
        1_000_000 + n as u64
    }

    /// The file of this name, if the name is a whole one.
    pub(crate) fn named(&self, name: &str) -> Option<usize> {
        let digits = |from: usize, to: usize| name.get(from..to)?.parse::<usize>().ok();
        let first = digits(7, 13)?;
        let (group, one) = match self.shape {
            Shape::Movies => (1, 1),
            Shape::Episodes => (digits(17, 19)?, digits(20, 22)?),
            Shape::Tracks => (digits(16, 18)?, digits(21, 23)?),
        };
        let n = match self.shape {
            Shape::Movies => first,
            Shape::Episodes | Shape::Tracks => {
                (first * GROUPS + group.checked_sub(1)?) * IN_GROUP + one.checked_sub(1)?
            }
        };
        let separator = if self.root.style() == Style::Posix { '/' } else { '\\' };
        (n < self.count && self.path(n).rsplit(separator).next() == Some(name)).then_some(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filled_file_is_found_by_its_name() {
        for shape in [Shape::Movies, Shape::Episodes, Shape::Tracks] {
            let filled = Filled::new("/data/x", 500_000, shape).unwrap();
            for n in [0, 1, 11, 12, 59, 60, 4711, 499_999] {
                let path = filled.path(n);
                assert_eq!(filled.named(path.rsplit('/').next().unwrap()), Some(n), "{path}");
            }
            assert_eq!(filled.named("Filled 999999 (1999).mkv"), None);
            assert_eq!(filled.named("日本の映画.mkv"), None);
            assert_eq!(filled.named("Filled 000001 - S00E00.mkv"), None);
        }
    }

    #[test]
    fn media_is_seen_and_what_is_forbidden_is_not() {
        let mut shelf = Shelf::default();
        for path in ["/tv/A/a.mkv", "/tv/A/a.srt", "/tv/A/Sample/s.mkv", "/tv/B/b.mkv"] {
            shelf.lay(path, 1);
        }
        assert_eq!(shelf.media("/tv").into_keys().collect::<Vec<_>>(), ["/tv/A/a.mkv", "/tv/B/b.mkv"]);
        assert_eq!(shelf.list("/tv").unwrap().len(), 2);
        shelf.forbid("/tv/B", true);
        assert_eq!(shelf.media("/tv").into_keys().collect::<Vec<_>>(), ["/tv/A/a.mkv"]);
        assert_eq!((shelf.list("/tv/B"), shelf.list("/tv").unwrap().len()), (None, 1));
        shelf.take("/tv/A");
        assert!(shelf.media("/tv").is_empty());
    }
}
