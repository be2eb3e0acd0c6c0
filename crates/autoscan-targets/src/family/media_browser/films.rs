//! Films, whose own folder is no item: the film itself is asked for.

use autoscan_core::fault::Fault;
use autoscan_core::media::stem;
use autoscan_core::proof::{ExpectedFile, Presence};

use crate::family::library_index::Owner;
use crate::family::media_browser::by_title::{search, sought_in_vain};
use crate::family::media_browser::children::{file_kinds, top_kinds};
use crate::family::media_browser::item_cache::KnownItem;
use crate::family::media_browser::prove::sizes;
use crate::family::media_browser::prove::{lies_in, spelling};
use crate::family::media_browser::server::MediaBrowser;
use crate::family::media_browser::titles::title;
use crate::family::media_browser::view::View;

/// Films that lie without a folder of their own are searched one by one, so many at a time.
const SEARCHES: usize = 8;

/// Most items of one folder that are looked at for further versions of a film.
const VERSIONS: usize = 6;

/// Takes what the server shows of these films into the view.
pub(crate) async fn films(
    server: &impl MediaBrowser,
    folder: &Owner,
    files: &[&ExpectedFile],
    view: &mut View,
) -> Result<(), Fault> {
    if remembered(server, folder, files, view).await? {
        return Ok(());
    }
    let kinds = file_kinds(&folder.library.kind);
    for term in terms(folder, files) {
        for item in search(server, folder, kinds, &term).await? {
            if item.path.as_deref().is_some_and(|path| lies_in(path, &folder.path)) {
                view.add(&item);
            }
        }
    }
    let mut missing = missing(folder, files, view);
    if !missing.is_empty() && !view.items.is_empty() && folder.path != folder.root {
        // It may be a further version of a film that is shown.
        let mut beside: Vec<KnownItem> = view.items.values().cloned().collect();
        beside.sort_by(|one, other| one.path.cmp(&other.path));
        beside.truncate(VERSIONS);
        for item in sizes(server, &beside).await? {
            view.add(&item);
        }
        missing = self::missing(folder, files, view);
    }
    view.said = format!(
        "{} was searched for {:?} and shows {} in {:?}",
        server.product(),
        terms(folder, files).join("\", \""),
        if view.files.is_empty() { "nothing" } else { "another film, or another file of it," },
        folder.spelled()
    );
    if !missing.is_empty() {
        sought_in_vain(server, folder, files, kinds, view).await?;
    }
    Ok(())
}

/// The films that lie in a folder of their own, found by its name. None for a folder that is an item itself.
pub(crate) async fn films_in(server: &impl MediaBrowser, folder: &Owner) -> Result<Vec<KnownItem>, Fault> {
    let kind = folder.library.kind.as_str();
    if folder.path == folder.root || matches!(kind, "tvshows" | "music") {
        return Ok(Vec::new());
    }
    let tops = Some(&server.state().tops).filter(|_| top_kinds(kind).is_empty());
    if let Some(known) = tops.and_then(|tops| tops.at(&folder.library.id, &folder.spelled())) {
        return Ok(known);
    }
    let mut found: Vec<KnownItem> = Vec::new();
    for term in terms(folder, &[]) {
        for item in search(server, folder, file_kinds(kind), &term).await? {
            let Some(path) = item.path.filter(|path| lies_in(path, &folder.path)) else { continue };
            server.state().items.learn(&path, &item.id);
            found.push(KnownItem { id: item.id, path, is_artist: false });
        }
    }
    Ok(found)
}

/// Asks for the films by their ids, if all are remembered. Answers whether that told everything.
async fn remembered(
    server: &impl MediaBrowser,
    folder: &Owner,
    files: &[&ExpectedFile],
    view: &mut View,
) -> Result<bool, Fault> {
    let memory = &server.state().items;
    let paths: Vec<String> = files.iter().map(|expected| spelling(folder, expected)).collect();
    let known: Vec<KnownItem> = paths.iter().filter_map(|path| memory.get(path)).collect();
    if known.is_empty() || known.len() != paths.len() || known.len() > VERSIONS {
        return Ok(false);
    }
    for item in sizes(server, &known).await? {
        view.add(&item);
    }
    let mut is_all = true;
    for (expected, path) in files.iter().zip(&paths).filter(|(_, path)| !view.has(path)) {
        memory.forget(path);
        is_all &= expected.presence == Presence::Gone;
    }
    Ok(is_all)
}

/// What must be there and is not shown.
fn missing(folder: &Owner, files: &[&ExpectedFile], view: &View) -> Vec<String> {
    let there = files.iter().filter(|expected| matches!(expected.presence, Presence::There { .. }));
    there.map(|expected| spelling(folder, expected)).filter(|path| !view.has(path)).collect()
}

/// The titles to search for: of the folder, or of each file where they lie without one.
fn terms(folder: &Owner, files: &[&ExpectedFile]) -> Vec<String> {
    if folder.path != folder.root {
        return folder.path.file_name().map(title).into_iter().collect();
    }
    let names = files.iter().filter_map(|expected| expected.path.0.file_name());
    let mut terms: Vec<String> = names.map(|name| title(stem(name))).collect();
    terms.dedup();
    terms.truncate(SEARCHES);
    terms
}
