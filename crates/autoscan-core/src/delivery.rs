//! One scan at one target, and the only place that decides what follows an answer.

use std::time::Duration;

use serde::Serialize;

use crate::cause::Remedy;
use crate::fault::Fault;
use crate::name::Name;
use crate::retry::Backoff;
use crate::time::Timestamp;

/// Calls in a row that may fail by a delivery's own fault before it fails.
pub const MOST_FAULTS: u32 = 4;

/// After an outage a delivery whose own call met it waits this long, while others go first: it may be this one call that
/// brings the server down.
pub const AFTER_AN_OUTAGE: Duration = Duration::from_secs(5);

/// Where a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// Not tried, or to be tried again.
    Waiting,
    /// Must not be tried now: mount gone, target away or paused. It goes on by itself.
    Held,
    /// The server accepted the request.
    Sent,
    /// The server showed the file.
    Seen,
    /// The file did not appear after every telling, or never came. It is looked at again for a day.
    Missing,
    /// The target has no library for this path.
    Skipped,
    /// Refused for good: a person must act.
    Failed,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 7] =
        [Self::Waiting, Self::Held, Self::Sent, Self::Seen, Self::Missing, Self::Skipped, Self::Failed];

    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::Sent => "sent",
            Self::Seen => "seen",
            Self::Missing => "missing",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

/// What is left to do for a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Work {
    /// The target must be told.
    Deliver,
    /// It was told: it is asked for the files, and what is to be done after a scan is done.
    Verify,
}

/// One scan × one target.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, in a column of its own")]
pub struct Delivery {
    /// The target.
    pub target: Name,
    /// Where it is.
    pub state: DeliveryState,
    /// Calls that failed by this delivery's own fault, or that succeeded. An outage is not counted.
    pub attempts: u32,
    /// Calls in a row that failed by its own fault: the server was well otherwise. Of those to tell the target and of those
    /// to ask for its files.
    pub faults: u32,
    /// Not tried before this moment.
    pub next_attempt_at: Option<Timestamp>,
    /// How often the target accepted the request.
    pub tellings: u32,
    /// When the target accepted the request last.
    pub sent_at: Option<Timestamp>,
    /// When the target showed the file.
    pub seen_at: Option<Timestamp>,
    /// Why it is where it is, in a sentence.
    pub error: Option<String>,
    /// While it is missing: what mends the cause when a person asks for it.
    pub remedy: Option<Remedy>,
    /// While it is missing: the file by which a person keeps it out, where that is the cause.
    pub evidence: Option<String>,
    /// Whether it was skipped because a person means it so: an `exclude` of the config names its paths.
    pub excluded: bool,
    /// Whether its scan started although a file that was to be there never came: when it still is not there after the target
    /// was told of the nearest folder, the delivery is missing.
    pub absent: bool,
    /// Whether the file did not appear in time and the folder above was, or is to be, told too.
    pub widened: bool,
    /// Whether what is done after a scan (analyse, match, trash) was done.
    pub cared: bool,
    /// What was done or left alone after the scan, in sentences.
    pub note: Option<String>,
}

impl Delivery {
    /// A delivery that may be tried from `at` on.
    pub fn new(target: Name, at: Timestamp) -> Self {
        Self {
            target,
            state: DeliveryState::Waiting,
            attempts: 0,
            faults: 0,
            next_attempt_at: Some(at),
            tellings: 0,
            sent_at: None,
            seen_at: None,
            error: None,
            remedy: None,
            evidence: None,
            excluded: false,
            absent: false,
            widened: false,
            cared: false,
            note: None,
        }
    }

    /// What is left to do for it.
    pub fn work(&self) -> Option<Work> {
        match self.state {
            DeliveryState::Waiting | DeliveryState::Held => Some(Work::Deliver),
            DeliveryState::Sent | DeliveryState::Seen | DeliveryState::Missing => {
                self.next_attempt_at.map(|_| Work::Verify)
            }
            DeliveryState::Skipped | DeliveryState::Failed => None,
        }
    }

    /// The same without what stands with the cause why it was missing.
    #[must_use]
    pub fn without_cause(self) -> Self {
        Self { remedy: None, evidence: None, ..self }
    }

