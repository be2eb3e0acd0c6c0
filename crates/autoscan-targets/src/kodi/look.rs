//! What Kodi itself sees of the disk.

use std::collections::BTreeMap;
use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_core::path::AbsolutePath;
use serde::Deserialize;
use serde_json::json;

use crate::family::library_index::Owner;
use crate::kodi::Kodi;
use crate::kodi::rpc::{Call, Outcome};
use crate::kodi::sources;

/// How long a scan is put off that would make Kodi forget what is only out of its sight.
const OUT_OF_SIGHT: Duration = Duration::from_mins(1);

/// How many entries a folder has that were looked at; none for one that Kodi does not see.
pub(super) type Sights = BTreeMap<AbsolutePath, Option<u64>>;

#[derive(Deserialize)]
struct Directory {
    limits: Limits,
}

#[derive(Deserialize)]
struct Limits {
    total: u64,
}

/// A look at a folder. Kodi remembers what lay in it when it was listed, and answers from memory whether a file or folder is
/// in it: only this makes it look at the disk.
pub(super) fn look(folder: &AbsolutePath) -> Call {
    let params = json!({"directory": sources::folder(folder), "limits": {"start": 0, "end": 1}});
    Call::new("Files.GetDirectory", params)
}

/// The question whether a file is there. Answered from memory unless its folder was looked at right before.
pub(super) fn file(path: &AbsolutePath) -> Call {
    Call::new("Files.GetFileDetails", json!({"file": sources::file(path)}))
}

/// What was answered to [`look`]: how many entries the folder has, none when Kodi does not see it.
pub(super) fn entries(outcome: &Outcome) -> Result<Option<u64>, Fault> {
    if outcome.is_visible()? { Ok(Some(outcome.read::<Directory>()?.limits.total)) } else { Ok(None) }
}

/// Looks at a folder that was not looked at yet.
async fn sight(kodi: &Kodi, folder: &AbsolutePath, sights: &mut Sights) -> Result<Option<u64>, Fault> {
    if let Some(seen) = sights.get(folder) {
        return Ok(*seen);
    }
    let outcomes = kodi.rpc.ask(&[look(folder)]).await?;
    let seen = outcomes.first().map_or(Ok(None), entries)?;
    sights.insert(folder.clone(), seen);
    Ok(seen)
}

/// Whether the nearest folder at or above this one that Kodi sees, not above `top`, has something in it. An empty one may be the
/// place of a mount that is gone.
pub(super) async fn is_on_ground(
    kodi: &Kodi,
    folder: &AbsolutePath,
    top: &AbsolutePath,
    sights: &mut Sights,
) -> Result<bool, Fault> {
    let mut at = Some(folder.clone());
    while let Some(folder) = at.filter(|folder| folder.is_within(top)) {
        if let Some(total) = sight(kodi, &folder, sights).await? {
            return Ok(total > 0);
        }
        at = folder.parent();
    }
    Ok(false)
}

/// Whether Kodi sees the folder, or one above it up to the source, which must not be empty then. Where it does not, a
/// mount is likelier to be gone than the files, and Kodi would forget them all.
pub(super) async fn stands(kodi: &Kodi, owner: &Owner) -> Result<(), Fault> {
    let mut sights = Sights::new();
    let mut at = Some(owner.path.clone());
    while let Some(folder) = at.filter(|folder| folder.is_within(&owner.root)) {
        if let Some(total) = sight(kodi, &folder, &mut sights).await?
            && (folder != owner.root || total > 0)
        {
            return Ok(());
        }
        at = folder.parent();
    }
    Err(out_of_sight(&owner.root))
}

/// Whether Kodi sees something in each of these sources.
pub(super) async fn all_stand(kodi: &Kodi, roots: &[AbsolutePath]) -> Result<(), Fault> {
    if roots.is_empty() {
        return Ok(());
    }
    let looks: Vec<Call> = roots.iter().map(look).collect();
    for (root, outcome) in roots.iter().zip(&kodi.rpc.ask(&looks).await?) {
        if entries(outcome)?.is_none_or(|total| total == 0) {
            return Err(out_of_sight(root));
        }
    }
    Ok(())
}

fn out_of_sight(root: &AbsolutePath) -> Fault {
    Fault::Later {
        after: OUT_OF_SIGHT,
        reason: format!(
            "Kodi sees nothing in its source {root:?}: is a mount gone on its machine? Nothing is told, because Kodi would \
             forget what it had there; autoscan waits"
        ),
    }
}
