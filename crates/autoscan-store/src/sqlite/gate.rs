//! The gate: what is held, released, started and given another way.

use autoscan_core::path::LocalPath;
use autoscan_core::ports::{Batch, Hold, HoldUntil, Receipt, Start};
use autoscan_core::scan::{ScanId, ScanState};
use autoscan_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Result, Row};

use super::absorb::absorb;
use super::codes::Coded;
use super::retention::drop_scan;
use super::rows::{path, put_delivery};
use super::steps::keep_steps;
use super::writer::Write;
use crate::rules;

const GENERATION: &str = "SELECT generation FROM scan WHERE id = ?1";

const WAITING: &str = "SELECT folder, priority, generation FROM scan WHERE id = ?1 AND state = 0";

const HOLD: &str =
    "UPDATE scan SET held_until = ?2, held_for = ?3, due_at = max(due_at, coalesce(?2, due_at)), note = ?4
     WHERE id = ?1";

const NEXT_PREFIX: &str =
    "SELECT min(held_for) FROM scan INDEXED BY scan_held WHERE held_for <> '' AND held_for > ?1";

const RELEASE: &str = "UPDATE scan INDEXED BY scan_held SET held_for = '', due_at = max(due_at, ?2)
     WHERE held_for <> '' AND held_for = ?1";

const START: &str =
    "UPDATE scan SET state = ?2, tell = ?3, note = ?4, finished_at = ?5, held_until = NULL, held_for = '',
     due_without_replacement = NULL, counted_from = NULL WHERE id = ?1";

const FORGET_DELIVERIES: &str = "DELETE FROM delivery WHERE scan = ?1";

/// A waiting scan as far as the gate needs it.
struct Waiting {
    folder: LocalPath,
    priority: i64,
}

/// The scan, when it still waits and is as the caller saw it.
fn unchanged(conn: &Connection, id: ScanId, generation: i64) -> Result<Option<Waiting>> {
    let read = |row: &Row<'_>| {
        let waiting = Waiting { folder: path(row, 0)?, priority: row.get(1)? };
        Ok((row.get::<_, i64>(2)? == generation).then_some(waiting))
    };
    Ok(conn.prepare_cached(WAITING)?.query_row([id.0], read).optional()?.flatten())
}

/// Keeps waiting scans back.
pub(super) fn hold(write: &mut Write<'_>, holds: &[Hold]) -> Result<()> {
    for hold in holds {
        let Some(waiting) = unchanged(write.conn, hold.scan, hold.generation)? else { continue };
        let (until, prefix) = match &hold.until {
            HoldUntil::Time(until) => (Some(until.as_millis()), ""),
            HoldUntil::Released(prefix) => (None, prefix.as_str()),
        };
        write.conn.prepare_cached(HOLD)?.execute((hold.scan.0, until, prefix, hold.note.as_deref()))?;
        write.conn.prepare_cached(FORGET_DELIVERIES)?.execute([hold.scan.0])?;
        for delivery in rules::one_a_target(&hold.deliveries) {
            put_delivery(write.conn, hold.scan, waiting.priority, delivery, None)?;
        }
        keep_steps(write.conn, hold.scan, &hold.steps)?;
    }
    Ok(())
}

/// The prefixes for which scans are held, each found by one step along the index.
pub(super) fn held_prefixes(conn: &Connection) -> Result<Vec<LocalPath>> {
    let mut prefixes: Vec<LocalPath> = Vec::new();
    loop {
        let last = prefixes.last().map_or("", |prefix| prefix.as_str());
        let next = |row: &Row<'_>| row.get_ref(0)?.as_str_or_null()?.map(|_some| path(row, 0)).transpose();
        match conn.prepare_cached(NEXT_PREFIX)?.query_row([last], next)? {
            Some(prefix) => prefixes.push(prefix),
            None => return Ok(prefixes),
        }
    }
}

/// Ends the hold of scans for a prefix. Answers how many.
pub(super) fn release(write: &mut Write<'_>, prefix: &LocalPath, now: Timestamp) -> Result<usize> {
    write.conn.prepare_cached(RELEASE)?.execute((prefix.as_str(), now.as_millis()))
}

/// Starts scans that still wait and did not change.
pub(super) fn start(write: &mut Write<'_>, starts: &[Start], now: Timestamp) -> Result<Vec<ScanId>> {
    let mut started = Vec::new();
    for start in starts {
        let Some(waiting) = unchanged(write.conn, start.scan, start.generation)? else { continue };
        start_one(write, start, &waiting, now)?;
        started.push(start.scan);
    }
    Ok(started)
}

fn start_one(write: &mut Write<'_>, start: &Start, waiting: &Waiting, now: Timestamp) -> Result<()> {
    let state = ScanState::of(rules::one_a_target(&start.deliveries));
    let finished_at = (state != ScanState::Running).then_some(now.as_millis());
    let tell = (start.tell != waiting.folder).then_some(start.tell.as_str());
    let state_code = state.code();
    let values = (start.scan.0, state_code, tell, start.note.as_deref(), finished_at);
    write.conn.prepare_cached(START)?.execute(values)?;
    write.tally.became(ScanState::Waiting, state);
    write.waiting.set(&waiting.folder, None);
    write.conn.prepare_cached(FORGET_DELIVERIES)?.execute([start.scan.0])?;
    for delivery in rules::one_a_target(&start.deliveries) {
        put_delivery(write.conn, start.scan, waiting.priority, delivery, rules::ready_at(delivery))?;
    }
    keep_steps(write.conn, start.scan, &start.steps)
}

/// Forgets a scan and takes in what it asked for anew.
pub(super) fn reroute(
    write: &mut Write<'_>,
    id: ScanId,
    generation: i64,
    batch: &Batch,
) -> Result<Option<Receipt>> {
    let known: Option<i64> =
        write.conn.prepare_cached(GENERATION)?.query_row([id.0], |row| row.get(0)).optional()?;
    if known != Some(generation) {
        return Ok(None);
    }
    drop_scan(write, id)?;
    absorb(write, batch).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::plan::plan;

    #[test]
    fn a_release_walks_nothing_but_what_it_frees() {
        for (sql, step) in [
            (NEXT_PREFIX, "SEARCH scan USING COVERING INDEX scan_held (held_for>?)"),
            (RELEASE, "SEARCH scan USING INDEX scan_held (held_for=?)"),
        ] {
            let plan = plan(sql);
            assert!(plan.contains(step) && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
        }
    }
}
