//! How many autoscans a report has passed.

/// The header that says how many autoscans a request has passed. One that receives it tells no further autoscan of the
/// changes in it: two that tell each other would never end otherwise.
pub const HEADER: &str = "x-autoscan-hops";

/// What [`HEADER`] holds: what was told to one autoscan by another is never told to a third, so there is one hop.
pub const ONE: &str = "1";
