//! Plex Media Server. It learns of a change only by a scan of a folder, one call per library and folder.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{Identity, Library, Plan, Target, TargetScan};
use autoscan_core::secret::Secret;
use autoscan_http::{Answer, BaseUrl, Http, Method, Request, SecretHeader};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::family::libraries::{self, Catalogue, Owner, Shelves};
use crate::family::settings;
use crate::{Connected, TargetKind};

pub(crate) const KIND: TargetKind =
    TargetKind { name: "plex", settings: <Settings as JsonSchema>::json_schema, connect };

/// A Plex Media Server.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Settings {
    /// Where Plex answers, as this machine sees it: `http://plex:32400`.
    url: String,
    /// The `X-Plex-Token` of the server's owner.
    token: Secret,
}

/// The header that Plex knows a client by. One fixed value is enough: Plex keeps it per server.
const CLIENT_IDENTIFIER: &str = "6f2a1c0e-4d5b-4a55-9c1f-a0705ca9b001";

/// Longest list of libraries that is read, in bytes.
const LIST: usize = 32 * 1024 * 1024;

fn connect(given: &Value, http: &Http) -> Result<Connected, String> {
    let given: Settings = settings::read(given)?;
    let base = settings::url(&given.url)?;
    let token = settings::trimmed("token", &given.token)?;
    if token.reveal().starts_with("eyJ") {
        tracing::warn!(url = %base, "this Plex token is a JWT, which expires after seven days; use the X-Plex-Token of a device");
    }
    let token = SecretHeader::new("x-plex-token", token.reveal(), &token)?;
    let url = base.to_string();
    let server = Plex {
        http: http.clone(),
        base,
        token,
        shelves: Shelves::default(),
        by_post: AtomicBool::new(false),
    };
    Ok(Connected { server: Arc::new(server), url })
}

struct Plex {
    http: Http,
    base: BaseUrl,
    token: SecretHeader,
    shelves: Shelves,
    /// Whether this server starts a scan by `POST`: Plex's published API names only `POST`, every server in the field
    /// answers `GET`.
    by_post: AtomicBool,
}

/// A scan of one folder in one library.
type Refresh = (String, String);

/// What one batch has told already, and whether it read the libraries again because one had vanished.
#[derive(Default)]
struct Told {
    refreshed: HashMap<Refresh, Result<(), Fault>>,
    read_again: bool,
}

impl Plex {
    fn request(&self, method: Method, segments: &[&str]) -> Request {
        Request::new(method, &self.base, segments)
            .secret(&self.token)
            .header("x-plex-client-identifier", CLIENT_IDENTIFIER)
            .header("x-plex-product", "autoscan")
    }

    /// The scan of a folder. Never with `force`, which would fetch the metadata of everything again.
    fn refresh(&self, by_post: bool, (section, folder): &Refresh) -> Request {
        let method = if by_post { Method::POST } else { Method::GET };
        self.request(method, &["library", "sections", section, "refresh"]).query("path", folder)
    }

    async fn ask(&self, request: &Request) -> Result<Answer, Fault> {
        check(self.http.exchange(request).await?)
    }

    /// Tells every library that owns the folder. A call that Plex does not understand may mean that a library has
    /// vanished, so the list is read again, once a batch.
    async fn tell(&self, folder: &TargetPath, told: &mut Told) -> Result<(), Fault> {
        let (_, owners) = libraries::owners(self, folder).await?;
        let result = self.tell_owners(&owners, told).await;
        if told.read_again || !matches!(result, Err(Fault::Wrong { .. })) {
            return result;
        }
        told.read_again = true;
        libraries::read_afresh(self).await?;
        let (_, owners) = libraries::owners(self, folder).await?;
        self.tell_owners(&owners, told).await
    }

    /// Each library once a batch. What one does not understand keeps no other from being told.
    async fn tell_owners(&self, owners: &[Owner], told: &mut Told) -> Result<(), Fault> {
        let mut result = Ok(());
        for call in owners.iter().map(refresh_of) {
            let answer = match told.refreshed.get(&call) {
                Some(known) => known.clone(),
                None => self.start(&call).await,
            };
            told.refreshed.insert(call, answer.clone());
            match answer {
                Err(fault) if fault.stops_the_lane() => return Err(fault),
                answer => result = result.and(answer),
            }
        }
        result
    }

    /// One call to scan, by the method that worked last; by the other one when Plex does not know it.
    async fn start(&self, call: &Refresh) -> Result<(), Fault> {
        let by_post = self.by_post.load(Ordering::Relaxed);
        let answer = self.http.exchange(&self.refresh(by_post, call)).await?;
        if !is_unknown(&answer) {
            return check(answer)?.accepted();
        }
        let other = self.http.exchange(&self.refresh(!by_post, call)).await?;
        if is_unknown(&other) {
            return check(answer)?.accepted();
        }
        check(other)?.accepted()?;
        self.by_post.store(!by_post, Ordering::Relaxed);
        Ok(())
    }
}

fn refresh_of(owner: &Owner) -> Refresh {
    (owner.library.id.clone(), owner.spelled())
}

fn is_unknown(answer: &Answer) -> bool {
    matches!(answer.status(), 404 | 405)
}

