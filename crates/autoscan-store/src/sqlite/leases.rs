//! Deliveries of running scans: claimed, settled, and whose leases end otherwise.

use std::collections::HashSet;

use autoscan_core::delivery::{DeliveryState, Work};
use autoscan_core::name::Name;
use autoscan_core::ports::{Claimed, Lease, Owner, Settled, Settlement};
use autoscan_core::scan::{ScanId, ScanState};
use autoscan_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Result, Row};

use super::codes::{Coded, coded};
use super::inline_changes::InlineChanges;
use super::rows::{changes_of, deliveries_of, delivery_of, path, put_delivery, rows};
use super::steps::keep_steps;
use super::writer::Write;
use crate::rules;

const NEXT_PRIORITY: &str = "SELECT max(priority) FROM delivery INDEXED BY delivery_deliver
     WHERE target = ?1 AND priority <= ?2 AND ready_at IS NOT NULL AND lease_owner IS NULL AND state < 2";

const TO_DELIVER: &str = "SELECT scan FROM delivery INDEXED BY delivery_deliver
     WHERE target = ?1 AND priority = ?2 AND ready_at <= ?3 AND ready_at IS NOT NULL AND lease_owner IS NULL AND state < 2
     ORDER BY ready_at, scan LIMIT ?4";

const NEXT_TO_DELIVER: &str = "SELECT min(ready_at) FROM delivery INDEXED BY delivery_deliver
     WHERE target = ?1 AND priority = ?2 AND ready_at IS NOT NULL AND lease_owner IS NULL AND state < 2";

const TO_VERIFY: &str = "SELECT scan FROM delivery INDEXED BY delivery_verify
     WHERE target = ?1 AND ready_at <= ?2 AND ready_at IS NOT NULL AND lease_owner IS NULL AND state IN (2, 3)
     ORDER BY ready_at, scan LIMIT ?3";

const NEXT_TO_VERIFY: &str = "SELECT min(ready_at) FROM delivery INDEXED BY delivery_verify
     WHERE target = ?1 AND ready_at IS NOT NULL AND lease_owner IS NULL AND state IN (2, 3)";

const TO_LOOK_AT_AGAIN: &str = "SELECT scan FROM delivery INDEXED BY delivery_missing
     WHERE target = ?1 AND ready_at <= ?2 AND ready_at IS NOT NULL AND lease_owner IS NULL AND state = 4
     ORDER BY ready_at, scan LIMIT ?3";

const NEXT_TO_LOOK_AT_AGAIN: &str = "SELECT min(ready_at) FROM delivery INDEXED BY delivery_missing
     WHERE target = ?1 AND ready_at IS NOT NULL AND lease_owner IS NULL AND state = 4";

const FREE_TO_DELIVER: &str = "SELECT scan FROM delivery INDEXED BY delivery_deliver
     WHERE target = ?1 AND ready_at IS NOT NULL AND lease_owner IS NULL AND state < 2 LIMIT ?2";

const FREE_TO_VERIFY: &str = "SELECT scan FROM delivery INDEXED BY delivery_verify
     WHERE target = ?1 AND ready_at IS NOT NULL AND lease_owner IS NULL AND state IN (2, 3) LIMIT ?2";

const LEASED_TO_DELIVER: &str = "SELECT scan FROM delivery INDEXED BY delivery_leased
     WHERE target = ?1 AND state < 2 AND lease_owner IS NOT NULL LIMIT ?2";

const LEASED_TO_VERIFY: &str = "SELECT scan FROM delivery INDEXED BY delivery_leased
     WHERE target = ?1 AND state IN (2, 3) AND lease_owner IS NOT NULL LIMIT ?2";

const LEASE: &str = "UPDATE delivery SET lease_owner = ?3, lease_number = lease_number + 1
     WHERE scan = ?1 AND target = ?2 RETURNING lease_number";

const MAKE_DUE: &str = "UPDATE delivery INDEXED BY delivery_verify SET next_attempt_at = ?2, ready_at = ?2
     WHERE target = ?1 AND ready_at > ?2 AND ready_at IS NOT NULL AND lease_owner IS NULL AND state IN (2, 3)";

const SCAN: &str = "SELECT coalesce(tell, folder), first_seen, changes, folder FROM scan WHERE id = ?1";

const LEASED: &str = "SELECT priority, state FROM delivery WHERE scan = ?1 AND target = ?2 AND lease_owner = ?3 AND lease_number = ?4";

const OWNERS: &str =
    "SELECT DISTINCT lease_owner FROM delivery INDEXED BY delivery_leased WHERE lease_owner IS NOT NULL";

const END_LEASES: &str = "UPDATE delivery INDEXED BY delivery_leased SET lease_owner = NULL
     WHERE lease_owner IS NOT NULL AND lease_owner = ?1";

const STATE: &str = "SELECT state FROM scan WHERE id = ?1";

const FINISH: &str = "UPDATE scan SET state = ?2, finished_at = ?3 WHERE id = ?1";

