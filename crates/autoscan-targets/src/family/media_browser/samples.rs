//! A few files of a library, by their age: the newest are the likeliest to be on the disk still.

use async_trait::async_trait;
use autoscan_core::fault::Fault;
use autoscan_core::ports::Library;

use crate::family::media_browser::answers::ItemPage;
use crate::family::media_browser::children::file_kinds;
use crate::family::media_browser::server::MediaBrowser;
use crate::family::samples::{PAGE, Pages, SamplePage, spread};

/// The files of a server, by their age.
struct ByAge<'a, S>(&'a S);

#[async_trait]
impl<S: MediaBrowser> Pages for ByAge<'_, S> {
    async fn page(&self, library: &Library, start: usize) -> Result<SamplePage, Fault> {
        let request = self
            .0
            .look_for_and_count("Path", start == 0)
            .query("Recursive", "true")
            .query("ParentId", &library.id)
            .query("IncludeItemTypes", file_kinds(&library.kind))
            .query("CollapseBoxSetItems", "false")
            .query("SortBy", "DateCreated")
            .query("SortOrder", "Descending")
            .query("StartIndex", &start.to_string())
            .query("Limit", &PAGE.to_string());
        let answer: ItemPage = self.0.page(request).await?;
        let total = answer.total().filter(|_| start == 0);
        // An episode that is missing is listed too, without a path.
        let files = answer.items.into_iter().filter_map(|item| item.path).collect();
        Ok(SamplePage { files, total })
    }
}

/// Paths of a few files of each library.
pub(crate) async fn samples(server: &impl MediaBrowser, libraries: &[Library]) -> Vec<String> {
    spread(&ByAge(server), libraries).await
}
