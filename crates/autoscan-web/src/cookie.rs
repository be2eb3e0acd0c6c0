//! The cookie of a browser: an id and its signature. Nothing else is known to the browser, and nobody can make one up.

use ::cookie::time::Duration;
use ::cookie::{Cookie, SameSite};
use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use autoscan_core::secret::Secret;

const NAME: &str = "autoscan_session";
/// Cookies of our name that are looked at: a browser has one for each path.
const MOST: usize = 4;

/// Signs ids, with the first of its keys, and knows those that any of its keys signed.
pub(crate) struct Keys(Vec<Hmac<Sha256>>);

impl Keys {
    /// With these keys. HMAC takes a key of any length; if it did not, no cookie would be right.
    pub(crate) fn new(keys: &[Secret]) -> Self {
        Self(keys.iter().filter_map(|key| Hmac::new_from_slice(key.reveal().as_bytes()).ok()).collect())
    }

    /// The value of the cookie for this id.
    pub(crate) fn sign(&self, id: &str) -> Option<String> {
        let mac = Self::seal(self.0.first()?, id).finalize().into_bytes();
        Some(format!("{id}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac)))
    }

    /// The id of a cookie's value, when it was signed here.
    fn open<'a>(&self, value: &'a str) -> Option<&'a str> {
        let (id, mac) = value.rsplit_once('.')?;
        let mac = BASE64_URL_SAFE_NO_PAD.decode(mac).ok()?;
        self.0.iter().any(|key| Self::seal(key, id).verify_slice(&mac).is_ok()).then_some(id)
    }

    fn seal(key: &Hmac<Sha256>, id: &str) -> Hmac<Sha256> {
        // So that a key that signs something else too never signs a session by that.
        key.clone().chain_update(b"autoscan session\0").chain_update(id)
    }

    /// The ids that a request brings, of those that were signed here.
    pub(crate) fn ids<'a>(&self, headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
        values(headers, name).take(MOST).filter_map(|value| self.open(value)).collect()
    }
}

/// What the cookie is called. Over TLS the browser is asked by the name not to take it from anybody else.
pub(crate) fn name(is_secure: bool, base: &str) -> String {
    match (is_secure, base.is_empty()) {
        (false, _) => NAME.to_owned(),
        (true, true) => format!("__Host-{NAME}"),
        (true, false) => format!("__Secure-{NAME}"),
    }
}

/// Sets the cookie to a value, for so many seconds; none: until the browser is closed. `base` is the path under which
/// autoscan is shown.
pub(crate) fn set(value: &str, lasts: Option<u64>, is_secure: bool, base: &str) -> Option<HeaderValue> {
    let mut cookie = Cookie::new(name(is_secure, base), value);
    cookie.set_path(if base.is_empty() { "/" } else { base });
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_secure(is_secure);
    if let Some(seconds) = lasts {
        cookie.set_max_age(Duration::seconds(i64::try_from(seconds).unwrap_or(i64::MAX)));
    }
    HeaderValue::from_str(&cookie.to_string()).ok()
}

/// Whether the request brings a cookie of ours, good or not: only a page's own request does.
pub(crate) fn is_there(headers: &HeaderMap) -> bool {
    ["", "__Host-", "__Secure-"]
        .iter()
        .any(|prefix| values(headers, &format!("{prefix}{NAME}")).next().is_some())
}

fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(Cookie::split_parse)
        .filter_map(Result::ok)
        .filter(move |cookie| cookie.name() == name)
        .filter_map(|cookie| cookie.value_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(keys: &[&str]) -> Keys {
        Keys::new(&keys.iter().copied().map(Secret::new).collect::<Vec<_>>())
    }

    #[test]
    fn a_cookie_is_good_for_whoever_has_the_key_that_signed_it() {
        let value = keys(&["old"]).sign("s.id").unwrap();
        assert_eq!(keys(&["old"]).open(&value), Some("s.id"));
        assert_eq!(keys(&["new", "old"]).open(&value), Some("s.id"));
        assert_eq!(keys(&["new"]).open(&value), None);
        assert_ne!(keys(&["new", "old"]).sign("s.id").unwrap(), value);
        assert_eq!(keys(&[]).sign("s.id"), None);
    }

    #[test]
    fn a_cookie_that_was_changed_is_none() {
        let keys = keys(&["key"]);
        let value = keys.sign("s.id").unwrap();
        for wrong in [
            "",
            "s.id",
            "s.id.",
            &value[..value.len() - 1],
            &format!("{value}A"),
            &value.replace("s.id", "s.ie"),
            &value.replace("s.id", "a.id"),
        ] {
            assert_eq!(keys.open(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_right_one_of_several_cookies_is_found() {
        let keys = keys(&["key"]);
        let value = keys.sign("s.id").unwrap();
        let line = format!("other=1; {NAME}=planted; {NAME}={value}");
        let headers = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(&line).unwrap())]);
        assert_eq!(keys.ids(&headers, NAME), ["s.id"]);
        assert!(keys.ids(&headers, "__Host-autoscan_session").is_empty());
    }
}
