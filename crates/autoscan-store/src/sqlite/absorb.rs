//! The way into the queue.

use autoscan_core::change::Subject;
use autoscan_core::path::{LocalPath, TriggerPath};
use autoscan_core::ports::{Absorb, Batch, Bookmark, Receipt, RefusalRecord};
use autoscan_core::scan::{ScanId, StoredChange};
use autoscan_core::schedule::Schedule;
use autoscan_core::time::Timestamp;
use rusqlite::{Connection, Result, Row};

use super::codes::Coded;
use super::inline_changes::InlineChanges;
use super::later_looks::absorb_later_looks;
use super::rows::{change_of, ids_text, moment, rows, targets_text};
use super::writer::Write;
use crate::rules::{self, REFUSALS_KEPT};

const WAITING: &str =
    "SELECT priority, first_seen, due_at, held_until, generation, changes, due_without_replacement,
     counted_from FROM scan WHERE id = ?1 AND folder = ?2 AND state = 0";

const NEW_SCAN: &str =
    "INSERT INTO scan (id, folder, state, priority, first_seen, due_at, generation, changes, due_without_replacement)
     VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6, ?7, ?8)";

const MERGE_SCAN: &str =
    "UPDATE scan SET priority = ?2, due_at = ?3, generation = ?4, changes = ?5, due_without_replacement = ?6,
     counted_from = ?7 WHERE id = ?1";

const NEW_CHANGE: &str = "INSERT INTO change
     (scan, path, position, kind, from_path, is_folder, awaited, trigger_name, received_at, targets, ids,
      sent_path)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";

/// Takes the same parameters; the position stays that of the first coming.
const MERGE_CHANGE: &str = "UPDATE change SET kind = ?4, from_path = ?5, is_folder = ?6, awaited = ?7,
     trigger_name = ?8, received_at = ?9, targets = ?10, ids = ?11, sent_path = ?12
     WHERE scan = ?1 AND path = ?2";

const NEW_REFUSAL: &str = "INSERT INTO refusal (trigger_name, reason, received_at) VALUES (?1, ?2, ?3)";

const FORGET_REFUSALS: &str = "DELETE FROM refusal WHERE id <= (SELECT max(id) FROM refusal) - ?1";

const KEEP_BOOKMARK: &str = "INSERT OR REPLACE INTO bookmark (trigger_name, place) VALUES (?1, ?2)";

/// Merges a batch into the waiting scans.
pub(super) fn absorb(write: &mut Write<'_>, batch: &Batch) -> Result<Receipt> {
    let folders = batch.folders.iter();
    let scans =
        folders.map(|folder| absorb_folder(write, folder, batch.received_at)).collect::<Result<_>>()?;
    absorb_later_looks(write.conn, batch)?;
    keep_refusals(write.conn, &batch.refusals)?;
    if let Some(Bookmark { trigger, place }) = &batch.bookmark {
        write.conn.prepare_cached(KEEP_BOOKMARK)?.execute((trigger.as_str(), place))?;
    }
    Ok(Receipt { scans })
}

/// A waiting scan as far as merging needs it.
struct Waiting {
    priority: i64,
    first_seen: Timestamp,
    schedule: Schedule,
    held_until: Option<Timestamp>,
    generation: i64,
    changes: InlineChanges,
}

fn absorb_folder(write: &mut Write<'_>, absorb: &Absorb, now: Timestamp) -> Result<ScanId> {
    if let Some(id) = write.waiting.find(&absorb.folder) {
        merge_scan(write.conn, id, absorb, now)?;
        return Ok(id);
    }
    let id = write.tally.next_scan();
    let mut changes = InlineChanges::default();
    absorb_changes(write.conn, id, 0, &absorb.changes, &mut changes)?;
    let schedule = Schedule::new(absorb.quiet, rules::replacement_news(absorb), now);
    write.conn.prepare_cached(NEW_SCAN)?.execute((
        id.0,
        absorb.folder.as_str(),
        absorb.priority,
        now.as_millis(),
        schedule.due_at.as_millis(),
        rows(absorb.changes.len()),
        changes.into_text()?,
        schedule.due_without_replacement.map(Timestamp::as_millis),
    ))?;
    write.tally.born(id);
    write.waiting.set(&absorb.folder, Some(id));
    Ok(id)
}