/// Plex's own reading of a status. After an update it answers 503 with an XML note everywhere, for minutes to hours.
fn check(answer: Answer) -> Result<Answer, Fault> {
    let body = String::from_utf8_lossy(answer.body()).to_lowercase();
    match answer.status() {
        503 if body.contains("maintenance") || body.contains("database migrations") => {
            Err(Fault::away(answer.says(
                "Plex is doing start-up maintenance, which may take hours after an update; autoscan waits",
            )))
        }
        401 => Err(Fault::refused(answer.says(
            "the token was rejected; check the target's `token` (an unclaimed Plex lets in nobody by name)",
        ))),
        403 => Err(Fault::refused(answer.says("the token is not the owner's, who alone may start a scan"))),
        _ => answer.check(),
    }
}

/// A server that runs may go on saying that it starts, so this alone means nothing; beside a fault it explains it.
fn still_starting(fault: Fault, state: Option<&str>) -> Fault {
    match (fault, state) {
        (Fault::Away { reason }, Some(state)) if state.starts_with("starting") => {
            Fault::away(format!("{reason}; Plex is still starting ({state:?})"))
        }
        (fault, _) => fault,
    }
}

#[async_trait]
impl Target for Plex {
    /// `/identity` needs no token and tells whether Plex is up, and `/` whether the token is good.
    async fn probe(&self) -> Result<Identity, Fault> {
        let answer = match self.ask(&self.request(Method::GET, &["identity"])).await {
            Ok(answer) => answer,
            Err(fault) => return libraries::known_by_its_list(self, fault).await,
        };
        let identity = answer.json::<Container<ServerJson>>()?.container;
        let server = match self.ask(&self.request(Method::GET, &[])).await {
            Ok(answer) => answer.json::<Container<ServerJson>>()?.container,
            Err(fault) => {
                let known = libraries::known_by_its_list(self, fault).await;
                let known = known.map_err(|fault| still_starting(fault, identity.start_state.as_deref()))?;
                return Ok(Identity { version: identity.version.unwrap_or(known.version), ..known });
            }
        };
        let Some(version) = server.version.or(identity.version) else {
            return Err(Fault::away(answer.says("it names no version; is this a Plex Media Server?")));
        };
        Ok(Identity { product: "Plex Media Server".to_owned(), name: server.friendly_name, version })
    }

    async fn libraries(&self) -> Result<Vec<Library>, Fault> {
        Ok(libraries::read_afresh(self).await?.libraries())
    }

    async fn scan(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>> {
        let mut told = Told::default();
        let mut results: Vec<Result<(), Fault>> = Vec::with_capacity(batch.len());
        for scan in batch {
            let result = match results.last() {
                Some(Err(fault)) if fault.stops_the_lane() => Err(fault.clone()),
                _ => self.tell(&scan.folder, &mut told).await,
            };
            results.push(result);
        }
        results
    }

    async fn plan(&self, scan: &TargetScan) -> Result<Plan, Fault> {
        let (_, owners) = libraries::owners(self, &scan.folder).await?;
        let by_post = self.by_post.load(Ordering::Relaxed);
        Ok(Plan {
            libraries: owners.iter().map(|owner| Library::clone(&owner.library)).collect(),
            calls: owners.iter().map(|owner| self.refresh(by_post, &refresh_of(owner)).planned()).collect(),
        })
    }
}

#[async_trait]
impl Catalogue for Plex {
    fn product(&self) -> &'static str {
        "Plex"
    }

    fn shelves(&self) -> &Shelves {
        &self.shelves
    }

    /// `/library/sections` is what every client asks; Plex's published API names only `/library/sections/all`.
    async fn read(&self) -> Result<Vec<Library>, Fault> {
        let list = |segments: &[&str]| self.request(Method::GET, segments).at_most(LIST);
        let answer = match self.ask(&list(&["library", "sections"])).await {
            Err(Fault::Wrong { .. }) => self.ask(&list(&["library", "sections", "all"])).await?,
            answer => answer?,
        };
        let sections: Container<Sections> = answer.json()?;
        Ok(sections.container.directory.into_iter().map(Library::from).collect())
    }
}

#[derive(Deserialize)]
struct Container<T> {
    #[serde(rename = "MediaContainer")]
    container: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerJson {
    friendly_name: Option<String>,
    version: Option<String>,
    start_state: Option<String>,
}

#[derive(Deserialize)]
struct Sections {
    #[serde(rename = "Directory", default)]
    directory: Vec<Section>,
}

#[derive(Deserialize)]
struct Section {
    #[serde(deserialize_with = "text_or_number")]
    key: String,
    #[serde(default)]
    title: String,
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(rename = "Location", default)]
    locations: Vec<Location>,
}

#[derive(Deserialize)]
struct Location {
    path: String,
}

impl From<Section> for Library {
    fn from(section: Section) -> Self {
        Self {
            id: section.key,
            title: section.title,
            kind: section.kind,
            folders: section.locations.into_iter().map(|location| location.path).collect(),
        }
    }
}

/// Plex writes numbers now as numbers, now as text.
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(serde::de::Error::custom("neither text nor a number")),
    }
}
