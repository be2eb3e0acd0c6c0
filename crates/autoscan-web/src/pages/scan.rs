//! One scan: what asked for it, what became of it, and how.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use autoscan_core::delivery::{Delivery, DeliveryState};
use autoscan_core::scan::{Scan, ScanId, ScanState, StoredChange};
use autoscan_core::step::{Step, StepKind};
use autoscan_core::time::Timestamp;
use axum::extract::State;
use axum::response::Response;

use super::drafts::Drafts;
use super::frame::{self, Frame};
use super::words::{self, Badge, When};
use super::{edit, scans};
use crate::answer::Problem;
use crate::app::{App, Shared};
use crate::control::Edit;
use crate::segment::Segment;
use crate::unreached::reached_nobody;
use crate::visitor::{Posted, Visitor};

/// What changes and steps may take of a page, in bytes; beyond, the rest is counted.
const OF_CHANGES: usize = 22 << 10;
const OF_STEPS: usize = 20 << 10;
const OF_DELIVERIES: usize = 12 << 10;
/// The longest text that is shown whole, in characters.
const LONGEST: usize = 700;

#[derive(Template)]
#[template(path = "scan.html")]
struct Page {
    frame: Frame,
    id: i64,
    folder: String,
    state: Badge,
    is_waiting: bool,
    is_over: bool,
    /// Whether it ended without any server being told.
    reached_nobody: bool,
    /// The triggers at which its folder may be ignored, in words; none where there is nothing to ignore.
    may_ignore: Option<String>,
    priority: i64,
    first_seen: When,
    due_at: When,
    finished_at: Option<When>,
    visible: Option<String>,
    note: Option<String>,
    deliveries: Listed<DeliveryRow>,
    changes: Listed<ChangeRow>,
    steps: Listed<StepRow>,
}

/// As many as fit on the page.
struct Listed<T> {
    shown: Vec<T>,
    more: usize,
}

struct DeliveryRow {
    target: String,
    state: Badge,
    attempts: u32,
    next_attempt_at: Option<When>,
    sent_at: Option<When>,
    visible: Option<String>,
    error: Option<String>,
    /// What its cause offers.
    remedy: Option<RemedyButton>,
    note: Option<String>,
}

/// What a person can have done about a missing file.
struct RemedyButton {
    /// The target's name as it is sent.
    target: String,
    label: String,
}

struct ChangeRow {
    path: String,
    kind: &'static str,
    from: Option<String>,
    trigger: String,
    received_at: When,
}

/// A step of the timeline.
struct StepRow {
    tone: &'static str,
    word: &'static str,
    target: Option<String>,
    text: String,
    at: When,
}

#[derive(Template)]
#[template(path = "drop.html")]
struct Drop {
    frame: Frame,
    id: i64,
    folder: String,
    state: Badge,
    is_open: bool,
    back: String,
}

/// `GET /scans/{id}`.
pub(super) async fn page(
    State(app): State<Shared>,
    id: Segment,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let scan = find(&app, &id).await?;
    let steps = app.web.engine.timeline(scan.id).await?.unwrap_or_default();
    let frame = Frame::new(&app, &visitor.session, "/scans");
    Ok(frame::page(&Page::new(frame, &scan, &steps, app.web.engine.now())))
}

/// `POST /scans/{id}/retry`.
pub(super) async fn retry(
    State(app): State<Shared>,
    id: Segment,
    posted: Posted,
) -> Result<Response, Problem> {
    let scan = app.web.engine.retry(number(&id)?).await?.ok_or_else(|| no_scan(&id))?;
    let folder = words::short(scan.folder.as_str(), LONGEST);
    posted.visitor.notify(&app, "good", format!("Scan {} of {folder} is tried again.", scan.id.0));
    Ok(scans::back(&app, &posted))
}

/// `GET /scans/{id}/drop`: asks once more.
pub(super) async fn ask_to_drop(
    State(app): State<Shared>,
    id: Segment,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let scan = find(&app, &id).await?;
    Ok(frame::page(&Drop {
        frame: Frame::new(&app, &visitor.session, "/scans"),
        id: scan.id.0,
        folder: words::short(scan.folder.as_str(), LONGEST),
        state: words::scan_state(scan.state),
        is_open: matches!(scan.state, ScanState::Waiting | ScanState::Running),
        back: "/scans".to_owned(),
    }))
}

