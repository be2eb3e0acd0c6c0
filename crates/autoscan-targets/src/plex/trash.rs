//! Emptying a library's trash. Plex forgets all that is in it, with who has watched it, so every doubt keeps it.

use autoscan_core::change::{ChangeKind, Subject};
use autoscan_core::fault::Fault;
use autoscan_core::path::AbsolutePath;
use autoscan_core::ports::{CareScan, Guard, TargetScan};
use autoscan_core::proof::Presence;
use autoscan_http::Method;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Plex;
use super::answers::{Listing, Section};
use super::lookup::{leaf_type, part_of};

/// After which scans the trash of the library is emptied, and up to how much of it.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) struct EmptyTrash {
    /// `upgrade`: a file was replaced; `delete`: one was deleted, replaced or renamed; `always`: after every scan.
    pub(super) after: After,
    /// More items than this in the trash are a mistake, and stay.
    #[serde(default = "usual_items")]
    pub(super) max_items: u64,
    /// A larger part of the library than this, in percent, is a mistake too.
    #[serde(default = "usual_percent")]
    #[schemars(range(min = 0, max = 100))]
    pub(super) max_percent: u64,
}

fn usual_items() -> u64 {
    100
}

fn usual_percent() -> u64 {
    5
}

/// After which scans the trash is emptied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum After {
    /// A file was replaced.
    Upgrade,
    /// A file was deleted, replaced or renamed.
    Delete,
    /// Every scan.
    Always,
}

impl EmptyTrash {
    /// Whether the trash is to be emptied after this scan.
    pub(super) fn is_due(&self, scan: &TargetScan) -> bool {
        let some = |test: &dyn Fn(ChangeKind) -> bool| {
            scan.changes.iter().any(|change| change.subject == Subject::File && test(change.kind))
        };
        let deleted = scan.changes.iter().any(|change| change.kind == ChangeKind::Deleted);
        let came = some(&|kind| matches!(kind, ChangeKind::Created | ChangeKind::Moved));
        let replaced = some(&|kind| kind == ChangeKind::Modified) || (deleted && came);
        match self.after {
            After::Always => true,
            After::Upgrade => replaced,
            After::Delete => replaced || deleted || some(&|kind| kind == ChangeKind::Moved),
        }
    }

    /// Why so much trash is not emptied. `live` is what the library holds besides.
    fn too_much(&self, trash: u64, live: u64) -> Option<String> {
        if trash > self.max_items {
            return Some(format!("it holds {trash} items, more than `max-items: {}`", self.max_items));
        }
        let all = trash.saturating_add(live);
        (trash.saturating_mul(100) > all.saturating_mul(self.max_percent)).then(|| {
            format!("it holds {trash} of {all} items, more than `max-percent: {}`", self.max_percent)
        })
    }
}

impl Plex {
    /// Empties the trash of a library that rests, or says why not.
    pub(super) async fn empty_trash(
        &self,
        wish: &EmptyTrash,
        care: &CareScan,
        section: &Section,
    ) -> Result<Option<String>, Fault> {
        let title = &section.title;
        let kept =
            |why: &str| Ok(Some(format!("the trash of Plex's library {title:?} was not emptied: {why}")));
        let Some(leaf) = leaf_type(&section.kind) else { return Ok(None) };
        if let Some(storm) = &care.storm {
            return kept(storm);
        }
        if let Some(fallen) = fallen(&care.guards, section) {
            return kept(&fallen);
        }
        let Some(mut trash) = self.count(section, leaf, true).await? else {
            return kept("Plex does not say how many items it holds");
        };
        if trash == 0 {
            trash = self.own_trash(care, section).await?;
        }
        if trash == 0 {
            return Ok(None);
        }
        let Some(all) = self.count(section, leaf, false).await? else {
            return kept("Plex does not say how many items the library holds");
        };
        if let Some(why) = wish.too_much(trash, all.saturating_sub(trash)) {
            return kept(&format!("{why}; look at what is missing, and empty it in Plex if that is right"));
        }
        // Counting takes a moment, in which a scan may have begun.
        let now = self.server.sections().await?;
        let refreshing = now.iter().find(|other| other.key == section.key).is_none_or(|now| now.refreshing);
        if !self.sections.rests(&section.key, refreshing) {
            return kept("Plex has begun to scan the library again");
        }
        let segments = ["library", "sections", &section.key, "emptyTrash"];
        self.server.put(&self.server.request(Method::PUT, &segments)).await?;
        Ok(Some(format!("the trash of Plex's library {title:?} was emptied: {trash} of {all} items")))
    }

