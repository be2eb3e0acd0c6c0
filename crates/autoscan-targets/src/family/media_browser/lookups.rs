//! What was looked up for one batch.

use std::collections::{HashMap, HashSet};

use crate::family::media_browser::item_cache::KnownItem;

/// What was looked up for one batch: many files of a folder are one question.
#[derive(Default)]
pub(crate) struct BatchLookups {
    /// The nearest item of each folder, or none.
    pub(crate) places: HashMap<String, Option<KnownItem>>,
    /// Paths that were asked for and that no item has.
    not_found: HashSet<String>,
}

impl BatchLookups {
    /// Whether no item was found for the path.
    pub(crate) fn has_missed(&self, path: &str) -> bool {
        self.not_found.contains(path)
    }

    /// No item was found for the path.
    pub(crate) fn miss(&mut self, path: &str) {
        self.not_found.insert(path.to_owned());
    }
}
