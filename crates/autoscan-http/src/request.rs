use std::time::Duration;

use autoscan_core::ports::PlannedCall;
use autoscan_core::secret::Secret;
use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName,
    HeaderValue, TRANSFER_ENCODING,
};
use serde::Serialize;
use url::Url;

use crate::base_url::{BaseUrl, shown_of_whole};
use crate::redact::Secrets;

/// Longest body that is read unless a request allows more: enough for any answer but a list.
const SMALL_BODY: usize = 256 * 1024;

/// A value of a person's own header, or a name in a whole URL, is a secret from this length on, in bytes.
const SHORTEST_SECRET: usize = 8;

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

    /// A header that a person named, whose value is secret. The error is a sentence for a person.
    pub fn named(name: &str, secret: &Secret) -> Result<Self, String> {
        let parsed = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_says_less| format!("{name:?} is no name of a header"))?;
        if [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION].contains(&parsed) {
            return Err(format!("the header {parsed} is made by autoscan itself"));
        }
        let mut value = HeaderValue::from_str(secret.reveal()).map_err(|_no_detail_may_show_a_secret| {
            format!(
                "the value of the header {parsed} holds a line break or another character that cannot be sent"
            )
        })?;
        value.set_sensitive(true);
        let mut secrets = Secrets::default();
        // A short word such as `json` is no secret, and hiding it would garble every sentence.
        if secret.reveal().len() >= SHORTEST_SECRET {
            secrets.add(secret.reveal());
        }
        Ok(Self { name: parsed, value, secrets })
    }

    /// A user and password, as Basic authentication.
    pub fn basic(user: &str, password: &Secret) -> Self {
        let (value, pair) = basic(user, password.reveal());
        let mut secrets = Secrets::default();
        secrets.add(password.reveal());
        secrets.add(&pair);
        Self { name: AUTHORIZATION, value, secrets }
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
    /// How long its whole answer is waited for, where that is not the client's own time.
    pub(crate) within: Option<Duration>,
    /// Whether only the host of the URL may be shown.
    hides_its_path: bool,
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
            within: None,
            hides_its_path: base.is_whole(),
        };
        if request.hides_its_path {
            request.hide_parts_of_the_url();
        }
        request.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        match base.login() {
            Some(login) => request.secret(&SecretHeader::basic(&login.user, &login.password)),
            None => request,
        }
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

    /// Hides a secret that stands in the body, should an answer repeat it.
    #[must_use]
    pub fn hiding(mut self, secret: &Secret) -> Self {
        self.secrets.add(secret.reveal());
        self
    }

    /// A JSON body.
    #[must_use]
    pub fn json(self, body: &impl Serialize) -> Self {
        // Only a map with keys that are no text, or a failing Serialize of our own, cannot be written.
        self.written_json(serde_json::to_vec(body).unwrap_or_default())
    }

    /// A body of JSON that is written already.
    #[must_use]
    pub fn written_json(mut self, body: impl Into<Bytes>) -> Self {
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

    /// Waits so long for the whole answer, which takes longer than that of any other call may.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.within = Some(time);
        self
    }

    /// What may be shown of the request.
    pub fn planned(&self) -> PlannedCall {
        PlannedCall {
            method: self.method.to_string(),
            url: self.shown_url(),
            body: self.body.as_ref().map(|body| self.secrets.hide(&String::from_utf8_lossy(body))),
        }
    }

    /// The URL as it may be shown.
    pub(crate) fn shown_url(&self) -> String {
        if self.hides_its_path { shown_of_whole(&self.url) } else { self.secrets.hide(self.url.as_str()) }
    }

    /// What is long enough to be a secret in a URL of which nothing but the host is shown.
    fn hide_parts_of_the_url(&mut self) {
        let names = self.url.path_segments().into_iter().flatten().map(str::to_owned);
        let values = self.url.query_pairs().map(|(_, value)| value.into_owned());
        let parts: Vec<String> = names.chain(values).filter(|part| part.len() >= SHORTEST_SECRET).collect();
        for part in parts {
            self.secrets.add(&part);
        }
    }
}

/// The value of a Basic login, and the pair in it as it is sent.
fn basic(user: &str, password: &str) -> (HeaderValue, String) {
    use base64::Engine as _;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    // Base64 has no character that a header cannot hold.
    let mut value = HeaderValue::from_str(&format!("Basic {pair}")).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    (value, pair)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> BaseUrl {
        BaseUrl::parse(text).unwrap()
    }

    fn base_whole(text: &str) -> BaseUrl {
        BaseUrl::parse_whole(text).unwrap()
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
    fn of_a_whole_url_and_of_named_headers_nothing_is_shown() {
        let hook = base_whole("https://hook.example/services/T0ken-of-ours?key=hunter22");
        let header = SecretHeader::named("X-My-Key", &Secret::new("hunter23")).unwrap();
        let request =
            Request::post(&hook, &[]).secret(&header).json(&["T0ken-of-ours", "hunter22", "hunter23"]);
        let shown = format!("{:?}", request.planned());
        assert!(!shown.contains("T0ken") && !shown.contains("hunter2"), "{shown}");
        assert_eq!(request.planned().url, "https://hook.example/•••");
        assert_eq!(request.headers["x-my-key"], "hunter23");
        for (name, part) in [("a b", "no name"), ("Host", "itself"), ("content-length", "itself")] {
            let error = SecretHeader::named(name, &Secret::new("x")).err().unwrap();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_secret_that_cannot_be_sent_is_refused_without_showing_it() {
        let error = SecretHeader::new("x-key", "hun\nter2", &Secret::new("hun\nter2")).err().unwrap();
        assert!(!error.contains("hun") && error.contains("x-key"), "{error}");
    }
}
