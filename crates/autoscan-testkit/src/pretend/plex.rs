mod builder;
mod catalogue;
mod lists;
mod matching;
mod naming;
mod noise;
mod pages;
mod routes;
mod scanning;
mod state;
mod xml;

use std::path::Path;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use serde_json::Value;

pub use builder::PlexBuilder;
pub use state::{PlexFileFilter, PlexItem, PlexMethod, PlexScan, PlexSocket, PlexTitle};

use crate::pretend::http_server::{HttpServer, lock};
use crate::pretend::library::PretendLibrary;
use crate::pretend::shelf::{Filled, Shape};
use catalogue::Item;
use pages::Spelling;
use state::{PlexState, Section};

/// A Plex Media Server: it scans, shows what it found, and tells of it.
pub struct PretendPlex {
    /// Its port, its log and its trouble.
    pub http: HttpServer,
    plex: Arc<Plex>,
}

struct Plex {
    made: PlexBuilder,
    state: Mutex<PlexState>,
    me: Weak<Self>,
}

impl PretendPlex {
    /// A Plex without libraries.
    pub fn builder() -> PlexBuilder {
        PlexBuilder::new()
    }

    fn with<T>(&self, act: impl FnOnce(&mut PlexState) -> T) -> T {
        act(&mut lock(&self.plex.state))
    }

    /// The scans it started. A call for a folder outside the library is answered with 200 too, but starts none.
    pub fn scans(&self) -> Vec<PlexScan> {
        self.with(|state| state.scans.clone())
    }

    /// How many scans came while their library was still at another.
    pub fn overlapping_scans(&self) -> usize {
        self.with(|state| state.overlaps)
    }

    /// Replaces its libraries. One whose id stays keeps its items.
    pub fn set_libraries(&self, libraries: Vec<PretendLibrary>) {
        self.with(|state| {
            let mut old = std::mem::take(&mut state.sections);
            let kept = |library: PretendLibrary| match old.iter().position(|at| at.library.id == library.id) {
                Some(at) => Section { library, ..old.swap_remove(at) },
                None => Section::new(library),
            };
            state.sections = libraries.into_iter().map(kept).collect();
        });
    }

    /// Start-up maintenance with this note: every path is answered with 503 and XML.
    pub fn set_maintenance(&self, note: Option<&str>) {
        self.with(|state| state.maintenance = note.map(str::to_owned));
    }

    /// The `startState` of `/identity`.
    pub fn set_start_state(&self, to: Option<&str>) {
        self.with(|state| state.starting = to.map(str::to_owned));
    }

    /// By which method scans are started.
    pub fn set_method(&self, method: PlexMethod) {
        self.with(|state| state.manners.method = method);
    }

    /// What it calls `prefix` is this folder of this machine: a scan looks there.
    pub fn sees(&self, prefix: &str, local: &Path) {
        self.with(|state| state.shelf.sees(prefix, local));
    }

    /// Lays a file on its disk; a scan finds it.
    pub fn lay(&self, path: &str, size: u64) {
        self.with(|state| state.shelf.lay(path, size));
    }

    /// Takes a file that was laid, or all that was laid in a folder; a scan notices.
    pub fn take(&self, path: &str) {
        self.with(|state| state.shelf.take(path));
    }

    /// Refuses it the sight of a folder, or gives it back.
    pub fn forbid(&self, path: &str, forbidden: bool) {
        self.with(|state| state.shelf.forbid(path, forbidden));
    }

    /// Lays a file on its disk and shows it at once, in every library that holds its folder.
    pub fn put(&self, path: &str, size: u64) {
        self.with(|state| {
            state.shelf.lay(path, size);
            for at in 0..state.sections.len() {
                if state.sections[at].library.holds(path) {
                    state.display(at, path, size);
                }
            }
        });
    }

    /// Takes a file from its disk and forgets it at once, without trash.
    pub fn remove(&self, path: &str) {
        self.with(|state| {
            state.shelf.take(path);
            state.sections.iter_mut().for_each(|section| section.catalogue.forget(path));
        });
    }

    /// Shows so many files more in a library, in its first folder. They are reckoned, not kept, and no scan touches them.
    pub fn fill(&self, section: &str, count: usize) {
        self.with(|state| {
            let Some(at) = state.sections.iter().position(|known| known.library.id == section) else {
                return;
            };
            let section = &mut state.sections[at];
            let shape = match section.library.kind.as_str() {
                "movie" => Shape::Movies,
                "artist" => Shape::Tracks,
                _ => Shape::Episodes,
            };
            let root = section.library.folders.first().cloned().unwrap_or_default();
            if let Some(filled) = Filled::new(&root, count, shape) {
                section.catalogue.fill(filled, at);
            }
        });
    }

    /// The path of file `n` of those that a library was filled with.
    pub fn filled(&self, section: &str, n: usize) -> Option<String> {
        let leaf = self.with(|state| state.section(section)?.catalogue.filled_leaf(n));
        leaf?.parts.into_keys().next()
    }

    /// How long a scan takes; none ends at once, before the call is answered.
    pub fn set_scan_time(&self, time: Duration) {
        self.with(|state| state.manners.scan_time = time);
    }

