//! A few of Plex's files.

use async_trait::async_trait;
use autoscan_core::fault::Fault;
use autoscan_core::ports::Library;

use super::answers::{Item, Listing};
use super::lookup::{leaf_type, slice};
use super::server::Server;
use crate::family::samples::{PAGE, Pages, SamplePage};

#[async_trait]
impl Pages for Server {
    /// Only films, episodes and tracks have files, so their type is asked for: a list of series would name none.
    async fn page(&self, library: &Library, start: usize) -> Result<SamplePage, Fault> {
        let Some(leaf) = leaf_type(&library.kind) else { return Ok(SamplePage::default()) };
        let list = self.get(&["library", "sections", &library.id, "all"]).query("type", leaf);
        let listing: Listing = self.read(slice(list, start, PAGE)).await?;
        let parts = listing.items.iter().flat_map(Item::parts).filter(|part| !part.in_trash);
        let total = listing.total.and_then(|total| usize::try_from(total).ok());
        Ok(SamplePage { files: parts.map(|part| part.path.to_string()).collect(), total })
    }
}
