//! Emby. It is told of paths like Jellyfin, with a header and a list of libraries of its own.

use std::sync::Arc;

use async_trait::async_trait;
use autoscan_core::fault::Fault;
use autoscan_core::ports::{Identity, Library, Plan, Target, TargetScan};
use autoscan_core::secret::Secret;
use autoscan_http::{Answer, BaseUrl, Http, Request, SecretHeader};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::family::libraries::{self, Catalogue, Shelves};
use crate::family::media_browser::{self, LIST, MediaBrowser, SystemInfo, VirtualFolder};
use crate::family::settings;
use crate::{Connected, TargetKind};

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
        server: Arc::new(Emby { http: http.clone(), base, key, shelves: Shelves::default() }),
        url,
    })
}

struct Emby {
    http: Http,
    base: BaseUrl,
    key: SecretHeader,
    shelves: Shelves,
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
            Err(fault) => return libraries::known_by_its_list(self, fault).await,
        };
        let info: SystemInfo = answer.json()?;
        if info.is_in_maintenance_mode {
            return Err(Fault::away(answer.says("Emby is in maintenance mode; autoscan waits")));
        }
        Ok(Identity { product: "Emby Server".to_owned(), name: info.server_name, version: info.version })
    }

    async fn libraries(&self) -> Result<Vec<Library>, Fault> {
        Ok(libraries::read_afresh(self).await?.libraries())
    }

    async fn scan(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>> {
        media_browser::scan(self, batch).await
    }

    fn batches(&self) -> bool {
        true
    }

    async fn plan(&self, scan: &TargetScan) -> Result<Plan, Fault> {
        media_browser::plan(self, scan).await
    }
}

#[async_trait]
impl Catalogue for Emby {
    fn product(&self) -> &'static str {
        "Emby"
    }

    fn shelves(&self) -> &Shelves {
        &self.shelves
    }

    /// Emby 4.8 and 4.9 document the first two lists; older servers have the third.
    async fn read(&self) -> Result<Vec<Library>, Fault> {
        match self.ask(&self.get(&["Library", "VirtualFolders", "Query"])).await {
            Err(Fault::Wrong { .. }) => {}
            answer => {
                let page: Page = answer?.json()?;
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
        let folders: Vec<VirtualFolder> =
            self.ask(&self.get(&["Library", "VirtualFolders"])).await?.json()?;
        Ok(folders.into_iter().filter_map(VirtualFolder::library).collect())
    }
}

impl MediaBrowser for Emby {
    fn http(&self) -> &Http {
        &self.http
    }

    fn updated(&self) -> Request {
        Request::post(&self.base, &["Library", "Media", "Updated"]).secret(&self.key)
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
struct Page {
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
