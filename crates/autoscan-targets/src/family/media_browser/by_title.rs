//! Where a server has no filter by path, an item is found by the title in the name of its folder; its path is compared
//! afterwards.

use autoscan_core::fault::Fault;
use autoscan_core::path::AbsolutePath;
use autoscan_core::proof::{ExpectedFile, Presence};

use crate::family::library_index::{Owner, spelled};
use crate::family::media_browser::answers::Item;
use crate::family::media_browser::children::{Children, list};
use crate::family::media_browser::children::{INNER_KINDS, file_kinds, top_kinds};
use crate::family::media_browser::films::films;
use crate::family::media_browser::item_cache::KnownItem;
use crate::family::media_browser::lookups::BatchLookups;
use crate::family::media_browser::one_episode::one_episode;
use crate::family::media_browser::prove::{lies_in, sizes, spelling};
use crate::family::media_browser::recent_items::{list_recent, newest};
use crate::family::media_browser::recent_view::{RecentView, recent_view};
use crate::family::media_browser::server::MediaBrowser;
use crate::family::media_browser::titles::{longest_word, season, title};
use crate::family::media_browser::view::View;

/// Most items that a search answers.
const FITTING: &str = "20";

/// Most items of the top of a library in one page…
const SWEPT: usize = 500;
/// … and most pages.
const SWEEPS: usize = 40;

/// Every so many askings in vain a single word is searched, where signs may be others in the name of the folder.
const WORD_EVERY: u32 = 3;

/// The nearest item with children at the folder or above it, but below the library's folder.
pub(crate) async fn place_by_title(
    server: &impl MediaBrowser,
    folder: &Owner,
    lookups: &mut BatchLookups,
) -> Result<Option<KnownItem>, Fault> {
    let memory = &server.state().items;
    if top_kinds(&folder.library.kind).is_empty() {
        return Ok(None);
    }
    let path = folder.spelled();
    if let Some(known) = memory.get(&path) {
        return Ok(Some(known));
    }
    let Some(top) = top(server, folder, lookups).await? else { return Ok(None) };
    if top.path == path {
        return Ok(Some(top));
    }
    let inner = Children { parent: &top.id, kinds: INNER_KINDS, season: None };
    let Some(folders) = list(server, &inner, |_| false).await? else {
        memory.forget(&top.path);
        return Ok(None);
    };
    for folder in &folders {
        memory.learn_item(folder);
    }
    let nearest = folders_above(folder).into_iter().find_map(|at| memory.get(spelled(&at)));
    Ok(nearest.or(Some(top)))
}

/// The folder and those above it, deepest first, without the library's own.
fn folders_above(folder: &Owner) -> Vec<AbsolutePath> {
    let all = std::iter::successors(Some(folder.path.clone()), AbsolutePath::parent);
    all.take_while(|at| at.depth() > folder.root.depth()).collect()
}

/// The series or artist that the folder is, or lies in.
async fn top(
    server: &impl MediaBrowser,
    folder: &Owner,
    lookups: &mut BatchLookups,
) -> Result<Option<KnownItem>, Fault> {
    let memory = &server.state().items;
    let above = folders_above(folder);
    // Mostly the first folder of the library is it; where folders are sorted into others, the second.
    let candidates = above.iter().rev().take(if above.len() > 2 { 2 } else { 1 });
    for candidate in candidates {
        let path = spelled(candidate);
        if let Some(known) = memory.get(path) {
            return Ok(Some(known));
        }
        if lookups.has_missed(path) {
            continue;
        }
        if let Some(known) = server.state().tops.at(&folder.library.id, path) {
            if let Some(known) = known.into_iter().find(|known| known.path == path) {
                memory.learn_known(&known);
                return Ok(Some(known));
            }
            lookups.miss(path);
            continue;
        }
        let term = title(candidate.file_name().unwrap_or_default());
        let found = search(server, folder, top_kinds(&folder.library.kind), &term).await?;
        if let Some(known) = at_path(server, &found, path) {
            return Ok(Some(known));
        }
        lookups.miss(path);
    }
    Ok(None)
}

/// The item at exactly this path, remembered.
fn at_path(server: &impl MediaBrowser, items: &[Item], path: &str) -> Option<KnownItem> {
    let item = items.iter().find(|item| item.path.as_deref() == Some(path))?;
    server.state().items.learn_item(item);
    Some(KnownItem { id: item.id.clone(), path: path.to_owned(), is_artist: item.is_artist() })
}

