//! `scans/{id}/remedy`: what mends the cause of a missing file.

use autoscan_core::cause::Remedy;
use autoscan_engine::RemedyError;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::scan_json::ScanJson;
use super::scans::{OneJson, no_scan, read_id};
use super::targets::from_fault;
use crate::answer::{self, Problem};
use crate::app::Shared;
use crate::body;
use crate::caller::Caller;
use crate::segment::Segment;

/// At which target.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RemedyWish {
    target: String,
}

/// `POST scans/{id}/remedy`.
pub(super) async fn ask(
    State(app): State<Shared>,
    id: Segment,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let RemedyWish { target } = body::read_json(request).await?;
    let asked = app.web.engine.remedy(read_id(&id)?, &target, &caller.said("the API")).await;
    let done = asked.map_err(|failure| problem(failure, &id))?;
    let Remedy::ScanLibrary { library, .. } = &done.remedy;
    let message = format!("{target} scans the library {library:?}; its files are asked for afterwards");
    let scan = ScanJson::from(&done.scan);
    Ok(answer::json(StatusCode::OK, &OneJson { status: "success", message, scan }))
}

fn problem(failure: RemedyError, id: &Segment) -> Problem {
    let sentence = failure.to_string();
    match failure {
        RemedyError::NoScan => no_scan(id),
        RemedyError::NoTarget(_) => Problem::not_found(sentence),
        RemedyError::NothingToMend { .. } => Problem::new(StatusCode::CONFLICT, "NOTHING_TO_MEND", sentence),
        RemedyError::Unsafe { .. } => Problem::new(StatusCode::CONFLICT, "UNSAFE", sentence),
        RemedyError::Server { fault, .. } => from_fault(&fault, sentence),
        RemedyError::Store(failure) => failure.into(),
    }
}
