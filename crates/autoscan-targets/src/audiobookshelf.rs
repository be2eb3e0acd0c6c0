//! Audiobookshelf. It is told of files as its own watcher would tell it, looks at their items some seconds later, and is asked
//! for the items then.

mod api;
mod catalogue;
mod prove;
mod reports;
mod tell;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::cause::MissingCause;
use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{
    Advice, Batching, Identity, Libraries, Library, Plan, Proof, ServerListing, Target, TargetScan,
};
use autoscan_core::proof::{ExpectedFile, Observation};
use autoscan_core::secret::Secret;
use autoscan_http::{Answer, BaseUrl, Http, Request, SecretHeader};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::audiobookshelf::catalogue::Catalogues;
use crate::audiobookshelf::prove::Books;
use crate::audiobookshelf::tell::BatchMemory;
use crate::family::batch::BatchResults;
use crate::family::libraries::{self, LibraryCache, LibraryServer};
use crate::family::settings;
use crate::kind::{Connected, TargetKind};

pub(crate) const KIND: TargetKind =
    TargetKind { name: "audiobookshelf", settings: <Settings as JsonSchema>::json_schema, connect };

/// An Audiobookshelf.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Settings {
    /// Where Audiobookshelf answers, as this machine sees it: `http://audiobookshelf:13378`.
    url: String,
    /// An API key, or token, of an admin.
    api_key: Secret,
}

/// Longest list that is read, in bytes.
const LIST: usize = 32 * 1024 * 1024;

/// Most folders of one batch.
const BATCH: usize = 100;

fn connect(given: &Value, http: &Http) -> Result<Connected, String> {
    let given: Settings = settings::read(given)?;
    let base = settings::url(&given.url)?;
    if base.has_login() {
        return Err("`url` holds a user and password, but Audiobookshelf reads its key from the very header in which \
                    they would be sent: let the proxy pass autoscan without them"
            .to_owned());
    }
    let key = settings::trimmed("api-key", &given.api_key)?;
    let key = SecretHeader::new("authorization", &format!("Bearer {}", key.reveal()), &key)?;
    let url = base.to_string();
    let server = Audiobookshelf {
        http: http.clone(),
        base,
        key,
        library_cache: LibraryCache::default(),
        switches: Mutex::default(),
        waits: Mutex::default(),
        books: Mutex::default(),
        catalogues: tokio::sync::Mutex::default(),
    };
    Ok(Connected { server: Arc::new(server), url })
}

struct Audiobookshelf {
    http: Http,
    base: BaseUrl,
    key: SecretHeader,
    library_cache: LibraryCache,
    /// What its settings switch off, as it was read with the libraries.
    switches: Mutex<Switches>,
    /// Since when a scan of a library waits for another one of it to end, by the library's id.
    waits: Mutex<HashMap<String, Instant>>,
    /// The books that it was asked for.
    books: Mutex<Books>,
    /// The items of its libraries.
    catalogues: tokio::sync::Mutex<Catalogues>,
}

/// What the settings of an Audiobookshelf switch off.
#[derive(Default)]
struct Switches {
    /// Whether it watches nothing at all.
    is_server_unwatched: bool,
    /// The ids of the libraries whose watcher is switched off, which drop every report without a word.
    unwatched: HashSet<String>,
    /// The ids of the libraries that make nothing of books without sound.
    audio_only: HashSet<String>,
}

impl Switches {
    /// Whether a report to this library is dropped.
    fn is_unwatched(&self, library: &str) -> bool {
        self.is_server_unwatched || self.unwatched.contains(library)
    }

    fn is_audio_only(&self, library: &str) -> bool {
        self.audio_only.contains(library)
    }
}

/// A thread that died while it held the lock has left a whole value behind.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Audiobookshelf {
    async fn ask(&self, request: &Request) -> Result<Answer, Fault> {
        Self::checked(self.http.exchange(request).await?)
    }

    fn checked(answer: Answer) -> Result<Answer, Fault> {
        match answer.status() {
            401 => Err(Fault::refused(answer.says("the API key was rejected; check the target's `api-key`"))),
            403 => Err(Fault::refused(answer.says("the key is not an admin's, who alone may report files"))),
            _ => answer.check(),
        }
    }
}

#[async_trait]
impl LibraryServer for Audiobookshelf {
    fn product(&self) -> &'static str {
        "Audiobookshelf"
    }

    fn library_cache(&self) -> &LibraryCache {
        &self.library_cache
    }

    async fn fetch_libraries(&self) -> Result<Vec<Library>, Fault> {
        let request = Request::get(&self.base, &["api", "libraries"]).secret(&self.key).at_most(LIST);
        let list: LibrariesJson = self.ask(&request).await?.json()?;
        let that_have = |is_on: fn(&LibrarySettings) -> bool| {
            let of =
                list.libraries.iter().filter(move |library| library.settings.as_ref().is_some_and(is_on));
            of.map(|library| library.id.clone()).collect()
        };
        let switches = Switches {
            is_server_unwatched: self.is_watcher_off().await?,
            unwatched: that_have(|settings| settings.disable_watcher),
            audio_only: that_have(|settings| settings.audiobooks_only),
        };
        *locked(&self.switches) = switches;
        Ok(list.libraries.into_iter().map(Library::from).collect())
    }
}

