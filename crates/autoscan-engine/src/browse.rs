//! The folders that a person may look through: those that the config and the servers' libraries name, and nothing beside.

use std::time::Duration;

use autoscan_core::order::natural;
use autoscan_core::path::{AbsolutePath, LocalPath};
use autoscan_core::ports::{Look, Subfolder};
use futures_util::future::join_all;

use crate::engine::Engine;

/// How long a server is waited for.
const PATIENCE: Duration = Duration::from_secs(3);
/// Folders that are read of one folder; the rest is left out.
const MOST: usize = 20_000;

/// A folder from which a person may look further down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowseRoot {
    /// Where it is on this machine.
    pub folder: LocalPath,
    /// What names it, a few words each: `the map of sonarr`.
    pub named_by: Vec<String>,
}

/// Every root, and which servers did not say theirs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrowseRoots {
    /// The roots in natural order, each once.
    pub roots: Vec<BrowseRoot>,
    /// Why a server's libraries are not among them, a sentence each.
    pub silent: Vec<String>,
}

/// What to show of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrowsePart {
    /// Only names that hold this text, whatever its case.
    pub text: String,
    /// How many of these to leave out.
    pub from: usize,
    /// How many to show.
    pub most: usize,
}

/// A folder that was looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Browsed {
    /// The outermost root that it lies in.
    pub root: LocalPath,
    /// The folders of the part that was asked for.
    pub folders: Vec<Subfolder>,
    /// How many there are in all parts.
    pub count: usize,
    /// Whether that counts all of them: false when there were too many, or when the disk could not say.
    pub whole: bool,
}

/// Why a folder is not shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrowseError {
    /// It lies in no root, or a link in it leads out of them.
    #[error("this folder does not lie in one that a map, an anchor or a library names, so it is not shown")]
    Outside,
    /// The disk could not say; a sentence.
    #[error("{0}")]
    Unreadable(String),
}

impl Engine {
    /// Every folder from which a person may look further down: where triggers' maps lead, what anchors guard, and the
    /// libraries of every target as this machine sees them, where that is sure. The root of the disk is none.
    pub async fn browse_roots(&self) -> BrowseRoots {
        let mut all = BrowseRoots::default();
        for trigger in &self.triggers {
            for folder in trigger.map.destinations() {
                all.add(LocalPath(folder.clone()), format!("the map of {}", trigger.name));
            }
        }
        for anchor in self.rules.anchors.iter() {
            all.add(anchor.prefix.clone(), "an anchor".to_owned());
        }
        let now = self.ports.steady();
        let asked =
            self.servers.iter().zip(&self.lanes).map(|(info, lane)| info.libraries(lane, now, PATIENCE));
        for ((libraries, silent), lane) in join_all(asked).await.into_iter().zip(&self.lanes) {
            let target = &lane.target;
            for library in libraries.iter().flat_map(|libraries| libraries.iter()) {
                let folders = library.folders.iter().filter_map(|folder| AbsolutePath::parse(folder).ok());
                for origin in folders.flat_map(|folder| target.map.origins(&folder)) {
                    all.add(LocalPath(origin), format!("{:?} of {}", library.title, target.name));
                }
            }
            let why = |why| format!("{} did not say its libraries: {why}", target.name);
            all.silent.extend(silent.map(why));
        }
        all.roots.sort_by(|one, other| natural(one.folder.as_str(), other.folder.as_str()));
        all
    }

    /// The folders in a folder, in natural order. Nothing outside of [`Self::browse_roots`] is looked at, whatever links
    /// are in the way.
    pub async fn browse(&self, folder: &LocalPath, part: &BrowsePart) -> Result<Browsed, BrowseError> {
        let roots: Vec<LocalPath> =
            self.browse_roots().await.roots.into_iter().map(|root| root.folder).collect();
        let holds = |root: &&LocalPath| folder.0.is_within(&root.0);
        let root =
            roots.iter().filter(holds).min_by_key(|root| root.0.depth()).ok_or(BrowseError::Outside)?;
        let files = self.ports.files.as_ref();
        let real = files.real_path(folder).await.map_err(BrowseError::Unreadable)?;
        let real_roots = self.real_roots(&roots).await;
        let is_inside = |path: &LocalPath| real_roots.iter().any(|root| path.0.is_within(&root.0));
        if !is_inside(&real) {
            return Err(BrowseError::Outside);
        }
        let found = files.folders_in(&real, MOST).await.map_err(BrowseError::Unreadable)?;
        let text = part.text.to_lowercase();
        let mut folders = found.folders;
        folders.retain(|inside| text.is_empty() || inside.name.to_lowercase().contains(&text));
        folders.sort_by(|one, other| natural(&one.name, &other.name));
        let count = folders.len();
        let mut shown = Vec::new();
        for inside in folders.into_iter().skip(part.from).take(part.most) {
            let Some(path) = &inside.path else {
                shown.push(inside);
                continue;
            };
            // The name stays as it was asked for: maps know the path through the link, not where it leads.
            let asked = LocalPath(folder.0.join(path.0.file_name()));
            if !inside.is_link || self.leads_to_folder(path, &is_inside).await {
                shown.push(Subfolder { path: Some(asked), ..inside });
            }
        }
        Ok(Browsed { root: root.clone(), folders: shown, count, whole: found.whole })
    }

    /// Whether a link leads to a folder that may be shown.
    async fn leads_to_folder(&self, link: &LocalPath, is_inside: &impl Fn(&LocalPath) -> bool) -> bool {
        match self.ports.files.real_path(link).await {
            Ok(real) if is_inside(&real) => self.ports.files.look(&real).await == Look::Folder,
            _ => false,
        }
    }

    /// Where the roots really are. One that is not there holds nothing.
    async fn real_roots(&self, roots: &[LocalPath]) -> Vec<LocalPath> {
        let real = join_all(roots.iter().map(|root| self.ports.files.real_path(root))).await;
        real.into_iter().flatten().filter(|root| !root.0.is_root()).collect()
    }
}

impl BrowseRoots {
    fn add(&mut self, folder: LocalPath, named_by: String) {
        if folder.0.is_root() {
            return;
        }
        match self.roots.iter_mut().find(|root| root.folder == folder) {
            Some(root) if root.named_by.contains(&named_by) => {}
            Some(root) => root.named_by.push(named_by),
            None => self.roots.push(BrowseRoot { folder, named_by: vec![named_by] }),
        }
    }
}
