//! The queue in memory, for tests of what uses a queue: the same laws, no threads, every answer at once, and nothing
//! durability.

mod clock_set_back;
mod later_looks;
mod remedies;
mod rows;
mod session;

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::delivery::Work;
use autoscan_core::history::{HourCounts, TriggerCounts};
use autoscan_core::name::Name;
use autoscan_core::path::LocalPath;
use autoscan_core::ports::{
    Batch, Claimed, Clock, Hold, HoldUntil, Owner, Page, Receipt, RefusalRecord, ScanFilter, Settled,
    Settlement, Start, Stats, Store, StoreError,
};
use autoscan_core::scan::{Scan, ScanId, ScanState};
use autoscan_core::step::Step;
use autoscan_core::storm::HeldStorm;
use autoscan_core::time::Timestamp;

use self::rows::{Row, Rows};
use crate::rules::{self, LOOKED_AT_PER_PAGE};

/// The queue in memory.
pub struct MemoryStore {
    rows: Mutex<Rows>,
    clock: Arc<dyn Clock>,
}

impl MemoryStore {
    /// An empty queue. `clock` is the store's own time, by which it judges whether an owner of leases lives.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { rows: Mutex::default(), clock }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn absorb(&self, batch: Arc<Batch>) -> Result<Receipt, StoreError> {
        rules::check_paths(&batch)?;
        Ok(self.rows().absorb(&batch))
    }

    async fn due(&self, now: Timestamp, limit: usize, in_hand: Vec<ScanId>) -> Result<Vec<Scan>, StoreError> {
        let rows = self.rows();
        let wanted = |scan: &&Scan| scan.due_at <= now && !in_hand.contains(&scan.id);
        let mut due: Vec<&Scan> = rows.startable().filter(wanted).collect();
        due.sort_by_key(|scan| (Reverse(scan.priority), scan.due_at, scan.id));
        Ok(due.into_iter().take(limit).cloned().collect())
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.rows().startable().map(|scan| scan.due_at).min())
    }

    async fn hold(&self, holds: Vec<Hold>) -> Result<(), StoreError> {
        let mut rows = self.rows();
        for hold in holds {
            let Some(row) = rows.unchanged_row(hold.scan, hold.generation) else { continue };
            match hold.until {
                HoldUntil::Time(until) => {
                    (row.held_until, row.held_for) = (Some(until), None);
                    row.scan.due_at = row.scan.due_at.max(until);
                }
                HoldUntil::Released(prefix) => (row.held_until, row.held_for) = (None, Some(prefix)),
            }
            row.scan.note = hold.note;
            row.replace_deliveries(&hold.deliveries);
            row.keep_steps(&hold.steps);
        }
        Ok(())
    }

    async fn held_prefixes(&self) -> Result<Vec<LocalPath>, StoreError> {
        let rows = self.rows();
        let prefixes: BTreeSet<_> = rows.scans.values().filter_map(|row| row.held_for.clone()).collect();
        Ok(prefixes.into_iter().collect())
    }

    async fn release(&self, prefix: &LocalPath, now: Timestamp) -> Result<usize, StoreError> {
        let mut rows = self.rows();
        let held = rows.scans.values_mut().filter(|row| row.held_for.as_ref() == Some(prefix));
        Ok(held
            .map(|row| {
                row.held_for = None;
                row.scan.due_at = row.scan.due_at.max(now);
            })
            .count())
    }

    async fn start(&self, starts: Vec<Start>, now: Timestamp) -> Result<Vec<ScanId>, StoreError> {
        let mut rows = self.rows();
        let mut started = Vec::new();
        for start in starts {
            let Some(row) = rows.unchanged_row(start.scan, start.generation) else { continue };
            row.end_waits();
            row.tell = start.tell;
            row.scan.note = start.note;
            row.replace_deliveries(&start.deliveries);
            row.keep_steps(&start.steps);
            row.conclude(now);
            started.push(start.scan);
        }
        Ok(started)
    }

    async fn reroute(
        &self,
        id: ScanId,
        generation: i64,
        batch: Batch,
    ) -> Result<Option<Receipt>, StoreError> {
        rules::check_paths(&batch)?;
        let mut rows = self.rows();
        if rows.scans.get(&id).is_none_or(|row| row.scan.generation != generation) {
            return Ok(None);
        }
        rows.scans.remove(&id);
        Ok(Some(rows.absorb(&batch)))
    }

    async fn claim(
        &self,
        owner: Owner,
        target: &Name,
        work: Work,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        let mut rows = self.rows();
        let claimable = rows.claimable(target, work, now).into_iter().take(limit);
        Ok(claimable.filter_map(|id| rows.claim(owner, id, target, work)).collect())
    }

    async fn next_attempt(&self, target: &Name, work: Work) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.rows().scans.values().filter_map(|row| row.ready(target, work)).min())
    }

    async fn backlog(&self, target: &Name, work: Work, most: usize) -> Result<usize, StoreError> {
        let rows = self.rows();
        let open = rows.scans.values().filter_map(|row| row.open(target, work));
        Ok(open.filter(|delivery| delivery.is_open()).take(most).count())
    }

    async fn count_stuck(&self, targets: &[Name], most: usize) -> Result<usize, StoreError> {
        Ok(self.rows().scans.values().filter(|row| row.is_stuck(targets)).take(most).count())
    }

    async fn make_due(&self, target: &Name, now: Timestamp) -> Result<usize, StoreError> {
        Ok(self.rows().scans.values_mut().filter_map(|row| row.make_due(target, now)).count())
    }

    async fn settle(&self, settlements: Vec<Settlement>, now: Timestamp) -> Result<Settled, StoreError> {
        let mut rows = self.rows();
        let mut settled = Settled::default();
        for settlement in settlements {
            rows.settle(settlement, now, &mut settled);
        }
        Ok(settled)
    }

    async fn heartbeat(&self, owner: Owner, lasts: Duration) -> Result<usize, StoreError> {
        let mut rows = self.rows();
        let live = rows.owners.heard(owner, self.clock.steady(), lasts);
        Ok(rows.scans.values_mut().map(|row| row.end_leases(|owner| live.contains(&owner))).sum())
    }

    async fn retire(&self, owner: Owner) -> Result<usize, StoreError> {
        let mut rows = self.rows();
        rows.owners.retire(owner);
        Ok(rows.scans.values_mut().map(|row| row.end_leases(|known| known != owner)).sum())
    }

    async fn newest(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.rows().newest())
    }

    async fn bring_to(&self, now: Timestamp) -> Result<usize, StoreError> {
        Ok(self.rows().bring_to(now))
    }

    async fn list(&self, filter: ScanFilter) -> Result<Page, StoreError> {
        let rows = self.rows();
        let before = filter.before.unwrap_or(ScanId(i64::MAX));
        let of_state = |row: &&Row| rules::may_be_of_state(&filter, row.scan.state);
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

    async fn bookmark(&self, trigger: &Name) -> Result<Option<String>, StoreError> {
        Ok(self.rows().bookmarks.get(trigger).cloned())
    }

    async fn pauses(&self) -> Result<Vec<(Name, Option<Timestamp>)>, StoreError> {
        Ok(self.rows().pauses.clone().into_iter().collect())
    }

    async fn pause(&self, targets: Vec<Name>, until: Option<Timestamp>) -> Result<(), StoreError> {
        self.rows().pauses.extend(targets.into_iter().map(|target| (target, until)));
        Ok(())
    }

    async fn resume(&self, targets: Vec<Name>) -> Result<(), StoreError> {
        self.rows().pauses.retain(|target, _until| !targets.contains(target));
        Ok(())
    }

    async fn mounts(&self) -> Result<Vec<LocalPath>, StoreError> {
        Ok(self.rows().mounts.iter().cloned().collect())
    }

    async fn change_mounts(&self, seen: Vec<LocalPath>, gone: Vec<LocalPath>) -> Result<(), StoreError> {
        let mounts = &mut self.rows().mounts;
        mounts.retain(|mount| !gone.contains(mount));
        mounts.extend(seen);
        Ok(())
    }

    async fn storms(&self) -> Result<Vec<HeldStorm>, StoreError> {
        Ok(self.rows().storms.values().cloned().collect())
    }

    async fn change_storms(&self, held: Vec<HeldStorm>, over: Vec<LocalPath>) -> Result<(), StoreError> {
        let storms = &mut self.rows().storms;
        storms.retain(|prefix, _storm| !over.contains(prefix));
        storms.extend(held.into_iter().map(|storm| (storm.prefix.clone(), storm)));
        Ok(())
    }

    async fn trigger_counts(&self) -> Result<Vec<TriggerCounts>, StoreError> {
        Ok(self.rows().triggers.values().cloned().collect())
    }

    async fn add_trigger_counts(&self, more: Vec<TriggerCounts>) -> Result<(), StoreError> {
        let mut rows = self.rows();
        for more in more {
            let none = || rules::no_counts(more.trigger.clone());
            let known = rows.triggers.entry(more.trigger.clone()).or_insert_with(none);
            rules::add_trigger_counts(known, more);
        }
        Ok(())
    }

    async fn hours(&self, from: i64) -> Result<Vec<HourCounts>, StoreError> {
        Ok(self.rows().hours.range(from..).map(|(_hour, counts)| counts.clone()).collect())
    }

    async fn add_hours(&self, more: Vec<HourCounts>, from: i64) -> Result<(), StoreError> {
        let hours = &mut self.rows().hours;
        for more in more {
            let nothing = || HourCounts { hour: more.hour, ..HourCounts::default() };
            hours.entry(more.hour).or_insert_with(nothing).add(&more);
        }
        hours.retain(|hour, _counts| *hour >= from);
        Ok(())
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
