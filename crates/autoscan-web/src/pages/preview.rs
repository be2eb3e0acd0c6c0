//! What would become of a path, as `explain` tells it.

use std::time::Duration;

use autoscan_core::name::Name;
use autoscan_engine::Explanation;
use futures_util::StreamExt;
use futures_util::stream;
use tokio::time::{Instant, timeout_at};

use super::manual_scan::Line;
use super::words::{self, Badge};
use crate::app::App;

/// Paths that are looked at one by one; the rest is sent without.
pub(super) const PREVIEWED: usize = 50;
/// Looks at the same time.
const AT_A_TIME: usize = 8;
/// All looks must end by then: a server that hangs answers no sooner.
const PATIENCE: Duration = Duration::from_secs(12);

/// One path and what would become of it.
pub(super) struct Item {
    /// The path as it was written, to be shown.
    pub(super) path: String,
    pub(super) badge: Badge,
    /// What a person should know first, in a sentence.
    pub(super) reason: Option<String>,
    /// How it goes on, where it does.
    pub(super) told: Option<Explanation>,
    /// Targets that are told of nothing now, and of it once they can be.
    held: Vec<Name>,
}

impl Item {
    /// Looks at every path, in order.
    pub(super) async fn all(app: &App, lines: &[Line], sender: &str, targets: Option<&[Name]>) -> Vec<Self> {
        let until = Instant::now() + PATIENCE;
        let looks: Vec<_> = lines.iter().map(|line| Self::of(app, line, sender, targets, until)).collect();
        stream::iter(looks).buffered(AT_A_TIME).collect().await
    }

    async fn of(app: &App, line: &Line, sender: &str, targets: Option<&[Name]>, until: Instant) -> Self {
        let lanes = app.web.engine.targets().into_iter().filter(|lane| lane.reason.is_some());
        let held: Vec<Name> = lanes.map(|lane| lane.name).collect();
        let item = |(word, tone), reason, told| Self {
            held: held.clone(),
            path: words::plain(&line.text),
            badge: Badge { word, tone },
            reason,
            told,
        };
        let path = match &line.path {
            Ok(path) => path,
            Err(refusal) => {
                return item(("refused", "bad"), Some(words::sentence(&refusal.to_string())), None);
            }
        };
        let sender = (sender != autoscan_engine::MANUAL).then_some(sender);
        match timeout_at(until, app.web.engine.explain_for(path, sender, targets)).await {
            Ok(Some(told)) => {
                let (badge, reason) = verdict(&told, &held);
                let odd = path.as_str().ends_with(char::is_whitespace);
                let odd = odd.then(|| "The path ends with a space: is that so on the disk?".to_owned());
                item(badge, reason.or(odd), Some(told))
            }
            Ok(None) => {
                item(("refused", "bad"), Some("There is no such trigger (any more).".to_owned()), None)
            }
            Err(_elapsed) => item(
                ("not looked at", "wait"),
                Some("A server or a disk did not answer in time. It can be sent all the same.".to_owned()),
                None,
            ),
        }
    }

    /// Whether a target is only told later.
    pub(super) fn holds(&self, target: &autoscan_engine::ExplainedTarget) -> bool {
        self.held.contains(&target.target)
    }

    /// Whether each target takes it, and how.
    pub(super) fn targets(&self) -> &[autoscan_engine::ExplainedTarget] {
        self.told.as_ref().map_or(&[], |told| &told.targets)
    }
}

/// The word for what would happen, its tone, and the first reason.
fn verdict(told: &Explanation, held: &[Name]) -> ((&'static str, &'static str), Option<String>) {
    if let Some(reason) = &told.stopped {
        return (("left out", "bad"), Some(words::sentence(reason)));
    }
    if told.targets.is_empty() {
        return (("no target", "bad"), Some("No target is to be told of it.".to_owned()));
    }
    if told.targets.iter().all(|target| target.error.is_some()) {
        let is_late = told.targets.iter().any(|target| held.contains(&target.target));
        let badge = if is_late { ("waits for its target", "wait") } else { ("no target takes it", "bad") };
        return (badge, None);
    }
    if let Some(reason) = &told.gate.held {
        return (("would be held", "wait"), Some(words::sentence(reason)));
    }
    match told.exists {
        Some("missing") => {
            let reason = "It is not there (yet): a file is waited for, a folder is told as one that is gone.";
            (("not there", "wait"), Some(reason.to_owned()))
        }
        Some("unreachable") => {
            (("cannot be looked at", "wait"), Some("The disk does not answer.".to_owned()))
        }
        _ => (("would be scanned", "good"), None),
    }
}
