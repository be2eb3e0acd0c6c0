//! What is counted instead of being looked up.

use autoscan_core::ports::Stats;
use autoscan_core::scan::{ScanId, ScanState};
use rusqlite::{Connection, Result, Row};

const READ: &str = "SELECT waiting, running, done, attention, last_scan FROM tally";
const WRITE: &str = "UPDATE tally SET waiting = ?1, running = ?2, done = ?3, attention = ?4, last_scan = ?5";

/// How many scans there are in each state, and the highest number that was ever given to one. The writer alone
/// changes it: in memory with each row, on disk once a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tally {
    counts: [i64; 4],
    last_scan: i64,
}

impl Tally {
    /// As it was committed last.
    pub(super) fn read(conn: &Connection) -> Result<Self> {
        let row = |row: &Row<'_>| {
            Ok(Self { counts: [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?], last_scan: row.get(4)? })
        };
        conn.prepare_cached(READ)?.query_row([], row)
    }

    /// Part of the running transaction.
    pub(super) fn write(&self, conn: &Connection) -> Result<()> {
        let [waiting, running, done, attention] = self.counts;
        conn.prepare_cached(WRITE)?.execute((waiting, running, done, attention, self.last_scan))?;
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
    }

    /// A scan was deleted.
    pub(super) fn gone(&mut self, state: ScanState) {
        *self.count(state) -= 1;
    }

    /// The counts, to show.
    pub(super) fn stats(&self) -> Stats {
        let [waiting, running, done, attention] =
            self.counts.map(|count| u64::try_from(count).unwrap_or_default());
        Stats { waiting, running, attention, done }
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
