use autoscan_core::ports::PlannedCall;
use autoscan_core::secret::Secret;
use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use url::Url;

use crate::base_url::BaseUrl;
use crate::redact::Secrets;

/// Longest body that is read unless a request allows more: enough for any answer but a list.
const SMALL_BODY: usize = 256 * 1024;

/// A header that holds a secret. It is checked once, when the config is read, and never shown.
#[derive(Clone)]
pub struct SecretHeader {
    name: HeaderName,
    value: HeaderValue,
    secrets: Secrets,
}

impl SecretHeader {
    /// A header whose value is `value`, which holds `secret`, perhaps encoded. The error is a sentence for a person.
    pub fn new(name: &'static str, value: &str, secret: &Secret) -> Result<Self, String> {
        let mut value = HeaderValue::from_str(value).map_err(|_no_detail_may_show_a_secret| {
            format!(
                "the secret for the header {name} holds a line break or another character that cannot be sent"
            )
        })?;
        value.set_sensitive(true);
        let mut secrets = Secrets::default();
        secrets.add(secret.reveal());
        Ok(Self { name: HeaderName::from_static(name), value, secrets })
    }
}

/// One request: what is sent, and what may be shown of it.
#[derive(Clone)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    pub(crate) secrets: Secrets,
    pub(crate) at_most: usize,
}

impl Request {
    /// A request for the names in `segments` below the server's own path; each name is percent-encoded. No names ask
    /// for the server's root.
    pub fn new(method: Method, base: &BaseUrl, segments: &[&str]) -> Self {
        let mut request = Self {
            method,
            url: base.join(segments),
            headers: HeaderMap::new(),
            body: None,
            secrets: Secrets::default(),
            at_most: SMALL_BODY,
        };
        request.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(login) = base.login() {
            request.secrets.add(login.password.reveal());
            request.log_in(&login.user, login.password.reveal());
        }
        request
    }

    /// A `GET`.
    pub fn get(base: &BaseUrl, segments: &[&str]) -> Self {
        Self::new(Method::GET, base, segments)
    }

    /// A `POST`.
    pub fn post(base: &BaseUrl, segments: &[&str]) -> Self {
        Self::new(Method::POST, base, segments)
    }

    /// A name and value of the query, encoded as a form is: a space becomes `+`, and a `+` becomes `%2B`.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    /// A header that anyone may see.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        self
    }

    /// A header that holds a secret. It replaces a header of the same name, such as the login of a proxy.
    #[must_use]
    pub fn secret(mut self, header: &SecretHeader) -> Self {
        self.headers.insert(header.name.clone(), header.value.clone());
        self.secrets.add_all(&header.secrets);
        self
    }

    /// A JSON body.
    #[must_use]
    pub fn json(mut self, body: &impl Serialize) -> Self {
        // Only a map with keys that are no text, or a failing Serialize of our own, cannot be written.
        let body = serde_json::to_vec(body).unwrap_or_default();
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.body = Some(body.into());
        self
    }

    /// Allows an answer of this many bytes.
    #[must_use]
    pub fn at_most(mut self, bytes: usize) -> Self {
        self.at_most = bytes;
        self
    }

    /// What may be shown of the request.
    pub fn planned(&self) -> PlannedCall {
        PlannedCall {
            method: self.method.to_string(),
            url: self.secrets.hide(self.url.as_str()),
            body: self.body.as_ref().map(|body| self.secrets.hide(&String::from_utf8_lossy(body))),
        }
    }

    fn log_in(&mut self, user: &str, password: &str) {
        use base64::Engine as _;
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        // Base64 has no character that a header cannot hold.
        if let Ok(mut value) = HeaderValue::from_str(&format!("Basic {pair}")) {
            value.set_sensitive(true);
            self.secrets.add(&pair);
            self.headers.insert(AUTHORIZATION, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> BaseUrl {
        BaseUrl::parse(text).unwrap()
    }

    #[test]
    fn a_query_is_encoded_as_a_form() {
        let request = Request::get(&base("http://plex"), &["refresh"])
            .query("path", "/tv/A & B+C #1 100% 日本 “x” ça'");
        assert_eq!(
            request.planned().url,
            "http://plex/refresh?path=%2Ftv%2FA+%26+B%2BC+%231+100%25+%E6%97%A5%E6%9C%AC+%E2%80%9Cx%E2%80%9D+%C3%A7a%27"
        );
    }

    #[test]
    fn a_plan_shows_no_secret() {
        let key = Secret::new("hunter2");
        let header = SecretHeader::new("x-key", "Key hunter2", &key).unwrap();
        let request = Request::post(&base("http://me:pass@plex"), &["a"])
            .secret(&header)
            .query("echo", "hunter2")
            .json(&serde_json::json!({"key": "hunter2"}));
        let shown = format!("{:?}", request.planned());
        assert!(!shown.contains("hunter2") && !shown.contains("pass"), "{shown}");
        assert!(!format!("{:?}", request.headers).contains("hunter2"));
        assert_eq!(request.headers[AUTHORIZATION], "Basic bWU6cGFzcw==");
    }

    #[test]
    fn a_secret_that_cannot_be_sent_is_refused_without_showing_it() {
        let error = SecretHeader::new("x-key", "hun\nter2", &Secret::new("hun\nter2")).err().unwrap();
        assert!(!error.contains("hun") && error.contains("x-key"), "{error}");
    }
}
