//! The queue in memory, for tests of what uses a queue: the same laws, no threads, every answer at once, and nothing
//! survives.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::delivery::{Delivery, Work};
use autoscan_core::name::Name;
use autoscan_core::path::LocalPath;
use autoscan_core::ports::{
    Absorb, Batch, Claimed, Hold, Page, Receipt, RefusalRecord, ScanFilter, Settlement, Start, Stats, Store,
    StoreError,
};
use autoscan_core::scan::{Scan, ScanId, ScanState, StoredChange};
use autoscan_core::time::Timestamp;

use crate::rules::{self, LOOKED_AT_PER_PAGE, REFUSALS_KEPT};

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

#[derive(Debug, Default)]
struct Rows {
    scans: BTreeMap<ScanId, Row>,
    last_scan: i64,
    refusals: VecDeque<RefusalRecord>,
    settings: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Row {
    scan: Scan,
    tell: LocalPath,
    held_until: Option<Timestamp>,
    /// When the lease of a delivery ends.
    leases: BTreeMap<Name, Timestamp>,
}

impl Row {
    /// From when on this work may be done for the delivery to `target`, with the delivery.
    fn ready(&self, target: &Name, work: Work) -> Option<(Timestamp, &Delivery)> {
        if self.scan.state != ScanState::Running {
            return None;
        }
        let left = |delivery: &&Delivery| delivery.target == *target && delivery.work() == Some(work);
        let delivery = self.scan.deliveries.iter().find(left)?;
        let ready_at = self.leases.get(target).copied().or_else(|| rules::ready_at(delivery))?;
        Some((ready_at, delivery))
    }

    /// Makes the delivery to `target` due now when it waits to be followed and nobody holds it.
    fn hurry(&mut self, target: &Name, now: Timestamp) -> Option<()> {
        let (ready_at, _) = self.ready(target, Work::Follow)?;
        if ready_at <= now || self.leases.contains_key(target) {
            return None;
        }
        let delivery = self.scan.deliveries.iter_mut().find(|delivery| delivery.target == *target)?;
        delivery.next_attempt_at = Some(now);
        Some(())
    }

    fn replace_deliveries(&mut self, deliveries: &[Delivery]) {
        self.scan.deliveries = rules::one_a_target(deliveries).cloned().collect();
    }

    /// The state that follows from the deliveries.
    fn conclude(&mut self, now: Timestamp) {
        self.scan.state = ScanState::of(&self.scan.deliveries);
        self.scan.finished_at = (self.scan.state != ScanState::Running).then_some(now);
    }

    fn fits(&self, filter: &ScanFilter) -> bool {
        let scan = &self.scan;
        let state = filter.state.is_none_or(|state| scan.state == state);
        let target =
            filter.target.as_ref().is_none_or(|target| scan.deliveries.iter().any(|d| d.target == *target));
        let trigger =
            filter.trigger.as_ref().is_none_or(|trigger| scan.changes.iter().any(|c| c.trigger == *trigger));
        let text = filter.text.as_ref().is_none_or(|text| {
            let text = text.to_ascii_lowercase();
            let holds = |path: &LocalPath| path.as_str().to_ascii_lowercase().contains(&text);
            holds(&scan.folder) || scan.changes.iter().any(|kept| holds(&kept.change.path))
        });
        state && target && trigger && text
    }
}

impl Rows {
    fn waiting(&self) -> impl Iterator<Item = &Scan> {
        self.scans.values().map(|row| &row.scan).filter(|scan| scan.state == ScanState::Waiting)
    }

    fn waiting_row(&mut self, id: ScanId) -> Option<&mut Row> {
        self.scans.get_mut(&id).filter(|row| row.scan.state == ScanState::Waiting)
    }

    fn absorb(&mut self, absorb: &Absorb, now: Timestamp) -> ScanId {
        let known = self.waiting().find(|scan| scan.folder == absorb.folder).map(|scan| scan.id);
        let id = known.unwrap_or_else(|| self.add(absorb, now));
        if let Some(row) = self.scans.get_mut(&id) {
            let scan = &mut row.scan;
            if known.is_some() {
                scan.priority = scan.priority.max(absorb.priority);
                scan.due_at = rules::due(absorb.quiet, scan.first_seen, scan.due_at, row.held_until, now);
            }
            scan.generation += i64::try_from(absorb.changes.len()).unwrap_or(i64::MAX);
            absorb.changes.iter().for_each(|change| absorb_change(&mut scan.changes, change));
        }
        id
    }

