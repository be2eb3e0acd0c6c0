//! A clock that was set back.

use autoscan_core::time::Timestamp;
use rusqlite::{Connection, Result};

use super::rows::moment;
use super::writer::Write;

/// The scans that wait or run.
macro_rules! open {
    () => {
        "SELECT id FROM scan INDEXED BY scan_due WHERE state = 0 AND held_for = ''
         UNION ALL SELECT id FROM scan INDEXED BY scan_held WHERE held_for <> ''
         UNION ALL SELECT id FROM scan INDEXED BY scan_state WHERE state <> 0 AND state = 1"
    };
}

const NEWEST: &str = concat!(
    "WITH open (number) AS MATERIALIZED (",
    open!(),
    ")
     SELECT max(at) FROM (
         SELECT max(finished_at) AS at FROM scan INDEXED BY scan_finished WHERE finished_at IS NOT NULL
         UNION ALL SELECT max(first_seen) FROM open CROSS JOIN scan ON id = number
         UNION ALL SELECT max(received_at) FROM open CROSS JOIN change ON scan = number
         UNION ALL SELECT max(value ->> 'at') FROM open CROSS JOIN scan ON scan.id = number CROSS JOIN json_each(changes)
         UNION ALL SELECT max(sent_at) FROM open CROSS JOIN delivery ON scan = number
         UNION ALL SELECT max(seen_at) FROM open CROSS JOIN delivery ON scan = number
         UNION ALL SELECT max(at) FROM open CROSS JOIN step ON scan = number
         UNION ALL SELECT max(received_at) FROM refusal
         UNION ALL SELECT max(last) FROM storm
         UNION ALL SELECT max(last_at) FROM trigger_count
         UNION ALL SELECT max(lost_since) FROM trigger_count
         UNION ALL SELECT max(at) FROM trigger_event)"
);

/// Of these it is answered how many they were.
const BRING: [&str; 3] = [
    concat!(
        "UPDATE scan SET first_seen = min(first_seen, ?1), due_at = min(due_at, ?1), held_until = min(held_until, ?1),
             due_without_replacement = min(due_without_replacement, ?1), counted_from = min(counted_from, ?1)
         WHERE (first_seen > ?1 OR due_at > ?1 OR held_until > ?1 OR due_without_replacement > ?1 OR counted_from > ?1)
             AND id IN (",
        open!(),
        ")"
    ),
    concat!(
        "UPDATE delivery SET next_attempt_at = min(next_attempt_at, ?1), ready_at = min(ready_at, ?1),
             sent_at = min(sent_at, ?1), seen_at = min(seen_at, ?1)
         WHERE (next_attempt_at > ?1 OR sent_at > ?1 OR seen_at > ?1) AND scan IN (",
        open!(),
        ")"
    ),
    "UPDATE delivery SET next_attempt_at = ?1, ready_at = ?1
     WHERE ready_at > ?1 AND ready_at IS NOT NULL AND lease_owner IS NULL AND state = 4
         AND scan NOT IN (SELECT id FROM scan INDEXED BY scan_state WHERE state <> 0 AND state = 1)",
];

const BRING_TOO: [&str; 11] = [
    concat!(
        "UPDATE scan SET changes = (SELECT json_group_array(json_set(value, '$.at', min(value ->> 'at', ?1)))
             FROM json_each(changes))
         WHERE EXISTS (SELECT 1 FROM json_each(changes) WHERE value ->> 'at' > ?1) AND id IN (",
        open!(),
        ")"
    ),
    concat!("UPDATE change SET received_at = ?1 WHERE received_at > ?1 AND scan IN (", open!(), ")"),
    concat!("UPDATE step SET at = ?1 WHERE at > ?1 AND scan IN (", open!(), ")"),
    "UPDATE scan INDEXED BY scan_finished SET finished_at = ?1 WHERE finished_at IS NOT NULL AND finished_at > ?1",
    "UPDATE refusal SET received_at = ?1 WHERE received_at > ?1",
    "UPDATE storm SET last = ?1 WHERE last > ?1",
    "UPDATE trigger_count SET last_at = ?1 WHERE last_at > ?1",
    "UPDATE trigger_count SET lost_since = ?1 WHERE lost_since > ?1",
    "UPDATE trigger_event SET at = ?1 WHERE at > ?1",
    "UPDATE later_look SET reported_at = ?1 WHERE reported_at > ?1",
    "UPDATE later_look SET next_at = ?1 WHERE next_at > ?1",
];

/// The newest time at which something is kept to have happened.
pub(super) fn newest(conn: &Connection) -> Result<Option<Timestamp>> {
    conn.query_row(NEWEST, [], |row| moment(row, 0))
}

/// Brings what lies after `now` to `now`. Answers how many open scans and deliveries that were.
pub(super) fn bring_to(write: &mut Write<'_>, now: Timestamp) -> Result<usize> {
    let bring = |sql: &str| write.conn.execute(sql, [now.as_millis()]);
    let count = BRING.iter().map(|sql| bring(sql)).sum::<Result<usize>>()?;
    BRING_TOO.iter().try_for_each(|sql| bring(sql).map(|_count| ()))?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::plan::plan;

    #[test]
    fn a_clock_that_was_set_back_is_mended_without_a_walk_over_what_finished() {
        for sql in BRING.into_iter().chain(BRING_TOO).chain([NEWEST]) {
            let plan = plan(sql);
            for table in ["scan", "change", "delivery", "step"] {
                let walk = format!("SCAN {table}");
                let walks = plan.lines().filter(|step| step.trim() == walk).count();
                assert_eq!(walks, 0, "{sql}: {plan}");
            }
        }
    }
}
