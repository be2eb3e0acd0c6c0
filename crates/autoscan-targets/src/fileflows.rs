//! FileFlows. New files are put into the queue of their library's flow; files that it has processed before are processed
//! again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{Identity, Libraries, Library, Plan, Target, TargetScan};
use autoscan_core::secret::Secret;
use autoscan_http::{Answer, BaseUrl, Http, Method, Request, SecretHeader};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::family::batch::one_by_one;
use crate::family::changes::{files_there, only_deletions};
use crate::family::libraries::{self, LibraryCache, LibraryServer};
use crate::family::library_index::{Owner, spelled};
use crate::family::settings;
use crate::kind::{Connected, TargetKind};

pub(crate) const KIND: TargetKind =
    TargetKind { name: "fileflows", settings: <Settings as JsonSchema>::json_schema, connect };

/// A FileFlows server.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Settings {
    /// Where FileFlows answers, as this machine sees it: `http://fileflows:19200`.
    url: String,
    /// The name of a user, when its security is on.
    username: Option<String>,
    /// The password of that user.
    password: Option<Secret>,
}

/// Longest list of libraries or files that is read, in bytes.
const LIST: usize = 32 * 1024 * 1024;

fn connect(given: &Value, http: &Http) -> Result<Connected, String> {
    let given: Settings = settings::read(given)?;
    let base = settings::url(&given.url)?;
    let login = match (given.username, given.password) {
        (Some(user), Some(password)) => Some((user, settings::trimmed("password", &password)?)),
        (None, None) => None,
        (Some(_), None) => return Err("`password` is missing".to_owned()),
        (None, Some(_)) => return Err("`username` is missing".to_owned()),
    };
    let url = base.to_string();
    let (token, library_cache, flows) = (Mutex::default(), LibraryCache::default(), Mutex::default());
    Ok(Connected {
        server: Arc::new(FileFlows { http: http.clone(), base, login, token, library_cache, flows }),
        url,
    })
}

struct FileFlows {
    http: Http,
    base: BaseUrl,
    login: Option<(String, Secret)>,
    /// What a login gave, until FileFlows accepts it no longer.
    token: Mutex<Option<SecretHeader>>,
    library_cache: LibraryCache,
    /// The flow of each library, by its id.
    flows: Mutex<HashMap<String, String>>,
}

impl FileFlows {
    fn request(&self, method: Method, segments: &[&str]) -> Request {
        Request::new(method, &self.base, segments).at_most(LIST)
    }

    /// Asks with the token of the last login, and once more after a new one when that is no longer accepted.
    async fn ask(&self, request: &Request) -> Result<Answer, Fault> {
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let asked = token.map_or_else(|| request.clone(), |token| request.clone().secret(&token));
        let mut answer = self.http.exchange(&asked).await?;
        if answer.status() == 401 && self.login.is_some() {
            let token = self.log_in().await?;
            answer = self.http.exchange(&request.clone().secret(&token)).await?;
        }
        match answer.status() {
            401 | 403 => Err(Fault::refused(answer.says(
                "FileFlows wants a login that may do this; check `username` and `password` of this target",
            ))),
            _ => answer.check(),
        }
    }

    /// The answer to a login is the token, as text in quotes.
    async fn log_in(&self) -> Result<SecretHeader, Fault> {
        let Some((user, password)) = &self.login else { return Err(Fault::refused("no login is set")) };
        let request = self
            .request(Method::POST, &["authorize"])
            .json(&json!({"username": user, "password": password.reveal()}))
            .hiding(password);
        let answer = self.http.exchange(&request).await?;
        if matches!(answer.status(), 400 | 401 | 403) {
            return Err(Fault::refused(
                answer.says("the login was rejected; check `username` and `password` of this target"),
            ));
        }
        let answer = answer.check()?;
        let token = String::from_utf8_lossy(answer.body()).trim().trim_matches('"').to_owned();
        let secret = Secret::new(token);
        let header = SecretHeader::new("authorization", &format!("Bearer {}", secret.reveal()), &secret);
        let header = header.map_err(|_shows_a_secret| Fault::away(answer.says("this is no token")))?;
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(header.clone());
        Ok(header)
    }

    /// The id of a file that FileFlows knows. It may answer with files of similar paths, so the whole path is compared.
    async fn known(&self, path: &str) -> Result<Option<String>, Fault> {
        let request = self
            .request(Method::POST, &["api", "library-file", "search"])
            .json(&json!({"Path": path, "Limit": 10}));
        let files: Vec<LibraryFile> = self.ask(&request).await?.json()?;
        Ok(files.into_iter().find(|file| file.name == path).map(|file| file.uid))
    }

