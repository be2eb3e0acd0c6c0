//! Where a server filters by path, an item is found in one small request.

use autoscan_core::fault::Fault;
use autoscan_core::path::AbsolutePath;
use autoscan_core::proof::{ExpectedFile, Presence};

use crate::family::library_index::{Owner, spelled};
use crate::family::media_browser::answers::Item;
use crate::family::media_browser::by_title::are_enough;
use crate::family::media_browser::children::{Children, list};
use crate::family::media_browser::children::{file_kinds, top_kinds};
use crate::family::media_browser::item_cache::KnownItem;
use crate::family::media_browser::lookups::BatchLookups;
use crate::family::media_browser::prove::{lies_in, spelling};
use crate::family::media_browser::server::MediaBrowser;
use crate::family::media_browser::view::View;

/// Folders above a file that are asked for one by one.
const ABOVE: usize = 3;

/// Files that have no item above them but their library are asked for one by one, so many at a time.
const SINGLY: usize = 50;

/// The item at exactly this path.
async fn at_path(server: &impl MediaBrowser, path: &str) -> Result<Option<Item>, Fault> {
    let request = server
        .look_for("Path,ParentId,Size,MediaSources")
        .query("Path", path)
        .query("Recursive", "true")
        .query("Limit", "4");
    let found = server.items(request).await?.unwrap_or_default();
    Ok(found.into_iter().find(|item| item.files().iter().any(|(known, _)| *known == path)))
}

/// The nearest item with children at the folder or above it, but below the library's folder.
pub(crate) async fn place_by_path(
    server: &impl MediaBrowser,
    folder: &Owner,
    lookups: &mut BatchLookups,
) -> Result<Option<KnownItem>, Fault> {
    let memory = &server.state().items;
    if matches!(folder.library.kind.as_str(), "movies" | "musicvideos" | "books") {
        return Ok(None);
    }
    let above = std::iter::successors(Some(folder.path.clone()), AbsolutePath::parent);
    for at in above.take_while(|at| at.depth() > folder.root.depth()).take(ABOVE) {
        let path = spelled(&at);
        if let Some(known) = memory.get(path) {
            return Ok(Some(known));
        }
        if lookups.has_missed(path) {
            continue;
        }
        if let Some(item) = at_path(server, path).await? {
            memory.learn_item(&item);
            let is_artist = item.is_artist();
            return Ok(Some(KnownItem { id: item.id, path: path.to_owned(), is_artist }));
        }
        lookups.miss(path);
    }
    Ok(None)
}

/// What the server shows of these files of one folder: one of them is asked for by its path, and the others are its
/// siblings.
pub(crate) async fn view_by_path(
    server: &impl MediaBrowser,
    folder: &Owner,
    files: &[&ExpectedFile],
    _: &mut BatchLookups,
) -> Result<View, Fault> {
    let mut view = View::default();
    if files.is_empty()
        && let Some(item) = at_path(server, &folder.spelled()).await?
    {
        view.add(&item);
    }
    let has_items = folder.path != folder.root && !top_kinds(&folder.library.kind).is_empty();
    let below = if has_items && files.len() > 1 {
        parent(server, folder, files, &mut view).await?
    } else {
        Parent::None
    };
    match below {
        Parent::Known(KnownItem { id, path, .. }) => {
            let kinds = file_kinds(&folder.library.kind);
            let children = Children { parent: &id, kinds, season: None };
            match list(server, &children, |items| are_enough(items, folder, files)).await? {
                Some(items) => {
                    let here =
                        |item: &&Item| item.path.as_deref().is_some_and(|at| lies_in(at, &folder.path));
                    items.iter().filter(here).for_each(|item| view.add(item));
                }
                None => server.state().items.forget(&path),
            }
        }
        Parent::None => singly(server, folder, files, &mut view).await?,
        Parent::NotYet => {}
    }
    view.said = format!(
        "{} was asked for {} of {:?} and shows {} there",
        server.product(),
        if files.len() == 1 { "a file" } else { "the files" },
        folder.spelled(),
        view.files.len()
    );
    Ok(view)
}

/// Whose children the files of a folder are.
enum Parent {
    /// An item's.
    Known(KnownItem),
    /// Nobody's but the library's.
    None,
    /// One that must be there is not: nothing more needs to be asked.
    NotYet,
}

/// The item whose children the files are: the folder's own, or the parent of one that is asked for.
async fn parent(
    server: &impl MediaBrowser,
    folder: &Owner,
    files: &[&ExpectedFile],
    view: &mut View,
) -> Result<Parent, Fault> {
    let memory = &server.state().items;
    let path = folder.spelled();
    if let Some(known) = memory.get(&path) {
        return Ok(Parent::Known(known));
    }
    let Some(first) = files.iter().find(|expected| matches!(expected.presence, Presence::There { .. }))
    else {
        let own = at_path(server, &path).await?;
        let known = |item: Item| Parent::Known(KnownItem { id: item.id, path, is_artist: false });
        return Ok(own.map_or(Parent::None, known));
    };
    let Some(item) = at_path(server, &spelling(folder, first)).await? else {
        return Ok(Parent::NotYet);
    };
    view.add(&item);
    let Some(parent) = item.parent_id else { return Ok(Parent::None) };
    // Of files that lie in a series' own folder the parent may be a season without a folder.
    if folder.path.depth() > folder.root.depth() + 1 {
        memory.learn(&path, &parent);
    }
    Ok(Parent::Known(KnownItem { id: parent, path, is_artist: false }))
}

async fn singly(
    server: &impl MediaBrowser,
    folder: &Owner,
    files: &[&ExpectedFile],
    view: &mut View,
) -> Result<(), Fault> {
    for expected in files.iter().take(SINGLY) {
        match at_path(server, &spelling(folder, expected)).await? {
            Some(item) => view.add(&item),
            None if matches!(expected.presence, Presence::There { .. }) => break,
            None => {}
        }
    }
    Ok(())
}
