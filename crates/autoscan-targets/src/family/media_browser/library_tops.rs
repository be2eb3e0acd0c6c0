//! What lies at the top of a library, listed once for the many folders of a batch, instead of a search for each of them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use autoscan_core::change::{Change, ChangeKind, Subject};
use autoscan_core::fault::Fault;
use autoscan_core::path::{AbsolutePath, TargetPath};
use autoscan_core::ports::TargetScan;
use tokio::time::Instant;

use crate::family::library_index::{Owner, spelled};
use crate::family::media_browser::answers::Item;
use crate::family::media_browser::children::{file_kinds, top_kinds};
use crate::family::media_browser::item_cache::KnownItem;
use crate::family::media_browser::server::{MediaBrowser, holders};

/// So many folders of one library are searched one by one.
const FEW: usize = 4;

/// Items of a page, half a kilobyte each.
const PAGE: usize = 500;

/// A library with more items at its top is searched for each folder.
const MOST: usize = 2000;

/// A list is good for so long, unless the library was scanned.
const FRESH: Duration = Duration::from_secs(30);

/// A library with too many items is counted again after this.
const COUNTED_AGAIN: Duration = Duration::from_mins(10);

/// The tops of the libraries of one server.
#[derive(Default)]
pub(crate) struct LibraryTops(Mutex<HashMap<String, ListedTop>>);

/// What lay at the top of one library.
struct ListedTop {
    at: Instant,
    /// The items by their path, and by the folder that they lie in; none where they are too many.
    items: Option<HashMap<String, Vec<KnownItem>>>,
}

impl LibraryTops {
    fn state(&self) -> MutexGuard<'_, HashMap<String, ListedTop>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The items at or right below the path; none where the top of the library is not known.
    pub(crate) fn at(&self, library: &str, path: &str) -> Option<Vec<KnownItem>> {
        let state = self.state();
        let listed = state.get(library).filter(|listed| listed.at.elapsed() < FRESH)?;
        Some(listed.items.as_ref()?.get(path).cloned().unwrap_or_default())
    }

    /// Whether the top of the library is known, and holds nothing at the path or above it.
    pub(crate) fn has_none_of(&self, path: &Owner) -> bool {
        let state = self.state();
        let listed = state.get(&path.library.id).filter(|listed| listed.at.elapsed() < FRESH);
        let Some(items) = listed.and_then(|listed| listed.items.as_ref()) else { return false };
        let mut above = std::iter::successors(Some(path.path.clone()), AbsolutePath::parent)
            .take_while(|at| at.depth() > path.root.depth());
        !above.any(|at| items.contains_key(spelled(&at)))
    }

    /// The library is scanned: something else may lie at its top soon.
    pub(crate) fn forget(&self, library: &str) {
        let mut state = self.state();
        if state.get(library).is_some_and(|listed| listed.items.is_some()) {
            state.remove(library);
        }
    }

    fn is_listed(&self, library: &str) -> bool {
        let state = self.state();
        state.get(library).is_some_and(|listed| match listed.items {
            Some(_) => listed.at.elapsed() < FRESH,
            None => listed.at.elapsed() < COUNTED_AGAIN,
        })
    }

    fn keep(&self, library: &str, items: Option<Vec<Item>>) {
        let items = items.map(|items| {
            let mut places: HashMap<String, Vec<KnownItem>> = HashMap::new();
            for item in items {
                let is_artist = item.is_artist();
                let Some(path) = item.path else { continue };
                let above = AbsolutePath::parse(&path).ok().and_then(|path| path.parent());
                let known = KnownItem { id: item.id, path: path.clone(), is_artist };
                if let Some(above) = above {
                    places.entry(spelled(&above).to_owned()).or_default().push(known.clone());
                }
                places.entry(path).or_default().push(known);
            }
            places
        });
        self.state().insert(library.to_owned(), ListedTop { at: Instant::now(), items });
    }
}

/// Lists the tops of those libraries of which many folders of the batch are to be looked up. Where that is not answered they are
/// searched for one by one.
pub(crate) async fn list_tops(server: &impl MediaBrowser, scans: &[TargetScan]) -> Result<(), Fault> {
    if scans.len() <= FEW || !server.lists_before_it_reads() {
        return Ok(());
    }
    let mut libraries: HashMap<String, (Owner, usize)> = HashMap::new();
    for scan in scans {
        for owner in holders(server, &scan.folder.0).await? {
            if !is_listed_whole(&owner.library.kind) {
                continue;
            }
            // Of a film whose file is new nothing is looked up.
            if top_kinds(&owner.library.kind).is_empty() && names_new_files(scan) {
                continue;
            }
            let state = server.state();
            let is_known = state.items.get(&owner.spelled()).is_some();
            let is_scanned = state.scans.goes_on_as_far_as_known(&owner.library.id);
            if is_known || is_scanned || state.scans.is_waiting(&owner.library.id, &owner.spelled()) {
                continue;
            }
            libraries.entry(owner.library.id.clone()).or_insert((owner, 0)).1 += 1;
        }
    }
    for (id, (owner, folders)) in libraries {
        if folders > FEW && !server.state().tops.is_listed(&id) {
            let items = list(server, &owner).await?;
            server.state().tops.keep(&id, items);
        }
    }
    Ok(())
}

/// Whether every file of such a library lies at or below what its list holds: not where films lie among folders and series.
fn is_listed_whole(kind: &str) -> bool {
    matches!(kind, "tvshows" | "movies" | "music" | "musicvideos" | "books")
}

fn names_new_files(scan: &TargetScan) -> bool {
    let is_new = |change: &Change<TargetPath>| {
        change.subject == Subject::File && !matches!(change.kind, ChangeKind::Rescan | ChangeKind::Modified)
    };
    !scan.changes.is_empty() && scan.changes.iter().all(is_new)
}

/// All items at the top of a library; none where they are too many.
async fn list(server: &impl MediaBrowser, library: &Owner) -> Result<Option<Vec<Item>>, Fault> {
    let kind = library.library.kind.as_str();
    let kinds = Some(top_kinds(kind)).filter(|kinds| !kinds.is_empty()).unwrap_or(file_kinds(kind));
    let mut all: Vec<Item> = Vec::new();
    loop {
        let request = server
            .look_for_and_count("Path", all.is_empty())
            .query("Recursive", "true")
            .query("ParentId", &library.library.id)
            .query("IncludeItemTypes", kinds)
            .query("CollapseBoxSetItems", "false")
            .query("StartIndex", &all.len().to_string())
            .query("Limit", &PAGE.to_string());
        let page = server.page(request).await?;
        if page.total().is_some_and(|total| total > MOST) {
            return Ok(None);
        }
        let is_last = page.items.len() < PAGE;
        all.extend(page.items);
        if is_last || all.len() > MOST {
            return Ok(is_last.then_some(all));
        }
    }
}
