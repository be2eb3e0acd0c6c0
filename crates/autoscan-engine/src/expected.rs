//! What a target must show after a scan: the files of its changes as they lie on the disk.

use autoscan_core::change::{Change, ChangeKind, Subject};
use autoscan_core::filter::IgnoreList;
use autoscan_core::media::{Role, is_extra};
use autoscan_core::path::LocalPath;
use autoscan_core::ports::{Files, Look};
use autoscan_core::proof::{ExpectedFile, Presence};
use autoscan_core::time::Timestamp;

use crate::bound::BoundTarget;
use crate::bundle::to_target;

/// Files looked at to find out what a folder holds of which nothing more is known.
const LOOKED_AT: usize = 300;
/// Of such a folder so many files are asked for: the newest.
const ASKED_FOR: usize = 10;

/// What finding out what to ask for takes.
pub(crate) struct Disk<'a> {
    pub(crate) files: &'a dyn Files,
    /// Whether the disk is looked at at all.
    pub(crate) check: bool,
    pub(crate) ignore: &'a IgnoreList,
}

/// The paths to ask for. What the disk cannot tell of is left out.
pub(crate) async fn expected(
    disk: &Disk<'_>,
    target: &BoundTarget,
    folder: &LocalPath,
    changes: &[&Change<LocalPath>],
) -> Vec<ExpectedFile> {
    let mut expected = Vec::new();
    for change in changes {
        if let Some(from) = change.from.as_ref().filter(|from| from.0.is_within(&folder.0)) {
            expected.extend(file(disk, target, from, Presence::Gone, change.subject).await);
        }
        // A move is two scans, one a folder; each asks for its own end.
        if !change.path.0.is_within(&folder.0) && change.from.is_some() {
            continue;
        }
        match (change.kind, change.subject) {
            (ChangeKind::Deleted, subject) => {
                expected.extend(file(disk, target, &change.path, Presence::Gone, subject).await);
            }
            (ChangeKind::Rescan, _) | (_, Subject::Folder) => {
                expected.extend(newest(disk, target, &change.path).await);
            }
            (_, Subject::File) => {
                let there = Presence::There { size: None };
                expected.extend(file(disk, target, &change.path, there, Subject::File).await);
            }
        }
    }
    expected
}

/// One path: as it was reported, unless the disk knows better.
async fn file(
    disk: &Disk<'_>,
    target: &BoundTarget,
    path: &LocalPath,
    reported: Presence,
    subject: Subject,
) -> Option<ExpectedFile> {
    let presence = if disk.check {
        match (disk.files.look(path).await, reported) {
            (Look::File { size, .. }, _) => Presence::There { size: Some(size) },
            (Look::Missing, Presence::Gone) => Presence::Gone,
            (Look::Unreachable(_), Presence::There { .. }) => reported,
            // Replaced again meanwhile, or a folder that came back: a later scan tells of it.
            (Look::Missing | Look::Folder, _) | (Look::Unreachable(_), Presence::Gone) => return None,
        }
    } else {
        reported
    };
    Some(ExpectedFile { path: to_target(target, path).ok()?, subject, presence })
}

/// The newest media files of a folder that was asked for as a whole, or the folder's absence.
async fn newest(disk: &Disk<'_>, target: &BoundTarget, folder: &LocalPath) -> Vec<ExpectedFile> {
    let files = disk.files;
    if !disk.check {
        return Vec::new();
    }
    match files.look(folder).await {
        Look::Folder => {}
        Look::Missing => {
            return file(disk, target, folder, Presence::Gone, Subject::Folder).await.into_iter().collect();
        }
        Look::File { .. } => {
            let there = Presence::There { size: None };
            return file(disk, target, folder, there, Subject::File).await.into_iter().collect();
        }
        Look::Unreachable(_) => return Vec::new(),
    }
    let mut found: Vec<(Timestamp, LocalPath)> = Vec::new();
    for path in files.list(folder, LOOKED_AT).await.files {
        if Role::of(&path.0) == Role::Media
            && !is_extra(&path.0)
            && disk.ignore.matches(&path.0).is_none()
            && target.filter.reject(&path.0, Subject::File).is_none()
            && let Look::File { changed_at, .. } = files.look(&path).await
        {
            found.push((changed_at, path));
        }
    }
    found.sort();
    let mut expected = Vec::new();
    for (_, path) in found.iter().rev().take(ASKED_FOR) {
        expected.extend(file(disk, target, path, Presence::There { size: None }, Subject::File).await);
    }
    expected
}
