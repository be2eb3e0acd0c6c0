//! The queue, with filters.

use std::time::Duration;

use askama::Template;
use autoscan_core::delivery::{Delivery, DeliveryState};
use autoscan_core::name::Name;
use autoscan_core::ports::ScanFilter;
use autoscan_core::scan::{Scan, ScanId, ScanState};
use autoscan_core::time::Timestamp;
use autoscan_engine::{Retried, RetryFilter};
use axum::extract::{Request, State};
use axum::response::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::frame::{self, Frame};
use super::login;
use super::reasons::{self, Group};
use super::words::{self, Badge, When};
use crate::answer::Problem;
use crate::app::{App, Shared};
use crate::query;
use crate::unreached::reached_nobody;
use crate::visitor::{Posted, Visitor};

/// Scans on one page.
const PAGE: usize = 50;
/// Rows that take more than this, in bytes, are shown with shorter texts.
const LARGEST: usize = 50 << 10;

/// What the rest of a row takes, and of a delivery in it, in bytes.
const OF_A_ROW: usize = 560;
const OF_A_PART: usize = 60;

/// How much of the texts of a row is shown.
#[derive(Clone, Copy)]
pub(super) struct Room {
    path: usize,
    reason: usize,
    name: usize,
    targets: usize,
}

/// Enough for everyday paths.
pub(super) const ROOMY: Room = Room { path: 200, reason: 320, name: 64, targets: 12 };
/// For a page full of names of the longest kind.
const TIGHT: Room = Room { path: 44, reason: 36, name: 12, targets: 2 };

#[derive(Template)]
#[template(path = "scans.html")]
struct Page<'a> {
    frame: Frame,
    filter: &'a Filter,
    states: Vec<Choice>,
    targets: Vec<Choice>,
    triggers: Vec<Choice>,
    rows: Vec<Row>,
    groups: Vec<Group>,
    /// The query of the next page.
    older: Option<String>,
    /// This page, to come back to.
    here: String,
    /// The newest of what this page shows.
    newest: String,
}

/// One of the values that a filter may have.
struct Choice {
    value: String,
    word: String,
    chosen: bool,
}

/// A scan as a line of a list.
pub(super) struct Row {
    pub(super) id: i64,
    /// The folder up to its last two names, and these.
    pub(super) above: String,
    pub(super) folder: String,
    pub(super) state: Badge,
    /// Why it is where it is.
    pub(super) reason: Option<String>,
    pub(super) changes: String,
    pub(super) triggers: String,
    pub(super) deliveries: Vec<Part>,
    /// Deliveries that are not shown.
    pub(super) more: usize,
    pub(super) first_seen: When,
    pub(super) visible: Option<String>,
    pub(super) can_retry: bool,
    pub(super) reached_nobody: bool,
}

/// A delivery within a [`Row`].
pub(super) struct Part {
    pub(super) target: String,
    pub(super) state: Badge,
}

/// What the address of the page asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    state: Option<ScanState>,
    target: Option<Name>,
    trigger: Option<Name>,
    text: String,
    reason: String,
    before: Option<ScanId>,
}

impl Filter {
    /// Of the page that a form was on.
    fn of_form(posted: &Posted) -> Self {
        let query = posted.get("back").split_once('?').map(|(_, query)| query);
        Self { before: None, ..query::parse(query).map(|fields| Self::read(&fields)).unwrap_or_default() }
    }

    /// Reads a query. What cannot be meant filters nothing.
    fn read(fields: &[(String, String)]) -> Self {
        let mut filter = Self::default();
        for (name, value) in fields {
            match name.as_str() {
                "state" => filter.state = ScanState::ALL.into_iter().find(|state| state.as_str() == value),
                "target" => filter.target = Name::parse(value).ok(),
                "trigger" => filter.trigger = Name::parse(value).ok(),
                "q" => filter.text = value.trim().chars().take(200).collect(),
                "reason" => filter.reason = value.trim().chars().take(300).collect(),
                "before" => filter.before = value.parse().ok().map(ScanId),
                _ => {}
            }
        }
        filter
    }

