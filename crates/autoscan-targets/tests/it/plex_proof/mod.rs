//! How Plex is asked for files, listened to and cared for, against a pretend Plex that holds items.

mod analysis;
mod bad_days;
mod causes;
mod find;
mod large;
mod matches;
mod scans;
mod sidecars;
mod stand;
mod trash;
mod websocket;
