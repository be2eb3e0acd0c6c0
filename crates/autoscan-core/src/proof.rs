//! What a target is asked for after a scan, what it showed, and what follows from that.

use std::time::Duration;

use crate::change::Subject;
use crate::delivery::{Delivery, DeliveryState};
use crate::path::TargetPath;
use crate::time::Timestamp;

/// A server is given this long before it is asked for the first time.
pub const FIRST_ASKED_AFTER: Duration = Duration::from_secs(2);
/// Between two askings lies at least this…
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// … and at most this.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// Beside these bounds a pause is this part of the time since the scan was asked for, so that a file is noticed late by
/// no more than this part of what the server took.
const PART_OF_THE_WAIT: u32 = 8;
/// After the folder above was told too, the file is waited for no longer than this.
const AFTER_WIDENING: Duration = Duration::from_mins(5);

/// How the file must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// There, and this large where both sides know it, in bytes.
    There {
        /// Its size on the disk.
        size: Option<u64>,
    },
    /// Gone, or in the server's trash.
    Gone,
}

/// A path that a target is asked for after a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedFile {
    /// The file or folder in the target's eyes.
    pub path: TargetPath,
    /// File or folder.
    pub subject: Subject,
    /// How it must be.
    pub presence: Presence,
}

/// What a target showed of a expected path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// It is as it must be.
    Proven,
    /// It is not (yet): what was asked and what came back, in a sentence without a capital.
    NotYet(String),
    /// This server shows no item for such a path, such as subtitles: nothing is proven and nothing is missing. Why, in a
    /// sentence without a capital.
    Unknowable(String),
}

/// What the target showed of all that a delivery is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// Everything is as it must be.
    Proven,
    /// Something is not: the first of it, in a sentence.
    NotYet(String),
    /// There was nothing that could be asked for: why, in a sentence.
    Unknowable(String),
}

impl Verification {
    /// The sum of what was shown.
    pub fn of(shown: &[Observation]) -> Self {
        let mut sum = Self::Unknowable("the scan names no file that a server shows".to_owned());
        for one in shown {
            match one {
                Observation::NotYet(found) => return Self::NotYet(found.clone()),
                Observation::Proven => sum = Self::Proven,
                Observation::Unknowable(reason) => {
                    if sum != Self::Proven {
                        sum = Self::Unknowable(reason.clone());
                    }
                }
            }
        }
        sum
    }
}

/// How long until the target is asked again, when its scan was asked for `elapsed` ago.
pub fn pause(elapsed: Duration) -> Duration {
    (elapsed / PART_OF_THE_WAIT).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
}

