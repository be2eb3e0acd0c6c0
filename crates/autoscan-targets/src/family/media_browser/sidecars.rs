//! Subtitles, artwork and metadata: the one item that they belong to is refreshed.

use autoscan_core::change::{Change, ChangeKind, Subject};
use autoscan_core::fault::Fault;
use autoscan_core::media::Role;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::TargetScan;

use crate::family::media_browser::actions::{file_item, item_above};
use crate::family::media_browser::item_cache::KnownItem;
use crate::family::media_browser::lookups::BatchLookups;
use crate::family::media_browser::photos::is_photo;
use crate::family::media_browser::server::{MediaBrowser, holders};

/// Where nothing but subtitles, artwork or metadata changed: the one item that they belong to.
pub(crate) async fn of_sidecars(
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
    let folders = holders(server, &scan.folder.0).await?;
    let is_photo = |change: &Change<TargetPath>| folders.iter().any(|owner| is_photo(owner, &change.path.0));
    if scan.changes.iter().any(is_photo) {
        return Ok(None);
    }
    if let [only] = scan.companions.as_slice()
        && let Some(item) = item_at(server, only, lookups).await?
    {
        return Ok(Some(item));
    }
    for folder in &folders {
        if let Some(item) = item_above(server, folder, lookups).await? {
            return Ok(Some(item));
        }
    }
    // The folder of a film is no item, but its film is.
    match scan.companions.first() {
        Some(first) => item_at(server, first, lookups).await,
        None => Ok(None),
    }
}

async fn item_at(
    server: &impl MediaBrowser,
    path: &TargetPath,
    lookups: &mut BatchLookups,
) -> Result<Option<KnownItem>, Fault> {
    for owner in holders(server, &path.0).await? {
        if let Some(item) = file_item(server, &owner, lookups).await? {
            return Ok(Some(item));
        }
    }
    Ok(None)
}
