//! What of a config is never shown.

use std::borrow::Cow;

use serde_json::Value;

use super::schema::is_secret;

/// What is shown instead of a secret.
pub(super) const DOTS: &str = "••••••";

/// Whether values of this schema are hidden as a whole.
pub(super) fn is_hidden(schema: &Value) -> bool {
    is_secret(schema)
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
