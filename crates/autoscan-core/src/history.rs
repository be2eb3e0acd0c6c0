//! What is counted of the past, in the form in which it is kept: each row can be added to by several processes.

use crate::name::Name;
use crate::scan::ScanId;
use crate::time::Timestamp;

/// Events that are kept of each trigger.
pub const RECENT_EVENTS: usize = 10;

/// Classes of the time from a change to its proof: the last holds what took longer than all others.
pub const VISIBLE_CLASSES: usize = 24;

/// What one trigger sent: in all, or since it was written down last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriggerCounts {
    /// The trigger.
    pub trigger: Name,
    /// Requests that were read.
    pub events: u64,
    /// Changes that were stored.
    pub changes: u64,
    /// Requests that were refused or could not be read.
    pub refused: u64,
    /// Requests that could not be stored and are not sent again: lost, unless they are caught up with.
    pub lost: u64,
    /// How many of them a person knows of: their warning was put away.
    pub dismissed: u64,
    /// When the first of the others came in.
    pub lost_since: Option<Timestamp>,
    /// When the last one that was read came in, and the sender's name of the event.
    pub last: Option<(Timestamp, String)>,
    /// The last ones, oldest first.
    pub recent: Vec<TriggerEvent>,
}

impl TriggerCounts {
    /// Nothing was sent.
    pub fn new(trigger: Name) -> Self {
        Self {
            trigger,
            events: 0,
            changes: 0,
            refused: 0,
            lost: 0,
            dismissed: 0,
            lost_since: None,
            last: None,
            recent: Vec::new(),
        }
    }

    /// Of the requests that are lost those that nobody has put away.
    pub fn lost_and_not_dismissed(&self) -> u64 {
        self.lost.saturating_sub(self.dismissed)
    }

    /// Adds what was lost later, and what a person put away: only what was lost after that is new.
    pub fn add_lost(&mut self, later: &Self) {
        self.lost = self.lost.saturating_add(later.lost);
        self.dismissed = self.dismissed.saturating_add(later.dismissed);
        let known = self.lost_since.filter(|_since| later.dismissed == 0);
        self.lost_since = known.or(later.lost_since);
    }

    /// Adds what came later.
    pub fn add(&mut self, later: Self) {
        self.events = self.events.saturating_add(later.events);
        self.changes = self.changes.saturating_add(later.changes);
        self.refused = self.refused.saturating_add(later.refused);
        self.add_lost(&later);
        self.last = later.last.or(self.last.take());
        for event in later.recent {
            let is_same = |known: &&mut TriggerEvent| known.refused && known.outcome == event.outcome;
            match self.recent.iter_mut().rev().find(|known| event.refused && is_same(known)) {
                Some(known) => {
                    known.at = event.at;
                    known.times = known.times.saturating_add(event.times);
                }
                None => self.recent.push(event),
            }
        }
        let forget = self.recent.len().saturating_sub(RECENT_EVENTS);
        self.recent.drain(..forget);
    }
}

/// One request to a trigger, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriggerEvent {
    /// When it came in, for the last time.
    pub at: Timestamp,
    /// The sender's name of the event; may be empty.
    pub event: String,
    /// What became of it, in a sentence without a capital.
    pub outcome: String,
    /// The first of the scans that have its changes.
    pub scans: Vec<ScanId>,
    /// Whether it was refused or could not be read.
    pub refused: bool,
    /// How often it came in: what is refused for the same reason again is one event. A store adds an event that is refused
    /// for the same reason as a recent one to that one.
    pub times: u32,
}

/// What was counted in one hour, or since it was written down last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HourCounts {
    /// The hour: how many there were since the Unix epoch.
    pub hour: i64,
    /// Changes that were stored.
    pub changes: u64,
    /// Scans that were done.
    pub done: u64,
    /// Scans that came to need attention.
    pub attention: u64,
    /// Deliveries that were proven, by the class of the time they took.
    pub visible: [u32; VISIBLE_CLASSES],
    /// The longest of these times, in milliseconds.
    pub slowest: u64,
}

impl HourCounts {
    /// Adds what was counted in the same hour elsewhere.
    pub fn add(&mut self, more: &Self) {
        self.changes = self.changes.saturating_add(more.changes);
        self.done = self.done.saturating_add(more.done);
        self.attention = self.attention.saturating_add(more.attention);
        self.slowest = self.slowest.max(more.slowest);
        for (count, more) in self.visible.iter_mut().zip(more.visible) {
            *count = count.saturating_add(more);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at: i64, outcome: &str, refused: bool) -> TriggerEvent {
        let at = Timestamp::from_millis(at);
        TriggerEvent { at, event: String::new(), outcome: outcome.into(), scans: vec![], refused, times: 1 }
    }

    #[test]
    fn what_was_put_away_is_warned_of_no_more_and_what_is_lost_afterwards_is() {
        let of = || TriggerCounts::new(Name::parse("sonarr").unwrap());
        let lost = |at| TriggerCounts { lost: 1, lost_since: Some(Timestamp::from_millis(at)), ..of() };
        let mut kept = of();
        kept.add(lost(1));
        kept.add(lost(2));
        assert_eq!((kept.lost_and_not_dismissed(), kept.lost_since), (2, Some(Timestamp::from_millis(1))));
        // What is written down later in one piece: lost, put away, lost again.
        let mut later = lost(3);
        later.add(TriggerCounts { dismissed: 3, ..of() });
        assert_eq!(later.lost_since, None);
        later.add(lost(4));
        kept.add(later);
        assert_eq!((kept.lost, kept.dismissed, kept.lost_and_not_dismissed()), (4, 3, 1));
        assert_eq!(kept.lost_since, Some(Timestamp::from_millis(4)));
    }

    #[test]
    fn the_last_events_are_kept_and_the_same_refusal_is_one() {
        let mut counts = TriggerCounts::new(Name::parse("sonarr").unwrap());
        let later = |event: TriggerEvent| {
            let counts = TriggerCounts::new(Name::parse("sonarr").unwrap());
            TriggerCounts { refused: u64::from(event.refused), recent: vec![event], ..counts }
        };
        counts.add(later(event(1, "the key is wrong", true)));
        for at in 2..RECENT_EVENTS {
            counts.add(later(event(i64::try_from(at).unwrap(), "stored", false)));
        }
        counts.add(later(event(50, "the key is wrong", true)));
        assert_eq!((counts.refused, counts.recent.len()), (2, RECENT_EVENTS - 1));
        assert_eq!((counts.recent[0].times, counts.recent[0].at), (2, Timestamp::from_millis(50)));
        counts.add(later(event(60, "stored", false)));
        counts.add(later(event(61, "stored", false)));
        assert_eq!(counts.recent.len(), RECENT_EVENTS);
        assert!(counts.recent.iter().all(|event| !event.refused), "the oldest goes first");
    }
}
