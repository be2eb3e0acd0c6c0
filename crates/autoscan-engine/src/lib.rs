//! What happens in which order. This crate awaits ports and decides nothing that [`autoscan_core`] could decide.

mod absence;
mod bound;
mod browse;
mod bundle;
mod bus;
mod call;
mod clock_watch;
mod deliverer;
mod elsewhere;
mod engine;
mod event_listener;
mod expected;
mod explain;
mod figures;
mod gate;
mod gone;
mod guard_watch;
mod guards;
mod heartbeat;
mod history;
mod hours;
mod intake;
mod intake_report;
mod janitor;
mod lane;
mod later_looks;
mod ledger;
mod missing_cause;
mod mounts;
mod overview;
mod pause;
mod ports;
mod protected;
mod protected_source;
mod queue;
mod remedy;
mod requests;
mod scheduler;
mod server_info;
mod settler;
mod source;
mod storms;
mod suggest;
mod suspension;
mod take_up;
mod timeline;
mod unknown_triggers;
mod verifier;
mod verifying;
mod views;
mod wakeup;
mod watched_scans;
mod worker;

pub use bound::{BoundTarget, BoundTrigger, FileRules, Pace, PathPriority, Rules};
pub use browse::{BrowseError, BrowsePart, BrowseRoot, BrowseRoots, Browsed};
pub use bus::{BusEvent, BusEventId, BusMessage, Listener, Topic};
pub use call::Overhear;
pub use engine::{Broken, Engine, Parts};
pub use figures::{TargetFigures, VISIBLE_WITHIN};
pub use history::History;
pub use hours::HOURS;
pub use protected::protected;
pub use remedy::{RemedyError, RemedyOutcome};
pub use server_info::{LocalFolders, ServerAnswer, ServerStatus};
pub use suggest::{MapAdvice, NewServer, SenderFolders};
pub use views::{
    Backlog, ExplainedTarget, Explanation, GateView, Hour, IntakeError, IntakeReport, Retried, RetryFilter,
    TargetView, TestView, TriggerView, UnknownTrigger,
};

/// The kind of the trigger that people and scripts use; there is always one.
pub const MANUAL: &str = "manual";
