//! The changes of a scan as JSON, for what is of the user's own: programs and webhooks.

use autoscan_core::change::{Change, Subject};
use autoscan_core::path::TargetPath;
use serde::Serialize;

/// A change as it is told.
#[derive(Serialize)]
pub(crate) struct ToldChange<'a> {
    path: &'a str,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    folder: bool,
}

impl<'a> ToldChange<'a> {
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