/// What fits the words best in the library.
pub(crate) async fn search(
    server: &impl MediaBrowser,
    folder: &Owner,
    kinds: &str,
    term: &str,
) -> Result<Vec<Item>, Fault> {
    let request = server
        .look_for("Path")
        .query("Recursive", "true")
        .query("ParentId", &folder.library.id)
        .query("IncludeItemTypes", kinds)
        .query("SearchTerm", term)
        .query("Limit", FITTING);
    Ok(server.items(request).await?.unwrap_or_default())
}

/// What the server shows of these files of one folder.
pub(crate) async fn view_by_title(
    server: &impl MediaBrowser,
    folder: &Owner,
    files: &[&ExpectedFile],
    lookups: &mut BatchLookups,
) -> Result<View, Fault> {
    if server.lists_before_it_reads() {
        match recent_view(server, folder, files).await? {
            RecentView::Shown(view) | RecentView::Waits(view) => return Ok(view),
            RecentView::Unknown => {}
        }
    }
    let mut view = View::default();
    let kinds = top_kinds(&folder.library.kind);
    if folder.path == folder.root || kinds.is_empty() {
        films(server, folder, files, &mut view).await?;
        return Ok(view);
    }
    if below_known(server, folder, files, &mut view).await? {
        return Ok(view);
    }
    if let Some(top) = top(server, folder, lookups).await? {
        below_top(server, folder, files, &top, &mut view).await?;
        return Ok(view);
    }
    if !matches!(folder.library.kind.as_str(), "tvshows" | "music") {
        films(server, folder, files, &mut view).await?;
        return Ok(view);
    }
    sought_in_vain(server, folder, files, kinds, &mut view).await?;
    Ok(view)
}

/// Asks for the children of the folder's own item, if it is remembered. Answers whether that told everything.
async fn below_known(
    server: &impl MediaBrowser,
    folder: &Owner,
    files: &[&ExpectedFile],
    view: &mut View,
) -> Result<bool, Fault> {
    let memory = &server.state().items;
    let path = folder.spelled();
    let Some(known) = memory.get(&path) else { return Ok(false) };
    if one_episode(server, &known, None, folder, files, view).await? {
        return Ok(true);
    }
    let children = Children { parent: &known.id, kinds: file_kinds(&folder.library.kind), season: None };
    let Some(items) = list(server, &children, |items| are_enough(items, folder, files)).await? else {
        memory.forget(&path);
        return Ok(false);
    };
    take(server.product(), folder, &items, view);
    Ok(true)
}

/// Asks for the files of a series or artist, of the season that the folder's name tells if it tells one.
async fn below_top(
    server: &impl MediaBrowser,
    folder: &Owner,
    files: &[&ExpectedFile],
    top: &KnownItem,
    view: &mut View,
) -> Result<(), Fault> {
    let kinds = file_kinds(&folder.library.kind);
    let is_top = top.path == folder.spelled();
    let season = folder.path.file_name().filter(|_| !is_top && kinds == "Episode").and_then(season);
    if one_episode(server, top, season, folder, files, view).await? {
        return Ok(());
    }
    let enough = |items: &[Item]| are_enough(items, folder, files);
    let children = Children { parent: &top.id, kinds, season };
    let Some(mut items) = list(server, &children, enough).await? else {
        server.state().items.forget(&top.path);
        view.said = format!("{} no longer knows {:?}", server.product(), top.path);
        return Ok(());
    };
    let lies_here = |item: &Item| item.path.as_deref().is_some_and(|path| lies_in(path, &folder.path));
    if season.is_some() && !items.iter().any(lies_here) {
        // The server may count the seasons in its own way.
        let children = Children { parent: &top.id, kinds, season: None };
        items = list(server, &children, |_| true).await?.unwrap_or_default();
    }
    if !is_top
        && let Some(parent) =
            items.iter().find(|item| lies_here(item)).and_then(|item| item.parent_id.as_ref())
    {
        server.state().items.learn(&folder.spelled(), parent);
    }
    take(server.product(), folder, &items, view);
    Ok(())
}

/// Takes what was listed into the view.
fn take(product: &str, folder: &Owner, items: &[Item], view: &mut View) {
    let in_folder = |item: &&Item| item.path.as_deref().is_some_and(|path| lies_in(path, &folder.path));
    for item in items.iter().filter(in_folder) {
        view.add(item);
    }
    view.said = format!("{product} shows {} in {:?}", counted(view.files.len()), folder.spelled());
}

