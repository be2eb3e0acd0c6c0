//! The client against servers that behave badly.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod exchange;
mod websockets;
