//! The names by which autoscan is called. Where nobody needs a password, a page of another site could make its own name lead to
//! this machine (DNS rebinding), and the browser would take autoscan for a part of that site. So there only names are
//! answered that no stranger can have.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::answer::Problem;
use crate::app::Shared;
use crate::body;
use crate::caller::Caller;
use crate::pages::problem;
use crate::pages::words;

/// Ends of names that are given out in local networks alone (RFC 6761, 6762, 8375; the others are in no public zone).
const LOCAL: [&str; 7] = ["localhost", "local", "internal", "home.arpa", "lan", "home", "localdomain"];
/// Characters of a foreign name that are shown.
const SHOWN: usize = 80;

/// Refuses a request for a name that is nobody's here.
pub(crate) async fn guard(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let caller = Caller::of(&parts);
    let names = [caller.host(&parts.headers), parts.uri.host()];
    let Some(foreign) = names.into_iter().flatten().find(|name| !is_own(name, &app.web.own_names)) else {
        return next.run(Request::from_parts(parts, body)).await;
    };
    let problem = body::reject(&parts, body, misdirected(foreign)).await;
    if problem::is_browser(&parts.headers) {
        return problem::answer(&app, &parts, problem).await;
    }
    problem.into_response()
}

/// Whether no stranger can have this name: an address, a name without a dot, one of a local network, or one of `own`.
/// It may be followed by a port.
fn is_own(host: &str, own: &[String]) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(address, _port)| address),
        None => host.rsplit_once(':').filter(|(name, _)| !name.contains(':')).map_or(host, |(name, _)| name),
    };
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let is_local = |end: &str| name.strip_suffix(end).is_some_and(|start| start.ends_with('.'));
    name.parse::<IpAddr>().is_ok()
        || (!name.is_empty() && !name.contains('.'))
        || LOCAL.into_iter().any(is_local)
        || own.iter().any(|own| own.trim_end_matches('.').eq_ignore_ascii_case(&name))
}

/// 421: the request is for another name.
fn misdirected(host: &str) -> Problem {
    let error = format!(
        "This request was for {:?}, which autoscan does not know as its own name. While authentication is off it answers \
         only to its own names: add the name to allowed-hosts in the config, or turn authentication on",
        words::short(host, SHOWN)
    );
    Problem::new(StatusCode::MISDIRECTED_REQUEST, "UNKNOWN_HOST", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_no_stranger_can_have_are_own() {
        let own = ["scan.example.org".to_owned(), "nas.example.net.".to_owned()];
        for (host, expected) in [
            ("127.0.0.1", true),
            ("192.168.1.5:3030", true),
            ("[::1]", true),
            ("[fd00::1]:3030", true),
            ("localhost", true),
            ("localhost:3030", true),
            ("LOCALHOST.", true),
            ("app.localhost", true),
            ("nas", true),
            ("autoscan:3030", true),
            ("nas.local", true),
            ("nas.fritz.box", false),
            ("nas.lan:3030", true),
            ("nas.home.arpa", true),
            ("scan.example.org", true),
            ("Scan.Example.Org.:443", true),
            ("nas.example.net", true),
            ("evil.example", false),
            ("evil.example:3030", false),
            ("x.scan.example.org", false),
            ("scan.example.org.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("local.evil.example", false),
            ("evillocal.example", false),
            ("", false),
            (".", false),
            ("[", false),
        ] {
            assert_eq!(is_own(host, &own), expected, "{host}");
        }
    }
}
