//! What became of deliveries, on its way into the store: kept here until the store has it.

use std::sync::Arc;
use std::time::Duration;

use autoscan_core::delivery::Work;
use autoscan_core::ports::{Settled, Settlement, StoreError};
use autoscan_core::scan::{ScanId, ScanState};
use autoscan_core::step::StepKind;

use crate::bus::Bus;
use crate::history::History;
use crate::lane::Lane;
use crate::ports::Ports;

/// Deliveries that are kept in one transaction, so that no sender waits long behind it.
const AT_ONCE: usize = 500;

/// A result that is to be kept, and what is counted once it is.
pub(crate) struct PendingSettlement {
    pub(crate) settlement: Settlement,
    /// How long after its first change the files of the delivery were shown, when this is what happened.
    pub(crate) visible: Option<Duration>,
}

impl From<Settlement> for PendingSettlement {
    fn from(settlement: Settlement) -> Self {
        Self { settlement, visible: None }
    }
}

/// The results of one lane's deliverer or verifier.
pub(crate) struct Settler {
    ports: Arc<Ports>,
    bus: Arc<Bus>,
    history: Arc<History>,
    lane: Arc<Lane>,
    unsettled: Vec<PendingSettlement>,
}

impl Settler {
    pub(crate) fn new(ports: Arc<Ports>, bus: Arc<Bus>, history: Arc<History>, lane: Arc<Lane>) -> Self {
        Self { ports, bus, history, lane, unsettled: Vec::new() }
    }

    /// Takes a result; [`Self::flush`] keeps it.
    pub(crate) fn add(&mut self, settled: impl Into<PendingSettlement>) {
        self.unsettled.push(settled.into());
    }

    /// Brings to the store what it does not have yet. What it refuses stays here.
    pub(crate) async fn flush(&mut self) -> Result<(), StoreError> {
        while !self.unsettled.is_empty() {
            let count = self.unsettled.len().min(AT_ONCE);
            let part: Vec<Settlement> =
                self.unsettled[..count].iter().map(|settled| settled.settlement.clone()).collect();
            let Settled { finished, late } = self.ports.store.settle(part, self.ports.now()).await?;
            // What came too late was decided otherwise meanwhile: it never happened.
            let is_kept = |pending: &PendingSettlement| {
                let Settlement { scan, delivery, .. } = &pending.settlement;
                !late.iter().any(|(late, target)| late == scan && *target == delivery.target)
            };
            let kept: Vec<PendingSettlement> = self.unsettled.drain(..count).filter(is_kept).collect();
            self.count(&kept, &finished);
            self.wake(&kept);
        }
        Ok(())
    }

    fn count(&self, kept: &[PendingSettlement], finished: &[(ScanId, ScanState)]) {
        let now = self.ports.now();
        let target = &self.lane.target.name;
        self.bus.scans(
            kept.iter().map(|one| &one.settlement).filter(|one| !one.steps.is_empty()).map(|one| one.scan),
        );
        for settled in kept {
            if let Some(visible) = settled.visible {
                self.history.seen(target, visible, now);
            }
            if settled.settlement.steps.iter().any(|step| step.kind == StepKind::Missing) {
                self.history.missing(target);
            }
        }
        self.history.finished(finished, now);
    }

    /// Wakes whoever has the next work with what was kept.
    fn wake(&self, kept: &[PendingSettlement]) {
        let earliest = |work| {
            let deliveries = kept.iter().map(|settled| &settled.settlement.delivery);
            let open = deliveries.filter(|delivery| delivery.work() == Some(work));
            open.filter_map(|delivery| delivery.next_attempt_at).min()
        };
        if let Some(at) = earliest(Work::Verify) {
            self.lane.verify.wake_before(self.ports.moment_of(at));
        }
        if let Some(at) = earliest(Work::Deliver) {
            self.lane.deliver.wake_before(self.ports.moment_of(at));
        }
    }
}
