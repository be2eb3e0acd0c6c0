//! Claimed deliveries of one target, merged by folder and put in the target's eyes.

use std::collections::HashMap;

use autoscan_core::change::{Change, ChangeKind, Subject};
use autoscan_core::delivery::{Delivery, DeliveryState};
use autoscan_core::media::Role;
use autoscan_core::path::{LocalPath, PathRefusal, TargetPath};
use autoscan_core::ports::{Claimed, Lease, Settlement, TargetScan};
use autoscan_core::scan::{ScanId, StoredChange};
use autoscan_core::step;
use autoscan_core::time::Timestamp;

use crate::bound::BoundTarget;
use crate::gone::{is_asked_for, told_folder};

/// A delivery that was claimed, as far as its settlement needs it.
#[derive(Clone, Debug)]
pub(crate) struct LeasedDelivery {
    pub(crate) lease: Lease,
    pub(crate) scan: ScanId,
    pub(crate) delivery: Delivery,
}

impl LeasedDelivery {
    /// What becomes of it.
    pub(crate) fn settled(&self, delivery: Delivery, told: Option<&str>, now: Timestamp) -> Settlement {
        let steps = step::steps(&self.delivery, &delivery, told, now);
        Settlement { lease: self.lease, scan: self.scan, delivery, steps }
    }

    /// It goes back as it is.
    pub(crate) fn put_back(self) -> Settlement {
        Settlement { lease: self.lease, scan: self.scan, delivery: self.delivery, steps: Vec::new() }
    }
}

/// Deliveries that one call of the folder settles together.
pub(crate) struct Group {
    /// The folder on this machine.
    pub(crate) local: LocalPath,
    /// What the server is told.
    pub(crate) scan: TargetScan,
    /// What was asked for by its path, in the target's eyes and here: what of it is gone was deleted.
    pub(crate) asked_for: Vec<(TargetPath, LocalPath)>,
    /// What changed, when it is nothing but sidecars.
    pub(crate) sidecars: Vec<LocalPath>,
    /// Whether the folder was told in vain, so that the one above is told now.
    pub(crate) widened: bool,
    /// Whether a file that was to be there never came: the folder is the nearest one that is there, and no library's own.
    pub(crate) absent: bool,
    /// Which deliveries that settles.
    pub(crate) deliveries: Vec<LeasedDelivery>,
}

/// A batch, ready to be told.
pub(crate) struct Bundle {
    /// In the order of the first delivery of each folder.
    pub(crate) groups: Vec<Group>,
    /// Deliveries that need no call.
    pub(crate) settled: Vec<Settlement>,
}

/// The path in the target's eyes.
pub(crate) fn to_target(target: &BoundTarget, path: &LocalPath) -> Result<TargetPath, PathRefusal> {
    target.map.apply(&path.0).map(|mapped| TargetPath(mapped.path))
}

/// Why a target is not told of a scan.
pub(crate) struct Skip {
    /// In a sentence.
    pub(crate) reason: String,
    /// Whether a person means it so: the target's `include` or `exclude` says it.
    pub(crate) excluded: bool,
}

/// The changes of a scan that this target is told of, or why none is.
pub(crate) fn wanted<'a>(
    target: &BoundTarget,
    changes: impl IntoIterator<Item = &'a StoredChange>,
) -> Result<Vec<&'a Change<LocalPath>>, Skip> {
    let mut reason = None;
    let mut wanted = Vec::new();
    for stored in changes {
        if stored.targets.as_ref().is_some_and(|names| !names.contains(&target.name)) {
            continue;
        }
        match target.filter.reject(&stored.change.path.0, stored.change.subject) {
            Some(why) => {
                reason = Some(format!("{:?} is not for this target: {why}", stored.change.path.as_str()));
            }
            None => wanted.push(&stored.change),
        }
    }
    match reason {
        Some(reason) if wanted.is_empty() => Err(Skip { reason, excluded: true }),
        _ => Ok(wanted),
    }
}

