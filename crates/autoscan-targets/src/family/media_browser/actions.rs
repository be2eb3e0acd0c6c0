//! What is to be done for scans: which items are refreshed, and which libraries are scanned.

use autoscan_core::change::{Change, ChangeKind, Subject};
use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::TargetScan;
use autoscan_core::proof::{ExpectedFile, Presence};

use crate::family::libraries;
use crate::family::library_index::{LibraryIndex, Owner, spelled};
use crate::family::media_browser::artists::finds_its_albums;
use crate::family::media_browser::extras::Extras;
use crate::family::media_browser::films::films_in;
use crate::family::media_browser::item_cache::KnownItem;
use crate::family::media_browser::lookups::BatchLookups;
use crate::family::media_browser::recent_items::list_recent;
use crate::family::media_browser::report::{UpdateType, paths};
use crate::family::media_browser::server::{MediaBrowser, holders, unseen};
use crate::family::media_browser::sidecars::of_sidecars;

/// More changed files of one folder than this are one refresh of the folder.
const SINGLY: usize = 3;

/// What is to be done for one scan.
#[derive(Default)]
pub(crate) struct ScanActions {
    /// Items to be refreshed.
    pub(crate) refreshes: Vec<KnownItem>,
    /// Changes that only a scan of their library finds.
    pub(crate) changes: Vec<LibraryChange>,
}

/// A change that only a scan of its library finds.
#[derive(Clone, Debug)]
pub(crate) struct LibraryChange {
    /// The library, and the path.
    pub(crate) owner: Owner,
    /// What happened to the path.
    pub(crate) what: UpdateType,
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
        let holders = index.holders(&path.0);
        if holders.is_empty() {
            tracing::debug!(?path, "no library owns the other end of a change");
            continue;
        }
        let singly = modified <= SINGLY;
        let change = ChangedPath { what, subject, singly };
        match items_of(server, scan, &holders, change, lookups).await? {
            items if items.is_empty() => {
                let change = |owner| LibraryChange { owner, what };
                actions.changes.extend(holders.into_iter().map(change));
            }
            items => actions.refreshes.extend(items),
        }
    }
    if actions.changes.is_empty() && actions.refreshes.is_empty() {
        actions_for_the_folder(server, scan, &index, &mut actions, lookups).await?;
    }
    Ok((owners, actions))
}

/// What happened to a path.
#[derive(Clone, Copy)]
struct ChangedPath {
    what: UpdateType,
    subject: Subject,
    /// Whether so few files were changed that each is refreshed by itself.
    singly: bool,
}

/// The items whose refresh shows the change; none where only a scan of the library does.
async fn items_of(
    server: &impl MediaBrowser,
    scan: &TargetScan,
    holders: &[Owner],
    change: ChangedPath,
    lookups: &mut BatchLookups,
) -> Result<Vec<KnownItem>, Fault> {
    let ChangedPath { mut what, subject, singly } = change;
    for owner in holders {
        if server.state().scans.is_waiting(&owner.library.id, &owner.spelled()) {
            // It was looked up a moment ago.
            if let Some(item) = came_by_itself(server, owner, what) {
                return Ok(vec![item]);
            }
            continue;
        }
        if is_in_place(what, subject) {
            server.state().items.changed(&owner.spelled());
            if singly && let Some(item) = file_item(server, owner, lookups).await? {
                if !unseen(server, &owner.spelled(), true).await {
                    return Ok(vec![item]);
                }
                // A refresh of the item of a file that is gone leaves the item there.
                what = UpdateType::Deleted;
            }
        }
        if let Some(item) = nearest(server, scan, owner, (subject, what), lookups).await? {
            return Ok(vec![item]);
        }
        let beside = beside(server, owner, (subject, what)).await?;
        if !beside.is_empty() {
            return Ok(beside);
        }
        if let Some(item) = came_by_itself(server, owner, what) {
            return Ok(vec![item]);
        }
    }
    Ok(Vec::new())
}

/// No change is known: the folder itself.
async fn actions_for_the_folder(
    server: &impl MediaBrowser,
    scan: &TargetScan,
    index: &LibraryIndex,
    actions: &mut ScanActions,
    lookups: &mut BatchLookups,
) -> Result<(), Fault> {
    let holders = index.holders(&scan.folder.0);
    let waits = |owner: &&Owner| !server.state().scans.is_waiting(&owner.library.id, &owner.spelled());
    for owner in holders.iter().filter(waits) {
        if let Some(item) = below_root(server, owner, lookups).await? {
            actions.refreshes.push(item);
            return Ok(());
        }
    }
    let change = |owner| LibraryChange { owner, what: UpdateType::Modified };
    actions.changes.extend(holders.into_iter().map(change));
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
    // Told again, a scan names the folder above; and of a folder that is gone nobody can see the absence but from above.
    if folder.is_within(&scan.folder.0) && scan.folder.0.is_within(&owner.root) {
        folder = scan.folder.0.clone();
    }
    let owner = owner.with_path(folder);
    below_root(server, &owner, lookups).await
}

