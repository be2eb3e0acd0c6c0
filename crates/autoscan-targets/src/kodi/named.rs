//! What a scan says is gone, or may be.

use autoscan_core::change::{ChangeKind, Subject};
use autoscan_core::media::Role;
use autoscan_core::path::AbsolutePath;
use autoscan_core::ports::TargetScan;

use crate::family::library_index::Owner;

/// A path that a scan names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named<'a> {
    /// A file that is gone.
    Gone(&'a AbsolutePath),
    /// A file of new content, which may be gone when a person asked for it.
    Changed(&'a AbsolutePath),
    /// A folder that is gone with all that was in it.
    GoneFolder(&'a AbsolutePath),
    /// A folder that is there, and of which nobody says what is gone in it.
    Folder(&'a AbsolutePath),
}

/// What a scan names in the source of `owner`. A folder that was asked for is gone when one above it is told in its place.
pub(super) fn named<'a>(owner: &Owner, scan: &'a TargetScan) -> Vec<Named<'a>> {
    let mut named = Vec::new();
    for change in &scan.changes {
        let path = &change.path.0;
        let gone = |path| match change.subject {
            Subject::File => Named::Gone(path),
            Subject::Folder => Named::GoneFolder(path),
        };
        let from = change.from.as_ref().map(|from| &from.0);
        named.extend(from.filter(|from| from.is_within(&owner.root)).map(gone));
        if !path.is_within(&owner.root) {
            continue;
        }
        let is_below = scan.folder.0.depth() < path.depth();
        named.extend(match (change.kind, change.subject) {
            (ChangeKind::Deleted, _) => Some(gone(path)),
            (ChangeKind::Rescan, _) if is_below => Some(Named::GoneFolder(path)),
            (ChangeKind::Rescan, _) => Some(Named::Folder(path)),
            (ChangeKind::Modified, Subject::File) if Role::of(path) == Role::Media => {
                Some(Named::Changed(path))
            }
            _ => None,
        });
    }
    named
}

impl Named<'_> {
    /// Whether a file is said to be gone.
    pub(super) fn takes(self, file: &AbsolutePath) -> bool {
        match self {
            Self::Gone(path) => path == file,
            Self::GoneFolder(path) => file.is_within(path),
            Self::Changed(_) | Self::Folder(_) => false,
        }
    }
}
