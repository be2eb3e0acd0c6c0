//! `config`: what was loaded, and that it is read again.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::answer;
use crate::app::Shared;

/// The config as it was loaded. Secrets are dots.
#[derive(Serialize)]
struct ConfigJson {
    file: Option<String>,
    variables: Vec<String>,
    text: String,
    notes: Vec<String>,
}

/// What became of a reload.
#[derive(Serialize)]
struct ReloadedJson {
    status: &'static str,
    message: String,
}

/// Why nothing changed.
#[derive(Serialize)]
struct RefusedJson {
    error: String,
    code: &'static str,
    faults: Vec<String>,
}

/// `GET config`.
pub(super) async fn show(State(app): State<Shared>) -> Response {
    let view = app.web.control.config();
    let json = ConfigJson { file: view.file, variables: view.variables, text: view.text, notes: view.notes };
    answer::json(StatusCode::OK, &json)
}

/// `POST config/reload`.
pub(super) async fn reload(State(app): State<Shared>) -> Response {
    match app.web.control.reload().await {
        Ok(message) => answer::json(StatusCode::OK, &ReloadedJson { status: "success", message }),
        Err(faults) => {
            let error = match faults.as_slice() {
                [one] => format!("Nothing changed, because the config has a fault: {one}"),
                several => format!(
                    "Nothing changed, because the config has {} faults: {}",
                    several.len(),
                    several.join("; ")
                ),
            };
            answer::json(
                StatusCode::UNPROCESSABLE_ENTITY,
                &RefusedJson { error, code: "CONFIG_FAULTY", faults },
            )
        }
    }
}
