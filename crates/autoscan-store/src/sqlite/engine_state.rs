//! What is kept beside the queue: bookmarks, pauses, mounts, storms.

use autoscan_core::name::Name;
use autoscan_core::path::LocalPath;
use autoscan_core::storm::HeldStorm;
use autoscan_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Result, Row};

use super::rows::{moment, name, path, rows, whole_number};
use super::writer::Write;

const BOOKMARK: &str = "SELECT place FROM bookmark WHERE trigger_name = ?1";

const PAUSES: &str = "SELECT target, until FROM pause ORDER BY target";
const PAUSE: &str = "INSERT OR REPLACE INTO pause (target, until) VALUES (?1, ?2)";
const RESUME: &str = "DELETE FROM pause WHERE target = ?1";

const MOUNTS: &str = "SELECT path FROM mount ORDER BY path";
const ADD_MOUNT: &str = "INSERT OR IGNORE INTO mount (path) VALUES (?1)";
const FORGET_MOUNT: &str = "DELETE FROM mount WHERE path = ?1";

const STORMS: &str = "SELECT prefix, deleted, last FROM storm ORDER BY prefix";
const KEEP_STORM: &str = "INSERT OR REPLACE INTO storm (prefix, deleted, last) VALUES (?1, ?2, ?3)";
const FORGET_STORM: &str = "DELETE FROM storm WHERE prefix = ?1";

/// How far a trigger's source was read.
pub(super) fn bookmark(conn: &Connection, trigger: &Name) -> Result<Option<String>> {
    conn.prepare_cached(BOOKMARK)?.query_row([trigger.as_str()], |row| row.get(0)).optional()
}

/// The targets that a person has paused, and until when.
pub(super) fn pauses(conn: &Connection) -> Result<Vec<(Name, Option<Timestamp>)>> {
    let read = |row: &Row<'_>| Ok((name(row, 0)?, moment(row, 1)?));
    conn.prepare_cached(PAUSES)?.query_map([], read)?.collect()
}

/// Pauses targets.
pub(super) fn pause(write: &mut Write<'_>, targets: &[Name], until: Option<Timestamp>) -> Result<()> {
    for target in targets {
        let until = until.map(Timestamp::as_millis);
        write.conn.prepare_cached(PAUSE)?.execute((target.as_str(), until))?;
    }
    Ok(())
}

/// Ends the pauses of targets.
pub(super) fn resume(write: &mut Write<'_>, targets: &[Name]) -> Result<()> {
    for target in targets {
        write.conn.prepare_cached(RESUME)?.execute([target.as_str()])?;
    }
    Ok(())
}

/// The mounts that scanned folders were seen on.
pub(super) fn mounts(conn: &Connection) -> Result<Vec<LocalPath>> {
    conn.prepare_cached(MOUNTS)?.query_map([], |row| path(row, 0))?.collect()
}

/// Keeps and forgets mounts.
pub(super) fn change_mounts(write: &mut Write<'_>, seen: &[LocalPath], gone: &[LocalPath]) -> Result<()> {
    for (sql, paths) in [(FORGET_MOUNT, gone), (ADD_MOUNT, seen)] {
        for path in paths {
            write.conn.prepare_cached(sql)?.execute([path.as_str()])?;
        }
    }
    Ok(())
}

/// The storms that are held.
pub(super) fn storms(conn: &Connection) -> Result<Vec<HeldStorm>> {
    let read = |row: &Row<'_>| {
        Ok(HeldStorm {
            prefix: path(row, 0)?,
            deleted: whole_number(row, 1)?,
            last: Timestamp::from_millis(row.get(2)?),
        })
    };
    conn.prepare_cached(STORMS)?.query_map([], read)?.collect()
}

/// Keeps and forgets storms.
pub(super) fn change_storms(write: &mut Write<'_>, held: &[HeldStorm], over: &[LocalPath]) -> Result<()> {
    for prefix in over {
        write.conn.prepare_cached(FORGET_STORM)?.execute([prefix.as_str()])?;
    }
    for HeldStorm { prefix, deleted, last } in held {
        let values = (prefix.as_str(), rows(*deleted), last.as_millis());
        write.conn.prepare_cached(KEEP_STORM)?.execute(values)?;
    }
    Ok(())
}