/// `POST /scans/{id}/drop`.
pub(super) async fn drop(
    State(app): State<Shared>,
    id: Segment,
    posted: Posted,
) -> Result<Response, Problem> {
    let number = number(&id)?;
    if !app.web.engine.drop_scan(number).await? {
        return Err(no_scan(&id));
    }
    posted.visitor.notify(&app, "good", format!("Scan {} is forgotten.", number.0));
    Ok(scans::back(&app, &posted))
}

/// `POST /scans/{id}/ignore`: leads to the change of the config by which the folder is not reported any more. The scan is
/// dropped with it.
pub(super) async fn ignore(
    State(app): State<Shared>,
    State(drafts): State<Arc<Drafts>>,
    id: Segment,
    posted: Posted,
) -> Result<Response, Problem> {
    let scan = find(&app, &id).await?;
    let edit = Edit::Exclude { triggers: reporters(&scan), folder: scan.folder.clone() };
    Ok(edit::begin_instead_of(&app, &drafts, &posted.visitor, edit, "/scans", scan.id))
}

/// The triggers that reported the changes of a scan.
fn reporters(scan: &Scan) -> Vec<String> {
    let names: BTreeSet<&str> = scan.changes.iter().map(|stored| stored.trigger.as_str()).collect();
    names.into_iter().map(str::to_owned).collect()
}

async fn find(app: &App, id: &Segment) -> Result<Scan, Problem> {
    app.web.engine.show(number(id)?).await?.ok_or_else(|| no_scan(id))
}

pub(super) fn number(id: &Segment) -> Result<ScanId, Problem> {
    id.0.parse().map(ScanId).map_err(|_no_number| no_scan(id))
}

pub(super) fn no_scan(id: &Segment) -> Problem {
    let id = words::short(&id.0, 40);
    Problem::not_found(format!(
        "There is no scan {id}: it was dropped, or is older than what \"history\" in the config keeps"
    ))
}

impl Page {
    fn new(frame: Frame, scan: &Scan, steps: &[Step], now: Timestamp) -> Self {
        Self {
            frame,
            id: scan.id.0,
            folder: words::short(scan.folder.as_str(), LONGEST),
            state: words::scan_state(scan.state),
            is_waiting: scan.state == ScanState::Waiting,
            is_over: scan.state == ScanState::Done,
            reached_nobody: reached_nobody(scan),
            may_ignore: reached_nobody(scan).then(|| words::short(&reporters(scan).join(", "), LONGEST)),
            priority: scan.priority,
            first_seen: words::when(now, scan.first_seen),
            due_at: words::when(now, scan.due_at),
            finished_at: scan.finished_at.map(|at| words::when(now, at)),
            visible: scans::visible_after(scan).map(words::span),
            note: scan.note.as_deref().map(|note| words::short(note, LONGEST)),
            deliveries: list(
                scan.deliveries.iter().map(|delivery| DeliveryRow::new(delivery, scan, now)),
                OF_DELIVERIES,
                DeliveryRow::weight,
            ),
            changes: list(
                scan.changes.iter().map(|stored| ChangeRow::new(stored, now)),
                OF_CHANGES,
                ChangeRow::weight,
            ),
            steps: list(steps.iter().map(|step| StepRow::new(step, scan, now)), OF_STEPS, StepRow::weight),
        }
    }
}

/// The first ones that fit into so many bytes, and how many more there are.
fn list<T>(all: impl Iterator<Item = T>, most: usize, weight: impl Fn(&T) -> usize) -> Listed<T> {
    let mut left = most;
    let mut listed = Listed { shown: Vec::new(), more: 0 };
    for one in all {
        match left.checked_sub(weight(&one)) {
            Some(rest) if listed.more == 0 => {
                left = rest;
                listed.shown.push(one);
            }
            _ => listed.more += 1,
        }
    }
    listed
}

