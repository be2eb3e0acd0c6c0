//! What Jellyfin and Emby share: both are told of paths, in one call a library, and find out themselves what to scan.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use autoscan_core::change::{Change, ChangeKind};
use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{Library, Plan, TargetScan};
use autoscan_http::{Answer, Http, Request};
use serde::{Deserialize, Serialize};

use crate::family::libraries::{self, Catalogue, Owner, Shelf, spelled};

/// Longest list of libraries that is read, in bytes.
pub(crate) const LIST: usize = 32 * 1024 * 1024;

/// The type of a library that holds movies.
const MOVIES: &str = "movies";

/// Most paths in one call.
const MOST_PATHS: usize = 500;

/// Most bytes of paths in one call, well below the body limit that reverse proxies have.
const MOST_BYTES: usize = 256 * 1024;

/// A server of this family.
#[async_trait]
pub(crate) trait MediaBrowser: Catalogue {
    /// The client.
    fn http(&self) -> &Http;

    /// `POST /Library/Media/Updated`, with the key.
    fn updated(&self) -> Request;

    /// The server's own reading of a status.
    fn check(&self, answer: Answer) -> Result<Answer, Fault>;

    /// Sends a request and reads the status.
    async fn ask(&self, request: &Request) -> Result<Answer, Fault> {
        self.check(self.http().exchange(request).await?)
    }
}

/// What happened to a path. Jellyfin ignores it, and nobody outside knows whether Emby does; it is told truthfully.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum UpdateType {
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
struct Told {
    library: String,
    update: Update,
    /// For a file of a movie library that came or went in a folder of its own: the folder that holds such folders, and
    /// that folder.
    movie: Option<(String, String)>,
}

/// One call: paths of one library, and the scans of the batch that they are for.
#[derive(Default)]
struct Post {
    library: String,
    updates: Vec<Update>,
    bytes: usize,
    /// Where in `updates` a path is: each is told once.
    places: HashMap<String, usize>,
    /// The movie folders that changed, by the folder that holds them.
    movies: BTreeMap<String, BTreeSet<String>>,
    scans: Vec<usize>,
}

/// The calls of a batch.
#[derive(Default)]
struct Posts(Vec<Post>);

impl Posts {
    /// Adds what one scan tells.
    fn add(&mut self, scan: usize, owners: &[Owner], known: &Shelf, asked: &TargetScan) {
        for told in updates(owners, known, asked) {
            let post = match self.0.iter().rposition(|post| post.library == told.library) {
                Some(at) if self.0[at].takes(&told.update) => &mut self.0[at],
                _ => {
                    self.0.push(Post { library: told.library.clone(), ..Post::default() });
                    let last = self.0.len() - 1;
                    &mut self.0[last]
                }
            };
            post.add(scan, told);
        }
    }
}

impl Post {
    fn takes(&self, update: &Update) -> bool {
        self.places.contains_key(&update.path)
            || (self.updates.len() < MOST_PATHS && self.bytes + update.path.len() <= MOST_BYTES)
    }

