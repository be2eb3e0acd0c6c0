//! What is to be done for scans: which items are refreshed, and which paths are told.

use autoscan_core::change::{Change, ChangeKind, Subject};
use autoscan_core::fault::Fault;
use autoscan_core::media::Role;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::TargetScan;
use autoscan_core::proof::{ExpectedFile, Presence};

use crate::family::libraries;
use crate::family::library_index::{LibraryIndex, Owner, spelled};
use crate::family::media_browser::by_title::newest;
use crate::family::media_browser::item_cache::KnownItem;
use crate::family::media_browser::lookups::BatchLookups;
use crate::family::media_browser::report::{PathReport, UpdateType, path_report, paths};
use crate::family::media_browser::server::{MediaBrowser, owner};

/// More changed files of one folder than this are one refresh of the folder.
const SINGLY: usize = 3;

/// How many of the newest files of a library are learnt: about 75 kB.
const NEWEST: usize = 100;

/// What is to be done for one scan.
#[derive(Default)]
pub(crate) struct ScanActions {
    /// Items to be refreshed.
    pub(crate) refreshes: Vec<KnownItem>,
    /// Paths to be reported.
    pub(crate) reports: Vec<PathReport>,
}

/// What is to be done for a scan. A fault that does not stop the lane concerns this scan alone.
pub(crate) async fn actions(
    server: &impl MediaBrowser,
    scan: &TargetScan,
    lookups: &mut BatchLookups,
) -> Result<(Vec<Owner>, ScanActions), Fault> {
    let (index, owners) = libraries::owners(server, &scan.folder).await?;
    let mut actions = ScanActions::default();
    if let Some(item) = of_sidecars(server, scan, lookups).await? {
        actions.refreshes.push(item);
        return Ok((owners, actions));
    }
    let changed: Vec<(&TargetPath, UpdateType, Subject)> = scan.changes.iter().flat_map(ends).collect();
    let modified = changed.iter().filter(|(_, what, subject)| is_in_place(*what, *subject)).count();
    for (path, what, subject) in changed {
        let Some(owner) = index.owners(&path.0).into_iter().next() else {
            tracing::debug!(?path, "no library owns the other end of a change");
            continue;
        };
        let item = if is_in_place(what, subject) {
            server.state().items.changed(&owner.spelled());
            let own = if modified <= SINGLY { file_item(server, &owner, lookups).await? } else { None };
            match own {
                Some(item) => Some(item),
                None => nearest(server, scan, &owner, (subject, what), lookups).await?,
            }
        } else {
            nearest(server, scan, &owner, (subject, what), lookups).await?
        };
        match item {
            Some(item) => actions.refreshes.push(item),
            None => match came_by_itself(server, &owner, what) {
                Some(item) => actions.refreshes.push(item),
                None => actions.reports.push(path_report(&owner, what)),
            },
        }
    }
    if actions.reports.is_empty() && actions.refreshes.is_empty() {
        actions_for_the_folder(server, scan, &index, &mut actions, lookups).await?;
    }
    Ok((owners, actions))
}

/// No change is known: the folder itself.
async fn actions_for_the_folder(
    server: &impl MediaBrowser,
    scan: &TargetScan,
    index: &LibraryIndex,
    actions: &mut ScanActions,
    lookups: &mut BatchLookups,
) -> Result<(), Fault> {
    let Some(owner) = index.owners(&scan.folder.0).into_iter().next() else { return Ok(()) };
    match below_root(server, &owner, lookups).await? {
        Some(item) => actions.refreshes.push(item),
        None => actions.reports.push(path_report(&owner, UpdateType::Modified)),
    }
    Ok(())
}

/// Whether a file changed its content under its old name.
fn is_in_place(what: UpdateType, subject: Subject) -> bool {
    what == UpdateType::Modified && subject == Subject::File
}

fn ends(change: &Change<TargetPath>) -> Vec<(&TargetPath, UpdateType, Subject)> {
    let subject = if change.kind == ChangeKind::Rescan { Subject::Folder } else { change.subject };
    paths(change).into_iter().map(|(path, what)| (path, what, subject)).collect()
}

/// The nearest item with children that shows the change when it is looked at: the folder of a file, the folder above one
/// that is gone, and what the scan itself names when that lies higher.
async fn nearest(
    server: &impl MediaBrowser,
    scan: &TargetScan,
    owner: &Owner,
    (subject, what): (Subject, UpdateType),
    lookups: &mut BatchLookups,
) -> Result<Option<KnownItem>, Fault> {
    let is_itself = subject == Subject::Folder && what != UpdateType::Deleted;
    let folder = if is_itself { Some(owner.path.clone()) } else { owner.path.parent() };
    let Some(mut folder) = folder.filter(|folder| folder.is_within(&owner.root)) else { return Ok(None) };
    // PathReport again, a scan names the folder above; and of a folder that is gone nobody can see the absence but from above.
    if folder.is_within(&scan.folder.0) && scan.folder.0.is_within(&owner.root) {
        folder = scan.folder.0.clone();
    }
    let owner = owner.with_path(folder);
    below_root(server, &owner, lookups).await
}

