//! `suggestions`: which lines the maps may need, with what speaks for each.

use std::sync::Arc;

use autoscan_core::suggest::{Doubt, Fit, Suggestion};
use autoscan_engine::MapAdvice;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::answer;
use crate::app::{App, Shared};
use crate::map_advice::{self, Maps};
use crate::moment::Moment;

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
pub(super) async fn last(State(app): State<Shared>, State(maps): State<Arc<Maps>>) -> Response {
    match maps.last() {
        Some(advice) => tell(&app, &advice),
        None => answer::json(StatusCode::OK, &SuggestionsJson::default()),
    }
}

/// `POST suggestions`: looks afresh.
pub(super) async fn look(State(app): State<Shared>, State(maps): State<Arc<Maps>>) -> Response {
    let advice = map_advice::look(&app, &maps).await;
    tell(&app, &advice)
}

fn tell(app: &App, advice: &MapAdvice) -> Response {
    let found = SuggestionsJson {
        looked_at: Some(Moment::from(advice.at)),
        lines: map_advice::open_lines(&app.web.engine, advice),
        doubts: &advice.found.doubts,
        fits: &advice.found.fits,
        silent: &advice.silent,
    };
    answer::json(StatusCode::OK, &found)
}
