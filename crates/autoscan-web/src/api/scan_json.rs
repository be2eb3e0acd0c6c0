//! Scans as the API shows them.

use autoscan_core::delivery::{Delivery, DeliveryState};
use autoscan_core::name::Name;
use autoscan_core::path::LocalPath;
use autoscan_core::scan::{Scan, ScanId, ScanState, StoredChange};
use serde::Serialize;

use super::Moment;

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
    error: Option<&'a str>,
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
            deliveries: scan.deliveries.iter().map(DeliveryJson::from).collect(),
        }
    }
}

impl<'a> From<&'a StoredChange> for ChangeJson<'a> {
    fn from(stored: &'a StoredChange) -> Self {
        Self {
            path: &stored.change.path,
            kind: stored.change.kind.as_str(),
            from: stored.change.from.as_ref(),
            trigger: &stored.trigger,
            received_at: stored.received_at.into(),
        }
    }
}

impl<'a> From<&'a Delivery> for DeliveryJson<'a> {
    fn from(delivery: &'a Delivery) -> Self {
        Self {
            target: &delivery.target,
            state: delivery.state,
            attempts: delivery.attempts,
            next_attempt_at: delivery.next_attempt_at.map(Moment::from),
            sent_at: delivery.sent_at.map(Moment::from),
            seen_at: delivery.seen_at.map(Moment::from),
            error: delivery.error.as_deref(),
        }
    }
}
