//! `scans`: list, show, ask for, try again, forget.

use autoscan_core::name::Name;
use autoscan_core::path::TriggerPath;
use autoscan_core::ports::ScanFilter;
use autoscan_core::scan::{Scan, ScanId, ScanState};
use autoscan_engine::{IntakeError, Retried, RetryFilter};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::scan_json::ScanJson;
use crate::answer::{self, Problem};
use crate::app::{App, Shared};
use crate::segment::Segment;
use crate::{body, counting, query};

const PAGE: usize = 50;
const LONGEST_PAGE: usize = 500;
/// Paths that one request may name.
const MOST_PATHS: usize = 1000;

#[derive(Serialize)]
struct ListJson<'a> {
    scans: Vec<ScanJson<'a>>,
    /// A page looks at a bounded number of scans: where few fit, it may hold fewer than asked for, even none, and yet have
    /// a next one.
    next_cursor: Option<String>,
}

/// One scan, and what was done with it.
#[derive(Serialize)]
pub(super) struct OneJson<'a> {
    pub(super) status: &'static str,
    pub(super) message: String,
    pub(super) scan: ScanJson<'a>,
}

#[derive(Serialize)]
struct AskedJson {
    status: &'static str,
    message: String,
    scans: Vec<ScanId>,
}

/// Which scans are tried again together: all that need attention and fit what is given.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RetryWish {
    state: Option<String>,
    target: Option<String>,
    trigger: Option<String>,
    q: Option<String>,
    reason: Option<String>,
}

#[derive(Serialize)]
struct RetriedJson {
    status: &'static str,
    message: String,
    scans: usize,
    more: bool,
}

/// What is asked for: paths as seen by the trigger `manual`, and the targets to be told; none means all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    paths: Vec<String>,
    targets: Option<Vec<String>>,
}

/// The same in the words of other programs.
#[derive(Default, Deserialize)]
struct LenientWish {
    path: Option<String>,
    filepath: Option<String>,
    #[serde(default)]
    paths: Vec<String>,
    targets: Option<Vec<String>>,
}

/// `GET scans`.
pub(super) async fn list(State(app): State<Shared>, request: Request) -> Result<Response, Problem> {
    let page = app.web.engine.list(read_filter(&query::parse(request.uri().query())?)?).await?;
    let scans = page.scans.iter().map(ScanJson::from).collect();
    let next_cursor = page.next.map(|ScanId(id)| id.to_string());
    Ok(answer::json(StatusCode::OK, &ListJson { scans, next_cursor }))
}

/// `GET scans/{id}`.
pub(super) async fn show(State(app): State<Shared>, id: Segment) -> Result<Response, Problem> {
    let scan = app.web.engine.show(read_id(&id)?).await?.ok_or_else(|| no_scan(&id))?;
    Ok(answer::json(StatusCode::OK, &ScanJson::from(&scan)))
}

/// `POST scans/{id}/retry`.
pub(super) async fn retry(State(app): State<Shared>, id: Segment) -> Result<Response, Problem> {
    let scan: Scan = app.web.engine.retry(read_id(&id)?).await?.ok_or_else(|| no_scan(&id))?;
    let message = format!("scan {} is tried again", scan.id.0);
    Ok(answer::json(StatusCode::OK, &OneJson { status: "success", message, scan: ScanJson::from(&scan) }))
}

/// `POST scans/retry`.
pub(super) async fn retry_all(State(app): State<Shared>, request: Request) -> Result<Response, Problem> {
    let wish: RetryWish = body::read_json(request).await?;
    if wish.state.is_some_and(|state| state != ScanState::Attention.as_str()) {
        return Err(Problem::bad_request("Only scans in the state attention can be tried again together"));
    }
    let name = |text: Option<String>| text.map(|text| Name::parse(&text).map_err(Problem::bad_request));
    let filter = RetryFilter {
        target: name(wish.target).transpose()?,
        trigger: name(wish.trigger).transpose()?,
        text: wish.q,
        reason: wish.reason,
    };
    let Retried { scans, more } = app.web.engine.retry_all(&filter).await?;
    let rest = if more { "; there may be more: ask again" } else { "" };
    let message = format!(
        "{} tried again{rest}",
        match scans {
            1 => "1 scan is".to_owned(),
            number => format!("{} are", counting::count(number, "scan")),
        }
    );
    Ok(answer::json(StatusCode::OK, &RetriedJson { status: "success", message, scans, more }))
}