    /// The requests for one library: known files again, new files to its flow; without a file, a look at the library.
    async fn requests(&self, scan: &TargetScan) -> Result<Vec<Request>, Fault> {
        if only_deletions(scan) {
            return Err(Fault::not_mine(
                "FileFlows is told of new and changed files only, and these were deleted",
            ));
        }
        let (index, owners) = libraries::owners(self, &scan.folder).await?;
        let mut requests = Vec::new();
        for owner in &owners {
            let own = |file: &&TargetPath| {
                let at = index.owners(&file.0).into_iter().find(|at| at.library.id == owner.library.id)?;
                Some(spelled(&at.path).to_owned())
            };
            let files: Vec<String> = files_there(scan).iter().filter_map(own).collect();
            requests.extend(self.of_library(owner, files).await?);
        }
        Ok(requests)
    }

    async fn of_library(&self, owner: &Owner, files: Vec<String>) -> Result<Vec<Request>, Fault> {
        let id = &owner.library.id;
        if files.is_empty() {
            let look = self.request(Method::PUT, &["api", "library", "rescan"]).json(&json!({"Uids": [id]}));
            return Ok(vec![look]);
        }
        let (mut known, mut new) = (Vec::new(), Vec::new());
        for file in files {
            match self.known(&file).await? {
                Some(uid) => known.push(uid),
                None => new.push(file),
            }
        }
        let mut requests = Vec::new();
        if !known.is_empty() {
            let body = json!({"Uids": known, "CustomVariables": {}, "Mode": 0, "BottomOfQueue": false});
            requests.push(self.request(Method::POST, &["api", "library-file", "reprocess"]).json(&body));
        }
        if !new.is_empty() {
            let flow = self.flows.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
            let Some(flow) = flow else {
                return Err(Fault::wrong(format!(
                    "the library {:?} of FileFlows has no flow, so no file can be added to it: give it one",
                    owner.library.title
                )));
            };
            let body = json!({"FlowUid": flow, "Files": new, "CustomVariables": {}});
            requests.push(self.request(Method::POST, &["api", "library-file", "manually-add"]).json(&body));
        }
        Ok(requests)
    }

    async fn tell(&self, scan: &TargetScan) -> Result<(), Fault> {
        for request in self.requests(scan).await? {
            self.ask(&request).await?.accepted()?;
        }
        Ok(())
    }
}

#[async_trait]
impl LibraryServer for FileFlows {
    fn product(&self) -> &'static str {
        "FileFlows"
    }

    fn library_cache(&self) -> &LibraryCache {
        &self.library_cache
    }

    /// A library that is switched off takes nothing, so it owns nothing.
    async fn fetch_libraries(&self) -> Result<Vec<Library>, Fault> {
        let list: Vec<LibraryJson> =
            self.ask(&self.request(Method::GET, &["api", "library"])).await?.json()?;
        let list: Vec<LibraryJson> = list.into_iter().filter(|library| library.enabled).collect();
        let flow = |library: &LibraryJson| Some((library.uid.clone(), library.flow.as_ref()?.uid.clone()));
        *self.flows.lock().unwrap_or_else(PoisonError::into_inner) = list.iter().filter_map(flow).collect();
        Ok(list.into_iter().map(Library::from).collect())
    }
}

#[async_trait]
impl Target for FileFlows {
    /// The list of libraries proves the login. Its version is told to everybody, but not by every version.
    async fn probe(&self) -> Result<Identity, Fault> {
        libraries::read(self).await?;
        let asked = self.ask(&self.request(Method::GET, &["remote", "info", "version"])).await;
        let version = asked.ok().and_then(|answer| answer.json::<String>().ok());
        Ok(Identity {
            product: "FileFlows".to_owned(),
            name: None,
            version: version.unwrap_or_else(|| "unknown".to_owned()),
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
impl Libraries for FileFlows {
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
#[serde(rename_all = "PascalCase")]
struct LibraryJson {
    uid: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    enabled: bool,
    path: Option<String>,
    flow: Option<Flow>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Flow {
    uid: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LibraryFile {
    uid: String,
    #[serde(default)]
    name: String,
}

impl From<LibraryJson> for Library {
    fn from(library: LibraryJson) -> Self {
        Self {
            id: library.uid,
            title: library.name,
            kind: "files".to_owned(),
            folders: library.path.into_iter().collect(),
        }
    }
}
