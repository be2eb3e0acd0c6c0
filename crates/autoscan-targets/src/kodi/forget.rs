//! Videos and shows that are gone are taken out of the library one by one: Kodi's own cleaning looks at a whole source, and leaves
//! shows without episodes. Only what Kodi itself sees no more is taken out, and only while it sees the source.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use autoscan_core::fault::Fault;
use autoscan_core::path::AbsolutePath;
use autoscan_core::ports::TargetScan;
use serde_json::Value;

use crate::family::library_index::Owner;
use crate::kodi::Kodi;
use crate::kodi::items::{self, Contents, Item, MOST_FORGOTTEN, MOST_NAMES, Show};
use crate::kodi::look::{self, Sights};
use crate::kodi::named::{Named, named};
use crate::kodi::rpc::Call;
use crate::kodi::sources::Kind;

/// What Kodi's library holds of what a scan names.
#[derive(Default)]
pub(super) struct Known {
    /// Items whose file Kodi does not see.
    pub(super) lost: Vec<Item>,
    /// Items of files of new content, which Kodi sees.
    pub(super) changed: Vec<Item>,
    /// Whether a part of a lost item is not said to be gone, so that its folder must be scanned.
    pub(super) parts_stay: bool,
    /// The questions that found them.
    questions: Vec<Call>,
}

/// An item, the file by which it was found, and what named it.
struct Found<'a> {
    item: Item,
    file: AbsolutePath,
    by: Named<'a>,
}

/// Finds the items of what a scan names, and looks which of their files Kodi still sees.
pub(super) async fn known(kodi: &Kodi, owner: &Owner, scan: &TargetScan) -> Result<Known, Fault> {
    let named = named(owner, scan);
    let mut known = Known::default();
    let found = find(kodi, &named, &mut known.questions).await?;
    if found.is_empty() {
        return Ok(known);
    }
    let folders: BTreeSet<AbsolutePath> = found.iter().filter_map(|one| one.file.parent()).collect();
    let mut looks: Vec<Call> = folders.iter().map(look::look).collect();
    looks.extend(found.iter().map(|one| look::file(&one.file)));
    let outcomes = kodi.rpc.ask(&looks).await?;
    let mut sights = Sights::new();
    for (folder, outcome) in folders.iter().zip(&outcomes) {
        sights.insert(folder.clone(), look::entries(outcome)?);
    }
    for (one, outcome) in found.into_iter().zip(&outcomes[folders.len()..]) {
        let sees = outcome.is_visible()?;
        match one.by {
            Named::Changed(_) if sees => known.changed.push(one.item),
            _ if sees => {}
            Named::Folder(top) => {
                // Nobody said that it is gone: an empty folder is no proof.
                if let Some(folder) = one.file.parent()
                    && look::is_on_ground(kodi, &folder, top, &mut sights).await?
                {
                    known.lost.push(one.item);
                }
            }
            _ => known.lost.push(one.item),
        }
    }
    let stays = |part: &AbsolutePath| !named.iter().any(|named| named.takes(part));
    known.parts_stay = known.lost.iter().any(|item| item.parts().len() > 1 && item.parts().iter().any(stays));
    Ok(known)
}

