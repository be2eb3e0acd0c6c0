//! The items of a pretend Jellyfin or Emby: half a million of them in modest memory.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::pretend::media_browser::title::{Title, title_of};

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A plain folder, such as the folder of a library.
    Folder,
    Series,
    Season,
    Episode,
    Movie,
    MusicArtist,
    MusicAlbum,
    Audio,
    Video,
    Photo,
}

impl Kind {
    pub(crate) const ALL: [Self; 10] = [
        Self::Folder,
        Self::Series,
        Self::Season,
        Self::Episode,
        Self::Movie,
        Self::MusicArtist,
        Self::MusicAlbum,
        Self::Audio,
        Self::Video,
        Self::Photo,
    ];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Folder => "Folder",
            Self::Series => "Series",
            Self::Season => "Season",
            Self::Episode => "Episode",
            Self::Movie => "Movie",
            Self::MusicArtist => "MusicArtist",
            Self::MusicAlbum => "MusicAlbum",
            Self::Audio => "Audio",
            Self::Video => "Video",
            Self::Photo => "Photo",
        }
    }

    pub(crate) fn is_folder(self) -> bool {
        matches!(self, Self::Folder | Self::Series | Self::Season | Self::MusicArtist | Self::MusicAlbum)
    }

    /// Whether items of this kind are found by their title.
    fn has_title(self) -> bool {
        matches!(self, Self::Series | Self::Movie | Self::MusicArtist | Self::MusicAlbum)
    }
}

/// An item.
#[expect(clippy::struct_excessive_bools, reason = "each is a mood of its own")]
#[derive(Debug)]
pub(crate) struct Node {
    /// The path below the parent's; of a library's folder the whole path.
    tail: Box<str>,
    pub(crate) parent: u32,
    pub(crate) kind: Kind,
    pub(crate) size: u64,
    /// When it was last changed, in seconds since the server was made.
    pub(crate) saved: u32,
    /// It was put there in bulk and is on no disk.
    pub(crate) filled: bool,
    /// It was found and not read yet: it has no streams, no runtime, no series, and was never saved.
    pub(crate) bare: bool,
    /// An artist that no album's tags name: looks at it do not see its folder.
    pub(crate) untagged: bool,
    alive: bool,
}

/// Nobody's parent.
pub(crate) const NONE: u32 = u32::MAX;

/// Every item, by number, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    by_path: HashMap<u64, u32>,
    children: HashMap<u32, Vec<u32>>,
    by_kind: HashMap<Kind, Vec<u32>>,
    titles: HashMap<u32, Title>,
    /// Further files of a film: path and size.
    versions: HashMap<u32, Vec<(String, u64)>>,
}

impl Tree {
    /// Adds an item that lies at `tail` below its parent.
    pub(crate) fn add(&mut self, parent: u32, tail: &str, kind: Kind, size: u64, saved: u32) -> u32 {
        let at = u32::try_from(self.nodes.len()).unwrap_or(NONE);
        let node = Node {
            tail: tail.into(),
            parent,
            kind,
            size,
            saved,
            filled: false,
            bare: false,
            untagged: false,
            alive: true,
        };
        self.nodes.push(node);
        self.by_path.insert(hash(&self.path(at)), at);
        self.children.entry(parent).or_default().push(at);
        self.by_kind.entry(kind).or_default().push(at);
        if kind.has_title() {
            self.titles.insert(at, Title::of(&title_of(kind, tail)));
        }
        at
    }

    pub(crate) fn node(&self, at: u32) -> &Node {
        &self.nodes[at as usize]
    }

    pub(crate) fn node_mut(&mut self, at: u32) -> &mut Node {
        &mut self.nodes[at as usize]
    }

    /// The item at exactly this path, and alive.
    pub(crate) fn at(&self, path: &str) -> Option<u32> {
        self.by_path.get(&hash(path)).copied()
    }

    /// The item of this hash of its path.
    pub(crate) fn of_hash(&self, hash: u64) -> Option<u32> {
        self.by_path.get(&hash).copied()
    }

