//! What a pretend Jellyfin or Emby holds, and what it does by itself: it looks at reported paths after a while, refreshes
//! items one after the other, and shows what it found.

mod disk;
mod dto;
mod extras;
mod fill;
mod growth;
mod holdings;
pub(crate) mod ignored;
mod query;
mod refresh_queue;
mod routes;
mod title;
mod tree;
mod world;

pub(crate) use dto::{MADE_AT, http_date};
pub use holdings::{Holdings, ItemRefresh};
pub(crate) use routes::{
    Dialect, directory, field, items, media_updated, refresh, sessions, tasks, validate, virtual_folders,
};
pub(crate) use world::World;
