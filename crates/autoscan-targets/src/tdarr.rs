//! Tdarr. It is told of new files as its own folder watcher would tell it.

use std::collections::BTreeMap;
use std::sync::Arc;

use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{Identity, Libraries, Library, Plan, Target, TargetScan};
use autoscan_core::secret::Secret;
use autoscan_http::{Answer, BaseUrl, Http, Request, SecretHeader};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::family::batch::one_by_one;
use crate::family::changes::{files_there, only_deletions};
use crate::family::libraries::{self, LibraryCache, LibraryServer};
use crate::family::library_index::spelled;
use crate::family::settings;
use crate::kind::{Connected, TargetKind};

pub(crate) const KIND: TargetKind =
    TargetKind { name: "tdarr", settings: <Settings as JsonSchema>::json_schema, connect };

/// A Tdarr server.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Settings {
    /// Where Tdarr answers, as this machine sees it: `http://tdarr:8265`.
    url: String,
    /// An API key, when Tdarr's authentication is on.
    api_key: Option<Secret>,
}

/// Longest list of libraries that is read, in bytes: Tdarr tells all settings of each.
const LIST: usize = 32 * 1024 * 1024;

/// How long Tdarr may take for that list, in milliseconds, as its own page asks.
const LIST_TIMEOUT: u64 = 20_000;

fn connect(given: &Value, http: &Http) -> Result<Connected, String> {
    let given: Settings = settings::read(given)?;
    let base = settings::url(&given.url)?;
    let key = given.api_key.map(|key| settings::trimmed("api-key", &key)).transpose()?;
    let key = key.map(|key| SecretHeader::new("x-api-key", key.reveal(), &key)).transpose()?;
    let url = base.to_string();
    Ok(Connected {
        server: Arc::new(Tdarr { http: http.clone(), base, key, library_cache: LibraryCache::default() }),
        url,
    })
}

struct Tdarr {
    http: Http,
    base: BaseUrl,
    key: Option<SecretHeader>,
    library_cache: LibraryCache,
}

impl Tdarr {
    fn with_key(&self, request: Request) -> Request {
        match &self.key {
            Some(key) => request.secret(key),
            None => request,
        }
    }

    fn post(&self, name: &str, body: &Value) -> Request {
        self.with_key(Request::post(&self.base, &["api", "v2", name]).json(body).at_most(LIST))
    }

    async fn ask(&self, request: &Request) -> Result<Answer, Fault> {
        let answer = self.http.exchange(request).await?;
        match answer.status() {
            401 | 403 => {
                Err(Fault::refused(answer.says("the API key was rejected; check the target's `api-key`")))
            }
            _ => answer.check(),
        }
    }

    /// One request a library: its files, or the folder when none is named.
    async fn requests(&self, scan: &TargetScan) -> Result<Vec<Request>, Fault> {
        if only_deletions(scan) {
            return Err(Fault::not_mine(
                "Tdarr is told of new and changed files only, and these were deleted",
            ));
        }
        let (index, owners) = libraries::owners(self, &scan.folder).await?;
        let mut paths: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for file in files_there(scan) {
            for owner in index.owners(&file.0) {
                if let Some(own) = owners.iter().find(|own| own.library.id == owner.library.id) {
                    paths.entry(&own.library.id).or_default().push(spelled(&owner.path).to_owned());
                }
            }
        }
        if paths.is_empty() {
            paths.extend(owners.iter().map(|owner| (owner.library.id.as_str(), vec![owner.spelled()])));
        }
        let body = |(id, paths): (&str, &Vec<String>)| json!({"data": {"scanConfig": {"dbID": id, "arrayOrPath": paths, "mode": "scanFolderWatcher"}}});
        Ok(paths.iter().map(|(id, paths)| self.post("scan-files", &body((id, paths)))).collect())
    }

    async fn tell(&self, scan: &TargetScan) -> Result<(), Fault> {
        for request in self.requests(scan).await? {
            self.ask(&request).await?.accepted()?;
        }
        Ok(())
    }
}

#[async_trait]
impl LibraryServer for Tdarr {
    fn product(&self) -> &'static str {
        "Tdarr"
    }

    fn library_cache(&self) -> &LibraryCache {
        &self.library_cache
    }

    async fn fetch_libraries(&self) -> Result<Vec<Library>, Fault> {
        let body = json!({
            "data": {"collection": "LibrarySettingsJSONDB", "mode": "getAll"}, "timeout": LIST_TIMEOUT,
        });
        let libraries: Vec<LibraryJson> = self.ask(&self.post("cruddb", &body)).await?.json()?;
        Ok(libraries.into_iter().map(Library::from).collect())
    }
}

#[async_trait]
impl Target for Tdarr {
    /// `/api/v2/status` is answered to everybody, and the list of libraries only with the key.
    async fn probe(&self) -> Result<Identity, Fault> {
        let request = self.with_key(Request::get(&self.base, &["api", "v2", "status"]));
        let answer = match self.ask(&request).await {
            Ok(answer) => answer,
            Err(fault) => return libraries::identity_by_list(self, fault).await,
        };
        let status: Status = answer.json()?;
        libraries::read(self).await?;
        Ok(Identity {
            product: "Tdarr".to_owned(),
            name: None,
            version: status.version.unwrap_or_else(|| "unknown".to_owned()),
        })
    }

    async fn scan(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>> {
        one_by_one(self, batch, |scan| self.tell(scan)).await
    }

    async fn plan(&self, scan: &TargetScan) -> Result<Plan, Fault> {
        let calls = self.requests(scan).await?.iter().map(Request::planned).collect();
        let (_, owners) = libraries::owners(self, &scan.folder).await?;
        Ok(Plan { libraries: owners.iter().map(|owner| Library::clone(&owner.library)).collect(), calls })
    }

    fn libraries(&self) -> Option<&dyn Libraries> {
        Some(self)
    }
}

#[async_trait]
impl Libraries for Tdarr {
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

#[derive(Deserialize)]
struct Status {
    version: Option<String>,
}

#[derive(Deserialize)]
struct LibraryJson {
    #[serde(rename = "_id")]
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    folder: String,
}

impl From<LibraryJson> for Library {
    fn from(library: LibraryJson) -> Self {
        Self { id: library.id, title: library.name, kind: "files".to_owned(), folders: vec![library.folder] }
    }
}
