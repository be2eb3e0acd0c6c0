//! `targets`, `queue` and `libraries`: the lanes and the servers behind them.

use std::borrow::Cow;

use autoscan_core::duration::Span;
use autoscan_core::fault::Fault;
use autoscan_core::name::Name;
use autoscan_core::ports::{Identity, Library};
use autoscan_core::time::Timestamp;
use autoscan_engine::{TargetView, TestView};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use crate::answer::{self, Problem};
use crate::app::{App, Shared};
use crate::moment::Moment;
use crate::segment::Segment;
use crate::{body, counting};

/// A target and the state of its lane.
#[derive(Serialize)]
pub(crate) struct TargetJson<'a> {
    name: &'a Name,
    kind: &'static str,
    url: &'a str,
    state: &'static str,
    reason: Option<&'a str>,
    until: Option<Moment>,
    version: Option<&'a str>,
}

#[derive(Serialize)]
struct ListJson<'a> {
    targets: Vec<TargetJson<'a>>,
}

#[derive(Serialize)]
struct TestJson {
    status: &'static str,
    message: String,
    identity: Identity,
    libraries: Vec<Library>,
    advice: Vec<String>,
}

#[derive(Serialize)]
struct LibrariesJson {
    targets: Vec<TargetLibraries>,
}

#[derive(Serialize)]
struct TargetLibraries {
    target: Name,
    kind: &'static str,
    libraries: Vec<Library>,
    /// Why there are none to show.
    error: Option<String>,
}

#[derive(Serialize)]
struct LanesJson {
    status: &'static str,
    message: String,
    targets: Vec<Name>,
}

/// How long to pause; without it, until resumed.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pause {
    r#for: Option<Span>,
}

impl<'a> From<&'a TargetView> for TargetJson<'a> {
    fn from(view: &'a TargetView) -> Self {
        Self {
            name: &view.name,
            kind: view.kind,
            url: &view.url,
            state: view.state,
            reason: view.reason.as_deref(),
            until: view.until.map(Moment::from),
            version: view.version.as_deref(),
        }
    }
}

/// `GET targets`.
pub(super) async fn list(State(app): State<Shared>) -> Response {
    let targets = app.web.engine.targets();
    answer::json(StatusCode::OK, &ListJson { targets: targets.iter().map(TargetJson::from).collect() })
}

/// `POST targets/{name}/test`.
pub(super) async fn test(State(app): State<Shared>, name: Segment) -> Result<Response, Problem> {
    let TestView { identity, libraries, advice } = app
        .web
        .engine
        .test(&name.0)
        .await
        .ok_or_else(|| no_target(&name))?
        .map_err(|fault| from_fault(&fault, fault.to_string()))?;
    let found = match libraries.as_ref().map(Vec::len) {
        None => String::new(),
        Some(1) => " and has 1 library".to_owned(),
        Some(number) => format!(" and has {number} libraries"),
    };
    let message = format!("{} {} answers{found}", identity.product, identity.version);
    let libraries = libraries.unwrap_or_default();
    Ok(answer::json(StatusCode::OK, &TestJson { status: "success", message, identity, libraries, advice }))
}

/// `GET libraries`: of every target, asked at the same time.
pub(super) async fn libraries(State(app): State<Shared>) -> Response {
    let engine = &app.web.engine;
    let targets = engine.targets().into_iter().map(|target| async move {
        let (libraries, error) = match engine.test(target.name.as_str()).await {
            Some(Ok(test)) => (test.libraries.unwrap_or_default(), None),
            Some(Err(fault)) => (Vec::new(), Some(fault.reason().to_owned())),
            None => (Vec::new(), None),
        };
        TargetLibraries { target: target.name, kind: target.kind, libraries, error }
    });
    answer::json(StatusCode::OK, &LibrariesJson { targets: join_all(targets).await })
}

/// `POST targets/{name}/pause`.
pub(super) async fn pause(
    State(app): State<Shared>,
    name: Segment,
    request: Request,
) -> Result<Response, Problem> {
    let until = read_until(&app, request).await?;
    let paused = app.web.engine.pause(Some(&name.0), until).await?;
    if paused.is_empty() {
        return Err(no_target(&name));
    }
    Ok(lanes(paused, &until_when(until)))
}

/// `POST targets/{name}/resume`.
pub(super) async fn resume(State(app): State<Shared>, name: Segment) -> Result<Response, Problem> {
    let resumed = app.web.engine.resume(Some(&name.0)).await?;
    if resumed.is_empty() {
        return Err(no_target(&name));
    }
    Ok(lanes(resumed, "resumed"))
}

/// `POST queue/pause`: all targets.
pub(super) async fn pause_all(State(app): State<Shared>, request: Request) -> Result<Response, Problem> {
    let until = read_until(&app, request).await?;
    Ok(lanes(app.web.engine.pause(None, until).await?, &until_when(until)))
}

/// `POST queue/resume`: all targets.
pub(super) async fn resume_all(State(app): State<Shared>) -> Result<Response, Problem> {
    Ok(lanes(app.web.engine.resume(None).await?, "resumed"))
}

async fn read_until(app: &App, request: Request) -> Result<Option<Timestamp>, Problem> {
    let (parts, body) = request.into_parts();
    let body = body::read(&parts, body).await?;
    let pause: Pause = if body.trim_ascii().is_empty() { Pause::default() } else { body::parse_json(&body)? };
    Ok(pause.r#for.map(|Span(span)| app.web.engine.now() + span))
}

fn until_when(until: Option<Timestamp>) -> Cow<'static, str> {
    until.map_or(Cow::Borrowed("paused until resumed"), |until| {
        format!("paused until {}", Moment::from(until)).into()
    })
}

fn lanes(targets: Vec<Name>, what: &str) -> Response {
    let names = targets.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
    let message = match targets.len() {
        0 => "there is no target".to_owned(),
        1 => format!("{names} is {what}"),
        number => format!("{} are {what}: {names}", counting::count(number, "target")),
    };
    answer::json(StatusCode::OK, &LanesJson { status: "success", message, targets })
}

/// 502: what a target answered, in this sentence.
pub(super) fn from_fault(fault: &Fault, sentence: String) -> Problem {
    let code = match fault {
        Fault::Away { .. } => "TARGET_AWAY",
        Fault::Busy { .. } | Fault::Later { .. } => "TARGET_BUSY",
        Fault::Refused { .. } => "TARGET_REFUSED",
        Fault::NotMine { .. } | Fault::Wrong { .. } => "TARGET_WRONG",
    };
    Problem::new(StatusCode::BAD_GATEWAY, code, sentence)
}

fn no_target(name: &Segment) -> Problem {
    Problem::not_found(format!("There is no target named {:?}", name.0))
}
