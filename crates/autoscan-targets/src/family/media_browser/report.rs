//! Reports of paths, in one call a library: the server finds out itself what to look at.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use autoscan_core::change::{Change, ChangeKind};
use autoscan_core::path::TargetPath;
use autoscan_http::{Method, Request};
use serde::Serialize;

use crate::family::library_index::{Owner, spelled};
use crate::family::media_browser::server::MediaBrowser;

/// The type of a library that holds movies.
const MOVIES: &str = "movies";

/// Most paths in one call.
const MOST_PATHS: usize = 500;

/// Most bytes of paths in one call, well below the body limit that reverse proxies have.
const MOST_BYTES: usize = 256 * 1024;

/// What happened to a path. Jellyfin ignores it, and nobody outside knows whether Emby does; it is told truthfully.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum UpdateType {
    Created,
    Modified,
    Deleted,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Update {
    path: String,
    update_type: UpdateType,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Updates {
    updates: Vec<Update>,
}

/// A path on its way into a call.
#[derive(Clone)]
pub(crate) struct PathReport {
    pub(crate) library: String,
    /// The library's title.
    pub(crate) title: String,
    update: Update,
    /// For a file of a movie library that came or went in a folder of its own: the folder that holds such folders, and
    /// that folder.
    movie: Option<(String, String)>,
}

/// One call: paths of one library, and the scans of the batch that they are for.
#[derive(Default)]
pub(crate) struct ReportCall {
    pub(crate) library: String,
    updates: Vec<Update>,
    bytes: usize,
    /// Where in `updates` a path is: each is told once.
    places: HashMap<String, usize>,
    /// The movie folders that changed, by the folder that holds them.
    movies: BTreeMap<String, BTreeSet<String>>,
    pub(crate) scans: Vec<usize>,
}

/// The calls of a batch.
#[derive(Default)]
pub(crate) struct ReportCalls(pub(crate) Vec<ReportCall>);

impl ReportCalls {
    /// The calls for these paths, each with the scan that it is for.
    pub(crate) fn of(reports: impl Iterator<Item = (usize, PathReport)>) -> Self {
        let mut calls = Self::default();
        reports.for_each(|(scan, report)| calls.add(scan, report));
        calls
    }

    /// Adds a path that one scan tells.
    fn add(&mut self, scan: usize, report: PathReport) {
        let call = match self.0.iter().rposition(|call| call.library == report.library) {
            Some(at) if self.0[at].takes(&report.update) => &mut self.0[at],
            _ => {
                self.0.push(ReportCall { library: report.library.clone(), ..ReportCall::default() });
                let last = self.0.len() - 1;
                &mut self.0[last]
            }
        };
        call.add(scan, report);
    }
}

impl ReportCall {
    fn takes(&self, update: &Update) -> bool {
        self.places.contains_key(&update.path)
            || (self.updates.len() < MOST_PATHS && self.bytes + update.path.len() <= MOST_BYTES)
    }

    fn add(&mut self, scan: usize, report: PathReport) {
        if self.scans.last() != Some(&scan) {
            self.scans.push(scan);
        }
        if let Some((holder, folder)) = report.movie {
            self.movies.entry(holder).or_default().insert(folder);
        }
        let update = report.update;
        if let Some(at) = self.places.get(&update.path) {
            self.updates[*at] = update;
        } else {
            self.bytes += update.path.len();
            self.places.insert(update.path.clone(), self.updates.len());
            self.updates.push(update);
        }
    }

    /// The call. Each movie that came or went makes Jellyfin look at the whole folder that holds the movies' folders, for
    /// these are no items of their own. When there are several, that folder goes first: the files then join its look,
    /// which thus is one, and not one a movie. So it does when the call `joins` one that was made a moment ago.
    pub(crate) fn request(&self, server: &impl MediaBrowser, joins: bool) -> Request {
        let holders = self.holders(joins).filter(|holder| !self.places.contains_key(*holder));
        let mut updates: Vec<Update> = holders
            .map(|holder| Update { path: holder.to_owned(), update_type: UpdateType::Modified })
            .collect();
        updates.extend(self.updates.iter().cloned());
        server.request(Method::POST, &["Library", "Media", "Updated"]).json(&Updates { updates })
    }

    /// Whether this path is told by the call.
    pub(crate) fn holds(&self, report: &PathReport) -> bool {
        self.places.contains_key(&report.update.path)
    }

    /// Whether the call names a folder that holds the folders of movies.
    pub(crate) fn names_a_folder(&self, joins: bool) -> bool {
        self.holders(joins).next().is_some()
    }

    fn holders(&self, joins: bool) -> impl Iterator<Item = &str> {
        let movies = self.movies.iter().filter(move |(_, folders)| joins || folders.len() > 1);
        movies.map(|(holder, _)| holder.as_str())
    }
}

/// A path to be told, as deep as it is. Two sibling folders told within a minute make Jellyfin look at the whole folder
/// above them (its `LibraryMonitor`), files in different folders do not.
pub(crate) fn path_report(owner: &Owner, update_type: UpdateType) -> PathReport {
    let movie = (update_type != UpdateType::Modified).then(|| owner.movie()).flatten();
    PathReport {
        library: owner.library.id.clone(),
        title: owner.library.title.clone(),
        update: Update { path: owner.spelled(), update_type },
        movie,
    }
}

impl Owner {
    /// The folder that holds movie folders, and the movie folder, of a file of a movie library that lies in one.
    fn movie(&self) -> Option<(String, String)> {
        let folder = self.path.parent().filter(|_| self.library.kind == MOVIES)?;
        let holder = folder.parent().filter(|holder| holder.is_within(&self.root))?;
        Some((spelled(&holder).to_owned(), spelled(&folder).to_owned()))
    }
}

/// The paths of a change, and what happened to each.
pub(crate) fn paths(change: &Change<TargetPath>) -> Vec<(&TargetPath, UpdateType)> {
    let mut paths: Vec<(&TargetPath, UpdateType)> =
        change.from.iter().map(|from| (from, UpdateType::Deleted)).collect();
    paths.push((
        &change.path,
        match change.kind {
            ChangeKind::Created | ChangeKind::Moved => UpdateType::Created,
            ChangeKind::Modified | ChangeKind::Rescan => UpdateType::Modified,
            ChangeKind::Deleted => UpdateType::Deleted,
        },
    ));
    paths
}
