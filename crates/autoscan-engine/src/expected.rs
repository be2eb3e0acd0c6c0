//! What a target must show after a scan: the files of its changes as they lie on the disk, and of a folder that is looked at as
//! a whole what differs between the disk and the server's own list, both ways.

use std::collections::HashSet;

use autoscan_core::change::{Change, ChangeKind, Subject};
use autoscan_core::fault::Fault;
use autoscan_core::filter::IgnoreList;
use autoscan_core::media::{Role, is_extra};
use autoscan_core::path::{LocalPath, Style, TargetPath};
use autoscan_core::ports::{Files, Look};
use autoscan_core::proof::{ExpectedFile, Presence};
use autoscan_core::time::Timestamp;

use crate::bound::BoundTarget;
use crate::bundle::to_target;

/// Files looked at to find out which are the newest of a folder.
const LOOKED_AT: usize = 300;
/// Of a folder so many files are asked for: the newest, those that the server does not list, and those that it lists and that
/// are gone.
const ASKED_FOR: usize = 10;
/// Files of a folder that are compared with what the server lists below it.
const COMPARED: usize = 5000;

/// What a target must show.
#[derive(Debug, Default)]
pub(crate) struct Expectation {
    /// The paths to ask for. What the disk cannot tell of is left out.
    pub(crate) files: Vec<ExpectedFile>,
    /// How much of a folder was compared, in a sentence without a capital, when it was not all of it.
    pub(crate) bound: Option<String>,
}

/// What finding out what to ask for takes.
pub(crate) struct Disk<'a> {
    pub(crate) files: &'a dyn Files,
    /// Whether the disk is looked at at all.
    pub(crate) check: bool,
    pub(crate) ignore: &'a IgnoreList,
}

/// What the target must show of these changes, of which the folder was told.
pub(crate) async fn expected(
    disk: &Disk<'_>,
    target: &BoundTarget,
    folder: &LocalPath,
    changes: &[Change<LocalPath>],
) -> Result<Expectation, Fault> {
    let mut expectation = Expectation::default();
    for change in changes {
        let expected = &mut expectation.files;
        if let Some(from) = change.from.as_ref().filter(|from| from.0.is_within(&folder.0)) {
            expected.extend(file(disk, target, from, Presence::Gone, change.subject).await);
        }
        // A move is two scans, one a folder; each asks for its own end.
        if !change.path.0.is_within(&folder.0) && change.from.is_some() {
            continue;
        }
        match (change.kind, change.subject) {
            (ChangeKind::Rescan, _) | (_, Subject::Folder) => {
                of_folder(disk, target, &change.path, &mut expectation).await?;
            }
            (ChangeKind::Deleted, Subject::File) => {
                expected.extend(file(disk, target, &change.path, Presence::Gone, Subject::File).await);
            }
            (_, Subject::File) => {
                let there = Presence::There { size: None };
                expected.extend(file(disk, target, &change.path, there, Subject::File).await);
            }
        }
    }
    Ok(expectation)
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

/// What a folder that is looked at as a whole must show, or the folder's absence.
async fn of_folder(
    disk: &Disk<'_>,
    target: &BoundTarget,
    folder: &LocalPath,
    expectation: &mut Expectation,
) -> Result<(), Fault> {
    if !disk.check {
        return Ok(());
    }
    let (reported, subject) = match disk.files.look(folder).await {
        Look::Folder => return in_folder(disk, target, folder, expectation).await,
        Look::Missing => (Presence::Gone, Subject::Folder),
        Look::File { .. } => (Presence::There { size: None }, Subject::File),
        Look::Unreachable(_) => return Ok(()),
    };
    expectation.files.extend(file(disk, target, folder, reported, subject).await);
    Ok(())
}

/// The newest media files of a folder, and what differs between the disk and what the server lists.
async fn in_folder(
    disk: &Disk<'_>,
    target: &BoundTarget,
    folder: &LocalPath,
    expectation: &mut Expectation,
) -> Result<(), Fault> {
    let on_disk = disk.files.list(folder, COMPARED).await;
    let media: Vec<&LocalPath> = on_disk.files.iter().filter(|path| is_shown(disk, target, path)).collect();
    let mut chosen = newest(disk.files, &media).await;
    let seen = to_target(target, folder).ok().zip(target.server.proof());
    let listing = match seen {
        Some((seen, proof)) => proof.list_below(&seen, COMPARED).await?,
        None => None,
    };
    if let Some(listing) = listing {
        let listed: HashSet<String> = listing.files.iter().map(key).collect();
        if listing.complete {
            let is_unlisted =
                |path: &&&LocalPath| to_target(target, path).is_ok_and(|seen| !listed.contains(&key(&seen)));
            chosen.extend(media.iter().filter(is_unlisted).take(ASKED_FOR).copied());
        }
        let here: HashSet<String> = on_disk
            .files
            .iter()
            .filter_map(|path| to_target(target, path).ok())
            .map(|seen| key(&seen))
            .collect();
        let unknown: Vec<&TargetPath> =
            listing.files.iter().filter(|seen| !here.contains(&key(seen))).collect();
        expectation.files.extend(gone(disk, target, unknown).await);
        if !on_disk.whole || !listing.complete {
            expectation.bound = Some(format!(
                "of the files in {:?} at most {COMPARED} were compared with those that {} lists there",
                folder.as_str(),
                target.name
            ));
        }
    }
    let mut known = HashSet::new();
    for path in chosen.into_iter().filter(|path| known.insert(*path)) {
        let there = Presence::There { size: None };
        expectation.files.extend(file(disk, target, path, there, Subject::File).await);
    }
    Ok(())
}

/// Whether a server that is told of everything may be expected to show the file.
fn is_shown(disk: &Disk<'_>, target: &BoundTarget, path: &LocalPath) -> bool {
    Role::of(&path.0) == Role::Media
        && !is_extra(&path.0)
        && disk.ignore.matches(&path.0).is_none()
        && target.filter.reject(&path.0, Subject::File).is_none()
}

/// The newest of these files, as far as so many can be looked at.
async fn newest<'a>(files: &dyn Files, media: &[&'a LocalPath]) -> Vec<&'a LocalPath> {
    let mut found: Vec<(Timestamp, &LocalPath)> = Vec::new();
    for path in media.iter().take(LOOKED_AT) {
        if let Look::File { changed_at, .. } = files.look(path).await {
            found.push((changed_at, path));
        }
    }
    found.sort();
    found.into_iter().rev().take(ASKED_FOR).map(|(_, path)| path).collect()
}

/// Those of the listed files that are gone from the disk. Of a file whose path here is not sure nothing is said.
async fn gone(disk: &Disk<'_>, target: &BoundTarget, listed: Vec<&TargetPath>) -> Vec<ExpectedFile> {
    let mut found = Vec::new();
    for seen in listed {
        if found.len() >= ASKED_FOR {
            break;
        }
        let origins = target.map.origins(&seen.0);
        let [origin] = origins.as_slice() else { continue };
        if disk.files.look(&LocalPath(origin.clone())).await == Look::Missing {
            found.push(ExpectedFile { path: seen.clone(), subject: Subject::File, presence: Presence::Gone });
        }
    }
    found
}

/// By what paths are compared: Windows does it without case.
fn key(path: &TargetPath) -> String {
    match path.0.style() {
        Style::Posix => path.as_str().to_owned(),
        Style::Windows => path.as_str().to_lowercase(),
    }
}
