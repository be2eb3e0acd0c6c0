use std::time::Duration;

use autoscan_core::fault::Fault;
use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, LOCATION, RETRY_AFTER};
use serde::de::DeserializeOwned;

use crate::request::Request;
use crate::transport::ShownCall;

/// How long a server that asks for a pause is left alone when it does not say how long.
pub const DEFAULT_PAUSE: Duration = Duration::from_secs(30);

/// No pause that a server asks for is believed beyond this.
pub const LONGEST_PAUSE: Duration = Duration::from_mins(10);

/// What a server answered, whatever its status.
pub struct Answer {
    call: ShownCall,
    status: StatusCode,
    retry_after: Option<Duration>,
    location: Option<String>,
    date: Option<String>,
    body: Bytes,
}

impl Answer {
    pub(crate) fn new(request: &Request, status: StatusCode, headers: &HeaderMap, body: Bytes) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            call: ShownCall::of(request),
            status,
            retry_after: text(RETRY_AFTER).and_then(|after| pause(after, text(DATE))),
            location: text(LOCATION).map(str::to_owned),
            date: text(DATE).map(str::to_owned),
            body,
        }
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// How long the server asks to be left alone, at most [`LONGEST_PAUSE`]; none when it does not say.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The server's own time when it answered, as it stands in the header `Date`.
    pub fn date(&self) -> Option<&str> {
        self.date.as_deref()
    }

    /// The body; of an answer that is no success only its beginning.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The beginning of the body: on one line, escaped, in quotes and without secrets.
    pub fn excerpt(&self) -> String {
        self.call.secrets.excerpt(&String::from_utf8_lossy(&self.body))
    }

    /// A sentence about this answer: `GET http://… answered 503 Service Unavailable: ` and `what`.
    pub fn says(&self, what: &str) -> String {
        let name = self.status.canonical_reason().map(|name| format!(" {name}")).unwrap_or_default();
        format!("{} answered {}{name}: {what}", self.call.line, self.status.as_u16())
    }

    /// Whether the body is a page for a browser.
    pub fn is_web_page(&self) -> bool {
        let start = &self.body[..self.body.len().min(512)];
        let start = String::from_utf8_lossy(start).to_lowercase();
        start.contains("<!doctype html") || start.contains("<html")
    }

    /// The rule from status to consequence. A success passes.
    pub fn check(self) -> Result<Self, Fault> {
        let status = self.status.as_u16();
        match status {
            200..=299 => Ok(self),
            300..=399 => Err(Fault::away(self.says(&self.redirect()))),
            401 | 403 => Err(Fault::refused(
                self.says("the key was rejected; check the key and that its owner may manage libraries"),
            )),
            429 => Err(self.busy(self.retry_after.unwrap_or(DEFAULT_PAUSE))),
            503 if self.retry_after.is_some() => Err(self.busy(self.retry_after.unwrap_or(DEFAULT_PAUSE))),
            408 | 425 | 500.. => {
                Err(Fault::away(self.says("the server, or a proxy before it, is in trouble")))
            }
            _ => Err(Fault::wrong(self.says(&self.misunderstood()))),
        }
    }

    /// The success of an action whose answer has no meaning. A page for a browser is none: it is the login page of a
    /// proxy, or another program at this port.
    pub fn accepted(self) -> Result<(), Fault> {
        let answer = self.check()?;
        if answer.is_web_page() { Err(answer.web_page()) } else { Ok(()) }
    }

    /// The body as JSON. Anything else is a fault of the address, not of the call.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_slice(&self.body).map_err(|error| {
            if self.is_web_page() {
                return self.web_page();
            }
            // The error of serde_json may quote a value of the body; its place and kind do not.
            let what = format!(
                "not the JSON that was expected ({:?} error in line {}, column {}); is this the right URL? It begins {}",
                error.classify(),
                error.line(),
                error.column(),
                self.excerpt()
            );
            Fault::away(self.says(&what))
        })
    }

    fn busy(&self, after: Duration) -> Fault {
        let reason = self.says(&format!("the server asks to be left alone for {} s", after.as_secs()));
        Fault::Busy { after, reason }
    }

    fn web_page(&self) -> Fault {
        Fault::away(self.says(
            "a page for a browser; is the port right, or does a proxy want a login before it lets autoscan through?",
        ))
    }

    fn redirect(&self) -> String {
        let to = self.location.as_deref().unwrap_or_default().split('?').next().unwrap_or_default();
        format!(
            "it points to {}; autoscan follows no redirect, so set the URL to where the server really is",
            self.call.secrets.excerpt(to)
        )
    }

    fn misunderstood(&self) -> String {
        if self.body.is_empty() || self.is_web_page() {
            "the server did not understand this call".to_owned()
        } else {
            format!("the server did not understand this call and said {}", self.excerpt())
        }
    }
}

