use async_trait::async_trait;

use super::StoreError;
use crate::delivery::Delivery;
use crate::scan::ScanId;
use crate::step::Step;
use crate::time::Timestamp;

/// What becomes of a missing delivery because a person asked for its remedy.
#[async_trait]
pub trait RemedyStore: Send + Sync {
    /// Keeps such a delivery, whoever has a lease on it, and brings its scan to the state that follows. Only while it is missing;
    /// answers whether it was. Durable.
    async fn keep_remedied(
        &self,
        scan: ScanId,
        delivery: Delivery,
        steps: Vec<Step>,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
}