/// Merges what was claimed: one group a folder, each changed path once with its latest kind.
pub(crate) fn bundle(target: &BoundTarget, claimed: Vec<Claimed>, now: Timestamp) -> Bundle {
    let mut bundle = Bundle { groups: Vec::new(), settled: Vec::new() };
    let mut by_folder: HashMap<(LocalPath, bool, bool), usize> = HashMap::new();
    for claim in claimed {
        let folder = told_folder(target, &claim);
        let told = wanted(target, &claim.changes).and_then(|changes| {
            let asked_for = changes.iter().filter(|change| is_asked_for(change)).map(|change| &change.path);
            let asked_for = asked_for.filter_map(|path| Some((to_target(target, path).ok()?, path.clone())));
            let asked_for: Vec<_> = if claim.delivery.absent { Vec::new() } else { asked_for.collect() };
            Ok((target_scan(target, &folder, &changes)?, sidecars(&changes), asked_for))
        });
        let (scan, sidecars, asked_for) = match told {
            Ok(told) => told,
            Err(skip) => {
                bundle.settled.push(skipped(claim, skip, now));
                continue;
            }
        };
        let (widened, absent) = (claim.delivery.widened, claim.delivery.absent);
        let at = *by_folder.entry((folder.clone(), widened, absent)).or_insert_with(|| {
            bundle.groups.push(Group {
                local: folder,
                scan: TargetScan { changes: Vec::new(), ..scan.clone() },
                asked_for: Vec::new(),
                sidecars: sidecars.clone(),
                widened,
                absent,
                deliveries: Vec::new(),
            });
            bundle.groups.len() - 1
        });
        let group = &mut bundle.groups[at];
        if group.sidecars.is_empty() || sidecars.is_empty() {
            group.sidecars.clear();
        } else {
            group.sidecars.extend(sidecars);
        }
        group.asked_for.extend(asked_for);
        merge(&mut group.scan.changes, scan.changes);
        let delivery = Delivery { next_attempt_at: Some(now), ..claim.delivery };
        group.deliveries.push(LeasedDelivery { lease: claim.lease, scan: claim.scan, delivery });
    }
    bundle
}

pub(crate) fn target_scan(
    target: &BoundTarget,
    folder: &LocalPath,
    changes: &[&Change<LocalPath>],
) -> Result<TargetScan, Skip> {
    let refused = |refusal: PathRefusal| Skip {
        reason: format!("the map of {} leads nowhere: {refusal}", target.name),
        excluded: false,
    };
    let folder = to_target(target, folder).map_err(refused)?;
    let changes = changes
        .iter()
        .map(|change| (*change).clone().try_map(|path| to_target(target, &path)))
        .collect::<Result<_, _>>()
        .map_err(refused)?;
    Ok(TargetScan { folder, changes, companions: Vec::new() })
}

/// The changed files, when they are nothing but subtitles, artwork and the like that are there.
fn sidecars(changes: &[&Change<LocalPath>]) -> Vec<LocalPath> {
    let is_sidecar = |change: &&Change<LocalPath>| {
        change.subject == Subject::File
            && matches!(change.kind, ChangeKind::Created | ChangeKind::Modified)
            && Role::of(&change.path.0) == Role::Sidecar
    };
    if changes.iter().all(is_sidecar) {
        changes.iter().map(|change| change.path.clone()).collect()
    } else {
        Vec::new()
    }
}

fn merge(known: &mut Vec<Change<TargetPath>>, later: Vec<Change<TargetPath>>) {
    if known.is_empty() {
        *known = later;
        return;
    }
    let mut at: HashMap<TargetPath, usize> =
        known.iter().enumerate().map(|(index, change)| (change.path.clone(), index)).collect();
    for change in later {
        if let Some(&index) = at.get(&change.path) {
            let kind: ChangeKind = known[index].kind.followed_by(change.kind);
            known[index] = Change { kind, ..change };
        } else {
            at.insert(change.path.clone(), known.len());
            known.push(change);
        }
    }
}

fn skipped(claim: Claimed, Skip { reason, excluded }: Skip, now: Timestamp) -> Settlement {
    let delivery = Delivery {
        state: DeliveryState::Skipped,
        excluded,
        next_attempt_at: None,
        error: Some(reason),
        ..claim.delivery.clone()
    };
    let leased = LeasedDelivery { lease: claim.lease, scan: claim.scan, delivery: claim.delivery };
    leased.settled(delivery, None, now)
}
