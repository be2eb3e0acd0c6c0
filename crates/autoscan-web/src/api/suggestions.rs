//! `suggestions`: which lines the maps may need, with what speaks for each.

use autoscan_core::suggest::{Doubt, Fit, Suggestion};
use autoscan_engine::MapAdvice;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::Moment;
use crate::answer;
use crate::app::{App, Shared};
use crate::pages::target_maps;

/// What was found the last time.
#[derive(Default, Serialize)]
struct SuggestionsJson<'a> {
    /// Null when there was no look since the start: `POST` looks.
    looked_at: Option<Moment>,
    /// The lines that the config does not hold yet.
    lines: Vec<&'a Suggestion>,
    doubts: &'a [Doubt],
    fits: &'a [Fit],
    silent: &'a [String],
}

/// `GET suggestions`: what was found the last time.
pub(super) async fn last(State(app): State<Shared>) -> Response {
    match app.lasting.maps.last() {
        Some(advice) => tell(&app, &advice),
        None => answer::json(StatusCode::OK, &SuggestionsJson::default()),
    }
}

/// `POST suggestions`: looks afresh.
pub(super) async fn look(State(app): State<Shared>) -> Response {
    let advice = target_maps::look(&app).await;
    tell(&app, &advice)
}

fn tell(app: &App, advice: &MapAdvice) -> Response {
    let found = SuggestionsJson {
        looked_at: Some(Moment::from(advice.at)),
        lines: target_maps::open_lines(&app.web.engine, advice),
        doubts: &advice.found.doubts,
        fits: &advice.found.fits,
        silent: &advice.silent,
    };
    answer::json(StatusCode::OK, &found)
}
