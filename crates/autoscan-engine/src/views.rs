//! What the engine shows of itself to the web interface and the commands.

use std::time::Duration;

use autoscan_core::history::TriggerEvent;
use autoscan_core::name::Name;
use autoscan_core::ports::{Identity, Library, Plan, ReadError, StoreError};
use autoscan_core::scan::ScanId;
use autoscan_core::time::Timestamp;
use serde::Serialize;

use crate::figures::TargetFigures;

/// What became of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IntakeReport {
    /// The sender's name of the event, safe to show; may be empty.
    pub event: String,
    /// How many changes are stored.
    pub changes: usize,
    /// The scans that have them.
    pub scans: Vec<ScanId>,
    /// Paths that were left out by a filter or the ignore list, each with the reason in a sentence.
    pub ignored: Vec<String>,
    /// Paths that were not believed, each with the reason in a sentence, escaped.
    pub refused: Vec<String>,
}

/// Why a request was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// There is no such trigger.
    #[error("there is no such trigger")]
    UnknownTrigger,
    /// There is no such target.
    #[error("there is no target named {0:?}")]
    UnknownTarget(String),
    /// The body is malformed, truncated, empty or not of this kind.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// It could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A trigger and what it sent last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriggerView {
    /// Its name.
    pub name: Name,
    /// Its kind.
    pub kind: &'static str,
    /// Requests that were read, ever since it is configured.
    pub events: u64,
    /// Changes of them that were stored.
    pub changes: u64,
    /// Requests that were turned away at the door or could not be read.
    pub refused: u64,
    /// Requests that could not be stored and are lost, unless they are caught up with.
    pub lost: u64,
    /// How many of them nobody has put away yet: a person should know of them.
    pub lost_unseen: u64,
    /// When the first of these came in.
    pub lost_since: Option<Timestamp>,
    /// When the last one that was read came in: whoever sends nothing is silent since then.
    pub last_event_at: Option<Timestamp>,
    /// The sender's name of the last one.
    pub last_event: Option<String>,
    /// The last ten, newest first.
    pub recent: Vec<TriggerEvent>,
}

/// A name of a trigger that a sender asked for and that there is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownTrigger {
    /// The name, safe to show.
    pub name: String,
    /// When it was asked for last.
    pub last: Timestamp,
    /// How often it was asked for since the start.
    pub times: u32,
}

/// What happened in one hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hour {
    /// Its beginning, in UTC.
    pub start: Timestamp,
    /// Changes that were stored.
    pub changes: u64,
    /// Scans that were done.
    pub done: u64,
    /// Scans that came to need attention.
    pub attention: u64,
    /// Deliveries whose files were seen.
    pub seen: u64,
    /// Within this time half of them were, from the first request on; none when nothing was seen.
    pub visible_median: Option<Duration>,
    /// Within this time 95 of 100 were.
    pub visible_p95: Option<Duration>,
    /// The longest that one took.
    pub visible_slowest: Option<Duration>,
}

/// Which scans are tried again together: those that need attention and fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetryFilter {
    /// Only with a delivery to this target.
    pub target: Option<Name>,
    /// Only with a change of this trigger.
    pub trigger: Option<Name>,
    /// Only where the folder or a changed path holds this text.
    pub text: Option<String>,
    /// Only where the error of a delivery holds this text.
    pub reason: Option<String>,
}

/// What became of a wish to try many again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retried {
    /// Scans that are tried again.
    pub scans: usize,
    /// Whether there may be more of them: ask again.
    pub more: bool,
}

/// A target and the state of its lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetView {
    /// Its name.
    pub name: Name,
    /// Its kind.
    pub kind: &'static str,
    /// Its URL without anything secret.
    pub url: String,
    /// `starting`, `open`, `quiet`, `away`, `busy`, `misconfigured` or `paused`.
    pub state: &'static str,
    /// Why the lane holds, in a sentence.
    pub reason: Option<String>,
    /// When it will be probed or tried again.
    pub until: Option<Timestamp>,
    /// Its version, once it answered.
    pub version: Option<String>,
    /// What was counted of it since the start.
    pub figures: TargetFigures,
}

/// What is left to be done for a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// Deliveries that it is to be told; none when there are ten thousand or more.
    pub to_tell: Option<u64>,
    /// Deliveries that it was told and is asked for; none when there are ten thousand or more.
    pub to_follow: Option<u64>,
}

/// What a target said when it was asked who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestView {
    /// Who it is.
    pub identity: Identity,
    /// Its libraries; none for a kind that has no libraries.
    pub libraries: Option<Vec<Library>>,
    /// Its own settings that fight with autoscan, one sentence each.
    pub advice: Vec<String>,
}

/// The journey of one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The path as given.
    pub received: String,
    /// The trigger whose map and filter were used.
    pub trigger: Name,
    /// The path on this machine.
    pub local: Option<String>,
    /// The rule of the trigger's map that was used.
    pub rule: Option<String>,
    /// Why the journey ends before the queue: refused, excluded or ignored.
    pub stopped: Option<String>,
    /// `file`, `folder`, `missing` or `unreachable`; none when files are not checked.
    pub exists: Option<&'static str>,
    /// The folder that targets would be told of.
    pub folder: Option<String>,
    /// What guards the path.
    pub gate: GateView,
    /// What each target would do.
    pub targets: Vec<ExplainedTarget>,
}

/// What guards a path, and whether it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GateView {
    /// The anchor files of the longest prefix.
    pub anchors: Vec<String>,
    /// Why the path would be held, in a sentence; none when it would pass.
    pub held: Option<String>,
}

/// What one target would do for a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedTarget {
    /// The target.
    pub target: Name,
    /// Its kind.
    pub kind: &'static str,
    /// The folder in its eyes.
    pub folder: Option<String>,
    /// The rule of the target's map that was used.
    pub rule: Option<String>,
    /// Libraries and calls.
    pub plan: Option<Plan>,
    /// Why nothing would be done, in a sentence.
    pub error: Option<String>,
}
