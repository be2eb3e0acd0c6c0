//! Jellyfin. Items that it knows are refreshed; for what is new at a library's top the library is scanned. It has no filter by
//! path.

mod quick_connect;
mod shutdowns;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::cause::{IgnoreFile, MissingCause, Remedy};
use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{
    Advice, Batching, Identity, Libraries, Library, Plan, Playback, Proof, Remedies, ServerEvents,
    ServerListing, Target, TargetScan,
};
use autoscan_core::proof::{ExpectedFile, Observation};
use autoscan_core::secret::Secret;
use autoscan_http::{Answer, BaseUrl, Http, Method, Request, SecretHeader};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::family::libraries::{self, LibraryCache, LibraryServer};
use crate::family::library_index::Owner;
use crate::family::media_browser::{
    self, BATCH, BatchLookups, IGNORE_FILE, KnownItem, LIST, MediaBrowser, MediaBrowserState, SystemInfo,
    View, VirtualFolder, place_by_title, view_by_title,
};
use crate::family::settings;
use crate::kind::{Connected, TargetKind};

use shutdowns::Shutdowns;

pub use quick_connect::quick_connect;

pub(crate) const KIND: TargetKind =
    TargetKind { name: "jellyfin", settings: <Settings as JsonSchema>::json_schema, connect };

/// A Jellyfin server.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Settings {
    /// Where Jellyfin answers, as this machine sees it: `http://jellyfin:8096`.
    url: String,
    /// An API key, made in Jellyfin's dashboard under API Keys.
    api_key: Option<Secret>,
    /// Another name of `api-key`.
    token: Option<Secret>,
}

/// How long a Jellyfin that is loading is left alone when it does not say so itself: some 7 s of every start.
const STARTS: Duration = Duration::from_secs(5);

/// Jellyfin decodes the values of its `Authorization` header as a URL's: all but these are encoded.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn connect(given: &Value, http: &Http) -> Result<Connected, String> {
    let given: Settings = settings::read(given)?;
    let base = address(&given.url)?;
    let key = settings::either("api-key", given.api_key, "token", given.token)?;
    let key = SecretHeader::new("authorization", &authorization(Some(&key), "autoscan"), &key)?;
    let url = base.to_string();
    Ok(Connected {
        server: Arc::new(Jellyfin {
            http: http.clone(),
            base,
            key,
            library_cache: LibraryCache::default(),
            state: MediaBrowserState::default(),
            shutdowns: Shutdowns::default(),
        }),
        url,
    })
}

/// Where Jellyfin is.
fn address(url: &str) -> Result<BaseUrl, String> {
    let base = settings::url(url)?;
    if base.has_login() {
        return Err(
            "`url` holds a user and password, but Jellyfin reads its key from the very header in which they \
                    would be sent: let the proxy pass autoscan without them"
                .to_owned(),
        );
    }
    Ok(base)
}

/// The header in which Jellyfin is told who asks. Every other place for the key is refused by Jellyfin 12, or shows it in
/// logs.
fn authorization(key: Option<&Secret>, device: &str) -> String {
    let token = key
        .map(|key| format!("Token=\"{}\", ", utf8_percent_encode(key.reveal(), PLAIN)))
        .unwrap_or_default();
    format!(
        "MediaBrowser {token}Client=\"autoscan\", Device=\"autoscan\", DeviceId=\"{}\", Version=\"{}\"",
        utf8_percent_encode(device, PLAIN),
        env!("CARGO_PKG_VERSION"),
    )
}

struct Jellyfin {
    http: Http,
    base: BaseUrl,
    key: SecretHeader,
    library_cache: LibraryCache,
    state: MediaBrowserState,
    shutdowns: Shutdowns,
}

#[async_trait]
impl Target for Jellyfin {
    /// `/System/Info` needs the key, and is not answered while Jellyfin starts: `/System/Info/Public` is.
    async fn probe(&self) -> Result<Identity, Fault> {
        let request = Request::get(&self.base, &["System", "Info"]).secret(&self.key);
        let answer = match self.ask(&request).await {
            Ok(answer) => answer,
            Err(fault) => return libraries::identity_by_list(self, fault).await,
        };
        let info: SystemInfo = answer.json()?;
        libraries::check_list(self).await?;
        Ok(Identity { product: "Jellyfin".to_owned(), name: info.server_name, version: info.version })
    }