/// The nearest item of the folder or above it that finds what is new in it, never the library itself.
async fn below_root(
    server: &impl MediaBrowser,
    folder: &Owner,
    lookups: &mut BatchLookups,
) -> Result<Option<KnownItem>, Fault> {
    let place = item_above(server, folder, lookups).await?;
    if let Some(artist) = place.as_ref().filter(|place| place.is_artist)
        && !finds_its_albums(server, folder, artist).await?
    {
        return Ok(None);
    }
    Ok(place)
}

/// The nearest item of the folder or above it, never the library itself.
pub(crate) async fn item_above(
    server: &impl MediaBrowser,
    folder: &Owner,
    lookups: &mut BatchLookups,
) -> Result<Option<KnownItem>, Fault> {
    if folder.path == folder.root {
        return Ok(None);
    }
    let key = format!("{}\n{}", folder.library.id, folder.spelled());
    if let Some(place) = lookups.places.get(&key) {
        return Ok(place.clone());
    }
    let place = server.place(folder, lookups).await?;
    let place = place.filter(|place| place.path != spelled(&folder.root) && place.id != folder.library.id);
    lookups.places.insert(key, place.clone());
    Ok(place)
}

/// The films that show a change in their own folder, which is no item itself: an extra, or a folder that is looked at as it is. A
/// folder whose files were expected in vain is looked at by a scan of the library.
async fn beside(
    server: &impl MediaBrowser,
    owner: &Owner,
    (subject, what): (Subject, UpdateType),
) -> Result<Vec<KnownItem>, Fault> {
    let folder = match subject {
        Subject::Folder if what == UpdateType::Modified => Some(owner.path.clone()),
        Subject::File => Extras::item_folder(&owner.path, &owner.root, &owner.library.kind),
        Subject::Folder => None,
    };
    let Some(folder) = folder.filter(|folder| folder.depth() > owner.root.depth()) else {
        return Ok(Vec::new());
    };
    let folder = owner.with_path(folder);
    if server.state().recent.misses(&folder.spelled()) > 0 {
        return Ok(Vec::new());
    }
    let films = films_in(server, &folder).await?;
    Ok(if films.len() <= SINGLY { films } else { Vec::new() })
}

/// The item of a file.
pub(crate) async fn file_item(
    server: &impl MediaBrowser,
    file: &Owner,
    lookups: &mut BatchLookups,
) -> Result<Option<KnownItem>, Fault> {
    let path = file.spelled();
    if let Some(known) = server.state().items.get(&path) {
        return Ok(Some(known));
    }
    if server.state().tops.has_none_of(file) {
        return Ok(None);
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

/// A new file of a library that was scanned a while ago: that scan may have found it, and then it needs no further one.
fn came_by_itself(server: &impl MediaBrowser, file: &Owner, what: UpdateType) -> Option<KnownItem> {
    let found = server.state().recent.file(&file.library.id, &file.spelled()).map(|found| found.item);
    found.filter(|_| what == UpdateType::Created)
}

/// Lists what is new in the libraries that were scanned a while ago and have new files in this batch: one question a library,
/// however many files. When it is not answered they are told as if they were not found yet.
pub(crate) async fn list_scanned(server: &impl MediaBrowser, scans: &[TargetScan]) {
    if !server.lists_before_it_reads() {
        return;
    }
    let mut libraries: Vec<Owner> = Vec::new();
    for scan in scans {
        let brings = |change: &Change<TargetPath>| {
            change.subject == Subject::File && matches!(change.kind, ChangeKind::Created | ChangeKind::Moved)
        };
        if !scan.changes.iter().any(brings) {
            continue;
        }
        let Ok(owners) = holders(server, &scan.folder.0).await else { return };
        for owner in owners {
            let id = &owner.library.id;
            let is_new = libraries.iter().all(|known: &Owner| known.library.id != *id);
            if is_new && server.state().scans.was_scanned_lately(id) {
                libraries.push(owner);
            }
        }
    }
    for library in libraries {
        if list_recent(server, &library).await.is_err() {
            return;
        }
    }
}
