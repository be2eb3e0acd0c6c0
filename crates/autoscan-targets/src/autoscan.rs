//! Another autoscan: an instance of this program elsewhere, or the older one in Go. It is asked for a manual scan of every
//! folder, in the dialect that both understand.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use autoscan_core::fault::Fault;
use autoscan_core::hops;
use autoscan_core::ports::{Identity, Plan, Target, TargetScan};
use autoscan_core::secret::Secret;
use autoscan_http::{Answer, BaseUrl, Http, Method, Request, SecretHeader};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::family::batch::{BELIEVED, one_by_one};
use crate::family::settings;
use crate::kind::{Connected, TargetKind};

pub(crate) const KIND: TargetKind =
    TargetKind { name: "autoscan", settings: <Settings as JsonSchema>::json_schema, connect };

/// Another autoscan.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Settings {
    /// Where the other autoscan answers, as this machine sees it: `http://nas:3030`.
    url: String,
    /// The name to log in with there.
    username: Option<String>,
    /// The password to log in with there.
    password: Option<Secret>,
    /// Its API key, instead of username and password. The older autoscan in Go has none.
    api_key: Option<Secret>,
}

fn connect(given: &Value, http: &Http) -> Result<Connected, String> {
    let given: Settings = settings::read(given)?;
    let base = settings::url(&given.url)?;
    let login = match (given.username, given.password, given.api_key) {
        (None, None, Some(key)) => {
            let key = settings::trimmed("api-key", &key)?;
            Some(SecretHeader::new("x-api-key", key.reveal(), &key)?)
        }
        (_, _, Some(_)) => {
            return Err("give `username` and `password`, or `api-key`, but not both".to_owned());
        }
        (Some(user), Some(password), None) => {
            Some(SecretHeader::basic(&user, &settings::trimmed("password", &password)?))
        }
        (Some(_), None, None) => return Err("`password` is missing".to_owned()),
        (None, Some(_), None) => return Err("`username` is missing".to_owned()),
        (None, None, None) => None,
    };
    let url = base.to_string();
    Ok(Connected {
        server: Arc::new(Autoscan { http: http.clone(), base, login, saw_page: Mutex::default() }),
        url,
    })
}

struct Autoscan {
    http: Http,
    base: BaseUrl,
    /// None where the other one lets everybody in.
    login: Option<SecretHeader>,
    /// When a scan was answered with a page for a browser. No autoscan does that for a single folder, and `HEAD`, which a probe
    /// asks, shows no page: so for a moment a probe believes it.
    saw_page: Mutex<Option<Instant>>,
}

impl Autoscan {
    fn request(&self, method: Method) -> Request {
        let request = Request::new(method, &self.base, &["triggers", "manual"]);
        match &self.login {
            Some(login) => request.secret(login),
            None => request,
        }
    }

    fn rescan(&self, scan: &TargetScan) -> Request {
        self.request(Method::POST).header(hops::HEADER, hops::ONE).query("dir", scan.folder.as_str())
    }

    async fn tell(&self, scan: &TargetScan) -> Result<(), Fault> {
        let answer = check(self.http.exchange(&self.rescan(scan)).await?)?;
        *self.saw_page.lock().unwrap_or_else(PoisonError::into_inner) =
            answer.is_web_page().then(Instant::now);
        answer.accepted()
    }
}

fn check(answer: Answer) -> Result<Answer, Fault> {
    match answer.status() {
        401 | 403 => {
            Err(Fault::refused(answer.says(
                "the login was rejected; check `username` and `password`, or `api-key`, of this target",
            )))
        }
        _ => answer.check(),
    }
}

#[async_trait]
impl Target for Autoscan {
    /// Both autoscans answer `HEAD /triggers/manual` to a client that may scan, and neither tells its version there.
    async fn probe(&self) -> Result<Identity, Fault> {
        let saw_page = *self.saw_page.lock().unwrap_or_else(PoisonError::into_inner);
        if saw_page.is_some_and(|at| at.elapsed() < BELIEVED) {
            return Err(Fault::away(format!(
                "{} answered a scan with a page for a browser; is this the URL of an autoscan, or does a proxy want a login first?",
                self.base
            )));
        }
        match check(self.http.exchange(&self.request(Method::HEAD)).await?) {
            Ok(_) => Ok(Identity {
                product: "Autoscan".to_owned(),
                name: None,
                version: "of unknown version".to_owned(),
            }),
            Err(Fault::Wrong { reason }) => {
                Err(Fault::away(format!("{reason}; is this the URL of an autoscan with a manual trigger?")))
            }
            Err(fault) => Err(fault),
        }
    }

    fn passes_on(&self) -> bool {
        true
    }

    async fn scan(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>> {
        one_by_one(self, batch, |scan| self.tell(scan)).await
    }

    async fn plan(&self, scan: &TargetScan) -> Result<Plan, Fault> {
        Ok(Plan { libraries: Vec::new(), calls: vec![self.rescan(scan).planned()] })
    }
}
