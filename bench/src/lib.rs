//! What the bench programs share: the bodies, the connections and the load.
//!
//! `floor` is the yardstick, `load` makes load by hand, and `bench` measures everything side by side: see
//! `scripts/bench`.

pub mod body;
pub mod connection;
pub mod load;
