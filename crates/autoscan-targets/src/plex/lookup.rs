//! Which items of a library a file is part of, in one small answer.
//!
//! Nobody has documented Plex's filter `file=`: whether it compares names or whole paths is found out by what it finds,
//! and where it is not known the search takes its place.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_core::media::stem;
use autoscan_core::path::AbsolutePath;
use autoscan_http::Request;
use tokio::time::Instant;

use super::answers::{Found, Item, Listing, Part};
use super::server::Server;
use crate::family::library_index::{Owner, spelled};

/// Items that one answer holds at most: more than share the name of a file in any but odd libraries.
const FEW: usize = 20;
/// Children of a season or album that one answer holds at most.
const MANY: usize = 200;
/// Series that are looked through at most when the filter does not work.
const SERIES: usize = 3;
/// Episodes of such a series.
pub(super) const EPISODES: usize = 1000;
/// A filter that did not work is tried again after this: Plex may have been updated, or in trouble.
const TRIED_AGAIN: Duration = Duration::from_mins(10);
/// A filter that was refused for so many files, which the search then answered, does not work. One refusal proves nothing: Plex may
/// stumble over one file.
const REFUSALS: usize = 3;

/// What is known of the filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Filter {
    /// Nothing yet.
    #[default]
    Unknown,
    /// It finds files by their name.
    ByName,
    /// It finds files by any part of their path.
    ByPath,
    /// It does not work, since then.
    Broken(Instant),
}

/// What was learnt of a server's filter.
#[derive(Default)]
pub(super) struct FileLookup(Mutex<FilterKnowledge>);

#[derive(Default)]
struct FilterKnowledge {
    filter: Filter,
    /// A file that was found by its name.
    example: Option<Owner>,
    /// What the filter was refused for since it last answered.
    refused: Vec<String>,
}

/// Plex's number of the type of a library's leaves: films, episodes or tracks.
pub(super) fn leaf_type(kind: &str) -> Option<&'static str> {
    match kind {
        "movie" => Some("1"),
        "show" => Some("4"),
        "artist" => Some("10"),
        _ => None,
    }
}

/// The part of an item that is this file.
pub(super) fn part_of(item: &Item, path: &AbsolutePath) -> Option<Part> {
    item.parts().into_iter().find(|part| is_same(&part.path, path))
}

/// Whether two paths are one file. Windows compares without case.
pub(super) fn is_same(one: &AbsolutePath, other: &AbsolutePath) -> bool {
    one.names_below(other).is_some_and(|names| names.is_empty())
}

/// Every child of an item, as far as it was listed.
pub(super) struct Children {
    pub(super) items: Vec<Item>,
    /// Whether these are all.
    pub(super) complete: bool,
}

