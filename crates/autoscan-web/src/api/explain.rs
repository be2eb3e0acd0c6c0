//! `explain`: the journey of one path.

use autoscan_core::path::TriggerPath;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::answer::{self, Problem};
use crate::app::Shared;
use crate::body;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    path: String,
    trigger: Option<String>,
}

/// `POST explain`.
pub(super) async fn explain(State(app): State<Shared>, request: Request) -> Result<Response, Problem> {
    let question: Question = body::read_json(request).await?;
    let path =
        TriggerPath::parse(&question.path).map_err(|refusal| Problem::path_refused(refusal.to_string()))?;
    let explanation = app.web.engine.explain(&path, question.trigger.as_deref()).await;
    let explanation = explanation.ok_or_else(|| {
        Problem::not_found(format!(
            "There is no trigger named {:?}",
            question.trigger.as_deref().unwrap_or("manual")
        ))
    })?;
    Ok(answer::json(StatusCode::OK, &explanation))
}
