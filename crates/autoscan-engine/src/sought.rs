//! What a target must show after a scan: the files of its changes as they lie on the disk.

use autoscan_core::change::{Change, ChangeKind, Subject};
use autoscan_core::media::{Role, is_extra};
use autoscan_core::path::LocalPath;
use autoscan_core::ports::Look;
use autoscan_core::proof::{Sought, Wanted};
use autoscan_core::time::Timestamp;

use crate::Engine;
use crate::bound::BoundTarget;
use crate::bundle::to_target;

/// Files looked at to find out what a folder holds of which nothing more is known.
const LOOKED_AT: usize = 300;
/// Of such a folder so many files are asked for: the newest.
const ASKED_FOR: usize = 10;

/// The paths to ask for. What the disk cannot tell of is left out.
pub(crate) async fn sought(
    engine: &Engine,
    target: &BoundTarget,
    folder: &LocalPath,
    changes: &[&Change<LocalPath>],
) -> Vec<Sought> {
    let mut sought = Vec::new();
    for change in changes {
        if let Some(from) = change.from.as_ref().filter(|from| from.0.is_within(&folder.0)) {
            sought.extend(file(engine, target, from, Wanted::Gone, change.subject).await);
        }
        // A move is two scans, one a folder; each asks for its own end.
        if !change.path.0.is_within(&folder.0) && change.from.is_some() {
            continue;
        }
        match (change.kind, change.subject) {
            (ChangeKind::Deleted, subject) => {
                sought.extend(file(engine, target, &change.path, Wanted::Gone, subject).await);
            }
            (ChangeKind::Rescan, _) | (_, Subject::Folder) => {
                sought.extend(newest(engine, target, &change.path).await);
            }
            (_, Subject::File) => {
                let there = Wanted::There { size: None };
                sought.extend(file(engine, target, &change.path, there, Subject::File).await);
            }
        }
    }
    sought
}

/// One path: as it was reported, unless the disk knows better.
async fn file(
    engine: &Engine,
    target: &BoundTarget,
    path: &LocalPath,
    reported: Wanted,
    subject: Subject,
) -> Option<Sought> {
    let wanted = if engine.parts.rules.files.check {
        match (engine.parts.files.look(path).await, reported) {
            (Look::File { size, .. }, _) => Wanted::There { size: Some(size) },
            (Look::Missing, Wanted::Gone) => Wanted::Gone,
            (Look::Unreachable(_), Wanted::There { .. }) => reported,
            // Replaced again meanwhile, or a folder that came back: a later scan tells of it.
            (Look::Missing | Look::Folder, _) | (Look::Unreachable(_), Wanted::Gone) => return None,
        }
    } else {
        reported
    };
    Some(Sought { path: to_target(target, path).ok()?, subject, wanted })
}

/// The newest media files of a folder that was asked for as a whole, or the folder's absence.
async fn newest(engine: &Engine, target: &BoundTarget, folder: &LocalPath) -> Vec<Sought> {
    let files = &engine.parts.files;
    if !engine.parts.rules.files.check {
        return Vec::new();
    }
    match files.look(folder).await {
        Look::Folder => {}
        Look::Missing => {
            return file(engine, target, folder, Wanted::Gone, Subject::Folder).await.into_iter().collect();
        }
        Look::File { .. } => {
            let there = Wanted::There { size: None };
            return file(engine, target, folder, there, Subject::File).await.into_iter().collect();
        }
        Look::Unreachable(_) => return Vec::new(),
    }
    let mut found: Vec<(Timestamp, LocalPath)> = Vec::new();
    for path in files.list(folder, LOOKED_AT).await.files {
        if Role::of(&path.0) == Role::Media
            && !is_extra(&path.0)
            && engine.parts.rules.ignore.matches(&path.0).is_none()
            && target.filter.reject(&path.0, Subject::File).is_none()
            && let Look::File { changed_at, .. } = files.look(&path).await
        {
            found.push((changed_at, path));
        }
    }
    found.sort();
    let mut sought = Vec::new();
    for (_, path) in found.iter().rev().take(ASKED_FOR) {
        sought.extend(file(engine, target, path, Wanted::There { size: None }, Subject::File).await);
    }
    sought
}
