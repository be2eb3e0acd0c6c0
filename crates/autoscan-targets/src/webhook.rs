//! Any HTTP server that takes JSON: one request for every scan.

mod template;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{Identity, Plan, Target, TargetScan};
use autoscan_core::retry::Backoff;
use autoscan_core::secret::Secret;
use autoscan_http::{BaseUrl, Http, Method, Request, SecretHeader};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::family::batch::one_by_one;
use crate::family::settings;
use crate::webhook::template::Template;
use crate::{Connected, TargetKind};

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

/// Between calls of one folder that fail while the server is there: it may have done its part each time before it failed.
const FAILING: Backoff = Backoff { first: Duration::from_secs(5), most: Duration::from_mins(5) };

/// Of how many folders it is remembered how often their calls failed.
const REMEMBERED: usize = 1000;

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
    let failing = Mutex::default();
    Ok(Connected {
        server: Arc::new(Webhook { http: http.clone(), base, method, headers, body, failing }),
        url,
    })
}

struct Webhook {
    http: Http,
    base: BaseUrl,
    method: Method,
    headers: Vec<SecretHeader>,
    body: Template,
    /// Folders whose calls fail while the server is there, with how often in a row, the latest last.
    failing: Mutex<VecDeque<(TargetPath, u32)>>,
}

impl Webhook {
    fn with_headers(&self, request: Request) -> Request {
        self.headers.iter().fold(request, Request::secret)
    }

    fn call(&self, scan: &TargetScan) -> Request {
        let request = Request::new(self.method.clone(), &self.base, &[]).written_json(self.body.fill(scan));
        self.with_headers(request)
    }

    /// What it answers has no meaning for us, so a page is as good as JSON.
    async fn tell(&self, scan: &TargetScan) -> Result<(), Fault> {
        match self.http.send(&self.call(scan)).await {
            Ok(_) => {
                self.failures(&scan.folder, |_| 0);
                Ok(())
            }
            Err(Fault::Away { reason }) => Err(self.away_or_later(scan, reason).await),
            Err(fault) => Err(fault),
        }
    }

    /// A server that answers every probe and fails this call would be taken for one that is back each time: only the
    /// call waits then, longer each time, and others go on.
    async fn away_or_later(&self, scan: &TargetScan, reason: String) -> Fault {
        if self.probe().await.is_err() {
            return Fault::away(reason);
        }
        let failures = self.failures(&scan.folder, |failures| failures.saturating_add(1));
        let after = FAILING.pause(failures, 0.0);
        Fault::Later {
            after,
            reason: format!("{reason}; the server is there all the same, so this call is made again"),
        }
    }

    /// How often the calls of a folder failed in a row, after a change of that.
    fn failures(&self, folder: &TargetPath, change: impl FnOnce(u32) -> u32) -> u32 {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let at = failing.iter().position(|(known, _)| known == folder);
        let failures = change(at.and_then(|at| failing.remove(at)).map_or(0, |(_, failures)| failures));
        if failures > 0 {
            failing.push_back((folder.clone(), failures));
        }
        if failing.len() > REMEMBERED {
            failing.pop_front();
        }
        failures
    }
}

#[async_trait]
impl Target for Webhook {
    /// There is no request that every server understands and none obeys. `HEAD` changes nothing, and whatever is answered
    /// to it short of an outage shows that somebody is there; whether the key is good only a scan can tell.
    async fn probe(&self) -> Result<Identity, Fault> {
        let request = self.with_headers(Request::new(Method::HEAD, &self.base, &[]));
        let answer = self.http.exchange(&request).await?;
        if matches!(answer.status(), 429 | 500 | 502..) {
            answer.check()?;
        }
        Ok(Identity {
            product: "Webhook".to_owned(),
            name: Some(self.base.to_string()),
            version: "of unknown version".to_owned(),
        })
    }

    async fn scan(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>> {
        one_by_one(batch, |scan| self.tell(scan)).await
    }

    /// Calls for different folders do not wait for each other.
    fn queue(&self, scan: &TargetScan) -> Option<String> {
        Some(scan.folder.as_str().to_owned())
    }

    async fn plan(&self, scan: &TargetScan) -> Result<Plan, Fault> {
        Ok(Plan { libraries: Vec::new(), calls: vec![self.call(scan).planned()] })
    }
}
