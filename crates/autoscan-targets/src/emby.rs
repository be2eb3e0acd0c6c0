//! Emby. It is told like Jellyfin, with a header and a list of libraries of its own, and has a filter by path.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::cause::{IgnoreFile, MissingCause, Remedy};
use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{
    Advice, Batching, Identity, Libraries, Library, Plan, Playback, Proof, Remedies, ServerListing, Target,
    TargetScan,
};
use autoscan_core::proof::{ExpectedFile, Observation};
use autoscan_core::secret::Secret;
use autoscan_http::{Answer, BaseUrl, Http, Method, Request, SecretHeader};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::family::libraries::{self, LibraryCache, LibraryServer};
use crate::family::library_index::Owner;
use crate::family::media_browser::{
    self, BATCH, BatchLookups, IGNORE_FILE, KnownItem, LIST, MediaBrowser, MediaBrowserState, SystemInfo,
    View, VirtualFolder, place_by_path, view_by_path,
};
use crate::family::settings;
use crate::kind::{Connected, TargetKind};

pub(crate) const KIND: TargetKind =
    TargetKind { name: "emby", settings: <Settings as JsonSchema>::json_schema, connect };

/// An Emby server.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Settings {
    /// Where Emby answers, as this machine sees it: `http://emby:8096`.
    url: String,
    /// An API key, made in Emby's settings under API Keys.
    api_key: Option<Secret>,
    /// Another name of `api-key`.
    token: Option<Secret>,
}

fn connect(given: &Value, http: &Http) -> Result<Connected, String> {
    let given: Settings = settings::read(given)?;
    let base = settings::url(&given.url)?;
    let key = settings::either("api-key", given.api_key, "token", given.token)?;
    let key = SecretHeader::new("x-emby-token", key.reveal(), &key)?;
    let url = base.to_string();
    Ok(Connected {
        server: Arc::new(Emby {
            http: http.clone(),
            base,
            key,
            library_cache: LibraryCache::default(),
            state: MediaBrowserState::default(),
        }),
        url,
    })
}

struct Emby {
    http: Http,
    base: BaseUrl,
    key: SecretHeader,
    library_cache: LibraryCache,
    state: MediaBrowserState,
}

impl Emby {
    fn get(&self, segments: &[&str]) -> Request {
        Request::get(&self.base, segments).secret(&self.key).at_most(LIST)
    }
}

#[async_trait]
impl Target for Emby {
    async fn probe(&self) -> Result<Identity, Fault> {
        let answer = match self.ask(&self.get(&["System", "Info"])).await {
            Ok(answer) => answer,
            Err(fault) => return libraries::identity_by_list(self, fault).await,
        };
        let info: SystemInfo = answer.json()?;
        if info.is_in_maintenance_mode {
            return Err(Fault::away(answer.says("Emby is in maintenance mode; autoscan waits")));
        }
        libraries::check_list(self).await?;
        Ok(Identity { product: "Emby Server".to_owned(), name: info.server_name, version: info.version })
    }

    async fn scan(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>> {
        media_browser::scan(self, batch).await
    }

    fn batching(&self) -> Batching {
        Batching::UpTo(BATCH)
    }

    async fn plan(&self, scan: &TargetScan) -> Result<Plan, Fault> {
        media_browser::plan(self, scan).await
    }

    fn libraries(&self) -> Option<&dyn Libraries> {
        Some(self)
    }

    fn proof(&self) -> Option<&dyn Proof> {
        Some(self)
    }

    fn remedies(&self) -> Option<&dyn Remedies> {
        Some(self)
    }

    fn playback(&self) -> Option<&dyn Playback> {
        Some(self)
    }

    fn advice(&self) -> Option<&dyn Advice> {
        Some(self)
    }
}

#[async_trait]
impl Libraries for Emby {
    async fn read(&self) -> Result<Vec<Library>, Fault> {
        libraries::list(self).await
    }

    fn cached(&self) -> Option<(Arc<[Library]>, Duration)> {
        self.library_cache.cached()
    }

    async fn is_below_a_root(&self, folder: &TargetPath) -> bool {
        libraries::is_below_a_root(self, folder).await
    }

    async fn samples(&self, libraries: &[Library]) -> Vec<String> {
        media_browser::samples(self, libraries).await
    }
}

#[async_trait]
impl Proof for Emby {
    async fn find(&self, folder: &TargetPath, expected: &[ExpectedFile]) -> Result<Vec<Observation>, Fault> {
        media_browser::find(self, folder, expected).await
    }

    async fn list_below(&self, folder: &TargetPath, most: usize) -> Result<Option<ServerListing>, Fault> {
        media_browser::list_below(self, folder, most).await
    }

    async fn lost(&self, scan: &TargetScan, told_ago: Duration) -> Option<String> {
        media_browser::why_lost(self, scan, told_ago).await
    }

