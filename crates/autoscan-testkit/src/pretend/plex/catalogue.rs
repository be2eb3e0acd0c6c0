//! What a pretend Plex shows of one library: items, and the parts of files that they are made of.

use std::collections::{BTreeMap, HashMap};

use autoscan_core::path::AbsolutePath;

use super::naming::{Placed, place};
use crate::pretend::library::PretendLibrary;
use crate::pretend::shelf::{Filled, GROUPS, IN_GROUP, Shape};

/// Plex's number of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Movie = 1,
    Show = 2,
    Season = 3,
    Episode = 4,
    Artist = 8,
    Album = 9,
    Track = 10,
}

impl Kind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Movie => "movie",
            Self::Show => "show",
            Self::Season => "season",
            Self::Episode => "episode",
            Self::Artist => "artist",
            Self::Album => "album",
            Self::Track => "track",
        }
    }

    pub(super) fn is_leaf(self) -> bool {
        matches!(self, Self::Movie | Self::Episode | Self::Track)
    }
}

/// A file of an item.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) id: u64,
    pub(super) size: u64,
    /// The size that is shown only after the item was analysed.
    pub(super) unanalysed: Option<u64>,
    pub(super) deleted_at: Option<u64>,
}

/// An item as it is answered.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) key: u64,
    pub(super) kind: Kind,
    pub(super) title: String,
    pub(super) index: Option<usize>,
    pub(super) parent: Option<u64>,
    pub(super) guid: String,
    pub(super) ids: Vec<String>,
    pub(super) added_at: u64,
    pub(super) parts: BTreeMap<String, Part>,
    pub(super) analysed: usize,
    pub(super) refreshed: usize,
}

impl Item {
    /// Whether nothing but trash is left of it.
    pub(super) fn is_trash(&self) -> bool {
        !self.parts.is_empty() && self.parts.values().all(|part| part.deleted_at.is_some())
    }
}

/// The items of one library.
#[derive(Default)]
pub(super) struct Catalogue {
    items: BTreeMap<u64, Item>,
    known: HashMap<String, u64>,
    /// The leaves that a file is part of.
    files: HashMap<String, Vec<u64>>,
    filled: Option<(Filled, u64)>,
}

/// Keys of filled items begin here, a range for each library.
const FILLED_KEYS: u64 = 1_000_000_000;
const FILLED_PARENTS: u64 = 300_000_000;
const FILLED_GRANDPARENTS: u64 = 600_000_000;

impl Catalogue {
    pub(super) fn fill(&mut self, filled: Filled, ordinal: usize) {
        self.filled = Some((filled, (ordinal as u64 + 1) * FILLED_KEYS));
    }

    /// Shows a file; a name that this library takes for none of its items is left out.
    pub(super) fn show(&mut self, library: &PretendLibrary, path: &str, size: u64, now: u64, next: &mut u64) {
        if self.files.contains_key(path) {
            self.change(path, |part| *part = Part { id: part.id, size, unanalysed: None, deleted_at: None });
            return;
        }
        let placed = place(library, path);
        *next += 1;
        let part = Part { id: *next, size, unanalysed: None, deleted_at: None };
        for leaf in placed {
            let key = self.leaf(&leaf, now, next);
            if let Some(item) = self.items.get_mut(&key) {
                item.parts.insert(path.to_owned(), part.clone());
            }
            self.files.entry(path.to_owned()).or_default().push(key);
        }
    }

