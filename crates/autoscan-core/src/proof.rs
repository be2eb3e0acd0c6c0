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
/// A target is told of one scan so often at most.
pub const MOST_TELLINGS: u32 = 3;
/// What is missing is looked at again for this long after the last telling…
const LOOKED_AT_FOR: Duration = Duration::from_hours(24);
/// … with pauses of this part of the time since then…
const PART_WHILE_MISSING: u32 = 2;
/// … of at least…
const SHORTEST_WHILE_MISSING: Duration = Duration::from_mins(1);
/// … and at most this.
const LONGEST_WHILE_MISSING: Duration = Duration::from_hours(2);
/// What is missing is looked at together, so that one listing of a server serves many: in short pauses at whole halves of a
/// minute…
const TOGETHER: Duration = Duration::from_secs(30);
/// … and in pauses of ten minutes and more at whole five minutes.
const TOGETHER_LATER: Duration = Duration::from_mins(5);

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

/// What is known beside the sight.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// How long a file is waited for.
    pub within: Duration,
    /// Since when the server has answered: time in which it was away does not count.
    pub answering_since: Option<Timestamp>,
    /// Why the last telling is believed lost, in a sentence without a capital; none while it may still be carried out.
    pub lost: Option<&'a str>,
    /// When the first change of the scan came in.
    pub first_seen: Timestamp,
    /// The time.
    pub now: Timestamp,
}

/// How long until the target is asked again, when its scan was asked for `elapsed` ago.
pub fn pause(elapsed: Duration) -> Duration {
    (elapsed / PART_OF_THE_WAIT).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
}

/// When something that is missing since its last telling, or since its scan's first change, is looked at again; none after a
/// day.
fn look_again(since: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let missing_for = now.since(since);
    if missing_for >= LOOKED_AT_FOR {
        return None;
    }
    let pause = (missing_for / PART_WHILE_MISSING).clamp(SHORTEST_WHILE_MISSING, LONGEST_WHILE_MISSING);
    let together = if pause < TOGETHER_LATER * 2 { TOGETHER } else { TOGETHER_LATER };
    let together = i64::try_from(together.as_millis()).unwrap_or(i64::MAX);
    let at = (now + pause).as_millis();
    Some(Timestamp::from_millis(at + (together - at.rem_euclid(together)) % together))
}

/// A file that was to be there never came, and nothing was told in its place: it is missing until it comes.
#[must_use]
pub fn never_came(delivery: &Delivery, reason: String, now: Timestamp) -> Delivery {
    Delivery {
        state: DeliveryState::Missing,
        absent: true,
        error: Some(reason),
        next_attempt_at: look_again(delivery.sent_at.unwrap_or(now), now),
        ..delivery.clone().without_cause()
    }
}

/// A delivery that is missing, and was so when it was looked at just now.
#[must_use]
pub fn still_missing(delivery: &Delivery, first_seen: Timestamp, now: Timestamp) -> Delivery {
    let since = delivery.sent_at.unwrap_or(first_seen);
    Delivery { next_attempt_at: look_again(since, now), ..delivery.clone() }
}

/// A delivery whose target is told once more at once, because of what is said in a sentence.
#[must_use]
pub fn told_again(delivery: &Delivery, reason: String, now: Timestamp) -> Delivery {
    Delivery {
        state: DeliveryState::Waiting,
        next_attempt_at: Some(now),
        error: Some(reason),
        ..delivery.clone().without_cause()
    }
}

/// A delivery that is missing, after its target was asked by a person for what mends the cause: it is verified as after a
/// telling.
#[must_use]
pub fn remedied(delivery: &Delivery, now: Timestamp) -> Delivery {
    Delivery {
        state: DeliveryState::Sent,
        attempts: delivery.attempts.saturating_add(1),
        faults: 0,
        tellings: delivery.tellings.saturating_add(1),
        sent_at: Some(now),
        next_attempt_at: Some(now + FIRST_ASKED_AFTER),
        error: None,
        ..delivery.clone().without_cause()
    }
}

