//! The rows of the queue in memory.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use autoscan_core::delivery::{Delivery, DeliveryState, Work};
use autoscan_core::history::{HourCounts, TriggerCounts};
use autoscan_core::later_look::LaterLook;
use autoscan_core::name::Name;
use autoscan_core::path::LocalPath;
use autoscan_core::ports::{
    Absorb, Batch, Bookmark, Claimed, Lease, Owner, Receipt, RefusalRecord, ScanFilter, Settled, Settlement,
};
use autoscan_core::scan::{Scan, ScanId, ScanState, StoredChange};
use autoscan_core::schedule::Schedule;
use autoscan_core::session::{KeptSession, SessionPrint};
use autoscan_core::step::Step;
use autoscan_core::storm::HeldStorm;
use autoscan_core::time::Timestamp;

use crate::rules::{self, Owners, REFUSALS_KEPT};

#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) scans: BTreeMap<ScanId, Row>,
    last_scan: i64,
    pub(super) owners: Owners,
    pub(super) refusals: VecDeque<RefusalRecord>,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) sessions: BTreeMap<SessionPrint, KeptSession>,
    pub(super) bookmarks: BTreeMap<Name, String>,
    pub(super) pauses: BTreeMap<Name, Option<Timestamp>>,
    pub(super) mounts: BTreeSet<LocalPath>,
    pub(super) later_looks: BTreeMap<LocalPath, LaterLook>,
    pub(super) storms: BTreeMap<LocalPath, HeldStorm>,
    pub(super) triggers: BTreeMap<Name, TriggerCounts>,
    pub(super) hours: BTreeMap<i64, HourCounts>,
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) scan: Scan,
    pub(super) tell: LocalPath,
    pub(super) held_until: Option<Timestamp>,
    /// [`Schedule::due_without_replacement`].
    pub(super) due_without_replacement: Option<Timestamp>,
    /// [`Schedule::counted_from`].
    pub(super) counted_from: Option<Timestamp>,
    /// The prefix for whose release it waits.
    pub(super) held_for: Option<LocalPath>,
    /// Who has a delivery.
    pub(super) leases: BTreeMap<Name, Lease>,
    /// How often a delivery was claimed.
    pub(super) lease_numbers: BTreeMap<Name, i64>,
    /// With their positions.
    pub(super) steps: BTreeMap<i64, Step>,
}

impl Row {
    /// The delivery to `target`, when this work is left for it, leased or not.
    pub(super) fn open(&self, target: &Name, work: Work) -> Option<&Delivery> {
        let left = |delivery: &&Delivery| delivery.target == *target && delivery.work() == Some(work);
        self.scan.deliveries.iter().find(left).filter(|_left| self.scan.state != ScanState::Waiting)
    }

    /// From when on this work may be done for the delivery to `target`, when nobody has a lease on it.
    pub(super) fn ready(&self, target: &Name, work: Work) -> Option<Timestamp> {
        let free = !self.leases.contains_key(target);
        self.open(target, work).filter(|_open| free).and_then(rules::ready_at)
    }

    /// Further changes of its folder come in.
    fn reschedule(&mut self, absorb: &Absorb, now: Timestamp) {
        let known = Schedule {
            due_at: self.scan.due_at,
            due_without_replacement: self.due_without_replacement,
            counted_from: self.counted_from,
        };
        let news = rules::replacement_news(absorb);
        let next = known.after(absorb.quiet, self.scan.first_seen, news, self.held_until, now);
        self.scan.due_at = next.due_at;
        (self.due_without_replacement, self.counted_from) = (next.due_without_replacement, next.counted_from);
    }

    /// Forgets what kept it back: it starts, or a person wants it now.
    pub(super) fn end_waits(&mut self) {
        (self.held_until, self.held_for) = (None, None);
        (self.due_without_replacement, self.counted_from) = (None, None);
    }