    async fn scan(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>> {
        self.shutdowns.listen(&self.http, || self.request(Method::GET, &["socket"]));
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

    fn server_events(&self) -> Option<&dyn ServerEvents> {
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
impl Libraries for Jellyfin {
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
impl Proof for Jellyfin {
    async fn find(&self, folder: &TargetPath, expected: &[ExpectedFile]) -> Result<Vec<Observation>, Fault> {
        media_browser::find(self, folder, expected).await
    }

    async fn list_below(&self, folder: &TargetPath, most: usize) -> Result<Option<ServerListing>, Fault> {
        media_browser::list_below(self, folder, most).await
    }

    async fn lost(&self, scan: &TargetScan, told_ago: Duration) -> Option<String> {
        if self.shutdowns.last().is_some_and(|ago| ago < told_ago) {
            return Some(
                "Jellyfin shut down after it was told, and forgets what it has not done by then".to_owned(),
            );
        }
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
impl Remedies for Jellyfin {
    async fn apply(&self, remedy: &Remedy) -> Result<(), Fault> {
        media_browser::apply(self, remedy).await
    }
}

#[async_trait]
impl ServerEvents for Jellyfin {
    async fn next(&self) {
        self.shutdowns.is_back().await;
    }
}

#[async_trait]
impl Playback for Jellyfin {
    async fn playing(&self) -> Result<usize, Fault> {
        media_browser::playing(self).await
    }
}

#[async_trait]
impl Advice for Jellyfin {
    async fn advise(&self) -> Result<Vec<String>, Fault> {
        media_browser::advice(self).await
    }
}

#[async_trait]
impl LibraryServer for Jellyfin {
    fn product(&self) -> &'static str {
        "Jellyfin"
    }

    fn library_cache(&self) -> &LibraryCache {
        &self.library_cache
    }

    async fn fetch_libraries(&self) -> Result<Vec<Library>, Fault> {
        let folders = self.virtual_folders().await?;
        self.state.scans.note_statuses(&folders);
        Ok(folders.into_iter().filter_map(VirtualFolder::library).collect())
    }
}

#[async_trait]
impl MediaBrowser for Jellyfin {
    fn http(&self) -> &Http {
        &self.http
    }

    fn request(&self, method: Method, segments: &[&str]) -> Request {
        Request::new(method, &self.base, segments).secret(&self.key)
    }

    fn state(&self) -> &MediaBrowserState {
        &self.state
    }

    fn usual_delay(&self) -> Duration {
        Duration::from_mins(1)
    }

    fn lists_before_it_reads(&self) -> bool {
        true
    }

    async fn place(&self, folder: &Owner, lookups: &mut BatchLookups) -> Result<Option<KnownItem>, Fault> {
        place_by_title(self, folder, lookups).await
    }

    async fn view(
        &self,
        folder: &Owner,
        files: &[&ExpectedFile],
        lookups: &mut BatchLookups,
    ) -> Result<View, Fault> {
        view_by_title(self, folder, files, lookups).await
    }

    /// Without a mode Jellyfin finds files and leaves them bare. A folder is always looked at with all that is in it.
    fn refresh(&self, id: &str) -> Request {
        self.request(Method::POST, &["Items", id, "Refresh"])
            .query("metadataRefreshMode", "Default")
            .query("imageRefreshMode", "Default")
    }

    fn validate(&self, path: &str, is_file: bool) -> Request {
        self.request(Method::POST, &["Environment", "ValidatePath"])
            .json(&json!({"Path": path, "IsFile": is_file}))
    }

    async fn virtual_folders(&self) -> Result<Vec<VirtualFolder>, Fault> {
        let request = self.request(Method::GET, &["Library", "VirtualFolders"]).at_most(LIST);
        self.ask(&request).await?.json()
    }

    /// A 503 means four things: Jellyfin starts (it says when to come back), it is in the last seconds of its start (it says
    /// only that it is loading), it lets nobody in from this address (an empty body; its
    /// `IpBasedAccessValidationMiddleware`), or a proxy does not reach it.
    fn check(&self, answer: Answer) -> Result<Answer, Fault> {
        match (answer.status(), answer.retry_after()) {
            (503, Some(after)) => {
                Err(Fault::Busy { after, reason: answer.says("Jellyfin is starting; autoscan waits") })
            }
            (503, None) if answer.body().is_empty() => Err(Fault::refused(answer.says(
                "Jellyfin lets nobody in from autoscan's address; look at its networking settings (remote access and \
                 the lists of addresses)",
            ))),
            (503, None) if names_jellyfin(answer.body()) => {
                Err(Fault::Busy { after: STARTS, reason: answer.says("Jellyfin is starting; autoscan waits") })
            }
            (401, _) => Err(Fault::refused(answer.says(
                "the API key was rejected; check the target's `api-key` and that nothing between removes the \
                 Authorization header",
            ))),
            (403, _) => Err(Fault::refused(
                answer.says("the key may not manage libraries; use an API key, not the token of a user"),
            )),
            _ => answer.check(),
        }
    }
}

/// Whether a body is Jellyfin's own and no proxy's.
fn names_jellyfin(body: &[u8]) -> bool {
    String::from_utf8_lossy(&body[..body.len().min(2048)]).to_lowercase().contains("jellyfin")
}
