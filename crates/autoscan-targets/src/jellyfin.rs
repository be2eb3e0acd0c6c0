//! Jellyfin. It is told of paths and looks at them a minute after the last one, by the rules of its `LibraryMonitor`.

use std::sync::Arc;

use async_trait::async_trait;
use autoscan_core::fault::Fault;
use autoscan_core::ports::{Identity, Library, Plan, Target, TargetScan};
use autoscan_core::secret::Secret;
use autoscan_http::{Answer, BaseUrl, Http, Request, SecretHeader};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::family::libraries::{self, Catalogue, Shelves};
use crate::family::media_browser::{self, LIST, MediaBrowser, SystemInfo, VirtualFolder};
use crate::family::settings;
use crate::{Connected, TargetKind};

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

/// Jellyfin decodes the values of its `Authorization` header as a URL's: all but these are encoded.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn connect(given: &Value, http: &Http) -> Result<Connected, String> {
    let given: Settings = settings::read(given)?;
    let base = settings::url(&given.url)?;
    if base.has_login() {
        return Err(
            "`url` holds a user and password, but Jellyfin reads its key from the very header in which they \
                    would be sent: let the proxy pass autoscan without them"
                .to_owned(),
        );
    }
    let key = settings::either("api-key", given.api_key, "token", given.token)?;
    // Every other place for the key is refused by Jellyfin 12, or shows it in logs.
    let authorization = format!(
        "MediaBrowser Token=\"{}\", Client=\"autoscan\", Device=\"autoscan\", DeviceId=\"autoscan\", Version=\"{}\"",
        utf8_percent_encode(key.reveal(), PLAIN),
        env!("CARGO_PKG_VERSION"),
    );
    let key = SecretHeader::new("authorization", &authorization, &key)?;
    let url = base.to_string();
    Ok(Connected {
        server: Arc::new(Jellyfin { http: http.clone(), base, key, shelves: Shelves::default() }),
        url,
    })
}

struct Jellyfin {
    http: Http,
    base: BaseUrl,
    key: SecretHeader,
    shelves: Shelves,
}

#[async_trait]
impl Target for Jellyfin {
    /// `/System/Info` needs the key, and is not answered while Jellyfin starts: `/System/Info/Public` is.
    async fn probe(&self) -> Result<Identity, Fault> {
        let request = Request::get(&self.base, &["System", "Info"]).secret(&self.key);
        let answer = match self.ask(&request).await {
            Ok(answer) => answer,
            Err(fault) => return libraries::known_by_its_list(self, fault).await,
        };
        let info: SystemInfo = answer.json()?;
        Ok(Identity { product: "Jellyfin".to_owned(), name: info.server_name, version: info.version })
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
impl Catalogue for Jellyfin {
    fn product(&self) -> &'static str {
        "Jellyfin"
    }

    fn shelves(&self) -> &Shelves {
        &self.shelves
    }

    async fn read(&self) -> Result<Vec<Library>, Fault> {
        let request =
            Request::get(&self.base, &["Library", "VirtualFolders"]).secret(&self.key).at_most(LIST);
        let folders: Vec<VirtualFolder> = self.ask(&request).await?.json()?;
        Ok(folders.into_iter().filter_map(VirtualFolder::library).collect())
    }
}

impl MediaBrowser for Jellyfin {
    fn http(&self) -> &Http {
        &self.http
    }

    fn updated(&self) -> Request {
        Request::post(&self.base, &["Library", "Media", "Updated"]).secret(&self.key)
    }

    /// A 503 means two things: Jellyfin starts (it says when to come back), or it lets nobody in from this address (an
    /// empty body; its `IpBasedAccessValidationMiddleware`).
    fn check(&self, answer: Answer) -> Result<Answer, Fault> {
        match (answer.status(), answer.retry_after()) {
            (503, Some(after)) => {
                Err(Fault::Busy { after, reason: answer.says("Jellyfin is starting; autoscan waits") })
            }
            (503, None) if answer.body().is_empty() => Err(Fault::refused(answer.says(
                "Jellyfin lets nobody in from autoscan's address; look at its networking settings (remote access and \
                 the lists of addresses)",
            ))),
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
