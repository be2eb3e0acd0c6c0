//! The engine on a store in memory, a fake disk and a clock that runs as fast as it is asked to.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "furniture of tests: what goes wrong here must fail the test"
)]

mod browse;
mod gate;
mod history;
mod intake;
mod lanes;
mod news;
mod pacing;
mod proof;
mod storms;
mod suggest;
mod world;
