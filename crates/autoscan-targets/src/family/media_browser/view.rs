//! What a server showed of the files of one folder.

use std::collections::{HashMap, HashSet};

use crate::family::media_browser::answers::Item;
use crate::family::media_browser::item_cache::KnownItem;

/// What the server showed of the files of one folder.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// Its files, by path, with their sizes in bytes where they were told.
    pub(crate) files: HashMap<String, Option<u64>>,
    /// The items of the files.
    pub(crate) items: HashMap<String, KnownItem>,
    /// Files that are listed, and not read yet.
    pub(crate) bare: HashSet<String>,
    /// What was asked and what came back, in a sentence without a capital.
    pub(crate) said: String,
}

impl View {
    /// Takes an item in.
    pub(crate) fn add(&mut self, item: &Item) {
        for (path, size) in item.files() {
            let known = self.files.entry(path.to_owned()).or_default();
            *known = size.or(*known);
            if item.is_whole() {
                self.bare.remove(path);
            } else {
                self.bare.insert(path.to_owned());
            }
            let known = KnownItem { id: item.id.clone(), path: path.to_owned(), is_artist: item.is_artist() };
            self.items.insert(path.to_owned(), known);
        }
    }

    /// Takes the files of an item in of which it is known whether it was read.
    pub(crate) fn add_sizes(&mut self, item: &Item) {
        let bare = std::mem::take(&mut self.bare);
        self.add(item);
        self.bare = bare;
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }
}
