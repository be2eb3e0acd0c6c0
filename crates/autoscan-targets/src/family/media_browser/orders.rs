//! What is to be done for scans: which items are refreshed, and which paths are told.

use std::collections::{HashMap, HashSet};

use autoscan_core::change::{Change, ChangeKind, Subject};
use autoscan_core::fault::Fault;
use autoscan_core::media::Role;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::TargetScan;
use autoscan_core::proof::{ExpectedFile, Presence};

use crate::family::libraries::{self, LibraryIndex, Owner, spelled};
use crate::family::media_browser::report::{Told, UpdateType, paths, told};
use crate::family::media_browser::{Known, MediaBrowser, owner};

/// More changed files of one folder than this are one refresh of the folder.
const SINGLY: usize = 3;

/// What is to be done for one scan.
#[derive(Default)]
pub(crate) struct Orders {
    /// Items to be refreshed.
    pub(crate) refreshes: Vec<Known>,
    /// Paths to be told.
    pub(crate) told: Vec<Told>,
}

/// What was looked up for one batch: many files of a folder are one question.
#[derive(Default)]
pub(crate) struct Lookups {
    /// The nearest item of each folder, or none.
    places: HashMap<String, Option<Known>>,
    /// Folders whose first new file had no item: the others have none either.
    in_vain: HashSet<String>,
}

/// What is to be done for a scan. A fault that does not stop the lane concerns this scan alone.
pub(crate) async fn orders(
    server: &impl MediaBrowser,
    scan: &TargetScan,
    lookups: &mut Lookups,
) -> Result<(Vec<Owner>, Orders), Fault> {
    let (index, owners) = libraries::owners(server, &scan.folder).await?;
    let mut orders = Orders::default();
    if let Some(item) = of_sidecars(server, scan, lookups).await? {
        orders.refreshes.push(item);
        return Ok((owners, orders));
    }
    let changed: Vec<(&TargetPath, UpdateType, Subject)> = scan.changes.iter().flat_map(ends).collect();
    let modified = changed.iter().filter(|(_, what, subject)| is_in_place(*what, *subject)).count();
    for (path, what, subject) in changed {
        let Some(owner) = index.owners(&path.0).into_iter().next() else {
            tracing::debug!(?path, "no library owns the other end of a change");
            continue;
        };
        let item = if is_in_place(what, subject) {
            server.desk().memory.changed(&owner.spelled());
            let own = if modified <= SINGLY { file_item(server, &owner).await? } else { None };
            match own {
                Some(item) => Some(item),
                None => nearest(server, scan, &owner, (subject, what), lookups).await?,
            }
        } else {
            nearest(server, scan, &owner, (subject, what), lookups).await?
        };
        match item {
            Some(item) => orders.refreshes.push(item),
            None => match came_by_itself(server, &owner, what, lookups).await? {
                Some(item) => orders.refreshes.push(item),
                None => orders.told.push(told(&owner, what)),
            },
        }
    }
    if orders.told.is_empty() && orders.refreshes.is_empty() {
        orders_of_the_folder(server, scan, &index, &mut orders, lookups).await?;
    }
    Ok((owners, orders))
}

/// No change is known: the folder itself.
async fn orders_of_the_folder(
    server: &impl MediaBrowser,
    scan: &TargetScan,
    index: &LibraryIndex,
    orders: &mut Orders,
    lookups: &mut Lookups,
) -> Result<(), Fault> {
    let Some(owner) = index.owners(&scan.folder.0).into_iter().next() else { return Ok(()) };
    match below_root(server, &owner, lookups).await? {
        Some(item) => orders.refreshes.push(item),
        None => orders.told.push(told(&owner, UpdateType::Modified)),
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
    lookups: &mut Lookups,
) -> Result<Option<Known>, Fault> {
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

/// The nearest item of the folder or above it, never the library itself.
async fn below_root(
    server: &impl MediaBrowser,
    folder: &Owner,
    lookups: &mut Lookups,
) -> Result<Option<Known>, Fault> {
    if folder.path == folder.root {
        return Ok(None);
    }
    let key = folder.spelled();
    let place = match lookups.places.get(&key) {
        Some(place) => place.clone(),
        None => server.place(folder).await?,
    };
    lookups.places.insert(key, place.clone());
    Ok(place.filter(|place| place.path != spelled(&folder.root) && place.id != folder.library.id))
}

/// The item of a file.
async fn file_item(server: &impl MediaBrowser, file: &Owner) -> Result<Option<Known>, Fault> {
    let path = file.spelled();
    if let Some(known) = server.desk().memory.get(&path) {
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
    let view = server.view(&folder, &[&expected]).await?;
    let found = view.items.get(&path).cloned();
    if let Some(found) = &found {
        server.desk().memory.learn(&path, &found.id);
    }
    Ok(found)
}

/// A new file whose library was told of others a moment ago: the look at those may have found it, and then it needs no
/// further one.
async fn came_by_itself(
    server: &impl MediaBrowser,
    file: &Owner,
    what: UpdateType,
    lookups: &mut Lookups,
) -> Result<Option<Known>, Fault> {
    let folder = file.path.parent().map(|folder| spelled(&folder).to_owned()).unwrap_or_default();
    if what != UpdateType::Created
        || lookups.in_vain.contains(&folder)
        || !server.desk().holds.was_told_lately(&file.library.id)
    {
        return Ok(None);
    }
    let item = file_item(server, file).await?;
    if item.is_none() && folder != spelled(&file.root) {
        lookups.in_vain.insert(folder);
    }
    Ok(item)
}

/// Where nothing but subtitles, artwork or metadata changed: the one item that they belong to.
async fn of_sidecars(
    server: &impl MediaBrowser,
    scan: &TargetScan,
    lookups: &mut Lookups,
) -> Result<Option<Known>, Fault> {
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
        && let Some(item) = file_item(server, &owner).await?
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
        Some(owner) => file_item(server, &owner).await,
        None => Ok(None),
    }
}
