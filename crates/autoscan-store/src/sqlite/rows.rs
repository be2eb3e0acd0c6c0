//! Rows to values and back.

use autoscan_core::cause::Remedy;
use autoscan_core::change::{Change, ChangeKind, Subject};
use autoscan_core::delivery::{Delivery, DeliveryState};
use autoscan_core::ids::Ids;
use autoscan_core::name::Name;
use autoscan_core::path::{LocalPath, TriggerPath};
use autoscan_core::scan::{Scan, ScanId, ScanState, StoredChange};
use autoscan_core::time::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, Error, OptionalExtension as _, Result, Row, named_params};

use super::codes::{Coded, coded};
use super::inline_changes::InlineChanges;

/// The columns that [`scan`] reads.
macro_rules! scan_columns {
    () => {
        "id, folder, state, priority, first_seen, due_at, generation, finished_at, note, changes"
    };
}

const SHOW: &str = concat!("SELECT ", scan_columns!(), " FROM scan WHERE id = ?1");

/// The columns that [`change`] reads.
macro_rules! change_columns {
    () => {
        "path, kind, from_path, is_folder, awaited, trigger_name, received_at, targets, ids, sent_path"
    };
}

/// The columns that [`delivery`] reads.
macro_rules! delivery_columns {
    () => {
        "target, state, attempts, next_attempt_at, sent_at, seen_at, error, widened, cared, note, faults, excluded, absent,
         tellings, remedy, evidence"
    };
}

const CHANGES: &str = concat!("SELECT ", change_columns!(), " FROM change WHERE scan = ?1 ORDER BY position");

const CHANGE: &str = concat!("SELECT ", change_columns!(), " FROM change WHERE scan = ?1 AND path = ?2");

const DELIVERIES: &str =
    concat!("SELECT ", delivery_columns!(), " FROM delivery WHERE scan = ?1 ORDER BY target");

const DELIVERY: &str =
    concat!("SELECT ", delivery_columns!(), " FROM delivery WHERE scan = ?1 AND target = ?2");

/// Whoever had a lease on the delivery has none any more; its number goes on growing.
const PUT_DELIVERY: &str = "INSERT INTO delivery
     (scan, target, state, attempts, faults, tellings, next_attempt_at, sent_at, seen_at, error, excluded, absent, widened, cared,
      note, priority, ready_at, remedy, evidence)
     VALUES (:scan, :target, :state, :attempts, :faults, :tellings, :next_attempt_at, :sent_at, :seen_at, :error, :excluded,
             :absent, :widened, :cared, :note, :priority, :ready_at, :remedy, :evidence)
     ON CONFLICT (scan, target) DO UPDATE SET lease_owner = NULL, state = excluded.state, attempts = excluded.attempts,
             faults = excluded.faults, tellings = excluded.tellings, next_attempt_at = excluded.next_attempt_at,
             sent_at = excluded.sent_at, seen_at = excluded.seen_at, error = excluded.error, excluded = excluded.excluded, absent = excluded.absent,
             widened = excluded.widened, cared = excluded.cared, note = excluded.note, priority = excluded.priority,
             ready_at = excluded.ready_at, remedy = excluded.remedy, evidence = excluded.evidence";

/// A count of rows for a LIMIT.
pub(super) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A number that is never negative, in a column.
pub(super) fn whole_number<T: TryFrom<i64>>(row: &Row<'_>, column: usize) -> Result<T> {
    let number: i64 = row.get(column)?;
    T::try_from(number).map_err(|_negative| Error::IntegralValueOutOfRange(column, number))
}

/// The moment in a column.
pub(super) fn moment(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
}

fn unreadable(column: usize, reason: String) -> Error {
    Error::FromSqlConversionFailure(column, Type::Text, reason.into())
}

/// The path in a column.
pub(super) fn path(row: &Row<'_>, column: usize) -> Result<LocalPath> {
    LocalPath::parse(row.get_ref(column)?.as_str()?)
        .map_err(|refusal| unreadable(column, refusal.to_string()))
}

/// A path as a sender wrote it, if there is one.
pub(super) fn trigger_path(row: &Row<'_>, column: usize) -> Result<Option<TriggerPath>> {
    let text = row.get_ref(column)?.as_str_or_null()?;
    let parsed = text.map(TriggerPath::parse).transpose();
    parsed.map_err(|refusal| unreadable(column, refusal.to_string()))
}

/// The name in a column.
pub(super) fn name(row: &Row<'_>, column: usize) -> Result<Name> {
    Name::parse(row.get_ref(column)?.as_str()?).map_err(|reason| unreadable(column, reason))
}

/// Targets as they are kept: no name holds a comma.
pub(super) fn targets_text(targets: Option<&[Name]>) -> Option<String> {
    targets.map(|names| names.iter().map(Name::as_str).collect::<Vec<_>>().join(","))
}

/// Ids as they are kept.
pub(super) fn ids_text(ids: &Ids) -> Option<String> {
    (!ids.is_empty()).then(|| ids.to_string())
}

/// Targets from what [`targets_text`] made of them.
pub(super) fn targets_of(text: &str) -> std::result::Result<Vec<Name>, String> {
    text.split(',').filter(|name| !name.is_empty()).map(Name::parse).collect()
}

fn targets(row: &Row<'_>, column: usize) -> Result<Option<Vec<Name>>> {
    let text = row.get_ref(column)?.as_str_or_null()?;
    text.map(|text| targets_of(text).map_err(|reason| unreadable(column, reason))).transpose()
}

