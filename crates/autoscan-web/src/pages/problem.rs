//! What went wrong, as a page: for browsers, where a program would get JSON.

use std::panic::AssertUnwindSafe;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use super::frame::{self, Frame, LINKS};
use crate::answer::{AnswerSentence, Problem};
use crate::app::{App, Shared};
use crate::session::Session;

#[derive(Template)]
#[template(path = "problem.html")]
struct Page {
    frame: Frame,
    title: &'static str,
    sentence: String,
}

/// Around every page: a browser is shown what went wrong in words, also when the page broke.
pub(super) async fn show(State(app): State<Shared>, request: Request, next: Next) -> Response {
    if !is_browser(request.headers()) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let session = known(&app, &parts).await;
    let request = Request::from_parts(parts, body);
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let response =
        answer.unwrap_or_else(|_panic| Problem::internal("a page panicked".to_owned()).into_response());
    draw(&app, session.as_ref(), response)
}

/// A problem at an address below a page, for a browser.
pub(crate) async fn answer(app: &App, parts: &Parts, problem: Problem) -> Response {
    let session = known(app, parts).await;
    draw(app, session.as_ref(), problem.into_response())
}

/// The session of a request. Where the store cannot tell, the page is that of a stranger.
async fn known(app: &App, parts: &Parts) -> Option<Session> {
    app.session(parts).await.ok().flatten()
}

/// Whether a browser asks for a page.
pub(crate) fn is_browser(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// Whether an address lies below that of a page. A single segment never does: it may be a guess of a secret.
pub(crate) fn is_below_a_page(path: &str) -> bool {
    let first = path.trim_start_matches('/').split_once('/').map(|(first, _)| first);
    first.is_some_and(|first| {
        LINKS.iter().any(|(path, _)| !first.is_empty() && path.trim_start_matches('/') == first)
    })
}

/// The page of an answer that is a problem; others stay as they are.
fn draw(app: &App, session: Option<&Session>, response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let Some(AnswerSentence(sentence)) = parts.extensions.remove() else {
        return Response::from_parts(parts, body);
    };
    let frame = match session {
        Some(session) => Frame::new(app, session, ""),
        None => Frame::outside(app),
    };
    let mut response = frame::page(&Page { frame, title: title(parts.status), sentence });
    *response.status_mut() = parts.status;
    *response.extensions_mut() = parts.extensions;
    for (name, value) in &parts.headers {
        if !response.headers().contains_key(name) && name != header::CONTENT_LENGTH {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "Nothing here",
        StatusCode::UNAUTHORIZED => "Log in again",
        StatusCode::FORBIDDEN => "Not done",
        StatusCode::INTERNAL_SERVER_ERROR => "Something broke",
        StatusCode::SERVICE_UNAVAILABLE => "Not now",
        _ => "That did not work",
    }
}
