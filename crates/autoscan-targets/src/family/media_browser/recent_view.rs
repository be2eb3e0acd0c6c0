//! What the list of what a server has read lately tells of a folder.

use autoscan_core::fault::Fault;
use autoscan_core::proof::{ExpectedFile, Presence};

use crate::family::library_index::Owner;
use crate::family::media_browser::item_cache::KnownItem;
use crate::family::media_browser::prove::{SIZES_AT_ONCE, sizes, spelling};
use crate::family::media_browser::recent_items::{RecentFile, list_recent, list_sizes};
use crate::family::media_browser::server::MediaBrowser;
use crate::family::media_browser::view::View;

/// Of so many askings in vain for a folder the next looks for the folder itself…
const FOLDER_EVERY: u32 = 8;
/// … and of so many where its library was scanned: what that scan finds is listed as soon as it was read.
const SCANNED_FOLDER_EVERY: u32 = 32;

/// Most files whose items are asked for again by their ids.
const CONFIRMED: usize = 50;

/// What the list of what is new tells of a folder.
pub(crate) enum RecentView {
    /// All that must be there was listed, and is still there.
    Shown(View),
    /// Not all of it: the folder itself need not be looked for in this round.
    Waits(View),
    /// Nothing: the folder itself is to be looked for.
    Unknown,
}

/// What the server shows of these files by what it read lately.
pub(crate) async fn recent_view(
    server: &impl MediaBrowser,
    folder: &Owner,
    files: &[&ExpectedFile],
) -> Result<RecentView, Fault> {
    let there: Vec<&ExpectedFile> =
        files.iter().copied().filter(|file| matches!(file.presence, Presence::There { .. })).collect();
    if there.is_empty() || is_due(server, folder, &there) {
        return Ok(RecentView::Unknown);
    }
    list_recent(server, folder).await?;
    let sized = there.len() <= SIZES_AT_ONCE && there.iter().any(|file| wanted_size(file).is_some());
    if sized || listed(server, folder, &there).len() < there.len() {
        list_sizes(server, folder).await?;
    }
    let known = listed(server, folder, &there);
    if known.len() < there.len() {
        let said = format!("{} has read no such new file in {:?} yet", server.product(), folder.spelled());
        return Ok(RecentView::Waits(View { said, ..View::default() }));
    }
    if there.len() < files.len() {
        return Ok(RecentView::Unknown);
    }
    let mut view = View::default();
    if there.iter().zip(&known).all(|(expected, file)| is_proven(server, folder, expected, file)) {
        for file in known {
            view.files.insert(file.item.path.clone(), file.size);
            view.items.insert(file.item.path.clone(), file.item);
        }
        return Ok(RecentView::Shown(view));
    }
    let items: Vec<KnownItem> = known.into_iter().map(|file| file.item).take(CONFIRMED).collect();
    for item in sizes(server, &items).await? {
        view.add(&item);
    }
    // It was listed among what is saved, so it has been read, though a damaged file has no runtime.
    view.bare.clear();
    let all_there = there.iter().all(|expected| view.has(&spelling(folder, expected)));
    Ok(if all_there { RecentView::Shown(view) } else { RecentView::Unknown })
}

/// Whether the folder itself is to be looked for in this round.
fn is_due(server: &impl MediaBrowser, folder: &Owner, there: &[&ExpectedFile]) -> bool {
    let state = server.state();
    let scanned = state.scans.was_scanned_lately(&folder.library.id);
    let is_known = || {
        let knows = |path: &String| state.items.get(path).is_some();
        knows(&folder.spelled()) || there.iter().all(|expected| knows(&spelling(folder, expected)))
    };
    match state.recent.misses(&folder.spelled()) {
        0 => !scanned || is_known(),
        asked if scanned => asked % SCANNED_FOLDER_EVERY == SCANNED_FOLDER_EVERY / 2,
        asked => asked.is_multiple_of(FOLDER_EVERY),
    }
}

/// Those of the files that were listed lately, in order.
fn listed(server: &impl MediaBrowser, folder: &Owner, there: &[&ExpectedFile]) -> Vec<RecentFile> {
    let of_file = |expected: &&ExpectedFile| {
        server.state().recent.file(&folder.library.id, &spelling(folder, expected))
    };
    there.iter().filter_map(of_file).collect()
}

fn wanted_size(expected: &ExpectedFile) -> Option<u64> {
    match expected.presence {
        Presence::There { size } => size,
        Presence::Gone => None,
    }
}

/// Whether the list alone proves the file: it was in it a moment ago, and has the size that was asked for. Among many files a
/// new name proves it.
fn is_proven(server: &impl MediaBrowser, folder: &Owner, expected: &ExpectedFile, file: &RecentFile) -> bool {
    let Some(wanted) = wanted_size(expected) else { return file.is_fresh() };
    match file.size {
        Some(size) => file.is_fresh() && size == wanted,
        None => file.is_fresh() && !server.state().items.was_changed(&spelling(folder, expected)),
    }
}