    pub(crate) fn of_number(&self, number: u32) -> Option<u32> {
        self.nodes.get(number as usize).is_some_and(|node| node.alive).then_some(number)
    }

    pub(crate) fn is_alive(&self, at: u32) -> bool {
        self.nodes[at as usize].alive
    }

    pub(crate) fn path(&self, at: u32) -> String {
        let node = self.node(at);
        if node.parent == NONE {
            return node.tail.to_string();
        }
        let above = self.path(node.parent);
        let separator = if above.contains('\\') { '\\' } else { '/' };
        let above = above.trim_end_matches(separator);
        format!("{above}{separator}{}", node.tail)
    }

    /// The name that the server shows.
    pub(crate) fn name(&self, at: u32) -> String {
        self.titles
            .get(&at)
            .map_or_else(|| title_of(self.node(at).kind, &self.node(at).tail), |title| title.name.clone())
    }

    pub(crate) fn title(&self, at: u32) -> Option<&Title> {
        self.titles.get(&at)
    }

    pub(crate) fn rename(&mut self, at: u32, name: &str) {
        self.titles.insert(at, Title::of(name));
    }

    pub(crate) fn children(&self, at: u32) -> &[u32] {
        self.children.get(&at).map_or(&[], Vec::as_slice)
    }

    /// The items of a kind, oldest first.
    pub(crate) fn of_kind(&self, kind: Kind) -> impl DoubleEndedIterator<Item = u32> {
        let known: &[u32] = self.by_kind.get(&kind).map_or(&[], Vec::as_slice);
        known.iter().copied().filter(|at| self.is_alive(*at))
    }

    /// Every item, newest first.
    pub(crate) fn newest(&self) -> impl Iterator<Item = u32> {
        (0..u32::try_from(self.nodes.len()).unwrap_or(NONE)).rev().filter(|at| self.is_alive(*at))
    }

    /// Everything below an item, in the order of its folders.
    pub(crate) fn below(&self, at: u32) -> Vec<u32> {
        let mut found = Vec::new();
        let mut open = vec![at];
        while let Some(next) = open.pop() {
            let children = self.children(next);
            found.extend_from_slice(children);
            open.extend(children.iter().rev().filter(|child| self.node(**child).kind.is_folder()));
        }
        found
    }

    pub(crate) fn is_below(&self, at: u32, above: u32) -> bool {
        std::iter::successors(Some(self.node(at).parent), |up| (*up != NONE).then(|| self.node(*up).parent))
            .any(|up| up == above)
    }

    /// Takes an item away, with everything below it.
    pub(crate) fn remove(&mut self, at: u32) {
        let mut gone = self.below(at);
        gone.push(at);
        for at in gone {
            self.by_path.remove(&hash(&self.path(at)));
            self.nodes[at as usize].alive = false;
            self.titles.remove(&at);
            self.versions.remove(&at);
        }
        let parent = self.node(at).parent;
        if let Some(children) = self.children.get_mut(&parent) {
            children.retain(|child| *child != at);
        }
        self.children.remove(&at);
    }

    pub(crate) fn versions(&self, at: u32) -> &[(String, u64)] {
        self.versions.get(&at).map_or(&[], Vec::as_slice)
    }

    /// Sets the size of a further file of a film.
    pub(crate) fn set_version(&mut self, at: u32, path: &str, size: u64) {
        let versions = self.versions.entry(at).or_default();
        match versions.iter_mut().find(|(known, _)| known == path) {
            Some(version) => version.1 = size,
            None => versions.push((path.to_owned(), size)),
        }
    }

    /// Takes a further file of a film away, whichever film has it.
    pub(crate) fn remove_version(&mut self, path: &str) {
        for versions in self.versions.values_mut() {
            versions.retain(|(known, _)| known != path);
        }
    }

    /// How many items there are.
    pub(crate) fn len(&self) -> usize {
        self.by_path.len()
    }
}

/// What a path is found by, and what Jellyfin's ids are made of here: they, too, come of the path.
pub(crate) fn hash(path: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}
