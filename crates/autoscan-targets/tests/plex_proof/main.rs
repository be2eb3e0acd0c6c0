//! How Plex is asked for files, listened to and cared for, against a pretend Plex that holds items.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod analysis;
mod bad_days;
mod causes;
mod find;
mod large;
mod matches;
mod scans;
mod sidecars;
mod stand;
#[path = "../support/mod.rs"]
mod support;
mod trash;
mod websocket;
