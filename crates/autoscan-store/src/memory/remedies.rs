//! A person asked for the remedy of a missing delivery, in memory.

use async_trait::async_trait;
use autoscan_core::delivery::{Delivery, DeliveryState};
use autoscan_core::ports::{RemedyStore, StoreError};
use autoscan_core::scan::ScanId;
use autoscan_core::step::Step;
use autoscan_core::time::Timestamp;

use super::MemoryStore;

#[async_trait]
impl RemedyStore for MemoryStore {
    async fn keep_remedied(
        &self,
        scan: ScanId,
        delivery: Delivery,
        steps: Vec<Step>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let Some(row) = rows.scans.get_mut(&scan) else { return Ok(false) };
        let is_it =
            |known: &&mut Delivery| known.target == delivery.target && known.state == DeliveryState::Missing;
        let Some(known) = row.scan.deliveries.iter_mut().find(is_it) else { return Ok(false) };
        row.leases.remove(&delivery.target);
        *known = delivery;
        row.keep_steps(&steps);
        row.conclude(now);
        Ok(true)
    }
}