    /// Whether its cause is looked for afresh when it is looked at again: it rests on something that a person may have changed.
    pub fn has_passing_cause(&self) -> bool {
        self.remedy.is_some() || self.evidence.is_some()
    }

    /// Whether its scan waits for it. What is missing is looked at again, but its scan has come to its end.
    pub fn is_open(&self) -> bool {
        self.state != DeliveryState::Missing && self.work().is_some()
    }
}

/// What a target answered to one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It accepted the request.
    Accepted {
        /// It is asked for the files after this; none when it is not asked at all.
        ask_in: Option<Duration>,
    },
    /// It did not.
    Fault(Fault),
    /// There was nothing that it could be told of: the file never came, and the nearest folder is a whole library. Why, in a
    /// sentence.
    NeverCame(String),
    /// It was not told, because something that guards the folder does not stand.
    Guarded {
        /// When to look again.
        again_in: Duration,
        /// What does not stand, in a sentence.
        reason: String,
    },
}

/// What follows `outcome`: the delivery as it is kept from now on. `jitter` lies in `0.0..=1.0`.
#[must_use]
pub fn next(delivery: &Delivery, outcome: &Outcome, now: Timestamp, jitter: f64) -> Delivery {
    let kept = Delivery { next_attempt_at: None, error: None, ..delivery.clone().without_cause() };
    let fault = match outcome {
        Outcome::Accepted { ask_in } => {
            return Delivery {
                state: DeliveryState::Sent,
                attempts: delivery.attempts.saturating_add(1),
                faults: 0,
                tellings: delivery.tellings.saturating_add(1),
                sent_at: Some(now),
                next_attempt_at: ask_in.map(|pause| now + pause),
                ..kept
            };
        }
        Outcome::Guarded { again_in, reason } => {
            return Delivery {
                state: DeliveryState::Held,
                next_attempt_at: Some(now + *again_in),
                error: Some(reason.clone()),
                ..kept
            };
        }
        Outcome::NeverCame(reason) => {
            return crate::proof::never_came(&kept, reason.clone(), now);
        }
        Outcome::Fault(fault) => fault,
    };
    after_fault(kept, fault, now, jitter)
}

fn after_fault(kept: Delivery, fault: &Fault, now: Timestamp, jitter: f64) -> Delivery {
    use DeliveryState::{Held, Skipped, Waiting};
    let told = Delivery { error: Some(fault.reason().to_owned()), ..kept };
    let again =
        |state, pause: Duration| Delivery { state, next_attempt_at: Some(now + pause), ..told.clone() };
    match fault {
        Fault::Away { .. } | Fault::Refused { .. } => again(Held, AFTER_AN_OUTAGE),
        Fault::Busy { after, .. } => again(Held, *after),
        Fault::Later { after, .. } => again(Waiting, *after),
        Fault::NotMine { .. } => Delivery { state: Skipped, ..told },
        Fault::Wrong { .. } => {
            Delivery { attempts: told.attempts.saturating_add(1), ..at_fault(&told, Waiting, now, jitter) }
        }
    }
}

