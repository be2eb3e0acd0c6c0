//! How every kind of trigger reads what its sender writes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops there")]

mod fixtures;
mod fuzz_smoke;
mod reading;
mod sequences;
