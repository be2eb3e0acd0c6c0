//! What Plex shows below a folder, in two answers: the series, artist or film whose folder it is, and its leaves.

use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{ServerListing, TargetScan};

use super::Plex;
use super::answers::Item;
use super::lookup::{Children, EPISODES, item_of_folder, leaf_type, leaves};
use super::sections::LibraryActivity;
use crate::family::libraries;
use crate::family::library_index::Owner;

/// A scan that Plex took on is long begun after this: when the library rests then, it has ended or was dropped.
const LOST_AFTER: Duration = Duration::from_mins(2);

impl Plex {
    /// The files that are shown below a folder, without those in the trash. None where no item has the folder for its own or
    /// lies above it: a film's folder is that of no item.
    pub(super) async fn listed_below(
        &self,
        folder: &TargetPath,
        most: usize,
    ) -> Result<Option<ServerListing>, Fault> {
        let (_, owners) = libraries::owners(&self.server, folder).await?;
        let is_one = owners.len() == 1;
        let mut listing = ServerListing { files: Vec::new(), complete: is_one };
        for owner in owners.iter().filter(|owner| owner.path.depth() > owner.root.depth()) {
            let Some(children) = self.leaves_of(owner).await? else { return Ok(None) };
            listing.complete &= children.complete && children.items.len() <= most;
            let parts = children.items.iter().take(most).flat_map(Item::parts);
            let shown = parts.filter(|part| !part.in_trash && part.path.is_within(&owner.path));
            listing.files.extend(shown.map(|part| TargetPath(part.path)));
        }
        Ok((owners.iter().any(|owner| owner.path.depth() > owner.root.depth())).then_some(listing))
    }

    async fn leaves_of(&self, owner: &Owner) -> Result<Option<Children>, Fault> {
        if leaf_type(&owner.library.kind).is_none_or(|leaf| leaf == "1") {
            return Ok(None);
        }
        match item_of_folder(&self.server, owner).await? {
            Some(item) => leaves(&self.server, &item.rating_key, EPISODES).await.map(Some),
            None => Ok(None),
        }
    }

    /// Why a telling is believed lost: its library rests, and has had time to begin.
    pub(super) async fn why_lost(&self, scan: &TargetScan, told_ago: Duration) -> Option<String> {
        if told_ago < LOST_AFTER {
            return None;
        }
        let (_, owners) = libraries::owners(&self.server, &scan.folder).await.ok()?;
        for owner in &owners {
            if self.sections.activity(&owner.library.id) != LibraryActivity::Idle {
                return None;
            }
        }
        Some("Plex scans nothing in its library now and still does not show it".to_owned())
    }
}
