//! One call to a target: what guards the folders is looked at again, then it is told.

use std::sync::Arc;
use std::time::Duration;

use autoscan_core::delivery::Outcome;
use autoscan_core::fault::Fault;
use autoscan_core::media::{Role, belongs_to};
use autoscan_core::path::{LocalPath, TargetPath};
use autoscan_core::ports::{Look, Target, TargetScan};
use autoscan_core::proof::FIRST_ASKED_AFTER;
use futures_util::future::BoxFuture;
use tracing::warn;

use crate::bound::BoundTarget;
use crate::bundle::{Group, to_target};
use crate::gone::{deleted, is_asked_for};
use crate::guards::Guards;
use crate::lane::Lane;
use crate::ports::Ports;

/// A folder whose anchor or mount vanished after its scan had started is looked at again after this.
const GUARDED_FOR: Duration = Duration::from_secs(5);
/// Files looked at beside a sidecar.
const NEIGHBOURS: usize = 1000;
/// Media files that a folder's artwork or metadata is taken to belong to.
const COMPANIONS: usize = 3;
/// What was not tried because a call before it failed by its own fault is tried again at once.
const UNTRIED_FOR: Duration = Duration::ZERO;

/// What a target answered.
pub(crate) type Answers = Vec<Result<(), Fault>>;

/// Waits for a target that is told, and answers with it which calls that took: method, URL without anything secret, status.
/// None are known of what speaks no HTTP.
pub type Overhear = for<'a> fn(BoxFuture<'a, Answers>) -> BoxFuture<'a, (Answers, Vec<String>)>;

/// What a call takes.
pub(crate) struct Calling {
    pub(crate) ports: Arc<Ports>,
    pub(crate) guards: Arc<Guards>,
    pub(crate) lane: Arc<Lane>,
    pub(crate) overhear: Overhear,
    /// Whether the disk is looked at at all.
    pub(crate) check_files: bool,
}

/// Groups that were told in one call, with what followed for each.
pub(crate) struct Delivered {
    /// The call by which they were told, as far as it is known.
    pub(crate) call: Option<String>,
    pub(crate) groups: Vec<(Group, Outcome)>,
}

impl Calling {
    /// Tells the target of a batch, all of one queue.
    pub(crate) async fn tell(&self, batch: Vec<Group>) -> Delivered {
        let target = &*self.lane.target;
        let mut delivered = Delivered { call: None, groups: Vec::with_capacity(batch.len()) };
        let mut standing = Vec::with_capacity(batch.len());
        for mut group in batch {
            if let Some(reason) = self.guards.fallen(&group.local).await {
                delivered.groups.push((group, Outcome::Guarded { again_in: GUARDED_FOR, reason }));
                continue;
            }
            if let Some(reason) = would_tell_a_library(target, &group).await {
                delivered.groups.push((group, Outcome::NeverCame(reason)));
                continue;
            }
            if self.check_files {
                self.note_what_is_gone(&mut group).await;
            }
            widen(target, &mut group).await;
            group.scan.companions = self.companions(&group).await;
            standing.push(group);
        }
        if standing.is_empty() {
            return delivered;
        }
        let scans: Vec<_> = standing.iter().map(|group| group.scan.clone()).collect();
        run_command(target, target.before.as_deref(), &scans).await;
        let ask_in = target.proof().is_some().then_some(FIRST_ASKED_AFTER);
        let (answers, calls) = (self.overhear)(target.server.scan(&scans)).await;
        let answers = self.attribute(answers).await;
        delivered.call = telling(calls);
        if ask_in.is_none() {
            let accepted = scans.into_iter().zip(&answers).filter(|(_, answer)| answer.is_ok());
            run_command(target, target.after.as_deref(), &accepted.map(|(scan, _)| scan).collect::<Vec<_>>())
                .await;
        }
        delivered.groups.extend(standing.into_iter().zip(answers).map(|(group, answer)| {
            (group, answer.map_or_else(Outcome::Fault, |()| Outcome::Accepted { ask_in }))
        }));
        delivered
    }

    /// What was asked for by its path and is not there was deleted.
    async fn note_what_is_gone(&self, group: &mut Group) {
        for (seen, local) in &group.asked_for {
            let changes = &mut group.scan.changes;
            let asked = changes.iter_mut().find(|change| change.path == *seen && is_asked_for(change));
            if let Some(asked) = asked
                && self.ports.files.look(local).await == Look::Missing
            {
                *asked = deleted(asked, &seen.0);
            }
        }
    }

    /// Finds out whose fault it is that calls of a batch failed. The first that failed was tried; when the server is well
    /// otherwise, what was not tried after it is tried again, and not held against it.
    async fn attribute(&self, mut answers: Answers) -> Answers {
        let stops = |answer: &Result<(), Fault>| answer.as_ref().is_err_and(Fault::stops_the_lane);
        let Some(first) = answers.iter().position(stops) else { return answers };
        let Err(fault) = answers[first].clone() else { return answers };
        let fault = self.lane.attribute(fault).await;
        if !fault.stops_the_lane() {
            let untried = || Fault::Later {
                after: UNTRIED_FOR,
                reason: "a call before this one failed; this one is made again".to_owned(),
            };
            for answer in answers.iter_mut().skip(first + 1).filter(|answer| stops(answer)) {
                *answer = Err(untried());
            }
        }
        answers[first] = Err(fault);
        answers
    }

    /// The media files that the sidecars of a group belong to, when nothing else changed in it.
    async fn companions(&self, group: &Group) -> Vec<TargetPath> {
        let sidecars = &group.sidecars;
        if sidecars.is_empty() || !self.check_files {
            return Vec::new();
        }
        let listing = self.ports.files.list(&group.local, NEIGHBOURS).await;
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
        found.into_iter().filter_map(|file| to_target(&self.lane.target, file).ok()).collect()
    }
}

/// Why the nearest folder is not told in place of one that never came: it is a whole library, or lies above one.
async fn would_tell_a_library(target: &BoundTarget, group: &Group) -> Option<String> {
    let libraries = target.server.libraries().filter(|_| group.absent)?;
    if libraries.is_below_a_root(&group.scan.folder).await {
        return None;
    }
    let missing = group.scan.changes.first().map_or(&group.scan.folder, |change| &change.path);
    Some(format!(
        "{:?} never appeared on this machine, and the nearest folder that is there, {:?}, lies in no library or is a whole \
         one, so {} was not told; check the trigger's `map` and whether the disk is mounted, then retry",
        missing.0.as_str(),
        group.local.as_str(),
        target.name
    ))
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
    let Some(libraries) = target.server.libraries() else { return };
    if libraries.is_below_a_root(&folder).await {
        group.scan.folder = folder;
    }
}