/// Merges into the waiting scan that the folder has.
fn merge_scan(conn: &Connection, id: ScanId, absorb: &Absorb, now: Timestamp) -> Result<()> {
    let read = |row: &Row<'_>| {
        Ok(Waiting {
            priority: row.get(0)?,
            first_seen: Timestamp::from_millis(row.get(1)?),
            schedule: Schedule {
                due_at: Timestamp::from_millis(row.get(2)?),
                due_without_replacement: moment(row, 6)?,
                counted_from: moment(row, 7)?,
            },
            held_until: moment(row, 3)?,
            generation: row.get(4)?,
            changes: InlineChanges::read(row.get_ref(5)?.as_str_or_null()?)?,
        })
    };
    let mut known = conn.prepare_cached(WAITING)?.query_row((id.0, absorb.folder.as_str()), read)?;
    absorb_changes(conn, id, known.generation, &absorb.changes, &mut known.changes)?;
    let news = rules::replacement_news(absorb);
    let schedule = known.schedule.after(absorb.quiet, known.first_seen, news, known.held_until, now);
    conn.prepare_cached(MERGE_SCAN)?.execute((
        id.0,
        known.priority.max(absorb.priority),
        schedule.due_at.as_millis(),
        known.generation + rows(absorb.changes.len()),
        known.changes.into_text()?,
        schedule.due_without_replacement.map(Timestamp::as_millis),
        schedule.counted_from.map(Timestamp::as_millis),
    ))?;
    Ok(())
}

/// Merges changes into those that a scan has: in its own row as far as there is room, and in rows of their own.
fn absorb_changes(
    conn: &Connection,
    id: ScanId,
    known: i64,
    changes: &[StoredChange],
    inline: &mut InlineChanges,
) -> Result<()> {
    for (position, change) in (known..).zip(changes) {
        if !inline.merge(change) && !inline.add(change)? {
            absorb_change(conn, id, position, change)?;
        }
    }
    Ok(())
}

fn absorb_change(conn: &Connection, id: ScanId, position: i64, change: &StoredChange) -> Result<()> {
    match change_of(conn, id, &change.change.path)? {
        Some(known) => put_change(conn, MERGE_CHANGE, id, position, &rules::merged(known, change))?,
        None => put_change(conn, NEW_CHANGE, id, position, change)?,
    };
    Ok(())
}

fn put_change(conn: &Connection, sql: &str, id: ScanId, position: i64, kept: &StoredChange) -> Result<usize> {
    let change = &kept.change;
    conn.prepare_cached(sql)?.execute((
        id.0,
        change.path.as_str(),
        position,
        change.kind.code(),
        change.from.as_ref().map(LocalPath::as_str),
        change.subject == Subject::Folder,
        change.awaited,
        kept.trigger.as_str(),
        kept.received_at.as_millis(),
        targets_text(kept.targets.as_deref()),
        ids_text(&change.ids),
        kept.sent_path.as_ref().map(TriggerPath::as_str),
    ))
}

fn keep_refusals(conn: &Connection, refusals: &[RefusalRecord]) -> Result<()> {
    if refusals.is_empty() {
        return Ok(());
    }
    for refusal in refusals {
        conn.prepare_cached(NEW_REFUSAL)?.execute((
            refusal.trigger.as_str(),
            refusal.reason.as_str(),
            refusal.received_at.as_millis(),
        ))?;
    }
    conn.prepare_cached(FORGET_REFUSALS)?.execute([rows(REFUSALS_KEPT)])?;
    Ok(())
}
