//! What a pretend Plex lists.

use std::collections::BTreeSet;

use autoscan_core::path::AbsolutePath;
use serde_json::{Value, json};

use super::Plex;
use super::catalogue::{Item, Kind, file_name};
use super::pages::{self, Around, Spelling, Within, kind_of};
use super::state::{PlexFileFilter, PlexState, Section};
use crate::pretend::http_server::{Behavior as _, Recorded, Reply, lock};

/// The part of a list that is asked for.
#[derive(Clone, Copy)]
struct Page {
    start: usize,
    size: usize,
    /// Whether the caller spoke of pages at all.
    is_asked: bool,
}

impl Page {
    fn of(call: &Recorded) -> Self {
        let number = |name: &str| {
            let text = call.param(name).or_else(|| call.header(&name.to_lowercase()))?;
            text.parse::<usize>().ok()
        };
        let (start, size) = (number("X-Plex-Container-Start"), number("X-Plex-Container-Size"));
        Self {
            start: start.unwrap_or_default(),
            size: size.unwrap_or(usize::MAX),
            is_asked: start.is_some() || size.is_some(),
        }
    }

    fn of_items(self, items: Vec<Item>) -> Vec<Item> {
        items.into_iter().skip(self.start).take(self.size).collect()
    }
}

impl Plex {
    /// `/library/sections/{key}/all`.
    pub(super) fn list(&self, call: &Recorded, key: &str) -> Reply {
        let mut state = lock(&self.state);
        let (filter, hidden) = (state.manners.file_filter, state.manners.trash_hidden);
        let Some(section) = state.section(key) else { return self.error(404) };
        let trash = call.param("trash") == Some("1");
        let kind = match call.param("type") {
            Some(number) => kind_of(number),
            None if trash => kind_of(&section.leaf_type().to_string()),
            // Films, series or artists; but a filter by file is too much for it without a type.
            None if call.param("file").is_none() => Some(section.top_kind()),
            None => None,
        };
        let Some(kind) = kind else { return self.error(500) };
        let file = call.param("file").filter(|_| filter != PlexFileFilter::Ignored);
        if let (Some(_), PlexFileFilter::Refused(status)) = (file, filter) {
            return self.error(status);
        }
        let wanted = |item: &Item| {
            item.kind == kind
                && (!trash || item.parts.values().any(|part| part.deleted_at.is_some()))
                && (trash || !hidden || !item.is_trash())
                && file.is_none_or(|file| item.parts.keys().any(|path| matches(filter, path, file)))
        };
        let mut items: Vec<Item> = section.catalogue.all().filter(|item| wanted(item)).cloned().collect();
        let reckoned = kind.is_leaf() && !trash;
        items.extend(file.filter(|_| reckoned).and_then(|file| section.catalogue.filled_named(file)));
        let filled = if reckoned && file.is_none() { section.catalogue.filled() } else { 0 };
        let (page, total) = (Page::of(call), items.len() + filled);
        let at = |n: usize| items.get(n).cloned().or_else(|| section.catalogue.filled_leaf(n - items.len()));
        let shown: Vec<Item> = (0..total).skip(page.start).take(page.size).filter_map(at).collect();
        let listing = written(&state, call, key, &shown, total, self.spelling());
        state.flicker(&shown);
        pages::container(call, &listing)
    }

    /// `/library/metadata/{key}`, with the ids of other databases, for which listings must be asked.
    pub(super) fn one(&self, key: u64) -> Option<Value> {
        let mut state = lock(&self.state);
        let section = state.section_of(key)?;
        let item = section.catalogue.get(key)?;
        let around = around(section, &item, true);
        let page = pages::item(&item, section, &around, self.spelling());
        Some(pages::listing(section, vec![page], None, self.spelling()))
    }