    fn leaf(&mut self, placed: &Placed, now: u64, next: &mut u64) -> u64 {
        match placed {
            Placed::Movie { title } => self.item(Kind::Movie, title, title, None, None, now, next),
            Placed::Episode { show, season, episode } => {
                let top = self.item(Kind::Show, show, show, None, None, now, next);
                let (identity, name) = (format!("{show}/{season}"), format!("Season {season}"));
                let middle = self.item(Kind::Season, &identity, &name, Some(*season), Some(top), now, next);
                let (identity, name) = (format!("{identity}/{episode}"), format!("Episode {episode}"));
                self.item(Kind::Episode, &identity, &name, Some(*episode), Some(middle), now, next)
            }
            Placed::Track { artist, album, title } => {
                let top = self.item(Kind::Artist, artist, artist, None, None, now, next);
                let identity = format!("{artist}/{album}");
                let middle = self.item(Kind::Album, &identity, album, None, Some(top), now, next);
                self.item(Kind::Track, &format!("{identity}/{title}"), title, None, Some(middle), now, next)
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "each is a property of a new item")]
    fn item(
        &mut self,
        kind: Kind,
        identity: &str,
        title: &str,
        index: Option<usize>,
        parent: Option<u64>,
        added_at: u64,
        next: &mut u64,
    ) -> u64 {
        let identity = format!("{}/{identity}", kind.word());
        if let Some(key) = self.known.get(&identity) {
            return *key;
        }
        *next += 1;
        let key = *next;
        let guid = format!("plex://{}/{key:024x}", kind.word());
        let title = title.to_owned();
        let item = Item {
            key,
            kind,
            title,
            index,
            parent,
            guid,
            ids: Vec::new(),
            added_at,
            parts: BTreeMap::new(),
            analysed: 0,
            refreshed: 0,
        };
        self.items.insert(key, item);
        self.known.insert(identity, key);
        key
    }

    /// The files that are shown, trash included.
    pub(super) fn paths(&self) -> impl Iterator<Item = &String> {
        self.files.keys()
    }

    pub(super) fn part(&self, path: &str) -> Option<&Part> {
        let keys = self.files.get(path)?;
        self.items.get(keys.first()?)?.parts.get(path)
    }

    /// Changes what every item of the file shows of it.
    pub(super) fn change(&mut self, path: &str, change: impl Fn(&mut Part)) {
        for key in self.files.get(path).cloned().unwrap_or_default() {
            if let Some(part) = self.items.get_mut(&key).and_then(|item| item.parts.get_mut(path)) {
                change(part);
            }
        }
    }

    /// Forgets a file at once, and every item that is left without one.
    pub(super) fn forget(&mut self, path: &str) {
        let mut keys = self.files.remove(path).unwrap_or_default();
        for key in &keys {
            if let Some(item) = self.items.get_mut(key) {
                item.parts.remove(path);
            }
        }
        while let Some(key) = keys.pop() {
            let empty = self.items.get(&key).is_some_and(|item| item.parts.is_empty())
                && !self.items.values().any(|item| item.parent == Some(key));
            if empty && let Some(item) = self.items.remove(&key) {
                self.known.retain(|_, known| *known != key);
                keys.extend(item.parent);
            }
        }
    }

    pub(super) fn get_mut(&mut self, key: u64) -> Option<&mut Item> {
        self.items.get_mut(&key)
    }

    /// Makes the second file a part of the first one's item, as a wrong merge does.
    pub(super) fn merge(&mut self, into: &str, path: &str) {
        let Some(part) = self.part(path).cloned() else { return };
        let Some(key) = self.files.get(into).and_then(|keys| keys.first().copied()) else { return };
        self.forget(path);
        if let Some(item) = self.items.get_mut(&key) {
            item.parts.insert(path.to_owned(), part);
        }
        self.files.insert(path.to_owned(), vec![key]);
    }

    /// Takes a merged item apart: each file gets its own.
    pub(super) fn split(&mut self, library: &PretendLibrary, key: u64, next: &mut u64) {
        let Some(item) = self.items.get(&key).cloned() else { return };
        for (path, part) in item.parts.iter().skip(1) {
            self.files.remove(path);
            if let Some(item) = self.items.get_mut(&key) {
                item.parts.remove(path);
            }
            self.show(library, path, part.size, item.added_at, next);
            // The item of a copy beside the first one has the same name, but must be another.
            if self.files.get(path).is_some_and(|keys| keys.contains(&key)) {
                self.known.retain(|_, known| *known != key);
                self.files.remove(path);
                if let Some(item) = self.items.get_mut(&key) {
                    item.parts.remove(path);
                }
                self.show(library, path, part.size, item.added_at, next);
            }
        }
    }

    /// An item by its key, filled ones included.
    pub(super) fn get(&self, key: u64) -> Option<Item> {
        self.items.get(&key).cloned().or_else(|| self.filled_item(key))
    }

    /// The items that a file is part of.
    pub(super) fn of_file(&self, path: &str) -> Vec<Item> {
        let keys = self.files.get(path).into_iter().flatten();
        keys.filter_map(|key| self.items.get(key).cloned()).collect()
    }

    /// Every item that was not filled.
    pub(super) fn all(&self) -> impl Iterator<Item = &Item> {
        self.items.values()
    }

    /// What lies directly below an item.
    pub(super) fn children(&self, key: u64) -> Vec<Item> {
        let mut children: Vec<Item> =
            self.items.values().filter(|item| item.parent == Some(key)).cloned().collect();
        children.sort_by_key(|item| (item.index, item.key));
        if let Some((filled, base)) = &self.filled {
            let offset = key.wrapping_sub(*base);
            if (FILLED_PARENTS..FILLED_GRANDPARENTS).contains(&offset) {
                let first = usize::try_from(offset - FILLED_PARENTS).unwrap_or_default() * IN_GROUP;
                let leaves = (first..(first + IN_GROUP).min(filled.count())).map(|n| base + n as u64);
                children.extend(leaves.filter_map(|key| self.filled_item(key)));
            }
        }
        children
    }

    /// How many leaves were filled.
    pub(super) fn filled(&self) -> usize {
        self.filled.as_ref().map_or(0, |(filled, _)| filled.count())
    }

    /// Filled leaf number `n`.
    pub(super) fn filled_leaf(&self, n: usize) -> Option<Item> {
        self.filled_item(self.filled.as_ref()?.1 + n as u64)
    }

    /// The filled leaf whose file has this name.
    pub(super) fn filled_named(&self, name: &str) -> Option<Item> {
        let (filled, _) = self.filled.as_ref()?;
        self.filled_leaf(filled.named(name)?)
    }

    fn filled_item(&self, key: u64) -> Option<Item> {
        let (filled, base) = self.filled.as_ref()?;
        let offset = key.checked_sub(*base)?;
        let kinds = match filled.shape() {
            Shape::Movies => [Kind::Movie; 3],
            Shape::Episodes => [Kind::Episode, Kind::Season, Kind::Show],
            Shape::Tracks => [Kind::Track, Kind::Album, Kind::Artist],
        };
        let in_show = (IN_GROUP * GROUPS) as u64;
        let (level, n) = match offset {
            FILLED_GRANDPARENTS.. => (2, (offset - FILLED_GRANDPARENTS) * in_show),
            FILLED_PARENTS.. => (1, (offset - FILLED_PARENTS) * IN_GROUP as u64),
            _ => (0, offset),
        };
        let n = usize::try_from(n).ok().filter(|n| *n < filled.count())?;
        let (group, one) = Filled::place(n);
        let parents =
            (base + FILLED_PARENTS + (n / IN_GROUP) as u64, base + FILLED_GRANDPARENTS + n as u64 / in_show);
        let (title, index, parent) = match level {
            0 if kinds[0] == Kind::Movie => (filled.title(n), None, None),
            0 => (format!("Part {one}"), Some(one), Some(parents.0)),
            1 => (format!("Season {group}"), Some(group), Some(parents.1)),
            _ => (filled.title(n), None, None),
        };
        let part = Part { id: key, size: Filled::size(n), unanalysed: None, deleted_at: None };
        let parts = (level == 0).then(|| (filled.path(n), part)).into_iter().collect();
        Some(Item {
            key,
            kind: kinds[level],
            title,
            index,
            parent,
            guid: format!("plex://{}/{key:024x}", kinds[level].word()),
            ids: Vec::new(),
            added_at: 1_600_000_000,
            parts,
            analysed: 0,
            refreshed: 0,
        })
    }
}

/// The last name of a path.
pub(super) fn file_name(path: &str) -> String {
    let path = AbsolutePath::parse(path).ok();
    path.as_ref().and_then(AbsolutePath::file_name).unwrap_or_default().to_owned()
}
