//! What is remembered of the past: the way of one scan, and the hours of the last week.

use autoscan_core::delivery::DeliveryState;
use autoscan_core::duration::in_words;
use autoscan_core::ports::StoreError;
use autoscan_core::scan::{Scan, ScanId, ScanState, StoredChange, reached_nobody};
use autoscan_core::step::{Step, StepKind};
use autoscan_core::time::Timestamp;

use crate::engine::Engine;
use crate::intake_report::count;
use crate::queue::show_lanes;
use crate::views::Hour;

/// Changes of a scan that have a step of their own; of the rest only their number.
const SHOWN: usize = 20;

impl Engine {
    /// The way of a scan from the requests that asked for it to what became of it, oldest first, each step a sentence.
    pub async fn timeline(&self, id: ScanId) -> Result<Option<Vec<Step>>, StoreError> {
        let Some(mut scan) = self.ports.store.show(id).await? else { return Ok(None) };
        let kept = self.ports.store.steps(id).await?;
        show_lanes(&mut scan, &self.targets());
        Ok(Some(timeline(&scan, kept, self.now())))
    }

    /// What happened in each hour of the last week, oldest first; the last is the one that runs.
    pub fn hours(&self) -> Vec<Hour> {
        self.history.hours(self.now())
    }
}

/// A scan as its deliveries are shown, with the steps that are kept of it.
fn timeline(scan: &Scan, kept: Vec<Step>, now: Timestamp) -> Vec<Step> {
    let mut steps = received(scan);
    let known = !kept.is_empty();
    let mut held_since = None;
    for mut step in kept {
        match step.kind {
            StepKind::Waiting | StepKind::Held if step.target.is_none() => {
                held_since.get_or_insert(step.at);
            }
            StepKind::Started => started(&mut step, scan, held_since.take()),
            _ => say(&mut step, scan),
        }
        steps.push(step);
    }
    if !known {
        steps.extend(remembered(scan));
    }
    if let Some(at) = scan.finished_at {
        let took = in_words(at.since(scan.first_seen));
        steps.push(Step::of_scan(
            at,
            StepKind::Finished,
            match scan.state {
                ScanState::Attention if reached_nobody(&scan.deliveries) => {
                    "no server was told: a person should look".to_owned()
                }
                ScanState::Attention => "autoscan can do no more by itself: a person should look".to_owned(),
                _ => format!("done, {took} after the first request"),
            },
        ));
    }
    steps.sort_by_key(|step| step.at);
    steps.extend(now_holds(scan, &steps, now));
    steps
}

/// What was reported, and what its paths are here.
fn received(scan: &Scan) -> Vec<Step> {
    let mut changes: Vec<&StoredChange> = scan.changes.iter().collect();
    changes.sort_by_key(|change| change.received_at);
    let mut steps = Vec::new();
    if changes.first().is_none_or(|first| first.received_at > scan.first_seen) {
        let text = "the folder was asked for; what was reported then was reported again later";
        steps.push(Step::of_scan(scan.first_seen, StepKind::Received, text));
    }
    for stored in changes.iter().take(SHOWN) {
        let (change, here) = (&stored.change, stored.change.path.as_str());
        let sent = stored.sent_path.as_ref().map_or(here, |sent| sent.as_str());
        let text = match &change.from {
            Some(from) => format!(
                "{} reported: {} to {sent:?} from {:?}",
                stored.trigger,
                change.kind.as_str(),
                from.as_str()
            ),
            None => format!("{} reported: {} {sent:?}", stored.trigger, change.kind.as_str()),
        };
        steps.push(Step::of_scan(stored.received_at, StepKind::Received, text));
        if stored.sent_path.is_some() {
            let text = format!("{sent:?} is {here:?} here");
            steps.push(Step::of_scan(stored.received_at, StepKind::Mapped, text));
        }
    }
    if let Some(last) = changes.get(SHOWN..).and_then(<[_]>::last) {
        let text = format!("and {} more", count(changes.len() - SHOWN, "change"));
        steps.push(Step::of_scan(last.received_at, StepKind::Received, text));
    }
    steps
}

fn started(step: &mut Step, scan: &Scan, held_since: Option<Timestamp>) {
    let mut text = format!("{} after the first request", in_words(step.at.since(scan.first_seen)));
    if let Some(since) = held_since {
        text = format!("{text}, kept back for {}", in_words(step.at.since(since)));
    }
    step.text = if step.text.is_empty() { text } else { format!("{text}; {}", step.text) };
}

/// Says what the scan itself tells.
fn say(step: &mut Step, scan: &Scan) {
    if !step.text.is_empty() {
        return;
    }
    step.text = match step.kind {
        StepKind::Seen => {
            format!(
                "the files are shown, {} after the first request",
                in_words(step.at.since(scan.first_seen))
            )
        }
        StepKind::Sent => format!("told of {}", scan.folder),
        StepKind::Retried => "a person asked to try it again".to_owned(),
        _ => return,
    };
}

/// Of a scan that was there before steps were kept: what its deliveries tell.
fn remembered(scan: &Scan) -> Vec<Step> {
    let mut steps = Vec::new();
    for delivery in &scan.deliveries {
        let at_target = |at, kind, text: &str| {
            let mut step = Step::at_target(at, &delivery.target, kind, text);
            say(&mut step, scan);
            step
        };
        if let Some(at) = delivery.sent_at {
            steps.push(at_target(at, StepKind::Sent, ""));
        }
        if let Some(at) = delivery.seen_at {
            steps.push(at_target(at, StepKind::Seen, ""));
            steps.extend(delivery.note.as_ref().map(|note| at_target(at, StepKind::Cared, note)));
        }
        let kind = match delivery.state {
            DeliveryState::Missing => StepKind::Missing,
            DeliveryState::Skipped => StepKind::Skipped,
            DeliveryState::Failed => StepKind::Failed,
            _ => continue,
        };
        let at = scan.finished_at.or(delivery.sent_at).unwrap_or(scan.first_seen);
        steps.push(at_target(at, kind, delivery.error.as_deref().unwrap_or_default()));
    }
    steps
}

/// What is waited for now, where no step says so: quiet in the folder, or a lane that holds, which writes no rows.
fn now_holds(scan: &Scan, steps: &[Step], now: Timestamp) -> Vec<Step> {
    if scan.state == ScanState::Waiting && scan.note.is_none() {
        let left = in_words(scan.due_at.since(now));
        let text = match scan.replacement_waited_for() {
            Some(file) => format!("waits for the file that replaces {file:?}; goes on without it in {left}"),
            None => format!("waits for the folder to be quiet; {left} left"),
        };
        return vec![Step::of_scan(now, StepKind::Waiting, text)];
    }
    let held = |delivery: &&autoscan_core::delivery::Delivery| {
        scan.state == ScanState::Running && delivery.state == DeliveryState::Held
    };
    let held = scan.deliveries.iter().filter(held).filter_map(|delivery| {
        let reason = delivery.error.as_deref()?;
        let last = steps.iter().rev().find(|step| step.target.as_ref() == Some(&delivery.target));
        let is_new = last.is_none_or(|last| last.kind != StepKind::Held || last.text != reason);
        is_new.then(|| Step::at_target(now, &delivery.target, StepKind::Held, reason))
    });
    held.collect()
}
