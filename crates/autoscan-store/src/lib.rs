//! Rows: the queue on SQLite, and in memory for tests. The only user of SQL.
//!
//! [`SqliteStore`] and [`MemoryStore`] are two implementations of one port, [`autoscan_core::ports::Store`], and obey
//! one suite of laws (`tests/laws.rs`). What both must decide alike is in `rules`.

mod memory;
mod rules;
mod sqlite;

pub use memory::MemoryStore;
pub use sqlite::{OpenError, Options, SqliteStore};
