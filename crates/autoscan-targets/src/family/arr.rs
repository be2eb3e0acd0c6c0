//! What Sonarr and Radarr share as targets: they are told to look at the folder of one series or film again.

mod cause;
mod files;
mod roots;

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use autoscan_core::cause::MissingCause;
use autoscan_core::change::Change;
use autoscan_core::fault::Fault;
use autoscan_core::ids::IdSource;
use autoscan_core::path::{AbsolutePath, TargetPath};
use autoscan_core::ports::{Batching, Identity, Libraries, Library, Plan, Proof, Target, TargetScan};
use autoscan_core::proof::{ExpectedFile, Observation};
use autoscan_core::secret::Secret;
use autoscan_http::{Answer, BaseUrl, Http, Request, SecretHeader};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::family::batch::BatchResults;
use crate::family::libraries::{self, LibraryCache, LibraryServer};
use crate::family::library_index::Owner;
use crate::family::settings;
use crate::kind::Connected;

/// Settings of every arr.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct ArrSettings {
    /// Where it answers, as this machine sees it: `http://sonarr:8989`.
    url: String,
    /// Its API key, from Settings → General.
    api_key: Secret,
}

/// What is different between the arrs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    /// Its name as it calls itself.
    pub(crate) product: &'static str,
    /// What it keeps, in the path of its API.
    pub(crate) list: &'static str,
    /// One of them, for a person.
    pub(crate) one: &'static str,
    /// The parameter of the list that names one by the id of a database…
    pub(crate) by: &'static str,
    /// … and that database.
    pub(crate) source: IdSource,
    /// The command that looks at one folder again.
    pub(crate) command: &'static str,
    /// The parameter of that command and of the list of files.
    pub(crate) id: &'static str,
    /// The list of files of one.
    pub(crate) files: &'static str,
}

/// Longest list that is read, in bytes: an arr tells some kilobytes of each series.
const LIST: usize = 128 * 1024 * 1024;

/// Most folders of one batch.
const BATCH: usize = 100;

/// How many folders are remembered with what they belong to.
const REMEMBERED: usize = 1000;

/// Makes an arr of its settings.
pub(crate) fn connect(dialect: Dialect, given: &Value, http: &Http) -> Result<Connected, String> {
    let given: ArrSettings = settings::read(given)?;
    let base = settings::url(&given.url)?;
    let key = settings::trimmed("api-key", &given.api_key)?;
    // In the query the arrs would write the key into their logs.
    let key = SecretHeader::new("x-api-key", key.reveal(), &key)?;
    let url = base.to_string();
    let server = Arr {
        http: http.clone(),
        base,
        key,
        dialect,
        entries: LibraryCache::default(),
        root_folders: LibraryCache::default(),
        known: Mutex::default(),
    };
    Ok(Connected { server: Arc::new(server), url })
}

struct Arr {
    http: Http,
    base: BaseUrl,
    key: SecretHeader,
    dialect: Dialect,
    /// Every series or film as a library of its own: whose folder is whose is the same question.
    entries: LibraryCache,
    /// Its root folders. The series and films in them are too many to be shown.
    root_folders: LibraryCache,
    /// What the folders of scans belong to, the latest last.
    known: Mutex<VecDeque<(TargetPath, Vec<u64>)>>,
}

/// A series or film.
#[derive(Deserialize)]
struct Entry {
    id: u64,
    #[serde(default)]
    title: String,
    #[serde(default)]
    path: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    app_name: Option<String>,
    instance_name: Option<String>,
    version: String,
}