/// `Retry-After` is a number of seconds or a date. The date is compared with the server's own clock, so that a clock
/// that goes wrong makes no pause.
fn pause(after: &str, date: Option<&str>) -> Option<Duration> {
    let after = after.trim();
    let pause = match after.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_no_number) => {
            let until = httpdate::parse_http_date(after).ok()?;
            let now = date.and_then(|date| httpdate::parse_http_date(date).ok());
            now.map_or(DEFAULT_PAUSE, |now| until.duration_since(now).unwrap_or_default())
        }
    };
    Some(pause.min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base_url::BaseUrl;
    use crate::request::SecretHeader;
    use autoscan_core::secret::Secret;
    use reqwest::header::HeaderValue;

    fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Answer {
        let base = BaseUrl::parse("http://me:pass@plex:32400/sub").unwrap();
        let key = Secret::new("hunter2");
        let request =
            Request::get(&base, &["x"]).secret(&SecretHeader::new("x-key", "hunter2", &key).unwrap());
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_static(value));
        }
        Answer::new(
            &request,
            StatusCode::from_u16(status).unwrap(),
            &map,
            Bytes::from_static(body.as_bytes()),
        )
    }

    fn kind(status: u16, headers: &[(&'static str, &'static str)]) -> &'static str {
        match answer(status, headers, "").check() {
            Ok(_) => "ok",
            Err(Fault::Away { .. }) => "away",
            Err(Fault::Busy { .. }) => "busy",
            Err(Fault::Later { .. }) => "later",
            Err(Fault::Refused { .. }) => "refused",
            Err(Fault::NotMine { .. }) => "not mine",
            Err(Fault::Wrong { .. }) => "wrong",
        }
    }

    #[test]
    fn every_status_has_its_consequence() {
        for (statuses, expected) in [
            (&[200, 201, 202, 204][..], "ok"),
            (&[301, 302, 303, 307, 308], "away"),
            (&[401, 403], "refused"),
            (&[429], "busy"),
            (&[408, 425, 500, 501, 502, 503, 504, 520, 522, 524, 530, 599], "away"),
            (&[400, 404, 405, 406, 409, 410, 413, 415, 422], "wrong"),
        ] {
            for status in statuses {
                assert_eq!(kind(*status, &[]), expected, "{status}");
            }
        }
        assert_eq!(kind(503, &[("retry-after", "005")]), "busy");
        assert_eq!(kind(503, &[("retry-after", "soon")]), "away");
    }

    #[test]
    fn a_pause_is_seconds_or_a_date_and_has_an_end() {
        let date = Some("Fri, 31 Dec 1999 23:59:00 GMT");
        for (after, date, seconds) in [
            ("7", None, Some(7)),
            (" 005 ", None, Some(5)),
            ("999999", None, Some(600)),
            ("Fri, 31 Dec 1999 23:59:20 GMT", date, Some(20)),
            ("Fri, 31 Dec 1999 23:58:00 GMT", date, Some(0)),
            ("Fri, 31 Dec 1999 23:59:20 GMT", None, Some(30)),
            ("soon", date, None),
            ("-4", date, None),
        ] {
            assert_eq!(pause(after, date), seconds.map(Duration::from_secs), "{after}");
        }
    }

    #[test]
    fn a_reason_names_the_call_and_hides_secrets() {
        let fault = answer(404, &[], "no such thing: hunter2\r\nnext line").check().err().unwrap();
        assert_eq!(
            fault.reason(),
            "GET http://plex:32400/sub/x answered 404 Not Found: the server did not understand this call and said \
             \"no such thing: ••• next line\""
        );
        let fault = answer(302, &[("location", "https://auth/login?rd=hunter2")], "").check().err().unwrap();
        assert!(fault.reason().contains("\"https://auth/login\""), "{fault}");
    }

    #[test]
    fn a_page_for_a_browser_is_neither_json_nor_a_success() {
        let page = "\u{feff}<!DOCTYPE html><html><title>Log in</title>";
        assert!(matches!(answer(200, &[], page).accepted(), Err(Fault::Away { .. })));
        assert!(matches!(answer(200, &[], page).json::<Vec<String>>(), Err(Fault::Away { .. })));
        assert!(answer(200, &[], "").accepted().is_ok());
        assert!(answer(204, &[], "").accepted().is_ok());
        let fault = answer(200, &[], "hunter2").json::<Vec<String>>().unwrap_err();
        assert!(!fault.reason().contains("hunter2") && fault.reason().contains("right URL"), "{fault}");
    }
}
