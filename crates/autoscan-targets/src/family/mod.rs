//! What several kinds share.

pub(crate) mod arr;
pub(crate) mod batch;
pub(crate) mod changes;
pub(crate) mod globs;
pub(crate) mod libraries;
pub(crate) mod library_index;
pub(crate) mod listener;
pub(crate) mod lost;
pub(crate) mod media_browser;
pub(crate) mod samples;
pub(crate) mod settings;
