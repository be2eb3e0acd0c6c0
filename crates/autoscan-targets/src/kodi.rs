//! Kodi. It is told to scan one folder at a time, and asked for the items of the files.

mod cleaning;
mod forget;
mod items;
mod look;
mod named;
mod prove;
mod rpc;
mod scanning;
mod songs;
mod sources;
mod tell;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::cause::MissingCause;
use autoscan_core::fault::Fault;
use autoscan_core::path::{AbsolutePath, TargetPath};
use autoscan_core::ports::{
    Identity, Libraries, Library, Plan, Playback, Proof, ServerListing, Target, TargetScan,
};
use autoscan_core::proof::{ExpectedFile, Observation};
use autoscan_core::secret::Secret;
use autoscan_http::{Http, SecretHeader};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::family::libraries::{self, LibraryCache, LibraryServer};
use crate::family::settings;
use crate::kind::{Connected, TargetKind};
use crate::kodi::cleaning::Cleanings;
use crate::kodi::items::Contents;
use crate::kodi::rpc::{Call, Rpc};
use crate::kodi::scanning::Turns;
use crate::kodi::sources::{Kind, Sources};

pub(crate) const KIND: TargetKind =
    TargetKind { name: "kodi", settings: <Settings as JsonSchema>::json_schema, connect };

/// A Kodi.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Settings {
    /// Where Kodi's web server answers, as this machine sees it: `http://kodi:8080`.
    url: String,
    /// The username that its web server wants.
    username: Option<String>,
    /// The password that its web server wants.
    password: Option<Secret>,
}

fn connect(given: &Value, http: &Http) -> Result<Connected, String> {
    let given: Settings = settings::read(given)?;
    let base = settings::url(&given.url)?;
    let login = match (given.username, given.password) {
        (Some(user), Some(password)) => {
            Some(SecretHeader::basic(&user, &settings::trimmed("password", &password)?))
        }
        (None, None) => None,
        (Some(_), None) => return Err("`password` is missing".to_owned()),
        (None, Some(_)) => return Err("`username` is missing".to_owned()),
    };
    let url = base.to_string();
    let rpc = Arc::new(Rpc { http: http.clone(), base, login });
    let server = Kodi {
        rpc,
        library_cache: LibraryCache::default(),
        contents: Mutex::default(),
        turns: Turns::default(),
        cleanings: tokio::sync::Mutex::default(),
    };
    Ok(Connected { server: Arc::new(server), url })
}

struct Kodi {
    rpc: Arc<Rpc>,
    library_cache: LibraryCache,
    /// What the video sources hold, as far as it was found out.
    contents: Mutex<HashMap<AbsolutePath, Contents>>,
    turns: Turns,
    /// The cleanings of its music library.
    cleanings: tokio::sync::Mutex<Cleanings>,
}

#[async_trait]
impl LibraryServer for Kodi {
    fn product(&self) -> &'static str {
        "Kodi"
    }

    fn library_cache(&self) -> &LibraryCache {
        &self.library_cache
    }

    async fn fetch_libraries(&self) -> Result<Vec<Library>, Fault> {
        let calls = Kind::ALL.map(|kind| Call::new("Files.GetSources", json!({"media": kind.as_str()})));
        let outcomes = self.rpc.ask(&calls).await?;
        let mut libraries = Vec::new();
        for (kind, outcome) in Kind::ALL.into_iter().zip(&outcomes) {
            let found: Sources = outcome.read()?;
            libraries.extend(found.sources.iter().filter_map(|source| sources::library(kind, source)));
        }
        Ok(libraries)
    }
}

#[derive(Deserialize)]
struct Application {
    #[serde(default)]
    name: String,
    version: Version,
}

#[derive(Deserialize)]
struct Version {
    major: u64,
    minor: u64,
}

#[async_trait]
impl Target for Kodi {
    async fn probe(&self) -> Result<Identity, Fault> {
        let asked = Call::new("Application.GetProperties", json!({"properties": ["name", "version"]}));
        let Application { name, version } = match self.rpc.call(asked).await {
            Ok(application) => application,
            Err(fault) => return libraries::identity_by_list(self, fault).await,
        };
        libraries::check_list(self).await?;
        Ok(Identity {
            product: if name.is_empty() { "Kodi".to_owned() } else { name },
            name: None,
            version: format!("{}.{}", version.major, version.minor),
        })
    }

    async fn scan(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>> {
        tell::batch(self, batch).await
    }

    async fn plan(&self, scan: &TargetScan) -> Result<Plan, Fault> {
        let (_, owners) = libraries::owners(self, &scan.folder).await?;
        let mut calls = Vec::new();
        for owner in &owners {
            calls.extend(tell::planned(self, owner, scan).await?);
        }
        Ok(Plan {
            libraries: owners.iter().map(|owner| Library::clone(&owner.library)).collect(),
            calls: calls.iter().map(|call| self.rpc.request(std::slice::from_ref(call)).planned()).collect(),
        })
    }

    fn libraries(&self) -> Option<&dyn Libraries> {
        Some(self)
    }

    fn proof(&self) -> Option<&dyn Proof> {
        Some(self)
    }

    fn playback(&self) -> Option<&dyn Playback> {
        Some(self)
    }
}

#[async_trait]
impl Libraries for Kodi {
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
impl Proof for Kodi {
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
impl Playback for Kodi {
    async fn playing(&self) -> Result<usize, Fault> {
        let players: Vec<serde::de::IgnoredAny> =
            self.rpc.call(Call::new("Player.GetActivePlayers", json!({}))).await?;
        Ok(players.len())
    }
}