/// A scan without its changes and deliveries, from [`scan_columns`].
fn scan(row: &Row<'_>) -> Result<(Scan, InlineChanges)> {
    let changes = InlineChanges::read(row.get_ref(9)?.as_str_or_null()?)?;
    let scan = Scan {
        id: ScanId(row.get(0)?),
        folder: path(row, 1)?,
        state: coded::<ScanState>(row, 2)?,
        priority: row.get(3)?,
        first_seen: Timestamp::from_millis(row.get(4)?),
        due_at: Timestamp::from_millis(row.get(5)?),
        generation: row.get(6)?,
        finished_at: moment(row, 7)?,
        note: row.get(8)?,
        changes: Vec::new(),
        deliveries: Vec::new(),
    };
    Ok((scan, changes))
}

fn change(row: &Row<'_>) -> Result<StoredChange> {
    Ok(StoredChange {
        change: Change {
            path: path(row, 0)?,
            kind: coded::<ChangeKind>(row, 1)?,
            from: match row.get_ref(2)?.as_str_or_null()? {
                Some(_) => Some(path(row, 2)?),
                None => None,
            },
            subject: if row.get(3)? { Subject::Folder } else { Subject::File },
            awaited: row.get(4)?,
            ids: row.get_ref(8)?.as_str_or_null()?.map(Ids::parse).unwrap_or_default(),
        },
        trigger: name(row, 5)?,
        received_at: Timestamp::from_millis(row.get(6)?),
        targets: targets(row, 7)?,
        sent_path: trigger_path(row, 9)?,
    })
}

fn delivery(row: &Row<'_>) -> Result<Delivery> {
    Ok(Delivery {
        target: name(row, 0)?,
        state: coded::<DeliveryState>(row, 1)?,
        attempts: row.get(2)?,
        next_attempt_at: moment(row, 3)?,
        sent_at: moment(row, 4)?,
        seen_at: moment(row, 5)?,
        error: row.get(6)?,
        widened: row.get(7)?,
        cared: row.get(8)?,
        note: row.get(9)?,
        faults: row.get(10)?,
        excluded: row.get(11)?,
        absent: row.get(12)?,
        tellings: row.get(13)?,
        remedy: row.get_ref(14)?.as_str_or_null()?.and_then(remedy_of),
        evidence: row.get(15)?,
    })
}

/// A remedy from the text in which it is kept. One of a later autoscan is none.
fn remedy_of(text: &str) -> Option<Remedy> {
    serde_json::from_str(text).ok()
}

/// A scan's changes, in the order of their coming.
pub(super) fn changes_of(conn: &Connection, id: ScanId, inline: InlineChanges) -> Result<Vec<StoredChange>> {
    let rows = conn.prepare_cached(CHANGES)?.query_map([id.0], change)?.collect::<Result<_>>()?;
    Ok(inline.followed_by(rows))
}

/// What a row of its own says of one path of a scan.
pub(super) fn change_of(conn: &Connection, id: ScanId, path: &LocalPath) -> Result<Option<StoredChange>> {
    conn.prepare_cached(CHANGE)?.query_row((id.0, path.as_str()), change).optional()
}

/// A scan's deliveries, by target name.
pub(super) fn deliveries_of(conn: &Connection, id: ScanId) -> Result<Vec<Delivery>> {
    conn.prepare_cached(DELIVERIES)?.query_map([id.0], delivery)?.collect()
}

/// A scan's delivery to one target.
pub(super) fn delivery_of(conn: &Connection, id: ScanId, target: &Name) -> Result<Delivery> {
    conn.prepare_cached(DELIVERY)?.query_row((id.0, target.as_str()), delivery)
}

/// One scan with its changes and deliveries.
pub(super) fn show(conn: &Connection, id: ScanId) -> Result<Option<Scan>> {
    let found = conn.prepare_cached(SHOW)?.query_row([id.0], scan).optional()?;
    let whole = |(scan, inline)| {
        let changes = changes_of(conn, id, inline)?;
        Ok(Scan { changes, deliveries: deliveries_of(conn, id)?, ..scan })
    };
    found.map(whole).transpose()
}

/// Keeps a delivery that nobody leases; it can be claimed from `ready_at` on.
pub(super) fn put_delivery(
    conn: &Connection,
    id: ScanId,
    priority: i64,
    delivery: &Delivery,
    ready_at: Option<Timestamp>,
) -> Result<()> {
    conn.prepare_cached(PUT_DELIVERY)?.execute(named_params! {
        ":scan": id.0,
        ":target": delivery.target.as_str(),
        ":state": delivery.state.code(),
        ":attempts": delivery.attempts,
        ":next_attempt_at": delivery.next_attempt_at.map(Timestamp::as_millis),
        ":sent_at": delivery.sent_at.map(Timestamp::as_millis),
        ":seen_at": delivery.seen_at.map(Timestamp::as_millis),
        ":error": delivery.error,
        ":faults": delivery.faults,
        ":tellings": delivery.tellings,
        ":excluded": delivery.excluded,
        ":absent": delivery.absent,
        ":widened": delivery.widened,
        ":cared": delivery.cared,
        ":note": delivery.note,
        ":remedy": delivery.remedy.as_ref().and_then(|remedy| serde_json::to_string(remedy).ok()),
        ":evidence": delivery.evidence,
        ":priority": priority,
        ":ready_at": ready_at.map(Timestamp::as_millis),
    })?;
    Ok(())
}
