//! `log`: what autoscan said last.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::answer::{self, Problem};
use crate::app::Shared;
use crate::log_tail::{LogLevel, LogLine};
use crate::moment::Moment;
use crate::query;

/// Lines without a `limit`.
const USUAL: usize = 100;
/// Lines at most.
const MOST: usize = 2000;

#[derive(Serialize)]
pub(super) struct LogJson {
    /// The newest first.
    lines: Vec<LineJson>,
}

#[derive(Serialize)]
struct LineJson {
    number: u64,
    at: Moment,
    level: &'static str,
    text: String,
}

impl From<LogLine> for LineJson {
    fn from(line: LogLine) -> Self {
        Self { number: line.number, at: line.at.into(), level: line.level.as_str(), text: line.text }
    }
}

/// `GET log?level=&q=&limit=`.
pub(super) async fn list(State(app): State<Shared>, request: Request) -> Result<Response, Problem> {
    let query = query::parse(request.uri().query())?;
    let asked = |name: &str| {
        query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    };
    let least = match asked("level") {
        None => LogLevel::Trace,
        Some(word) => LogLevel::parse(word)
            .ok_or_else(|| Problem::bad_request("level is error, warn, info, debug or trace"))?,
    };
    let limit = match asked("limit") {
        None => USUAL,
        Some(number) => number
            .parse()
            .ok()
            .filter(|limit| (1..=MOST).contains(limit))
            .ok_or_else(|| Problem::bad_request("limit is a number from 1 to 2000"))?,
    };
    let lines = app.web.log.recent(least, asked("q").unwrap_or_default(), limit);
    Ok(answer::json(StatusCode::OK, &LogJson { lines: lines.into_iter().map(LineJson::from).collect() }))
}
