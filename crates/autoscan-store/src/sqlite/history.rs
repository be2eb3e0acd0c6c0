//! What is counted of the past: by trigger and by hour.

use std::fmt::Display;
use std::str::FromStr;

use autoscan_core::history::{HourCounts, TriggerCounts, TriggerEvent, VISIBLE_CLASSES};
use autoscan_core::name::Name;
use autoscan_core::scan::ScanId;
use autoscan_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Result, Row};

use super::rows::{moment, name, rows, whole_number};
use super::writer::Write;
use crate::rules;

macro_rules! count_columns {
    () => {
        "SELECT trigger_name, events, changes, refused, last_at, last_event, lost, lost_since, dismissed FROM trigger_count"
    };
}

const ALL_COUNTS: &str = concat!(count_columns!(), " ORDER BY trigger_name");

const COUNTS: &str = concat!(count_columns!(), " WHERE trigger_name = ?1");

const EVENTS: &str = "SELECT at, event, outcome, scans, refused, times FROM trigger_event
     WHERE trigger_name = ?1 ORDER BY position";

const KEEP_COUNTS: &str = "INSERT OR REPLACE INTO trigger_count
     (trigger_name, events, changes, refused, last_at, last_event, lost, lost_since, dismissed)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

const FORGET_EVENTS: &str = "DELETE FROM trigger_event WHERE trigger_name = ?1";

const KEEP_EVENT: &str = "INSERT INTO trigger_event
     (trigger_name, position, at, event, outcome, scans, refused, times) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

const HOURS: &str =
    "SELECT hour, changes, done, attention, visible, slowest FROM hour WHERE hour >= ?1 ORDER BY hour";

const HOUR: &str = "SELECT hour, changes, done, attention, visible, slowest FROM hour WHERE hour = ?1";

const KEEP_HOUR: &str = "INSERT OR REPLACE INTO hour (hour, changes, done, attention, visible, slowest)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

const FORGET_HOURS: &str = "DELETE FROM hour WHERE hour < ?1";

fn joined(values: impl IntoIterator<Item = impl Display>) -> String {
    values.into_iter().map(|value| value.to_string()).collect::<Vec<_>>().join(",")
}

fn numbers<T: FromStr>(text: &str) -> impl Iterator<Item = T> {
    text.split(',').filter_map(|number| number.trim().parse().ok())
}

fn counts(row: &Row<'_>) -> Result<TriggerCounts> {
    let last_event: Option<String> = row.get(5)?;
    Ok(TriggerCounts {
        trigger: name(row, 0)?,
        events: whole_number(row, 1)?,
        changes: whole_number(row, 2)?,
        refused: whole_number(row, 3)?,
        lost: whole_number(row, 6)?,
        lost_since: moment(row, 7)?,
        dismissed: whole_number(row, 8)?,
        last: moment(row, 4)?.map(|at| (at, last_event.unwrap_or_default())),
        recent: Vec::new(),
    })
}

fn event(row: &Row<'_>) -> Result<TriggerEvent> {
    Ok(TriggerEvent {
        at: Timestamp::from_millis(row.get(0)?),
        event: row.get(1)?,
        outcome: row.get(2)?,
        scans: numbers(row.get_ref(3)?.as_str()?).map(ScanId).collect(),
        refused: row.get(4)?,
        times: whole_number(row, 5)?,
    })
}

fn with_events(conn: &Connection, counts: TriggerCounts) -> Result<TriggerCounts> {
    let mut statement = conn.prepare_cached(EVENTS)?;
    let recent = statement.query_map([counts.trigger.as_str()], event)?.collect::<Result<_>>()?;
    Ok(TriggerCounts { recent, ..counts })
}

/// What each trigger sent.
pub(super) fn trigger_counts(conn: &Connection) -> Result<Vec<TriggerCounts>> {
    let mut statement = conn.prepare_cached(ALL_COUNTS)?;
    let all = statement.query_map([], counts)?;
    all.map(|counts| with_events(conn, counts?)).collect()
}

fn counts_of(conn: &Connection, trigger: &Name) -> Result<TriggerCounts> {
    let found = conn.prepare_cached(COUNTS)?.query_row([trigger.as_str()], counts).optional()?;
    found.map_or_else(|| Ok(rules::no_counts(trigger.clone())), |counts| with_events(conn, counts))
}

/// Adds to what triggers sent.
pub(super) fn add_trigger_counts(write: &mut Write<'_>, more: &[TriggerCounts]) -> Result<()> {
    for more in more {
        let mut known = counts_of(write.conn, &more.trigger)?;
        rules::add_trigger_counts(&mut known, more.clone());
        keep_counts(write.conn, &known)?;
    }
    Ok(())
}

fn keep_counts(conn: &Connection, counts: &TriggerCounts) -> Result<()> {
    let trigger = counts.trigger.as_str();
    conn.prepare_cached(KEEP_COUNTS)?.execute((
        trigger,
        large(counts.events),
        large(counts.changes),
        large(counts.refused),
        counts.last.as_ref().map(|(at, _event)| at.as_millis()),
        counts.last.as_ref().map(|(_at, event)| event),
        large(counts.lost),
        counts.lost_since.map(Timestamp::as_millis),
        large(counts.dismissed),
    ))?;
    conn.prepare_cached(FORGET_EVENTS)?.execute([trigger])?;
    for (position, event) in counts.recent.iter().enumerate() {
        conn.prepare_cached(KEEP_EVENT)?.execute((
            trigger,
            rows(position),
            event.at.as_millis(),
            &event.event,
            &event.outcome,
            joined(event.scans.iter().map(|scan| scan.0)),
            event.refused,
            event.times,
        ))?;
    }
    Ok(())
}

/// Numbers in SQLite are signed: none of ours comes so far.
fn large(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn hour(row: &Row<'_>) -> Result<HourCounts> {
    let mut visible = [0; VISIBLE_CLASSES];
    for (count, kept) in visible.iter_mut().zip(numbers(row.get_ref(4)?.as_str()?)) {
        *count = kept;
    }
    Ok(HourCounts {
        hour: row.get(0)?,
        changes: whole_number(row, 1)?,
        done: whole_number(row, 2)?,
        attention: whole_number(row, 3)?,
        visible,
        slowest: whole_number(row, 5)?,
    })
}

/// What was counted from an hour on.
pub(super) fn hours(conn: &Connection, from: i64) -> Result<Vec<HourCounts>> {
    conn.prepare_cached(HOURS)?.query_map([from], hour)?.collect()
}

/// Adds to what was counted in hours, and forgets those before `from`.
pub(super) fn add_hours(write: &mut Write<'_>, more: &[HourCounts], from: i64) -> Result<()> {
    for more in more {
        let known = write.conn.prepare_cached(HOUR)?.query_row([more.hour], hour).optional()?;
        let mut counts = known.unwrap_or_else(|| HourCounts { hour: more.hour, ..HourCounts::default() });
        counts.add(more);
        write.conn.prepare_cached(KEEP_HOUR)?.execute((
            counts.hour,
            large(counts.changes),
            large(counts.done),
            large(counts.attention),
            joined(counts.visible),
            large(counts.slowest),
        ))?;
    }
    write.conn.prepare_cached(FORGET_HOURS)?.execute([from])?;
    Ok(())
}
