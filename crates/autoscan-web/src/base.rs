//! The sub-path under which a reverse proxy shows autoscan. Some proxies strip it and some do not: both are understood.

use axum::Router;
use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use tower::Layer;
use tower::util::MapRequestLayer;

/// The routes, also below `base` (`/autoscan`; nothing for an empty one).
pub(crate) fn below(base: &str, routes: Router) -> Router {
    if base.is_empty() {
        return routes;
    }
    let base = base.to_owned();
    let strip = MapRequestLayer::new(move |mut request: Request| {
        if let Some(uri) = without(&base, request.uri()) {
            *request.uri_mut() = uri;
        }
        request
    });
    // Before the routes are looked at: a nested router would not answer at `/autoscan/`, only at `/autoscan`.
    Router::new().fallback_service(strip.layer(routes))
}

/// The address without the base; none when it does not lie below it.
fn without(base: &str, uri: &Uri) -> Option<Uri> {
    let rest = uri.path_and_query()?.as_str().strip_prefix(base)?;
    let rest = match rest.as_bytes().first() {
        Some(b'/') => rest.to_owned(),
        None | Some(b'?') => format!("/{rest}"),
        Some(_) => return None,
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(rest).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_below_the_base_loses_it() {
        for (given, left) in [
            ("/autoscan", Some("/")),
            ("/autoscan/", Some("/")),
            ("/autoscan?a=b", Some("/?a=b")),
            ("/autoscan/scans?state=done", Some("/scans?state=done")),
            ("/autoscan/autoscan/x", Some("/autoscan/x")),
            ("/autoscanner/scans", None),
            ("/scans", None),
            ("/", None),
        ] {
            let uri: Uri = given.parse().unwrap();
            assert_eq!(without("/autoscan", &uri).map(|uri| uri.to_string()).as_deref(), left, "{given}");
        }
    }
}
