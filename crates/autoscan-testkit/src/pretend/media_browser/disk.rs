//! What the server sees of its files: those put there by hand, and real folders.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::pretend::monitor::parent;

/// Deepest folder of a real one that is looked into.
const DEEPEST: usize = 12;

/// The files in the server's eyes.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    placed: BTreeMap<String, u64>,
    lost: BTreeSet<String>,
    real: Vec<(String, PathBuf)>,
    unseen: Vec<String>,
    /// Libraries' folders with nothing in them.
    empty: BTreeSet<String>,
}

impl Disk {
    pub(crate) fn place(&mut self, path: &str, size: u64) {
        self.lost.remove(path);
        self.placed.insert(path.to_owned(), size);
    }

    /// The file or folder is no longer there.
    pub(crate) fn lose(&mut self, path: &str) {
        self.placed.retain(|known, _| !is_within(known, path));
        self.lost.insert(path.to_owned());
    }

    /// It was put there again.
    pub(crate) fn regain(&mut self, path: &str) {
        self.lost.remove(path);
    }

    pub(crate) fn show(&mut self, prefix: &str, local: &Path) {
        self.real.push((prefix.trim_end_matches(['/', '\\']).to_owned(), local.to_owned()));
    }

    /// The server may not look below this folder.
    pub(crate) fn hide(&mut self, prefix: &str) {
        self.unseen.push(prefix.to_owned());
    }

    /// The library's folder has nothing in it.
    pub(crate) fn set_empty(&mut self, folder: &str, is_empty: bool) {
        if is_empty {
            self.empty.insert(folder.to_owned());
        } else {
            self.empty.remove(folder);
        }
    }

    /// What lies right in the folder, each with whether it is a file; none when the server does not find the folder.
    pub(crate) fn entries(&self, folder: &str) -> Option<Vec<(String, bool)>> {
        if !self.shows(folder) && !self.empty.contains(folder) {
            return None;
        }
        let mut entries: BTreeMap<String, bool> = BTreeMap::new();
        if self.empty.contains(folder) {
            return Some(Vec::new());
        }
        for (path, _) in self.files_within(folder) {
            let rest = path[folder.len()..].trim_start_matches(['/', '\\']);
            if let Some((name, _)) = rest.split_once(['/', '\\']) {
                entries.insert(name.to_owned(), false);
            } else if !rest.is_empty() {
                entries.insert(rest.to_owned(), true);
            }
        }
        Some(entries.into_iter().collect())
    }

    /// Whether a folder on the way to the path holds a file `.ignore`, which is empty or names it.
    pub(crate) fn is_ruled_out(&self, path: &str) -> bool {
        let above = std::iter::successors(parent(path), |up| parent(up));
        above.into_iter().any(|folder| self.is_file(&format!("{}/.ignore", folder.trim_end_matches('/'))))
    }

    /// The paths that are gone, within the folder.
    pub(crate) fn lost_within(&self, folder: &str) -> Vec<String> {
        self.lost.iter().filter(|path| is_within(path, folder)).cloned().collect()
    }

    /// The real folders that have to do with this one, as the server calls them.
    pub(crate) fn real_within(&self, folder: &str) -> Vec<String> {
        let touching = |prefix: &&str| is_within(prefix, folder) || is_within(folder, prefix);
        self.real.iter().map(|(prefix, _)| prefix.as_str()).filter(touching).map(str::to_owned).collect()
    }

    /// Whether the server finds the path. What nobody spoke of is there: its items were put into the library.
    pub(crate) fn has(&self, path: &str) -> bool {
        if self.unseen.iter().any(|prefix| is_within(path, prefix)) {
            return false;
        }
        match self.local(path) {
            Some(local) => local.exists(),
            None => !self.lost.iter().any(|lost| is_within(path, lost)),
        }
    }

    /// Whether the path was put there, or lies in a real folder.
    pub(crate) fn shows(&self, path: &str) -> bool {
        let placed =
            || self.placed.range(path.to_owned()..).next().is_some_and(|(at, _)| is_within(at, path));
        self.has(path) && (self.local(path).is_some() || placed())
    }

    /// Whether it is a file, and the server finds it.
    pub(crate) fn is_file(&self, path: &str) -> bool {
        let real = || self.local(path).map(|local| local.is_file());
        self.has(path) && real().unwrap_or_else(|| self.placed.contains_key(path))
    }

    /// The size of a file, if it is known.
    pub(crate) fn size(&self, path: &str) -> Option<u64> {
        match self.local(path) {
            Some(local) => std::fs::metadata(local).ok().map(|found| found.len()),
            None => self.placed.get(path).copied(),
        }
    }

    /// Every file within the folder with its size, or the file itself.
    pub(crate) fn files_within(&self, folder: &str) -> Vec<(String, u64)> {
        let mut files: Vec<(String, u64)> = self
            .placed
            .range(folder.to_owned()..)
            .take_while(|(path, _)| path.starts_with(folder))
            .filter(|(path, _)| is_within(path, folder) && self.has(path))
            .map(|(path, size)| (path.clone(), *size))
            .collect();
        for prefix in self.real_within(folder) {
            let from = if is_within(folder, &prefix) { folder.to_owned() } else { prefix };
            if let Some(local) = self.local(&from) {
                walk(&from, &local, DEEPEST, &mut files);
            }
        }
        files.retain(|(path, _)| !self.unseen.iter().any(|prefix| is_within(path, prefix)));
        files
    }

    /// Whether nothing of a real folder can be seen: it is away, or empty.
    pub(crate) fn is_away(&self, folder: &str) -> bool {
        if self.empty.contains(folder) {
            return true;
        }
        self.local(folder).is_some_and(|local| {
            std::fs::read_dir(local).map_or(true, |mut entries| entries.next().is_none())
        })
    }

    /// Where the path lies on this machine, if it lies in a real folder.
    fn local(&self, path: &str) -> Option<PathBuf> {
        let (prefix, local) = self.real.iter().find(|(prefix, _)| is_within(path, prefix))?;
        let rest = path[prefix.len()..].trim_start_matches(['/', '\\']);
        Some(if rest.is_empty() { local.clone() } else { local.join(rest.replace('\\', "/")) })
    }
}

/// Whether the path is the folder or lies in it, by whole names.
pub(crate) fn is_within(path: &str, folder: &str) -> bool {
    let folder = folder.trim_end_matches(['/', '\\']);
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '\\']))
}

fn walk(path: &str, local: &Path, depth: usize, files: &mut Vec<(String, u64)>) {
    let Ok(found) = std::fs::metadata(local) else { return };
    if found.is_file() {
        files.push((path.to_owned(), found.len()));
        return;
    }
    let Ok(entries) = std::fs::read_dir(local) else { return };
    if depth == 0 {
        return;
    }
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    for name in names {
        if let Some(text) = name.to_str() {
            walk(&format!("{path}/{text}"), &local.join(text), depth - 1, files);
        }
    }
}
