//! What is never shown: the secrets that are known, in every spelling in which a server, a proxy or a log could show them,
//! and what looks like a secret in a foreign text. The one place for logs, pages, errors and answers.

use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// What is shown in the place of a secret.
pub const DOTS: &str = "•••";
/// A secret of fewer letters is a word of many harmless texts, and is hidden only where it stands as a secret does.
const SHORTEST: usize = 6;
/// Ends of the names whose values are secrets, where they stand before `=` or in JSON.
const NAMES: [&str; 10] = [
    "token",
    "apikey",
    "api_key",
    "api-key",
    "password",
    "passwd",
    "secret",
    "signature",
    "server-pass",
    "server_pass",
];
/// Headers whose values are secrets.
const HEADERS: [&str; 7] = [
    "authorization",
    "cookie",
    "x-plex-token",
    "x-emby-token",
    "x-mediabrowser-token",
    "x-api-key",
    "x-emby-authorization",
];
/// Words before a credential in a header.
const SCHEMES: [&str; 2] = ["bearer ", "basic "];
/// Letters that a credential after such a word has at least.
const SHORTEST_CREDENTIAL: usize = 8;

/// The secrets of the program. Clones know the same.
#[derive(Clone, Default)]
pub struct Redaction(Arc<RwLock<Vec<String>>>);

impl Redaction {
    /// Remembers secrets, also those of an older config: they may still be good elsewhere.
    pub fn learn<'a>(&self, secrets: impl IntoIterator<Item = &'a str>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for secret in secrets.into_iter().filter(|secret| secret.chars().count() >= SHORTEST) {
            known.extend(spellings(secret));
        }
        // The longest first: a spelling may hold another.
        known.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        known.dedup();
    }

    /// The text with dots where a secret was, known or by its look.
    pub fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut hidden = Cow::Borrowed(text);
        for spelling in known.iter().filter(|spelling| text.contains(spelling.as_str())) {
            hidden = Cow::Owned(hidden.replace(spelling.as_str(), DOTS));
        }
        match hidden {
            Cow::Borrowed(text) => hide_by_look(text),
            Cow::Owned(text) => Cow::Owned(hide_by_look(&text).into_owned()),
        }
    }
}

/// Every way in which a secret is written on its way.
pub fn spellings(secret: &str) -> Vec<String> {
    let percent = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let quoted = format!("{secret:?}");
    let all = [
        secret.to_owned(),
        lower_escapes(&percent),
        lower_escapes(&form),
        percent,
        form,
        base64::engine::general_purpose::STANDARD.encode(secret),
        base64::engine::general_purpose::STANDARD_NO_PAD.encode(secret),
        quoted[1..quoted.len() - 1].to_owned(),
    ];
    let mut spellings = Vec::new();
    for spelling in all {
        if !spelling.is_empty() && !spellings.contains(&spelling) {
            spellings.push(spelling);
        }
    }
    spellings
}

/// `%2F` as `%2f`.
fn lower_escapes(text: &str) -> String {
    let mut parts = text.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |lower, part| {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        lower + "%" + &digits.to_ascii_lowercase() + rest
    })
}

/// The text with dots where something stands as secrets do: `?token=…`, `"api_key": "…"`, `://user:password@`,
/// `Authorization: …`, `Bearer …`.
pub fn hide_by_look(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut kept = 0;
    let mut at = 0;
    while at < text.len() {
        let hidden = secret_at(text, at);
        if let Some((from, to)) = hidden
            && from < to
            && &text[from..to] != DOTS
        {
            out.push_str(&text[kept..from]);
            out.push_str(DOTS);
            (kept, at) = (to, to);
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[kept..]);
    Cow::Owned(out)
}

/// Where the secret lies that is announced by what stands at `at`.
fn secret_at(text: &str, at: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    match bytes[at] {
        b'=' => {
            let name = name_before(&text[..at]);
            ends_as_a_secret(name).then(|| value(text, at + 1))
        }
        b':' if text[at..].starts_with("://") => login(text, at + 3),
        b':' => {
            let quoted = text[..at].ends_with('"');
            let name = name_before(text[..at].trim_end_matches(['"', '\\']));
            let from = at + 1 + text[at + 1..].len() - text[at + 1..].trim_start_matches(' ').len();
            if HEADERS.iter().any(|header| name.eq_ignore_ascii_case(header)) {
                return Some(header(text, from));
            }
            let opened = text[from..].starts_with('"') || text[from..].starts_with("\\\"");
            (quoted && opened && ends_as_a_secret(name)).then(|| value(text, from))
        }
        b'B' | b'b' => {
            let scheme = SCHEMES.iter().find(|scheme| {
                text.get(at..at + scheme.len()).is_some_and(|word| word.eq_ignore_ascii_case(scheme))
            })?;
            let (from, to) = value(text, at + scheme.len());
            let credential = &text[from..to];
            let is_word = credential.chars().all(|letter| letter.is_ascii_lowercase() || letter == '.');
            (credential.len() >= SHORTEST_CREDENTIAL && !is_word).then_some((from, to))
        }
        _ => None,
    }
}

/// The name that ends here.
fn name_before(text: &str) -> &str {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    let length = text.chars().rev().take_while(|letter| is_part(*letter)).count();
    &text[text.len() - length..]
}

fn ends_as_a_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    NAMES.iter().any(|end| name.ends_with(end))
}

