//! What of a config is never shown.

use std::borrow::Cow;

use serde_json::Value;

use super::schema::is_secret;

/// Ends of the keys whose values are secrets, beside those that the schema names.
const KEYS: [&str; 9] =
    ["token", "key", "password", "pass", "secret", "password-hash", "fallbacks", "authorization", "cookie"];

/// Shorter values in a query are words: `?wait=true`.
const SHORTEST_OF_A_QUERY: usize = 8;

/// What is shown instead of a secret.
pub(super) const DOTS: &str = "••••••";

/// Whether values of this schema are hidden as a whole.
pub(super) fn is_hidden(schema: &Value) -> bool {
    is_secret(schema)
}

/// Whether a key holds a text of a person's own, in which secrets may stand where they like: the body of a webhook.
pub(super) fn is_template(key: &str) -> bool {
    key == "body"
}

/// Whether a key holds a program and its arguments. Any argument may be a secret, or hold one.
pub(super) fn is_command(key: &str) -> bool {
    ["argv", "before", "after"].contains(&key)
}

/// Text without the login and the query of a URL in it.
pub(super) fn without_login(text: &str) -> Cow<'_, str> {
    let Some(scheme) = text.find("://") else { return Cow::Borrowed(text) };
    let (head, rest) = text.split_at(scheme + 3);
    let authority = rest.find(['/', '?', '#', ' ']).unwrap_or(rest.len());
    let login = rest[..authority].rfind('@');
    let query = rest.find('?').filter(|at| !rest[..*at].contains([' ', '\'', '"']));
    if login.is_none() && query.is_none() {
        return Cow::Borrowed(text);
    }
    let host = login.map_or(0, |at| at + 1);
    let path = query.unwrap_or(rest.len()).max(host);
    let end = query.map_or(rest.len(), |at| {
        rest[at..].find([' ', '\'', '"', '\n', '\r']).map_or(rest.len(), |length| at + length)
    });
    let user = if login.is_some() { format!("{DOTS}@") } else { String::new() };
    let asked = if query.is_some() { format!("?{DOTS}") } else { String::new() };
    Cow::Owned(format!("{head}{user}{}{asked}{}", &rest[host..path], without_login(&rest[end..])))
}

/// Every secret that is written in a config: below keys that are named so, and the logins and queries of URLs.
pub(super) fn secrets_in(written: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in written.as_object().into_iter().flatten() {
        // `tls.key` is the name of a file, and whoever has to mend it must be told which.
        if key != "tls" {
            collect(value, names_a_secret(key), &mut found);
        }
    }
    found
}

fn names_a_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace('_', "-");
    KEYS.iter().any(|end| key.ends_with(end))
}

fn collect(value: &Value, is_secret: bool, found: &mut Vec<String>) {
    match value {
        Value::Object(keys) => {
            for (key, value) in keys {
                if is_command(key) {
                    found.extend(secrets_of_arguments(value));
                }
                collect(value, is_secret || names_a_secret(key), found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, is_secret, found)),
        Value::String(text) if is_secret => {
            let bare = text.split_once(' ').filter(|(scheme, _)| matches!(*scheme, "Bearer" | "Basic"));
            found.push(bare.map_or(text.as_str(), |(_, bare)| bare).trim().to_owned());
        }
        Value::String(text) if text.contains("://") => found.extend(secrets_of_url(text)),
        _ => {}
    }
}

/// What follows `--token` or `--api-key=` among the arguments of a program.
fn secrets_of_arguments(words: &Value) -> Vec<String> {
    let words: Vec<&str> = words.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let is_option = |word: &str| word.starts_with('-') && names_a_secret(word);
    let own = words.iter().filter_map(|word| word.split_once('=')).filter(|(name, _)| names_a_secret(name));
    let next = words.windows(2).filter(|pair| is_option(pair[0])).map(|pair| pair[1]);
    own.map(|(_, value)| value).chain(next).map(str::to_owned).collect()
}

/// The login of a URL and the values of its query, as they are written and decoded.
fn secrets_of_url(text: &str) -> Vec<String> {
    let Ok(url) = url::Url::parse(text) else { return Vec::new() };
    let mut found = vec![url.password().unwrap_or_default().to_owned()];
    let values = url.query_pairs().map(|(_, value)| value.into_owned());
    found.extend(values.filter(|value| value.len() >= SHORTEST_OF_A_QUERY));
    let decoded = percent_encoding::percent_decode_str(&found[0]).decode_utf8_lossy().into_owned();
    found.push(decoded);
    found.retain(|secret| !secret.is_empty());
    found
}
