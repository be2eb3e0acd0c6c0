//! What became of the scans that a person asked for.

use autoscan_core::path::LocalPath;
use autoscan_core::scan::{Scan, ScanId, ScanState};

use super::words::{self, Badge};
use crate::answer::Problem;
use crate::app::App;

/// Scans that are shown one by one, those that need a person first.
const SHOWN: usize = 100;

/// The scans that were asked for.
pub(super) struct RequestedScans {
    /// How many are in which state, in words.
    pub(super) summary: String,
    pub(super) rows: Vec<Row>,
    /// How many more there are.
    pub(super) more: usize,
}

/// One scan.
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) folder: String,
    pub(super) badge: Badge,
    pub(super) reason: Option<String>,
    pub(super) deliveries: Vec<RequestedDelivery>,
}

/// One target of a scan.
pub(super) struct RequestedDelivery {
    pub(super) target: String,
    pub(super) badge: Badge,
    pub(super) reason: Option<String>,
}

impl RequestedScans {
    /// Reads them; a scan that was forgotten meanwhile is only counted.
    pub(super) async fn of(app: &App, ids: &[ScanId]) -> Result<Self, Problem> {
        let mut scans = Vec::new();
        for id in ids {
            scans.extend(app.web.engine.show(*id).await?);
        }
        let now = app.web.engine.now();
        let count = |state| scans.iter().filter(|scan: &&Scan| scan.state == state).count();
        let order = [ScanState::Attention, ScanState::Running, ScanState::Waiting, ScanState::Done];
        let mut parts: Vec<String> = order
            .into_iter()
            .map(|state| (count(state), words::scan_state(state).word))
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        if scans.len() < ids.len() {
            parts.push(format!("{} forgotten", ids.len() - scans.len()));
        }
        scans.sort_by_key(|scan| order.iter().position(|state| *state == scan.state));
        let more = scans.len().saturating_sub(SHOWN);
        let rows = scans.iter().take(SHOWN).map(|scan| Row::of(scan, now)).collect();
        Ok(Self { summary: parts.join(", "), rows, more })
    }
}

impl Row {
    fn of(scan: &Scan, now: autoscan_core::time::Timestamp) -> Self {
        let quiet = (scan.state == ScanState::Waiting)
            .then(|| format!("starts {} if nothing more comes", words::ago(now, scan.due_at)));
        let deliveries = scan.deliveries.iter().map(|delivery| RequestedDelivery {
            target: delivery.target.to_string(),
            badge: words::delivery_state(delivery),
            reason: delivery.error.as_deref().map(words::plain),
        });
        Self {
            id: scan.id.0,
            folder: words::plain(LocalPath::as_str(&scan.folder)),
            badge: words::scan_state(scan.state),
            reason: scan.note.as_deref().map(words::plain).or(quiet),
            deliveries: deliveries.collect(),
        }
    }
}