/// The priorities of free deliveries to a target, highest first, each found by one step along the index.
fn priorities(conn: &Connection, target: &Name) -> impl Iterator<Item = Result<i64>> {
    rules::descending(move |most| {
        conn.prepare_cached(NEXT_PRIORITY)?.query_row((target.as_str(), most), |row| row.get(0))
    })
}

fn to_deliver(conn: &Connection, target: &Name, now: Timestamp, limit: usize) -> Result<Vec<ScanId>> {
    let mut found = Vec::new();
    for priority in priorities(conn, target) {
        if found.len() >= limit {
            break;
        }
        let values = (target.as_str(), priority?, now.as_millis(), rows(limit - found.len()));
        let mut statement = conn.prepare_cached(TO_DELIVER)?;
        for scan in statement.query_map(values, |row| row.get(0).map(ScanId))? {
            found.push(scan?);
        }
    }
    Ok(found)
}

/// What was told just now goes before what is missing for long.
fn to_verify(conn: &Connection, target: &Name, now: Timestamp, limit: usize) -> Result<Vec<ScanId>> {
    let mut found = Vec::new();
    for sql in [TO_VERIFY, TO_LOOK_AT_AGAIN] {
        let values = (target.as_str(), now.as_millis(), rows(limit - found.len()));
        for scan in conn.prepare_cached(sql)?.query_map(values, |row| row.get(0).map(ScanId))? {
            found.push(scan?);
        }
    }
    Ok(found)
}

/// Leases deliveries to an owner.
pub(super) fn claim(
    write: &mut Write<'_>,
    owner: Owner,
    target: &Name,
    work: Work,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Claimed>> {
    let claimable = match work {
        Work::Deliver => to_deliver(write.conn, target, now, limit)?,
        Work::Verify => to_verify(write.conn, target, now, limit)?,
    };
    claimable.into_iter().map(|scan| claim_one(write.conn, owner, target, scan)).collect()
}

fn claim_one(conn: &Connection, owner: Owner, target: &Name, scan: ScanId) -> Result<Claimed> {
    let values = (scan.0, target.as_str(), owner.0);
    let number = conn.prepare_cached(LEASE)?.query_row(values, |row| row.get(0))?;
    let read = |row: &Row<'_>| {
        let inline = InlineChanges::read(row.get_ref(2)?.as_str_or_null()?)?;
        Ok((path(row, 0)?, path(row, 3)?, Timestamp::from_millis(row.get(1)?), inline))
    };
    let (folder, scan_folder, first_seen, inline) = conn.prepare_cached(SCAN)?.query_row([scan.0], read)?;
    Ok(Claimed {
        lease: Lease { owner, number },
        scan,
        folder,
        scan_folder,
        first_seen,
        changes: changes_of(conn, scan, inline)?,
        delivery: delivery_of(conn, scan, target)?,
    })
}

/// The earliest moment at which this work may be done for a free delivery to this target.
pub(super) fn next_attempt(conn: &Connection, target: &Name, work: Work) -> Result<Option<Timestamp>> {
    let moment = |row: &Row<'_>| row.get::<_, Option<i64>>(0);
    let mut earliest: Option<i64> = None;
    match work {
        Work::Deliver => {
            for priority in priorities(conn, target) {
                let values = (target.as_str(), priority?);
                let found = conn.prepare_cached(NEXT_TO_DELIVER)?.query_row(values, moment)?;
                earliest = earliest.into_iter().chain(found).min();
            }
        }
        Work::Verify => {
            for sql in [NEXT_TO_VERIFY, NEXT_TO_LOOK_AT_AGAIN] {
                let found = conn.prepare_cached(sql)?.query_row([target.as_str()], moment)?;
                earliest = earliest.into_iter().chain(found).min();
            }
        }
    }
    Ok(earliest.map(Timestamp::from_millis))
}

/// The scans that this reads for the target, at most `most`.
fn scans_of(conn: &Connection, sql: &str, target: &Name, most: usize) -> Result<Vec<i64>> {
    conn.prepare_cached(sql)?.query_map((target.as_str(), rows(most)), |row| row.get(0))?.collect()
}

/// For how many deliveries to the target this work is left, at most `most`.
pub(super) fn backlog(conn: &Connection, target: &Name, work: Work, most: usize) -> Result<usize> {
    let (free, leased) = match work {
        Work::Deliver => (FREE_TO_DELIVER, LEASED_TO_DELIVER),
        Work::Verify => (FREE_TO_VERIFY, LEASED_TO_VERIFY),
    };
    let free = scans_of(conn, free, target, most)?.len();
    Ok(free + scans_of(conn, leased, target, most - free)?.len())
}

/// How many running scans have an open delivery that is to be delivered to one of the targets, at most `most`.
pub(super) fn count_stuck(conn: &Connection, targets: &[Name], most: usize) -> Result<usize> {
    let mut stuck = HashSet::new();
    for target in targets {
        for sql in [FREE_TO_DELIVER, LEASED_TO_DELIVER] {
            stuck.extend(scans_of(conn, sql, target, most)?);
        }
    }
    Ok(stuck.len().min(most))
}

