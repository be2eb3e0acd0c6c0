use std::fmt;

use autoscan_core::secret::Secret;
use url::Url;

/// Where a server is, as a person wrote it in the config: `http://plex:32400`, `https://home.example/plex/`. A user and
/// password in it are for a reverse proxy; they are sent as Basic authentication and never shown.
#[derive(Clone)]
pub struct BaseUrl {
    url: Url,
    login: Option<UrlLogin>,
    /// Whether it is the URL of one call, whose path and query may be a secret.
    whole: bool,
}

#[derive(Clone)]
pub(crate) struct UrlLogin {
    pub(crate) user: String,
    pub(crate) password: Secret,
}

impl BaseUrl {
    /// Reads a URL. The error is a sentence for a person and shows no password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (shown, mut url) = read(text)?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!(
                "the URL {shown:?} must end before '?' or '#': give the server's address alone"
            ));
        }
        let login = take_login(&mut url);
        Ok(Self { url, login, whole: false })
    }

    /// Reads the whole URL of one call, with its query. Nothing but its host is shown: the path of a webhook often is a
    /// secret. The error is a sentence for a person.
    pub fn parse_whole(text: &str) -> Result<Self, String> {
        let (_, mut url) = read(text)
            .map_err(|_shows_the_text| "the URL must begin with http:// or https:// and a host".to_owned())?;
        url.set_fragment(None);
        let login = take_login(&mut url);
        Ok(Self { url, login, whole: true })
    }

    /// Whether only its host may be shown.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Whether the URL holds a user and password for a reverse proxy.
    pub fn has_login(&self) -> bool {
        self.login.is_some()
    }

    pub(crate) fn login(&self) -> Option<&UrlLogin> {
        self.login.as_ref()
    }

    /// The address of a call: these names below the server's own path, percent-encoded. No names at all ask for the
    /// server's root, with a trailing slash, so that a proxy does not redirect.
    pub(crate) fn join(&self, segments: &[&str]) -> Url {
        let mut url = self.url.clone();
        if self.whole {
            return url;
        }
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
            if segments.is_empty() {
                path.push("");
            }
            path.extend(segments);
        }
        url
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.whole {
            return out.write_str(&shown_of_whole(&self.url));
        }
        out.write_str(self.url.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "BaseUrl({self})")
    }
}

/// A URL of the web, and what may be shown of its text.
fn read(text: &str) -> Result<(String, Url), String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("the URL is empty: write http://host:port".to_owned());
    }
    let shown = without_secrets(text);
    let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("http" | "https") => {}
        None => return Err(format!("the URL {shown:?} has no scheme: write \"http://{shown}\"")),
        Some(_) => {
            return Err(format!("the URL {shown:?} must begin with http:// or https://"));
        }
    }
    let url = Url::parse(text).map_err(|error| format!("{shown:?} is not a URL: {error}"))?;
    Ok((shown, url))
}

/// The host of a URL, and dots when there is more.
pub(crate) fn shown_of_whole(url: &Url) -> String {
    let host = url.origin().ascii_serialization();
    if url.path() == "/" && url.query().is_none() { host } else { format!("{host}/•••") }
}

fn take_login(url: &mut Url) -> Option<UrlLogin> {
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let user = decode(url.username());
    let password = decode(url.password().unwrap_or_default());
    if user.is_empty() && password.is_empty() {
        return None;
    }
    // Both setters fail only for URLs without a host, which http and https URLs have.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Some(UrlLogin { user, password: Secret::new(password) })
}

/// A URL that may not even be one, without what could be a login, a query or a fragment.
fn without_secrets(text: &str) -> String {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = text.split_once("://").map_or(("", text), |(scheme, rest)| (scheme, rest));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    if scheme.is_empty() { rest.to_owned() } else { format!("{scheme}://{rest}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sub_path_is_kept_and_a_trailing_slash_tolerated() {
        for (base, segments, whole) in [
            ("http://plex:32400", &["identity"][..], "http://plex:32400/identity"),
            ("http://plex:32400/", &["identity"], "http://plex:32400/identity"),
            ("https://home/plex", &["library", "sections"], "https://home/plex/library/sections"),
            ("https://home/a/plex/", &["identity"], "https://home/a/plex/identity"),
            ("https://home/plex", &[], "https://home/plex/"),
            ("https://home", &[], "https://home/"),
            (
                "http://[::1]:8096",
                &["a b", "c/d", "e%2F", "f?g#h"],
                "http://[::1]:8096/a%20b/c%2Fd/e%252F/f%3Fg%23h",
            ),
        ] {
            assert_eq!(BaseUrl::parse(base).unwrap().join(segments).as_str(), whole, "{base}");
        }
    }

    #[test]
    fn what_is_no_server_address_is_refused_in_a_sentence() {
        for (text, part) in [
            ("", "empty"),
            ("plex:32400", "write \"http://plex:32400\""),
            ("192.168.1.2:32400", "no scheme"),
            ("ftp://plex", "http:// or https://"),
            ("http://", "not a URL"),
            ("http://plex:99999", "not a URL"),
            ("http://plex:32400/?X-Plex-Token=hunter2", "before '?'"),
            ("http://plex:32400/web#!/", "before '?'"),
            ("me:hunter2@plex:32400", "write \"http://plex:32400\""),
        ] {
            let error = BaseUrl::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn of_a_whole_url_only_the_host_is_shown() {
        let hook = BaseUrl::parse_whole(" https://me:pass@hook.example/api/T0ken?key=hunter2#x ").unwrap();
        assert_eq!(hook.join(&[]).as_str(), "https://hook.example/api/T0ken?key=hunter2");
        assert_eq!(hook.to_string(), "https://hook.example/•••");
        assert_eq!(BaseUrl::parse_whole("http://hook:8080").unwrap().to_string(), "http://hook:8080");
        let error = BaseUrl::parse_whole("hook.example/T0ken").unwrap_err();
        assert!(error.contains("http://") && !error.contains("T0ken"), "{error}");
    }

    #[test]
    fn a_login_is_taken_out_and_never_shown() {
        let base = BaseUrl::parse("https://me:hunter%402@home/plex/").unwrap();
        assert!(base.has_login());
        assert_eq!(base.login().unwrap().password.reveal(), "hunter@2");
        assert_eq!(base.to_string(), "https://home/plex");
        assert!(!format!("{base:?}{}", base.join(&["x"])).contains("hunter"));
    }
}
