//! Where items are: learnt from answers, so that a server is not searched again and again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::family::media_browser::answers::Item;

/// Most paths that are remembered; the oldest are forgotten first.
const MOST: usize = 8192;

/// Most folders of which it is remembered since when they are expected in vain.
const MOST_SOUGHT: usize = 2048;

/// The top of a library is gone through for a folder that was expected in vain this long…
const SOUGHT_LONG: Duration = Duration::from_mins(3);
/// … and not more often than this.
const BETWEEN_SWEEPS: Duration = Duration::from_mins(5);

/// An item that the server knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownItem {
    /// The server's id of it.
    pub(crate) id: String,
    /// Its path, as the server writes it.
    pub(crate) path: String,
    /// Whether it is an artist.
    pub(crate) is_artist: bool,
}

/// The ids of paths, bounded.
#[derive(Default)]
pub(crate) struct ItemCache(Mutex<CachedItems>);

#[derive(Default)]
struct CachedItems {
    ids: HashMap<String, (String, bool)>,
    order: VecDeque<String>,
    /// Files whose content was changed under their old name.
    changed: HashSet<String>,
    changed_order: VecDeque<String>,
    /// Folders that are expected in vain: since when, and how often.
    expected: HashMap<String, (Instant, u32)>,
    swept: HashMap<String, Instant>,
    /// Ids of artists whose albums' tags name them.
    tagged: HashSet<String>,
}

impl ItemCache {
    fn state(&self) -> MutexGuard<'_, CachedItems> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The item that had this path.
    pub(crate) fn get(&self, path: &str) -> Option<KnownItem> {
        let state = self.state();
        let (id, is_artist) = state.ids.get(path)?;
        Some(KnownItem { id: id.clone(), path: path.to_owned(), is_artist: *is_artist })
    }

    /// This item was shown.
    pub(crate) fn learn_item(&self, item: &Item) {
        if let Some(path) = &item.path {
            self.keep(path, &item.id, item.is_artist());
        }
    }

    /// The item of this id has this path, and is no artist.
    pub(crate) fn learn(&self, path: &str, id: &str) {
        self.keep(path, id, false);
    }

    /// This item is known.
    pub(crate) fn learn_known(&self, item: &KnownItem) {
        self.keep(&item.path, &item.id, item.is_artist);
    }

    fn keep(&self, path: &str, id: &str, is_artist: bool) {
        let mut state = self.state();
        if state.ids.insert(path.to_owned(), (id.to_owned(), is_artist)).is_none() {
            state.order.push_back(path.to_owned());
        }
        state.expected.remove(path);
        while state.ids.len() > MOST {
            let Some(oldest) = state.order.pop_front() else { break };
            state.ids.remove(&oldest);
        }
    }

    /// The item is gone, or has another path.
    pub(crate) fn forget(&self, path: &str) {
        let mut state = self.state();
        if state.ids.remove(path).is_some() {
            state.order.retain(|known| known != path);
        }
    }

    /// The content of this file was changed: only its size shows whether the server has noticed.
    pub(crate) fn changed(&self, path: &str) {
        let mut state = self.state();
        if state.changed.insert(path.to_owned()) {
            state.changed_order.push_back(path.to_owned());
        }
        while state.changed.len() > MOST {
            let Some(oldest) = state.changed_order.pop_front() else { break };
            state.changed.remove(&oldest);
        }
    }

    /// Whether the content of this file was changed under its old name.
    pub(crate) fn was_changed(&self, path: &str) -> bool {
        self.state().changed.contains(path)
    }

    /// What was expected of the folder was found.
    pub(crate) fn found(&self, folder: &str) {
        self.state().expected.remove(folder);
    }

    /// The albums of this artist's folder name the artist in their tags, so that the server looks into it.
    pub(crate) fn learn_tagged(&self, artist: &str) {
        let mut state = self.state();
        if state.tagged.len() < MOST {
            state.tagged.insert(artist.to_owned());
        }
    }

    /// Whether that is known of the artist.
    pub(crate) fn is_tagged(&self, artist: &str) -> bool {
        self.state().tagged.contains(artist)
    }

    /// The folder was expected in vain once more: how often, this time counted.
    pub(crate) fn missed(&self, folder: &str) -> u32 {
        let mut state = self.state();
        if state.expected.len() >= MOST_SOUGHT && !state.expected.contains_key(folder) {
            state.expected.clear();
        }
        let (_, times) = state.expected.entry(folder.to_owned()).or_insert_with(|| (Instant::now(), 0));
        *times += 1;
        *times
    }

    /// Whether the top of the library is to be gone through for the folder: it is expected in vain for minutes, and this was
    /// not done for minutes. A yes is remembered.
    pub(crate) fn may_sweep(&self, library: &str, folder: &str) -> bool {
        let mut state = self.state();
        let long = state.expected.get(folder).is_some_and(|(since, _)| since.elapsed() >= SOUGHT_LONG);
        let rested = state.swept.get(library).is_none_or(|at| at.elapsed() >= BETWEEN_SWEEPS);
        if long && rested {
            state.swept.insert(library.to_owned(), Instant::now());
        }
        long && rested
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_learnt_first_is_forgotten_first() {
        let memory = ItemCache::default();
        for number in 0..MOST + 10 {
            memory.learn(&format!("/{number}"), "id");
            memory.changed(&format!("/{number}"));
        }
        assert_eq!(memory.get("/9"), None);
        assert!(!memory.was_changed("/9") && memory.was_changed("/10"));
        assert!(memory.get("/10").is_some());
        memory.forget("/10");
        assert_eq!((memory.get("/10"), memory.state().order.len()), (None, MOST - 1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_top_of_a_library_is_gone_through_late_and_rarely() {
        let memory = ItemCache::default();
        assert!(!memory.may_sweep("1", "/a"));
        assert_eq!((memory.missed("/a"), memory.missed("/a"), memory.missed("/b")), (1, 2, 1));
        tokio::time::advance(SOUGHT_LONG).await;
        assert!(memory.may_sweep("1", "/a") && !memory.may_sweep("1", "/b") && memory.may_sweep("2", "/b"));
        tokio::time::advance(BETWEEN_SWEEPS).await;
        assert!(memory.may_sweep("1", "/b"));
        memory.learn("/b", "id");
        tokio::time::advance(BETWEEN_SWEEPS).await;
        assert!(!memory.may_sweep("1", "/b"), "what was found is not expected");
    }
}
