//! How a scan came where it is.

use autoscan_core::scan::ScanId;
use autoscan_core::step::{Step, StepKind};
use autoscan_core::time::Timestamp;
use rusqlite::{Connection, Result, Row};

use super::codes::{Coded, coded};
use super::rows::name;
use crate::rules;

/// The last ones first: what is looked for is mostly the first of them.
const LAST: &str = "SELECT position, at, target, kind, text FROM step WHERE scan = ?1 ORDER BY position DESC";

const ALL: &str = "SELECT position, at, target, kind, text FROM step WHERE scan = ?1 ORDER BY position";

const ADD: &str = "INSERT INTO step (scan, position, at, target, kind, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

const LEAVE_OUT: &str = "DELETE FROM step WHERE scan = ?1 AND position = ?2";

/// Keeps steps that say something new.
pub(super) fn keep_steps(conn: &Connection, id: ScanId, steps: &[Step]) -> Result<()> {
    for step in steps {
        let Some(position) = next_position(conn, id, step)? else { continue };
        if let Some(old) = rules::left_out(position) {
            conn.prepare_cached(LEAVE_OUT)?.execute((id.0, old))?;
        }
        conn.prepare_cached(ADD)?.execute((
            id.0,
            position,
            step.at.as_millis(),
            step.target.as_ref().map(autoscan_core::name::Name::as_str),
            step.kind.code(),
            &step.text,
        ))?;
    }
    Ok(())
}

/// Where a step goes; none when it says nothing new.
fn next_position(conn: &Connection, id: ScanId, step: &Step) -> Result<Option<i64>> {
    let mut statement = conn.prepare_cached(LAST)?;
    let mut rows = statement.query([id.0])?;
    let mut next = None;
    while let Some(row) = rows.next()? {
        let (position, before) = read(row)?;
        next = next.or(Some(position + 1));
        if before.target == step.target {
            return Ok(next.filter(|_next| !rules::says_the_same(&before, step)));
        }
    }
    Ok(next.or(Some(0)))
}

fn read(row: &Row<'_>) -> Result<(i64, Step)> {
    let target = match row.get_ref(2)?.as_str_or_null()? {
        Some(_) => Some(name(row, 2)?),
        None => None,
    };
    let (at, kind) = (Timestamp::from_millis(row.get(1)?), coded::<StepKind>(row, 3)?);
    Ok((row.get(0)?, Step { at, target, kind, text: row.get(4)? }))
}

/// The steps of a scan, oldest first.
pub(super) fn steps_of(conn: &Connection, id: ScanId) -> Result<Vec<Step>> {
    let steps = conn.prepare_cached(ALL)?.query_map([id.0], read)?.collect::<Result<Vec<_>>>()?;
    Ok(rules::with_gap(steps))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::plan::plan;

    #[test]
    fn steps_are_found_by_their_scan_alone() {
        for sql in [LAST, ALL] {
            let plan = plan(sql);
            assert!(plan.contains("SEARCH step USING PRIMARY KEY (scan=?)"), "{sql}: {plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{sql}: {plan}");
        }
    }
}