    fn is_any(&self) -> bool {
        self.state.is_some()
            || self.target.is_some()
            || self.trigger.is_some()
            || !self.text.is_empty()
            || !self.reason.is_empty()
    }

    fn scans(&self, limit: usize) -> ScanFilter {
        ScanFilter {
            state: self.state,
            target: self.target.clone(),
            trigger: self.trigger.clone(),
            text: (!self.text.is_empty()).then(|| self.text.clone()),
            reason: (!self.reason.is_empty()).then(|| self.reason.clone()),
            limit,
            before: self.before,
            ..ScanFilter::default()
        }
    }

    /// The path of the page that shows this, without the base.
    fn path(&self) -> String {
        let pairs = [
            ("state", self.state.map_or("", ScanState::as_str).to_owned()),
            ("target", self.target.as_ref().map_or_else(String::new, Name::to_string)),
            ("trigger", self.trigger.as_ref().map_or_else(String::new, Name::to_string)),
            ("q", self.text.clone()),
            ("reason", self.reason.clone()),
            ("before", self.before.map_or_else(String::new, |ScanId(id)| id.to_string())),
        ];
        let pair = |(name, value): &(&str, String)| {
            (!value.is_empty()).then(|| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
        };
        let query: Vec<String> = pairs.iter().filter_map(pair).collect();
        if query.is_empty() { "/scans".to_owned() } else { format!("/scans?{}", query.join("&")) }
    }
}

/// `GET /scans`.
pub(super) async fn page(
    State(app): State<Shared>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, Problem> {
    let filter = Filter::read(&query::parse(request.uri().query())?);
    let found = app.web.engine.list(filter.scans(PAGE)).await?;
    let older = found.next.map(|next| Filter { before: Some(next), ..filter.clone() }.path());
    let now = app.web.engine.now();
    let frame = Frame::new(&app, &visitor.session, "/scans");
    let mut page = Page {
        states: states(&filter),
        targets: choices(app.web.engine.targets().into_iter().map(|view| view.name), filter.target.as_ref()),
        triggers: choices(
            app.web.engine.triggers().into_iter().map(|view| view.name),
            filter.trigger.as_ref(),
        ),
        rows: found.scans.iter().map(|scan| Row::new(scan, now, ROOMY)).collect(),
        groups: groups(&filter, &found.scans),
        older,
        here: filter.path(),
        newest: Filter { before: None, ..filter.clone() }.path(),
        filter: &filter,
        frame,
    };
    if page.rows.iter().map(Row::weight).sum::<usize>() > LARGEST {
        page.rows = found.scans.iter().map(|scan| Row::new(scan, now, TIGHT)).collect();
        page.groups.truncate(2);
    }
    Ok(frame::page(&page))
}

/// `POST /scans/retry`: every scan of the page's filter that needs attention, or those of one reason.
pub(super) async fn retry_all(State(app): State<Shared>, posted: Posted) -> Result<Response, Problem> {
    let filter = Filter::of_form(&posted);
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let wanted = RetryFilter {
        target: Name::parse(posted.get("of")).ok().or(filter.target),
        trigger: filter.trigger,
        text: text(&filter.text),
        reason: text(posted.get("reason")).or(text(&filter.reason)),
    };
    let Retried { scans, more } = app.web.engine.retry_all(&wanted).await?;
    let number = words::count(u64::try_from(scans).unwrap_or(u64::MAX), "scan is", "scans are");
    let (tone, sentence) = match (scans, more) {
        (0, _) => ("wait", "No such scan needs attention any more.".to_owned()),
        (_, false) => ("good", format!("{number} tried again.")),
        (_, true) => ("wait", format!("{number} tried again, and there are more: press it once more.")),
    };
    posted.visitor.notify(&app, tone, sentence);
    Ok(back(&app, &posted))
}

/// Leads back to the page that a form was on.
pub(super) fn back(app: &App, posted: &Posted) -> Response {
    frame::see_other(&format!("{}{}", app.base(), login::path_of_ours(posted.get("back"))))
}

/// The reasons of what needs attention, where a page shows only that.
fn groups(filter: &Filter, scans: &[Scan]) -> Vec<Group> {
    if filter.state == Some(ScanState::Attention) { reasons::grouped(scans) } else { Vec::new() }
}

fn states(filter: &Filter) -> Vec<Choice> {
    let choice = |state: ScanState| Choice {
        value: state.as_str().to_owned(),
        word: words::scan_state(state).word.to_owned(),
        chosen: filter.state == Some(state),
    };
    ScanState::ALL.map(choice).into()
}

/// The names that there are, and the one that was asked for, which may be of a config of yesterday.
fn choices(names: impl Iterator<Item = Name>, chosen: Option<&Name>) -> Vec<Choice> {
    let mut names: Vec<Name> = names.chain(chosen.cloned()).collect();
    names.sort_unstable();
    names.dedup();
    let choice = |name: Name| Choice {
        word: words::short(name.as_str(), ROOMY.name),
        chosen: Some(&name) == chosen,
        value: name.to_string(),
    };
    names.into_iter().map(choice).collect()
}

impl Row {
    pub(super) fn new(scan: &Scan, now: Timestamp, room: Room) -> Self {
        let (above, folder) = parted(&words::short(scan.folder.as_str(), room.path));
        let part = |delivery: &Delivery| Part {
            target: words::short(delivery.target.as_str(), room.name),
            state: words::delivery_state(delivery),
        };
        let mut triggers: Vec<&Name> = scan.changes.iter().map(|stored| &stored.trigger).collect();
        triggers.sort_unstable();
        triggers.dedup();
        let mut names: Vec<String> =
            triggers.iter().take(2).map(|name| words::short(name.as_str(), room.name)).collect();
        if triggers.len() > 2 {
            names.push(format!("{} more", triggers.len() - 2));
        }
        Self {
            id: scan.id.0,
            above,
            folder,
            state: words::scan_state(scan.state),
            reason: reasons::of(scan).map(|reason| words::short(&reason.sentence(), room.reason)),
            changes: words::count(u64::try_from(scan.changes.len()).unwrap_or(u64::MAX), "change", "changes"),
            triggers: names.join(", "),
            deliveries: scan.deliveries.iter().take(room.targets).map(part).collect(),
            more: scan.deliveries.len().saturating_sub(room.targets),
            first_seen: words::when(now, scan.first_seen),
            visible: visible_after(scan).map(words::span),
            can_retry: scan.state != ScanState::Done,
            reached_nobody: reached_nobody(scan),
        }
    }

    /// About how many bytes of a page it takes.
    fn weight(&self) -> usize {
        let texts = [&self.above, &self.folder, &self.triggers].into_iter().chain(&self.reason);
        let parts = self.deliveries.iter().map(|part| OF_A_PART + words::weight(&part.target));
        OF_A_ROW + texts.map(|text| words::weight(text)).sum::<usize>() + parts.sum::<usize>()
    }
}

/// A path up to its last two names, and these.
fn parted(path: &str) -> (String, String) {
    let cut = path.rmatch_indices('/').nth(1).map_or(0, |(at, _)| at + 1);
    let (above, folder) = path.split_at(cut);
    (above.to_owned(), folder.to_owned())
}

/// How long it took until the last target that showed the files did; none while one should still show them, or does not.
pub(super) fn visible_after(scan: &Scan) -> Option<Duration> {
    if scan.state != ScanState::Done {
        return None;
    }
    let seen = scan.deliveries.iter().filter(|delivery| delivery.state == DeliveryState::Seen);
    seen.filter_map(|delivery| delivery.seen_at).max().map(|at| at.since(scan.first_seen))
}
