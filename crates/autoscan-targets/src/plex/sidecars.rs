//! Subtitles, artwork and files of metadata: their item is refreshed, and nothing is scanned.

use autoscan_core::fault::Fault;
use autoscan_core::media::{Role, belongs_to};
use autoscan_core::path::TargetPath;
use autoscan_core::ports::TargetScan;
use autoscan_http::{Method, Request};

use super::Plex;
use super::answers::Item;
use super::lookup::item_of_folder;
use crate::family::libraries;
use crate::family::library_index::Owner;

/// Items of one scan that are refreshed one by one; of more the season or album is.
const ONE_BY_ONE: usize = 3;

/// Whether nothing but sidecars changed.
pub(super) fn only_sidecars(scan: &TargetScan) -> bool {
    !scan.changes.is_empty() && scan.changes.iter().all(|change| Role::of(&change.path.0) == Role::Sidecar)
}

impl Plex {
    /// The calls that refresh the items of the sidecars that changed; none when an item is not found, so that the folder
    /// must be scanned.
    pub(super) async fn refreshes(&self, scan: &TargetScan) -> Result<Option<Vec<Request>>, Fault> {
        let (_, owners) = libraries::owners(&self.server, &scan.folder).await?;
        let mut keys: Vec<String> = Vec::new();
        for owner in &owners {
            let found = self.keys_in(scan, owner).await?;
            if found.is_empty() {
                return Ok(None);
            }
            keys.extend(found);
        }
        keys.sort();
        keys.dedup();
        let request =
            |key: &String| self.server.request(Method::PUT, &["library", "metadata", key, "refresh"]);
        Ok(Some(keys.iter().map(request).collect()))
    }

    /// The keys of the items in one library; none when one of them is not found.
    async fn keys_in(&self, scan: &TargetScan, owner: &Owner) -> Result<Vec<String>, Fault> {
        // Artwork of a whole folder belongs to none of its files: to the film, or to the series or artist.
        let own = |path: &&TargetPath| scan.changes.iter().any(|change| belongs(&change.path, path));
        let whole =
            scan.changes.iter().any(|change| !scan.companions.iter().any(|path| belongs(&change.path, path)));
        let named: Vec<&TargetPath> = scan.companions.iter().filter(own).collect();
        let mut keys = Vec::new();
        if named.len() > ONE_BY_ONE {
            let Some(item) = self.item_of(named[0], owner).await? else { return Ok(Vec::new()) };
            keys.push(item.parent_rating_key.unwrap_or(item.rating_key));
        } else {
            for path in named {
                let Some(item) = self.item_of(path, owner).await? else { return Ok(Vec::new()) };
                keys.push(item.rating_key);
            }
        }
        if whole {
            let top = match scan.companions.first() {
                Some(path) => self.item_of(path, owner).await?.map(|item| item.top().to_owned()),
                None => item_of_folder(&self.server, owner).await?.map(|item| item.rating_key),
            };
            let Some(top) = top else { return Ok(Vec::new()) };
            keys.push(top);
        }
        Ok(keys)
    }

    async fn item_of(&self, path: &TargetPath, owner: &Owner) -> Result<Option<Item>, Fault> {
        let (_, owners) = libraries::owners(&self.server, path).await?;
        match owners.iter().find(|other| other.library.id == owner.library.id) {
            Some(owner) => Ok(self.files.items_of(&self.server, owner).await?.into_iter().next()),
            None => Ok(None),
        }
    }
}

fn belongs(sidecar: &TargetPath, media: &TargetPath) -> bool {
    match (sidecar.0.file_name(), media.0.file_name()) {
        (Some(sidecar), Some(media)) => belongs_to(sidecar, media),
        _ => false,
    }
}