    async fn why_missing(&self, expected: &ExpectedFile) -> Option<MissingCause> {
        media_browser::why_missing(self, expected).await
    }

    fn ignore_file(&self) -> Option<IgnoreFile> {
        Some(IGNORE_FILE)
    }
}

#[async_trait]
impl Remedies for Emby {
    async fn apply(&self, remedy: &Remedy) -> Result<(), Fault> {
        media_browser::apply(self, remedy).await
    }
}

#[async_trait]
impl Playback for Emby {
    async fn playing(&self) -> Result<usize, Fault> {
        media_browser::playing(self).await
    }
}

#[async_trait]
impl Advice for Emby {
    async fn advise(&self) -> Result<Vec<String>, Fault> {
        media_browser::advice(self).await
    }
}

#[async_trait]
impl LibraryServer for Emby {
    fn product(&self) -> &'static str {
        "Emby"
    }

    fn library_cache(&self) -> &LibraryCache {
        &self.library_cache
    }

    /// Emby 4.8 and 4.9 document the first two lists; older servers have the third.
    async fn fetch_libraries(&self) -> Result<Vec<Library>, Fault> {
        match self.ask(&self.get(&["Library", "VirtualFolders", "Query"])).await {
            Err(Fault::Wrong { .. }) => {}
            answer => {
                let page: LibraryPage = answer?.json()?;
                self.state.scans.note_statuses(&page.items);
                return Ok(page.items.into_iter().filter_map(VirtualFolder::library).collect());
            }
        }
        match self.ask(&self.get(&["Library", "SelectableMediaFolders"])).await {
            Err(Fault::Wrong { .. }) => {}
            answer => {
                let folders: Vec<MediaFolder> = answer?.json()?;
                return Ok(folders.into_iter().filter_map(MediaFolder::library).collect());
            }
        }
        let folders = self.virtual_folders().await?;
        self.state.scans.note_statuses(&folders);
        Ok(folders.into_iter().filter_map(VirtualFolder::library).collect())
    }
}

#[async_trait]
impl MediaBrowser for Emby {
    fn http(&self) -> &Http {
        &self.http
    }

    fn request(&self, method: Method, segments: &[&str]) -> Request {
        Request::new(method, &self.base, segments).secret(&self.key)
    }

    fn state(&self) -> &MediaBrowserState {
        &self.state
    }

    /// Emby does not say what it does; people measured 90 s.
    fn usual_delay(&self) -> Duration {
        Duration::from_secs(90)
    }

    /// Emby has the size at the item itself.
    fn fields(&self) -> &'static str {
        "Path,ParentId,Size"
    }

    async fn place(&self, folder: &Owner, lookups: &mut BatchLookups) -> Result<Option<KnownItem>, Fault> {
        place_by_path(self, folder, lookups).await
    }

    async fn view(
        &self,
        folder: &Owner,
        files: &[&ExpectedFile],
        lookups: &mut BatchLookups,
    ) -> Result<View, Fault> {
        view_by_path(self, folder, files, lookups).await
    }

    fn refresh(&self, id: &str) -> Request {
        self.request(Method::POST, &["Items", id, "Refresh"])
            .query("Recursive", "true")
            .query("MetadataRefreshMode", "Default")
            .query("ImageRefreshMode", "Default")
            .query("ReplaceAllMetadata", "false")
            .query("ReplaceAllImages", "false")
    }

    fn validate(&self, path: &str, is_file: bool) -> Request {
        self.request(Method::POST, &["Environment", "ValidatePath"])
            .query("Path", path)
            .json(&json!({"IsFile": is_file}))
    }

    async fn virtual_folders(&self) -> Result<Vec<VirtualFolder>, Fault> {
        match self.ask(&self.get(&["Library", "VirtualFolders", "Query"])).await {
            Err(Fault::Wrong { .. }) => self.ask(&self.get(&["Library", "VirtualFolders"])).await?.json(),
            answer => Ok(answer?.json::<LibraryPage>()?.items),
        }
    }

    fn check(&self, answer: Answer) -> Result<Answer, Fault> {
        match answer.status() {
            401 => Err(Fault::refused(answer.says("the API key was rejected; check the target's `api-key`"))),
            403 => Err(Fault::refused(
                answer.says("the key may not manage libraries; use an API key, not the token of a user"),
            )),
            _ => answer.check(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LibraryPage {
    #[serde(default)]
    items: Vec<VirtualFolder>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MediaFolder {
    name: String,
    id: String,
    #[serde(default)]
    sub_folders: Vec<SubFolder>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SubFolder {
    path: Option<String>,
}

impl MediaFolder {
    fn library(self) -> Option<Library> {
        let folders: Vec<String> = self.sub_folders.into_iter().filter_map(|folder| folder.path).collect();
        // This list does not say what a library holds.
        (!folders.is_empty()).then(|| Library {
            id: self.id,
            title: self.name,
            kind: "unknown".to_owned(),
            folders,
        })
    }
}
