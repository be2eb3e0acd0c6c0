//! When a library may be scanned. What is new at its top is found by a scan of the library alone, and the server merges none of
//! those that wait: so they are gathered here. One waits or runs per library, and one more follows when more came meanwhile.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::family::media_browser::answers::VirtualFolder;

/// The first change waits this long for those that came with it: at a server that waits less itself so long as that. What comes
/// later waits for the end of that scan.
pub(crate) const GATHERS: Duration = Duration::from_millis(500);

/// Nothing is gathered again for what comes this soon after the moment that it was to wait for.
const GRACE: Duration = Duration::from_secs(30);

/// A server that was asked for a scan is given this long to begin it.
const BEGINS: Duration = Duration::from_secs(1);

/// While a library is scanned its server is asked after a quarter of the time that it took so far, but within these bounds.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(10);

/// After a scan the server has half of its time for others, up to this.
const LONGEST_REST: Duration = Duration::from_secs(30);

/// What waited when a scan was asked for is told within this time, or it changed again.
const COVERS: Duration = Duration::from_mins(2);

/// What waits for a scan needs no second look-up for so long.
const WAITS: Duration = Duration::from_mins(10);

/// A library was scanned a while ago for as long as this.
const LATELY: Duration = Duration::from_mins(20);

/// A server that refused is asked again after this.
const ASKED_AGAIN: Duration = Duration::from_mins(10);

/// Most paths of one library whose scan is remembered.
const MOST: usize = 10_000;

/// Whether a library may be scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MayScan {
    /// Yes.
    Now,
    /// In so long.
    Later(Duration),
    /// That depends on what the server does with the scan that it was asked for.
    Ask,
}

/// The scans of the libraries of one server.
#[derive(Default)]
pub(crate) struct LibraryScans {
    libraries: Mutex<HashMap<String, LibraryScan>>,
    /// Whether the server tells what it does with each library.
    told_statuses: Mutex<HashMap<String, bool>>,
    /// Requests of refreshes go out one at a time: two that a server queues in the same instant may both be lost.
    pub(crate) sending: tokio::sync::Mutex<()>,
}

/// How one library stands.
struct LibraryScan {
    /// The next scan may begin from then on.
    opens: Instant,
    /// When the last scan was asked for, and when it was last known to go on.
    sent: Option<(Instant, Instant)>,
    runs: bool,
    /// When the server last refused to scan it.
    refused: Option<Instant>,
    /// Paths that wait for the next scan, and since when.
    waiting: HashMap<String, Instant>,
    /// Paths that waited when the last scan was asked for: it finds them.
    covered: HashSet<String>,
}

impl LibraryScans {
    fn state(&self) -> MutexGuard<'_, HashMap<String, LibraryScan>> {
        self.libraries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps which libraries the server tells the status of.
    pub(crate) fn note_statuses(&self, folders: &[VirtualFolder]) {
        let mut told = self.told_statuses.lock().unwrap_or_else(PoisonError::into_inner);
        told.clear();
        told.extend(
            folders.iter().filter_map(|folder| Some((folder.id()?.to_owned(), folder.tells_its_status()))),
        );
    }

    /// Whether the server tells what it does with the library; none while it was not asked. Of a scan that it tells nothing of
    /// neither its begin nor its end is known.
    pub(crate) fn tells_status(&self, library: &str) -> Option<bool> {
        let told = self.told_statuses.lock().unwrap_or_else(PoisonError::into_inner);
        told.get(library).copied()
    }

    /// Whether the path already waited when the last scan was asked for. A yes is forgotten.
    pub(crate) fn is_covered(&self, library: &str, path: &str) -> bool {
        let mut state = self.state();
        let Some(known) = state.get_mut(library) else { return false };
        known.covered.remove(path) && known.sent.is_some_and(|(sent, _)| sent.elapsed() < COVERS)
    }

    /// Whether the library may be scanned, when the first change waits so long for others.
    pub(crate) fn may_scan(&self, library: &str, gathers: Duration) -> MayScan {
        let now = Instant::now();
        let mut state = self.state();
        let known = state.entry(library.to_owned()).or_insert_with(|| LibraryScan::opening(now + gathers));
        let begins = BEGINS.min(gathers * 2);
        match known.sent.filter(|_| known.runs) {
            Some((sent, _)) if now < sent + begins => return MayScan::Later(sent + begins - now),
            Some(_) => return MayScan::Ask,
            None => {}
        }
        if now >= known.opens + GRACE {
            known.opens = now + gathers;
        }
        if now < known.opens { MayScan::Later(known.opens - now) } else { MayScan::Now }
    }

    /// Whether a scan was asked for and is not known to be over.
    pub(crate) fn goes_on_as_far_as_known(&self, library: &str) -> bool {
        self.state().get(library).is_some_and(|known| known.runs)
    }

    /// These paths wait for the next scan.
    pub(crate) fn wait(&self, library: &str, paths: impl Iterator<Item = String>) {
        if let Some(known) = self.state().get_mut(library) {
            for path in paths.take(MOST.saturating_sub(known.waiting.len())) {
                known.waiting.insert(path, Instant::now());
            }
        }
    }

    /// Whether the path waits for the next scan.
    pub(crate) fn is_waiting(&self, library: &str, path: &str) -> bool {
        let since = self.state().get(library).and_then(|known| known.waiting.get(path).copied());
        since.is_some_and(|since| since.elapsed() < WAITS)
    }

