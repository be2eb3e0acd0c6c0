//! A server of this family, and what its calls share.

use std::collections::HashSet;

use async_trait::async_trait;
use autoscan_core::fault::Fault;
use autoscan_core::path::{AbsolutePath, TargetPath};
use autoscan_core::proof::ExpectedFile;
use autoscan_http::{Answer, Http, Method, Request};

use crate::family::libraries::{self, LibraryServer};
use crate::family::library_index::Owner;
use crate::family::media_browser::answers::{Item, ItemPage, VirtualFolder};
use crate::family::media_browser::item_cache::{ItemCache, KnownItem};
use crate::family::media_browser::library_scans::LibraryScans;
use crate::family::media_browser::library_tops::LibraryTops;
use crate::family::media_browser::lookups::BatchLookups;
use crate::family::media_browser::recent_items::RecentItems;
use crate::family::media_browser::report_holds::ReportHolds;
use crate::family::media_browser::view::View;

/// Longest list of libraries that is read, in bytes.
pub(crate) const LIST: usize = 32 * 1024 * 1024;

/// Most folders of one batch: it is told when all of them were looked up.
pub(crate) const BATCH: usize = 40;

/// Longest answer with items that is read, in bytes.
const ITEMS: usize = 4 * 1024 * 1024;

/// What is remembered of one server.
#[derive(Default)]
pub(crate) struct MediaBrowserState {
    /// Where items are.
    pub(crate) items: ItemCache,
    /// Which libraries wait to be told of.
    pub(crate) holds: ReportHolds,
    /// Which libraries wait to be scanned.
    pub(crate) scans: LibraryScans,
    /// What lies at the tops of libraries.
    pub(crate) tops: LibraryTops,
    /// What it has read lately.
    pub(crate) recent: RecentItems,
}

impl MediaBrowserState {
    /// A scan of the library was asked for, for these paths.
    pub(crate) fn scan_sent(&self, library: &str, asked_for: &HashSet<String>) {
        self.scans.sent(library, asked_for);
        self.tops.forget(library);
    }
}

/// A server of this family.
#[async_trait]
pub(crate) trait MediaBrowser: LibraryServer {
    /// The client.
    fn http(&self) -> &Http;

    /// A request with the key.
    fn request(&self, method: Method, segments: &[&str]) -> Request;

    /// The server's own reading of a status.
    fn check(&self, answer: Answer) -> Result<Answer, Fault>;

    /// What is remembered of the server.
    fn state(&self) -> &MediaBrowserState;

    /// How long the server waits after a report before it looks, where it does not say so itself.
    fn usual_delay(&self) -> std::time::Duration;

    /// Whether the server lists items that it has not read yet, and tells when it saved those that it has.
    fn lists_before_it_reads(&self) -> bool {
        false
    }

    /// What is asked of each item of a list: small enough for many.
    fn fields(&self) -> &'static str {
        "Path,ParentId"
    }

    /// The nearest item with children at the folder or above it, but below the library's folder.
    async fn place(&self, folder: &Owner, lookups: &mut BatchLookups) -> Result<Option<KnownItem>, Fault>;

    /// What the server shows of these files of one folder.
    async fn view(
        &self,
        folder: &Owner,
        files: &[&ExpectedFile],
        lookups: &mut BatchLookups,
    ) -> Result<View, Fault>;

    /// `POST /Items/{id}/Refresh` of one item: new files are found, metadata that a person changed stays.
    fn refresh(&self, id: &str) -> Request;

    /// Asks whether the server finds a path. Never whether it may write there: then it makes a file.
    fn validate(&self, path: &str, is_file: bool) -> Request;

    /// The libraries as the server lists them, with their settings.
    async fn virtual_folders(&self) -> Result<Vec<VirtualFolder>, Fault>;

    /// Sends a request and reads the status.
    async fn ask(&self, request: &Request) -> Result<Answer, Fault> {
        let answer = self.check(self.http().exchange(request).await?)?;
        self.state().recent.heard_at(answer.date());
        Ok(answer)
    }

    /// Asks for items, with the server's own time. None when the server does not understand the call.
    async fn dated_items(&self, request: Request) -> Result<Option<(Vec<Item>, Option<String>)>, Fault> {
        let answer = match self.ask(&request.at_most(ITEMS)).await {
            Err(Fault::Wrong { .. }) => return Ok(None),
            answer => answer?,
        };
        let page: ItemPage = answer.json()?;
        Ok(Some((page.items, answer.date().map(str::to_owned))))
    }

    /// Asks for items. None when the server does not understand the call: its parent is gone.
    async fn items(&self, request: Request) -> Result<Option<Vec<Item>>, Fault> {
        match self.page(request).await {
            Ok(page) => Ok(Some(page.items)),
            Err(Fault::Wrong { .. }) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Asks for a page of items.
    async fn page(&self, request: Request) -> Result<ItemPage, Fault> {
        self.ask(&request.at_most(ITEMS)).await?.json()
    }

    /// `GET /Items` with the fields, and without what nobody here reads.
    fn look_for(&self, fields: &str) -> Request {
        self.look_for_and_count(fields, false)
    }

    /// The same; how many there are in all costs the server a second question to its database.
    fn look_for_and_count(&self, fields: &str, counts: bool) -> Request {
        self.request(Method::GET, &["Items"])
            .query("Fields", fields)
            .query("EnableImages", "false")
            .query("EnableUserData", "false")
            .query("EnableTotalRecordCount", if counts { "true" } else { "false" })
    }
}

/// Whether the server itself says that it does not find the path.
pub(crate) async fn unseen(server: &impl MediaBrowser, path: &str, is_file: bool) -> bool {
    let answer = server.http().exchange(&server.validate(path, is_file)).await;
    answer.is_ok_and(|answer| answer.status() == 404)
}

/// The libraries that have a path in one of their folders, the nearest first; none when no library has it.
pub(crate) async fn holders(server: &impl MediaBrowser, path: &AbsolutePath) -> Result<Vec<Owner>, Fault> {
    match libraries::owners(server, &TargetPath(path.clone())).await {
        Ok((index, _)) => Ok(index.holders(path)),
        Err(Fault::NotMine { .. }) => Ok(Vec::new()),
        Err(fault) => Err(fault),
    }
}
