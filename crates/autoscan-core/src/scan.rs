//! The unit of the queue: one folder that waits to be looked at, with the changes that asked for it.

use std::time::Duration;

use serde::Serialize;

use crate::change::Change;
use crate::delivery::{Delivery, DeliveryState};
use crate::name::Name;
use crate::path::{LocalPath, TriggerPath};
use crate::time::Timestamp;

/// A scan's number in its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ScanId(pub i64);

/// Where a scan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ScanState {
    /// Not started: further changes of its folder are merged into it.
    Waiting,
    /// Started: its targets are being told. A further change of its folder makes a new scan.
    Running,
    /// A delivery is seen, or sent to a target that is asked for nothing, and the others are so too or skipped; or a person
    /// means it so that no target is told.
    Done,
    /// A delivery failed, its file is missing, or no target was told: a person should look.
    Attention,
}

impl ScanState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Running, Self::Done, Self::Attention];

    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Attention => "attention",
        }
    }

    /// The state of a started scan, from its deliveries. One that no target was told of needs attention, unless a person
    /// means it so.
    pub fn of<'a>(deliveries: impl IntoIterator<Item = &'a Delivery>) -> Self {
        let (mut reached, mut bad) = (false, false);
        for delivery in deliveries {
            match delivery.state {
                _ if delivery.is_open() => return Self::Running,
                DeliveryState::Failed | DeliveryState::Missing => bad = true,
                DeliveryState::Skipped => reached |= delivery.excluded,
                _ => reached = true,
            }
        }
        if bad || !reached { Self::Attention } else { Self::Done }
    }
}

/// Whether a started scan came to its end and no target was told of it, though no person means it so: each skipped it, or its
/// file never came and nothing else could be told.
pub fn reached_nobody(deliveries: &[Delivery]) -> bool {
    deliveries.iter().all(|delivery| match delivery.state {
        DeliveryState::Skipped => !delivery.excluded,
        DeliveryState::Missing => delivery.sent_at.is_none(),
        _ => false,
    })
}

/// A change as it is kept: with who reported it, when, and whom it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredChange {
    /// What happened to which path.
    pub change: Change<LocalPath>,
    /// The trigger that reported it last.
    pub trigger: Name,
    /// When it was received last.
    pub received_at: Timestamp,
    /// The targets that should be told; none means all.
    pub targets: Option<Vec<Name>>,
    /// The path as it was sent; none when it is the same here.
    pub sent_path: Option<TriggerPath>,
}

/// A folder that waits, runs or is finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Its number.
    pub id: ScanId,
    /// The folder to look at.
    pub folder: LocalPath,
    /// Where it is.
    pub state: ScanState,
    /// Higher goes first.
    pub priority: i64,
    /// When its first change came in.
    pub first_seen: Timestamp,
    /// When it may start.
    pub due_at: Timestamp,
    /// Counts the changes that were merged into it, so that a start can tell whether it saw them all.
    pub generation: i64,
    /// When it became done or came to need attention.
    pub finished_at: Option<Timestamp>,
    /// What it waits for, or what a person should know of its start, in a sentence.
    pub note: Option<String>,
    /// What asked for it, one entry a path, in the order of their coming.
    pub changes: Vec<StoredChange>,
    /// Its deliveries, by target name.
    pub deliveries: Vec<Delivery>,
}

impl Scan {
    /// The name of a file whose replacement it waits for, as its changes tell: the last that came in is no more than that the
    /// file is about to be replaced.
    pub fn replacement_waited_for(&self) -> Option<&str> {
        let last = self.changes.iter().map(|kept| kept.received_at).max()?;
        let mut latest = self.changes.iter().filter(|kept| kept.received_at == last).map(|kept| &kept.change);
        let waits = self.state == ScanState::Waiting && latest.clone().all(Change::is_replacement_announced);
        latest.next().filter(|_| waits)?.path.0.file_name()
    }
}

/// How long a folder must be quiet before it is scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    /// A folder is quiet this long before it is scanned.
    pub minimum_age: Duration,
    /// But a busy folder is never held longer than this.
    pub maximum_wait: Duration,
}

impl Quiet {
    /// When a folder is due whose first change came at `first_seen`, that was due at `due_at` so far (none when it is
    /// new) and that changed again now. Never later than `first_seen` + `maximum_wait`, and a change never makes a
    /// folder due earlier than it was, within that limit.
    pub fn due(self, first_seen: Timestamp, due_at: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let quiet = now + self.minimum_age;
        let latest = first_seen + self.maximum_wait;
        due_at.map_or(quiet, |due_at| due_at.max(quiet)).min(latest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn delivery(state: DeliveryState) -> Delivery {
        let fresh = Delivery::new(Name::parse("plex").unwrap(), Timestamp::from_millis(0));
        Delivery { state, next_attempt_at: None, ..fresh }
    }

    #[test]
    fn the_state_of_a_scan_is_the_worst_of_its_deliveries() {
        use DeliveryState::{Failed, Held, Missing, Seen, Sent, Skipped, Waiting};
        for (deliveries, state) in [
            (vec![], ScanState::Attention),
            (vec![Skipped, Skipped], ScanState::Attention),
            (vec![Seen, Sent, Skipped], ScanState::Done),
            (vec![Sent, Waiting], ScanState::Running),
            (vec![Failed, Held], ScanState::Running),
            (vec![Held, Failed], ScanState::Running),
            (vec![Failed, Seen], ScanState::Attention),
            (vec![Seen, Missing], ScanState::Attention),
        ] {
            let deliveries: Vec<Delivery> = deliveries.into_iter().map(delivery).collect();
            assert_eq!(ScanState::of(&deliveries), state, "{deliveries:?}");
        }
        let excluded = Delivery { excluded: true, ..delivery(Skipped) };
        assert_eq!(ScanState::of(&[excluded.clone(), delivery(Skipped)]), ScanState::Done);
        assert!(!reached_nobody(&[excluded, delivery(Skipped)]) && reached_nobody(&[delivery(Skipped)]));
        assert!(reached_nobody(&[]) && !reached_nobody(&[delivery(Failed), delivery(Skipped)]));
        let told = Delivery { sent_at: Some(Timestamp::from_millis(9)), ..delivery(Missing) };
        assert!(reached_nobody(&[delivery(Missing), delivery(Skipped)]) && !reached_nobody(&[told]));
        let asked = Delivery { next_attempt_at: Some(Timestamp::from_millis(9)), ..delivery(Sent) };
        assert_eq!(ScanState::of(&[delivery(Failed), asked]), ScanState::Running);
    }

    proptest! {
        #[test]
        fn no_stream_of_changes_holds_a_folder_longer_than_the_maximum_wait(
            pauses in prop::collection::vec(0_u64..30_000, 1..200),
            minimum_age in 0_u64..60_000,
            maximum_wait in 0_u64..180_000,
        ) {
            let quiet = Quiet {
                minimum_age: Duration::from_millis(minimum_age),
                maximum_wait: Duration::from_millis(maximum_wait),
            };
            let first = Timestamp::from_millis(1_000);
            let mut now = first;
            let mut due = quiet.due(first, None, now);
            for pause in pauses {
                now = now + Duration::from_millis(pause);
                let next = quiet.due(first, Some(due), now);
                prop_assert!(next <= first + quiet.maximum_wait);
                prop_assert!(next >= due || due > first + quiet.maximum_wait);
                due = next;
            }
        }
    }
}
