//! The changes of a scan as JSON, for what is of the user's own: programs and webhooks.

use autoscan_core::change::{Change, ChangeKind, Subject};
use autoscan_core::path::TargetPath;
use autoscan_core::ports::TargetScan;
use serde::Serialize;

/// A change as it is told.
#[derive(Serialize)]
pub(crate) struct ChangeJson<'a> {
    path: &'a str,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    folder: bool,
}

impl<'a> ChangeJson<'a> {
    /// The change in the words of the contract.
    pub(crate) fn of(change: &'a Change<TargetPath>) -> Self {
        Self {
            path: change.path.as_str(),
            kind: change.kind.as_str(),
            from: change.from.as_ref().map(TargetPath::as_str),
            folder: change.subject == Subject::Folder,
        }
    }
}

/// The files of a scan that are there now: new, changed or moved.
pub(crate) fn files_there(scan: &TargetScan) -> Vec<&TargetPath> {
    let is_there = |change: &&Change<TargetPath>| {
        change.subject == Subject::File && !matches!(change.kind, ChangeKind::Deleted | ChangeKind::Rescan)
    };
    scan.changes.iter().filter(is_there).map(|change| &change.path).collect()
}

/// Whether a scan tells of nothing but deletions.
pub(crate) fn only_deletions(scan: &TargetScan) -> bool {
    !scan.changes.is_empty() && scan.changes.iter().all(|change| change.kind == ChangeKind::Deleted)
}
