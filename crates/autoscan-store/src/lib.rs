//! Rows: the queue on SQLite, and in memory for tests. The only user of SQL.
