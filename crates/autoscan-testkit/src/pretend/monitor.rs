//! When Jellyfin looks at a path that was reported to it.

use std::time::Duration;

use crate::pretend::media_browser::ignored::{Era, is_ignored};

/// How long Jellyfin waits after the last report before it looks (`LibraryMonitorDelay`).
pub(crate) const DELAY: Duration = Duration::from_mins(1);

/// A model of what Jellyfin does with reported paths: its `LibraryMonitor` and `FileRefresher` (the same from 10.8 to
/// 12.0 but for the names it passes by, and for what it takes to lie within a path). The time is handed in. Paths compare
/// by bytes, `/` or `\` separates.
#[derive(Debug)]
pub(crate) struct LibraryMonitor {
    era: Era,
    delay: Duration,
    /// Whether looks that are due at the same instant get lost but for one.
    lossy: bool,
    active: Vec<Refresher>,
}

#[derive(Debug)]
struct Refresher {
    path: String,
    affected: Vec<String>,
    fires_at: Duration,
}

impl Refresher {
    fn add(&mut self, path: &str, fires_at: Duration) {
        if !self.affected.iter().any(|known| known == path) {
            self.affected.push(path.to_owned());
        }
        self.fires_at = fires_at;
    }

    fn rebase(&mut self, path: &str, also: Option<&str>, fires_at: Duration) {
        path.clone_into(&mut self.path);
        self.add(path, fires_at);
        if let Some(also) = also {
            self.add(also, fires_at);
        }
    }
}

impl LibraryMonitor {
    pub(crate) fn new(era: Era, delay: Duration) -> Self {
        Self { era, delay, lossy: false, active: Vec::new() }
    }

    /// How long it waits after the last report.
    pub(crate) fn delay(&self) -> Duration {
        self.delay
    }

    pub(crate) fn set_delay(&mut self, delay: Duration) {
        self.delay = delay;
    }

    /// Looks that are due at the same instant are put into a queue without a lock, and all but one of them may be lost: seen
    /// at Jellyfin 12.0.0 after a start (of six reports none to four were looked at).
    pub(crate) fn set_lossy(&mut self, lossy: bool) {
        self.lossy = lossy;
    }

    /// A path was reported. What happened to it does not matter.
    pub(crate) fn report(&mut self, path: &str, now: Duration) {
        if is_ignored(self.era, path) {
            return;
        }
        let fires_at = now + self.delay;
        let above = parent(path);
        let era = self.era;
        for refresher in self.active.iter_mut().rev() {
            if refresher.path == path {
                refresher.fires_at = fires_at;
                return;
            }
            if contains(era, &refresher.path, path) {
                return refresher.add(path, fires_at);
            }
            if contains(era, path, &refresher.path) {
                return refresher.rebase(path, None, fires_at);
            }
            // Siblings: the folder above them is looked at instead.
            if let Some(above) = above.filter(|above| parent(&refresher.path) == Some(above)) {
                return refresher.rebase(above, Some(path), fires_at);
            }
        }
        self.active.push(Refresher { path: path.to_owned(), affected: vec![path.to_owned()], fires_at });
    }

    /// The looks that are due: each is for some paths.
    pub(crate) fn due(&mut self, now: Duration) -> Vec<Vec<String>> {
        let mut due: Vec<Refresher> =
            self.active.extract_if(.., |refresher| refresher.fires_at <= now).collect();
        if self.lossy {
            due.sort_by_key(|refresher| refresher.fires_at);
            due.dedup_by_key(|refresher| refresher.fires_at);
        }
        due.into_iter().map(|refresher| refresher.affected).collect()
    }

    /// A scan of everything stops the monitor, and so does a restart: what waits is forgotten.
    pub(crate) fn forget(&mut self) {
        self.active.clear();
    }

    /// How many looks are waiting for their minute.
    pub(crate) fn waiting(&self) -> usize {
        self.active.len()
    }
}

