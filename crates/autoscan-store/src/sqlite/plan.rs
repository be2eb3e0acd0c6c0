//! How SQLite means to answer, for tests: what is asked every tick must not grow with history.

use rusqlite::Connection;

use super::open::SCHEMA;

/// An empty queue in memory.
pub(super) fn queue() -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch(SCHEMA).unwrap();
    conn
}

/// The steps of the plan, one a line.
pub(super) fn plan(sql: &str) -> String {
    let conn = queue();
    let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    for parameter in 1..=statement.parameter_count() {
        statement.raw_bind_parameter(parameter, 0).unwrap();
    }
    let mut rows = statement.raw_query();
    let mut steps = String::new();
    while let Some(row) = rows.next().unwrap() {
        steps += &row.get::<_, String>("detail").unwrap();
        steps += "\n";
    }
    steps
}
