//! What Kodi is told of a scan.

use std::collections::{BTreeSet, HashSet};
use std::sync::PoisonError;
use std::time::Duration;

use autoscan_core::change::{ChangeKind, Subject};
use autoscan_core::fault::Fault;
use autoscan_core::path::{AbsolutePath, TargetPath};
use autoscan_core::ports::TargetScan;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::family::batch::BatchResults;
use crate::family::libraries::{self, Owner};
use crate::kodi::Kodi;
use crate::kodi::items::{self, Contents, Item, MOST_FORGOTTEN};
use crate::kodi::rpc::Call;
use crate::kodi::sources::{self, Kind};

/// A scan of one folder takes moments, and a second one while it runs would stop it. It is waited for so often…
const LOOKS: usize = 10;

/// … with this pause, before the rest is put off.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// How long a scan is put off while Kodi scans something larger.
const WHILE_SCANNING: Duration = Duration::from_secs(10);

/// How long a scan is put off that would make Kodi forget what is only out of its sight.
const OUT_OF_SIGHT: Duration = Duration::from_mins(1);

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

async fn tell(kodi: &Kodi, scan: &TargetScan, told: &mut HashSet<(Kind, String)>) -> Result<(), Fault> {
    let (_, owners) = libraries::owners(kodi, &scan.folder).await?;
    for owner in &owners {
        let kind = Kind::of(&owner.library);
        if kind == Kind::Music {
            stands(kodi, owner).await?;
        }
        if kind == Kind::Video {
            forget(kodi, owner, scan).await?;
        }
        if let Some((folder, call)) = rescan(kodi, owner, scan).await?
            && !told.contains(&(kind, folder.clone()))
        {
            idle(kodi, kind).await?;
            kodi.rpc.call::<Value>(call).await?;
            told.insert((kind, folder));
        }
    }
    Ok(())
}

/// The calls that [`tell`] would make for one library.
pub(super) async fn planned(kodi: &Kodi, owner: &Owner, scan: &TargetScan) -> Result<Vec<Call>, Fault> {
    let rescan = rescan(kodi, owner, scan).await?.map(|(_, call)| call);
    let items = if Kind::of(&owner.library) == Kind::Video {
        forgettable(kodi, owner, scan).await?
    } else {
        Vec::new()
    };
    Ok(items.iter().map(Item::forget).chain(rescan).collect())
}

/// The scan of a folder, if one is needed. Kodi forgets songs when it scans their folder, and videos never.
async fn rescan(kodi: &Kodi, owner: &Owner, scan: &TargetScan) -> Result<Option<(String, Call)>, Fault> {
    let kind = Kind::of(&owner.library);
    let only_deletions =
        !scan.changes.is_empty() && scan.changes.iter().all(|change| change.kind == ChangeKind::Deleted);
    if kind == Kind::Video && only_deletions {
        return Ok(None);
    }
    let (method, folder) = match kind {
        Kind::Music => ("AudioLibrary.Scan", owner.path.clone()),
        Kind::Video => ("VideoLibrary.Scan", scannable(kodi, owner).await?),
    };
    let folder = sources::folder(&folder);
    let call = Call::new(method, json!({"directory": folder, "showdialogs": false}));
    Ok(Some((folder, call)))
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

/// The question whether Kodi scans.
pub(super) fn scanning(kind: Kind) -> Call {
    Call::new("XBMC.GetInfoBooleans", json!({"booleans": [flag(kind)]}))
}

/// The name of what tells whether Kodi scans.
pub(super) fn flag(kind: Kind) -> &'static str {
    match kind {
        Kind::Video => "Library.IsScanningVideo",
        Kind::Music => "Library.IsScanningMusic",
    }
}

/// Waits for a moment until Kodi does not scan. A call to scan while it does would stop the scan that runs.
async fn idle(kodi: &Kodi, kind: Kind) -> Result<(), Fault> {
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        let flags: serde_json::Map<String, Value> = kodi.rpc.call(scanning(kind)).await?;
        if flags.get(flag(kind)) != Some(&Value::Bool(true)) {
            return Ok(());
        }
    }
    Err(Fault::Later {
        after: WHILE_SCANNING,
        reason: format!(
            "Kodi scans its {} library, and another call would stop that; autoscan waits",
            kind.as_str()
        ),
    })
}

