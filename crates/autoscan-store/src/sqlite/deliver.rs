//! From the gate to the target: hold, start, claim, settle.

use std::time::Duration;

use autoscan_core::delivery::{Delivery, Work};
use autoscan_core::name::Name;
use autoscan_core::path::LocalPath;
use autoscan_core::ports::{Claimed, Hold, Settlement, Start};
use autoscan_core::scan::{Scan, ScanId, ScanState};
use autoscan_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Result, Row};

use super::rows::{changes_of, code, deliveries_of, delivery_of, path, put_delivery, rows, show, value};
use super::steps::keep_steps;
use super::writer::Write;
use crate::rules;

const WAITING: &str = "SELECT folder, priority, generation FROM scan WHERE id = ?1 AND state = 0";

const HOLD: &str = "UPDATE scan SET held_until = ?2, due_at = max(due_at, ?2), note = ?3 WHERE id = ?1";

const START: &str = "UPDATE scan SET state = ?2, tell = ?3, note = ?4, finished_at = ?5, held_until = NULL
     WHERE id = ?1";

const FORGET_DELIVERIES: &str = "DELETE FROM delivery WHERE scan = ?1";

/// Walks the index in the order of the answer: the planner would rather sort all that is due.
const TO_TELL: &str = "SELECT scan FROM delivery INDEXED BY delivery_claim
     WHERE target = ?1 AND ready_at IS NOT NULL AND state < 2 AND ready_at <= ?2
     ORDER BY priority DESC, scan LIMIT ?3";

const TO_FOLLOW: &str = "SELECT scan FROM delivery INDEXED BY delivery_follow
     WHERE target = ?1 AND ready_at IS NOT NULL AND state >= 2 AND ready_at <= ?2
     ORDER BY ready_at, scan LIMIT ?3";

const LEASE: &str = "UPDATE delivery SET leased = 1, ready_at = ?3 WHERE scan = ?1 AND target = ?2";

const HURRY: &str = "UPDATE delivery INDEXED BY delivery_follow SET next_attempt_at = ?2, ready_at = ?2
     WHERE target = ?1 AND ready_at IS NOT NULL AND state >= 2 AND ready_at > ?2 AND leased = 0";

const TOLD: &str = "SELECT coalesce(tell, folder), first_seen FROM scan WHERE id = ?1";

const LEASED: &str = "SELECT priority FROM delivery WHERE scan = ?1 AND target = ?2 AND leased = 1";

const FINISH: &str = "UPDATE scan SET state = ?2, finished_at = ?3 WHERE id = ?1";

const RECOVER: &str =
    "UPDATE delivery SET leased = 0, ready_at = coalesce(next_attempt_at, 0) WHERE leased = 1";

const STATE: &str = "SELECT state, priority FROM scan WHERE id = ?1";

const DUE_NOW: &str = "UPDATE scan SET held_until = NULL, due_at = min(due_at, ?2) WHERE id = ?1";

/// A waiting scan as far as the gate needs it.
struct Waiting {
    folder: LocalPath,
    priority: i64,
    generation: i64,
}

fn waiting(conn: &Connection, id: ScanId) -> Result<Option<Waiting>> {
    let read =
        |row: &Row<'_>| Ok(Waiting { folder: path(row, 0)?, priority: row.get(1)?, generation: row.get(2)? });
    conn.prepare_cached(WAITING)?.query_row([id.0], read).optional()
}

/// Keeps waiting scans back.
pub(super) fn hold(write: &mut Write<'_>, holds: &[Hold]) -> Result<()> {
    for hold in holds {
        let Some(waiting) = waiting(write.conn, hold.scan)? else { continue };
        write.conn.prepare_cached(HOLD)?.execute((
            hold.scan.0,
            hold.until.as_millis(),
            hold.note.as_deref(),
        ))?;
        write.conn.prepare_cached(FORGET_DELIVERIES)?.execute([hold.scan.0])?;
        for delivery in rules::one_a_target(&hold.deliveries) {
            put_delivery(write.conn, hold.scan, waiting.priority, delivery, None)?;
        }
        keep_steps(write.conn, hold.scan, &hold.steps)?;
    }
    Ok(())
}

/// Starts scans that still wait and did not change.
pub(super) fn start(write: &mut Write<'_>, starts: &[Start], now: Timestamp) -> Result<Vec<ScanId>> {
    let mut started = Vec::new();
    for start in starts {
        let waiting = waiting(write.conn, start.scan)?;
        let Some(waiting) = waiting.filter(|waiting| waiting.generation == start.generation) else {
            continue;
        };
        start_one(write, start, &waiting, now)?;
        started.push(start.scan);
    }
    Ok(started)
}

