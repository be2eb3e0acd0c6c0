//! The state of a pretend Jellyfin or Emby, and what it does as time goes by.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::pretend::library::PretendLibrary;
use crate::pretend::media_browser::disk::{Disk, is_within};
use crate::pretend::media_browser::growth::{grow, is_item};
use crate::pretend::media_browser::holdings::ItemRefresh;
use crate::pretend::media_browser::ignored::{Era, is_ignored};
use crate::pretend::media_browser::query::Place;
use crate::pretend::media_browser::refresh_queue::{RefreshQueue, Step};
use crate::pretend::media_browser::tree::{Kind, NONE, Tree};
use crate::pretend::monitor::{LibraryMonitor, parent};

/// A server's library, its files, its timers and its faults.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) era: Era,
    pub(crate) libraries: Vec<PretendLibrary>,
    pub(crate) tree: Tree,
    pub(crate) disk: Disk,
    pub(crate) monitor: LibraryMonitor,
    /// The reported paths with their types, in order.
    pub(crate) updates: Vec<(String, String)>,
    /// The items that were looked at, in order.
    pub(crate) looks: Vec<String>,
    /// How many of them were a library's folder.
    pub(crate) root_looks: usize,
    pub(crate) refreshes: Vec<ItemRefresh>,
    pub(crate) queue: RefreshQueue,
    /// The folders of all libraries.
    roots: HashSet<String>,
    /// Libraries' folders that were empty at every scan so far: no item stands for them.
    pub(crate) unfilled: HashSet<String>,
    moved: Duration,
    running_since: Option<Instant>,
    /// Of so many new files one is never taken in.
    drops_one_in: Option<usize>,
    met: usize,
    dropped: HashSet<String>,
    /// Items that vanish once they were shown.
    pub(crate) fleeting: HashSet<String>,
    pub(crate) playing: usize,
    pub(crate) paused: usize,
    pub(crate) scanning: bool,
    /// How often everything is scanned by itself.
    pub(crate) scan_every_hours: u64,
}

impl World {
    pub(crate) fn new(era: Era, delay: Duration, libraries: Vec<PretendLibrary>) -> Self {
        let mut world = Self {
            era,
            libraries: Vec::new(),
            tree: Tree::default(),
            disk: Disk::default(),
            monitor: LibraryMonitor::new(era, delay),
            updates: Vec::new(),
            looks: Vec::new(),
            root_looks: 0,
            refreshes: Vec::new(),
            queue: RefreshQueue::default(),
            roots: HashSet::new(),
            unfilled: HashSet::new(),
            moved: Duration::ZERO,
            running_since: None,
            drops_one_in: None,
            met: 0,
            dropped: HashSet::new(),
            fleeting: HashSet::new(),
            playing: 0,
            paused: 0,
            scanning: false,
            scan_every_hours: 24,
        };
        world.set_libraries(libraries);
        world
    }

    /// Replaces the libraries; items of folders that are kept stay.
    pub(crate) fn set_libraries(&mut self, libraries: Vec<PretendLibrary>) {
        self.roots = libraries.iter().flat_map(|library| library.folders.iter().cloned()).collect();
        for folder in libraries.iter().flat_map(|library| &library.folders) {
            // A folder within another library's is that one's: the inner library stays empty (12.0.0, measured).
            if !self.is_nested(folder) && self.tree.at(folder).is_none() {
                self.tree.add(NONE, folder, Kind::Folder, 0, 0);
            }
        }
        for old in self.libraries.iter().flat_map(|library| &library.folders) {
            let kept = libraries.iter().any(|library| library.folders.contains(old));
            if let Some(at) = self.tree.at(old).filter(|_| !kept) {
                self.tree.remove(at);
            }
        }
        self.libraries = libraries;
    }

