//! What Audiobookshelf is asked beside its libraries: its items, its tasks, its settings and its own disk.

use std::collections::HashSet;

use autoscan_core::fault::Fault;
use autoscan_core::path::AbsolutePath;
use autoscan_http::Request;
use serde::Deserialize;
use serde_json::json;

use crate::audiobookshelf::{Audiobookshelf, LIST};
use crate::family::library_index::{Owner, spelled};

/// By what a list of items is sorted. The latest come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Latest {
    /// The books that were added last.
    Added,
    /// The books whose folder changed last on the disk, as far as Audiobookshelf has looked at it since.
    Changed,
}

/// An item of a list: a book or a podcast.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) id: String,
    /// Its folder, or its file where it is one file in the library's folder.
    pub(super) path: AbsolutePath,
    /// Whether Audiobookshelf knows that the path is gone. It keeps such an item until a person removes it.
    pub(super) is_missing: bool,
}

/// The beginning of a list of items.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) items: Vec<Item>,
    /// How many items the library has.
    pub(super) total: usize,
    /// Whether these are all items of the library.
    pub(super) is_whole: bool,
}

/// An item with its files.
#[derive(Debug)]
pub(super) struct WholeItem {
    pub(super) item: Item,
    /// Its files of every kind, with their sizes in bytes.
    pub(super) files: Vec<(AbsolutePath, Option<u64>)>,
}

impl Audiobookshelf {
    /// The latest items of a library: this page of so many, counted from zero.
    pub(super) async fn page(
        &self,
        library: &str,
        latest: Latest,
        limit: usize,
        number: u32,
    ) -> Result<Page, Fault> {
        let sort = match latest {
            Latest::Added => "addedAt",
            Latest::Changed => "mtimeMs",
        };
        let request = Request::get(&self.base, &["api", "libraries", library, "items"])
            .query("sort", sort)
            .query("desc", "1")
            .query("limit", &limit.to_string())
            .query("minified", "1")
            .query("page", &number.to_string());
        let page: PageJson = self.ask(&request.secret(&self.key).at_most(LIST)).await?.json()?;
        let is_whole = page.total <= page.results.len();
        let items = page.results.into_iter().filter_map(ItemJson::item).collect();
        Ok(Page { items, total: page.total, is_whole })
    }

    /// An item with its files; none when there is no such item.
    pub(super) async fn item(&self, id: &str) -> Result<Option<WholeItem>, Fault> {
        let request = Request::get(&self.base, &["api", "items", id]).secret(&self.key).at_most(LIST);
        let answer = self.http.exchange(&request).await?;
        if answer.status() == 404 {
            return Ok(None);
        }
        let mut item: ItemJson = Self::checked(answer)?.json()?;
        let files = std::mem::take(&mut item.library_files).into_iter().filter_map(|file| {
            let path = AbsolutePath::parse(&file.metadata.path).ok()?;
            Some((path, file.metadata.size))
        });
        let files = files.collect();
        Ok(item.item().map(|item| WholeItem { item, files }))
    }

    /// The ids of the libraries that are scanned as a whole just now. Ended tasks leave the list.
    pub(super) async fn scanned_now(&self) -> Result<HashSet<String>, Fault> {
        let request = Request::get(&self.base, &["api", "tasks"]).secret(&self.key).at_most(LIST);
        let list: TasksJson = self.ask(&request).await?.json()?;
        let scans = list.tasks.into_iter().filter(|task| task.action == "library-scan" && !task.is_finished);
        Ok(scans.filter_map(|task| task.data?.library_id).collect())
    }

    /// Whether the watcher of the whole server is switched off. An old version, or a proxy, that does not know the call is
    /// believed to have it on, as is usual.
    pub(super) async fn is_watcher_off(&self) -> Result<bool, Fault> {
        let request = Request::post(&self.base, &["api", "authorize"]).secret(&self.key).at_most(LIST);
        match self.ask(&request).await {
            Ok(answer) => {
                let login: LoginJson = answer.json()?;
                Ok(login.server_settings.is_some_and(|settings| settings.scanner_disable_watcher))
            }
            Err(Fault::Wrong { .. }) => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// Whether Audiobookshelf sees the path of an owner on its own disk. It also says that a path exists where an item lies
    /// above it, and then names that item.
    pub(super) async fn sees(&self, owner: &Owner, path: &AbsolutePath) -> Result<bool, Fault> {
        let below = path.names_below(&owner.root).unwrap_or_default().join("/");
        let asked = json!({"directory": below, "folderPath": spelled(&owner.root)});
        let request = Request::post(&self.base, &["api", "filesystem", "pathexists"]).json(&asked);
        let answer: ExistsJson = self.ask(&request.secret(&self.key)).await?.json()?;
        Ok(answer.exists && answer.library_item_title.is_none())
    }
}

#[derive(Deserialize)]
struct PageJson {
    results: Vec<ItemJson>,
    total: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemJson {
    id: String,
    path: String,
    #[serde(default)]
    is_missing: bool,
    #[serde(default)]
    library_files: Vec<FileJson>,
}

#[derive(Deserialize)]
struct FileJson {
    metadata: FileMetadataJson,
}

#[derive(Deserialize)]
struct FileMetadataJson {
    path: String,
    size: Option<u64>,
}

#[derive(Deserialize)]
struct TasksJson {
    #[serde(default)]
    tasks: Vec<TaskJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaskJson {
    #[serde(default)]
    action: String,
    data: Option<TaskDataJson>,
    #[serde(default)]
    is_finished: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaskDataJson {
    library_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoginJson {
    server_settings: Option<ServerSettingsJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerSettingsJson {
    #[serde(default)]
    scanner_disable_watcher: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExistsJson {
    exists: bool,
    library_item_title: Option<String>,
}

impl ItemJson {
    fn item(self) -> Option<Item> {
        let path = AbsolutePath::parse(&self.path).ok()?;
        Some(Item { id: self.id, path, is_missing: self.is_missing })
    }
}
