//! The steps of a scan's way, from the request that asked for it to what became of it.

use serde::Serialize;

use crate::delivery::{Delivery, DeliveryState, MOST_FAULTS};
use crate::name::Name;
use crate::time::Timestamp;

/// Steps that a store keeps of one scan at most: beyond, those in the middle are left out.
pub const MOST_STEPS: usize = 200;

/// What a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// A trigger reported changes.
    Received,
    /// The paths that were sent are others on this machine.
    Mapped,
    /// Something is waited for that comes by itself: quiet in the folder, a file that grows, another attempt.
    Waiting,
    /// Kept back by something that is not well: a mount, an anchor, a storm of deletions, a target that is away.
    Held,
    /// The scan started.
    Started,
    /// The target accepted the call.
    Sent,
    /// The target was asked for the files and does not show them yet.
    Asked,
    /// The target showed the files.
    Seen,
    /// The files did not appear.
    Missing,
    /// The target has no library for the folder.
    Skipped,
    /// The target refused for good.
    Failed,
    /// What was done, or left alone, after the scan.
    Cared,
    /// A person tried it again.
    Retried,
    /// The scan came to its end.
    Finished,
    /// Steps that are not kept.
    LeftOut,
}

impl StepKind {
    /// Every kind.
    pub const ALL: [Self; 15] = [
        Self::Received,
        Self::Mapped,
        Self::Waiting,
        Self::Held,
        Self::Started,
        Self::Sent,
        Self::Asked,
        Self::Seen,
        Self::Missing,
        Self::Skipped,
        Self::Failed,
        Self::Cared,
        Self::Retried,
        Self::Finished,
        Self::LeftOut,
    ];

    /// Its word, the same as that of the state of a delivery where there is one.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Mapped => "mapped",
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::Started => "started",
            Self::Sent => "sent",
            Self::Asked => "asked",
            Self::Seen => "seen",
            Self::Missing => "missing",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Cared => "cared",
            Self::Retried => "retried",
            Self::Finished => "finished",
            Self::LeftOut => "left-out",
        }
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// At which target; none for what concerns the whole scan.
    pub target: Option<Name>,
    /// What it is.
    pub kind: StepKind,
    /// What happened, in a sentence without a capital. In a store it may be empty: what the scan itself tells is not kept
    /// twice.
    pub text: String,
}

impl Step {
    /// A step of the whole scan.
    pub fn of_scan(at: Timestamp, kind: StepKind, text: impl Into<String>) -> Self {
        Self { at, target: None, kind, text: text.into() }
    }

    /// A step at a target.
    pub fn at_target(at: Timestamp, target: &Name, kind: StepKind, text: impl Into<String>) -> Self {
        Self { at, target: Some(target.clone()), kind, text: text.into() }
    }
}