fn start_one(write: &mut Write<'_>, start: &Start, waiting: &Waiting, now: Timestamp) -> Result<()> {
    let state = ScanState::of(rules::one_a_target(&start.deliveries));
    let finished_at = (state != ScanState::Running).then_some(now.as_millis());
    let tell = (start.tell != waiting.folder).then_some(start.tell.as_str());
    let state_code = code(&ScanState::ALL, &state);
    let values = (start.scan.0, state_code, tell, start.note.as_deref(), finished_at);
    write.conn.prepare_cached(START)?.execute(values)?;
    write.tally.became(ScanState::Waiting, state);
    write.conn.prepare_cached(FORGET_DELIVERIES)?.execute([start.scan.0])?;
    for delivery in rules::one_a_target(&start.deliveries) {
        put_delivery(write.conn, start.scan, waiting.priority, delivery, rules::ready_at(delivery))?;
    }
    keep_steps(write.conn, start.scan, &start.steps)
}

/// Leases deliveries to whoever does this work.
pub(super) fn claim(
    write: &mut Write<'_>,
    target: &Name,
    work: Work,
    now: Timestamp,
    lease: Duration,
    limit: usize,
) -> Result<Vec<Claimed>> {
    let conn = write.conn;
    let claimable = match work {
        Work::Deliver => TO_TELL,
        Work::Verify => TO_FOLLOW,
    };
    let claimable: Vec<ScanId> = conn
        .prepare_cached(claimable)?
        .query_map((target.as_str(), now.as_millis(), rows(limit)), |row| row.get(0).map(ScanId))?
        .collect::<Result<_>>()?;
    let until = (now + lease).as_millis();
    let claim = |scan: ScanId| {
        conn.prepare_cached(LEASE)?.execute((scan.0, target.as_str(), until))?;
        let told = |row: &Row<'_>| Ok((path(row, 0)?, Timestamp::from_millis(row.get(1)?)));
        let (folder, first_seen) = conn.prepare_cached(TOLD)?.query_row([scan.0], told)?;
        Ok(Claimed {
            scan,
            folder,
            first_seen,
            changes: changes_of(conn, scan)?,
            delivery: delivery_of(conn, scan, target)?,
        })
    };
    claimable.into_iter().map(claim).collect()
}

/// Makes what is followed and not leased due now. Answers how many deliveries.
pub(super) fn hurry(write: &mut Write<'_>, target: &Name, now: Timestamp) -> Result<usize> {
    write.conn.prepare_cached(HURRY)?.execute((target.as_str(), now.as_millis()))
}

/// Keeps what became of leased deliveries. One that is not leased any more was retried, recovered or dropped meanwhile.
/// Answers the scans that came to their end.
pub(super) fn settle(
    write: &mut Write<'_>,
    settlements: &[Settlement],
    now: Timestamp,
) -> Result<Vec<(ScanId, ScanState)>> {
    let mut finished = Vec::new();
    for Settlement { scan, delivery, steps } in settlements {
        let key = (scan.0, delivery.target.as_str());
        let leased: Option<i64> =
            write.conn.prepare_cached(LEASED)?.query_row(key, |row| row.get(0)).optional()?;
        let Some(priority) = leased else { continue };
        let ready_at = rules::ready_at(delivery);
        put_delivery(write.conn, *scan, priority, delivery, ready_at)?;
        keep_steps(write.conn, *scan, steps)?;
        if ready_at.is_none() {
            finished.extend(conclude(write, *scan, now)?.map(|state| (*scan, state)));
        }
    }
    Ok(finished)
}

/// Finishes a running scan that has no open delivery; answers its state then.
fn conclude(write: &mut Write<'_>, id: ScanId, now: Timestamp) -> Result<Option<ScanState>> {
    let deliveries = deliveries_of(write.conn, id)?;
    let state = ScanState::of(&deliveries);
    if state == ScanState::Running {
        return Ok(None);
    }
    let state_code = code(&ScanState::ALL, &state);
    write.conn.prepare_cached(FINISH)?.execute((id.0, state_code, Some(now.as_millis())))?;
    write.tally.became(ScanState::Running, state);
    Ok(Some(state))
}

/// Ends every lease.
pub(super) fn recover(write: &mut Write<'_>) -> Result<()> {
    write.conn.prepare_cached(RECOVER)?.execute([])?;
    Ok(())
}

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
    let read = |row: &Row<'_>| Ok((value(&ScanState::ALL, row, 0)?, row.get(1)?));
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
        let running = code(&ScanState::ALL, &ScanState::Running);
        write.conn.prepare_cached(FINISH)?.execute((id.0, running, None::<i64>))?;
        write.tally.became(state, ScanState::Running);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::plan::plan;

    #[test]
    fn lanes_walk_nothing_but_what_is_open() {
        for (sql, step) in [
            (TO_TELL, "SEARCH delivery USING INDEX delivery_claim (target=?)"),
            (
                TO_FOLLOW,
                "SEARCH delivery USING INDEX delivery_follow (target=? AND ready_at>? AND ready_at<?)",
            ),
            (HURRY, "SEARCH delivery USING INDEX delivery_follow (target=? AND ready_at>?)"),
            (RECOVER, "SCAN delivery USING INDEX delivery_leased"),
        ] {
            let plan = plan(sql);
            assert!(plan.contains(step) && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
        }
    }
}
