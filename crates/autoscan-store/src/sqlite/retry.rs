//! A person tries a scan again.

use autoscan_core::delivery::Delivery;
use autoscan_core::scan::{Scan, ScanId, ScanState};
use autoscan_core::time::Timestamp;
use rusqlite::{OptionalExtension as _, Result, Row};

use super::codes::coded;
use super::rows::{deliveries_of, put_delivery, show};
use super::steps::keep_steps;
use super::writer::Write;
use crate::rules;

const STATE: &str = "SELECT state, priority FROM scan WHERE id = ?1";

const DUE_NOW: &str =
    "UPDATE scan SET held_until = NULL, held_for = '', due_at = min(due_at, ?2), due_without_replacement = NULL,
     counted_from = NULL WHERE id = ?1";

const RUN: &str = "UPDATE scan SET state = 1, finished_at = NULL WHERE id = ?1";

/// Tries a scan again. Answers the scan, when there is one.
pub(super) fn retry(write: &mut Write<'_>, id: ScanId, now: Timestamp) -> Result<Option<Scan>> {
    if retry_one(write, id, now)? { show(write.conn, id) } else { Ok(None) }
}

/// Tries many scans again. Answers those that there are.
pub(super) fn retry_all(write: &mut Write<'_>, ids: &[ScanId], now: Timestamp) -> Result<Vec<ScanId>> {
    let mut found = Vec::new();
    for id in ids {
        if retry_one(write, *id, now)? {
            found.push(*id);
        }
    }
    Ok(found)
}

/// Answers whether there is such a scan.
fn retry_one(write: &mut Write<'_>, id: ScanId, now: Timestamp) -> Result<bool> {
    let read = |row: &Row<'_>| Ok((coded::<ScanState>(row, 0)?, row.get(1)?));
    match write.conn.prepare_cached(STATE)?.query_row([id.0], read).optional()? {
        None => return Ok(false),
        Some((ScanState::Waiting, _priority)) => {
            write.conn.prepare_cached(DUE_NOW)?.execute((id.0, now.as_millis()))?;
            keep_steps(write.conn, id, &[rules::retried_step(now)])?;
        }
        Some((state, priority)) => deliver_again(write, id, state, priority, now)?,
    }
    Ok(true)
}

fn deliver_again(
    write: &mut Write<'_>,
    id: ScanId,
    state: ScanState,
    priority: i64,
    now: Timestamp,
) -> Result<()> {
    let known = deliveries_of(write.conn, id)?;
    let again: Vec<Delivery> = known.iter().filter_map(|delivery| rules::retried(delivery, now)).collect();
    for delivery in &again {
        put_delivery(write.conn, id, priority, delivery, rules::ready_at(delivery))?;
    }
    if again.is_empty() {
        return Ok(());
    }
    keep_steps(write.conn, id, &[rules::retried_step(now)])?;
    if state != ScanState::Running {
        write.conn.prepare_cached(RUN)?.execute([id.0])?;
        write.tally.became(state, ScanState::Running);
    }
    Ok(())
}
