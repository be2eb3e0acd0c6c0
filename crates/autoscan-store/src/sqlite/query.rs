//! What is only read. Every question goes along an index: none sorts, none counts, none grows with history.

use std::collections::HashSet;

use autoscan_core::name::Name;
use autoscan_core::ports::{Page, RefusalRecord, ScanFilter};
use autoscan_core::scan::{Scan, ScanId, ScanState};
use autoscan_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Result, Row};

use super::codes::Coded;
use super::rows::{self, name, rows};
use crate::rules::{self, LOOKED_AT_PER_PAGE};

const NEXT_PRIORITY: &str = "SELECT max(priority) FROM scan INDEXED BY scan_due
     WHERE state = 0 AND held_for = '' AND priority <= ?1";

const DUE: &str = "SELECT id FROM scan INDEXED BY scan_due
     WHERE state = 0 AND held_for = '' AND priority = ?1 AND due_at <= ?2 ORDER BY due_at, id";

const EARLIEST: &str = "SELECT min(due_at) FROM scan INDEXED BY scan_due
     WHERE state = 0 AND held_for = '' AND priority = ?1";

/// Whether a scan fits. A null parameter filters nothing.
macro_rules! fits {
    () => {
        "(?2 IS NULL OR ?2 = iif(state = 1 AND EXISTS (SELECT 1 FROM delivery WHERE scan = id AND state < 2
                                     AND instr(?7, ',' || target || ',')), 3, state))
         AND (?3 IS NULL OR EXISTS (SELECT 1 FROM delivery WHERE scan = id AND target = ?3))
         AND (?4 IS NULL OR EXISTS (SELECT 1 FROM json_each(changes) WHERE value ->> 'trigger' = ?4)
              OR EXISTS (SELECT 1 FROM change WHERE scan = id AND trigger_name = ?4))
         AND (?5 IS NULL OR instr(lower(folder), ?5)
              OR EXISTS (SELECT 1 FROM json_each(changes) WHERE instr(lower(value ->> 'path'), ?5))
              OR EXISTS (SELECT 1 FROM change WHERE scan = id AND instr(lower(path), ?5)))
         AND (?6 IS NULL OR EXISTS (SELECT 1 FROM delivery WHERE scan = id AND instr(lower(error), ?6)))"
    };
}

const LIST: &str = concat!("SELECT id, ", fits!(), " FROM scan WHERE id < ?1 ORDER BY id DESC");

const LIST_STARTED: &str = concat!(
    "SELECT id, ",
    fits!(),
    " FROM scan INDEXED BY scan_state WHERE state <> 0 AND state = ?2 AND id < ?1 ORDER BY id DESC"
);

/// Those that need attention, with those that run and may be stuck.
const LIST_STUCK: &str = concat!(
    "WITH candidate (number) AS MATERIALIZED (
         SELECT id FROM scan INDEXED BY scan_state WHERE state <> 0 AND state = 3 AND id < ?1
         UNION ALL SELECT id FROM scan INDEXED BY scan_state WHERE state <> 0 AND state = 1 AND id < ?1
         ORDER BY 1 DESC)
     SELECT id, ",
    fits!(),
    " FROM candidate CROSS JOIN scan ON id = number"
);

/// Sorts the numbers of all that waits, and looks at no more than is asked for.
const LIST_WAITING: &str = concat!(
    "WITH waiting (number) AS MATERIALIZED
         (SELECT id FROM scan INDEXED BY scan_due WHERE state = 0 AND held_for = '' AND id < ?1
          UNION ALL SELECT id FROM scan INDEXED BY scan_held WHERE held_for <> '' AND id < ?1 ORDER BY 1 DESC)
     SELECT id, ",
    fits!(),
    " FROM waiting CROSS JOIN scan ON id = number"
);

/// So many numbers are sorted in some milliseconds.
const FEW: u64 = 20_000;

const REFUSALS: &str = "SELECT trigger_name, reason, received_at FROM refusal ORDER BY id DESC LIMIT ?1";

const SETTING: &str = "SELECT value FROM setting WHERE key = ?1";

/// The priorities of waiting scans, highest first, each found by one step along the index.
fn priorities(conn: &Connection) -> impl Iterator<Item = Result<i64>> {
    rules::descending(move |most| conn.prepare_cached(NEXT_PRIORITY)?.query_row([most], |row| row.get(0)))
}

/// Waiting scans that are due and that the caller does not have in hand.
pub(super) fn due(
    conn: &Connection,
    now: Timestamp,
    limit: usize,
    in_hand: &HashSet<ScanId>,
) -> Result<Vec<Scan>> {
    let mut due = Vec::new();
    for priority in priorities(conn) {
        if due.len() >= limit {
            break;
        }
        let mut statement = conn.prepare_cached(DUE)?;
        let mut ids = statement.query((priority?, now.as_millis()))?;
        while let Some(row) = ids.next()? {
            let id = ScanId(row.get(0)?);
            if !in_hand.contains(&id) {
                due.extend(rows::show(conn, id)?);
            }
            if due.len() >= limit {
                break;
            }
        }
    }
    Ok(due)
}

