//! What is gone from the disk: which folder a target is told of then, and what was asked for by its path and is no longer
//! there.

use autoscan_core::change::{Change, ChangeKind, Subject};
use autoscan_core::media::Role;
use autoscan_core::path::{AbsolutePath, LocalPath};
use autoscan_core::ports::{Claimed, Files, Libraries, Library, Look};
use tracing::debug;

use crate::bound::BoundTarget;
use crate::bundle::to_target;

/// The folder that a target is told of. Mostly it is the one that the gate found. Where that is the nearest folder above one
/// that is gone, and a whole library of this target or none of its libraries, it is the first folder below it in a library, which is gone: a
/// library is never looked at for one folder.
pub(crate) fn told_folder(target: &BoundTarget, claim: &Claimed) -> LocalPath {
    let told = &claim.folder;
    if claim.delivery.absent || *told == claim.scan_folder {
        return told.clone();
    }
    let names = claim.scan_folder.0.names_below(&told.0).unwrap_or_default();
    let libraries = target.server.libraries().and_then(Libraries::cached);
    let Some((libraries, _)) = libraries else { return told.clone() };
    let folders = (0..=names.len()).map(|depth| LocalPath(told.0.join(names.iter().take(depth).copied())));
    let is_below = |folder: &LocalPath| {
        to_target(target, folder).is_ok_and(|seen| lies_below_a_root(&libraries, &seen.0))
    };
    folders.into_iter().find(is_below).unwrap_or_else(|| told.clone())
}

/// Reads the target's libraries once, where one of these folders is gone: what is told instead hangs on them.
pub(crate) async fn know_libraries(target: &BoundTarget, claimed: &[Claimed]) {
    let Some(libraries) = target.server.libraries() else { return };
    if libraries.cached().is_none()
        && claimed.iter().any(|claim| claim.folder != claim.scan_folder)
        && let Err(fault) = libraries.read().await
    {
        debug!(target = %target.name, reason = fault.reason(), "its libraries are not known: nearest folders are told");
    }
}

/// Whether the folder lies in a library and is no library's own folder.
fn lies_below_a_root(libraries: &[Library], folder: &AbsolutePath) -> bool {
    let roots = libraries.iter().flat_map(|library| &library.folders);
    let depths: Vec<usize> = roots
        .filter_map(|root| folder.names_below(&AbsolutePath::parse(root).ok()?).map(|names| names.len()))
        .collect();
    depths.iter().min().is_some_and(|nearest| *nearest > 0)
}

/// Whether a change says no more than that this path is to be looked at: whoever sent it does not know what happened to it.
pub(crate) fn is_asked_for<P>(change: &Change<P>) -> bool {
    change.kind == ChangeKind::Rescan || (change.kind == ChangeKind::Modified && change.awaited)
}

/// What was asked for by its path and is gone was deleted. What it was is told by its name alone: nothing else is left of it.
pub(crate) fn deleted<P: Clone>(change: &Change<P>, path: &AbsolutePath) -> Change<P> {
    let is_file = change.kind != ChangeKind::Rescan || Role::of(path) != Role::Other;
    let subject = if is_file { Subject::File } else { Subject::Folder };
    Change { kind: ChangeKind::Deleted, subject, awaited: false, ..change.clone() }
}

/// The changes as the disk says now.
pub(crate) async fn as_on_disk(
    files: &dyn Files,
    changes: Vec<&Change<LocalPath>>,
) -> Vec<Change<LocalPath>> {
    let mut known = Vec::with_capacity(changes.len());
    for change in changes {
        let is_gone = is_asked_for(change) && files.look(&change.path).await == Look::Missing;
        known.push(if is_gone { deleted(change, &change.path.0) } else { change.clone() });
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_lies_below_a_root_when_its_nearest_library_folder_is_above_it() {
        let library = |folders: &[&str]| Library {
            id: "1".into(),
            title: "TV".into(),
            kind: "show".into(),
            folders: folders.iter().map(|folder| (*folder).to_owned()).collect(),
        };
        let libraries = [library(&["/tv", "no path"]), library(&["/tv/kids", "D:\\TV"])];
        for (folder, below) in [
            ("/tv/Show", true),
            ("/tv", false),
            ("/tv/kids", false),
            ("/tv/kids/Show", true),
            ("/tv4k/Show", false),
            ("/", false),
            ("d:\\tv\\Show", true),
            ("D:\\tv", false),
        ] {
            let path = AbsolutePath::parse(folder).unwrap();
            assert_eq!(lies_below_a_root(&libraries, &path), below, "{folder}");
        }
    }

    #[test]
    fn what_a_path_was_is_told_by_its_name() {
        let path = |text: &str| LocalPath::parse(text).unwrap();
        for (change, subject) in [
            (Change::rescan(path("/tv/Show")), Subject::Folder),
            (Change::rescan(path("/tv/Show/1.mkv")), Subject::File),
            (Change::modified(path("/tv/Show/1.unknown")), Subject::File),
        ] {
            assert!(is_asked_for(&change));
            let gone = deleted(&change, &change.path.0);
            assert_eq!((gone.kind, gone.subject, gone.awaited), (ChangeKind::Deleted, subject, false));
        }
        assert!(!is_asked_for(&Change::created(path("/tv/1.mkv"))));
        assert!(!is_asked_for(&Change::replaced(path("/tv/1.mkv"))));
    }
}
