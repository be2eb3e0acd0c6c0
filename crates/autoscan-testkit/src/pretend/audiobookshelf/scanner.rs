//! What a pretend Audiobookshelf makes of the files on its disk.

use std::collections::{BTreeMap, BTreeSet};

use autoscan_core::path::AbsolutePath;
use serde_json::{Value, json};

use crate::pretend::library::PretendLibrary;
use crate::pretend::shelf::Shelf;

/// What becomes an item where it is heard…
const AUDIO: [&str; 6] = ["flac", "m4a", "m4b", "mp3", "ogg", "opus"];
/// … or read.
const BOOKS: [&str; 2] = ["epub", "pdf"];
/// What lets an item be looked at beside these.
const BESIDE: [&str; 6] = ["jpg", "json", "nfo", "opf", "png", "txt"];

/// A book or a podcast.
pub(super) struct Item {
    pub(super) id: String,
    pub(super) library: String,
    pub(super) path: String,
    pub(super) is_missing: bool,
    pub(super) files: BTreeMap<String, u64>,
    /// When it was added, and when its own folder changed, which it does not by what happens in one below it: numbers that
    /// only grow.
    pub(super) added: u64,
    pub(super) changed: u64,
}

impl Item {
    /// How a list shows it, or with its files how it is shown alone.
    pub(super) fn json(&self, is_whole: bool) -> Value {
        let mut item = json!({
            "id": self.id, "libraryId": self.library, "path": self.path, "isMissing": self.is_missing,
            "isFile": self.files.contains_key(&self.path), "isInvalid": false, "addedAt": self.added,
            "mtimeMs": self.changed, "numFiles": self.files.len(), "size": self.files.values().sum::<u64>(),
        });
        if is_whole {
            let file = |(path, size): (&String, &u64)| json!({"metadata": {"path": path, "size": size}});
            item["libraryFiles"] = self.files.iter().map(file).collect();
        }
        item
    }
}

/// The items, and how they come to be.
#[derive(Default)]
pub(super) struct Scanner {
    pub(super) disk: Shelf,
    pub(super) items: Vec<Item>,
    /// The libraries that make nothing of books without sound.
    pub(super) audio_only: BTreeSet<String>,
    clock: u64,
}

impl Scanner {
    /// Looks at the book of a file that was reported, as `scanFolderUpdates` of Audiobookshelf 2.36 does: at the item that
    /// its folder or one above it is, or else at a new one.
    pub(super) fn look(&mut self, library: &PretendLibrary, file: &str) {
        let Some((root, file)) = located(library, file) else { return };
        let kind = ending(&file);
        if !AUDIO.contains(&kind.as_str())
            && !BOOKS.contains(&kind.as_str())
            && !BESIDE.contains(&kind.as_str())
        {
            return;
        }
        let book = book(&file, &root);
        let above = std::iter::successors(Some(book.clone()), AbsolutePath::parent)
            .take_while(|path| path.depth() > root.depth());
        let above: Vec<String> = above.map(|path| path.to_string()).collect();
        let known =
            self.items.iter().position(|item| item.library == library.id && above.contains(&item.path));
        if let Some(at) = known {
            self.look_again(at, &above[0]);
        } else if !self.items.iter().any(|item| item.path.starts_with(&format!("{book}/"))) {
            self.add(library, &book);
        }
    }

    /// Looks at a whole library.
    pub(super) fn scan(&mut self, library: &PretendLibrary) {
        for at in 0..self.items.len() {
            if self.items[at].library == library.id {
                let path = self.items[at].path.clone();
                self.look_again(at, &path);
            }
        }
        for folder in &library.folders {
            for file in self.disk.files(folder).into_keys() {
                self.look(library, &file);
            }
        }
    }

    /// An item is called missing when the path that was looked at is its own, and gone.
    fn look_again(&mut self, at: usize, looked_at: &str) {
        self.clock += 1;
        let item = &mut self.items[at];
        let files = self.disk.files(&item.path);
        if files.is_empty() && item.path == looked_at {
            item.is_missing = true;
        } else if !files.is_empty() {
            if entries(&item.path, &files) != entries(&item.path, &item.files) {
                item.changed = self.clock;
            }
            item.files = files;
            item.is_missing = false;
        }
    }

    fn add(&mut self, library: &PretendLibrary, book: &AbsolutePath) {
        let files = self.disk.files(book.as_str());
        let is_audio_only = library.kind == "podcast" || self.audio_only.contains(&library.id);
        let makes_an_item = |path: &String| {
            let kind = AbsolutePath::parse(path).map(|path| ending(&path)).unwrap_or_default();
            AUDIO.contains(&kind.as_str()) || (!is_audio_only && BOOKS.contains(&kind.as_str()))
        };
        if files.keys().any(makes_an_item) {
            self.hold(&library.id, book.as_str(), files);
        }
    }

    /// Adds an item with these files.
    pub(super) fn hold(&mut self, library: &str, path: &str, files: BTreeMap<String, u64>) {
        self.clock += 1;
        self.items.push(Item {
            id: format!("item-{}", self.clock),
            library: library.to_owned(),
            path: path.to_owned(),
            is_missing: false,
            files,
            added: self.clock,
            changed: self.clock,
        });
    }
}

/// The names of files and folders that lie in the folder of an item.
fn entries<'a>(item: &str, files: &'a BTreeMap<String, u64>) -> BTreeSet<&'a str> {
    let below = files.keys().filter_map(|file| file.strip_prefix(item)?.strip_prefix('/'));
    below.filter_map(|below| below.split('/').next()).collect()
}

/// The folder of a library that holds a file.
pub(super) fn located(library: &PretendLibrary, file: &str) -> Option<(AbsolutePath, AbsolutePath)> {
    let file = AbsolutePath::parse(file).ok()?;
    let roots = library.folders.iter().filter_map(|folder| AbsolutePath::parse(folder).ok());
    let root = roots.into_iter().find(|root| file.is_within(root))?;
    Some((root, file))
}

/// The folder that becomes the item of a file (`groupFileItemsIntoLibraryItemDirs`).
fn book(file: &AbsolutePath, root: &AbsolutePath) -> AbsolutePath {
    let names = file.names_below(root).unwrap_or_default();
    let Some((_, folders)) = names.split_last().filter(|(_, folders)| !folders.is_empty()) else {
        return file.clone();
    };
    let is_disc = folders.last().is_some_and(|name| {
        let number = name.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
        let word = name[..name.len() - number.len()].to_lowercase();
        ["cd", "disc", "disk"].contains(&word.as_str())
            && number.trim_start().parse::<u16>().is_ok_and(|n| n < 1000)
    });
    let kept = if is_disc && folders.len() > 1 { folders.len() - 1 } else { folders.len() };
    root.join(folders[..kept].iter().copied())
}

fn ending(path: &AbsolutePath) -> String {
    let ending = path.file_name().and_then(|name| name.rsplit_once('.'));
    ending.map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default()
}