fn is_separator(c: char) -> bool {
    matches!(c, '/' | '\\')
}

/// .NET's `GetDirectoryName`: what stands before the last separator; `/` and `C:\` keep theirs and have none above.
pub(crate) fn parent(path: &str) -> Option<&str> {
    let cut = path.rfind(is_separator)?;
    let root = if path[..cut].ends_with(':') { cut + 1 } else { cut.max(1) };
    (root < path.len()).then(|| &path[..if cut < root { root } else { cut }])
}

/// Jellyfin's `ContainsSubPath`: up to 10.11 the text anywhere in the other. At 12.0.0 `/media/movies` and `/media/movies4k`
/// became one wait of `/media` (measured), so it goes by whole names there.
fn contains(era: Era, folder: &str, path: &str) -> bool {
    let folder = folder.trim_end_matches(is_separator);
    if era < Era::Twelve {
        return path.contains(folder);
    }
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with(is_separator))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn affected(era: Era, reports: &[&str]) -> Vec<Vec<String>> {
        let mut monitor = LibraryMonitor::new(era, DELAY);
        for path in reports {
            monitor.report(path, Duration::ZERO);
        }
        monitor.due(DELAY)
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
        assert_eq!(affected(Era::Twelve, &["/tv/A", "/tv/B"]), [["/tv/A", "/tv", "/tv/B"]]);
        assert_eq!(affected(Era::Twelve, &["/tv/A/S1", "/tv/B/S1"]), [["/tv/A/S1"], ["/tv/B/S1"]]);
        assert_eq!(
            affected(Era::Twelve, &["/tv/A/S1", "/tv/A/S1/1.mkv", "/tv"]),
            [["/tv/A/S1", "/tv/A/S1/1.mkv", "/tv"]]
        );
        assert_eq!(
            affected(Era::Eleven, &["/data/tv", "/mnt/data/tv/A"]).len(),
            1,
            "a path within is one that contains it"
        );
        assert_eq!(affected(Era::Twelve, &["/data/tv", "/mnt/data/tv/A"]).len(), 2);
    }

    #[test]
    fn roots_below_one_parent_are_siblings_and_every_report_below_it_starts_their_wait_anew() {
        let mut monitor = LibraryMonitor::new(Era::Twelve, DELAY);
        monitor.report("/media/movies", Duration::ZERO);
        monitor.report("/media/movies4k", Duration::ZERO);
        assert_eq!(monitor.waiting(), 1);
        monitor.report("/media/tv/Alpha/Season 1/1.mkv", DELAY / 2);
        assert!(monitor.due(DELAY).is_empty(), "a show of another library keeps the films waiting");
        assert_eq!(monitor.due(DELAY * 3 / 2).len(), 1);
    }

    #[test]
    fn looks_that_are_due_at_the_same_instant_may_be_lost() {
        for (lossy, looks) in [(false, 3), (true, 2)] {
            let mut monitor = LibraryMonitor::new(Era::Twelve, DELAY);
            monitor.set_lossy(lossy);
            monitor.report("/tv/A/S1/1.mkv", Duration::ZERO);
            monitor.report("/tv/B/S1/1.mkv", Duration::ZERO);
            monitor.report("/tv/C/S1/1.mkv", Duration::from_millis(300));
            assert_eq!(monitor.due(DELAY * 2).len(), looks);
        }
    }

    #[test]
    fn a_stream_of_reports_postpones_the_look_for_ever_and_some_are_dropped() {
        let mut monitor = LibraryMonitor::new(Era::Twelve, DELAY);
        let mut now = Duration::ZERO;
        for _ in 0..10 {
            monitor.report("/tv/A", now);
            now += DELAY.checked_sub(Duration::from_secs(1)).unwrap();
            assert!(monitor.due(now).is_empty());
        }
        monitor.forget();
        monitor.report("/tv/A/Subs/a.srt", now);
        monitor.report("/tv/A/.hidden", now);
        assert_eq!(monitor.waiting(), 0);
    }
}
