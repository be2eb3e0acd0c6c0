//! What the gate has seen of the scans that wait before it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use autoscan_core::path::LocalPath;
use autoscan_core::scan::ScanId;
use autoscan_core::time::{SteadyTime, Timestamp};

/// Pauses between two looks at what is not there yet: short at first, because most files are only just late.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// What was asked for by its path and is not there may still come within this time…
const COMES_WITHIN: Duration = Duration::from_secs(10);
/// … and after it servers are asked whether they list it, not more often than this.
const BETWEEN_QUESTIONS: Duration = Duration::from_secs(30);
/// What is remembered of a scan that was not looked at for this long is forgotten: it was dropped.
const FORGET_AFTER: Duration = Duration::from_hours(1);

/// What was seen of a scan's files so far.
#[derive(Debug)]
struct Watched {
    since: SteadyTime,
    looked_at: SteadyTime,
    pauses: u32,
    files: HashMap<LocalPath, SeenFile>,
    /// A person said that the mount is as it should be.
    approved: bool,
    /// What was asked for by its path and is not there was deleted.
    gone: bool,
    /// When servers were last to be asked whether they list it.
    asked_at: Option<SteadyTime>,
}

/// How a file looked, and since when it looks so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SeenFile {
    size: u64,
    changed_at: Timestamp,
    since: SteadyTime,
}

/// The scans that the gate looks at, by what it has seen of each.
#[derive(Debug, Default)]
pub(crate) struct WatchedScans(Mutex<HashMap<ScanId, Watched>>);

impl WatchedScans {
    fn lock(&self) -> MutexGuard<'_, HashMap<ScanId, Watched>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the scan is looked at; answers whether a person said that it may pass.
    pub(crate) fn begin(&self, scan: ScanId, now: SteadyTime) -> bool {
        let mut all = self.lock();
        let watched = all.entry(scan).or_insert_with(|| Watched {
            since: now,
            looked_at: now,
            pauses: 0,
            files: HashMap::new(),
            approved: false,
            gone: false,
            asked_at: None,
        });
        watched.looked_at = now;
        watched.approved
    }

    /// A person says that what the scan is held for is as it should be.
    pub(crate) fn approve(&self, scan: ScanId, now: SteadyTime) {
        self.begin(scan, now);
        if let Some(watched) = self.lock().get_mut(&scan) {
            watched.approved = true;
        }
    }

    /// What was asked for by its path and is not there was deleted.
    pub(crate) fn believe_gone(&self, scan: ScanId, now: SteadyTime) {
        self.begin(scan, now);
        if let Some(watched) = self.lock().get_mut(&scan) {
            watched.gone = true;
        }
    }

    /// Whether [`Self::believe_gone`] was said of the scan.
    pub(crate) fn is_believed_gone(&self, scan: ScanId) -> bool {
        self.lock().get(&scan).is_some_and(|watched| watched.gone)
    }

    /// Whether servers may be asked now for what was asked for by its path and is not there. A yes is remembered.
    pub(crate) fn may_ask(&self, scan: ScanId, now: SteadyTime) -> bool {
        let mut all = self.lock();
        let Some(watched) = all.get_mut(&scan) else { return false };
        let may = now.since(watched.since) >= COMES_WITHIN
            && watched.asked_at.is_none_or(|at| now.since(at) >= BETWEEN_QUESTIONS);
        if may {
            watched.asked_at = Some(now);
        }
        may
    }

    /// For how long a file has looked like this.
    pub(crate) fn unchanged_for(
        &self,
        scan: ScanId,
        path: &LocalPath,
        size: u64,
        changed_at: Timestamp,
        now: SteadyTime,
    ) -> Duration {
        let mut all = self.lock();
        let Some(watched) = all.get_mut(&scan) else { return Duration::ZERO };
        let seen = SeenFile { size, changed_at, since: now };
        let known = watched.files.entry(path.clone()).or_insert(seen);
        if (known.size, known.changed_at) != (size, changed_at) {
            *known = seen;
        }
        now.since(known.since)
    }

    /// How long until the scan is looked at again: longer with each look.
    pub(crate) fn pause(&self, scan: ScanId) -> Duration {
        let mut all = self.lock();
        let Some(watched) = all.get_mut(&scan) else { return FIRST_PAUSE };
        watched.pauses += 1;
        FIRST_PAUSE.saturating_mul(watched.pauses).min(LONGEST_PAUSE)
    }

    /// For how long the scan has been looked at; none when it is not.
    pub(crate) fn waited(&self, scan: ScanId, now: SteadyTime) -> Option<Duration> {
        self.lock().get(&scan).map(|watched| now.since(watched.since))
    }

    /// Forgets what was seen of a scan that started or is gone.
    pub(crate) fn forget(&self, scan: ScanId) {
        self.lock().remove(&scan);
    }

    /// Forgets scans that nobody looks at any more.
    pub(crate) fn tidy(&self, now: SteadyTime) {
        self.lock().retain(|_, watched| now.since(watched.looked_at) < FORGET_AFTER);
    }
}