/// A call for the delivery failed by its own fault: it is tried again in the given state after a growing pause, a few times,
/// and fails then.
#[must_use]
pub fn at_fault(delivery: &Delivery, again: DeliveryState, now: Timestamp, jitter: f64) -> Delivery {
    let faults = delivery.faults.saturating_add(1);
    if faults >= MOST_FAULTS {
        return Delivery { state: DeliveryState::Failed, faults, next_attempt_at: None, ..delivery.clone() };
    }
    let next_attempt_at = Some(now + Backoff::WRONG.pause(faults, jitter));
    Delivery { state: again, faults, next_attempt_at, ..delivery.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn fresh() -> Delivery {
        Delivery::new(Name::parse("plex").unwrap(), Timestamp::from_millis(0))
    }

    fn after(outcome: &Outcome) -> Delivery {
        next(&fresh(), outcome, NOW, 0.0)
    }

    #[test]
    fn every_outcome_has_its_consequence() {
        use DeliveryState::{Held, Sent, Skipped, Waiting};
        let guarded = Outcome::Guarded { again_in: Duration::from_secs(5), reason: "mount".into() };
        let busy = Fault::Busy { after: Duration::from_secs(30), reason: "busy".into() };
        let later = Fault::Later { after: Duration::from_secs(65), reason: "gathers".into() };
        for (outcome, state, attempts, again_in) in [
            (Outcome::Accepted { ask_in: None }, Sent, 1, None),
            (Outcome::Accepted { ask_in: Some(Duration::from_secs(2)) }, Sent, 1, Some(2)),
            (Outcome::Fault(Fault::away("away")), Held, 0, Some(5)),
            (guarded, Held, 0, Some(5)),
            (Outcome::Fault(busy), Held, 0, Some(30)),
            (Outcome::Fault(later), Waiting, 0, Some(65)),
            (Outcome::Fault(Fault::refused("key")), Held, 0, Some(5)),
            (Outcome::Fault(Fault::not_mine("roots")), Skipped, 0, None),
            (Outcome::Fault(Fault::wrong("404")), Waiting, 1, Some(5)),
        ] {
            let delivery = after(&outcome);
            assert_eq!((delivery.state, delivery.attempts), (state, attempts), "{outcome:?}");
            assert_eq!(
                delivery.next_attempt_at,
                again_in.map(|s| NOW + Duration::from_secs(s)),
                "{outcome:?}"
            );
            assert_eq!(delivery.error.is_none(), matches!(outcome, Outcome::Accepted { .. }));
        }
    }

    #[test]
    fn a_call_that_stays_wrong_fails_after_a_few_attempts() {
        let mut delivery = fresh();
        let mut states = vec![];
        for _ in 0..MOST_FAULTS {
            delivery = next(&delivery, &Outcome::Fault(Fault::wrong("404")), NOW, 0.0);
            states.push(delivery.state);
        }
        assert_eq!(
            states.iter().map(|state| state.as_str()).collect::<Vec<_>>(),
            ["waiting", "waiting", "waiting", "failed"]
        );
        assert_eq!(delivery.next_attempt_at, None);
    }

    #[test]
    fn only_failures_in_a_row_count_against_a_delivery() {
        let wrong = Outcome::Fault(Fault::wrong("500"));
        let mut delivery = fresh();
        for _ in 1..MOST_FAULTS {
            delivery = next(&delivery, &wrong, NOW, 0.0);
        }
        let accepted = Outcome::Accepted { ask_in: Some(Duration::from_secs(2)) };
        delivery = next(&delivery, &accepted, NOW, 0.0);
        assert_eq!((delivery.faults, delivery.attempts), (0, MOST_FAULTS));
        let asked = at_fault(&delivery, DeliveryState::Sent, NOW, 0.0);
        assert_eq!((asked.state, asked.faults, asked.attempts), (DeliveryState::Sent, 1, MOST_FAULTS));
        assert!(asked.is_open());
    }

    #[test]
    fn an_outage_is_without_limit() {
        let mut delivery = fresh();
        for _ in 0..100_000 {
            delivery = next(&delivery, &Outcome::Fault(Fault::away("refused")), NOW, 0.5);
        }
        assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Held, 0));
    }

    fn outcomes() -> impl Strategy<Value = Outcome> {
        prop_oneof![
            Just(Outcome::Accepted { ask_in: None }),
            Just(Outcome::Accepted { ask_in: Some(Duration::from_secs(2)) }),
            Just(Outcome::Fault(Fault::away("away"))),
            Just(Outcome::Fault(Fault::refused("key"))),
            Just(Outcome::Fault(Fault::not_mine("roots"))),
            Just(Outcome::Fault(Fault::wrong("404"))),
            (0_u64..600).prop_map(|s| Outcome::Fault(Fault::Busy {
                after: Duration::from_secs(s),
                reason: "busy".into()
            })),
        ]
    }

    proptest! {
        #[test]
        fn an_open_delivery_always_has_a_next_attempt_and_a_closed_one_never(
            outcomes in prop::collection::vec(outcomes(), 1..30), jitter in 0.0_f64..=1.0,
        ) {
            let mut delivery = fresh();
            for outcome in outcomes {
                delivery = next(&delivery, &outcome, NOW, jitter);
                prop_assert_eq!(delivery.is_open(), delivery.next_attempt_at.is_some());
                if delivery.work() != Some(Work::Deliver) {
                    break;
                }
            }
        }
    }
}