    pub(crate) fn now(&self) -> Duration {
        self.moved + self.running_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// The clock runs by itself from now on.
    pub(crate) fn run(&mut self) {
        self.moved = self.now();
        self.running_since = Some(Instant::now());
    }

    pub(crate) fn advance(&mut self, time: Duration) {
        self.moved += time;
        self.tick();
    }

    /// What became due is done.
    pub(crate) fn tick(&mut self) {
        let now = self.now();
        for affected in self.monitor.due(now) {
            let mut items: Vec<u32> = Vec::new();
            for item in affected.iter().filter_map(|path| self.resolve(path)) {
                if !items.contains(&item) {
                    items.push(item);
                }
            }
            for item in items.into_iter().filter(|at| self.tree.is_alive(*at)).collect::<Vec<_>>() {
                self.look(item, true, false);
            }
        }
        for step in self.queue.due(now) {
            self.do_step(&step);
        }
    }

    fn do_step(&mut self, step: &Step) {
        for path in &step.paths {
            if step.is_walk && !self.disk.is_away(path) && !self.disk.files_within(path).is_empty() {
                self.unfilled.remove(path);
            }
            if let Some(at) = self.tree.at(path) {
                self.look(at, step.recursive, step.lists);
            }
        }
    }

    /// Reports a path.
    pub(crate) fn report(&mut self, path: &str, update_type: &str) {
        let now = self.now();
        self.monitor.report(path, now);
        self.updates.push((path.to_owned(), update_type.to_owned()));
    }

    /// An item waits for its refresh: there is one worker.
    pub(crate) fn refresh(&mut self, at: u32, recursive: bool) {
        self.queue.push(vec![self.tree.path(at)], None, recursive, self.now());
        self.tick();
    }

    /// A library waits to be walked. Folders within another library's are passed over.
    pub(crate) fn walk(&mut self, library: &PretendLibrary, recursive: bool) {
        let folders = library.folders.iter().filter(|folder| !self.is_nested(folder)).cloned().collect();
        self.queue.push(folders, Some(library.id.clone()), recursive, self.now());
        self.tick();
    }

    /// Whether this folder of a library lies in one of another.
    fn is_nested(&self, folder: &str) -> bool {
        std::iter::successors(parent(folder), |up| parent(up)).any(|up| self.roots.contains(up))
    }

    /// A scan of everything begins: it stops the monitor, so what waits there is lost.
    pub(crate) fn scan_everything(&mut self) {
        self.monitor.forget();
        self.scanning = true;
    }

    /// The scan of everything is over, and took in what it passed.
    pub(crate) fn end_scan(&mut self) {
        self.scanning = false;
        self.unfilled.clear();
        for at in self.locations() {
            let path = self.tree.path(at);
            if !self.disk.is_away(&path) {
                self.sync_folder(&path, false);
            }
        }
    }

    /// The server starts anew: what waits is lost.
    pub(crate) fn restart(&mut self) {
        self.monitor.forget();
        self.queue.clear();
        self.scanning = false;
    }

    pub(crate) fn set_drops(&mut self, one_in: Option<usize>) {
        self.drops_one_in = one_in;
        self.met = 0;
        if one_in.is_none() {
            self.dropped.clear();
        }
    }

    /// The folders of all libraries.
    fn locations(&self) -> Vec<u32> {
        let folders = self.libraries.iter().flat_map(|library| &library.folders);
        folders.filter_map(|folder| self.tree.at(folder)).collect()
    }

    /// A library by its id.
    pub(crate) fn library(&self, id: &str) -> Option<Place> {
        let library = self.libraries.iter().find(|library| library.id == id)?;
        let own = library.folders.iter().filter(|folder| !self.is_nested(folder));
        Some(Place::Library(own.filter_map(|folder| self.tree.at(folder)).collect()))
    }

    /// The item at this path or the nearest above it; of one that is gone the nearest above that is not. None when no
    /// item is found, and then nothing happens.
    fn resolve(&self, path: &str) -> Option<u32> {
        let mut at = Some(path);
        while let Some(here) = at {
            let is_known = self.disk.has(here) && !self.unfilled.contains(here);
            if let Some(item) = self.tree.at(here).filter(|_| is_known) {
                return Some(item);
            }
            at = parent(here);
        }
        None
    }

    /// Looks at an item: a folder is brought up to the disk with everything in it. What is only listed is read later.
    pub(crate) fn look(&mut self, at: u32, recursive: bool, lists: bool) {
        let path = self.tree.path(at);
        if !lists {
            self.looks.push(path.clone());
        }
        if self.tree.node(at).parent == NONE {
            self.root_looks += usize::from(!lists);
            // "inaccessible or empty, skipping"
            if self.disk.is_away(&path) {
                return;
            }
        }
        // Jellyfin 12.0.0, measured: an artist's folder is looked at only if an album's tags name that artist.
        let is_blind = self.tree.node(at).kind == Kind::MusicArtist && self.tree.node(at).untagged;
        if self.tree.node(at).kind.is_folder() {
            if recursive && !is_blind {
                self.sync_folder(&path, lists);
            }
        } else if let Some(size) = self.disk.size(&path) {
            self.resize(at, size);
        }
    }

    fn sync_folder(&mut self, folder: &str, lists: bool) {
        for lost in self.disk.lost_within(folder) {
            self.forget(&lost);
        }
        for real in self.disk.real_within(folder) {
            let from = if is_within(folder, &real) { folder } else { &real };
            let Some(top) = self.resolve(from) else { continue };
            for at in self.tree.below(top) {
                let path = self.tree.path(at);
                if !self.tree.node(at).filled && is_within(&path, from) && !self.disk.has(&path) {
                    self.forget(&path);
                }
            }
        }
        for (file, size) in self.disk.files_within(folder) {
            self.take_in(&file, size, lists);
        }
    }

    /// Takes the items at and within this path away.
    pub(crate) fn forget(&mut self, path: &str) {
        if let Some(at) = self.tree.at(path) {
            self.tree.remove(at);
        }
        self.tree.remove_version(path);
        // The folder of a film is no item, so its films are found from above.
        let above = std::iter::successors(parent(path), |up| parent(up)).find_map(|up| self.tree.at(up));
        let films: Vec<u32> = above.map(|above| self.tree.children(above).to_vec()).unwrap_or_default();
        for film in films {
            if self.tree.node(film).kind == Kind::Movie && is_within(&self.tree.path(film), path) {
                self.tree.remove(film);
            }
        }
    }

    /// A file was found: it becomes an item, or its item learns its size.
    fn take_in(&mut self, path: &str, size: u64, lists: bool) {
        let Some((library, root)) = self.home(path) else { return };
        if !is_item(&library, &root, path) || self.is_hidden(&root, path) {
            return;
        }
        if let Some(at) = self.tree.at(path) {
            if !lists && std::mem::take(&mut self.tree.node_mut(at).bare) {
                self.tree.node_mut(at).saved = self.seconds();
            }
            return self.resize(at, size);
        }
        if self.dropped.contains(path) {
            return;
        }
        if let Some(one_in) = self.drops_one_in {
            self.met += 1;
            if self.met.is_multiple_of(one_in) {
                self.dropped.insert(path.to_owned());
                return;
            }
        }
        self.know(path, size);
        if let Some(at) = self.tree.at(path).filter(|_| lists) {
            self.tree.node_mut(at).bare = true;
        }
    }

    /// Whether a name on the way to the file, a hidden folder or a file `.ignore` hides it.
    fn is_hidden(&self, root: &str, path: &str) -> bool {
        let cuts = path.char_indices().skip(root.len()).filter(|(_, sign)| matches!(sign, '/' | '\\'));
        let above = cuts.map(|(at, _)| &path[..at]).filter(|above| above.len() > root.len());
        above.chain([path]).any(|at| is_ignored(self.era, at)) || self.disk.is_ruled_out(path)
    }

    /// The library that has this path, and its folder: the outermost, and the first of those that share it.
    fn home(&self, path: &str) -> Option<(PretendLibrary, String)> {
        let pairs = self
            .libraries
            .iter()
            .flat_map(|library| library.folders.iter().map(move |folder| (library, folder)));
        let holding = pairs.filter(|(_, folder)| is_within(path, folder));
        let (library, folder) = holding.min_by_key(|(_, folder)| folder.trim_end_matches('/').len())?;
        Some((library.clone(), folder.clone()))
    }

    fn resize(&mut self, at: u32, size: u64) {
        let now = self.seconds();
        let node = self.tree.node_mut(at);
        if node.size != size {
            node.size = size;
            node.saved = now;
        }
    }

    /// Puts an item into the library, whatever lies on the disk.
    pub(crate) fn know(&mut self, path: &str, size: u64) {
        let Some((library, folder)) = self.home(path) else { return };
        let Some(location) = self.tree.at(&folder) else { return };
        let now = self.seconds();
        if is_item(&library, &folder, path) {
            grow(&mut self.tree, &library, location, path, size, now);
            return;
        }
        // A folder: it is made by a file in it that is taken away again.
        let inside = format!("{}/…/….mkv", path.trim_end_matches(['/', '\\']));
        let inside = if library.kind == "movies" { inside } else { inside.replace("/…/", "/") };
        grow(&mut self.tree, &library, location, &inside, 0, now);
        if let Some(at) = self.tree.at(&inside) {
            self.tree.remove(at);
        }
    }

    pub(crate) fn seconds(&self) -> u32 {
        u32::try_from(self.now().as_secs()).unwrap_or(u32::MAX)
    }
}
