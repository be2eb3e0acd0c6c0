//! Login and logout.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;

use super::frame::{self, Frame};
use crate::answer::Problem;
use crate::app::{App, Shared};
use crate::session::Session;
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
    let (parts, _) = request.into_parts();
    let query = query::parse(parts.uri.query())?;
    let next = query.iter().find(|(name, _)| name == "next").map_or("/", |(_, value)| value.as_str());
    let next = path_of_ours(next);
    let found = app.session(&parts).await?;
    if app.access.disabled || found.as_ref().is_some_and(|session| session.logged_in) {
        return Ok(frame::see_other(&format!("{}{next}", app.base())));
    }
    let (session, cookie) = match found.filter(|session| !session.is_old(app.web.engine.now())) {
        Some(session) => (session, None),
        None => app.begin_anonymous(&parts),
    };
    let mut response = draw(&app, &session, None, "", next);
    frame::put_cookie(&mut response, cookie);
    Ok(response)
}

fn draw(app: &App, session: &Session, problem: Option<&str>, username: &str, next: &str) -> Response {
    frame::page(&Login { frame: Frame::new(app, session, "/login"), problem, username, next })
}

/// `POST /login`.
pub(super) async fn log_in(State(app): State<Shared>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let session = match app.session(&parts).await {
        Ok(Some(session)) => session,
        Ok(None) => return Err(body::reject(&parts, body, no_cookie()).await),
        Err(problem) => return Err(body::reject(&parts, body, problem).await),
    };
    let fields = visitor::fields(&parts, body, &session).await?;
    let field =
        |name: &str| fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.as_str());
    let next = path_of_ours(field("next"));
    let pair = format!("{}:{}", field("username"), field("password"));
    if let Err(problem) = app.try_password(&parts, pair.as_bytes(), 1).await {
        let said = match problem.status() {
            StatusCode::UNAUTHORIZED => "The username or the password is wrong.",
            StatusCode::TOO_MANY_REQUESTS => {
                "Too many wrong passwords came from your address: wait a minute, then try again."
            }
            _ => "Too many others are logging in: try again in a moment.",
        };
        let mut response = draw(&app, &session, Some(said), field("username"), next);
        *response.status_mut() = problem.status();
        problem.lend_headers(&mut response);
        response.headers_mut().remove(header::WWW_AUTHENTICATE);
        return Ok(response);
    }
    // Another id than before: one that was planted in the browser is worth nothing.
    if session.logged_in {
        app.process.sessions.leave(&session).await?;
    }
    let cookie = app.begin_session(&parts).await?;
    let mut response = frame::see_other(&format!("{}{next}", app.base()));
    frame::put_cookie(&mut response, Some(cookie));
    Ok(response)
}

fn no_cookie() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "CSRF",
        "The browser sent no cookie: allow cookies for this address, open the login again and send it once more",
    )
}

/// `POST /logout`.
pub(super) async fn log_out(State(app): State<Shared>, posted: Posted) -> Result<Response, Problem> {
    app.process.sessions.leave(&posted.visitor.session).await?;
    Ok(frame::see_other(&format!("{}/login", app.base())))
}

/// A path on this site, or else the first page: nobody is led elsewhere.
pub(super) fn path_of_ours(next: &str) -> &str {
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if next.starts_with('/') && !next.starts_with("//") && plain { next } else { "/" }
}