/// What follows a sight of the target.
#[must_use]
pub fn next(delivery: &Delivery, sight: &Verification, known: &Circumstances<'_>) -> Delivery {
    let now = known.now;
    let closed = Delivery { next_attempt_at: None, error: None, ..delivery.clone().without_cause() };
    let found = match sight {
        Verification::Proven => return Delivery { state: DeliveryState::Seen, seen_at: Some(now), ..closed },
        Verification::Unknowable(reason) => {
            let note = Some(format!("nothing to prove: {reason}"));
            return Delivery { state: DeliveryState::Sent, note, ..closed };
        }
        Verification::NotYet(found) => found,
    };
    if delivery.state == DeliveryState::Missing {
        return still_missing(delivery, known.first_seen, now);
    }
    if let Some(reason) = known.lost.filter(|_| delivery.tellings < MOST_TELLINGS) {
        return told_again(delivery, format!("{found}; telling it again because {reason}"), now);
    }
    let sent_at = delivery.sent_at.unwrap_or(now);
    let since = known.answering_since.map_or(sent_at, |answering| answering.max(sent_at));
    let limit = if delivery.widened { known.within.min(AFTER_WIDENING) } else { known.within };
    if now.since(since) < limit {
        let left = limit.saturating_sub(now.since(since));
        let at = now + pause(now.since(since)).min(left.max(Duration::from_millis(1)));
        return Delivery { next_attempt_at: Some(at), error: Some(found.clone()), ..delivery.clone() };
    }
    if delivery.widened || delivery.tellings >= MOST_TELLINGS {
        let missing = Delivery { state: DeliveryState::Missing, error: Some(found.clone()), ..closed };
        return still_missing(&missing, known.first_seen, now);
    }
    let wider = Delivery { widened: true, ..closed };
    told_again(&wider, format!("{found}; the folder above is told"), now)
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

    /// What follows at this moment when nothing else is known.
    fn followed(delivery: &Delivery, sight: &Verification, at: Timestamp) -> Delivery {
        let (first_seen, within) = (Timestamp::from_millis(0), WITHIN);
        next(
            delivery,
            sight,
            &Circumstances { within, answering_since: None, lost: None, first_seen, now: at },
        )
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(0) + Duration::from_secs(seconds)
    }

    #[test]
    fn a_sight_has_its_consequence() {
        let seen = followed(&sent(), &Verification::Proven, at(12));
        assert_eq!((seen.state, seen.seen_at, seen.is_open()), (DeliveryState::Seen, Some(at(12)), false));
        let nothing = followed(&sent(), &Verification::Unknowable("subtitles".to_owned()), at(2));
        assert_eq!((nothing.state, nothing.is_open()), (DeliveryState::Sent, false));
        assert!(nothing.note.unwrap().contains("subtitles"));
        let open = followed(&sent(), &not_yet(), at(80));
        assert_eq!((open.state, open.next_attempt_at), (DeliveryState::Sent, Some(at(90))));
        assert_eq!(open.error.as_deref(), Some("not there"));
    }

    #[test]
    fn what_is_not_seen_in_time_goes_once_to_the_folder_above_and_is_missing_then() {
        let wider = followed(&sent(), &not_yet(), at(900));
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
        assert_eq!(followed(&told, &not_yet(), at(1000)).state, DeliveryState::Sent);
        let missing = followed(&told, &not_yet(), at(901 + 300));
        assert_eq!((missing.state, missing.is_open()), (DeliveryState::Missing, false));
    }

    #[test]
    fn a_telling_that_was_lost_is_made_again_at_once_and_three_times_at_most() {
        let lost = |delivery: &Delivery, now| {
            let lost = Some("plex is idle");
            let known = Circumstances { within: WITHIN, answering_since: None, lost, first_seen: at(0), now };
            next(delivery, &not_yet(), &known)
        };
        let accepted = Outcome::Accepted { ask_in: Some(FIRST_ASKED_AFTER) };
        let mut delivery = sent();
        for telling in 2..=MOST_TELLINGS {
            delivery = lost(&delivery, at(100));
            assert_eq!((delivery.state, delivery.next_attempt_at), (DeliveryState::Waiting, Some(at(100))));
            let reason = delivery.error.as_deref().unwrap();
            assert_eq!(reason, "not there; telling it again because plex is idle");
            delivery = crate::delivery::next(&delivery, &accepted, at(100), 0.0);
            assert_eq!(delivery.tellings, telling);
        }
        assert_eq!(lost(&delivery, at(200)).state, DeliveryState::Sent);
        let missing = lost(&delivery, at(1000));
        assert_eq!(
            (missing.state, missing.widened),
            (DeliveryState::Missing, false),
            "it was told three times"
        );
    }

    #[test]
    fn what_is_missing_is_looked_at_for_a_day_with_growing_pauses_and_is_seen_when_it_is_there() {
        let mut delivery = Delivery { tellings: MOST_TELLINGS, ..sent() };
        let mut looked = Vec::new();
        let mut now = at(900);
        delivery = followed(&delivery, &not_yet(), now);
        while let Some(again) = delivery.next_attempt_at {
            assert_eq!((delivery.state, delivery.is_open()), (DeliveryState::Missing, false));
            assert_eq!(delivery.work(), Some(crate::delivery::Work::Verify));
            assert!(again > now && again.as_millis() % 30_000 == 0, "{again:?}");
            let seen = followed(&delivery, &Verification::Proven, again);
            assert_eq!((seen.state, seen.seen_at, seen.error), (DeliveryState::Seen, Some(again), None));
            looked.push(again.since(now));
            now = again;
            delivery = followed(&delivery, &not_yet(), now);
            assert_eq!(delivery.error.as_deref(), Some("not there"), "the reason stays");
        }
        assert!(now >= at(86_400) && looked.len() < 24, "{looked:?}");
        assert_eq!(delivery.work(), None);
    }

    #[test]
    fn what_stands_with_a_cause_goes_with_it() {
        let remedy = crate::cause::Remedy::ScanLibrary { library: "Films".into(), id: "1".into() };
        let missing = Delivery {
            state: DeliveryState::Missing,
            error: Some("the library lists nothing".into()),
            remedy: Some(remedy),
            evidence: Some("/films/.ignore".into()),
            ..sent()
        };
        assert!(missing.has_passing_cause());
        assert!(followed(&missing, &not_yet(), at(1000)).remedy.is_some(), "it is still missing");
        let after = [
            followed(&missing, &Verification::Proven, at(1000)),
            followed(&missing, &Verification::Unknowable("subtitles".into()), at(1000)),
            told_again(&missing, "it came".into(), at(1000)),
            never_came(&missing, "it is not there".into(), at(1000)),
            remedied(&missing, at(1000)),
        ];
        assert!(after.iter().all(|delivery| !delivery.has_passing_cause()), "{after:?}");
        let asked = remedied(&missing, at(1000));
        assert_eq!((asked.state, asked.sent_at, asked.error), (DeliveryState::Sent, Some(at(1000)), None));
        assert_eq!((asked.tellings, asked.next_attempt_at), (2, Some(at(1002))));
    }

    #[test]
    fn time_in_which_the_server_was_away_does_not_count() {
        let known = Circumstances {
            within: WITHIN,
            answering_since: Some(at(7200)),
            lost: None,
            first_seen: at(0),
            now: at(7210),
        };
        let back = next(&sent(), &not_yet(), &known);
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
                    _ => next(&delivery, &not_yet(), &Circumstances { within, answering_since: None, lost: None, first_seen: at(0), now }),
                };
                now = delivery.next_attempt_at.map_or(now, |at| at.max(now));
                steps += 1;
                prop_assert!(steps < 1_000);
            }
            prop_assert_eq!(delivery.state, DeliveryState::Missing);
        }
    }
}
