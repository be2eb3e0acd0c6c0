//! What surrounds every page, and how pages are answered.

use askama::Template;
use autoscan_engine::BusEventId;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::answer::Problem;
use crate::app::App;
use crate::assets;
use crate::session::{Notice, Session};

/// What no page may be without: nothing runs, loads or frames it that is not of this very site.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
             worker-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// Every page in the order of the navigation: its path and its title.
pub(super) const LINKS: [(&str, &str); 8] = [
    ("/", "Overview"),
    ("/scans", "Scans"),
    ("/manual-scan", "Manual scan"),
    ("/triggers", "Triggers"),
    ("/targets", "Targets"),
    ("/setup", "Setup"),
    ("/log", "Log"),
    ("/config", "Config"),
];

/// What surrounds every page.
pub(crate) struct Frame {
    /// The path under which autoscan is shown, without a slash at its end.
    pub(crate) base: String,
    pub(crate) style: String,
    pub(crate) script: String,
    pub(crate) worker: String,
    pub(crate) icon: String,
    pub(crate) version: &'static str,
    /// Whether the person may look at the other pages.
    pub(crate) inside: bool,
    /// Whether there is something to log out of.
    pub(crate) can_leave: bool,
    /// The token for every form.
    pub(crate) csrf: String,
    /// What became of the form that was sent before.
    pub(crate) said: Option<Notice>,
    /// The last news when it was drawn: what came after it is not on the page yet.
    pub(crate) news: BusEventId,
    here: &'static str,
}

/// An entry of the navigation.
pub(crate) struct Link {
    pub(crate) path: &'static str,
    pub(crate) title: &'static str,
    pub(crate) here: bool,
}

impl Frame {
    /// The frame of the page at `here`, a path of the navigation.
    pub(crate) fn new(app: &App, session: &Session, here: &'static str) -> Self {
        Self {
            inside: session.logged_in,
            can_leave: session.logged_in && !app.access.disabled,
            csrf: session.csrf.clone(),
            said: app.process.sessions.take_said(session),
            here,
            ..Self::outside(app)
        }
    }

    /// The frame for somebody of whom nothing is known.
    pub(crate) fn outside(app: &App) -> Self {
        let base = app.base().to_owned();
        let at = |path: String| format!("{base}{path}");
        Self {
            style: at(assets::style()),
            script: at(assets::script()),
            worker: at(assets::worker()),
            icon: at(assets::icon()),
            version: app.web.version,
            inside: false,
            can_leave: false,
            csrf: String::new(),
            said: None,
            news: app.web.engine.last_event(),
            here: "",
            base,
        }
    }

    pub(crate) fn links(&self) -> impl Iterator<Item = Link> {
        LINKS.into_iter().map(|(path, title)| Link { path, title, here: path == self.here })
    }
}

/// A page, drawn.
pub(crate) fn page<T: Template>(template: &T) -> Response {
    match template.render() {
        Ok(html) => (HEADERS, html).into_response(),
        Err(error) => Problem::internal(format!("a page could not be drawn: {error}")).into_response(),
    }
}

/// After a form was sent: go and look there. `path` is with the base.
pub(crate) fn see_other(path: &str) -> Response {
    let to = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    (
        StatusCode::SEE_OTHER,
        [(header::LOCATION, to), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))],
    )
        .into_response()
}

/// Puts a cookie into an answer.
pub(crate) fn put_cookie(response: &mut Response, cookie: Option<HeaderValue>) {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}