/// Takes videos out of the library that were deleted: Kodi's own cleaning looks at a whole source. Only what Kodi itself
/// sees no more is forgotten, and only while it sees the source.
async fn forget(kodi: &Kodi, owner: &Owner, scan: &TargetScan) -> Result<(), Fault> {
    let items = forgettable(kodi, owner, scan).await?;
    if items.is_empty() {
        return Ok(());
    }
    stands(kodi, owner).await?;
    let calls: Vec<Call> = items.iter().map(Item::forget).collect();
    for outcome in kodi.rpc.ask(&calls).await? {
        outcome.read::<Value>()?;
    }
    Ok(())
}

/// A look at a folder. Kodi remembers what lay in it when it scanned, and answers from memory whether a file is there: only
/// this makes it look at the disk.
pub(super) fn look(folder: &AbsolutePath) -> Call {
    let params = json!({"directory": sources::folder(folder), "limits": {"start": 0, "end": 1}});
    Call::new("Files.GetDirectory", params)
}

/// The items of what was deleted, without those that Kodi still sees.
async fn forgettable(kodi: &Kodi, owner: &Owner, scan: &TargetScan) -> Result<Vec<Item>, Fault> {
    let mut items = Vec::new();
    for change in &scan.changes {
        let gone = match change.kind {
            ChangeKind::Deleted => Some(&change.path),
            _ => change.from.as_ref(),
        };
        let Some(TargetPath(gone)) = gone.filter(|gone| gone.0.is_within(&owner.root)) else { continue };
        items.extend(match (change.subject, gone.parent(), gone.file_name()) {
            (Subject::File, Some(folder), Some(name)) => {
                let asked = items::of_files(Kind::Video, &folder, &[name]);
                let (found, _) = items::read(&kodi.rpc.ask(&asked).await?)?;
                found.into_iter().filter(|item| item.is(gone)).collect()
            }
            _ => below(kodi, gone).await?,
        });
    }
    if items.is_empty() {
        return Ok(items);
    }
    let folders: BTreeSet<AbsolutePath> = items.iter().filter_map(Item::folder).collect();
    let mut looks: Vec<Call> = folders.iter().map(look).collect();
    looks.extend(items.iter().map(|item| Call::new("Files.GetFileDetails", json!({"file": item.file()}))));
    let outcomes = kodi.rpc.ask(&looks).await?;
    let mut unseen = Vec::new();
    for (item, outcome) in items.into_iter().zip(&outcomes[folders.len()..]) {
        if !outcome.is_visible()? {
            unseen.push(item);
        }
    }
    Ok(unseen)
}

async fn below(kodi: &Kodi, folder: &AbsolutePath) -> Result<Vec<Item>, Fault> {
    let (items, total) =
        items::read(&kodi.rpc.ask(&items::below(Kind::Video, folder, MOST_FORGOTTEN)).await?)?;
    if total > items.len() {
        return Err(Fault::wrong(format!(
            "Kodi has {total} items below {folder:?}, which is gone; more than {MOST_FORGOTTEN} are not forgotten at \
             once: clean the library in Kodi's settings"
        )));
    }
    Ok(items)
}

#[derive(Deserialize)]
struct Directory {
    limits: Limits,
}

#[derive(Deserialize)]
struct Limits {
    total: u64,
}

/// Whether Kodi sees the folder, or one above it up to the source, which must not be empty then. Where it does not, a
/// mount is likelier to be gone than the files, and Kodi would forget them all.
async fn stands(kodi: &Kodi, owner: &Owner) -> Result<(), Fault> {
    let mut at = Some(owner.path.clone());
    while let Some(folder) = at.filter(|folder| folder.is_within(&owner.root)) {
        for outcome in kodi.rpc.ask(&[look(&folder)]).await? {
            if outcome.is_visible()?
                && (folder != owner.root || outcome.read::<Directory>()?.limits.total > 0)
            {
                return Ok(());
            }
        }
        at = folder.parent();
    }
    Err(Fault::Later {
        after: OUT_OF_SIGHT,
        reason: format!(
            "Kodi sees nothing in its source {:?}: is a mount gone on its machine? Nothing is told, because Kodi would \
             forget what it had there; autoscan waits",
            owner.root
        ),
    })
}
