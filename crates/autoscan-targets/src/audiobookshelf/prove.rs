//! What Audiobookshelf shows of the files of a scan.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use autoscan_core::change::Subject;
use autoscan_core::fault::Fault;
use autoscan_core::path::{AbsolutePath, TargetPath};
use autoscan_core::ports::{ServerListing, TargetScan};
use autoscan_core::proof::{ExpectedFile, Observation, Presence};

use crate::audiobookshelf::api::{Item, Latest, Page, WholeItem};
use crate::audiobookshelf::catalogue::{KnownItems, MOST_ITEMS};
use crate::audiobookshelf::reports::{Role, book_of, is_passed_by};
use crate::audiobookshelf::{Audiobookshelf, locked};
use crate::family::libraries;
use crate::family::library_index::Owner;
use crate::family::lost::LOST_AFTER;

/// How many of the latest items are looked at for a book that is not known yet.
pub(super) const LATEST: usize = 50;

/// So many books of a folder are asked for their files at most.
const LISTED: usize = 20;

/// How many books are remembered.
const REMEMBERED: usize = 1000;

/// The ids of the books that were asked for and found, by library and path: such a book is asked for alone.
#[derive(Default)]
pub(super) struct Books(VecDeque<FoundBook>);

struct FoundBook {
    library: String,
    path: AbsolutePath,
    id: String,
}

impl Books {
    fn keep(&mut self, library: &str, path: &AbsolutePath, id: String) {
        self.forget(library, path);
        if self.0.len() >= REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(FoundBook { library: library.to_owned(), path: path.clone(), id });
    }

    fn forget(&mut self, library: &str, path: &AbsolutePath) {
        self.0.retain(|book| book.library != library || book.path != *path);
    }

    fn find(&self, library: &str, path: &AbsolutePath) -> Option<String> {
        self.0.iter().find(|book| book.library == library && book.path == *path).map(|book| book.id.clone())
    }
}

/// What was answered during one asking.
struct Asking<'a> {
    shelf: &'a Audiobookshelf,
    pages: HashMap<(String, Latest), Arc<Page>>,
    known: HashMap<String, KnownItems>,
    items: HashMap<String, Option<WholeItem>>,
}

/// What is known of the item that holds a file.
enum Found<'a> {
    Item(&'a WholeItem),
    /// It is in no list that was read, and whether these hold the whole library.
    NotListed {
        is_whole: bool,
    },
}

/// Asks for the files of a scan: one short list of items, and each book once.
pub(super) async fn find(
    shelf: &Audiobookshelf,
    folder: &TargetPath,
    expected: &[ExpectedFile],
) -> Result<Vec<Observation>, Fault> {
    let (index, _) = libraries::owners(shelf, folder).await?;
    let mut asking = Asking::new(shelf);
    let mut shown = Vec::with_capacity(expected.len());
    for one in expected {
        let mut seen = Observation::Unknowable(format!("{:?} is in no library", one.path.as_str()));
        for owner in index.owners(&one.path.0) {
            seen = asking.look(&owner, one).await?;
            if matches!(seen, Observation::NotYet(_)) {
                break;
            }
        }
        shown.push(seen);
    }
    Ok(shown)
}

impl<'a> Asking<'a> {
    fn new(shelf: &'a Audiobookshelf) -> Self {
        Self { shelf, pages: HashMap::new(), known: HashMap::new(), items: HashMap::new() }
    }

    async fn look(&mut self, owner: &Owner, expected: &ExpectedFile) -> Result<Observation, Fault> {
        if let Some(reason) = unknowable(self.shelf, owner, expected) {
            return Ok(Observation::Unknowable(reason));
        }
        let is_gone = expected.presence == Presence::Gone;
        if expected.subject == Subject::Folder
            && let Some(seen) = self.items_below(owner).await?
        {
            return Ok(seen);
        }
        let path = owner.path.clone();
        Ok(match self.holder(owner, expected).await? {
            Found::Item(whole) => judge(whole, &path, expected.presence),
            Found::NotListed { is_whole: true } if is_gone => Observation::Proven,
            Found::NotListed { .. } if is_gone => Observation::Unknowable(format!(
                "the book of {path:?} is not among the {MOST_ITEMS} books that Audiobookshelf added last, and it cannot be \
                 asked for a path"
            )),
            Found::NotListed { .. } => Observation::NotYet(format!(
                "Audiobookshelf was asked for its latest books and lists none that holds {path:?}"
            )),
        })
    }

