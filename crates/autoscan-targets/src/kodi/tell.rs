//! What Kodi is told of a scan.

use std::collections::HashSet;
use std::sync::PoisonError;

use autoscan_core::change::{Change, ChangeKind, Subject};
use autoscan_core::fault::Fault;
use autoscan_core::path::{AbsolutePath, TargetPath};
use autoscan_core::ports::TargetScan;
use serde_json::Value;

use crate::family::batch::BatchResults;
use crate::family::libraries;
use crate::family::library_index::Owner;
use crate::kodi::Kodi;
use crate::kodi::cleaning;
use crate::kodi::forget::{self, Known};
use crate::kodi::items::{self, Contents, Item, Show};
use crate::kodi::look;
use crate::kodi::rpc::Call;
use crate::kodi::scanning::{self, Folder};
use crate::kodi::songs;
use crate::kodi::sources::Kind;

/// Tells a batch. A folder that stands for several scans, as that of a show does for its seasons, is scanned once.
pub(super) async fn batch(kodi: &Kodi, batch: &[TargetScan]) -> Vec<Result<(), Fault>> {
    let mut told = HashSet::new();
    let mut results = BatchResults::new(kodi, batch.len());
    for (at, scan) in batch.iter().enumerate() {
        if results.is_stopped() {
            break;
        }
        results.add(at, tell(kodi, scan, &mut told).await).await;
    }
    results.end().await
}

async fn tell(kodi: &Kodi, scan: &TargetScan, told: &mut HashSet<(Kind, AbsolutePath)>) -> Result<(), Fault> {
    let (_, owners) = libraries::owners(kodi, &scan.folder).await?;
    for owner in &owners {
        let kind = Kind::of(&owner.library);
        let _turn = kodi.turns.of(kind).lock().await;
        let known = match kind {
            Kind::Music => {
                kodi.cleanings.lock().await.none_runs()?;
                look::stands(kodi, owner).await?;
                Known::default()
            }
            Kind::Video => {
                let known = forget::known(kodi, owner, scan).await?;
                forget::forget(kodi, owner, scan, &known).await?;
                known
            }
        };
        if let Some(folder) = rescan(kodi, owner, scan, &known).await?
            && !told.contains(&(kind, folder.path.clone()))
        {
            scanning::scan(kodi, &folder, scan).await?;
            told.insert((kind, folder.path));
        }
        if kind == Kind::Music {
            songs::forget(kodi, owner, scan).await?;
        }
        for refresh in known.changed.iter().map(Item::refresh) {
            kodi.rpc.call::<Value>(refresh).await?;
        }
    }
    Ok(())
}

/// The calls that [`tell`] would make for one library.
pub(super) async fn planned(kodi: &Kodi, owner: &Owner, scan: &TargetScan) -> Result<Vec<Call>, Fault> {
    let is_music = Kind::of(&owner.library) == Kind::Music;
    let known = if is_music { Known::default() } else { forget::known(kodi, owner, scan).await? };
    let mut calls: Vec<Call> = known.lost.iter().map(Item::forget).collect();
    if !is_music {
        let shows = forget::empty_shows(kodi, owner, scan, &known.lost).await?;
        calls.extend(shows.iter().map(Show::forget));
    }
    calls.extend(rescan(kodi, owner, scan, &known).await?.map(|folder| folder.call()));
    if is_music && songs::left_behind(kodi, owner, scan).await? > 0 {
        calls.push(cleaning::cleaning());
    }
    calls.extend(known.changed.iter().map(Item::refresh));
    Ok(calls)
}

/// The folder to scan, if one is to be. What Kodi lists and is only changed it reads anew by itself, without a scan.
async fn rescan(
    kodi: &Kodi,
    owner: &Owner,
    scan: &TargetScan,
    known: &Known,
) -> Result<Option<Folder>, Fault> {
    let kind = Kind::of(&owner.library);
    let is_refreshed = |change: &Change<TargetPath>| {
        change.kind == ChangeKind::Modified && known.changed.iter().any(|item| item.is(&change.path.0))
    };
    let is_wanted = scan.changes.is_empty()
        || known.parts_stay
        || scan.changes.iter().any(|change| !is_refreshed(change) && asks_for(kind, owner, scan, change));
    if !is_wanted {
        return Ok(None);
    }
    let path = match kind {
        Kind::Music => owner.path.clone(),
        Kind::Video => scannable(kodi, owner).await?,
    };
    Ok(Some(Folder { kind, path, root: owner.root.clone() }))
}

/// Whether a change is a reason to scan the folder that is told. Of what is gone only songs are, whose folder is there: a scan
/// makes Kodi forget no video. And a source is not scanned in the place of a folder in it that is gone.
fn asks_for(kind: Kind, owner: &Owner, scan: &TargetScan, change: &Change<TargetPath>) -> bool {
    let told = &scan.folder.0;
    let is_told = |path: &AbsolutePath| match change.subject {
        Subject::File => path.parent().is_some_and(|folder| folder.depth() == told.depth()),
        Subject::Folder => path.depth() <= told.depth(),
    };
    let is_source = owner.path.depth() == owner.root.depth();
    let arrives = change.kind != ChangeKind::Deleted
        && (change.from.is_none() || change.path.0.is_within(told))
        && (!is_source || is_told(&change.path.0));
    let gone = match change.kind {
        ChangeKind::Deleted => Some(&change.path),
        _ => change.from.as_ref(),
    };
    let leaves = gone.is_some_and(|gone| gone.0.is_within(told) && is_told(&gone.0));
    arrives || (kind == Kind::Music && leaves)
}

/// The folder that Kodi must scan. In a source of shows it takes any folder it is given for a show, so that must be the
/// show's; a season alone finds nothing.
async fn scannable(kodi: &Kodi, owner: &Owner) -> Result<AbsolutePath, Fault> {
    let names = owner.path.names_below(&owner.root).unwrap_or_default();
    if names.len() < 2 {
        let one_show = !names.is_empty() && contents(kodi, &owner.root).await? == Contents::OneShow;
        return Ok(if one_show { owner.root.clone() } else { owner.path.clone() });
    }
    Ok(match contents(kodi, &owner.root).await? {
        Contents::Films => owner.path.clone(),
        Contents::OneShow => owner.root.clone(),
        Contents::Shows | Contents::Unclear => owner.root.join(names.into_iter().take(1)),
    })
}

/// What a source holds; asked again as long as it is unclear.
pub(super) async fn contents(kodi: &Kodi, root: &AbsolutePath) -> Result<Contents, Fault> {
    let known = kodi.contents.lock().unwrap_or_else(PoisonError::into_inner).get(root).copied();
    if let Some(known) = known {
        return Ok(known);
    }
    let found = Contents::read(root, &kodi.rpc.ask(&items::contents(root)).await?)?;
    if found != Contents::Unclear {
        kodi.contents.lock().unwrap_or_else(PoisonError::into_inner).insert(root.clone(), found);
    }
    Ok(found)
}
