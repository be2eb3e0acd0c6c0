//! What a server lists below a folder.

use std::collections::HashSet;

use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::ServerListing;

use crate::family::library_index::Owner;
use crate::family::media_browser::answers::Item;
use crate::family::media_browser::children::{PAGE, file_kinds};
use crate::family::media_browser::films::films_in;
use crate::family::media_browser::lookups::BatchLookups;
use crate::family::media_browser::prove::{lies_in, sizes};
use crate::family::media_browser::server::{MediaBrowser, holders};

/// Most films of one folder that are listed with all their files.
const FILMS: usize = 20;

/// The files that the server lists below a folder, at most so many. None where it knows no item for the folder.
pub(crate) async fn list_below(
    server: &impl MediaBrowser,
    folder: &TargetPath,
    most: usize,
) -> Result<Option<ServerListing>, Fault> {
    let mut listing = ServerListing { files: Vec::new(), complete: true };
    let (mut is_known, mut known) = (false, HashSet::new());
    for owner in holders(server, &folder.0).await? {
        let Some((items, complete)) = items_below(server, &owner, most).await? else { continue };
        is_known = true;
        listing.complete &= complete;
        for path in items.iter().flat_map(Item::files).map(|(path, _)| path) {
            let Ok(path) = TargetPath::parse(path) else { continue };
            if path.0.is_within(&owner.path) && known.insert(path.clone()) {
                listing.files.push(path);
            }
        }
    }
    if listing.files.len() > most {
        listing.files.truncate(most);
        listing.complete = false;
    }
    Ok(is_known.then_some(listing))
}

/// The items of files below a folder, and whether these are all of them.
async fn items_below(
    server: &impl MediaBrowser,
    folder: &Owner,
    most: usize,
) -> Result<Option<(Vec<Item>, bool)>, Fault> {
    if folder.path == folder.root {
        return children(server, folder, &folder.library.id, most).await;
    }
    let place = server.place(folder, &mut BatchLookups::default()).await?;
    if let Some(place) = place {
        return children(server, folder, &place.id, most).await;
    }
    let films = films_in(server, folder).await?;
    if films.is_empty() {
        return Ok(None);
    }
    // They were found by the folder's name; one under another title may be there too.
    let items = sizes(server, &films[..films.len().min(FILMS)]).await?;
    Ok(Some((items, false)))
}

/// The items of files below an item that lie in the folder, page by page.
async fn children(
    server: &impl MediaBrowser,
    folder: &Owner,
    parent: &str,
    most: usize,
) -> Result<Option<(Vec<Item>, bool)>, Fault> {
    let mut all: Vec<Item> = Vec::new();
    let mut start = 0;
    loop {
        let request = server
            .look_for("Path,MediaSources")
            .query("Recursive", "true")
            .query("ParentId", parent)
            .query("IncludeItemTypes", file_kinds(&folder.library.kind))
            .query("CollapseBoxSetItems", "false")
            .query("SortBy", "DateCreated")
            .query("SortOrder", "Descending")
            .query("StartIndex", &start.to_string())
            .query("Limit", &PAGE.to_string());
        let Some(page) = server.items(request).await? else { return Ok(None) };
        let is_last = page.len() < PAGE;
        start += page.len();
        all.extend(
            page.into_iter()
                .filter(|item| item.path.as_deref().is_some_and(|path| lies_in(path, &folder.path))),
        );
        if is_last || all.len() >= most {
            return Ok(Some((all, is_last)));
        }
    }
}
