//! What Jellyfin and Emby share: both are told of items that they know, and of paths, in one call a library, where they
//! know none.

mod actions;
mod answers;
mod by_path;
mod by_title;
mod causes;
mod children;
mod films;
mod item_cache;
mod lookups;
mod prove;
mod report;
mod report_holds;
mod samples;
mod scan;
mod server;
mod settings_of_the_server;
mod titles;
mod view;

pub(crate) use answers::{SystemInfo, VirtualFolder};
pub(crate) use by_path::{place_by_path, view_by_path};
pub(crate) use by_title::{place_by_title, view_by_title};
pub(crate) use causes::why_missing;
pub(crate) use item_cache::KnownItem;
pub(crate) use lookups::BatchLookups;
pub(crate) use prove::find;
pub(crate) use samples::samples;
pub(crate) use scan::{plan, scan};
pub(crate) use server::{BATCH, LIST, MediaBrowser, MediaBrowserState};
pub(crate) use settings_of_the_server::{advice, playing};
pub(crate) use view::View;
