//! The queue as a person sees it.

use autoscan_core::delivery::DeliveryState;
use autoscan_core::ports::{Page, ScanFilter, Stats, StoreError};
use autoscan_core::scan::{Scan, ScanId, ScanState};

use crate::Engine;

impl Engine {
    /// One page of scans, newest first. Open deliveries of a lane that is away or paused are shown as held, with the
    /// lane's reason.
    pub async fn list(&self, filter: ScanFilter) -> Result<Page, StoreError> {
        let mut page = self.parts.store.list(filter).await?;
        for scan in &mut page.scans {
            self.show_lanes(scan);
        }
        Ok(page)
    }

    /// One scan, with its lanes' states as in [`Self::list`].
    pub async fn show(&self, id: ScanId) -> Result<Option<Scan>, StoreError> {
        let mut scan = self.parts.store.show(id).await?;
        if let Some(scan) = &mut scan {
            self.show_lanes(scan);
        }
        Ok(scan)
    }

    /// Tries a scan again, now; a target that is away is probed at once. A person who retries a scan that a vanished mount holds says that it is meant.
    pub async fn retry(&self, id: ScanId) -> Result<Option<Scan>, StoreError> {
        self.gate.wave_through(id);
        let now = self.now();
        let scan = self.parts.store.retry(id, now).await?;
        self.alarm.ring();
        for lane in &self.lanes {
            lane.hurry(now);
        }
        Ok(scan)
    }

    /// Forgets a scan. Answers whether it was there.
    pub async fn drop_scan(&self, id: ScanId) -> Result<bool, StoreError> {
        self.gate.forget(id);
        self.parts.store.drop_scan(id).await
    }

    /// Counts of scans by state.
    pub async fn stats(&self) -> Result<Stats, StoreError> {
        self.parts.store.stats().await
    }

    /// A lane that holds does not rewrite its rows: what it holds is shown so here.
    fn show_lanes(&self, scan: &mut Scan) {
        if scan.state != ScanState::Running {
            return;
        }
        let views = self.targets();
        for delivery in scan.deliveries.iter_mut().filter(|delivery| delivery.state.is_open()) {
            let lane = views.iter().find(|view| view.name == delivery.target);
            match lane {
                Some(view) if view.reason.is_some() => {
                    delivery.state = DeliveryState::Held;
                    delivery.error = view.reason.clone();
                    delivery.next_attempt_at = view.until.or(delivery.next_attempt_at);
                }
                Some(_) => {}
                None => {
                    delivery.state = DeliveryState::Held;
                    delivery.error =
                        Some(format!("there is no target {:?} in the config now", delivery.target.as_str()));
                }
            }
        }
    }
}
