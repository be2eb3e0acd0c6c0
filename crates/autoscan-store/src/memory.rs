//! The queue in memory, for tests of what uses a queue: the same laws, no threads, every answer at once, and nothing
//! survives.

mod rows;
mod session;

use std::cmp::Reverse;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::delivery::Work;
use autoscan_core::name::Name;
use autoscan_core::ports::{
    Batch, Claimed, Hold, Page, Receipt, RefusalRecord, ScanFilter, Settlement, Start, Stats, Store,
    StoreError,
};
use autoscan_core::scan::{Scan, ScanId, ScanState};
use autoscan_core::step::Step;
use autoscan_core::time::Timestamp;

use self::rows::{Row, Rows};
use crate::rules::{self, LOOKED_AT_PER_PAGE};

/// The queue in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    rows: Mutex<Rows>,
}

impl MemoryStore {
    /// An empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn absorb(&self, batch: Batch) -> Result<Receipt, StoreError> {
        rules::check_paths(&batch)?;
        let mut rows = self.rows();
        let scans = batch.folders.iter().map(|absorb| rows.absorb(absorb, batch.received_at)).collect();
        rows.refuse(batch.refusals);
        Ok(Receipt { scans })
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Scan>, StoreError> {
        let rows = self.rows();
        let mut due: Vec<&Scan> = rows.waiting().filter(|scan| scan.due_at <= now).collect();
        due.sort_by_key(|scan| (Reverse(scan.priority), scan.due_at, scan.id));
        Ok(due.into_iter().take(limit).cloned().collect())
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.rows().waiting().map(|scan| scan.due_at).min())
    }

    async fn hold(&self, holds: Vec<Hold>) -> Result<(), StoreError> {
        let mut rows = self.rows();
        for hold in holds {
            let Some(row) = rows.waiting_row(hold.scan) else { continue };
            row.held_until = Some(hold.until);
            row.scan.due_at = row.scan.due_at.max(hold.until);
            row.scan.note = hold.note;
            row.replace_deliveries(&hold.deliveries);
            row.keep_steps(&hold.steps);
        }
        Ok(())
    }

    async fn start(&self, starts: Vec<Start>, now: Timestamp) -> Result<Vec<ScanId>, StoreError> {
        let mut rows = self.rows();
        let mut started = Vec::new();
        for start in starts {
            let row = rows.waiting_row(start.scan).filter(|row| row.scan.generation == start.generation);
            let Some(row) = row else { continue };
            row.tell = start.tell;
            row.scan.note = start.note;
            row.replace_deliveries(&start.deliveries);
            row.keep_steps(&start.steps);
            row.conclude(now);
            started.push(start.scan);
        }
        Ok(started)
    }

    async fn claim(
        &self,
        target: &Name,
        work: Work,
        now: Timestamp,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        let mut rows = self.rows();
        let claimable = rows.claimable(target, work, now).into_iter().take(limit);
        Ok(claimable.filter_map(|id| rows.claim(id, target, work, now + lease)).collect())
    }

    async fn next_attempt(&self, target: &Name, work: Work) -> Result<Option<Timestamp>, StoreError> {
        let rows = self.rows();
        Ok(rows.scans.values().filter_map(|row| row.ready(target, work)).map(|(ready_at, _)| ready_at).min())
    }

    async fn backlog(&self, target: &Name, work: Work, most: usize) -> Result<usize, StoreError> {
        Ok(self.rows().scans.values().filter_map(|row| row.ready(target, work)).take(most).count())
    }

    async fn hurry(&self, target: &Name, now: Timestamp) -> Result<usize, StoreError> {
        Ok(self.rows().scans.values_mut().filter_map(|row| row.hurry(target, now)).count())
    }

    async fn settle(
        &self,
        settlements: Vec<Settlement>,
        now: Timestamp,
    ) -> Result<Vec<(ScanId, ScanState)>, StoreError> {
        let mut rows = self.rows();
        Ok(settlements.into_iter().filter_map(|settlement| rows.settle(settlement, now)).collect())
    }

    async fn recover(&self) -> Result<(), StoreError> {
        self.rows().scans.values_mut().for_each(|row| row.leases.clear());
        Ok(())
    }

    async fn list(&self, filter: ScanFilter) -> Result<Page, StoreError> {
        let rows = self.rows();
        let before = filter.before.unwrap_or(ScanId(i64::MAX));
        let of_state = |row: &&Row| filter.state.is_none_or(|state| row.scan.state == state);
        let mut page = Page::default();
        let mut last = None;
        for (looked_at, row) in
            rows.scans.range(..before).rev().map(|(_, row)| row).filter(of_state).enumerate()
        {
            if page.scans.len() >= filter.limit || looked_at >= LOOKED_AT_PER_PAGE {
                page.next = last;
                break;
            }
            last = Some(row.scan.id);
            if row.fits(&filter) {
                page.scans.push(row.scan.clone());
            }
        }
        Ok(page)
    }

    async fn show(&self, id: ScanId) -> Result<Option<Scan>, StoreError> {
        Ok(self.rows().scans.get(&id).map(|row| row.scan.clone()))
    }

    async fn retry(&self, id: ScanId, now: Timestamp) -> Result<Option<Scan>, StoreError> {
        Ok(self.rows().retry(id, now))
    }

    async fn retry_all(&self, ids: Vec<ScanId>, now: Timestamp) -> Result<Vec<ScanId>, StoreError> {
        let mut rows = self.rows();
        Ok(ids.into_iter().filter(|id| rows.retry(*id, now).is_some()).collect())
    }

    async fn steps(&self, id: ScanId) -> Result<Vec<Step>, StoreError> {
        let rows = self.rows();
        let steps = rows.scans.get(&id).map(|row| row.steps.clone()).unwrap_or_default();
        Ok(rules::with_gap(steps))
    }

    async fn drop_scan(&self, id: ScanId) -> Result<bool, StoreError> {
        Ok(self.rows().scans.remove(&id).is_some())
    }

    async fn stats(&self) -> Result<Stats, StoreError> {
        let mut stats = Stats::default();
        for row in self.rows().scans.values() {
            let count = match row.scan.state {
                ScanState::Waiting => &mut stats.waiting,
                ScanState::Running => &mut stats.running,
                ScanState::Done => &mut stats.done,
                ScanState::Attention => &mut stats.attention,
            };
            *count += 1;
        }
        Ok(stats)
    }

    async fn refusals(&self, limit: usize) -> Result<Vec<RefusalRecord>, StoreError> {
        Ok(self.rows().refusals.iter().rev().take(limit).cloned().collect())
    }

    async fn setting(&self, key: &str) -> Result<Option<String>, StoreError> {
        Ok(self.rows().settings.get(key).cloned())
    }

    async fn set_setting(&self, key: &str, value: Option<String>) -> Result<(), StoreError> {
        let mut rows = self.rows();
        match value {
            Some(value) => rows.settings.insert(key.to_owned(), value),
            None => rows.settings.remove(key),
        };
        Ok(())
    }

    async fn sweep(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let mut rows = self.rows();
        let finished = |row: &Row| row.scan.finished_at.filter(|at| *at < before).map(|at| (at, row.scan.id));
        let mut old: Vec<_> = rows.scans.values().filter_map(finished).collect();
        old.sort_unstable();
        old.truncate(limit);
        for (_, id) in &old {
            rows.scans.remove(id);
        }
        Ok(old.len())
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