    /// Whether items that lie at and below a folder that is gone are still listed; none when all of these are gone, so that
    /// only an item above it may still hold files of it.
    async fn items_below(&mut self, owner: &Owner) -> Result<Option<Observation>, Fault> {
        let (path, library) = (&owner.path, &owner.library.id);
        let still = |book: &AbsolutePath| {
            Observation::NotYet(format!("Audiobookshelf still lists the book {book:?}"))
        };
        let known = self.known(owner).await?;
        let ids = known.within(path);
        for id in ids.iter().take(LISTED) {
            let whole = self.item(id).await?;
            if let Some(whole) =
                whole.filter(|whole| !whole.item.is_missing && whole.item.path.is_within(path))
            {
                return Ok(Some(still(&whole.item.path)));
            }
        }
        if ids.len() > LISTED {
            let latest = self.page(owner, Latest::Added).await?;
            let now = self.shelf.items_now(library, latest).await?;
            if let Some(item) = now.iter().find(|item| !item.is_missing && item.path.is_within(path)) {
                return Ok(Some(still(&item.path)));
            }
        }
        Ok((!known.are_all()).then(|| {
            Observation::Unknowable(format!(
                "the library has {} books, of which only the {MOST_ITEMS} that were added last are looked at; none of \
                 them lies in {path:?}",
                known.total()
            ))
        }))
    }

    /// The item that holds a file. An item that was found is remembered, and asked for alone from then on.
    async fn holder(&mut self, owner: &Owner, expected: &ExpectedFile) -> Result<Found<'_>, Fault> {
        let (library, path) = (&owner.library.id, &owner.path);
        let book = match expected.subject {
            Subject::File => book_of(path, &owner.root),
            Subject::Folder => path.clone(),
        };
        let known = locked(&self.shelf.books).find(library, &book);
        if let Some(id) = known {
            if self.holds(&id, path).await? {
                return Ok(self.found(&id));
            }
            locked(&self.shelf.books).forget(library, &book);
        }
        // A file that came to an old book changes the time of its folder, and one that is gone does so too: mostly that is the
        // book's own folder.
        for latest in [Latest::Added, Latest::Changed] {
            let page = self.page(owner, latest).await?;
            if let Some(id) = deepest(page.items.iter(), path)
                && self.holds(&id, path).await?
            {
                locked(&self.shelf.books).keep(library, &book, id.clone());
                return Ok(self.found(&id));
            }
            if page.is_whole {
                return Ok(Found::NotListed { is_whole: true });
            }
        }
        let known = self.known(owner).await?;
        if let Some(id) = deepest(known.iter(), path)
            && self.holds(&id, path).await?
        {
            locked(&self.shelf.books).keep(library, &book, id.clone());
            return Ok(self.found(&id));
        }
        Ok(Found::NotListed { is_whole: known.are_all() })
    }

    /// Whether the item of this id is there, and a path lies in it: it may have been removed or moved.
    async fn holds(&mut self, id: &str, path: &AbsolutePath) -> Result<bool, Fault> {
        Ok(self.item(id).await?.is_some_and(|whole| path.is_within(&whole.item.path)))
    }

    fn found(&self, id: &str) -> Found<'_> {
        let item = self.items.get(id).and_then(Option::as_ref);
        item.map_or(Found::NotListed { is_whole: false }, Found::Item)
    }

    async fn item(&mut self, id: &str) -> Result<Option<&WholeItem>, Fault> {
        if !self.items.contains_key(id) {
            let item = self.shelf.item(id).await?;
            self.items.insert(id.to_owned(), item);
        }
        Ok(self.items.get(id).and_then(Option::as_ref))
    }

    /// The latest items of the library.
    async fn page(&mut self, owner: &Owner, latest: Latest) -> Result<Arc<Page>, Fault> {
        let key = (owner.library.id.clone(), latest);
        if let Some(page) = self.pages.get(&key) {
            return Ok(Arc::clone(page));
        }
        let page = Arc::new(self.shelf.page(&owner.library.id, latest, LATEST, 0).await?);
        self.pages.insert(key, Arc::clone(&page));
        Ok(page)
    }

    /// The items of the library.
    async fn known(&mut self, owner: &Owner) -> Result<KnownItems, Fault> {
        let library = &owner.library.id;
        if let Some(known) = self.known.get(library) {
            return Ok(known.clone());
        }
        let latest = self.page(owner, Latest::Added).await?;
        let known = self.shelf.known_items(library, latest).await?;
        self.known.insert(library.clone(), known.clone());
        Ok(known)
    }
}

/// The id of the item that holds a path: the deepest, should one lie in another.
fn deepest<'a>(items: impl Iterator<Item = &'a Item>, path: &AbsolutePath) -> Option<String> {
    let holding = items.filter(|item| path.is_within(&item.path));
    holding.max_by_key(|item| item.path.depth()).map(|item| item.id.clone())
}

/// An item whose folder is gone keeps its files in the list, and is called missing.
fn judge(whole: &WholeItem, path: &AbsolutePath, presence: Presence) -> Observation {
    let book = &whole.item.path;
    let listed = whole.files.iter().find(|(file, _)| file.is_within(path));
    let listed = listed.filter(|_| !whole.item.is_missing);
    match (presence, listed) {
        (Presence::Gone, Some((file, _))) => {
            Observation::NotYet(format!("Audiobookshelf still lists {file:?} in the book {book:?}"))
        }
        (Presence::There { .. }, None) if whole.item.is_missing => {
            Observation::NotYet(format!("Audiobookshelf takes the book {book:?} for missing"))
        }
        (Presence::There { .. }, None) => Observation::NotYet(format!(
            "Audiobookshelf was asked for the book {book:?} and does not list {path:?} in it"
        )),
        (Presence::There { size: Some(size) }, Some((_, Some(shown)))) if size != *shown => {
            Observation::NotYet(format!(
                "Audiobookshelf lists {path:?} with another size: {shown} bytes instead of {size}"
            ))
        }
        (Presence::Gone, None) | (Presence::There { .. }, Some(_)) => Observation::Proven,
    }
}

