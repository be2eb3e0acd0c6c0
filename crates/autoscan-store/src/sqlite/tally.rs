//! What is counted instead of being looked up.

use std::sync::atomic::{AtomicI64, Ordering};

use autoscan_core::ports::Stats;
use autoscan_core::scan::{ScanId, ScanState};
use rusqlite::{Connection, Result, Row};

use super::waiting_folders::WaitingFolders;

const READ: &str = "SELECT running, done, attention, last_scan FROM tally";
const WRITE: &str = "UPDATE tally SET running = ?1, done = ?2, attention = ?3, last_scan = ?4";

/// Arrivals do not write the tally down: it would be one more page for each. What they change is counted at the start.
const LAST_SCAN: &str = "SELECT coalesce(max(id), 0) FROM scan";

/// How many scans there are in each state, and the highest number that was ever given to one. The writer alone
/// changes it: in memory with each row, on disk with a transaction that does more than take in new scans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tally {
    counts: [i64; 4],
    last_scan: i64,
    /// Whether it holds what the rows alone would not tell after a restart.
    to_be_kept: bool,
}

/// The counts as they were committed last, for whoever asks.
#[derive(Debug)]
pub(super) struct Shown([AtomicI64; 4]);

impl Shown {
    pub(super) fn new(tally: &Tally) -> Self {
        Self(tally.counts.map(AtomicI64::new))
    }

    pub(super) fn set(&self, tally: &Tally) {
        for (shown, count) in self.0.iter().zip(tally.counts) {
            shown.store(count, Ordering::Relaxed);
        }
    }

    /// The counts.
    pub(super) fn stats(&self) -> Stats {
        let count = |at: usize| u64::try_from(self.0[at].load(Ordering::Relaxed)).unwrap_or_default();
        Stats { waiting: count(0), running: count(1), done: count(2), attention: count(3) }
    }
}

impl Tally {
    /// As it was committed last.
    pub(super) fn read(conn: &Connection, waiting: &WaitingFolders) -> Result<Self> {
        let row = |row: &Row<'_>| Ok(([0, row.get(0)?, row.get(1)?, row.get(2)?], row.get(3)?));
        let one = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0));
        let (mut counts, last_scan): ([i64; 4], i64) = conn.query_row(READ, [], row)?;
        counts[0] = super::rows::rows(waiting.len());
        Ok(Self { counts, last_scan: last_scan.max(one(LAST_SCAN)?), to_be_kept: false })
    }

    /// Part of the running transaction, where it is needed.
    pub(super) fn keep(&mut self, conn: &Connection) -> Result<()> {
        if std::mem::take(&mut self.to_be_kept) {
            let [_, running, done, attention] = self.counts;
            conn.prepare_cached(WRITE)?.execute((running, done, attention, self.last_scan))?;
        }
        Ok(())
    }

    /// The number of the next scan.
    pub(super) fn next_scan(&self) -> ScanId {
        ScanId(self.last_scan + 1)
    }

    /// The next scan is there now, and waits.
    pub(super) fn born(&mut self, id: ScanId) {
        self.last_scan = id.0;
        *self.count(ScanState::Waiting) += 1;
    }

    /// A scan has another state now.
    pub(super) fn became(&mut self, before: ScanState, now: ScanState) {
        *self.count(before) -= 1;
        *self.count(now) += 1;
        self.to_be_kept = true;
    }

    /// A scan was deleted.
    pub(super) fn gone(&mut self, state: ScanState) {
        *self.count(state) -= 1;
        self.to_be_kept = true;
    }

    fn count(&mut self, state: ScanState) -> &mut i64 {
        match state {
            ScanState::Waiting => &mut self.counts[0],
            ScanState::Running => &mut self.counts[1],
            ScanState::Done => &mut self.counts[2],
            ScanState::Attention => &mut self.counts[3],
        }
    }
}