/// What follows a sight of the target. `within` is how long a file is waited for, `answering_since` the moment since when
/// the server has answered: time in which it was away does not count.
#[must_use]
pub fn next(
    delivery: &Delivery,
    sight: &Verification,
    within: Duration,
    answering_since: Option<Timestamp>,
    now: Timestamp,
) -> Delivery {
    let closed = Delivery { next_attempt_at: None, error: None, ..delivery.clone() };
    let found = match sight {
        Verification::Proven => return Delivery { state: DeliveryState::Seen, seen_at: Some(now), ..closed },
        Verification::Unknowable(reason) => {
            let note = Some(format!("nothing to prove: {reason}"));
            return Delivery { state: DeliveryState::Sent, note, ..closed };
        }
        Verification::NotYet(found) => found,
    };
    let sent_at = delivery.sent_at.unwrap_or(now);
    let since = answering_since.map_or(sent_at, |answering| answering.max(sent_at));
    let limit = if delivery.widened { within.min(AFTER_WIDENING) } else { within };
    if now.since(since) < limit {
        let left = limit.saturating_sub(now.since(since));
        let at = now + pause(now.since(since)).min(left.max(Duration::from_millis(1)));
        return Delivery { next_attempt_at: Some(at), error: Some(found.clone()), ..delivery.clone() };
    }
    if delivery.widened {
        return Delivery { state: DeliveryState::Missing, error: Some(found.clone()), ..closed };
    }
    Delivery {
        state: DeliveryState::Waiting,
        widened: true,
        next_attempt_at: Some(now),
        error: Some(format!("{found}; the folder above is told")),
        ..closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Outcome;
    use crate::name::Name;
    use proptest::prelude::*;

    const WITHIN: Duration = Duration::from_mins(15);

    fn sent() -> Delivery {
        let fresh = Delivery::new(Name::parse("plex").unwrap(), Timestamp::from_millis(0));
        crate::delivery::next(
            &fresh,
            &Outcome::Accepted { ask_in: Some(FIRST_ASKED_AFTER) },
            Timestamp::from_millis(0),
            0.0,
        )
    }

    fn not_yet() -> Verification {
        Verification::NotYet("not there".to_owned())
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(0) + Duration::from_secs(seconds)
    }

    #[test]
    fn a_sight_has_its_consequence() {
        let seen = next(&sent(), &Verification::Proven, WITHIN, None, at(12));
        assert_eq!((seen.state, seen.seen_at, seen.is_open()), (DeliveryState::Seen, Some(at(12)), false));
        let nothing = next(&sent(), &Verification::Unknowable("subtitles".to_owned()), WITHIN, None, at(2));
        assert_eq!((nothing.state, nothing.is_open()), (DeliveryState::Sent, false));
        assert!(nothing.note.unwrap().contains("subtitles"));
        let open = next(&sent(), &not_yet(), WITHIN, None, at(80));
        assert_eq!((open.state, open.next_attempt_at), (DeliveryState::Sent, Some(at(90))));
        assert_eq!(open.error.as_deref(), Some("not there"));
    }

    #[test]
    fn what_is_not_seen_in_time_goes_once_to_the_folder_above_and_is_missing_then() {
        let wider = next(&sent(), &not_yet(), WITHIN, None, at(900));
        assert_eq!(
            (wider.state, wider.widened, wider.next_attempt_at),
            (DeliveryState::Waiting, true, Some(at(900)))
        );
        let told = crate::delivery::next(
            &wider,
            &Outcome::Accepted { ask_in: Some(FIRST_ASKED_AFTER) },
            at(901),
            0.0,
        );
        assert!(told.widened);
        assert_eq!(next(&told, &not_yet(), WITHIN, None, at(1000)).state, DeliveryState::Sent);
        let missing = next(&told, &not_yet(), WITHIN, None, at(901 + 300));
        assert_eq!((missing.state, missing.is_open()), (DeliveryState::Missing, false));
    }

    #[test]
    fn time_in_which_the_server_was_away_does_not_count() {
        let back = next(&sent(), &not_yet(), WITHIN, Some(at(7200)), at(7210));
        assert_eq!((back.state, back.widened), (DeliveryState::Sent, false));
    }

    #[test]
    fn all_must_be_shown_at_one_asking() {
        let no = Observation::NotYet("b is not there".to_owned());
        let never = Observation::Unknowable("subtitles".to_owned());
        assert_eq!(
            Verification::of(&[Observation::Proven, no.clone()]),
            Verification::NotYet("b is not there".to_owned())
        );
        assert_eq!(Verification::of(&[never.clone(), Observation::Proven]), Verification::Proven);
        assert_eq!(Verification::of(&[Observation::Proven, never.clone()]), Verification::Proven);
        assert_eq!(Verification::of(&[never]), Verification::Unknowable("subtitles".to_owned()));
        assert!(matches!(Verification::of(&[]), Verification::Unknowable(_)));
    }

    #[test]
    fn the_pauses_grow_and_the_askings_are_few() {
        let mut asked = vec![FIRST_ASKED_AFTER];
        while let Some(last) = asked.last().copied().filter(|last| *last < WITHIN) {
            asked.push(last + pause(last));
        }
        assert!(asked.len() < 55, "{}", asked.len());
        assert!(asked.windows(3).all(|three| three[2] + three[0] >= three[1] * 2));
    }

    proptest! {
        #[test]
        fn every_chain_of_sights_ends(within in 1_u64..2_000, first in 0_u64..5_000) {
            let within = Duration::from_secs(within);
            let (mut delivery, mut now, mut steps) = (sent(), at(first), 0);
            while delivery.is_open() {
                delivery = match delivery.state {
                    DeliveryState::Waiting => crate::delivery::next(&delivery, &Outcome::Accepted { ask_in: Some(FIRST_ASKED_AFTER) }, now, 0.0),
                    _ => next(&delivery, &not_yet(), within, None, now),
                };
                now = delivery.next_attempt_at.map_or(now, |at| at.max(now));
                steps += 1;
                prop_assert!(steps < 1_000);
            }
            prop_assert_eq!(delivery.state, DeliveryState::Missing);
        }
    }
}
