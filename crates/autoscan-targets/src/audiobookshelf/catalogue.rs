//! Which items a library has. Audiobookshelf cannot be asked for a path (2.36: neither its search nor its filters know one), so
//! the list of a library is read page by page once and believed for some minutes. It tells the ids of the books; how they are now
//! is asked by these.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_core::path::AbsolutePath;
use tokio::time::Instant;

use crate::audiobookshelf::Audiobookshelf;
use crate::audiobookshelf::api::{Item, Latest, Page};

/// Items of one page: about a megabyte.
const PAGE: usize = 1000;

/// Most items of a library that are read, the latest first.
pub(super) const MOST_ITEMS: usize = 10_000;

/// The list of a library is believed so long for each of its pages, so that reading it costs no more than a page in that time…
const BELIEVED_FOR_A_PAGE: Duration = Duration::from_mins(1);

/// So many libraries are remembered.
const LIBRARIES: usize = 50;

/// The items of one library as they were read.
#[derive(Debug)]
pub(super) struct Catalogue {
    items: Vec<Item>,
    /// Whether these are all items of the library.
    is_whole: bool,
    read_at: Instant,
    pages: u32,
}

impl Catalogue {
    /// Whether it may still be believed. Where none of the latest items is in it, there may be more that it lacks.
    fn is_fresh(&self, latest: &Page) -> bool {
        let is_known = |item: &Item| self.items.iter().any(|known| known.id == item.id);
        self.read_at.elapsed() < BELIEVED_FOR_A_PAGE * self.pages
            && (latest.items.is_empty() || latest.items.iter().any(is_known))
    }
}

/// The catalogues that were read, by the library's id.
#[derive(Default)]
pub(super) struct Catalogues(HashMap<String, Arc<Catalogue>>);

/// What is known of the items of a library: the latest as they are now, and all others as they were a while ago.
#[derive(Clone, Debug)]
pub(super) struct KnownItems {
    latest: Arc<Page>,
    others: Option<Arc<Catalogue>>,
}

impl KnownItems {
    /// Each item once.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Item> {
        let latest: HashSet<&str> = self.latest.items.iter().map(|item| item.id.as_str()).collect();
        let others = self.others.iter().flat_map(|others| &others.items);
        self.latest.items.iter().chain(others.filter(move |item| !latest.contains(item.id.as_str())))
    }

    /// The ids of the items that lie at or below a path.
    pub(super) fn within(&self, path: &AbsolutePath) -> Vec<String> {
        self.iter().filter(|item| item.path.is_within(path)).map(|item| item.id.clone()).collect()
    }

    /// Whether these are all items of the library.
    pub(super) fn are_all(&self) -> bool {
        self.latest.is_whole || self.others.as_ref().is_some_and(|others| others.is_whole)
    }

    /// How many items the library has.
    pub(super) fn total(&self) -> usize {
        self.latest.total
    }
}

impl Audiobookshelf {
    /// The items of a library whose latest were read just now.
    pub(super) async fn known_items(&self, library: &str, latest: Arc<Page>) -> Result<KnownItems, Fault> {
        if latest.is_whole {
            return Ok(KnownItems { latest, others: None });
        }
        // Whoever asks meanwhile shares what is read.
        let mut catalogues = self.catalogues.lock().await;
        let known = catalogues.0.get(library).filter(|known| known.is_fresh(&latest)).cloned();
        let others = match known {
            Some(known) => known,
            None => catalogues.keep(library, self.read_catalogue(library).await?),
        };
        Ok(KnownItems { latest, others: Some(others) })
    }

    /// The items of a library as they are now.
    pub(super) async fn items_now(&self, library: &str, latest: Arc<Page>) -> Result<KnownItems, Fault> {
        self.catalogues.lock().await.0.remove(library);
        self.known_items(library, latest).await
    }

    async fn read_catalogue(&self, library: &str) -> Result<Catalogue, Fault> {
        let (mut items, mut ids) = (Vec::new(), HashSet::new());
        let (mut pages, mut is_whole) = (0, false);
        while !is_whole && items.len() < MOST_ITEMS {
            let page = self.page(library, Latest::Added, PAGE, pages).await?;
            pages += 1;
            let before = items.len();
            // What is added meanwhile moves the others on: they are on two pages then.
            items.extend(page.items.into_iter().filter(|item| ids.insert(item.id.clone())));
            is_whole = items.len() >= page.total || page.is_whole;
            if items.len() == before {
                break;
            }
        }
        Ok(Catalogue { items, is_whole, read_at: Instant::now(), pages })
    }
}

impl Catalogues {
    fn keep(&mut self, library: &str, catalogue: Catalogue) -> Arc<Catalogue> {
        let catalogue = Arc::new(catalogue);
        if self.0.len() >= LIBRARIES {
            self.0.clear();
        }
        self.0.insert(library.to_owned(), Arc::clone(&catalogue));
        catalogue
    }
}
