//! A call, as a pretend server writes it down.

use axum::extract::Request;

/// A call as the server received it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// `GET`, `POST`, ….
    pub method: String,
    /// Path and query exactly as sent.
    pub target: String,
    /// The path as sent, with every sub-path.
    pub path: String,
    /// The query, decoded, in order.
    pub query: Vec<(String, String)>,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as text.
    pub body: String,
}

impl Recorded {
    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether this text is in its path, in a value of its query or in its body.
    pub(super) fn holds(&self, text: &str) -> bool {
        let path = percent_encoding::percent_decode_str(&self.path).decode_utf8_lossy();
        path.contains(text)
            || self.query.iter().any(|(_, value)| value.contains(text))
            || self.body.contains(text)
    }

    /// A value of the query, its name compared without case.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Reads a whole request.
pub(super) async fn read(request: Request) -> Recorded {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let query = head.uri.query().unwrap_or_default();
    Recorded {
        method: head.method.to_string(),
        target: head.uri.to_string(),
        path: head.uri.path().to_owned(),
        query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

/// The names of a path below the sub-path, without a trailing slash; none when it lies elsewhere.
pub(crate) fn segments<'a>(call: &'a Recorded, under: &str) -> Option<Vec<&'a str>> {
    let rest = call.path.strip_prefix(under)?;
    (rest.is_empty() || rest.starts_with('/'))
        .then(|| rest.split('/').filter(|name| !name.is_empty()).collect())
}