    /// Makes the delivery to `target` due now when it waits to be verified and nobody has a lease on it.
    pub(super) fn make_due(&mut self, target: &Name, now: Timestamp) -> Option<()> {
        self.ready(target, Work::Verify).filter(|ready_at| *ready_at > now)?;
        let followed =
            |delivery: &&mut Delivery| delivery.target == *target && delivery.state != DeliveryState::Missing;
        let delivery = self.scan.deliveries.iter_mut().find(followed)?;
        delivery.next_attempt_at = Some(now);
        Some(())
    }

    /// Ends the leases of those who are not kept; answers how many.
    pub(super) fn end_leases(&mut self, keeps: impl Fn(Owner) -> bool) -> usize {
        let before = self.leases.len();
        self.leases.retain(|_target, lease| keeps(lease.owner));
        before - self.leases.len()
    }

    pub(super) fn replace_deliveries(&mut self, deliveries: &[Delivery]) {
        self.scan.deliveries = rules::one_a_target(deliveries).cloned().collect();
        self.lease_numbers.clear();
    }

    /// Brings it to the state that follows from the deliveries. Answers the state in which it came to an end just now.
    pub(super) fn conclude(&mut self, now: Timestamp) -> Option<ScanState> {
        let before = std::mem::replace(&mut self.scan.state, ScanState::of(&self.scan.deliveries));
        if self.scan.state == before {
            return None;
        }
        self.scan.finished_at = (self.scan.state != ScanState::Running).then_some(now);
        self.scan.finished_at.map(|_at| self.scan.state)
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
        self.is_of_state(filter) && target && trigger && text && reason
    }

    fn is_of_state(&self, filter: &ScanFilter) -> bool {
        let Some(wanted) = filter.state else { return true };
        let is_stuck = self.is_stuck(&filter.stuck_targets);
        let counts_as = if is_stuck { ScanState::Attention } else { self.scan.state };
        counts_as == wanted
    }

    /// Whether it runs and has an open delivery of [`Work::Deliver`] to one of these targets.
    pub(super) fn is_stuck(&self, targets: &[Name]) -> bool {
        targets.iter().any(|target| self.open(target, Work::Deliver).is_some())
    }
}

impl Rows {
    fn waiting(&self) -> impl Iterator<Item = &Scan> {
        self.scans.values().map(|row| &row.scan).filter(|scan| scan.state == ScanState::Waiting)
    }

    /// What waits and is not held for a prefix.
    pub(super) fn startable(&self) -> impl Iterator<Item = &Scan> {
        let free = |row: &&Row| row.scan.state == ScanState::Waiting && row.held_for.is_none();
        self.scans.values().filter(free).map(|row| &row.scan)
    }

    fn waiting_row(&mut self, id: ScanId) -> Option<&mut Row> {
        self.scans.get_mut(&id).filter(|row| row.scan.state == ScanState::Waiting)
    }

    /// The waiting scan, when it is still as the caller saw it.
    pub(super) fn unchanged_row(&mut self, id: ScanId, generation: i64) -> Option<&mut Row> {
        self.waiting_row(id).filter(|row| row.scan.generation == generation)
    }

    pub(super) fn absorb(&mut self, batch: &Batch) -> Receipt {
        let now = batch.received_at;
        let scans = batch.folders.iter().map(|absorb| self.absorb_folder(absorb, now)).collect();
        self.absorb_later_looks(batch);
        self.refuse(batch.refusals.clone());
        if let Some(Bookmark { trigger, place }) = &batch.bookmark {
            self.bookmarks.insert(trigger.clone(), place.clone());
        }
        Receipt { scans }
    }

    fn absorb_folder(&mut self, absorb: &Absorb, now: Timestamp) -> ScanId {
        let known = self.waiting().find(|scan| scan.folder == absorb.folder).map(|scan| scan.id);
        let id = known.unwrap_or_else(|| self.add(absorb, now));
        if let Some(row) = self.scans.get_mut(&id) {
            if known.is_some() {
                row.scan.priority = row.scan.priority.max(absorb.priority);
                row.reschedule(absorb, now);
            }
            let scan = &mut row.scan;
            scan.generation += i64::try_from(absorb.changes.len()).unwrap_or(i64::MAX);
            absorb.changes.iter().for_each(|change| absorb_change(&mut scan.changes, change));
        }
        id
    }

