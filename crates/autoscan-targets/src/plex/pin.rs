//! plex.tv's PIN: a person types four letters at plex.tv, and autoscan gets the token.

use async_trait::async_trait;
use autoscan_core::fault::Fault;
use autoscan_core::secret::Secret;
use autoscan_http::{Answer, BaseUrl, Http, Method, Request, SecretHeader};
use serde::Deserialize;

use crate::login::{Code, KeyLogin, read};

/// The PIN login of plex.tv. `client` is what plex.tv knows this autoscan by: kept, so that an account lists it once. The
/// error is a sentence.
pub fn plex_pin(http: &Http, plex_tv: &str, client: &Secret) -> Result<impl KeyLogin + use<>, String> {
    Ok(PlexTv {
        http: http.clone(),
        base: BaseUrl::parse(plex_tv)?,
        // With it and the number of a PIN anybody could fetch the token.
        client: SecretHeader::named("x-plex-client-identifier", client)?,
    })
}

struct PlexTv {
    http: Http,
    base: BaseUrl,
    client: SecretHeader,
}

#[derive(Deserialize)]
struct NewPin {
    id: u64,
    code: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pin {
    auth_token: Option<Secret>,
}

impl PlexTv {
    fn request(&self, method: Method, segments: &[&str]) -> Request {
        Request::new(method, &self.base, segments)
            .secret(&self.client)
            .header("x-plex-product", "autoscan")
            .header("x-plex-version", env!("CARGO_PKG_VERSION"))
            .header("x-plex-device-name", "autoscan")
    }
}

/// plex.tv's own reading of a status: 404 is a PIN that ended, or never was ours.
fn check(answer: Answer) -> Result<Answer, Fault> {
    match answer.status() {
        404 => Err(Fault::wrong(
            answer.says("the code has ended, which it does after about fifteen minutes; ask for a new one"),
        )),
        _ => answer.check(),
    }
}

#[async_trait]
impl KeyLogin for PlexTv {
    /// A short PIN: one that a person can type, also on another device.
    async fn begin(&self) -> Result<Code, Fault> {
        let request = self.request(Method::POST, &["api", "v2", "pins"]).query("strong", "false");
        let pin: NewPin = read(&check(self.http.exchange(&request).await?)?)?;
        Ok(Code {
            text: pin.code,
            page: Some(format!("{}/link", self.base)),
            ticket: Secret::new(pin.id.to_string()),
        })
    }

    async fn key(&self, ticket: &Secret) -> Result<Option<Secret>, Fault> {
        let request = self.request(Method::GET, &["api", "v2", "pins", ticket.reveal()]).hiding(ticket);
        let pin: Pin = read(&check(self.http.exchange(&request).await?)?)?;
        Ok(pin.auth_token.filter(|token| !token.is_empty()))
    }
}
