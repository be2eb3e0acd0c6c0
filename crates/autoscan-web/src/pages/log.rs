//! What autoscan says, as it says it.

use askama::Template;
use axum::extract::{Request, State};
use axum::response::Response;

use super::frame::{self, Frame};
use super::words;
use crate::answer::Problem;
use crate::app::Shared;
use crate::log_tail::{LogLevel, LogLine};
use crate::query;
use crate::visitor::Visitor;

/// Lines on a page.
const LINES: usize = 200;
/// Letters of a line that are shown; the rest is in the log itself.
const LONGEST: usize = 1000;

#[derive(Template)]
#[template(path = "log.html")]
struct Page {
    frame: Frame,
    lines: Vec<Line>,
    least: LogLevel,
    text: String,
}

impl Page {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "a template hands out references")]
    fn is_chosen(&self, level: &LogLevel) -> bool {
        *level == self.least
    }

    /// Whether nothing is left out.
    fn is_all(&self) -> bool {
        self.least == LogLevel::Trace && self.text.is_empty()
    }
}

struct Line {
    at: String,
    level: &'static str,
    text: String,
}

impl From<LogLine> for Line {
    fn from(line: LogLine) -> Self {
        Self {
            at: words::moment(line.at),
            level: line.level.as_str(),
            text: words::short(&line.text, LONGEST),
        }
    }
}

/// `GET /log`.
pub(super) async fn page(
    State(app): State<Shared>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, Problem> {
    let query = query::parse(request.uri().query())?;
    let asked = |name: &str| query.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim());
    let (least, text) = (LogLevel::parse(asked("level")).unwrap_or(LogLevel::Trace), asked("q"));
    let lines = app.web.log.recent(least, text, LINES).into_iter().map(Line::from).collect();
    let frame = Frame::new(&app, &visitor.session, "/log");
    Ok(frame::page(&Page { frame, lines, least, text: text.to_owned() }))
}
