use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::pretend::http_server::lock;
use crate::pretend::media_browser::world::World;

/// A refresh of one item that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemRefresh {
    /// The item's path; of a whole library its title.
    pub path: String,
    /// The query, decoded, in order.
    pub query: Vec<(String, String)>,
}

impl ItemRefresh {
    /// A value of the query, its name compared without case.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// What a pretend Jellyfin or Emby holds: its items, the files that it sees, its clock and its faults. Its clock stands still
/// until it is moved, or until [`Self::set_delay`] makes it run.
#[derive(Clone)]
pub struct Holdings(Arc<Mutex<World>>);

impl Holdings {
    pub(crate) fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    /// The state, with everything done that became due.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        let mut world = lock(&self.0);
        world.tick();
        world
    }

    /// The server sees a real folder of this machine under this name, whenever it looks.
    pub fn sees(&self, server_prefix: &str, local_folder: &Path) {
        self.world().disk.show(server_prefix, local_folder);
    }

    /// A file is put on the server's disk, of which it knows nothing yet. A size is in bytes.
    pub fn place(&self, path: &str, size: u64) {
        self.world().disk.place(path, size);
    }

    /// A file is on the server's disk, and its item in the library.
    pub fn hold(&self, path: &str, size: u64) {
        let mut world = self.world();
        world.disk.place(path, size);
        world.know(path, size);
    }

    /// An item of this path is in the library: a file, or a folder without anything in it.
    pub fn know(&self, path: &str) {
        let mut world = self.world();
        world.disk.regain(path);
        world.know(path, 1);
    }

    /// The file or folder is no longer on the server's disk; its items stay until the server looks.
    pub fn lose(&self, path: &str) {
        self.world().disk.lose(path);
    }

    /// The item is taken out of the library, whatever lies on the disk.
    pub fn forget(&self, path: &str) {
        self.world().forget(path);
    }

    /// The server may not look at anything below this folder.
    pub fn hide(&self, prefix: &str) {
        self.world().disk.hide(prefix);
    }

    /// The item of this path has another title than its folder: it was identified in another language.
    pub fn rename(&self, path: &str, title: &str) {
        let mut world = self.world();
        if let Some(at) = world.tree.at(path) {
            world.tree.rename(at, title);
        }
    }

    /// Puts this many files into the libraries, a tenth of them films: quickly, and on no disk.
    pub fn fill(&self, count: usize) {
        self.world().fill(count);
    }

    /// How many items there are, folders counted.
    pub fn len(&self) -> usize {
        self.world().tree.len()
    }

    /// Whether there is none, not even a library's folder.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The size of the item of exactly this path, in bytes, and whether it was read.
    pub fn shown(&self, path: &str) -> Option<(u64, bool)> {
        let world = self.world();
        let node = world.tree.node(world.tree.at(path)?);
        Some((node.size, !node.bare))
    }

    /// Whether there is an item of exactly this path.
    pub fn has(&self, path: &str) -> bool {
        self.world().tree.at(path).is_some()
    }

    /// How long it waits after the last report before it looks. Its clock runs from now on.
    pub fn set_delay(&self, delay: Duration) {
        let mut world = self.world();
        world.monitor.set_delay(delay);
        world.run();
    }

    /// How long the refresh of one item takes; there is one worker.
    pub fn set_refresh_takes(&self, time: Duration) {
        self.world().queue.refresh_takes = time;
    }

    /// How long the walk of a whole library takes. In its middle new files are listed, at its end they are read.
    pub fn set_walk_takes(&self, time: Duration) {
        self.world().queue.walk_takes = time;
    }

    /// How many walks of whole libraries it was asked for.
    pub fn walks(&self) -> usize {
        self.world().queue.walks
    }

    /// Looks at reports that are due at the same instant are lost but for one.
    pub fn set_lossy(&self, lossy: bool) {
        self.world().monitor.set_lossy(lossy);
    }

    /// No album's tags name this artist: neither a refresh nor a report of it looks into its folder.
    pub fn untag(&self, artist: &str) {
        let mut world = self.world();
        if let Some(at) = world.tree.at(artist) {
            world.tree.node_mut(at).untagged = true;
        }
    }

    /// This library's folder was empty at every scan so far: no report finds anything in it.
    pub fn never_fill(&self, folder: &str) {
        self.world().unfilled.insert(folder.to_owned());
    }

    /// Whether this library's folder has nothing at all in it: then it is skipped, and its items stay.
    pub fn set_empty(&self, folder: &str, is_empty: bool) {
        self.world().disk.set_empty(folder, is_empty);
    }

    /// The item of this path is listed, and not read yet.
    pub fn bare(&self, path: &str) {
        let mut world = self.world();
        if let Some(at) = world.tree.at(path) {
            world.tree.node_mut(at).bare = true;
        }
    }

    /// Moves its clock.
    pub fn advance(&self, time: Duration) {
        self.world().advance(time);
    }

    /// The items that it looked at, in order. A folder is looked at with everything in it.
    pub fn looks(&self) -> Vec<String> {
        self.world().looks.clone()
    }

    /// How many looks at a library's folder there were.
    pub fn root_looks(&self) -> usize {
        self.world().root_looks
    }

    /// How many looks wait for their minute.
    pub fn waiting(&self) -> usize {
        self.world().monitor.waiting()
    }

    /// The refreshes of single items that it was asked for, in order.
    pub fn refreshes(&self) -> Vec<ItemRefresh> {
        self.world().refreshes.clone()
    }

    /// The reported paths with their types, in order.
    pub fn updates(&self) -> Vec<(String, String)> {
        self.world().updates.clone()
    }

    /// Of so many new files one is never taken in, whatever is asked; none: all are from now on.
    pub fn drops_one_in(&self, count: Option<usize>) {
        self.world().set_drops(count);
    }

    /// The item of this path vanishes once it was shown; the next look brings it back.
    pub fn lose_after_showing(&self, path: &str) {
        self.world().fleeting.insert(path.to_owned());
    }

    /// A scan of everything begins, which discards what waits, or ends, and then everything is up to the disk.
    pub fn set_scanning(&self, scanning: bool) {
        let mut world = self.world();
        if scanning {
            world.scan_everything();
        } else {
            world.end_scan();
        }
    }

    /// How often it scans everything by itself.
    pub fn set_scan_every(&self, hours: u64) {
        self.world().scan_every_hours = hours;
    }

    /// The server starts anew: looks and refreshes that wait are discarded.
    pub fn restart(&self) {
        self.world().restart();
    }

    /// How many people watch, and how many more have paused.
    pub fn set_sessions(&self, playing: usize, paused: usize) {
        let mut world = self.world();
        (world.playing, world.paused) = (playing, paused);
    }
}