fn counted(files: usize) -> String {
    match files {
        0 => "no file".to_owned(),
        1 => "1 file".to_owned(),
        many => format!("{many} files"),
    }
}

/// Whether everything that must be there is, and nothing is expected that must be gone.
pub(crate) fn are_enough(items: &[Item], folder: &Owner, files: &[&ExpectedFile]) -> bool {
    files.iter().all(|expected| {
        let path = spelling(folder, expected);
        matches!(expected.presence, Presence::There { .. })
            && items.iter().any(|item| item.path.as_ref() == Some(&path))
    })
}

/// Neither the folder nor one above it was found by its title: it is new, or has another title. It is looked for among what
/// is new, sometimes by a single word, and rarely at the top of the library.
pub(crate) async fn sought_in_vain(
    server: &impl MediaBrowser,
    folder: &Owner,
    files: &[&ExpectedFile],
    kinds: &str,
    view: &mut View,
) -> Result<(), Fault> {
    let memory = &server.state().items;
    let path = folder.spelled();
    let times = memory.missed(&path);
    if memory.may_sweep(&folder.library.id, &path) {
        sweep(server, folder, view).await?;
    } else if times.is_multiple_of(WORD_EVERY) {
        let first = folders_above(folder).pop().unwrap_or_else(|| folder.path.clone());
        let title = title(first.file_name().unwrap_or_default());
        if let Some(word) = longest_word(&title) {
            let found = search(server, folder, kinds, word).await?;
            note(server, folder, &found, view);
        }
    } else {
        what_is_new(server, folder, files, view).await?;
    }
    let all_there = files.iter().all(|expected| view.has(&spelling(folder, expected)));
    if all_there || view.said.is_empty() {
        let name = folder.path.file_name().unwrap_or_default();
        view.said = format!(
            "{} was searched for {:?} and asked for its newest files, and shows nothing of {path:?}",
            server.product(),
            title(name)
        );
    }
    Ok(())
}

/// Looks for the files among what is new in the library: what was read lately, and once also the youngest files.
async fn what_is_new(
    server: &impl MediaBrowser,
    folder: &Owner,
    files: &[&ExpectedFile],
    view: &mut View,
) -> Result<(), Fault> {
    let state = server.state();
    let is_listed = server.lists_before_it_reads()
        && (state.scans.was_scanned_lately(&folder.library.id) || state.recent.misses(&folder.spelled()) > 0);
    if !is_listed {
        let found = newest(server, folder).await?;
        note(server, folder, &found, view);
        return Ok(());
    }
    list_recent(server, folder).await?;
    let paths = files.iter().map(|expected| spelling(folder, expected));
    let known: Vec<KnownItem> =
        paths.filter_map(|path| state.recent.file(&folder.library.id, &path)).map(|file| file.item).collect();
    if !known.is_empty() {
        sizes(server, &known).await?.iter().for_each(|item| view.add(item));
    }
    Ok(())
}

/// Remembers what was come across of the folder and those above it.
fn note(server: &impl MediaBrowser, folder: &Owner, items: &[Item], view: &mut View) {
    let above = folders_above(folder);
    for item in items {
        let Some(path) = item.path.as_deref() else { continue };
        if lies_in(path, &folder.path) && !is_folder(item) {
            view.add(item);
            // Of files that lie in a series' own folder the parent is a season without a folder.
            if let Some(parent) = item.parent_id.as_ref().filter(|_| above.len() > 1) {
                server.state().items.learn(&folder.spelled(), parent);
            }
        } else if above.iter().any(|at| spelled(at) == path) {
            server.state().items.learn_item(item);
        }
    }
}

fn is_folder(item: &Item) -> bool {
    matches!(item.kind.as_str(), "Series" | "Season" | "MusicArtist" | "MusicAlbum" | "Folder")
}

/// Goes through the top of the library, page by page.
async fn sweep(server: &impl MediaBrowser, folder: &Owner, view: &mut View) -> Result<(), Fault> {
    let above = folders_above(folder);
    for page in 0..SWEEPS {
        let request = server
            .look_for("Path,ParentId")
            .query("ParentId", &folder.library.id)
            .query("CollapseBoxSetItems", "false")
            .query("StartIndex", &(page * SWEPT).to_string())
            .query("Limit", &SWEPT.to_string());
        let found = server.items(request).await?.unwrap_or_default();
        note(server, folder, &found, view);
        let is_found = above.iter().any(|at| server.state().items.get(spelled(at)).is_some());
        if found.len() < SWEPT || is_found || !view.files.is_empty() {
            break;
        }
    }
    Ok(())
}
