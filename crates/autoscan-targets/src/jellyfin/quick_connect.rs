//! Jellyfin's Quick Connect: a person types six digits at Jellyfin, and autoscan gets a key.

use async_trait::async_trait;
use autoscan_core::fault::Fault;
use autoscan_core::secret::Secret;
use autoscan_http::{Answer, BaseUrl, Http, Method, Request, SecretHeader};
use serde::Deserialize;
use serde_json::json;

use super::{address, authorization};
use crate::login::{Code, KeyLogin, read};

/// What the key is called in Jellyfin's dashboard.
const APP: &str = "autoscan";

/// Quick Connect of the Jellyfin at `url`. `client` is what Jellyfin knows this autoscan by. The error is a sentence.
pub fn quick_connect(http: &Http, url: &str, client: &Secret) -> Result<impl KeyLogin + use<>, String> {
    let base = address(url)?;
    let device = format!("autoscan-{}", client.reveal());
    Ok(QuickConnect { http: http.clone(), base, device })
}

struct QuickConnect {
    http: Http,
    base: BaseUrl,
    device: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attempt {
    secret: Secret,
    #[serde(default)]
    code: String,
    #[serde(default)]
    authenticated: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LoggedIn {
    access_token: Secret,
    user: Option<User>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct User {
    #[serde(default)]
    name: String,
    policy: Option<Policy>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    #[serde(default)]
    is_administrator: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Keys {
    items: Vec<Key>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Key {
    app_name: Option<String>,
    access_token: Option<Secret>,
    #[serde(default)]
    date_created: String,
}

impl QuickConnect {
    /// A request of nobody, or of who has this token.
    fn request(&self, token: Option<&Secret>, method: Method, segments: &[&str]) -> Result<Request, Fault> {
        let nobody = Secret::new("");
        let header = authorization(token, &self.device);
        let header = SecretHeader::new("authorization", &header, token.unwrap_or(&nobody));
        Ok(Request::new(method, &self.base, segments).secret(&header.map_err(Fault::wrong)?))
    }

    async fn ask(&self, request: &Request) -> Result<Answer, Fault> {
        let answer = self.http.exchange(request).await?;
        match answer.status() {
            401 => Err(Fault::refused(answer.says(
                "Quick Connect is off; turn it on in Jellyfin's dashboard under General, or paste an API key instead",
            ))),
            _ => answer.check(),
        }
    }

    /// A key of the server itself: one that autoscan made before, or a new one. It does not end with the person's login.
    async fn api_key(&self, token: &Secret) -> Result<Option<Secret>, Fault> {
        if let Some(key) = self.newest_key(token).await? {
            return Ok(Some(key));
        }
        let request = self.request(Some(token), Method::POST, &["Auth", "Keys"])?.query("app", APP);
        self.http.send(&request).await?.accepted()?;
        self.newest_key(token).await
    }

    async fn newest_key(&self, token: &Secret) -> Result<Option<Secret>, Fault> {
        let request = self.request(Some(token), Method::GET, &["Auth", "Keys"])?;
        let keys: Keys = read(&self.http.send(&request).await?)?;
        let ours = keys.items.into_iter().filter(|key| key.app_name.as_deref() == Some(APP));
        Ok(ours
            .max_by(|one, other| one.date_created.cmp(&other.date_created))
            .and_then(|key| key.access_token))
    }

    /// Ends the person's login: it was only needed to get a key.
    async fn log_out(&self, token: &Secret) {
        let Ok(request) = self.request(Some(token), Method::POST, &["Sessions", "Logout"]) else { return };
        if let Err(fault) = self.http.send(&request).await {
            tracing::debug!(%fault, "the login by Quick Connect stays in Jellyfin's list of devices");
        }
    }
}

#[async_trait]
impl KeyLogin for QuickConnect {
    async fn begin(&self) -> Result<Code, Fault> {
        let enabled = self.request(None, Method::GET, &["QuickConnect", "Enabled"])?;
        let enabled = self.http.exchange(&enabled).await?;
        if matches!(enabled.status(), 404 | 405) {
            return Err(Fault::wrong(enabled.says("nothing here knows Quick Connect; is this a Jellyfin?")));
        }
        let enabled = enabled.check()?;
        if !read::<bool>(&enabled)? {
            return Err(Fault::refused(format!(
                "Quick Connect is off in the Jellyfin at {}; turn it on in its dashboard under General, or paste an API key \
                 instead",
                self.base
            )));
        }
        let initiate = ["QuickConnect", "Initiate"];
        let mut answer = self.http.exchange(&self.request(None, Method::POST, &initiate)?).await?;
        if answer.status() == 405 {
            // Until 10.8 it was a GET.
            answer = self.http.exchange(&self.request(None, Method::GET, &initiate)?).await?;
        }
        let attempt: Attempt = match answer.status() {
            401 => {
                return Err(Fault::refused(
                    answer.says("Quick Connect was just turned off; paste an API key instead"),
                ));
            }
            _ => read(&answer.check()?)?,
        };
        Ok(Code { text: attempt.code, page: None, ticket: attempt.secret })
    }

    async fn key(&self, ticket: &Secret) -> Result<Option<Secret>, Fault> {
        let request = self.request(None, Method::GET, &["QuickConnect", "Connect"])?;
        let answer = self.http.exchange(&request.hiding(ticket).query("secret", ticket.reveal())).await?;
        if answer.status() == 404 {
            return Err(Fault::wrong(
                answer.says("the code has ended, which it does after about ten minutes; ask for a new one"),
            ));
        }
        let attempt: Attempt = match answer.status() {
            401 => return Err(Fault::refused(answer.says("Quick Connect was turned off"))),
            _ => read(&answer.check()?)?,
        };
        if !attempt.authenticated {
            return Ok(None);
        }
        let request = self.request(None, Method::POST, &["Users", "AuthenticateWithQuickConnect"])?;
        let request = request.hiding(ticket).json(&json!({"Secret": ticket.reveal()}));
        let LoggedIn { access_token, user } = read(&self.ask(&request).await?)?;
        let is_administrator =
            user.as_ref().and_then(|user| user.policy.as_ref()).is_none_or(|policy| policy.is_administrator);
        if !is_administrator {
            self.log_out(&access_token).await;
            return Err(Fault::refused(format!(
                "the code was confirmed by {:?}, who is no administrator of this Jellyfin and may not manage libraries; \
                 confirm a new code as an administrator, or paste an API key",
                user.map(|user| user.name).unwrap_or_default()
            )));
        }
        match self.api_key(&access_token).await {
            Ok(Some(key)) => {
                self.log_out(&access_token).await;
                Ok(Some(key))
            }
            Ok(None) => Ok(Some(access_token)),
            Err(fault) => {
                tracing::warn!(%fault, "Jellyfin made no API key; the login of the person is used, and ends when it is removed under Devices");
                Ok(Some(access_token))
            }
        }
    }
}
