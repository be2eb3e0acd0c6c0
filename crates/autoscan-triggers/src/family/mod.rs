//! What is used by more than one kind.

pub(crate) mod arr;
pub(crate) mod arr_api;
pub(crate) mod arr_guide;
pub(crate) mod lenient;
pub(crate) mod repeats;