impl FileLookup {
    fn learnt(&self) -> MutexGuard<'_, FilterKnowledge> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> Filter {
        let filter = &mut self.learnt().filter;
        if matches!(*filter, Filter::Broken(since) if since.elapsed() >= TRIED_AGAIN) {
            *filter = Filter::Unknown;
        }
        *filter
    }

    fn learn(&self, filter: Filter) {
        self.learnt().filter = filter;
    }

    /// The filter was refused for this text, and the server answers otherwise.
    fn doubt(&self, text: &str) {
        let mut learnt = self.learnt();
        if !learnt.refused.iter().any(|known| known == text) {
            learnt.refused.push(text.to_owned());
        }
        if learnt.refused.len() >= REFUSALS {
            learnt.refused.clear();
            learnt.filter = Filter::Broken(Instant::now());
        }
    }

    /// The items of the library that the file is part of: none when it is not shown.
    pub(super) async fn items_of(&self, server: &Server, owner: &Owner) -> Result<Vec<Item>, Fault> {
        let path = &owner.path;
        let (Some(name), Some(_)) = (path.file_name(), leaf_type(&owner.library.kind)) else {
            return Ok(Vec::new());
        };
        let mut cut = false;
        if matches!(self.known(), Filter::ByName | Filter::Unknown) {
            let Some(found) = self.filtered(server, owner, name).await? else {
                return self.searched_instead(server, owner, name).await;
            };
            cut = found.is_cut();
            let items = only(found.items, path);
            if !items.is_empty() {
                self.worked(Filter::ByName, owner);
                return Ok(items);
            }
        }
        if self.known() == Filter::Unknown
            && let Some(refused) = self.try_out(server, owner).await?
        {
            return self.searched_instead(server, owner, &refused).await;
        }
        match self.known() {
            // A library without anything in it: there is nothing to try the filter with, and nothing to find.
            Filter::Unknown => return Ok(Vec::new()),
            Filter::ByName if !cut => return Ok(Vec::new()),
            Filter::Broken(_) => {}
            // So many files have this name that one answer does not hold them: the whole path may be known too.
            Filter::ByName | Filter::ByPath => {
                let Some(found) = self.filtered(server, owner, spelled(path)).await? else {
                    return self.searched_instead(server, owner, spelled(path)).await;
                };
                let items = only(found.items, path);
                if !items.is_empty() {
                    self.learn(Filter::ByPath);
                }
                if !items.is_empty() || self.known() == Filter::ByPath {
                    return Ok(items);
                }
            }
        }
        self.searched(server, owner).await
    }

    /// The filter worked for a file.
    fn worked(&self, filter: Filter, example: &Owner) {
        *self.learnt() = FilterKnowledge { filter, example: Some(example.clone()), refused: Vec::new() };
    }

    /// Searches for a file because the filter was refused or passed over. Only a server that answers the search can cast doubt on
    /// its filter.
    async fn searched_instead(
        &self,
        server: &Server,
        owner: &Owner,
        refused: &str,
    ) -> Result<Vec<Item>, Fault> {
        let items = self.searched(server, owner).await?;
        if !matches!(self.known(), Filter::Broken(_)) {
            self.doubt(refused);
        }
        Ok(items)
    }

    /// Tries the filter with some file that the library shows. Answers the text for which it was refused, if it was.
    async fn try_out(&self, server: &Server, owner: &Owner) -> Result<Option<String>, Fault> {
        let Some(leaf) = leaf_type(&owner.library.kind) else { return Ok(None) };
        let any = server.get(&["library", "sections", &owner.library.id, "all"]).query("type", leaf);
        let shown: Listing = server.read(page(any, 1)).await?;
        let Some(path) = shown.items.iter().flat_map(Item::parts).next().map(|part| part.path) else {
            return Ok(None);
        };
        let example = Owner { path, ..owner.clone() };
        for (filter, text) in [
            (Filter::ByName, example.path.file_name().unwrap_or_default()),
            (Filter::ByPath, spelled(&example.path)),
        ] {
            let Some(found) = self.filtered(server, &example, text).await? else {
                return Ok(Some(text.to_owned()));
            };
            let cut = found.is_cut();
            if cut || !only(found.items, &example.path).is_empty() {
                self.worked(filter, &example);
                return Ok(None);
            }
        }
        self.learn(Filter::Broken(Instant::now()));
        Ok(None)
    }

    /// What the filter lists for a text; none when it was refused, or does not work.
    async fn filtered(&self, server: &Server, owner: &Owner, text: &str) -> Result<Option<Listing>, Fault> {
        let Some(leaf) = leaf_type(&owner.library.kind) else { return Ok(None) };
        let request = server
            .get(&["library", "sections", &owner.library.id, "all"])
            .query("type", leaf)
            .query("file", text);
        let answer = server.http.exchange(&page(request, FEW)).await?;
        // A filter that is refused need be no trouble of the server: Plex answers 500 to one that it does not understand. If it
        // is, the search that follows says so.
        if matches!(answer.status(), 400 | 404 | 500) {
            return Ok(None);
        }
        let listing: Listing = Server::understood(answer)?;
        self.learnt().refused.clear();
        let text = text.to_lowercase();
        let holds = |part: &Part| spelled(&part.path).to_lowercase().contains(&text);
        if listing.items.iter().any(|item| !item.parts().iter().any(holds)) {
            // It lists what was not asked for: the filter is passed over.
            self.learn(Filter::Broken(Instant::now()));
            return Ok(None);
        }
        Ok(Some(listing))
    }

    /// Looks for the file by the title that its folder or name suggests.
    async fn searched(&self, server: &Server, owner: &Owner) -> Result<Vec<Item>, Fault> {
        let path = &owner.path;
        let mut walked = 0;
        for item in search(server, owner, &title(owner)).await? {
            if item.kind == "movie" {
                if part_of(&item, path).is_some() {
                    return Ok(vec![item]);
                }
                continue;
            }
            if walked == SERIES || !may_hold(&item, path) {
                continue;
            }
            walked += 1;
            let items = only(leaves(server, &item.rating_key, EPISODES).await?.items, path);
            if !items.is_empty() {
                return Ok(items);
            }
        }
        Ok(Vec::new())
    }

    /// Whether the filter compares whole paths, found out with a file that is shown.
    async fn compares_paths(&self, server: &Server) -> Result<bool, Fault> {
        let known = self.known();
        let example = self.learnt().example.take().filter(|_| known == Filter::ByName);
        if let Some(example) = example
            && let Some(found) = self.filtered(server, &example, spelled(&example.path)).await?
            && !only(found.items, &example.path).is_empty()
        {
            self.learn(Filter::ByPath);
        }
        Ok(self.known() == Filter::ByPath)
    }

    /// What the library shows in a folder that is gone from the disk; none when it cannot be asked for a folder.
    pub(super) async fn below(&self, server: &Server, owner: &Owner) -> Result<Option<Vec<Part>>, Fault> {
        let folder = &owner.path;
        let inside = |items: Vec<Item>| -> Vec<Part> {
            items.iter().flat_map(Item::parts).filter(|part| part.path.is_within(folder)).collect()
        };
        if self.compares_paths(server).await?
            && let Some(found) = self.filtered(server, owner, spelled(folder)).await?
        {
            return Ok(Some(inside(found.items)));
        }
        for item in search(server, owner, &title(owner)).await? {
            let parts = match item.kind.as_str() {
                "movie" => inside(vec![item]),
                _ if may_hold(&item, folder) => {
                    inside(leaves(server, &item.rating_key, EPISODES).await?.items)
                }
                _ => continue,
            };
            if !parts.is_empty() {
                return Ok(Some(parts));
            }
        }
        Ok(None)
    }
}

