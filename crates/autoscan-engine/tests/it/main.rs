//! The engine on a store in memory, a fake disk and a clock that runs as fast as it is asked to.

mod gate;
mod intake;
mod lanes;
mod world;