/// Makes what waits to be verified and is free due now. Answers how many deliveries.
pub(super) fn make_due(write: &mut Write<'_>, target: &Name, now: Timestamp) -> Result<usize> {
    write.conn.prepare_cached(MAKE_DUE)?.execute((target.as_str(), now.as_millis()))
}

/// Keeps what became of deliveries whose lease is still the one that is named. Answers the scans that came to their end.
pub(super) fn settle(write: &mut Write<'_>, settlements: &[Settlement], now: Timestamp) -> Result<Settled> {
    let mut settled = Settled::default();
    for Settlement { lease, scan, delivery, steps } in settlements {
        let key = (scan.0, delivery.target.as_str(), lease.owner.0, lease.number);
        let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, coded::<DeliveryState>(row, 1)?));
        let leased = write.conn.prepare_cached(LEASED)?.query_row(key, read).optional()?;
        let Some((priority, before)) = leased else {
            settled.late.push((*scan, delivery.target.clone()));
            continue;
        };
        let ready_at = rules::ready_at(delivery);
        put_delivery(write.conn, *scan, priority, delivery, ready_at)?;
        keep_steps(write.conn, *scan, steps)?;
        let was_missing = before == DeliveryState::Missing && delivery.state != DeliveryState::Missing;
        if !delivery.is_open() || was_missing {
            settled.finished.extend(conclude(write, *scan, now)?.map(|state| (*scan, state)));
        }
    }
    Ok(settled)
}

/// Brings a started scan to the state that follows from its deliveries: it comes to its end when none is open, and runs again
/// when what was missing is to be told. Answers the state in which it came to an end just now.
pub(super) fn conclude(write: &mut Write<'_>, id: ScanId, now: Timestamp) -> Result<Option<ScanState>> {
    let state = ScanState::of(&deliveries_of(write.conn, id)?);
    let before = write.conn.prepare_cached(STATE)?.query_row([id.0], |row| coded::<ScanState>(row, 0))?;
    if state == before {
        return Ok(None);
    }
    let finished_at = (state != ScanState::Running).then_some(now.as_millis());
    write.conn.prepare_cached(FINISH)?.execute((id.0, state.code(), finished_at))?;
    write.tally.became(before, state);
    Ok(finished_at.map(|_at| state))
}

/// Ends the leases of all owners that are not among the living. Answers how many.
pub(super) fn end_leases(conn: &Connection, live: &[Owner]) -> Result<usize> {
    let owners: Vec<Owner> =
        conn.prepare_cached(OWNERS)?.query_map([], |row| row.get(0).map(Owner))?.collect::<Result<_>>()?;
    let over = owners.into_iter().filter(|owner| !live.contains(owner));
    over.map(|owner| end_leases_of(conn, owner)).sum()
}

/// Ends the leases of an owner. Answers how many.
pub(super) fn end_leases_of(conn: &Connection, owner: Owner) -> Result<usize> {
    conn.prepare_cached(END_LEASES)?.execute([owner.0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::plan::plan;

    #[test]
    fn claims_and_counts_walk_nothing_but_what_is_open() {
        for (sql, step) in [
            (NEXT_PRIORITY, "SEARCH delivery USING INDEX delivery_deliver (target=? AND priority<?)"),
            (
                TO_DELIVER,
                "SEARCH delivery USING INDEX delivery_deliver (target=? AND priority=? AND ready_at>? AND ready_at<?)",
            ),
            (
                NEXT_TO_DELIVER,
                "SEARCH delivery USING INDEX delivery_deliver (target=? AND priority=? AND ready_at>?)",
            ),
            (
                TO_VERIFY,
                "SEARCH delivery USING INDEX delivery_verify (target=? AND ready_at>? AND ready_at<?)",
            ),
            (NEXT_TO_VERIFY, "SEARCH delivery USING INDEX delivery_verify (target=? AND ready_at>?)"),
            (
                TO_LOOK_AT_AGAIN,
                "SEARCH delivery USING INDEX delivery_missing (target=? AND ready_at>? AND ready_at<?)",
            ),
            (NEXT_TO_LOOK_AT_AGAIN, "SEARCH delivery USING INDEX delivery_missing (target=? AND ready_at>?)"),
            (FREE_TO_DELIVER, "SEARCH delivery USING INDEX delivery_deliver (target=?)"),
            (FREE_TO_VERIFY, "SEARCH delivery USING INDEX delivery_verify (target=? AND ready_at>?)"),
            (
                LEASED_TO_DELIVER,
                "SEARCH delivery USING COVERING INDEX delivery_leased (target=? AND state<?)",
            ),
            (
                LEASED_TO_VERIFY,
                "SEARCH delivery USING COVERING INDEX delivery_leased (target=? AND state=? AND lease_owner>?)",
            ),
            (MAKE_DUE, "SEARCH delivery USING INDEX delivery_verify (target=? AND ready_at>?)"),
            (END_LEASES, "SCAN delivery USING INDEX delivery_leased"),
        ] {
            let plan = plan(sql);
            assert!(plan.contains(step) && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
        }
        assert!(plan(OWNERS).contains("SCAN delivery USING COVERING INDEX delivery_leased"));
    }
}
