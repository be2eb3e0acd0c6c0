//! The words and rules of autoscan.
//!
//! This crate knows no clock, disk, network or runtime: its `Cargo.toml` is the proof. What is decided here
//! (how paths map, when a folder is due, what follows an answer) is decided by pure functions; what has to be
//! awaited is a port in [`ports`], implemented in other rooms.

pub mod anchor;
pub mod cause;
pub mod change;
pub mod delivery;
pub mod duration;
pub mod fault;
pub mod filter;
pub mod guide;
pub mod history;
pub mod hops;
pub mod ids;
pub mod later_look;
pub mod map;
pub mod media;
pub mod name;
pub mod order;
pub mod path;
pub mod ports;
pub mod proof;
pub mod quiet_hours;
pub mod redact;
pub mod retry;
pub mod scan;
pub mod schedule;
pub mod secret;
pub mod session;
pub mod step;
pub mod storm;
pub mod suggest;
pub mod time;