    /// It accepts scans and does nothing.
    pub fn set_deaf(&self, deaf: bool) {
        self.with(|state| state.manners.deaf = deaf);
    }

    /// It never shows one in so many new files; zero shows all, also those that it kept back.
    pub fn set_drop_every(&self, every: usize) {
        self.with(|state| {
            state.manners.drop_every = every;
            if every == 0 {
                state.dropped.clear();
            }
        });
    }

    /// It loses every file after it has shown it once, until the next scan.
    pub fn set_flickers(&self, flickers: bool) {
        self.with(|state| state.manners.flickers = flickers);
    }

    /// It shows a file's new size only after the item was analysed, not after the scan.
    pub fn set_sizes_wait_for_analysis(&self, wait: bool) {
        self.with(|state| state.manners.sizes_wait = wait);
    }

    /// It leaves trash out of plain listings.
    pub fn set_trash_hidden(&self, hidden: bool) {
        self.with(|state| state.manners.trash_hidden = hidden);
    }

    /// It empties its trash by itself after every scan, as a new Plex does.
    pub fn set_empties_trash(&self, empties: bool) {
        self.with(|state| state.manners.empties_trash = empties);
    }

    /// It accepts a match and does not change it.
    pub fn set_stubborn_match(&self, stubborn: bool) {
        self.with(|state| state.manners.stubborn = stubborn);
    }

    /// It names every title as a candidate, whatever is asked for.
    pub fn set_guesses(&self, guesses: bool) {
        self.with(|state| state.manners.guesses = guesses);
    }

    /// What it makes of `file=`.
    pub fn set_file_filter(&self, filter: PlexFileFilter) {
        self.with(|state| state.manners.file_filter = filter);
    }

    /// How its websocket behaves towards those who connect from now on.
    pub fn set_socket(&self, socket: PlexSocket) {
        self.with(|state| state.manners.socket = socket);
    }

    /// A title that its agent knows.
    pub fn knows(&self, guid: &str, name: &str, ids: &[&str]) {
        let ids = ids.iter().map(|&id| id.to_owned()).collect();
        let title = PlexTitle { guid: guid.to_owned(), name: name.to_owned(), ids };
        self.with(|state| state.titles.push(title));
    }

    /// It takes the film, series or artist of a file for this, in every library.
    pub fn believes(&self, path: &str, guid: &str, ids: &[&str]) {
        let ids: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
        self.with(|state| {
            let tops: Vec<u64> =
                state.sections.iter().filter_map(|at| top(at, path)).map(|item| item.key).collect();
            for key in tops {
                state.rename(key, guid, &ids);
            }
        });
    }

    /// It took the second film for another version of the first.
    pub fn merges(&self, into: &str, path: &str) {
        self.with(|state| state.sections.iter_mut().for_each(|at| at.catalogue.merge(into, path)));
    }

    /// A setting, as `/:/prefs` lists it.
    pub fn set_pref(&self, id: &str, value: Value) {
        self.with(|state| state.prefs.insert(id.to_owned(), value));
    }

    /// How many people watch.
    pub fn set_playing(&self, count: usize) {
        self.with(|state| state.playing = count);
    }

    /// It is started again: what it was at and what waited is forgotten, and its websockets are cut.
    pub fn restart(&self) {
        self.with(|state| {
            state.life += 1;
            state.sockets.clear();
            for section in &mut state.sections {
                section.waiting.clear();
                section.running = None;
            }
        });
        self.http.cut_sockets();
    }

    /// The item of a file; of a file of several episodes the first. Trash is an item too.
    pub fn item(&self, path: &str) -> Option<PlexItem> {
        self.with(|state| {
            let of = state.sections.iter().find_map(|at| at.catalogue.of_file(path).into_iter().next())?;
            Some(as_seen(&of))
        })
    }

    /// The film, series or artist of a file.
    pub fn top_item(&self, path: &str) -> Option<PlexItem> {
        self.with(|state| state.sections.iter().find_map(|at| top(at, path)).map(|item| as_seen(&item)))
    }

    /// How often the trash of a library was emptied.
    pub fn times_emptied(&self, section: &str) -> usize {
        self.with(|state| state.section(section).map_or(0, |section| section.emptied))
    }

    /// Whether a scan runs or waits.
    pub fn is_scanning(&self) -> bool {
        self.with(|state| state.sections.iter().any(|at| at.running.is_some()))
    }
}

impl Plex {
    fn spelling(&self) -> Spelling {
        Spelling { numbers_as_text: self.made.numbers_as_text, flags_as_numbers: self.made.flags_as_numbers }
    }
}

fn top(section: &Section, path: &str) -> Option<Item> {
    let leaf = section.catalogue.of_file(path).into_iter().next()?;
    let above = std::iter::successors(Some(leaf), |item| section.catalogue.get(item.parent?));
    above.last()
}

fn as_seen(item: &Item) -> PlexItem {
    PlexItem {
        key: item.key.to_string(),
        kind: item.kind.word().to_owned(),
        guid: item.guid.clone(),
        ids: item.ids.clone(),
        files: item.parts.keys().cloned().collect(),
        analysed: item.analysed,
        refreshed: item.refreshed,
        trash: item.is_trash(),
    }
}