    fn add(&mut self, absorb: &Absorb, now: Timestamp) -> ScanId {
        self.last_scan += 1;
        let id = ScanId(self.last_scan);
        let scan = Scan {
            id,
            folder: absorb.folder.clone(),
            state: ScanState::Waiting,
            priority: absorb.priority,
            first_seen: now,
            due_at: absorb.quiet.due(now, None, now),
            generation: 0,
            finished_at: None,
            note: None,
            changes: Vec::new(),
            deliveries: Vec::new(),
        };
        let tell = absorb.folder.clone();
        self.scans.insert(id, Row { scan, tell, held_until: None, leases: BTreeMap::new() });
        id
    }

    fn refuse(&mut self, refusals: Vec<RefusalRecord>) {
        self.refusals.extend(refusals);
        let old = self.refusals.len().saturating_sub(REFUSALS_KEPT);
        self.refusals.drain(..old);
    }

    fn claimable(&self, target: &Name, work: Work, now: Timestamp) -> Vec<ScanId> {
        let ready = |row: &Row| match row.ready(target, work) {
            Some((ready_at, _)) if ready_at <= now => Some((ready_at, row.scan.priority, row.scan.id)),
            Some(_) | None => None,
        };
        let mut found: Vec<_> = self.scans.values().filter_map(ready).collect();
        match work {
            Work::Tell => found.sort_by_key(|(_, priority, id)| (Reverse(*priority), *id)),
            Work::Follow => found.sort_by_key(|(ready_at, _, id)| (*ready_at, *id)),
        }
        found.into_iter().map(|(_, _, id)| id).collect()
    }

    fn claim(&mut self, id: ScanId, target: &Name, work: Work, until: Timestamp) -> Option<Claimed> {
        let row = self.scans.get_mut(&id)?;
        row.leases.insert(target.clone(), until);
        let (_, delivery) = row.ready(target, work)?;
        Some(Claimed {
            scan: id,
            folder: row.tell.clone(),
            first_seen: row.scan.first_seen,
            changes: row.scan.changes.clone(),
            delivery: delivery.clone(),
        })
    }

    fn settle(&mut self, Settlement { scan, delivery }: Settlement, now: Timestamp) {
        let Some(row) = self.scans.get_mut(&scan) else { return };
        if row.leases.remove(&delivery.target).is_none() {
            return;
        }
        let closed = !delivery.is_open();
        let known = row.scan.deliveries.iter_mut().find(|known| known.target == delivery.target);
        if let Some(known) = known {
            *known = delivery;
        }
        if closed {
            row.conclude(now);
        }
    }

    fn retry(&mut self, id: ScanId, now: Timestamp) -> Option<Scan> {
        let row = self.scans.get_mut(&id)?;
        if row.scan.state == ScanState::Waiting {
            row.held_until = None;
            row.scan.due_at = row.scan.due_at.min(now);
            return Some(row.scan.clone());
        }
        let mut runs = false;
        for known in &mut row.scan.deliveries {
            if let Some(again) = rules::retried(known, now) {
                row.leases.remove(&again.target);
                *known = again;
                runs = true;
            }
        }
        if runs {
            row.conclude(now);
        }
        Some(row.scan.clone())
    }
}

fn absorb_change(changes: &mut Vec<StoredChange>, later: &StoredChange) {
    match changes.iter_mut().find(|known| known.change.path == later.change.path) {
        Some(known) => *known = rules::merged(known.clone(), later),
        None => changes.push(later.clone()),
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

    async fn hurry(&self, target: &Name, now: Timestamp) -> Result<usize, StoreError> {
        Ok(self.rows().scans.values_mut().filter_map(|row| row.hurry(target, now)).count())
    }

    async fn settle(&self, settlements: Vec<Settlement>, now: Timestamp) -> Result<(), StoreError> {
        let mut rows = self.rows();
        for settlement in settlements {
            rows.settle(settlement, now);
        }
        Ok(())
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
