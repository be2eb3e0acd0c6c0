//! `/triggers/{name}`: the door for senders, and for people with a form or a script.

use std::sync::Arc;
use std::time::Duration;

use autoscan_core::hops;
use autoscan_core::ports::Hook;
use autoscan_engine::{BoundTrigger, IntakeError};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::OwnedSemaphorePermit;

use crate::access::UrlSecrets;
use crate::answer::{self, Problem};
use crate::app::{App, Shared};
use crate::page::Form;
use crate::{body, page, query};

/// A body of more bytes is large.
const LARGE: usize = 256 << 10;
/// How long a large request waits for those before it.
const TURN: Duration = Duration::from_mins(1);

/// Queries of this name ask for a scan by GET.
const PATHS: [&str; 3] = ["path", "dir", "filepath"];

/// A request that was let in.
struct Visit<'a> {
    trigger: &'a BoundTrigger,
    query: Vec<(String, String)>,
}

/// `POST`, `PUT /triggers/{name}` and `/triggers/{name}/{token}`.
pub(crate) async fn post(State(app): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match let_in(&app, &parts, true).await {
        Ok(visit) => {
            let answer = deliver(&app, &parts, body, &visit).await.into_response();
            if (app.web.for_people)(visit.trigger.kind) {
                page::answered(&app, &parts, Form::Manual, answer)
            } else {
                answer
            }
        }
        Err(problem) => body::reject(&parts, body, problem).await.into_response(),
    }
}

/// `GET`, `HEAD` of the same: a form, or a scan when the query names paths.
pub(crate) async fn get(State(app): State<Shared>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    look_or_scan(&app, &parts).await.into_response()
}

async fn look_or_scan(app: &App, parts: &Parts) -> Result<Response, Problem> {
    let names_paths = query::parse(parts.uri.query())
        .is_ok_and(|query| query.iter().any(|(name, _)| PATHS.contains(&name.as_str())));
    let scans = names_paths && parts.method == Method::GET;
    let visit = let_in(app, parts, scans).await?;
    if !(app.web.for_people)(visit.trigger.kind) {
        return Err(Problem::only("POST,PUT"));
    }
    if !scans {
        return Ok(page::form(app, Form::Manual));
    }
    app.check_signature(parts, &[]).await?;
    let hook = Hook { query: &visit.query, content_type: None, body: &[] };
    take(app, visit.trigger, &hook, is_passed_on(&parts.headers)).await
}

async fn let_in<'a>(app: &'a App, parts: &Parts, acts: bool) -> Result<Visit<'a>, Problem> {
    let query = query::parse(parts.uri.query());
    let path = parts.uri.path();
    let path = path.strip_prefix("/triggers/").unwrap_or(path).trim_end_matches('/');
    let (name, segment) = path.split_once('/').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let segment = segment.map(query::segment);
    let trigger = app.web.engine.trigger(&query::segment(name));
    let address = UrlSecrets { query: query.as_deref().unwrap_or_default(), segment: segment.as_deref() };
    let admitted = app.admit(parts, address, trigger.and_then(|trigger| trigger.token.as_ref()), acts);
    admitted.await.inspect_err(|problem| note_refused(app, trigger, problem))?;
    if trigger.is_none() && acts {
        app.web.engine.note_unknown_trigger(&query::segment(name));
    }
    Ok(Visit { trigger: trigger.ok_or(IntakeError::UnknownTrigger)?, query: query? })
}

async fn deliver(app: &App, parts: &Parts, body: Body, visit: &Visit<'_>) -> Result<Response, Problem> {
    let body = read_signed(app, parts, body).await;
    let body = body.inspect_err(|problem| note_refused(app, Some(visit.trigger), problem))?;
    let hook = Hook { query: &visit.query, content_type: body::content_type(&parts.headers), body: &body };
    take(app, visit.trigger, &hook, is_passed_on(&parts.headers)).await
}

/// A person who sets up a sender looks for what it sent: also for what was rejected.
fn note_refused(app: &App, trigger: Option<&BoundTrigger>, problem: &Problem) {
    let Some(trigger) = trigger else { return };
    if problem.status() == StatusCode::SERVICE_UNAVAILABLE {
        app.web.engine.note_lost(trigger, problem.sentence());
    } else {
        app.web.engine.note_refused(&trigger.name, problem.sentence());
    }
}

/// Whether another autoscan sends this, which would have it back if it were passed on.
pub(crate) fn is_passed_on(headers: &HeaderMap) -> bool {
    headers.contains_key(hops::HEADER)
}

/// The body, which is of a type we can read and signed where that is wanted.
pub(crate) async fn read_signed(app: &App, parts: &Parts, body: Body) -> Result<bytes::Bytes, Problem> {
    if let Some(problem) = unreadable(&parts.headers) {
        return Err(body::reject(parts, body, problem).await);
    }
    let body = body::read(parts, body).await?;
    app.check_signature(parts, &body).await?;
    Ok(body)
}

/// Hands a request to its trigger and says what became of it.
pub(crate) async fn take(
    app: &App,
    trigger: &BoundTrigger,
    hook: &Hook<'_>,
    passed_on: bool,
) -> Result<Response, Problem> {
    let engine = &app.web.engine;
    let turn = turn(app, hook.body).await.inspect_err(|busy| note_refused(app, Some(trigger), busy))?;
    let taken = if passed_on {
        engine.take_passed_on(&trigger.name, hook).await?
    } else {
        engine.take(&trigger.name, hook).await?
    };
    drop(turn);
    let sentence = taken.sentence();
    if !taken.refused.is_empty() && (app.web.for_people)(trigger.kind) {
        return Err(Problem::path_refused(sentence));
    }
    Ok(answer::success(&sentence))
}

/// Large requests are taken in one after the other, because each takes many times the memory of its body. Small ones, as all
/// senders of webhooks make them, wait for nobody.
async fn turn(app: &App, body: &[u8]) -> Result<Option<OwnedSemaphorePermit>, Problem> {
    if body.len() <= LARGE {
        return Ok(None);
    }
    let turn = tokio::time::timeout(TURN, Arc::clone(&app.process.large).acquire_owned()).await;
    turn.map(Result::ok).map_err(|_elapsed| Problem::large_requests())
}

/// Why a body of this type cannot be read at all.
fn unreadable(headers: &HeaderMap) -> Option<Problem> {
    let is_multipart = body::content_type(headers)
        .is_some_and(|kind| kind.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("multipart/")));
    let is_packed = headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|how| !how.as_bytes().eq_ignore_ascii_case(b"identity"));
    let error = match (is_multipart, is_packed) {
        (true, _) => "Multipart bodies are not read here: send JSON or a form",
        (_, true) => "Compressed bodies are not read here: send it without Content-Encoding",
        _ => return None,
    };
    Some(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", error))
}