    fn add(&mut self, scan: usize, told: Told) {
        if self.scans.last() != Some(&scan) {
            self.scans.push(scan);
        }
        if let Some((holder, folder)) = told.movie {
            self.movies.entry(holder).or_default().insert(folder);
        }
        let update = told.update;
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
    /// which thus is one, and not one a movie.
    fn request(&self, server: &(impl MediaBrowser + ?Sized)) -> Request {
        let holders = self
            .movies
            .iter()
            .filter(|(holder, folders)| folders.len() > 1 && !self.places.contains_key(holder.as_str()));
        let mut updates: Vec<Update> = holders
            .map(|(holder, _)| Update { path: holder.clone(), update_type: UpdateType::Modified })
            .collect();
        updates.extend(self.updates.iter().cloned());
        server.updated().json(&Updates { updates })
    }
}

/// The paths that one scan tells: the files that changed, as deep as they are. Two
/// sibling folders told within a minute make Jellyfin look at the whole folder above them (its `LibraryMonitor`), files in
/// different folders do not. Only when no file is known the folder itself is told.
fn updates(owners: &[Owner], shelf: &Shelf, scan: &TargetScan) -> Vec<Told> {
    let mut told = Vec::new();
    for (path, update_type) in scan.changes.iter().flat_map(paths) {
        if let Some(owner) = shelf.owners(&path.0).first() {
            told.push(update(owner, update_type));
        } else {
            tracing::debug!(?path, "no library owns the other end of a change");
        }
    }
    if told.is_empty() {
        told.extend(owners.first().map(|owner| update(owner, UpdateType::Modified)));
    }
    told
}

fn update(owner: &Owner, update_type: UpdateType) -> Told {
    let movie = (update_type != UpdateType::Modified).then(|| owner.movie()).flatten();
    Told { library: owner.library.id.clone(), update: Update { path: owner.spelled(), update_type }, movie }
}

impl Owner {
    /// The folder that holds movie folders, and the movie folder, of a file of a movie library that lies in one.
    fn movie(&self) -> Option<(String, String)> {
        let folder = self.path.parent().filter(|_| self.library.kind == MOVIES)?;
        let holder = folder.parent().filter(|holder| holder.is_within(&self.root))?;
        Some((spelled(&holder).to_owned(), spelled(&folder).to_owned()))
    }
}

fn paths(change: &Change<TargetPath>) -> Vec<(&TargetPath, UpdateType)> {
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

/// Tells a batch.
pub(crate) async fn scan(server: &impl MediaBrowser, batch: &[TargetScan]) -> Vec<Result<(), Fault>> {
    let mut posts = Posts::default();
    let mut results: Vec<Result<(), Fault>> = Vec::with_capacity(batch.len());
    for (at, scan) in batch.iter().enumerate() {
        match libraries::owners(server, &scan.folder).await {
            Ok((shelf, owners)) => {
                posts.add(at, &owners, &shelf, scan);
                results.push(Ok(()));
            }
            // Nothing was told yet, so nothing was accepted.
            Err(fault) if fault.stops_the_lane() => return vec![Err(fault); batch.len()],
            Err(fault) => results.push(Err(fault)),
        }
    }
    let mut stopped: Option<Fault> = None;
    for post in &posts.0 {
        let told = match &stopped {
            Some(fault) => Err(fault.clone()),
            None => tell(server, &post.request(server)).await,
        };
        if let Err(fault) = told {
            for scan in &post.scans {
                results[*scan] = Err(fault.clone());
            }
            stopped = fault.stops_the_lane().then_some(fault);
        }
    }
    results
}

async fn tell(server: &impl MediaBrowser, request: &Request) -> Result<(), Fault> {
    server.ask(request).await?.accepted()
}

/// The calls that [`scan`] would make for one scan.
pub(crate) async fn plan(server: &impl MediaBrowser, scan: &TargetScan) -> Result<Plan, Fault> {
    let (shelf, owners) = libraries::owners(server, &scan.folder).await?;
    let mut posts = Posts::default();
    posts.add(0, &owners, &shelf, scan);
    Ok(Plan {
        libraries: owners.iter().map(|owner| Library::clone(&owner.library)).collect(),
        calls: posts.0.iter().map(|post| post.request(server).planned()).collect(),
    })
}

/// What `/System/Info` says of a server.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SystemInfo {
    pub(crate) server_name: Option<String>,
    pub(crate) version: String,
    #[serde(default)]
    pub(crate) is_in_maintenance_mode: bool,
}

/// A library as `/Library/VirtualFolders` lists it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct VirtualFolder {
    name: Option<String>,
    #[serde(default)]
    locations: Vec<String>,
    collection_type: Option<String>,
    item_id: Option<String>,
    library_options: Option<LibraryOptions>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LibraryOptions {
    enabled: Option<bool>,
}

impl VirtualFolder {
    /// The library, or none when it is switched off or has no folder, as collections and playlists are.
    pub(crate) fn library(self) -> Option<Library> {
        let enabled = self.library_options.and_then(|options| options.enabled).unwrap_or(true);
        let title = self.name.unwrap_or_default();
        (enabled && !self.locations.is_empty()).then(|| Library {
            id: self.item_id.unwrap_or_else(|| title.clone()),
            title,
            kind: self.collection_type.unwrap_or_else(|| "mixed".to_owned()),
            folders: self.locations,
        })
    }
}
