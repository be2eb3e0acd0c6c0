//! Scans as the API shows them.

use autoscan_core::cause::Remedy;
use autoscan_core::delivery::{Delivery, DeliveryState};
use autoscan_core::name::Name;
use autoscan_core::path::{LocalPath, TriggerPath};
use autoscan_core::scan::{Scan, ScanId, ScanState, StoredChange};
use serde::Serialize;

use crate::moment::Moment;

/// A scan.
#[derive(Serialize)]
pub(super) struct ScanJson<'a> {
    id: ScanId,
    folder: &'a LocalPath,
    state: ScanState,
    priority: i64,
    first_seen: Moment,
    due_at: Moment,
    finished_at: Option<Moment>,
    note: Option<&'a str>,
    changes: Vec<ChangeJson<'a>>,
    deliveries: Vec<DeliveryJson<'a>>,
}

#[derive(Serialize)]
struct ChangeJson<'a> {
    path: &'a LocalPath,
    /// The path as it was sent, when it is another one.
    sent_path: Option<&'a str>,
    kind: &'static str,
    from: Option<&'a LocalPath>,
    trigger: &'a Name,
    received_at: Moment,
}

#[derive(Serialize)]
struct DeliveryJson<'a> {
    target: &'a Name,
    state: DeliveryState,
    attempts: u32,
    next_attempt_at: Option<Moment>,
    sent_at: Option<Moment>,
    seen_at: Option<Moment>,
    /// From the scan's first change to the moment at which the target showed the files, in milliseconds.
    time_to_visible_ms: Option<u64>,
    error: Option<&'a str>,
    /// What mends the cause, when a person asks for it.
    remedy: Option<&'a Remedy>,
    note: Option<&'a str>,
}

impl<'a> From<&'a Scan> for ScanJson<'a> {
    fn from(scan: &'a Scan) -> Self {
        Self {
            id: scan.id,
            folder: &scan.folder,
            state: scan.state,
            priority: scan.priority,
            first_seen: scan.first_seen.into(),
            due_at: scan.due_at.into(),
            finished_at: scan.finished_at.map(Moment::from),
            note: scan.note.as_deref(),
            changes: scan.changes.iter().map(ChangeJson::from).collect(),
            deliveries: scan.deliveries.iter().map(|delivery| DeliveryJson::of(delivery, scan)).collect(),
        }
    }
}

impl<'a> From<&'a StoredChange> for ChangeJson<'a> {
    fn from(stored: &'a StoredChange) -> Self {
        Self {
            path: &stored.change.path,
            sent_path: stored.sent_path.as_ref().map(TriggerPath::as_str),
            kind: stored.change.kind.as_str(),
            from: stored.change.from.as_ref(),
            trigger: &stored.trigger,
            received_at: stored.received_at.into(),
        }
    }
}

impl<'a> DeliveryJson<'a> {
    fn of(delivery: &'a Delivery, scan: &Scan) -> Self {
        let seen_at = delivery.seen_at.filter(|_| delivery.state == DeliveryState::Seen);
        let visible_after = seen_at.map(|seen_at| seen_at.since(scan.first_seen));
        Self {
            target: &delivery.target,
            state: delivery.state,
            attempts: delivery.attempts,
            next_attempt_at: delivery.next_attempt_at.map(Moment::from),
            sent_at: delivery.sent_at.map(Moment::from),
            seen_at: delivery.seen_at.map(Moment::from),
            time_to_visible_ms: visible_after.and_then(|after| u64::try_from(after.as_millis()).ok()),
            error: delivery.error.as_deref(),
            remedy: delivery.remedy.as_ref(),
            note: delivery.note.as_deref(),
        }
    }
}