    /// `/library/metadata/{key}/children`, or `/allLeaves`.
    pub(super) fn below(&self, call: &Recorded, key: u64, leaves: bool) -> Option<Value> {
        let mut state = lock(&self.state);
        let hidden = state.manners.trash_hidden;
        let section = state.section_of(key)?;
        let mut items = section.catalogue.children(key);
        if leaves {
            items =
                items
                    .into_iter()
                    .flat_map(|item| {
                        if item.kind.is_leaf() { vec![item] } else { section.catalogue.children(item.key) }
                    })
                    .collect();
        }
        items.retain(|item| !hidden || !item.is_trash());
        let (page, total) = (Page::of(call), items.len());
        let (items, id) = (page.of_items(items), section.library.id.clone());
        let listing = written(&state, call, &id, &items, total, self.spelling());
        state.flicker(&items);
        Some(listing)
    }

    /// `/library/search`: films, series and artists whose title holds the words.
    pub(super) fn search(&self, call: &Recorded) -> Option<Value> {
        let (state, spelling) = (lock(&self.state), self.spelling());
        let query = call.param("query")?.to_lowercase();
        let limit = call.param("limit").and_then(|limit| limit.parse().ok()).unwrap_or(10);
        let mut results = Vec::new();
        for section in &state.sections {
            let tops = section.catalogue.all().filter(|item| {
                matches!(item.kind, Kind::Movie | Kind::Show | Kind::Artist)
                    && query.split_whitespace().all(|word| item.title.to_lowercase().contains(word))
            });
            for item in tops {
                let page = pages::item(item, section, &around(section, item, false), spelling);
                results.push(json!({"score": 0.9, "Metadata": page}));
            }
        }
        results.truncate(limit);
        Some(json!({"size": spelling.size(results.len()), "SearchResult": results}))
    }
}

/// Items of one library as a page.
fn written(
    state: &PlexState,
    call: &Recorded,
    key: &str,
    items: &[Item],
    total: usize,
    spelling: Spelling,
) -> Value {
    let Some(section) = state.sections.iter().find(|section| section.library.id == key) else {
        return json!({});
    };
    let guids = call.param("includeGuids") == Some("1");
    let write = |item: &Item| pages::item(item, section, &around(section, item, guids), spelling);
    let page = Page::of(call);
    let within = page.is_asked.then_some(Within { offset: page.start, total });
    pages::listing(section, items.iter().map(write).collect(), within.as_ref(), spelling)
}

fn around(section: &Section, item: &Item, guids: bool) -> Around {
    let above = |key: Option<u64>| section.catalogue.get(key?);
    let parent = above(item.parent);
    let grandparent = above(parent.as_ref().and_then(|parent| parent.parent));
    let folder = matches!(item.kind, Kind::Show | Kind::Artist).then(|| folder(section, item)).flatten();
    Around { parent, grandparent, guids, folder }
}

/// The first folder below the library's own that holds a file of the item.
fn folder(section: &Section, item: &Item) -> Option<String> {
    let season = section.catalogue.children(item.key).into_iter().next()?;
    let leaf = section.catalogue.children(season.key).into_iter().next()?;
    let path = AbsolutePath::parse(leaf.parts.keys().next()?).ok()?;
    let roots = section.library.folders.iter().filter_map(|root| AbsolutePath::parse(root).ok());
    let root = roots.into_iter().find(|root| path.is_within(root))?;
    let first = path.names_below(&root)?.first().copied()?.to_owned();
    Some(root.join([first.as_str()]).to_string())
}

fn matches(filter: PlexFileFilter, path: &str, file: &str) -> bool {
    match filter {
        PlexFileFilter::Name => file_name(path) == file,
        _ => path.contains(file),
    }
}

impl PlexState {
    /// Loses what was just shown, when it was told to.
    fn flicker(&mut self, shown: &[Item]) {
        if !self.manners.flickers {
            return;
        }
        let paths: BTreeSet<&String> = shown.iter().flat_map(|item| item.parts.keys()).collect();
        for path in paths {
            self.sections.iter_mut().for_each(|section| section.catalogue.forget(path));
        }
    }
}
