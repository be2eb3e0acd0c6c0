//! Any HTTP server that takes JSON: one request for every scan.

mod template;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{Identity, Plan, Target, TargetScan};
use autoscan_core::secret::Secret;
use autoscan_http::{BaseUrl, Http, Method, Request, SecretHeader};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::family::batch::{BELIEVED, one_by_one};
use crate::family::settings;
use crate::kind::{Connected, TargetKind};
use crate::webhook::template::Template;

pub(crate) const KIND: TargetKind =
    TargetKind { name: "webhook", settings: <Settings as JsonSchema>::json_schema, connect };

/// Any server that takes JSON over HTTP.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Settings {
    /// The whole URL, with its query. Only its host is ever shown.
    url: Secret,
    /// How it is asked.
    #[serde(default)]
    method: Verb,
    /// Headers to send, each with its value.
    #[serde(default)]
    headers: BTreeMap<String, Secret>,
    /// The JSON to send. `{{path}}`, `{{folder}}`, `{{paths}}`, `{{event}}` and `{{changes}}` become values of JSON.
    #[serde(default = "usual_body")]
    body: String,
}

/// A method that may change something.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum Verb {
    #[default]
    Post,
    Put,
    Patch,
}

fn usual_body() -> String {
    r#"{"event": {{event}}, "folder": {{folder}}, "paths": {{paths}}}"#.to_owned()
}

fn connect(given: &Value, http: &Http) -> Result<Connected, String> {
    let given: Settings = settings::read(given)?;
    let base = BaseUrl::parse_whole(given.url.reveal()).map_err(|reason| format!("`url`: {reason}"))?;
    let header = |(name, value): (&String, &Secret)| {
        settings::trimmed(name, value)
            .and_then(|value| SecretHeader::named(name, &value))
            .map_err(|reason| format!("`headers`: {reason}"))
    };
    let headers = given.headers.iter().map(header).collect::<Result<_, _>>()?;
    let method = match given.method {
        Verb::Post => Method::POST,
        Verb::Put => Method::PUT,
        Verb::Patch => Method::PATCH,
    };
    let url = base.to_string();
    let body = Template::parse(&given.body)?;
    let refusals = Mutex::default();
    Ok(Connected {
        server: Arc::new(Webhook { http: http.clone(), base, method, headers, body, refusals }),
        url,
    })
}

struct Webhook {
    http: Http,
    base: BaseUrl,
    method: Method,
    headers: Vec<SecretHeader>,
    body: Template,
    refusals: Mutex<Refusals>,
}

impl Webhook {
    fn with_headers(&self, request: Request) -> Request {
        self.headers.iter().fold(request, Request::secret)
    }

    fn call(&self, scan: &TargetScan) -> Request {
        let request = Request::new(self.method.clone(), &self.base, &[]).written_json(self.body.fill(scan));
        self.with_headers(request)
    }

    /// What it answers has no meaning for us, so a page is as good as JSON. An address that points elsewhere does so until a
    /// person has mended it, as a key that is rejected.
    async fn tell(&self, scan: &TargetScan) -> Result<(), Fault> {
        let answer = self.http.exchange(&self.call(scan)).await?;
        let points_elsewhere = (300..400).contains(&answer.status());
        let told = match answer.check() {
            Err(Fault::Away { reason }) if points_elsewhere => Err(Fault::refused(reason)),
            told => told.map(|_| ()),
        };
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner).note(&scan.folder, &told);
        told
    }
}

/// Whether calls are refused for their folder or for all: a probe, which sends nothing that the server takes for a webhook, cannot
/// tell.
#[derive(Default)]
struct Refusals {
    /// Whether a call was ever accepted.
    accepted: bool,
    /// Folders whose calls were refused since the last one that was accepted; two are enough.
    folders: Vec<TargetPath>,
    last: Option<(Fault, Instant)>,
}

impl Refusals {
    fn note(&mut self, folder: &TargetPath, told: &Result<(), Fault>) {
        match told {
            Ok(()) => *self = Self { accepted: true, ..Self::default() },
            Err(fault @ Fault::Refused { .. }) => {
                self.last = Some((fault.clone(), Instant::now()));
                if self.folders.len() < 2 && !self.folders.contains(folder) {
                    self.folders.push(folder.clone());
                }
            }
            Err(_) => {}
        }
    }

    /// The refusal that is for all: when none was ever accepted, or when two folders were refused since one was.
    fn of_all(&self) -> Option<Fault> {
        let enough = if self.accepted { 2 } else { 1 };
        let last =
            self.last.as_ref().filter(|(_, at)| self.folders.len() >= enough && at.elapsed() < BELIEVED);
        last.map(|(fault, _)| fault.clone())
    }
}

#[async_trait]
impl Target for Webhook {
    /// There is no request that every server understands and none obeys. `HEAD` changes nothing, and whatever is answered
    /// to it short of an outage shows that somebody is there; whether the key is good only scans can tell.
    async fn probe(&self) -> Result<Identity, Fault> {
        let request = self.with_headers(Request::new(Method::HEAD, &self.base, &[]));
        let answer = self.http.exchange(&request).await?;
        if matches!(answer.status(), 429 | 500 | 502..) {
            answer.check()?;
        }
        if let Some(refusal) = self.refusals.lock().unwrap_or_else(PoisonError::into_inner).of_all() {
            return Err(refusal);
        }
        Ok(Identity {
            product: "Webhook".to_owned(),
            name: Some(self.base.to_string()),
            version: "of unknown version".to_owned(),
        })
    }

    async fn scan(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>> {
        one_by_one(self, batch, |scan| self.tell(scan)).await
    }

    /// Calls for different folders do not wait for each other.
    fn queue(&self, scan: &TargetScan) -> Option<String> {
        Some(scan.folder.as_str().to_owned())
    }

    async fn plan(&self, scan: &TargetScan) -> Result<Plan, Fault> {
        Ok(Plan { libraries: Vec::new(), calls: vec![self.call(scan).planned()] })
    }
}
