//! The engine on a store in memory, a fake disk and a clock that runs as fast as it is asked to.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what goes wrong in a test must fail it")]

mod browse;
mod faults;
mod gate;
mod gone;
mod history;
mod ignore_files;
mod intake;
mod lanes;
mod later_looks;
mod locked;
mod model;
mod news;
mod nobody;
mod pacing;
mod proof;
mod remedies;
mod sources;
mod storms;
mod suggest;
mod suspended;
mod upgrades;