fn weight(texts: &[Option<&String>]) -> usize {
    texts.iter().flatten().map(|text| words::weight(text)).sum()
}

impl DeliveryRow {
    fn new(delivery: &Delivery, scan: &Scan, now: Timestamp) -> Self {
        let short = |text: &String| words::short(text, LONGEST);
        let seen_at = delivery.seen_at.filter(|_| delivery.state == DeliveryState::Seen);
        Self {
            target: words::plain(delivery.target.as_str()),
            state: words::delivery_state(delivery),
            attempts: delivery.attempts,
            next_attempt_at: delivery
                .next_attempt_at
                .filter(|_| delivery.work().is_some())
                .map(|at| words::when(now, at)),
            sent_at: delivery.sent_at.map(|at| words::when(now, at)),
            visible: seen_at.map(|at| words::span(at.since(scan.first_seen))),
            error: delivery.error.as_ref().map(short),
            remedy: delivery.remedy.as_ref().map(|remedy| RemedyButton {
                target: delivery.target.to_string(),
                label: words::short(&remedy.label(delivery.target.as_str()), 200),
            }),
            note: delivery.note.as_ref().map(short),
        }
    }

    fn weight(&self) -> usize {
        let label = self.remedy.as_ref().map(|remedy| &remedy.label);
        let of_remedy = if label.is_some() { 600 } else { 0 };
        600 + of_remedy + weight(&[Some(&self.target), self.error.as_ref(), label, self.note.as_ref()])
    }
}

impl ChangeRow {
    fn new(stored: &StoredChange, now: Timestamp) -> Self {
        Self {
            path: words::short(stored.change.path.as_str(), LONGEST),
            kind: stored.change.kind.as_str(),
            from: stored.change.from.as_ref().map(|from| words::short(from.as_str(), LONGEST)),
            trigger: words::plain(stored.trigger.as_str()),
            received_at: words::when(now, stored.received_at),
        }
    }

    fn weight(&self) -> usize {
        360 + weight(&[Some(&self.path), self.from.as_ref(), Some(&self.trigger)])
    }
}

impl StepRow {
    fn new(step: &Step, scan: &Scan, now: Timestamp) -> Self {
        Self {
            tone: tone(step.kind),
            word: word(step),
            target: step.target.as_ref().map(|target| words::plain(target.as_str())),
            text: words::short(&step.text, LONGEST),
            at: if step.at == scan.first_seen {
                words::when(now, step.at)
            } else {
                words::after(scan.first_seen, step.at)
            },
        }
    }

    fn weight(&self) -> usize {
        230 + weight(&[Some(&self.text), self.target.as_ref()])
    }
}

/// What happened, up to the name of the target where there is one.
fn word(step: &Step) -> &'static str {
    match (step.kind, step.target.is_some()) {
        (StepKind::Received, _) => "received",
        (StepKind::Mapped, _) => "mapped",
        (StepKind::Waiting, false) => "waiting",
        (StepKind::Waiting, true) => "waiting for",
        (StepKind::Held, false) => "held",
        (StepKind::Held, true) => "held for",
        (StepKind::Started, _) => "started",
        (StepKind::Sent, _) => "sent to",
        (StepKind::Asked, _) => "asked",
        (StepKind::Seen, _) => "seen at",
        (StepKind::Missing, _) => "missing at",
        (StepKind::Skipped, _) => "skipped by",
        (StepKind::Failed, _) => "failed at",
        (StepKind::Cared, _) => "cared for at",
        (StepKind::Retried, _) => "tried again",
        (StepKind::Finished, _) => "finished",
        (StepKind::LeftOut, _) => "not kept",
    }
}

fn tone(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Received | StepKind::Mapped | StepKind::Started | StepKind::Sent | StepKind::Seen => "good",
        StepKind::Waiting | StepKind::Held | StepKind::Asked => "wait",
        StepKind::Missing | StepKind::Failed => "bad",
        StepKind::Skipped | StepKind::Cared | StepKind::Retried | StepKind::Finished | StepKind::LeftOut => {
            ""
        }
    }
}
