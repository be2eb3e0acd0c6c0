//! The queue as a person sees it.

use autoscan_core::delivery::{DeliveryState, Work};
use autoscan_core::name::Name;
use autoscan_core::ports::{Page, ScanFilter, Stats, StoreError};
use autoscan_core::scan::{Scan, ScanId, ScanState};

use crate::Engine;
use crate::views::{Backlog, Retried, RetryFilter, TargetView};

/// Scans that are tried again in one transaction, so that no sender waits long behind it.
const RETRIED_AT_ONCE: usize = 200;
/// How far the deliveries of a target are counted.
const COUNTED: usize = 10_000;
/// Scans that one wish looks for at most.
const RETRIED_IN_ALL: usize = 10_000;

impl Engine {
    /// One page of scans, newest first. Open deliveries of a lane that is away or paused are shown as held, with the
    /// lane's reason.
    pub async fn list(&self, filter: ScanFilter) -> Result<Page, StoreError> {
        let mut page = self.parts.store.list(filter).await?;
        let lanes = self.targets();
        for scan in &mut page.scans {
            show_lanes(scan, &lanes);
        }
        Ok(page)
    }

    /// What is left to be done for a target.
    pub async fn backlog(&self, target: &Name) -> Result<Backlog, StoreError> {
        let count = async |work| {
            let count = self.parts.store.backlog(target, work, COUNTED).await?;
            Ok((count < COUNTED).then_some(count as u64))
        };
        Ok(Backlog { to_tell: count(Work::Deliver).await?, to_follow: count(Work::Verify).await? })
    }

    /// One scan, with its lanes' states as in [`Self::list`].
    pub async fn show(&self, id: ScanId) -> Result<Option<Scan>, StoreError> {
        let mut scan = self.parts.store.show(id).await?;
        if let Some(scan) = &mut scan {
            show_lanes(scan, &self.targets());
        }
        Ok(scan)
    }

    /// Tries a scan again, now; a target that is away is probed at once. A person who retries a scan that a vanished mount holds says that it is meant.
    pub async fn retry(&self, id: ScanId) -> Result<Option<Scan>, StoreError> {
        self.gate.wave_through(id);
        let now = self.now();
        let scan = self.parts.store.retry(id, now).await?;
        self.bus.scans([id]);
        if let Some(scan) = &scan {
            self.gate.storms.release(&scan.folder);
        }
        self.alarm.ring();
        for lane in &self.lanes {
            lane.hurry(now);
        }
        Ok(scan)
    }

    /// Tries again all scans that need attention and fit, the newest first, in bounded steps.
    pub async fn retry_all(&self, filter: &RetryFilter) -> Result<Retried, StoreError> {
        let mut wanted = ScanFilter {
            state: Some(ScanState::Attention),
            target: filter.target.clone(),
            trigger: filter.trigger.clone(),
            text: filter.text.clone(),
            reason: filter.reason.clone(),
            limit: RETRIED_AT_ONCE,
            before: None,
        };
        let mut retried = Retried::default();
        let now = self.now();
        for _ in 0..RETRIED_IN_ALL / RETRIED_AT_ONCE {
            let page = self.parts.store.list(wanted.clone()).await?;
            let ids = page.scans.iter().map(|scan| scan.id).collect();
            retried.scans += self.parts.store.retry_all(ids, now).await?.len();
            retried.more = page.next.is_some();
            match page.next {
                Some(next) => wanted.before = Some(next),
                None => break,
            }
        }
        for lane in &self.lanes {
            lane.hurry(now);
        }
        Ok(retried)
    }

    /// Forgets a scan. Answers whether it was there.
    pub async fn drop_scan(&self, id: ScanId) -> Result<bool, StoreError> {
        self.gate.forget(id);
        let was_there = self.parts.store.drop_scan(id).await?;
        self.bus.scans([id]);
        Ok(was_there)
    }

    /// Counts of scans by state.
    pub async fn stats(&self) -> Result<Stats, StoreError> {
        self.parts.store.stats().await
    }
}

/// A lane that holds does not rewrite its rows: what it holds is shown so here.
pub(crate) fn show_lanes(scan: &mut Scan, lanes: &[TargetView]) {
    if scan.state != ScanState::Running {
        return;
    }
    for delivery in scan.deliveries.iter_mut().filter(|delivery| delivery.is_open()) {
        // What was told already stays sent, whatever keeps autoscan from asking for it.
        let is_told = delivery.work() == Some(Work::Verify);
        match lanes.iter().find(|lane| lane.name == delivery.target) {
            Some(lane) if lane.reason.is_some() && !is_told => {
                delivery.state = DeliveryState::Held;
                delivery.error.clone_from(&lane.reason);
                delivery.next_attempt_at = lane.until.or(delivery.next_attempt_at);
            }
            Some(_) => {}
            None => {
                delivery.state = if is_told { delivery.state } else { DeliveryState::Held };
                delivery.error =
                    Some(format!("there is no target {:?} in the config now", delivery.target.as_str()));
            }
        }
    }
}
