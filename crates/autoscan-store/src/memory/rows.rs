//! The rows of the queue in memory.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

use autoscan_core::delivery::{Delivery, Work};
use autoscan_core::name::Name;
use autoscan_core::path::LocalPath;
use autoscan_core::ports::{Absorb, Claimed, RefusalRecord, ScanFilter, Settlement};
use autoscan_core::scan::{Scan, ScanId, ScanState, StoredChange};
use autoscan_core::session::{KeptSession, SessionPrint};
use autoscan_core::step::Step;
use autoscan_core::time::Timestamp;

use crate::rules::{self, REFUSALS_KEPT};

#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) scans: BTreeMap<ScanId, Row>,
    last_scan: i64,
    pub(super) refusals: VecDeque<RefusalRecord>,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) sessions: BTreeMap<SessionPrint, KeptSession>,
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) scan: Scan,
    pub(super) tell: LocalPath,
    pub(super) held_until: Option<Timestamp>,
    /// When the lease of a delivery ends.
    pub(super) leases: BTreeMap<Name, Timestamp>,
    /// With their positions.
    pub(super) steps: BTreeMap<i64, Step>,
}

impl Row {
    /// From when on this work may be done for the delivery to `target`, with the delivery.
    pub(super) fn ready(&self, target: &Name, work: Work) -> Option<(Timestamp, &Delivery)> {
        if self.scan.state != ScanState::Running {
            return None;
        }
        let left = |delivery: &&Delivery| delivery.target == *target && delivery.work() == Some(work);
        let delivery = self.scan.deliveries.iter().find(left)?;
        let ready_at = self.leases.get(target).copied().or_else(|| rules::ready_at(delivery))?;
        Some((ready_at, delivery))
    }

    /// Makes the delivery to `target` due now when it waits to be followed and nobody holds it.
    pub(super) fn hurry(&mut self, target: &Name, now: Timestamp) -> Option<()> {
        let (ready_at, _) = self.ready(target, Work::Verify)?;
        if ready_at <= now || self.leases.contains_key(target) {
            return None;
        }
        let delivery = self.scan.deliveries.iter_mut().find(|delivery| delivery.target == *target)?;
        delivery.next_attempt_at = Some(now);
        Some(())
    }

    pub(super) fn replace_deliveries(&mut self, deliveries: &[Delivery]) {
        self.scan.deliveries = rules::one_a_target(deliveries).cloned().collect();
    }

    /// The state that follows from the deliveries.
    pub(super) fn conclude(&mut self, now: Timestamp) {
        self.scan.state = ScanState::of(&self.scan.deliveries);
        self.scan.finished_at = (self.scan.state != ScanState::Running).then_some(now);
    }

    /// Keeps steps that say something new.
    pub(super) fn keep_steps(&mut self, steps: &[Step]) {
        for step in steps {
            let before = self.steps.values().rev().find(|known| known.target == step.target);
            if before.is_some_and(|before| rules::says_the_same(before, step)) {
                continue;
            }
            let position = self.steps.last_key_value().map_or(0, |(last, _)| last + 1);
            if let Some(old) = rules::left_out(position) {
                self.steps.remove(&old);
            }
            self.steps.insert(position, step.clone());
        }
    }

    pub(super) fn fits(&self, filter: &ScanFilter) -> bool {
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
        let reason = filter.reason.as_ref().is_none_or(|reason| {
            let reason = reason.to_ascii_lowercase();
            let holds = |error: &String| error.to_ascii_lowercase().contains(&reason);
            scan.deliveries.iter().any(|delivery| delivery.error.as_ref().is_some_and(holds))
        });
        state && target && trigger && text && reason
    }
}

impl Rows {
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Scan> {
        self.scans.values().map(|row| &row.scan).filter(|scan| scan.state == ScanState::Waiting)
    }

    pub(super) fn waiting_row(&mut self, id: ScanId) -> Option<&mut Row> {
        self.scans.get_mut(&id).filter(|row| row.scan.state == ScanState::Waiting)
    }

    pub(super) fn absorb(&mut self, absorb: &Absorb, now: Timestamp) -> ScanId {
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
        self.scans.insert(
            id,
            Row { scan, tell, held_until: None, leases: BTreeMap::new(), steps: BTreeMap::new() },
        );
        id
    }

    pub(super) fn refuse(&mut self, refusals: Vec<RefusalRecord>) {
        self.refusals.extend(refusals);
        let old = self.refusals.len().saturating_sub(REFUSALS_KEPT);
        self.refusals.drain(..old);
    }

    pub(super) fn claimable(&self, target: &Name, work: Work, now: Timestamp) -> Vec<ScanId> {
        let ready = |row: &Row| match row.ready(target, work) {
            Some((ready_at, _)) if ready_at <= now => Some((ready_at, row.scan.priority, row.scan.id)),
            Some(_) | None => None,
        };
        let mut found: Vec<_> = self.scans.values().filter_map(ready).collect();
        match work {
            Work::Deliver => found.sort_by_key(|(_, priority, id)| (Reverse(*priority), *id)),
            Work::Verify => found.sort_by_key(|(ready_at, _, id)| (*ready_at, *id)),
        }
        found.into_iter().map(|(_, _, id)| id).collect()
    }

    pub(super) fn claim(
        &mut self,
        id: ScanId,
        target: &Name,
        work: Work,
        until: Timestamp,
    ) -> Option<Claimed> {
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

    /// Answers the scan when it came to its end.
    pub(super) fn settle(&mut self, settlement: Settlement, now: Timestamp) -> Option<(ScanId, ScanState)> {
        let Settlement { scan, delivery, steps } = settlement;
        let row = self.scans.get_mut(&scan)?;
        row.leases.remove(&delivery.target)?;
        row.keep_steps(&steps);
        let closed = !delivery.is_open();
        let known = row.scan.deliveries.iter_mut().find(|known| known.target == delivery.target);
        if let Some(known) = known {
            *known = delivery;
        }
        if closed {
            row.conclude(now);
        }
        row.scan.finished_at.map(|_at| (scan, row.scan.state))
    }

    pub(super) fn retry(&mut self, id: ScanId, now: Timestamp) -> Option<Scan> {
        let row = self.scans.get_mut(&id)?;
        if row.scan.state == ScanState::Waiting {
            row.held_until = None;
            row.scan.due_at = row.scan.due_at.min(now);
            row.keep_steps(&[rules::retried_step(now)]);
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
            row.keep_steps(&[rules::retried_step(now)]);
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