#[async_trait]
impl Target for Audiobookshelf {
    /// `/status` tells the version to everybody, and `/api/me` whose the key is.
    async fn probe(&self) -> Result<Identity, Fault> {
        let answer = match self.ask(&Request::get(&self.base, &["status"])).await {
            Ok(answer) => answer,
            Err(fault) => return libraries::identity_by_list(self, fault).await,
        };
        let status: Status = answer.json()?;
        let answer =
            self.ask(&Request::get(&self.base, &["api", "me"]).secret(&self.key).at_most(LIST)).await?;
        let me: Me = answer.json()?;
        if me.kind.as_deref().is_some_and(|kind| !matches!(kind, "root" | "admin")) {
            return Err(Fault::refused(answer.says("the key is not an admin's, who alone may report files")));
        }
        libraries::check_list(self).await?;
        Ok(Identity { product: "Audiobookshelf".to_owned(), name: None, version: status.server_version })
    }

    /// A library is scanned once a batch.
    async fn scan(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>> {
        let mut memory = BatchMemory::default();
        let mut results = BatchResults::new(self, batch.len());
        for (at, scan) in batch.iter().enumerate() {
            if results.is_stopped() {
                break;
            }
            results.add(at, self.tell(scan, &mut memory).await).await;
        }
        results.end().await
    }

    fn batching(&self) -> Batching {
        Batching::UpTo(BATCH)
    }

    async fn plan(&self, scan: &TargetScan) -> Result<Plan, Fault> {
        let told = self.told(scan, &mut BatchMemory::default()).await?;
        let calls = told.iter().map(|one| self.request(one).planned()).collect();
        let (_, owners) = libraries::owners(self, &scan.folder).await?;
        Ok(Plan { libraries: owners.iter().map(|owner| Library::clone(&owner.library)).collect(), calls })
    }

    fn libraries(&self) -> Option<&dyn Libraries> {
        Some(self)
    }

    fn proof(&self) -> Option<&dyn Proof> {
        Some(self)
    }

    fn advice(&self) -> Option<&dyn Advice> {
        Some(self)
    }
}

#[async_trait]
impl Proof for Audiobookshelf {
    async fn find(&self, folder: &TargetPath, expected: &[ExpectedFile]) -> Result<Vec<Observation>, Fault> {
        prove::find(self, folder, expected).await
    }

    async fn list_below(&self, folder: &TargetPath, most: usize) -> Result<Option<ServerListing>, Fault> {
        prove::list_below(self, folder, most).await
    }

    async fn lost(&self, scan: &TargetScan, told_ago: Duration) -> Option<String> {
        prove::why_lost(self, scan, told_ago).await
    }

    async fn why_missing(&self, expected: &ExpectedFile) -> Option<MissingCause> {
        prove::why_missing(self, expected).await.map(MissingCause::from)
    }
}

#[async_trait]
impl Libraries for Audiobookshelf {
    async fn read(&self) -> Result<Vec<Library>, Fault> {
        libraries::list(self).await
    }

    fn cached(&self) -> Option<(Arc<[Library]>, Duration)> {
        self.library_cache.cached()
    }

    async fn is_below_a_root(&self, folder: &TargetPath) -> bool {
        libraries::is_below_a_root(self, folder).await
    }
}

#[async_trait]
impl Advice for Audiobookshelf {
    async fn advise(&self) -> Result<Vec<String>, Fault> {
        let libraries = libraries::list(self).await?;
        let switches = locked(&self.switches);
        if switches.is_server_unwatched {
            return Ok(vec![
                "the folder watcher is disabled in the settings of the server, so Audiobookshelf drops reports of single \
                 files and autoscan lets it look at the whole library each time; enable the watcher in its settings"
                    .to_owned(),
            ]);
        }
        let off = libraries.into_iter().filter(|library| switches.is_unwatched(&library.id));
        let advice = |library: Library| {
            format!(
                "the folder watcher of the library {:?} is disabled, so Audiobookshelf drops reports of single files and \
                 autoscan lets it look at the whole library each time; enable the watcher in the library's settings",
                library.title
            )
        };
        Ok(off.map(advice).collect())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    server_version: String,
}

#[derive(Deserialize)]
struct Me {
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct LibrariesJson {
    libraries: Vec<LibraryJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LibraryJson {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    media_type: String,
    #[serde(default)]
    folders: Vec<Folder>,
    settings: Option<LibrarySettings>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Folder {
    full_path: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LibrarySettings {
    #[serde(default)]
    disable_watcher: bool,
    #[serde(default)]
    audiobooks_only: bool,
}

impl From<LibraryJson> for Library {
    fn from(library: LibraryJson) -> Self {
        Self {
            id: library.id,
            title: library.name,
            kind: library.media_type,
            folders: library.folders.into_iter().map(|folder| folder.full_path).collect(),
        }
    }
}