/// Why Audiobookshelf shows nothing for such a path.
fn unknowable(shelf: &Audiobookshelf, owner: &Owner, expected: &ExpectedFile) -> Option<String> {
    let (path, is_gone) = (&owner.path, expected.presence == Presence::Gone);
    if expected.subject == Subject::Folder {
        return (!is_gone).then(|| "Audiobookshelf shows books, and no folders".to_owned());
    }
    let name = path.file_name().unwrap_or_default();
    if is_passed_by(path, &owner.root) {
        return Some(format!(
            "Audiobookshelf passes by {path:?}: a name in it begins with a dot, is a folder of a NAS or ends as an \
             unfinished file does"
        ));
    }
    let title = &owner.library.title;
    match Role::of(path) {
        Role::Book if owner.library.kind == "podcast" => {
            Some(format!("Audiobookshelf makes no episode of {name:?}"))
        }
        Role::Book if locked(&shelf.switches).is_audio_only(&owner.library.id) => Some(format!(
            "the library {title:?} of Audiobookshelf is for audiobooks only, which {name:?} is not"
        )),
        Role::Audio | Role::Book => None,
        Role::Beside | Role::Nothing => Some(format!("Audiobookshelf makes no book of {name:?} alone")),
    }
}

/// The files of the books at and below a folder: a question a book, so there are few. None where the books of the library are
/// more than are looked at, or those of the folder.
pub(super) async fn list_below(
    shelf: &Audiobookshelf,
    folder: &TargetPath,
    most: usize,
) -> Result<Option<ServerListing>, Fault> {
    let (_, owners) = libraries::owners(shelf, folder).await?;
    let mut asking = Asking::new(shelf);
    let mut listing = ServerListing { files: Vec::new(), complete: owners.len() == 1 };
    for owner in &owners {
        let known = asking.known(owner).await?;
        let ids = known.within(&owner.path);
        if !known.are_all() || ids.len() > LISTED {
            return Ok(None);
        }
        for id in ids {
            let whole = asking.item(&id).await?;
            let Some(whole) = whole.filter(|whole| !whole.item.is_missing) else { continue };
            let here = whole.files.iter().filter(|(file, _)| file.is_within(&owner.path));
            listing.files.extend(here.map(|(file, _)| TargetPath(file.clone())));
        }
    }
    listing.complete &= listing.files.len() <= most;
    listing.files.truncate(most);
    Ok(Some(listing))
}

/// Why a telling is believed lost: Audiobookshelf scans none of its libraries, and has had time to begin. It drops a scan of a
/// library that is being scanned (measured at 2.36).
pub(super) async fn why_lost(
    shelf: &Audiobookshelf,
    scan: &TargetScan,
    told_ago: Duration,
) -> Option<String> {
    if told_ago < LOST_AFTER {
        return None;
    }
    let (_, owners) = libraries::owners(shelf, &scan.folder).await.ok()?;
    let scanned = shelf.scanned_now().await.ok()?;
    let is_scanned = owners.iter().any(|owner| scanned.contains(&owner.library.id));
    (!is_scanned)
        .then(|| "Audiobookshelf scans nothing of its library now and still does not list it".to_owned())
}

/// What Audiobookshelf itself sees of the file.
pub(super) async fn why_missing(shelf: &Audiobookshelf, expected: &ExpectedFile) -> Option<String> {
    let (_, owners) = libraries::owners(shelf, &expected.path).await.ok()?;
    let owner = owners.first()?;
    let path = &owner.path;
    if expected.subject == Subject::Folder || *path == owner.root {
        return None;
    }
    let is_seen = shelf.sees(owner, path).await.ok()?;
    if expected.presence == Presence::Gone {
        return is_seen.then(|| format!("Audiobookshelf still sees the file {path:?} on its own disk"));
    }
    if is_seen {
        return Some(
            "Audiobookshelf sees the file but made nothing of it: may its user read it, is it whole, and does no file \
             named .ignore lie in its folder?"
                .to_owned(),
        );
    }
    let folder = path.parent().filter(|folder| folder.depth() > owner.root.depth());
    let is_folder_seen = match &folder {
        Some(folder) => shelf.sees(owner, folder).await.ok()?,
        None => true,
    };
    Some(match folder {
        Some(folder) if !is_folder_seen => format!(
            "Audiobookshelf does not see the folder {folder:?}: is the target's `map` right, and the mount there?"
        ),
        _ => "Audiobookshelf sees the folder, but not this file in it".to_owned(),
    })
}