    /// The scan was asked for, for these paths; it finds the others that waited, too. One of these that changes again is none of
    /// what this scan is sure to find.
    pub(crate) fn sent(&self, library: &str, asked_for: &HashSet<String>) {
        let now = Instant::now();
        let mut state = self.state();
        let known = state.entry(library.to_owned()).or_insert_with(|| LibraryScan::opening(now));
        known.covered = std::mem::take(&mut known.waiting).into_keys().collect();
        known.covered.retain(|path| !asked_for.contains(path));
        known.sent = Some((now, now));
        known.runs = true;
    }

    /// The server scans the library: after how long it may be asked again.
    pub(crate) fn goes_on(&self, library: &str) -> Duration {
        let now = Instant::now();
        let mut state = self.state();
        let sent = state.get_mut(library).and_then(|known| known.sent.as_mut());
        let Some((sent, seen)) = sent else { return SHORTEST };
        *seen = now;
        (now.duration_since(*sent) / 4).clamp(SHORTEST, LONGEST)
    }

    /// The scan is over.
    pub(crate) fn over(&self, library: &str) {
        if let Some(known) = self.state().get_mut(library)
            && let Some((sent, seen)) = known.sent
        {
            known.runs = false;
            // What was looked up before or while it went on may be known now.
            known.waiting.clear();
            known.opens = seen + (seen.duration_since(sent) / 2).min(LONGEST_REST);
        }
    }

    /// The server refuses to scan this library.
    pub(crate) fn refuse(&self, library: &str) {
        let now = Instant::now();
        self.state().entry(library.to_owned()).or_insert_with(|| LibraryScan::opening(now)).refused =
            Some(now);
    }

    /// Whether the server refused to scan this library a while ago.
    pub(crate) fn is_refused(&self, library: &str) -> bool {
        let refused = self.state().get(library).and_then(|known| known.refused);
        refused.is_some_and(|at| at.elapsed() < ASKED_AGAIN)
    }

    /// Whether a scan of the library was asked for a while ago.
    pub(crate) fn was_scanned_lately(&self, library: &str) -> bool {
        let sent = self.state().get(library).and_then(|known| known.sent);
        sent.is_some_and(|(sent, _)| sent.elapsed() < LATELY)
    }
}

impl LibraryScan {
    fn opening(opens: Instant) -> Self {
        Self {
            opens,
            sent: None,
            runs: false,
            refused: None,
            waiting: HashMap::new(),
            covered: HashSet::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later(millis: u64) -> MayScan {
        MayScan::Later(Duration::from_millis(millis))
    }

    async fn pass(millis: u64) {
        tokio::time::advance(Duration::from_millis(millis)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn changes_are_gathered_and_the_next_scan_waits_for_the_end_of_the_last() {
        let scans = LibraryScans::default();
        assert_eq!(scans.may_scan("1", GATHERS), later(500));
        scans.wait("1", ["/a".to_owned(), "/b".to_owned()].into_iter());
        assert!(scans.is_waiting("1", "/a") && !scans.is_waiting("2", "/a"));
        pass(200).await;
        assert_eq!((scans.may_scan("1", GATHERS), scans.may_scan("2", GATHERS)), (later(300), later(500)));
        pass(300).await;
        assert_eq!(scans.may_scan("1", GATHERS), MayScan::Now);
        scans.sent("1", &HashSet::from(["/a".to_owned()]));
        assert!(!scans.is_covered("1", "/a"), "it changed after the scan was asked for");
        assert!(scans.is_covered("1", "/b") && !scans.is_covered("1", "/b") && !scans.is_covered("1", "/c"));
        assert!(!scans.is_waiting("1", "/a"));
        pass(400).await;
        assert_eq!(scans.may_scan("1", GATHERS), later(600), "the server is given a moment to begin");
        pass(600).await;
        assert_eq!(scans.may_scan("1", GATHERS), MayScan::Ask);
        pass(19_000).await;
        assert_eq!(scans.goes_on("1"), Duration::from_secs(5));
        pass(4000).await;
        scans.over("1");
        assert_eq!(
            scans.may_scan("1", GATHERS),
            later(6000),
            "the server rests for half of the twenty seconds"
        );
        assert!(scans.was_scanned_lately("1") && !scans.was_scanned_lately("2"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_waited_long_ago_has_changed_again() {
        let scans = LibraryScans::default();
        scans.may_scan("1", GATHERS);
        scans.wait("1", ["/a".to_owned()].into_iter());
        scans.sent("1", &HashSet::new());
        pass(120_000).await;
        assert!(!scans.is_covered("1", "/a"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_without_a_wait_of_its_own_is_told_at_once() {
        let scans = LibraryScans::default();
        assert_eq!(scans.may_scan("1", Duration::ZERO), MayScan::Now);
        scans.sent("1", &HashSet::new());
        assert_eq!(scans.may_scan("1", Duration::ZERO), MayScan::Ask);
        scans.refuse("1");
        assert!(scans.is_refused("1"));
        pass(600_000).await;
        assert!(!scans.is_refused("1"), "it may have been a proxy");
    }

    #[tokio::test(start_paused = true)]
    async fn a_scan_that_ended_long_ago_keeps_nobody_waiting() {
        let scans = LibraryScans::default();
        scans.sent("1", &HashSet::new());
        pass(3_600_000).await;
        assert_eq!(scans.may_scan("1", GATHERS), MayScan::Ask);
        scans.over("1");
        assert_eq!(scans.may_scan("1", GATHERS), later(500), "others may come");
    }
}
