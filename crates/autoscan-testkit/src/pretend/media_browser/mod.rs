//! What a pretend Jellyfin or Emby holds, and what it does by itself: it looks at reported paths after a while, refreshes
//! items one after the other, and shows what it found.

mod disk;
mod dto;
mod growth;
mod holdings;
pub(crate) mod ignored;
mod query;
mod routes;
mod title;
mod tree;
mod world;

pub use holdings::{Holdings, ItemRefresh};
pub(crate) use routes::{
    Dialect, field, items, media_updated, refresh, sessions, tasks, validate, virtual_folders,
};
pub(crate) use world::World;
