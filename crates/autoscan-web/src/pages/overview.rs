//! The overview: what needs a person, what is held, and how everything is.

use std::time::Duration;

use askama::Template;
use autoscan_core::ports::{ScanFilter, Stats};
use autoscan_core::scan::{Scan, ScanState};
use autoscan_core::time::Timestamp;
use autoscan_engine::{MANUAL, TargetView, TriggerView};
use axum::extract::{Request, State};
use axum::response::Response;

use super::chart::{self, Chart};
use super::frame::{self, Frame};
use super::reasons::{self, Group};
use super::scans::{ROOMY, Row};
use super::triggers;
use super::words::{self, Badge, When};
use crate::answer::Problem;
use crate::app::{App, Shared};
use crate::query;
use crate::visitor::Visitor;

/// Scans that need attention which the page shows.
const NEWEST: usize = 5;
/// Running scans that the page shows.
const RUNNING: usize = 6;
/// Waiting and running scans that are looked through for what is held.
const LOOKED_THROUGH: usize = 100;
/// A program that says nothing for so long may have lost its webhook.
const SILENT: Duration = Duration::from_hours(3 * 24);
/// Hours that the charts show, unless a week is asked for.
const DAY: usize = 24;

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    frame: Frame,
    figures: [Figure; 4],
    attention: Vec<Row>,
    attention_in_all: u64,
    held: Vec<Group>,
    /// Whether there may be more than was looked through.
    held_more: bool,
    running: Vec<Row>,
    /// Whether there is nothing that a person should look at.
    is_well: bool,
    targets: Vec<TargetRow>,
    triggers: Vec<TriggerRow>,
    is_week: bool,
    activity: Chart,
    visible: Chart,
}

struct Figure {
    state: &'static str,
    number: String,
    text: &'static str,
    tone: &'static str,
}

struct TargetRow {
    name: String,
    kind: &'static str,
    state: Badge,
    reason: Option<String>,
    version: Option<String>,
    until: Option<When>,
    seen: u64,
    missing: u64,
    /// The mean time to visible.
    visible: Option<String>,
}

struct TriggerRow {
    name: String,
    kind: &'static str,
    last_event: LastEvent,
}

/// The last event of a trigger.
enum LastEvent {
    Never,
    /// Its last request was refused.
    Refused {
        at: When,
        why: String,
    },
    Silent {
        days: u64,
        at: When,
    },
    Lately {
        at: When,
        event: String,
    },
}

/// `GET /`.
pub(super) async fn page(
    State(app): State<Shared>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, Problem> {
    let engine = &app.web.engine;
    let now = engine.now();
    let query = query::parse(request.uri().query())?;
    let is_week = query.iter().any(|(name, value)| name == "span" && value == "week");
    let stats = engine.stats().await?;
    let attention = newest(&app, ScanState::Attention, NEWEST).await?;
    let waiting = newest(&app, ScanState::Waiting, LOOKED_THROUGH).await?;
    let running = newest(&app, ScanState::Running, LOOKED_THROUGH).await?;
    let week = engine.hours();
    let hours = if is_week { &week[..] } else { &week[week.len().saturating_sub(DAY)..] };
    let row = |scan: &Scan| Row::new(scan, now, ROOMY);
    let targets: Vec<TargetRow> = engine.targets().iter().map(|view| TargetRow::new(view, now)).collect();
    let held = reasons::grouped_holds(waiting.iter().chain(&running));
    Ok(frame::page(&Overview {
        frame: Frame::new(&app, &visitor.session, "/"),
        figures: figures(stats),
        attention: attention.iter().map(row).collect(),
        attention_in_all: stats.attention,
        is_well: held.is_empty()
            && stats.attention == 0
            && attention.is_empty()
            && !targets.is_empty()
            && targets.iter().all(|target| target.state.tone != "bad"),
        held,
        held_more: stats.waiting > waiting.len() as u64 || stats.running > running.len() as u64,
        running: running.iter().filter(|scan| !reasons::is_held(scan)).take(RUNNING).map(row).collect(),
        targets,
        triggers: engine.triggers().iter().map(|view| TriggerRow::new(view, now)).collect(),
        is_week,
        activity: chart::activity(hours),
        visible: chart::visible(hours),
    }))
}

async fn newest(app: &App, state: ScanState, limit: usize) -> Result<Vec<Scan>, Problem> {
    let filter = ScanFilter { state: Some(state), limit, ..ScanFilter::default() };
    Ok(app.web.engine.list(filter).await?.scans)
}

fn figures(stats: Stats) -> [Figure; 4] {
    let figure = |state: ScanState, number, text, tone| Figure {
        state: state.as_str(),
        number: words::number_of(number),
        text,
        tone: if number > 0 { tone } else { "" },
    };
    let attention = if stats.attention == 1 { "needs attention" } else { "need attention" };
    [
        figure(ScanState::Attention, stats.attention, attention, "bad"),
        figure(ScanState::Waiting, stats.waiting, "waiting", ""),
        figure(ScanState::Running, stats.running, "running", "wait"),
        figure(ScanState::Done, stats.done, "done", "good"),
    ]
}

impl TargetRow {
    fn new(view: &TargetView, now: Timestamp) -> Self {
        let figures = &view.figures;
        let mean = u32::try_from(figures.seen).ok().and_then(|seen| figures.visible_after.checked_div(seen));
        Self {
            name: words::plain(view.name.as_str()),
            kind: view.kind,
            state: words::lane_state(view.state),
            reason: view.reason.as_deref().map(|reason| words::short(reason, 400)),
            version: view.version.as_deref().map(|version| words::short(version, 60)),
            until: view.until.map(|until| words::when(now, until)),
            seen: figures.seen,
            missing: figures.missing,
            visible: mean.map(words::span),
        }
    }
}

impl TriggerRow {
    fn new(view: &TriggerView, now: Timestamp) -> Self {
        Self { name: words::plain(view.name.as_str()), kind: view.kind, last_event: LastEvent::of(view, now) }
    }
}

impl LastEvent {
    fn of(view: &TriggerView, now: Timestamp) -> Self {
        if let Some(refused) = triggers::last_refused(view) {
            return Self::Refused {
                at: words::when(now, refused.at),
                why: words::short(&refused.outcome, 200),
            };
        }
        match view.last_event_at {
            None => Self::Never,
            Some(at) if view.kind != MANUAL && now.since(at) >= SILENT => {
                Self::Silent { days: now.since(at).as_secs() / 86_400, at: words::when(now, at) }
            }
            Some(at) => Self::Lately {
                at: words::when(now, at),
                event: view.last_event.as_deref().map(|event| words::short(event, 60)).unwrap_or_default(),
            },
        }
    }
}
