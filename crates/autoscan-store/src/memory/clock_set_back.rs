//! A clock that was set back, in memory.

use autoscan_core::delivery::DeliveryState;
use autoscan_core::scan::ScanState;
use autoscan_core::time::Timestamp;

use super::rows::{Row, Rows};

/// A time that may be brought to an earlier one.
trait Bring {
    /// Answers whether it lay after `now`.
    fn bring(&mut self, now: Timestamp) -> bool;
}

impl Bring for Timestamp {
    fn bring(&mut self, now: Timestamp) -> bool {
        let ahead = *self > now;
        *self = (*self).min(now);
        ahead
    }
}

impl Bring for Option<Timestamp> {
    fn bring(&mut self, now: Timestamp) -> bool {
        self.as_mut().is_some_and(|at| at.bring(now))
    }
}

impl Rows {
    pub(super) fn newest(&self) -> Option<Timestamp> {
        let scans = self.scans.values().flat_map(Row::happened);
        let refusals = self.refusals.iter().map(|refusal| refusal.received_at);
        let storms = self.storms.values().map(|storm| storm.last);
        let triggers = self.triggers.values().flat_map(|counts| {
            let last = counts.last.as_ref().map(|(at, _event)| *at);
            counts.recent.iter().map(|event| event.at).chain(last).chain(counts.lost_since)
        });
        scans.chain(refusals).chain(storms).chain(triggers).max()
    }

    pub(super) fn bring_to(&mut self, now: Timestamp) -> usize {
        for refusal in &mut self.refusals {
            refusal.received_at.bring(now);
        }
        for look in self.later_looks.values_mut() {
            look.reported_at.bring(now);
            look.next_at.bring(now);
        }
        for storm in self.storms.values_mut() {
            storm.last.bring(now);
        }
        for counts in self.triggers.values_mut() {
            if let Some((at, _event)) = &mut counts.last {
                at.bring(now);
            }
            counts.lost_since.bring(now);
            for event in &mut counts.recent {
                event.at.bring(now);
            }
        }
        self.scans.values_mut().map(|row| row.bring_to(now)).sum()
    }
}

impl Row {
    fn is_open(&self) -> bool {
        matches!(self.scan.state, ScanState::Waiting | ScanState::Running)
    }

    /// When something happened to it: of a finished scan, when it came to its end.
    fn happened(&self) -> Vec<Timestamp> {
        if !self.is_open() {
            return self.scan.finished_at.into_iter().collect();
        }
        let changes = self.scan.changes.iter().map(|change| change.received_at);
        let deliveries = self.scan.deliveries.iter();
        let deliveries = deliveries.flat_map(|delivery| delivery.sent_at.into_iter().chain(delivery.seen_at));
        let steps = self.steps.values().map(|step| step.at);
        changes.chain(deliveries).chain(steps).chain([self.scan.first_seen]).collect()
    }

    /// What is missing is looked at again now. Answers how many deliveries that are.
    fn bring_missing_to(&mut self, now: Timestamp) -> usize {
        let leases = &self.leases;
        let again = self.scan.deliveries.iter_mut().filter(|delivery| {
            delivery.state == DeliveryState::Missing && !leases.contains_key(&delivery.target)
        });
        again.filter_map(|delivery| delivery.next_attempt_at.bring(now).then_some(())).count()
    }

    /// Answers how many of it and its deliveries lay after `now`.
    fn bring_to(&mut self, now: Timestamp) -> usize {
        self.scan.finished_at.bring(now);
        if !self.is_open() {
            return self.bring_missing_to(now);
        }
        for change in &mut self.scan.changes {
            change.received_at.bring(now);
        }
        for step in self.steps.values_mut() {
            step.at.bring(now);
        }
        let scan = [
            self.scan.first_seen.bring(now),
            self.scan.due_at.bring(now),
            self.held_until.bring(now),
            self.due_without_replacement.bring(now),
            self.counted_from.bring(now),
        ];
        let deliveries = self.scan.deliveries.iter_mut().map(|delivery| {
            [delivery.next_attempt_at.bring(now), delivery.sent_at.bring(now), delivery.seen_at.bring(now)]
        });
        let ahead = deliveries.filter(|ahead| ahead.contains(&true)).count();
        ahead + usize::from(scan.contains(&true))
    }
}