    /// How many items of the library there are, or how many of them are trash. Only the number is answered.
    async fn count(&self, section: &Section, leaf: &str, trash: bool) -> Result<Option<u64>, Fault> {
        let mut request = self.server.get(&["library", "sections", &section.key, "all"]).query("type", leaf);
        if trash {
            request = request.query("trash", "1");
        }
        let request = request.query("X-Plex-Container-Start", "0").query("X-Plex-Container-Size", "0");
        Ok(self.server.read::<Listing>(request).await?.total)
    }

    /// How many of the scan's own deleted files are trash, where only one version of an item is gone.
    async fn own_trash(&self, care: &CareScan, section: &Section) -> Result<u64, Fault> {
        let gone =
            care.expected.iter().filter(|one| one.presence == Presence::Gone && one.subject == Subject::File);
        for one in gone.take(OWN) {
            let items = self.items_in(&one.path, section).await?;
            let part = items.iter().find_map(|item| part_of(item, &one.path.0));
            if part.is_some_and(|part| part.in_trash) {
                return Ok(1);
            }
        }
        Ok(0)
    }
}

/// Deleted files that are looked up at most.
const OWN: usize = 5;

/// What guards a folder of the library, or lies above or below one, and does not stand.
fn fallen(guards: &[Guard], section: &Section) -> Option<String> {
    let folders: Vec<AbsolutePath> =
        section.locations.iter().filter_map(|at| AbsolutePath::parse(&at.path).ok()).collect();
    let concerns = |guard: &&Guard| {
        folders.iter().any(|folder| folder.is_within(&guard.prefix.0) || guard.prefix.0.is_within(folder))
    };
    guards.iter().filter(concerns).find_map(|guard| guard.fallen.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use autoscan_core::change::Change;
    use autoscan_core::path::TargetPath;

    fn wish(after: After) -> EmptyTrash {
        EmptyTrash { after, max_items: 100, max_percent: 5 }
    }

    #[test]
    fn the_scans_after_which_it_is_due() {
        let path = |name: &str| TargetPath::parse(&format!("/tv/{name}")).unwrap();
        let created = Change::created(path("a"));
        let deleted = Change::deleted(path("b"));
        let moved = Change::moved(path("b"), path("c"));
        let folder = Change::folder_deleted(path("d"));
        for (changes, upgrade, delete) in [
            (vec![created.clone()], false, false),
            (vec![deleted.clone()], false, true),
            (vec![created, deleted], true, true),
            (vec![Change::modified(path("a"))], true, true),
            (vec![moved], false, true),
            (vec![folder], false, true),
            (vec![Change::rescan(path("d"))], false, false),
        ] {
            let scan = TargetScan { folder: path("d"), changes, companions: Vec::new() };
            assert_eq!(wish(After::Upgrade).is_due(&scan), upgrade, "{:?}", scan.changes);
            assert_eq!(wish(After::Delete).is_due(&scan), delete, "{:?}", scan.changes);
            assert!(wish(After::Always).is_due(&scan));
        }
    }

    #[test]
    fn both_limits_hold() {
        let wish = wish(After::Always);
        for (trash, live, kept) in [
            (1, 0, true),
            (1, 19, false),
            (5, 95, false),
            (6, 94, true),
            (100, 10_000, false),
            (101, 1_000_000, true),
        ] {
            assert_eq!(wish.too_much(trash, live).is_some(), kept, "{trash} beside {live}");
        }
    }
}
