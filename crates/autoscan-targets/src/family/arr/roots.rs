//! The root folders of an arr: what lies in none of them is none of its. The series and films in them are too many to be shown, or
//! to be read for every path of others.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{Libraries, Library, TargetScan};
use serde::Deserialize;

use crate::family::arr::{Arr, LIST};
use crate::family::libraries::{self, LibraryCache, LibraryServer};

#[derive(Deserialize)]
struct RootFolder {
    id: u64,
    path: String,
}

/// An arr by its root folders.
struct ByRootFolders<'a>(&'a Arr);

#[async_trait]
impl LibraryServer for ByRootFolders<'_> {
    fn product(&self) -> &'static str {
        self.0.dialect.product
    }

    fn library_cache(&self) -> &LibraryCache {
        &self.0.root_folders
    }

    async fn fetch_libraries(&self) -> Result<Vec<Library>, Fault> {
        let request = self.0.get("rootfolder").at_most(LIST);
        let folders: Vec<RootFolder> = self.0.ask(&request).await?.json()?;
        let library = |folder: RootFolder| Library {
            id: folder.id.to_string(),
            title: folder.path.clone(),
            kind: self.0.dialect.one.to_owned(),
            folders: vec![folder.path],
        };
        Ok(folders.into_iter().map(library).collect())
    }
}

#[async_trait]
impl Libraries for Arr {
    async fn read(&self) -> Result<Vec<Library>, Fault> {
        libraries::list(&ByRootFolders(self)).await
    }

    fn cached(&self) -> Option<(Arc<[Library]>, Duration)> {
        self.root_folders.cached()
    }

    async fn is_below_a_root(&self, folder: &TargetPath) -> bool {
        libraries::is_below_a_root(&ByRootFolders(self), folder).await
    }
}

/// Whether the folder of a scan, or something that changed, lies in a root folder. A film that is scanned for Radarr has ids that
/// Sonarr knows other things by: they are not asked for.
pub(super) async fn check(arr: &Arr, scan: &TargetScan) -> Result<(), Fault> {
    let mut paths: Vec<&TargetPath> = vec![&scan.folder];
    paths.extend(scan.changes.iter().map(|change| &change.path));
    paths.extend(scan.changes.iter().filter_map(|change| change.from.as_ref()));
    for path in paths {
        match libraries::owners(&ByRootFolders(arr), path).await {
            Ok(_) => return Ok(()),
            Err(Fault::NotMine { .. }) => {}
            Err(fault) => return Err(fault),
        }
    }
    Err(Fault::not_mine(format!(
        "no root folder of {} holds the folder {:?}; is the target's `map` missing?",
        arr.dialect.product,
        scan.folder.as_str()
    )))
}
