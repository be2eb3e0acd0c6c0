//! The single-URL routes of the older app, `/{server-pass}` and `/api/{server-pass}`, and what is answered to every
//! unknown address: the two cannot be told apart without the secret.

use std::collections::BTreeSet;

use autoscan_core::ports::Hook;
use autoscan_engine::BoundTrigger;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::answer::{self, Problem};
use crate::app::{App, Shared};
use crate::page::Form;
use crate::pages::problem;
use crate::{body, hooks, page, query};

#[derive(Serialize)]
struct QueueCount {
    queue_count: u64,
}

/// An address that no route knows.
pub(crate) async fn fallback(State(app): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let (is_api, segment) = match parts.uri.path().strip_prefix("/api/") {
        Some(rest) => (true, rest),
        None => (false, parts.uri.path().trim_start_matches('/')),
    };
    let segment = segment.trim_end_matches('/');
    let is_right = if is_guess(segment) {
        app.try_server_pass(&parts, &query::segment(segment)).await
    } else {
        Ok(false)
    };
    if !matches!(is_right, Ok(true)) {
        let problem = is_right.err().unwrap_or_else(Problem::no_route);
        let problem = body::reject(&parts, body, problem).await;
        if problem::is_below_a_page(parts.uri.path()) && problem::is_browser(&parts.headers) {
            return problem::answer(&app, &parts, problem).await;
        }
        return problem.into_response();
    }
    let answer = match parts.method {
        Method::GET | Method::HEAD if is_api => command(&app, &parts).await,
        Method::GET | Method::HEAD => Ok(page::form(&app, Form::SingleUrl)),
        Method::POST | Method::PUT if !is_api => {
            let answer = recognise(&app, &parts, body).await.into_response();
            return page::answered(&app, &parts, Form::SingleUrl, answer);
        }
        _ => Err(Problem::only(if is_api { "GET,HEAD" } else { "GET,HEAD,POST,PUT" })),
    };
    match answer {
        Ok(response) => response,
        Err(problem) => body::reject(&parts, body, problem).await.into_response(),
    }
}

/// Whether this may be meant as the secret: one segment, and none that browsers ask for by themselves.
fn is_guess(segment: &str) -> bool {
    let by_itself =
        ["favicon.ico", "robots.txt"].contains(&segment) || segment.starts_with("apple-touch-icon");
    !segment.is_empty() && !segment.contains('/') && !by_itself
}

async fn command(app: &App, parts: &Parts) -> Result<Response, Problem> {
    let query = query::parse(parts.uri.query())?;
    if !query.iter().any(|(name, value)| name == "cmd" && value == "queue_count") {
        return Err(Problem::bad_request("The only command is cmd=queue_count"));
    }
    let stats = app.web.engine.stats().await?;
    Ok(answer::json(StatusCode::OK, &QueueCount { queue_count: stats.waiting + stats.running }))
}

/// Finds the sender by its body and hands the request to the first trigger of its kind.
async fn recognise(app: &App, parts: &Parts, body: Body) -> Result<Response, Problem> {
    let body = hooks::read_signed(app, parts, body).await?;
    let query = query::parse(parts.uri.query())?;
    let content_type = body::content_type(&parts.headers);
    let hook = Hook { query: &query, content_type, body: &body };
    let kind = (app.web.recognise)(&hook);
    let trigger: Option<&BoundTrigger> = kind.and_then(|kind| app.web.engine.trigger_of_kind(kind));
    let Some(trigger) = trigger else { return Err(unknown_sender(app, kind)) };
    hooks::take(app, trigger, &hook, hooks::is_passed_on(&parts.headers)).await
}

fn unknown_sender(app: &App, kind: Option<&str>) -> Problem {
    let known: BTreeSet<_> = app.web.engine.triggers().into_iter().map(|trigger| trigger.kind).collect();
    let known = known.into_iter().collect::<Vec<_>>().join(", ");
    let error = match kind {
        Some(kind) => {
            format!("This looks like {kind}, but there is no trigger of that kind; configured: {known}")
        }
        None => format!("The sender cannot be told by the body; configured: {known}"),
    };
    tracing::warn!(
        reason = error,
        "a request to the single URL was rejected, and its changes are lost; the sender shows the status alone"
    );
    Problem::new(StatusCode::BAD_REQUEST, "UNKNOWN_SENDER", error)
}
