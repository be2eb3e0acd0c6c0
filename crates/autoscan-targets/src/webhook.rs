//! Any HTTP server that takes JSON: one request for every scan.

mod template;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use autoscan_core::fault::Fault;
use autoscan_core::ports::{Identity, Library, Plan, Target, TargetScan};
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
    Ok(Connected { server: Arc::new(Webhook { http: http.clone(), base, method, headers, body }), url })
}

struct Webhook {
    http: Http,
    base: BaseUrl,
    method: Method,
    headers: Vec<SecretHeader>,
    body: Template,
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
        self.http.send(&self.call(scan)).await.map(drop)
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

    /// It has none: every scan is its business.
    async fn libraries(&self) -> Result<Vec<Library>, Fault> {
        Ok(Vec::new())
    }

    fn has_libraries(&self) -> bool {
        false
    }

    async fn scan(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>> {
        one_by_one(batch, |scan| self.tell(scan)).await
    }

    /// Calls for different folders do not wait for each other.
    async fn queue(&self, scan: &TargetScan) -> String {
        scan.folder.as_str().to_owned()
    }

    async fn plan(&self, scan: &TargetScan) -> Result<Plan, Fault> {
        Ok(Plan { libraries: Vec::new(), calls: vec![self.call(scan).planned()] })
    }
}
