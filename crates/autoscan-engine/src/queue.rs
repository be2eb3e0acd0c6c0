//! The queue as a person sees it.

use autoscan_core::delivery::{DeliveryState, Work};
use autoscan_core::name::Name;
use autoscan_core::ports::{Page, ScanFilter, Stats, StoreError};
use autoscan_core::scan::{Scan, ScanId, ScanState};
use tracing::info;

use crate::engine::Engine;
use crate::lane::LaneState;
use crate::views::{Backlog, Retried, RetryFilter, TargetView};

/// Scans that are tried again in one transaction, so that no sender waits long behind it.
const RETRIED_AT_ONCE: usize = 200;
/// How far the deliveries of a target are counted.
const COUNTED: usize = 10_000;
/// The word of a lane whose server rejected our key.
const MISCONFIGURED: &str = "misconfigured";
/// Scans that one wish looks for at most.
const RETRIED_IN_ALL: usize = 10_000;

impl Engine {
    /// One page of scans, newest first. Open deliveries of a lane that is away or paused are shown as held, with the
    /// lane's reason.
    pub async fn list(&self, filter: ScanFilter) -> Result<Page, StoreError> {
        let stuck_targets = self.stuck_targets();
        let mut page = self.ports.store.list(ScanFilter { stuck_targets, ..filter }).await?;
        let lanes = self.targets();
        for scan in &mut page.scans {
            show_lanes(scan, &lanes);
        }
        Ok(page)
    }

    /// The targets that rejected our key: nothing goes on there before a person acts.
    fn stuck_targets(&self) -> Vec<Name> {
        let stuck = self.lanes.iter().filter(|lane| matches!(lane.state(), LaneState::Misconfigured { .. }));
        stuck.map(|lane| lane.target.name.clone()).collect()
    }

    /// Makes waiting scans others whose paths are others on this machine now, by the maps of the config.
    pub(crate) async fn reroute_waiting(&self) -> Result<(), StoreError> {
        let mut filter =
            ScanFilter { state: Some(ScanState::Waiting), limit: RETRIED_AT_ONCE, ..ScanFilter::default() };
        for _ in 0..RETRIED_IN_ALL / RETRIED_AT_ONCE {
            let page = self.ports.store.list(filter.clone()).await?;
            for scan in &page.scans {
                self.reroute(scan).await?;
            }
            match page.next {
                Some(next) => filter.before = Some(next),
                None => break,
            }
        }
        Ok(())
    }

    /// Maps a scan afresh from the paths as they were sent. Answers the scans that there are in its place, when its paths are
    /// others now.
    async fn reroute(&self, scan: &Scan) -> Result<Option<Vec<ScanId>>, StoreError> {
        let trigger = |name: &Name| self.trigger(name.as_str());
        let Some(batch) = self.intake.remapped(scan, trigger) else { return Ok(None) };
        let Some(receipt) = self.ports.store.reroute(scan.id, scan.generation, batch).await? else {
            return Ok(None);
        };
        info!(scan = scan.id.0, folder = ?scan.folder.as_str(), scans = ?receipt.scans, "its paths are others on this machine now; it goes on as another scan");
        self.gate.forget(scan.id);
        self.bus.scans(receipt.scans.iter().copied().chain([scan.id]));
        self.scheduling.wakeup.wake();
        Ok(Some(receipt.scans))
    }

    /// What is left to be done for a target.
    pub async fn backlog(&self, target: &Name) -> Result<Backlog, StoreError> {
        let count = async |work| {
            let count = self.ports.store.backlog(target, work, COUNTED).await?;
            Ok((count < COUNTED).then_some(count as u64))
        };
        Ok(Backlog { to_tell: count(Work::Deliver).await?, to_follow: count(Work::Verify).await? })
    }

    /// One scan, with its lanes' states as in [`Self::list`].
    pub async fn show(&self, id: ScanId) -> Result<Option<Scan>, StoreError> {
        let mut scan = self.ports.store.show(id).await?;
        if let Some(scan) = &mut scan {
            show_lanes(scan, &self.targets());
        }
        Ok(scan)
    }

    /// Tries a scan again, now, by the maps of now; a target that is away is probed at once. A person who retries a scan that
    /// a vanished mount holds says that it is meant. Answers the scan, or the one in its place.
    pub async fn retry(&self, id: ScanId) -> Result<Option<Scan>, StoreError> {
        let Some(known) = self.ports.store.show(id).await? else { return Ok(None) };
        let scan = if let Some(scans) = self.reroute(&known).await? {
            match scans.first() {
                Some(first) => self.ports.store.show(*first).await?,
                None => None,
            }
        } else {
            self.gate.approve(id);
            self.ports.store.retry(id, self.now()).await?
        };
        self.bus.scans([id]);
        if let Some(scan) = &scan {
            self.gate.storms.release(&scan.folder);
        }
        self.scheduling.wakeup.wake();
        self.lanes.iter().for_each(|lane| lane.hurry());
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
            stuck_targets: self.stuck_targets(),
        };
        let mut retried = Retried::default();
        let now = self.now();
        for _ in 0..RETRIED_IN_ALL / RETRIED_AT_ONCE {
            let page = self.ports.store.list(wanted.clone()).await?;
            let mut ids = Vec::new();
            for scan in &page.scans {
                match self.reroute(scan).await? {
                    Some(_) => retried.scans += 1,
                    None => ids.push(scan.id),
                }
            }
            retried.scans += self.ports.store.retry_all(ids, now).await?.len();
            retried.more = page.next.is_some();
            match page.next {
                Some(next) => wanted.before = Some(next),
                None => break,
            }
        }
        self.lanes.iter().for_each(|lane| lane.hurry());
        Ok(retried)
    }

    /// Forgets a scan. Answers whether it was there.
    pub async fn drop_scan(&self, id: ScanId) -> Result<bool, StoreError> {
        self.gate.forget(id);
        let was_there = self.ports.store.drop_scan(id).await?;
        self.bus.scans([id]);
        Ok(was_there)
    }

    /// Counts of scans by state. Running scans at a target that rejected our key need attention.
    pub async fn stats(&self) -> Result<Stats, StoreError> {
        let mut stats = self.ports.store.stats().await?;
        let targets = self.stuck_targets();
        if !targets.is_empty() {
            let stuck = self.ports.store.count_stuck(&targets, COUNTED).await? as u64;
            stats.attention += stuck;
            stats.running = stats.running.saturating_sub(stuck);
        }
        Ok(stats)
    }
}

/// A lane that holds does not rewrite its rows: what it holds is shown so here.
pub(crate) fn show_lanes(scan: &mut Scan, lanes: &[TargetView]) {
    if scan.state != ScanState::Running {
        return;
    }
    let mut stuck = false;
    for delivery in scan.deliveries.iter_mut().filter(|delivery| delivery.is_open()) {
        // What was told already stays sent, whatever keeps autoscan from asking for it.
        let is_told = delivery.work() == Some(Work::Verify);
        match lanes.iter().find(|lane| lane.name == delivery.target) {
            Some(lane) if lane.reason.is_some() && !is_told => {
                delivery.state = DeliveryState::Held;
                delivery.error.clone_from(&lane.reason);
                delivery.next_attempt_at = lane.until.or(delivery.next_attempt_at);
                stuck |= lane.state == MISCONFIGURED;
            }
            Some(_) => {}
            None => {
                delivery.state = if is_told { delivery.state } else { DeliveryState::Held };
                delivery.error =
                    Some(format!("there is no target {:?} in the config now", delivery.target.as_str()));
            }
        }
    }
    if stuck {
        scan.state = ScanState::Attention;
    }
}