/// A value that begins here, perhaps in quotes.
fn value(text: &str, from: usize) -> (usize, usize) {
    let begin = from + text[from..].len() - text[from..].trim_start_matches(['"', '\'', '\\']).len();
    let is_end = |letter: char| {
        letter.is_whitespace()
            || matches!(letter, '&' | '"' | '\'' | '\\' | '#' | ')' | ']' | '}' | '<' | '>' | ',' | ';' | '`')
    };
    (begin, text[begin..].find(is_end).map_or(text.len(), |length| begin + length))
}

/// The value of a header: to the end of the line or of the text that it stands in.
fn header(text: &str, from: usize) -> (usize, usize) {
    let begin = from + text[from..].len() - text[from..].trim_start_matches(['"', '\'', '\\']).len();
    (
        begin,
        text[begin..].find(['"', '\'', '\\', '\r', '\n', ',']).map_or(text.len(), |length| begin + length),
    )
}

/// The login in a URL whose host begins here.
fn login(text: &str, from: usize) -> Option<(usize, usize)> {
    let authority = text[from..].find(|letter: char| letter.is_whitespace() || "/?#\"'<>".contains(letter));
    let authority = &text[from..authority.map_or(text.len(), |length| from + length)];
    authority.rfind('@').map(|length| (from, from + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_secret_is_hidden_in_every_spelling() {
        let redaction = Redaction::default();
        redaction.clone().learn(["a+b/ç \"1", "abc"]);
        for text in [
            "a+b/ç \"1",
            "a+b/ç \\\"1",
            "a%2Bb%2F%C3%A7%20%221",
            "a%2bb%2f%c3%a7%20%221",
            "a%2Bb%2F%C3%A7+%221",
            "YStiL8OnICIx",
        ] {
            assert_eq!(redaction.hide(&format!("[{text}]")), "[•••]", "{text}");
        }
        assert_eq!(
            redaction.hide("abc is too short to be told from a word"),
            "abc is too short to be told from a word"
        );
    }

    #[test]
    fn the_longer_of_two_secrets_is_hidden_as_a_whole() {
        let redaction = Redaction::default();
        redaction.learn(["hunter", "hunter2"]);
        assert_eq!(redaction.hide("hunter2 hunter"), "••• •••");
    }

    #[test]
    fn what_stands_as_a_secret_does_is_hidden() {
        for (text, hidden) in [
            ("GET /x?a=1&X-Plex-Token=abc&b=2", "GET /x?a=1&X-Plex-Token=•••&b=2"),
            ("/triggers/sonarr?token=s3cret", "/triggers/sonarr?token=•••"),
            ("api_key='x y'", "api_key='••• y'"),
            ("apikey=x, password=y; z", "apikey=•••, password=•••; z"),
            (r#"{"AccessToken":"abc","a":"b"}"#, r#"{"AccessToken":"•••","a":"b"}"#),
            (r#"said "{\"apiKey\": \"abc\"}""#, r#"said "{\"apiKey\": \"•••\"}""#),
            ("http://user:pa@ss@plex:32400/x", "http://•••@plex:32400/x"),
            ("Authorization: Basic dXNlcjpwYXNz\r\nHost: x", "Authorization: •••\r\nHost: x"),
            ("x-api-key: abc", "x-api-key: •••"),
            ("sent Bearer eyJhbGciOi.J9", "sent Bearer •••"),
            ("ünïcode?token=ä&b=ö", "ünïcode?token=•••&b=ö"),
        ] {
            assert_eq!(hide_by_look(text), hidden);
            assert_eq!(hide_by_look(hidden), hidden, "hiding twice changes nothing");
        }
    }

    #[test]
    fn harmless_text_stays_as_it_is() {
        for text in [
            "",
            "the key was rejected (401): look at `token`",
            "send Basic, X-Api-Key or a Bearer token",
            "Basic authentication is off",
            "targets.plex[0].token: must not be empty",
            "https://plex:32400/library/sections/1/refresh?path=/tv/Show",
            "token=",
            "mail a@b.example",
            "2026-01-01T00:00:00Z INFO started scan=1 folder=\"/tv/Token = x\"",
        ] {
            assert!(matches!(hide_by_look(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }
}
