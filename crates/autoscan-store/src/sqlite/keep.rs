//! What is kept and what is forgotten.

use autoscan_core::scan::{ScanId, ScanState};
use autoscan_core::time::Timestamp;
use rusqlite::{OptionalExtension as _, Result, Row};

use super::codes::coded;
use super::rows::{path, rows};
use super::writer::Write;

const STATE: &str = "SELECT state, folder FROM scan WHERE id = ?1";

const FORGET: [&str; 4] = [
    "DELETE FROM scan WHERE id = ?1",
    "DELETE FROM change WHERE scan = ?1",
    "DELETE FROM delivery WHERE scan = ?1",
    "DELETE FROM step WHERE scan = ?1",
];

const OLD: &str = "SELECT id FROM scan INDEXED BY scan_finished
     WHERE finished_at IS NOT NULL AND finished_at < ?1 ORDER BY finished_at LIMIT ?2";

const SET: &str = "INSERT OR REPLACE INTO setting (key, value) VALUES (?1, ?2)";

const UNSET: &str = "DELETE FROM setting WHERE key = ?1";

const PROBE: &str = "UPDATE tally SET probes = probes + 1";

/// Forgets a scan. Answers whether it was there.
pub(super) fn drop_scan(write: &mut Write<'_>, id: ScanId) -> Result<bool> {
    let read = |row: &Row<'_>| Ok((coded::<ScanState>(row, 0)?, path(row, 1)?));
    let Some((state, folder)) = write.conn.prepare_cached(STATE)?.query_row([id.0], read).optional()? else {
        return Ok(false);
    };
    for sql in FORGET {
        write.conn.prepare_cached(sql)?.execute([id.0])?;
    }
    write.tally.gone(state);
    if state == ScanState::Waiting {
        write.waiting.set(&folder, None);
    }
    Ok(true)
}

/// Forgets some of the scans that finished long ago.
pub(super) fn sweep(write: &mut Write<'_>, before: Timestamp, limit: usize) -> Result<usize> {
    let old: Vec<ScanId> = write
        .conn
        .prepare_cached(OLD)?
        .query_map((before.as_millis(), rows(limit)), |row| row.get(0).map(ScanId))?
        .collect::<Result<_>>()?;
    for id in &old {
        drop_scan(write, *id)?;
    }
    Ok(old.len())
}

/// Keeps a setting, or forgets it.
pub(super) fn set_setting(write: &mut Write<'_>, key: &str, value: Option<&str>) -> Result<()> {
    match value {
        Some(value) => write.conn.prepare_cached(SET)?.execute((key, value))?,
        None => write.conn.prepare_cached(UNSET)?.execute([key])?,
    };
    Ok(())
}

/// Changes a row that means nothing.
pub(super) fn probe(write: &mut Write<'_>) -> Result<()> {
    write.conn.prepare_cached(PROBE)?.execute([])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::plan::plan;

    #[test]
    fn a_sweep_walks_nothing_but_what_it_takes() {
        let plan = plan(OLD);
        let step = "SEARCH scan USING COVERING INDEX scan_finished";
        assert!(plan.contains(step) && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}