/// The steps by which a delivery came from `before` to `after`. `told` says what was called, or which folder the target was
/// told of.
pub fn steps(before: &Delivery, after: &Delivery, told: Option<&str>, now: Timestamp) -> Vec<Step> {
    let step = |kind, text: &str| Step::at_target(now, &after.target, kind, text);
    let reason = after.error.as_deref().unwrap_or_default();
    let was_told = matches!(before.state, DeliveryState::Sent | DeliveryState::Seen);
    let found = match after.state {
        DeliveryState::Waiting if after.faults > before.faults => {
            let attempt = format!("attempt {} of {MOST_FAULTS}: {reason}", after.faults);
            Some(step(StepKind::Waiting, &attempt))
        }
        DeliveryState::Waiting => (!reason.is_empty()).then(|| step(StepKind::Waiting, reason)),
        DeliveryState::Held => (!reason.is_empty()).then(|| step(StepKind::Held, reason)),
        DeliveryState::Sent if !was_told => Some(step(StepKind::Sent, told.unwrap_or_default())),
        DeliveryState::Sent => {
            let is_new = !reason.is_empty() && before.error != after.error;
            is_new.then(|| step(StepKind::Asked, reason))
        }
        DeliveryState::Seen => (before.state != DeliveryState::Seen).then(|| step(StepKind::Seen, "")),
        DeliveryState::Missing if before.state != DeliveryState::Missing => {
            Some(step(StepKind::Missing, reason))
        }
        // It is missing for another reason now.
        DeliveryState::Missing => (before.error != after.error).then(|| step(StepKind::Asked, reason)),
        DeliveryState::Skipped => Some(step(StepKind::Skipped, reason)),
        DeliveryState::Failed => Some(step(StepKind::Failed, reason)),
    };
    let mut steps = Vec::from_iter(found);
    if let Some(note) = after.note.as_deref().filter(|_| after.note != before.note) {
        let known = before.note.as_deref().unwrap_or_default();
        let new = note.strip_prefix(known).map_or(note, |new| new.trim_start_matches("; "));
        steps.push(step(StepKind::Cared, new));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{self, Outcome};
    use crate::fault::Fault;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn words(before: &Delivery, after: &Delivery) -> Vec<(&'static str, String)> {
        let steps = steps(before, after, Some("told of /data/TV"), NOW);
        steps.into_iter().map(|step| (step.kind.as_str(), step.text)).collect()
    }

    #[test]
    fn every_answer_of_a_target_is_a_step_that_says_why() {
        let fresh = Delivery::new(Name::parse("plex").unwrap(), NOW);
        let busy = Fault::Busy { after: Duration::from_secs(9), reason: "busy".into() };
        let later = Fault::Later { after: Duration::from_secs(9), reason: "gathers".into() };
        let guarded = Outcome::Guarded { again_in: Duration::from_secs(5), reason: "mount gone".into() };
        for (outcome, kind, text) in [
            (Outcome::Accepted { ask_in: None }, "sent", "told of /data/TV"),
            (Outcome::Fault(Fault::away("away")), "held", "away"),
            (Outcome::Fault(busy), "held", "busy"),
            (Outcome::Fault(Fault::refused("key")), "held", "key"),
            (Outcome::Fault(later), "waiting", "gathers"),
            (Outcome::Fault(Fault::not_mine("roots")), "skipped", "roots"),
            (Outcome::Fault(Fault::wrong("404")), "waiting", "attempt 1 of 4: 404"),
            (guarded, "held", "mount gone"),
        ] {
            let after = delivery::next(&fresh, &outcome, NOW, 0.0);
            assert_eq!(words(&fresh, &after), [(kind, text.to_owned())], "{outcome:?}");
        }
        let last = Delivery { faults: MOST_FAULTS - 1, ..fresh };
        let failed = delivery::next(&last, &Outcome::Fault(Fault::wrong("404")), NOW, 0.0);
        assert_eq!(words(&last, &failed), [("failed", "404".to_owned())]);
    }

    #[test]
    fn what_a_target_shows_is_a_step_once_and_what_is_done_for_it_too() {
        let fresh = Delivery::new(Name::parse("plex").unwrap(), NOW);
        let sent = Delivery { state: DeliveryState::Sent, ..fresh.clone() };
        let asked = Delivery { error: Some("no item".into()), ..sent.clone() };
        assert_eq!(words(&sent, &asked), [("asked", "no item".to_owned())]);
        assert_eq!(words(&asked, &asked), []);

        let missing = Delivery { state: DeliveryState::Missing, ..asked.clone() };
        assert_eq!(words(&asked, &missing), [("missing", "no item".to_owned())]);
        assert_eq!(words(&missing, &missing), [], "looked at again");
        let wider = Delivery { state: DeliveryState::Waiting, widened: true, ..asked.clone() };
        assert_eq!(words(&asked, &wider), [("waiting", "no item".to_owned())]);

        let seen = Delivery { state: DeliveryState::Seen, note: Some("analysed".into()), ..sent.clone() };
        assert_eq!(words(&sent, &seen), [("seen", String::new()), ("cared", "analysed".to_owned())]);
        let trash = Delivery { note: Some("analysed; trash emptied".into()), ..seen.clone() };
        assert_eq!(words(&seen, &trash), [("cared", "trash emptied".to_owned())]);
        assert_eq!(words(&seen, &seen), []);
    }

    #[test]
    fn every_kind_has_its_own_word() {
        let words: std::collections::BTreeSet<_> = StepKind::ALL.map(StepKind::as_str).into();
        assert_eq!(words.len(), StepKind::ALL.len());
    }
}