/// The items of what is named, each once.
async fn find<'a>(
    kodi: &Kodi,
    paths: &[Named<'a>],
    questions: &mut Vec<Call>,
) -> Result<Vec<Found<'a>>, Fault> {
    let mut found: Vec<Found<'a>> = Vec::new();
    let mut by_folder: BTreeMap<AbsolutePath, Vec<(&'a str, &'a AbsolutePath, Named<'a>)>> = BTreeMap::new();
    for &by in paths {
        match by {
            Named::Gone(path) | Named::Changed(path) => {
                if let (Some(folder), Some(name)) = (path.parent(), path.file_name()) {
                    by_folder.entry(folder).or_default().push((name, path, by));
                }
            }
            Named::GoneFolder(path) | Named::Folder(path) => {
                let asked = items::below(Kind::Video, path, MOST_FORGOTTEN);
                let (items, total) = items::read(&kodi.rpc.ask(&asked).await?)?;
                if total > items.len() && matches!(by, Named::GoneFolder(_)) {
                    let seen = kodi.rpc.ask(&[look::look(path)]).await?;
                    if seen.first().map_or(Ok(None), look::entries)?.is_none() {
                        return Err(too_many(total, path));
                    }
                }
                // In a folder that is there so many items are not gone through.
                if total == items.len() {
                    questions.extend(asked);
                    found.extend(items.into_iter().filter_map(|item| {
                        let file = item.parts().into_iter().next()?;
                        Some(Found { item, file, by })
                    }));
                }
            }
        }
    }
    for (folder, files) in &by_folder {
        for files in files.chunks(MOST_NAMES) {
            let names: Vec<&str> = files.iter().map(|(name, ..)| *name).collect();
            let asked = items::of_files(Kind::Video, folder, &names);
            let (items, _) = items::read(&kodi.rpc.ask(&asked).await?)?;
            questions.extend(asked);
            for item in items {
                if let Some(&(_, path, by)) = files.iter().find(|(_, path, _)| item.is(path)) {
                    found.push(Found { item, file: path.clone(), by });
                }
            }
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|one| seen.insert(one.item.file().to_owned()));
    Ok(found)
}

fn too_many(total: usize, folder: &AbsolutePath) -> Fault {
    Fault::wrong(format!(
        "Kodi has {total} items below {folder:?}, which is gone; more than {MOST_FORGOTTEN} are not forgotten at once: clean \
         the library in Kodi's settings"
    ))
}

/// Takes lost items out of the library, and shows that nothing is left of. No file is touched.
pub(super) async fn forget(
    kodi: &Kodi,
    owner: &Owner,
    scan: &TargetScan,
    known: &Known,
) -> Result<(), Fault> {
    if !known.lost.is_empty() {
        look::stands(kodi, owner).await?;
        // Kodi gives the number of an item that is gone to the next one, so a number is used as soon as it was read.
        let (items, _) = items::read(&kodi.rpc.ask(&known.questions).await?)?;
        let is_lost = |item: &&Item| known.lost.iter().any(|lost| lost.file() == item.file());
        remove(kodi, items.iter().filter(is_lost).map(Item::forget).collect()).await?;
    }
    if empty_shows(kodi, owner, scan, &[]).await?.is_empty() {
        return Ok(());
    }
    look::stands(kodi, owner).await?;
    let empty = empty_shows(kodi, owner, scan, &[]).await?;
    remove(kodi, empty.iter().map(Show::forget).collect()).await
}

async fn remove(kodi: &Kodi, calls: Vec<Call>) -> Result<(), Fault> {
    if calls.is_empty() {
        return Ok(());
    }
    for outcome in kodi.rpc.ask(&calls).await? {
        outcome.read::<Value>()?;
    }
    Ok(())
}

/// The shows of what a scan names whose folder Kodi does not see, and which have no episodes but those that are `leaving`.
pub(super) async fn empty_shows(
    kodi: &Kodi,
    owner: &Owner,
    scan: &TargetScan,
    leaving: &[Item],
) -> Result<Vec<Show>, Fault> {
    let known = kodi.contents.lock().unwrap_or_else(PoisonError::into_inner).get(&owner.root).copied();
    if known == Some(Contents::Films) {
        return Ok(Vec::new());
    }
    let (mut at, mut below) = (BTreeSet::new(), BTreeSet::new());
    for named in named(owner, scan) {
        let (Named::Gone(path) | Named::Changed(path) | Named::GoneFolder(path)) = named else { continue };
        if matches!(named, Named::GoneFolder(_)) {
            below.insert(path.clone());
        }
        let above = std::iter::successors(path.parent(), AbsolutePath::parent);
        at.extend(above.take_while(|folder| folder.depth() > owner.root.depth()));
    }
    if at.is_empty() && below.is_empty() {
        return Ok(Vec::new());
    }
    let question = items::shows(&at, &below);
    let mut shows = items::read_shows(&kodi.rpc.ask(&[question]).await?)?;
    shows.retain(|show| show.episodes() <= leaving.iter().filter(|item| show.has(item)).count());
    if shows.is_empty() {
        return Ok(shows);
    }
    let looks: Vec<Call> = shows.iter().map(|show| look::look(show.folder())).collect();
    let outcomes = kodi.rpc.ask(&looks).await?;
    let mut empty = Vec::new();
    for (show, outcome) in shows.into_iter().zip(&outcomes) {
        if look::entries(outcome)?.is_none() {
            empty.push(show);
        }
    }
    Ok(empty)
}
