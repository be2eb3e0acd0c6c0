//! One call to a target: what guards the folders is looked at again, then it is told.

use std::sync::Arc;
use std::time::Duration;

use autoscan_core::delivery::Outcome;
use autoscan_core::media::{Role, belongs_to};
use autoscan_core::path::{LocalPath, TargetPath};
use autoscan_core::ports::{Target, TargetScan};
use autoscan_core::proof::FIRST_ASKED_AFTER;
use tracing::warn;

use crate::Engine;
use crate::bound::BoundTarget;
use crate::bundle::{Group, to_target};

/// A folder whose anchor or mount vanished after its scan had started is looked at again after this.
const GUARDED_FOR: Duration = Duration::from_secs(5);
/// Files looked at beside a sidecar.
const NEIGHBOURS: usize = 1000;
/// Media files that a folder's artwork or metadata is taken to belong to.
const COMPANIONS: usize = 3;

/// Groups that were told in one call, with what followed for each.
pub(crate) struct Told {
    pub(crate) queue: Option<String>,
    /// The call by which they were told, as far as it is known.
    pub(crate) call: Option<String>,
    pub(crate) groups: Vec<(Group, Outcome)>,
}

/// Tells the target of a batch, all of one queue.
pub(crate) async fn tell(
    engine: Arc<Engine>,
    index: usize,
    queue: Option<String>,
    batch: Vec<Group>,
) -> Told {
    let target = &engine.parts.targets[index];
    let mut told = Told { queue, call: None, groups: Vec::with_capacity(batch.len()) };
    let mut standing = Vec::with_capacity(batch.len());
    for mut group in batch {
        if let Some(reason) = engine.gate.guards.fallen(&group.local).await {
            told.groups.push((group, Outcome::Guarded { again_in: GUARDED_FOR, reason }));
            continue;
        }
        widen(target, &mut group).await;
        group.scan.companions = companions(&engine, target, &group).await;
        standing.push(group);
    }
    if standing.is_empty() {
        return told;
    }
    let scans: Vec<_> = standing.iter().map(|group| group.scan.clone()).collect();
    run_command(target, target.before.as_deref(), &scans).await;
    let ask_in = (target.proof.is_some() && target.server.proves()).then_some(FIRST_ASKED_AFTER);
    let (answers, calls) = (engine.parts.overhear)(target.server.scan(&scans)).await;
    told.call = telling(calls);
    if ask_in.is_none() {
        let accepted = scans.into_iter().zip(&answers).filter(|(_, answer)| answer.is_ok());
        run_command(target, target.after.as_deref(), &accepted.map(|(scan, _)| scan).collect::<Vec<_>>())
            .await;
    }
    told.groups.extend(standing.into_iter().zip(answers).map(|(group, answer)| {
        (group, answer.map_or_else(Outcome::Fault, |()| Outcome::Accepted { ask_in }))
    }));
    told
}

/// Of several calls the one that tells: the last that is no mere question, else the last.
fn telling(mut calls: Vec<String>) -> Option<String> {
    let telling = calls.iter().rposition(|call| !call.starts_with("GET "));
    let at = telling.or_else(|| calls.len().checked_sub(1))?;
    Some(calls.swap_remove(at))
}

/// Runs the command before or after scans. A script that is broken must not lose an import: its failure is only said.
pub(crate) async fn run_command(target: &BoundTarget, command: Option<&dyn Target>, scans: &[TargetScan]) {
    let Some(command) = command.filter(|_| !scans.is_empty()) else { return };
    for answer in command.scan(scans).await {
        if let Err(fault) = answer {
            warn!(target = %target.name, reason = fault.reason(), "a command around a scan failed; autoscan goes on");
        }
    }
}

/// A folder whose files did not appear is told once more by the folder above it, unless that is a whole library.
async fn widen(target: &BoundTarget, group: &mut Group) {
    let Some(above) = group.widened.then(|| group.local.parent()).flatten() else { return };
    let Ok(folder) = to_target(target, &above) else { return };
    if target.server.is_below_a_root(&folder).await {
        group.scan.folder = folder;
    }
}

/// The media files that the sidecars of a group belong to, when nothing else changed in it.
async fn companions(engine: &Engine, target: &BoundTarget, group: &Group) -> Vec<TargetPath> {
    let sidecars = &group.sidecars;
    if sidecars.is_empty() || !engine.parts.rules.files.check {
        return Vec::new();
    }
    let listing = engine.parts.files.list(&group.local, NEIGHBOURS).await;
    let media: Vec<&LocalPath> =
        listing.files.iter().filter(|file| Role::of(&file.0) == Role::Media).collect();
    let of = |sidecar: &LocalPath| {
        let name = sidecar.0.file_name().unwrap_or_default();
        media
            .iter()
            .filter(|file| belongs_to(name, file.0.file_name().unwrap_or_default()))
            .max_by_key(|file| file.as_str().len())
            .copied()
    };
    let mut found: Vec<&LocalPath> = sidecars.iter().filter_map(of).collect();
    if found.is_empty() {
        found.extend(media.iter().take(COMPANIONS));
    }
    found.sort();
    found.dedup();
    found.into_iter().filter_map(|file| to_target(target, file).ok()).collect()
}