/// The series, artist or film whose own folder this is, among those that the search finds by the folder's name.
pub(super) async fn item_of_folder(server: &Server, owner: &Owner) -> Result<Option<Item>, Fault> {
    let found = search(server, owner, &title(owner)).await?;
    let is_here = |item: &Item| {
        let mut folders = item.locations.iter().filter_map(|at| AbsolutePath::parse(&at.path).ok());
        folders.any(|folder| owner.path.is_within(&folder))
    };
    Ok(found.into_iter().find(is_here))
}

/// Every child of a season or album.
pub(super) async fn children(server: &Server, key: &str) -> Result<Children, Fault> {
    listed(server, server.get(&["library", "metadata", key, "children"]), MANY).await
}

/// Every episode or track of a series or artist.
pub(super) async fn leaves(server: &Server, key: &str, at_most: usize) -> Result<Children, Fault> {
    listed(server, server.get(&["library", "metadata", key, "allLeaves"]), at_most).await
}

async fn listed(server: &Server, request: Request, at_most: usize) -> Result<Children, Fault> {
    let listing: Listing = server.read(page(request, at_most)).await?;
    Ok(Children { complete: !listing.is_cut() && listing.items.len() < at_most, items: listing.items })
}

async fn search(server: &Server, owner: &Owner, title: &str) -> Result<Vec<Item>, Fault> {
    let kind = match owner.library.kind.as_str() {
        "movie" => "movies",
        "artist" => "music",
        _ => "tv",
    };
    let request = server
        .get(&["library", "search"])
        .query("query", title)
        .query("limit", &FEW.to_string())
        .query("searchTypes", kind);
    let found: Found = match server.read(request).await {
        Err(Fault::Wrong { .. }) => return Ok(Vec::new()),
        found => found?,
    };
    let own = |item: &Item| item.section.as_ref().is_none_or(|section| *section == owner.library.id);
    Ok(found.results.into_iter().filter_map(|hit| hit.item).filter(own).collect())
}

fn page(request: Request, size: usize) -> Request {
    slice(request, 0, size)
}

/// The part of a list that begins at `start`.
pub(super) fn slice(request: Request, start: usize, size: usize) -> Request {
    request
        .query("X-Plex-Container-Start", &start.to_string())
        .query("X-Plex-Container-Size", &size.to_string())
}

/// The items of which this file is a part.
fn only(items: Vec<Item>, path: &AbsolutePath) -> Vec<Item> {
    items.into_iter().filter(|item| part_of(item, path).is_some()).collect()
}

/// Whether the series or artist may hold the file: its folder is known and holds it, or is not known.
fn may_hold(item: &Item, path: &AbsolutePath) -> bool {
    let mut folders = item.locations.iter().filter_map(|at| AbsolutePath::parse(&at.path).ok()).peekable();
    folders.peek().is_none() || folders.any(|folder| path.is_within(&folder) || folder.is_within(path))
}

/// What people call the film, series or artist of a path: the folder below the library's own, without what is written in
/// brackets after it.
fn title(owner: &Owner) -> String {
    let names = owner.path.names_below(&owner.root).unwrap_or_default();
    let name = match names.as_slice() {
        [file] => stem(file),
        [folder, ..] => folder,
        [] => "",
    };
    let end = name.find(['(', '[', '{']).filter(|at| *at > 0).unwrap_or(name.len());
    name[..end].trim().to_owned()
}

impl Listing {
    /// Whether there is more than was listed.
    fn is_cut(&self) -> bool {
        self.total.is_some_and(|total| total > self.items.len() as u64)
    }
}
