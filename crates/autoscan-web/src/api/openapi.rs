//! `openapi.json`: what the API is, for programs. It is read when somebody asks, and kept nowhere.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::answer::Problem;
use crate::app::{App, Shared};

/// The document; where autoscan is shown, and its version, stand in it as `@BASE@` and `@VERSION@`.
const DOCUMENT: &str = include_str!("../../assets/openapi.json");

/// The document of this program.
pub(crate) fn text(app: &App) -> String {
    let base = if app.base().is_empty() { "/" } else { app.base() };
    let base = serde_json::Value::from(base).to_string();
    DOCUMENT.replace("\"@BASE@\"", &base).replace("@VERSION@", app.web.version)
}

/// `GET openapi.json`.
pub(super) async fn document(State(app): State<Shared>) -> Result<Response, Problem> {
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    Ok((kind, text(&app)).into_response())
}