    fn add(&mut self, absorb: &Absorb, now: Timestamp) -> ScanId {
        self.last_scan += 1;
        let id = ScanId(self.last_scan);
        let schedule = Schedule::new(absorb.quiet, rules::replacement_news(absorb), now);
        let scan = Scan {
            id,
            folder: absorb.folder.clone(),
            state: ScanState::Waiting,
            priority: absorb.priority,
            first_seen: now,
            due_at: schedule.due_at,
            generation: 0,
            finished_at: None,
            note: None,
            changes: Vec::new(),
            deliveries: Vec::new(),
        };
        let tell = absorb.folder.clone();
        let row = Row {
            scan,
            tell,
            held_until: None,
            due_without_replacement: schedule.due_without_replacement,
            counted_from: schedule.counted_from,
            held_for: None,
            leases: BTreeMap::new(),
            lease_numbers: BTreeMap::new(),
            steps: BTreeMap::new(),
        };
        self.scans.insert(id, row);
        id
    }

    fn refuse(&mut self, refusals: Vec<RefusalRecord>) {
        self.refusals.extend(refusals);
        let old = self.refusals.len().saturating_sub(REFUSALS_KEPT);
        self.refusals.drain(..old);
    }

    pub(super) fn claimable(&self, target: &Name, work: Work, now: Timestamp) -> Vec<ScanId> {
        let ready = |row: &Row| {
            let ready_at = row.ready(target, work).filter(|ready_at| *ready_at <= now)?;
            let priority = match work {
                Work::Deliver => row.scan.priority,
                Work::Verify => 0,
            };
            // What was told just now goes before what is missing for long.
            let is_missing = row.open(target, work)?.state == DeliveryState::Missing;
            Some((Reverse(priority), is_missing, ready_at, row.scan.id))
        };
        let mut found: Vec<_> = self.scans.values().filter_map(ready).collect();
        found.sort_unstable();
        found.into_iter().map(|(_, _, _, id)| id).collect()
    }

    pub(super) fn claim(&mut self, owner: Owner, id: ScanId, target: &Name, work: Work) -> Option<Claimed> {
        let row = self.scans.get_mut(&id)?;
        let delivery = row.open(target, work)?.clone();
        let number = row.lease_numbers.entry(target.clone()).or_default();
        *number += 1;
        let lease = Lease { owner, number: *number };
        row.leases.insert(target.clone(), lease);
        Some(Claimed {
            lease,
            scan: id,
            folder: row.tell.clone(),
            scan_folder: row.scan.folder.clone(),
            first_seen: row.scan.first_seen,
            changes: row.scan.changes.clone(),
            delivery,
        })
    }

    pub(super) fn settle(&mut self, settlement: Settlement, now: Timestamp, settled: &mut Settled) {
        let Settlement { lease, scan, delivery, steps } = settlement;
        let leased = |row: &&mut Row| row.leases.get(&delivery.target) == Some(&lease);
        let Some(row) = self.scans.get_mut(&scan).filter(leased) else {
            settled.late.push((scan, delivery.target));
            return;
        };
        row.leases.remove(&delivery.target);
        row.keep_steps(&steps);
        let known = row.scan.deliveries.iter_mut().find(|known| known.target == delivery.target);
        if let Some(known) = known {
            *known = delivery;
        }
        settled.finished.extend(row.conclude(now).map(|state| (scan, state)));
    }

    pub(super) fn retry(&mut self, id: ScanId, now: Timestamp) -> Option<Scan> {
        let row = self.scans.get_mut(&id)?;
        if row.scan.state == ScanState::Waiting {
            row.end_waits();
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