impl Arr {
    fn get(&self, name: &str) -> Request {
        Request::get(&self.base, &["api", "v3", name]).secret(&self.key)
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

    /// The look at one. The id always stands in it: without one, an arr would look at all it has.
    fn rescan(&self, id: u64) -> Request {
        Request::post(&self.base, &["api", "v3", "command"])
            .secret(&self.key)
            .json(&json!({"name": self.dialect.command, self.dialect.id: id}))
    }

    /// The ids of what a scan belongs to: by the ids that its sender gave, which costs one small answer, or by its folder. What
    /// lies in no root folder is none of it: for that neither is asked.
    async fn owners(&self, scan: &TargetScan) -> Result<Vec<u64>, Fault> {
        roots::check(self, scan).await?;
        let mut ids = self.by_database(scan).await?;
        if ids.is_empty() {
            ids = self.by_folder(&scan.folder, &scan.changes).await?;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(folder, _)| *folder != scan.folder);
        known.push_back((scan.folder.clone(), ids.clone()));
        if known.len() > REMEMBERED {
            known.pop_front();
        }
        Ok(ids)
    }

    async fn by_database(&self, scan: &TargetScan) -> Result<Vec<u64>, Fault> {
        let given: HashSet<&str> =
            scan.changes.iter().filter_map(|change| change.ids.get(self.dialect.source)).collect();
        let mut ids = Vec::new();
        for one in given {
            let request = self.get(self.dialect.list).query(self.dialect.by, one).at_most(LIST);
            let entries: Vec<Entry> = self.ask(&request).await?.json()?;
            let holds = |entry: &Entry| {
                AbsolutePath::parse(&entry.path).is_ok_and(|root| scan.folder.0.is_within(&root))
                    && entry.id > 0
            };
            ids.extend(entries.into_iter().filter(holds).map(|entry| entry.id));
        }
        Ok(ids)
    }

    /// The ids by the folder; when none owns it, as that above a deleted folder, by what changed in it.
    async fn by_folder(
        &self,
        folder: &TargetPath,
        changes: &[Change<TargetPath>],
    ) -> Result<Vec<u64>, Fault> {
        let not_mine = match libraries::owners(self, folder).await {
            Ok((_, owners)) => return Ok(ids(&owners)),
            Err(Fault::NotMine { .. }) => Fault::not_mine(format!(
                "no {} of {} has the folder {:?}, or one above it; is the target's `map` missing, or the {} not added?",
                self.dialect.one,
                self.dialect.product,
                folder.as_str(),
                self.dialect.one
            )),
            Err(fault) => return Err(fault),
        };
        let mut found = Vec::new();
        let mut paths: Vec<&TargetPath> = changes.iter().map(|change| &change.path).collect();
        paths.extend(changes.iter().filter_map(|change| change.from.as_ref()));
        for path in paths {
            match libraries::owners(self, path).await {
                Ok((_, owners)) => found.extend(ids(&owners)),
                Err(Fault::NotMine { .. }) => {}
                Err(fault) => return Err(fault),
            }
        }
        found.sort_unstable();
        found.dedup();
        if found.is_empty() { Err(not_mine) } else { Ok(found) }
    }

    async fn tell(&self, scan: &TargetScan, told: &mut HashSet<u64>) -> Result<(), Fault> {
        for id in self.owners(scan).await? {
            if told.contains(&id) {
                continue;
            }
            self.ask(&self.rescan(id)).await?.accepted()?;
            told.insert(id);
        }
        Ok(())
    }

    /// What a folder was found to belong to, found again after a restart.
    async fn remembered(&self, folder: &TargetPath) -> Result<Vec<u64>, Fault> {
        let known = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.iter().find(|(at, _)| at == folder).map(|(_, ids)| ids.clone())
        };
        match known {
            Some(ids) => Ok(ids),
            None => self.by_folder(folder, &[]).await,
        }
    }
}

fn ids(owners: &[Owner]) -> Vec<u64> {
    owners.iter().filter_map(|owner| owner.library.id.parse().ok()).collect()
}

#[async_trait]
impl LibraryServer for Arr {
    fn product(&self) -> &'static str {
        self.dialect.product
    }

    fn library_cache(&self) -> &LibraryCache {
        &self.entries
    }

    async fn fetch_libraries(&self) -> Result<Vec<Library>, Fault> {
        let entries: Vec<Entry> = self.ask(&self.get(self.dialect.list).at_most(LIST)).await?.json()?;
        let library = |entry: Entry| Library {
            id: entry.id.to_string(),
            title: entry.title,
            kind: self.dialect.one.to_owned(),
            folders: vec![entry.path],
        };
        Ok(entries.into_iter().filter(|entry| entry.id > 0).map(library).collect())
    }
}

#[async_trait]
impl Target for Arr {
    async fn probe(&self) -> Result<Identity, Fault> {
        let answer =
            self.ask(&Request::get(&self.base, &["api", "v3", "system", "status"]).secret(&self.key)).await;
        let answer = match answer {
            Err(Fault::Wrong { reason }) => {
                return Err(Fault::away(format!("{reason}; is this the URL of {}?", self.dialect.product)));
            }
            answer => answer?,
        };
        let status: Status = answer.json()?;
        let product = status.app_name.unwrap_or_else(|| self.dialect.product.to_owned());
        if product != self.dialect.product {
            return Err(Fault::away(
                answer.says(&format!("this is {product:?} and not {}", self.dialect.product)),
            ));
        }
        libraries::check_list(self).await?;
        Ok(Identity { product, name: status.instance_name, version: status.version })
    }

    /// Each series or film once a batch, however many of its folders changed.
    async fn scan(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>> {
        let mut told = HashSet::new();
        let mut results = BatchResults::new(self, batch.len());
        for (at, scan) in batch.iter().enumerate() {
            if results.is_stopped() {
                break;
            }
            results.add(at, self.tell(scan, &mut told).await).await;
        }
        results.end().await
    }

    fn batching(&self) -> Batching {
        Batching::UpTo(BATCH)
    }

    async fn plan(&self, scan: &TargetScan) -> Result<Plan, Fault> {
        let calls = self.owners(scan).await?.into_iter().map(|id| self.rescan(id).planned()).collect();
        Ok(Plan { libraries: Vec::new(), calls })
    }

    fn libraries(&self) -> Option<&dyn Libraries> {
        Some(self)
    }

    fn proof(&self) -> Option<&dyn Proof> {
        Some(self)
    }
}

#[async_trait]
impl Proof for Arr {
    async fn find(&self, folder: &TargetPath, expected: &[ExpectedFile]) -> Result<Vec<Observation>, Fault> {
        files::find(self, folder, expected).await
    }

    async fn why_missing(&self, expected: &ExpectedFile) -> Option<MissingCause> {
        cause::why_missing(self, expected).await.map(MissingCause::from)
    }
}
