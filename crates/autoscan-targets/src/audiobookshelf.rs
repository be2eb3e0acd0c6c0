//! Audiobookshelf. It is told of files as its own watcher would tell it, and looks at their items some seconds later.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::change::{Change, ChangeKind, Subject};
use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{Advice, Batching, Identity, Libraries, Library, Plan, Target, TargetScan};
use autoscan_core::secret::Secret;
use autoscan_http::{Answer, BaseUrl, Http, Request, SecretHeader};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::family::batch::BatchResults;
use crate::family::libraries::{self, LibraryCache, LibraryIndex, LibraryServer, spelled};
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

/// Longest list of libraries that is read, in bytes.
const LIST: usize = 32 * 1024 * 1024;

/// Most folders of one batch.
const BATCH: usize = 100;

/// Every file is a request. A scan of more is one look at the library instead.
const MOST_FILES: usize = 200;

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
    let (library_cache, unwatched) = (LibraryCache::default(), Mutex::default());
    Ok(Connected {
        server: Arc::new(Audiobookshelf { http: http.clone(), base, key, library_cache, unwatched }),
        url,
    })
}

struct Audiobookshelf {
    http: Http,
    base: BaseUrl,
    key: SecretHeader,
    library_cache: LibraryCache,
    /// The ids of the libraries whose watcher is switched off, which drop every report without a word.
    unwatched: Mutex<HashSet<String>>,
}

/// A report of one file, as Audiobookshelf's own watcher makes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    library_id: String,
    path: String,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_path: Option<String>,
}

/// What is told of one scan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ReportRequest {
    File(Report),
    /// A look at the whole library, by its id.
    Library(String),
}

impl Audiobookshelf {
    fn request(&self, told: &ReportRequest) -> Request {
        match told {
            ReportRequest::File(report) => {
                Request::post(&self.base, &["api", "watcher", "update"]).secret(&self.key).json(report)
            }
            ReportRequest::Library(id) => {
                Request::post(&self.base, &["api", "libraries", id, "scan"]).secret(&self.key)
            }
        }
    }

    async fn ask(&self, request: &Request) -> Result<Answer, Fault> {
        let answer = self.http.exchange(request).await?;
        match answer.status() {
            401 => Err(Fault::refused(answer.says("the API key was rejected; check the target's `api-key`"))),
            403 => Err(Fault::refused(answer.says("the key is not an admin's, who alone may report files"))),
            _ => answer.check(),
        }
    }

    /// The reports of a scan: its files one by one, or the library where that would not be understood.
    async fn told(&self, scan: &TargetScan) -> Result<BTreeSet<ReportRequest>, Fault> {
        let (index, owners) = libraries::owners(self, &scan.folder).await?;
        let unwatched = self.unwatched.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut told = BTreeSet::new();
        for owner in &owners {
            let id = &owner.library.id;
            let files: BTreeSet<ReportRequest> = scan
                .changes
                .iter()
                .flat_map(|change| reports(id, change, &index))
                .map(ReportRequest::File)
                .collect();
            let of_folders = scan.changes.is_empty()
                || scan.changes.iter().any(|change| change.subject == Subject::Folder);
            if of_folders || unwatched.contains(id) || files.len() > MOST_FILES {
                told.insert(ReportRequest::Library(id.clone()));
            } else {
                told.extend(files);
            }
        }
        Ok(told)
    }

    async fn tell(&self, scan: &TargetScan, done: &mut HashSet<String>) -> Result<(), Fault> {
        for one in self.told(scan).await? {
            if let ReportRequest::Library(id) = &one
                && done.contains(id)
            {
                continue;
            }
            self.ask(&self.request(&one)).await?.accepted()?;
            if let ReportRequest::Library(id) = one {
                done.insert(id);
            }
        }
        Ok(())
    }
}

/// What is reported of a change to one library. The old name of a move may belong to another one.
fn reports(library: &str, change: &Change<TargetPath>, index: &LibraryIndex) -> Vec<Report> {
    let owned = |path: &TargetPath| {
        let owners = index.owners(&path.0);
        owners.iter().find(|owner| owner.library.id == library).map(|owner| spelled(&owner.path).to_owned())
    };
    let report = |kind, path, old_path| Report { library_id: library.to_owned(), path, kind, old_path };
    let (new, old) = (owned(&change.path), change.from.as_ref().and_then(owned));
    match (change.kind, new, old) {
        (ChangeKind::Deleted, Some(path), _) => vec![report("unlink", path, None)],
        (ChangeKind::Moved, Some(path), Some(old)) => vec![report("rename", path, Some(old))],
        (ChangeKind::Moved, None, Some(old)) => vec![report("unlink", old, None)],
        (ChangeKind::Created | ChangeKind::Modified | ChangeKind::Moved, Some(path), _) => {
            vec![report("add", path, None)]
        }
        _ => Vec::new(),
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
        let off = |library: &&LibraryJson| {
            library.settings.as_ref().is_some_and(|settings| settings.disable_watcher)
        };
        let off = list.libraries.iter().filter(off).map(|library| library.id.clone()).collect();
        *self.unwatched.lock().unwrap_or_else(PoisonError::into_inner) = off;
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

    /// A library is looked at once a batch.
    async fn scan(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>> {
        let mut done = HashSet::new();
        let mut results = BatchResults::new(self, batch.len());
        for (at, scan) in batch.iter().enumerate() {
            if results.is_stopped() {
                break;
            }
            results.add(at, self.tell(scan, &mut done).await).await;
        }
        results.end().await
    }

    fn batching(&self) -> Batching {
        Batching::UpTo(BATCH)
    }

    async fn plan(&self, scan: &TargetScan) -> Result<Plan, Fault> {
        let calls = self.told(scan).await?.iter().map(|one| self.request(one).planned()).collect();
        let (_, owners) = libraries::owners(self, &scan.folder).await?;
        Ok(Plan { libraries: owners.iter().map(|owner| Library::clone(&owner.library)).collect(), calls })
    }

    fn libraries(&self) -> Option<&dyn Libraries> {
        Some(self)
    }

    fn advice(&self) -> Option<&dyn Advice> {
        Some(self)
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
        let unwatched = self.unwatched.lock().unwrap_or_else(PoisonError::into_inner);
        let off = libraries.into_iter().filter(|library| unwatched.contains(&library.id));
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
