//! The button beside the cause of a missing file: a person has done what mends it.

use autoscan_core::cause::Remedy;
use autoscan_engine::RemedyError;
use axum::extract::State;
use axum::response::Response;

use super::scan::{no_scan, number};
use super::targets::ended;
use super::{frame, words};
use crate::answer::Problem;
use crate::app::Shared;
use crate::caller::Caller;
use crate::segment::Segment;
use crate::visitor::Posted;

/// `POST /scans/{id}/remedy`: asks the target once, and leads back to the scan with what it answered.
pub(super) async fn press(
    State(app): State<Shared>,
    id: Segment,
    caller: Caller,
    posted: Posted,
) -> Result<Response, Problem> {
    let (number, target) = (number(&id)?, posted.get("target"));
    let (tone, text) = match app.web.engine.remedy(number, target, &caller.said("the page")).await {
        Ok(done) => {
            let Remedy::ScanLibrary { library, .. } = &done.remedy;
            let text = format!(
                "{target} scans the library {} now. autoscan asks for the file afterwards; a large library takes a while.",
                words::short(library, 80)
            );
            ("good", text)
        }
        Err(RemedyError::NoScan) => return Err(no_scan(&id)),
        Err(RemedyError::Store(failure)) => return Err(failure.into()),
        Err(failure) => ("bad", ended(&failure.to_string())),
    };
    posted.visitor.notify(&app, tone, text);
    Ok(frame::see_other(&format!("{}/scans/{}", app.base(), number.0)))
}