/// The nearest item of the folder or above it, never the library itself.
async fn below_root(
    server: &impl MediaBrowser,
    folder: &Owner,
    lookups: &mut BatchLookups,
) -> Result<Option<KnownItem>, Fault> {
    if folder.path == folder.root {
        return Ok(None);
    }
    let key = folder.spelled();
    let place = match lookups.places.get(&key) {
        Some(place) => place.clone(),
        None => server.place(folder, lookups).await?,
    };
    lookups.places.insert(key, place.clone());
    Ok(place.filter(|place| place.path != spelled(&folder.root) && place.id != folder.library.id))
}

/// The item of a file.
async fn file_item(
    server: &impl MediaBrowser,
    file: &Owner,
    lookups: &mut BatchLookups,
) -> Result<Option<KnownItem>, Fault> {
    let path = file.spelled();
    if let Some(known) = server.state().items.get(&path) {
        return Ok(Some(known));
    }
    let Some(folder) = file.path.parent().filter(|folder| folder.is_within(&file.root)) else {
        return Ok(None);
    };
    let folder = file.with_path(folder);
    let expected = ExpectedFile {
        path: TargetPath(file.path.clone()),
        subject: Subject::File,
        presence: Presence::There { size: None },
    };
    let view = server.view(&folder, &[&expected], lookups).await?;
    let found = view.items.get(&path).cloned();
    if let Some(found) = &found {
        server.state().items.learn(&path, &found.id);
    }
    Ok(found)
}

/// A new file whose library was told of others a while ago: the look at those may have found it, and then it needs no further
/// one.
fn came_by_itself(server: &impl MediaBrowser, file: &Owner, what: UpdateType) -> Option<KnownItem> {
    let state = server.state();
    let may = what == UpdateType::Created && state.holds.was_told_lately(&file.library.id);
    may.then(|| state.items.get(&file.spelled())).flatten()
}

/// Learns what is newest in the libraries that were told a while ago and have new files in this batch: one question a library,
/// however many files. When it is not answered they are told as if they were not found yet.
pub(crate) async fn learn_newest(server: &impl MediaBrowser, scans: &[TargetScan]) {
    let mut libraries: Vec<Owner> = Vec::new();
    for scan in scans {
        let owner = match libraries::owners(server, &scan.folder).await {
            Ok((_, owners)) => owners.into_iter().next(),
            Err(Fault::NotMine { .. }) => None,
            Err(_) => return,
        };
        let brings = |change: &Change<TargetPath>| {
            change.subject == Subject::File && matches!(change.kind, ChangeKind::Created | ChangeKind::Moved)
        };
        let is_new = |owner: &Owner| {
            let id = &owner.library.id;
            server.state().holds.was_told_lately(id)
                && libraries.iter().all(|known: &Owner| known.library.id != *id)
        };
        if scan.changes.iter().any(brings) {
            libraries.extend(owner.filter(is_new));
        }
    }
    for library in libraries {
        let Ok(items) = newest(server, &library, NEWEST).await else { return };
        for item in items {
            if let Some(path) = &item.path {
                server.state().items.learn(path, &item.id);
            }
        }
    }
}

/// Where nothing but subtitles, artwork or metadata changed: the one item that they belong to.
async fn of_sidecars(
    server: &impl MediaBrowser,
    scan: &TargetScan,
    lookups: &mut BatchLookups,
) -> Result<Option<KnownItem>, Fault> {
    let is_sidecar = |change: &Change<TargetPath>| {
        change.subject == Subject::File
            && change.kind != ChangeKind::Rescan
            && change.from.iter().chain([&change.path]).all(|path| Role::of(&path.0) == Role::Sidecar)
    };
    if scan.changes.is_empty() || !scan.changes.iter().all(is_sidecar) {
        return Ok(None);
    }
    if let [only] = scan.companions.as_slice()
        && let Some(owner) = owner(server, &only.0).await?
        && let Some(item) = file_item(server, &owner, lookups).await?
    {
        return Ok(Some(item));
    }
    let Some(folder) = owner(server, &scan.folder.0).await? else { return Ok(None) };
    if let Some(item) = below_root(server, &folder, lookups).await? {
        return Ok(Some(item));
    }
    // The folder of a film is no item, but its film is.
    let Some(first) = scan.companions.first() else { return Ok(None) };
    match owner(server, &first.0).await? {
        Some(owner) => file_item(server, &owner, lookups).await,
        None => Ok(None),
    }
}
