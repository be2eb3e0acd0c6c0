//! Files that are looked for again.

use async_trait::async_trait;
use autoscan_core::later_look::{LaterLook, MOST_LATER_LOOKS};
use autoscan_core::path::{LocalPath, TriggerPath};
use autoscan_core::ports::{Batch, LaterLookStore, StoreError};
use autoscan_core::time::Timestamp;
use rusqlite::{Connection, Result, Row};

use super::SqliteStore;
use super::rows::{moment, name, path, rows, trigger_path, whole_number};
use super::writer::Durability::ProcessCrash;
use super::writer::Write;

const ANY: &str = "SELECT EXISTS (SELECT 1 FROM later_look)";

const FORGET: &str = "DELETE FROM later_look WHERE path = ?1";

const KEEP: &str =
    "INSERT OR REPLACE INTO later_look (path, trigger_name, sent_path, reported_at, looks, next_at)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// Takes the same parameters.
const CHANGE: &str =
    "UPDATE later_look SET trigger_name = ?2, sent_path = ?3, reported_at = ?4, looks = ?5, next_at = ?6
     WHERE path = ?1";

const FORGET_OLDEST: &str = "DELETE FROM later_look WHERE path IN
     (SELECT path FROM later_look ORDER BY reported_at DESC, path DESC LIMIT -1 OFFSET ?1)";

const DUE: &str = "SELECT path, trigger_name, sent_path, reported_at, looks, next_at FROM later_look
     WHERE next_at <= ?1 ORDER BY next_at, path LIMIT ?2";

const NEXT: &str = "SELECT min(next_at) FROM later_look";

/// Ends the looks for what changed, and keeps those that the batch asks for.
pub(super) fn absorb_later_looks(conn: &Connection, batch: &Batch) -> Result<()> {
    if conn.prepare_cached(ANY)?.query_row([], |row| row.get(0))? {
        for kept in batch.folders.iter().flat_map(|folder| &folder.changes) {
            conn.prepare_cached(FORGET)?.execute([kept.change.path.as_str()])?;
        }
    }
    if batch.later_looks.is_empty() {
        return Ok(());
    }
    for look in &batch.later_looks {
        put(conn, KEEP, look)?;
    }
    conn.prepare_cached(FORGET_OLDEST)?.execute([rows(MOST_LATER_LOOKS)])?;
    Ok(())
}

fn put(conn: &Connection, sql: &str, look: &LaterLook) -> Result<usize> {
    conn.prepare_cached(sql)?.execute((
        look.path.as_str(),
        look.trigger.as_str(),
        look.sent_path.as_ref().map(TriggerPath::as_str),
        look.reported_at.as_millis(),
        look.looks,
        look.next_at.as_millis(),
    ))
}

fn read(row: &Row<'_>) -> Result<LaterLook> {
    Ok(LaterLook {
        path: path(row, 0)?,
        trigger: name(row, 1)?,
        sent_path: trigger_path(row, 2)?,
        reported_at: Timestamp::from_millis(row.get(3)?),
        looks: whole_number(row, 4)?,
        next_at: Timestamp::from_millis(row.get(5)?),
    })
}

fn change(write: &mut Write<'_>, later: &[LaterLook], over: &[LocalPath]) -> Result<()> {
    for path in over {
        write.conn.prepare_cached(FORGET)?.execute([path.as_str()])?;
    }
    for look in later {
        put(write.conn, CHANGE, look)?;
    }
    Ok(())
}

#[async_trait]
impl LaterLookStore for SqliteStore {
    async fn due_later_looks(&self, now: Timestamp, limit: usize) -> Result<Vec<LaterLook>, StoreError> {
        let due = move |conn: &Connection| {
            conn.prepare_cached(DUE)?.query_map((now.as_millis(), rows(limit)), read)?.collect()
        };
        self.scheduling.ask(due).await
    }

    async fn next_later_look(&self) -> Result<Option<Timestamp>, StoreError> {
        self.scheduling.ask(|conn| conn.prepare_cached(NEXT)?.query_row([], |row| moment(row, 0))).await
    }

    async fn change_later_looks(
        &self,
        later: Vec<LaterLook>,
        over: Vec<LocalPath>,
    ) -> Result<(), StoreError> {
        self.writer.ask(ProcessCrash, move |write| change(write, &later, &over)).await
    }
}
