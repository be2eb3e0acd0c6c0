use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::catalogue::{Catalogue, Kind};
use crate::pretend::http_server::Frame;
use crate::pretend::library::PretendLibrary;
use crate::pretend::shelf::Shelf;

/// A scan that Plex really started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlexScan {
    /// The library's key.
    pub section: String,
    /// The folder; none for the whole library.
    pub path: Option<String>,
}

/// By which method a scan is started. Another method is answered with 404 or 405.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlexMethod {
    /// Both work.
    #[default]
    Both,
    /// Only `GET`; `POST` is answered with this status.
    OnlyGet(u16),
    /// Only `POST`; `GET` is answered with this status.
    OnlyPost(u16),
    /// Neither; both are answered with this status.
    Neither(u16),
}

/// What Plex makes of `file=` in a listing: nobody has documented it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlexFileFilter {
    /// Files whose path contains the text.
    #[default]
    Contains,
    /// Files of this very name.
    Name,
    /// It does not know the filter and lists everything.
    Ignored,
    /// It answers this status.
    Refused(u16),
}

/// How Plex's websocket behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlexSocket {
    /// It tells what happens.
    #[default]
    Speaks,
    /// There is none: 404.
    Missing,
    /// It is open and says nothing.
    Silent,
    /// It tells of things that do not matter, without end.
    Chatters,
    /// It begins with what is no notification, and then tells what happens.
    Garbles,
    /// It begins with a message of many megabytes.
    Floods,
    /// It drops every connection at once.
    Drops,
}

/// A film or series as Plex's agent knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlexTitle {
    /// `plex://movie/…`, or a legacy agent's.
    pub guid: String,
    /// Its name.
    pub name: String,
    /// `imdb://tt0133093`, `tmdb://603`, ….
    pub ids: Vec<String>,
}

/// An item as a test looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlexItem {
    /// Its rating key.
    pub key: String,
    /// `movie`, `episode`, `show`, ….
    pub kind: String,
    /// What it is matched with.
    pub guid: String,
    /// What other databases call it.
    pub ids: Vec<String>,
    /// Its files.
    pub files: Vec<String>,
    /// How often it was analysed.
    pub analysed: usize,
    /// How often its metadata was fetched again.
    pub refreshed: usize,
    /// Whether nothing but trash is left of it.
    pub trash: bool,
}

/// A library and what it shows.
pub(super) struct Section {
    pub(super) library: PretendLibrary,
    pub(super) agent: String,
    pub(super) catalogue: Catalogue,
    pub(super) waiting: VecDeque<Option<String>>,
    pub(super) running: Option<Activity>,
    pub(super) emptied: usize,
}

impl Section {
    pub(super) fn new(library: PretendLibrary) -> Self {
        let agent = match library.kind.as_str() {
            "movie" => "tv.plex.agents.movie",
            "artist" => "tv.plex.agents.music",
            _ => "tv.plex.agents.series",
        };
        Self {
            library,
            agent: agent.to_owned(),
            catalogue: Catalogue::default(),
            waiting: VecDeque::new(),
            running: None,
            emptied: 0,
        }
    }

    /// What is listed of it unless a type is asked for.
    pub(super) fn top_kind(&self) -> Kind {
        match self.library.kind.as_str() {
            "movie" => Kind::Movie,
            "artist" => Kind::Artist,
            _ => Kind::Show,
        }
    }

    /// The type of the leaves, in Plex's numbers.
    pub(super) fn leaf_type(&self) -> u64 {
        match self.library.kind.as_str() {
            "movie" => 1,
            "artist" => 10,
            _ => 4,
        }
    }
}

/// Something that Plex does, as `/activities` lists it.
#[derive(Clone, Debug)]
pub(super) struct Activity {
    pub(super) uuid: String,
    pub(super) title: String,
    pub(super) section: Value,
    /// Whether it names its section already.
    pub(super) named: bool,
}

/// How it was told to behave.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a manner of its own")]
pub(super) struct Manners {
    pub(super) scan_time: Duration,
    pub(super) drop_every: usize,
    pub(super) deaf: bool,
    pub(super) flickers: bool,
    pub(super) sizes_wait: bool,
    pub(super) trash_hidden: bool,
    pub(super) empties_trash: bool,
    pub(super) stubborn: bool,
    pub(super) guesses: bool,
    pub(super) file_filter: PlexFileFilter,
    pub(super) socket: PlexSocket,
    pub(super) method: PlexMethod,
}

#[derive(Default)]
pub(super) struct PlexState {
    pub(super) sections: Vec<Section>,
    pub(super) scans: Vec<PlexScan>,
    pub(super) maintenance: Option<String>,
    pub(super) starting: Option<String>,
    pub(super) manners: Manners,
    pub(super) shelf: Shelf,
    pub(super) titles: Vec<PlexTitle>,
    pub(super) prefs: BTreeMap<String, Value>,
    pub(super) playing: usize,
    pub(super) sockets: Vec<mpsc::Sender<Frame>>,
    pub(super) dropped: BTreeSet<String>,
    pub(super) arrived: usize,
    pub(super) overlaps: usize,
    pub(super) last_id: u64,
    /// Counts restarts: what was begun before one has no effect.
    pub(super) life: usize,
}

/// The moment that everything happened at, in seconds since 1970.
pub(super) const NOW: u64 = 1_700_000_000;

impl PlexState {
    pub(super) fn section(&mut self, key: &str) -> Option<&mut Section> {
        self.sections.iter_mut().find(|section| section.library.id == key)
    }

    /// The library that shows this item.
    pub(super) fn section_of(&mut self, key: u64) -> Option<&mut Section> {
        self.sections.iter_mut().find(|section| section.catalogue.get(key).is_some())
    }

    /// Sends a notification to everybody who listens.
    pub(super) fn notify(&mut self, kind: &str, list: &str, entry: &Value) {
        let mut container = json!({"type": kind, "size": 1});
        container[list] = json!([entry]);
        let frame = Frame::Text(json!({"NotificationContainer": container}).to_string());
        self.sockets.retain(|socket| socket.try_send(frame.clone()).is_ok());
    }
}
