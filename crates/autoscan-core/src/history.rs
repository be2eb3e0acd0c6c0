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
    /// When the last one that was read came in, and the sender's name of the event.
    pub last: Option<(Timestamp, String)>,
    /// The last ones, oldest first.
    pub recent: Vec<TriggerEvent>,
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