/// `DELETE scans/{id}`.
pub(super) async fn forget(State(app): State<Shared>, id: Segment) -> Result<Response, Problem> {
    let known = read_id(&id)?;
    if !app.web.engine.drop_scan(known).await? {
        return Err(no_scan(&id));
    }
    Ok(answer::success(&format!("scan {} is forgotten", known.0)))
}

/// `POST scans`.
pub(super) async fn ask(State(app): State<Shared>, request: Request) -> Result<Response, Problem> {
    store(&app, body::read_json(request).await?).await
}

/// `POST /scan`: a form or JSON with `path`, `paths` or `filepath`.
pub(super) async fn ask_leniently(State(app): State<Shared>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let body = body::read(&parts, body).await?;
    store(&app, read_leniently(&body)?).await
}

async fn store(app: &App, wish: Wish) -> Result<Response, Problem> {
    if wish.paths.is_empty() {
        return Err(Problem::bad_request("Name at least one path"));
    }
    if wish.paths.len() > MOST_PATHS {
        let error =
            format!("{} paths are too many for one request: send at most {MOST_PATHS}", wish.paths.len());
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "TOO_MANY_PATHS", error));
    }
    let paths = wish.paths.iter().map(|path| TriggerPath::parse(path)).collect::<Result<Vec<_>, _>>()?;
    let taken = app.web.engine.ask(paths, wish.targets.map(read_targets).transpose()?).await?;
    let message = taken.sentence();
    if !taken.refused.is_empty() {
        return Err(Problem::path_refused(message));
    }
    Ok(answer::json(StatusCode::ACCEPTED, &AskedJson { status: "success", message, scans: taken.scans }))
}

fn read_targets(names: Vec<String>) -> Result<Vec<Name>, Problem> {
    if names.is_empty() {
        return Err(Problem::bad_request("'targets' is empty: leave it out to tell all"));
    }
    names
        .into_iter()
        .map(|name| Name::parse(&name).map_err(|_odd| IntakeError::UnknownTarget(name).into()))
        .collect()
}

fn read_leniently(body: &[u8]) -> Result<Wish, Problem> {
    let mut wish = if body.trim_ascii_start().starts_with(b"{") {
        body::parse_json(body)?
    } else {
        let mut wish = LenientWish::default();
        for (name, value) in query::parse_form(body)? {
            match name.as_str() {
                "path" | "paths" | "filepath" => wish.paths.push(value),
                "target" | "targets" => wish.targets.get_or_insert_default().push(value),
                _ => {}
            }
        }
        wish
    };
    wish.paths.extend(wish.path.into_iter().chain(wish.filepath));
    Ok(Wish { paths: wish.paths, targets: wish.targets })
}

fn read_filter(query: &[(String, String)]) -> Result<ScanFilter, Problem> {
    let mut filter = ScanFilter { limit: PAGE, ..ScanFilter::default() };
    for (name, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
        match name.as_str() {
            "state" => filter.state = Some(read_state(value)?),
            "target" => filter.target = Some(Name::parse(value).map_err(Problem::bad_request)?),
            "trigger" => filter.trigger = Some(Name::parse(value).map_err(Problem::bad_request)?),
            "q" => filter.text = Some(value.clone()),
            "reason" => filter.reason = Some(value.clone()),
            "limit" => filter.limit = read_limit(value)?,
            "cursor" => filter.before = Some(read_cursor(value)?),
            _ => {}
        }
    }
    Ok(filter)
}

fn read_state(text: &str) -> Result<ScanState, Problem> {
    ScanState::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| {
        let known = ScanState::ALL.map(ScanState::as_str).join(", ");
        Problem::bad_request(format!("{text:?} is no state of a scan: use one of {known}"))
    })
}

fn read_limit(text: &str) -> Result<usize, Problem> {
    let limit = text.parse().ok().filter(|limit| (1..=LONGEST_PAGE).contains(limit));
    limit.ok_or_else(|| Problem::bad_request(format!("{text:?} is no limit: use 1 to {LONGEST_PAGE}")))
}

fn read_cursor(text: &str) -> Result<ScanId, Problem> {
    let cursor = text.parse().map(ScanId);
    cursor.map_err(|_no_number| {
        Problem::bad_request("The cursor is not one that was given out: use next_cursor")
    })
}

pub(super) fn read_id(id: &Segment) -> Result<ScanId, Problem> {
    id.0.parse().map(ScanId).map_err(|_no_number| no_scan(id))
}

pub(super) fn no_scan(id: &Segment) -> Problem {
    Problem::not_found(format!("There is no scan {:?}", id.0))
}