/// The earliest moment at which a waiting scan is due.
pub(super) fn next_due(conn: &Connection) -> Result<Option<Timestamp>> {
    let mut earliest: Option<i64> = None;
    for priority in priorities(conn) {
        let due_at: Option<i64> = conn.prepare_cached(EARLIEST)?.query_row([priority?], |row| row.get(0))?;
        earliest = earliest.into_iter().chain(due_at).min();
    }
    Ok(earliest.map(Timestamp::from_millis))
}

/// One page of scans, newest first; `waiting` is how many wait.
pub(super) fn list(conn: &Connection, filter: &ScanFilter, waiting: u64) -> Result<Page> {
    let sql = match filter.state {
        Some(ScanState::Attention) if !filter.stuck_targets.is_empty() => LIST_STUCK,
        Some(ScanState::Running | ScanState::Done | ScanState::Attention) => LIST_STARTED,
        Some(ScanState::Waiting) if waiting <= FEW => LIST_WAITING,
        Some(ScanState::Waiting) | None => LIST,
    };
    let values = (
        filter.before.map_or(i64::MAX, |scan| scan.0),
        filter.state.map(Coded::code),
        filter.target.as_ref().map(Name::as_str),
        filter.trigger.as_ref().map(Name::as_str),
        filter.text.as_ref().map(|text| text.to_ascii_lowercase()),
        filter.reason.as_ref().map(|reason| reason.to_ascii_lowercase()),
        stuck_text(&filter.stuck_targets),
    );
    let (found, next) = pick(conn.prepare_cached(sql)?.query(values)?, filter.limit)?;
    let scans = found.into_iter().filter_map(|id| rows::show(conn, id).transpose()).collect::<Result<_>>()?;
    Ok(Page { scans, next })
}

/// Names between commas, which none of them holds; none for no name.
fn stuck_text(targets: &[Name]) -> Option<String> {
    (!targets.is_empty()).then(|| format!(",{},", rows::targets_text(Some(targets)).unwrap_or_default()))
}

/// The scans that fit, up to the limit, and where to go on when there may be more.
fn pick(mut candidates: rusqlite::Rows<'_>, limit: usize) -> Result<(Vec<ScanId>, Option<ScanId>)> {
    let mut found = Vec::new();
    let mut last = None;
    let mut looked_at = 0;
    while let Some(row) = candidates.next()? {
        if found.len() >= limit || looked_at >= LOOKED_AT_PER_PAGE {
            return Ok((found, last));
        }
        looked_at += 1;
        let id = ScanId(row.get(0)?);
        last = Some(id);
        if row.get(1)? {
            found.push(id);
        }
    }
    Ok((found, None))
}

/// The last refusals, newest first.
pub(super) fn refusals(conn: &Connection, limit: usize) -> Result<Vec<RefusalRecord>> {
    let read = |row: &Row<'_>| {
        Ok(RefusalRecord {
            trigger: name(row, 0)?,
            reason: row.get(1)?,
            received_at: Timestamp::from_millis(row.get(2)?),
        })
    };
    conn.prepare_cached(REFUSALS)?.query_map([rows(limit)], read)?.collect()
}

/// The value of a setting.
pub(super) fn setting(conn: &Connection, key: &str) -> Result<Option<String>> {
    conn.prepare_cached(SETTING)?.query_row([key], |row| row.get(0)).optional()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::plan::plan;

    #[test]
    fn no_question_sorts_or_walks_a_table_from_end_to_end() {
        for (sql, step) in [
            (NEXT_PRIORITY, "SEARCH scan USING COVERING INDEX scan_due (priority<?)"),
            (DUE, "SEARCH scan USING COVERING INDEX scan_due (priority=? AND due_at<?)"),
            (EARLIEST, "SEARCH scan USING COVERING INDEX scan_due (priority=?)"),
            (LIST, "SEARCH scan USING INTEGER PRIMARY KEY (rowid<?)"),
            (LIST_STARTED, "SEARCH scan USING INDEX scan_state (state=? AND rowid<?)"),
        ] {
            let plan = plan(sql);
            assert!(plan.contains(step), "{sql}: {plan}");
            // The changes in a row are few.
            let plan = plan.replace("SCAN json_each", "");
            assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
        }
    }

    #[test]
    fn what_waits_is_sorted_by_its_numbers_alone() {
        let plan = plan(LIST_WAITING);
        for step in [
            "MATERIALIZE waiting",
            "SCAN scan USING COVERING INDEX scan_due",
            "SCAN waiting",
            "SEARCH scan USING INTEGER PRIMARY KEY (rowid=?)",
        ] {
            assert!(plan.contains(step), "{step}: {plan}");
        }
    }

    #[test]
    fn a_filter_looks_each_candidate_up_and_nothing_else() {
        for sql in [LIST, LIST_STARTED, LIST_WAITING] {
            let plan = plan(sql);
            for step in [
                "SEARCH delivery USING PRIMARY KEY (scan=? AND target=?)",
                "SEARCH change USING PRIMARY KEY (scan=?)",
                "SEARCH delivery USING PRIMARY KEY (scan=?)",
            ] {
                assert!(plan.contains(step), "{step}: {plan}");
            }
        }
    }
}
