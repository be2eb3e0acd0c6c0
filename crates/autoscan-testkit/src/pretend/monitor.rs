use std::collections::BTreeSet;
use std::time::Duration;

/// How long Jellyfin waits after the last report before it looks (`LibraryMonitorDelay`).
const DELAY: Duration = Duration::from_mins(1);

/// Names that make Jellyfin drop a report, without case: some of its `IgnorePatterns`.
const IGNORED: [&str; 7] = ["subs", "sample", "metadata", "extrafanart", "@eadir", "#recycle", "lost+found"];

/// A model of what Jellyfin does with reported paths: its `LibraryMonitor` and `FileRefresher` (the same from 10.8 to
/// 12.0), with a clock that is moved by hand. Paths compare by bytes, `/` or `\` separates.
#[derive(Debug, Default)]
pub struct LibraryMonitor {
    now: Duration,
    active: Vec<Refresher>,
    known: BTreeSet<String>,
    gone: BTreeSet<String>,
    refreshed: Vec<String>,
}

#[derive(Debug)]
struct Refresher {
    path: String,
    affected: Vec<String>,
    fires_at: Duration,
}

impl Refresher {
    fn add(&mut self, path: &str, now: Duration) {
        if !self.affected.iter().any(|known| known == path) {
            self.affected.push(path.to_owned());
        }
        self.fires_at = now + DELAY;
    }

    fn rebase(&mut self, path: &str, also: Option<&str>, now: Duration) {
        path.clone_into(&mut self.path);
        self.add(path, now);
        if let Some(also) = also {
            self.add(also, now);
        }
    }
}

impl LibraryMonitor {
    /// An item with this path is in the database, and on the disk.
    pub fn know(&mut self, path: &str) {
        self.known.insert(path.to_owned());
    }

    /// The item's file or folder is no longer on the disk.
    pub fn lose(&mut self, path: &str) {
        self.gone.insert(path.to_owned());
    }

    /// A path was reported. What happened to it does not matter.
    pub fn report(&mut self, path: &str) {
        if names(path).any(|name| name.starts_with('.') || IGNORED.contains(&name.to_lowercase().as_str())) {
            return;
        }
        let now = self.now;
        let above = parent(path);
        for refresher in self.active.iter_mut().rev() {
            if refresher.path == path {
                refresher.fires_at = now + DELAY;
                return;
            }
            if contains(&refresher.path, path) {
                return refresher.add(path, now);
            }
            if contains(path, &refresher.path) {
                return refresher.rebase(path, None, now);
            }
            // Siblings: the folder above them is looked at instead.
            if let Some(above) = above.filter(|above| parent(&refresher.path) == Some(above)) {
                return refresher.rebase(above, Some(path), now);
            }
        }
        let refresher =
            Refresher { path: path.to_owned(), affected: vec![path.to_owned()], fires_at: now + DELAY };
        self.active.push(refresher);
    }

    /// Moves the clock; what is due is looked at.
    pub fn advance(&mut self, time: Duration) {
        self.now += time;
        let now = self.now;
        let due: Vec<Refresher> = self.active.extract_if(.., |refresher| refresher.fires_at <= now).collect();
        for refresher in due {
            let mut items: Vec<String> = Vec::new();
            for item in refresher.affected.iter().filter_map(|path| self.item(path)) {
                if !items.contains(&item) {
                    items.push(item);
                }
            }
            self.refreshed.extend(items);
        }
    }

    /// A scan of everything stops the monitor: what waits is forgotten.
    pub fn scan_everything(&mut self) {
        self.active.clear();
    }

    /// The items that were looked at, in order. A folder is looked at with everything in it.
    pub fn refreshed(&self) -> Vec<String> {
        self.refreshed.clone()
    }

    /// How many looks are waiting for their minute.
    pub fn waiting(&self) -> usize {
        self.active.len()
    }

    /// The item at this path or the nearest above it; of one that is gone the nearest above that is not. None when no
    /// item is found, and then nothing happens.
    fn item(&self, path: &str) -> Option<String> {
        let mut at = Some(path);
        while let Some(here) = at {
            if self.known.contains(here) && !self.gone.contains(here) {
                return Some(here.to_owned());
            }
            at = parent(here);
        }
        None
    }
}

fn is_separator(c: char) -> bool {
    matches!(c, '/' | '\\')
}

fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split(is_separator).filter(|name| !name.is_empty())
}

/// .NET's `GetDirectoryName`: what stands before the last separator; `/` and `C:\` keep theirs and have none above.
fn parent(path: &str) -> Option<&str> {
    let cut = path.rfind(is_separator)?;
    let root = if path[..cut].ends_with(':') { cut + 1 } else { cut.max(1) };
    (root < path.len()).then(|| &path[..if cut < root { root } else { cut }])
}

/// Jellyfin's `ContainsSubPath`: the text anywhere in the other.
fn contains(folder: &str, path: &str) -> bool {
    path.contains(folder.trim_end_matches(is_separator))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn monitor(known: &[&str]) -> LibraryMonitor {
        let mut monitor = LibraryMonitor::default();
        for path in known {
            monitor.know(path);
        }
        monitor
    }

    fn after(mut monitor: LibraryMonitor, reports: &[&str]) -> Vec<String> {
        for path in reports {
            monitor.report(path);
        }
        monitor.advance(DELAY);
        monitor.refreshed()
    }

    #[test]
    fn parents_end_at_the_root() {
        for (path, above) in [
            ("/tv/A", Some("/tv")),
            ("/tv/A/", Some("/tv/A")),
            ("/tv", Some("/")),
            ("/", None),
            ("C:\\TV\\A", Some("C:\\TV")),
            ("C:\\TV", Some("C:\\")),
            ("C:\\", None),
            ("tv", None),
        ] {
            assert_eq!(parent(path), above, "{path}");
        }
    }

    #[test]
    fn sibling_folders_make_it_look_at_the_folder_above() {
        let known = &["/tv", "/tv/A", "/tv/B", "/tv/A/S1", "/tv/B/S1"];
        assert_eq!(after(monitor(known), &["/tv/A", "/tv/B"]), ["/tv/A", "/tv", "/tv/B"]);
        assert_eq!(after(monitor(known), &["/tv/A/S1", "/tv/B/S1"]), ["/tv/A/S1", "/tv/B/S1"]);
        assert_eq!(after(monitor(known), &["/tv/A/S1/1.mkv", "/tv/A/S1/2.mkv"]), ["/tv/A/S1"]);
    }

    #[test]
    fn a_path_resolves_upward_to_what_is_known_and_there() {
        assert_eq!(after(monitor(&["/tv"]), &["/tv/New/S1/1.mkv"]), ["/tv"]);
        assert!(after(monitor(&["/tv"]), &["/data/tv2/1.mkv"]).is_empty());
        let mut monitor = monitor(&["/tv", "/tv/A"]);
        monitor.lose("/tv/A");
        assert_eq!(after(monitor, &["/tv/A"]), ["/tv"]);
    }

    #[test]
    fn a_stream_of_reports_postpones_the_look_for_ever_and_some_are_dropped() {
        let mut monitor = monitor(&["/tv", "/tv/A"]);
        for _ in 0..10 {
            monitor.report("/tv/A");
            monitor.advance(DELAY.checked_sub(Duration::from_secs(1)).unwrap());
        }
        assert!(monitor.refreshed().is_empty());
        monitor.scan_everything();
        monitor.report("/tv/A/Subs/a.srt");
        monitor.report("/tv/A/.hidden");
        assert_eq!(monitor.waiting(), 0);
    }
}
