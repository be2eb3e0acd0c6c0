//! A person asked for the remedy of a missing delivery.

use async_trait::async_trait;
use autoscan_core::delivery::{Delivery, DeliveryState};
use autoscan_core::ports::{RemedyStore, StoreError};
use autoscan_core::scan::ScanId;
use autoscan_core::step::Step;
use autoscan_core::time::Timestamp;
use rusqlite::{OptionalExtension as _, Result, Row};

use super::SqliteStore;
use super::codes::coded;
use super::leases::conclude;
use super::rows::put_delivery;
use super::steps::keep_steps;
use super::writer::Durability::PowerLoss;
use super::writer::Write;
use crate::rules;

const STATE: &str = "SELECT priority, state FROM delivery WHERE scan = ?1 AND target = ?2";

/// Keeps a delivery that was missing until now. Answers whether it was.
fn keep_remedied(
    write: &mut Write<'_>,
    id: ScanId,
    delivery: &Delivery,
    steps: &[Step],
    now: Timestamp,
) -> Result<bool> {
    let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, coded::<DeliveryState>(row, 1)?));
    let key = (id.0, delivery.target.as_str());
    let known = write.conn.prepare_cached(STATE)?.query_row(key, read).optional()?;
    let Some((priority, DeliveryState::Missing)) = known else { return Ok(false) };
    put_delivery(write.conn, id, priority, delivery, rules::ready_at(delivery))?;
    keep_steps(write.conn, id, steps)?;
    conclude(write, id, now)?;
    Ok(true)
}

#[async_trait]
impl RemedyStore for SqliteStore {
    async fn keep_remedied(
        &self,
        scan: ScanId,
        delivery: Delivery,
        steps: Vec<Step>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.writer.ask(PowerLoss, move |write| keep_remedied(write, scan, &delivery, &steps, now)).await
    }
}
