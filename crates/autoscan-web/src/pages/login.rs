//! Login and logout.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::Frame;
use crate::answer::Problem;
use crate::app::{App, Shared};
use crate::session::{self, Session};
use crate::visitor::{self, Posted};
use crate::{body, query};

#[derive(Template)]
#[template(path = "login.html")]
struct Login<'a> {
    frame: Frame,
    problem: Option<&'a str>,
    username: &'a str,
    next: &'a str,
}

/// `GET /login`.
pub(super) async fn page(State(app): State<Shared>, request: Request) -> Result<Response, Problem> {
    let query = query::parse(request.uri().query())?;
    let next = query.iter().find(|(name, _)| name == "next").map_or("/", |(_, value)| value.as_str());
    let next = path_of_ours(next);
    let found = app.sessions.of(request.headers(), app.web.engine.now());
    if found.as_ref().is_some_and(|session| session.inside) {
        return Ok(super::see_other(&format!("{}{next}", app.base())));
    }
    let (session, cookie) = match found {
        Some(session) => (session, None),
        None => {
            let (session, id) = app.sessions.begin(false, app.web.engine.now());
            (session, session::set_cookie(&id, app.base(), false))
        }
    };
    let mut response = draw(&app, &session, None, "", next);
    super::put_cookie(&mut response, cookie);
    Ok(response)
}

fn draw(app: &App, session: &Session, problem: Option<&str>, username: &str, next: &str) -> Response {
    super::page(&Login { frame: Frame::new(app, session, "/login"), problem, username, next })
}

/// `POST /login`.
pub(super) async fn log_in(State(app): State<Shared>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let now = app.web.engine.now();
    let Some(session) = app.sessions.of(&parts.headers, now) else {
        let problem = Problem::new(
            StatusCode::FORBIDDEN,
            "CSRF",
            "The browser sent no cookie: allow cookies for this address, open the login again and send it once more",
        );
        return Err(body::reject(&parts, body, problem).await);
    };
    let fields = visitor::fields(&parts, body, &session).await?;
    let field =
        |name: &str| fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.as_str());
    let next = path_of_ours(field("next"));
    if !app.locks.is_login(field("username"), field("password")) {
        let problem = app.failed(&parts, Problem::unauthorized());
        let mut response =
            draw(&app, &session, Some("The username or the password is wrong."), field("username"), next);
        *response.status_mut() = problem.status();
        return Ok(response);
    }
    // Another id than before: one that was planted in the browser is worth nothing.
    app.sessions.end(&session);
    let (_, id) = app.sessions.begin(true, now);
    let mut response = super::see_other(&format!("{}{next}", app.base()));
    super::put_cookie(&mut response, session::set_cookie(&id, app.base(), false));
    Ok(response)
}

/// `POST /logout`.
pub(super) async fn log_out(State(app): State<Shared>, posted: Posted) -> Response {
    app.sessions.end(&posted.visitor.session);
    super::see_other(&format!("{}/login", app.base())).into_response()
}

/// A path on this site, or else the first page: nobody is led elsewhere.
pub(super) fn path_of_ours(next: &str) -> &str {
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if next.starts_with('/') && !next.starts_with("//") && plain { next } else { "/" }
}
