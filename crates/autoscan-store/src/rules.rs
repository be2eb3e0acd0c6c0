//! What both stores decide alike.

use std::collections::BTreeMap;

use autoscan_core::change::{Change, ChangeKind};
use autoscan_core::delivery::{Delivery, DeliveryState};
use autoscan_core::name::Name;
use autoscan_core::path::{LocalPath, MAX_LENGTH};
use autoscan_core::ports::{Batch, StoreError};
use autoscan_core::scan::{Quiet, StoredChange};
use autoscan_core::step::{MOST_STEPS, Step, StepKind};
use autoscan_core::time::Timestamp;

/// Refusals that are kept.
pub(crate) const REFUSALS_KEPT: usize = 1000;

/// Scans that one page looks at: a filter that rarely matches costs no more than this, some ten milliseconds, and goes on
/// with the next page.
pub(crate) const LOOKED_AT_PER_PAGE: usize = 2_500;

/// A path longer than a path may be could never be read back, and would stop everything that reads its scan.
pub(crate) fn check_paths(batch: &Batch) -> Result<(), StoreError> {
    let too_long = |path: &LocalPath| path.as_str().len() > MAX_LENGTH;
    let changed =
        |change: &Change<LocalPath>| too_long(&change.path) || change.from.as_ref().is_some_and(too_long);
    let refused = batch
        .folders
        .iter()
        .find(|absorb| too_long(&absorb.folder) || absorb.changes.iter().any(|kept| changed(&kept.change)));
    match refused {
        Some(absorb) => Err(StoreError::Broken(format!(
            "a path in {:?} is longer than {MAX_LENGTH} bytes, which no system accepts; nothing of the request was kept",
            absorb.folder.as_str().chars().take(200).collect::<String>(),
        ))),
        None => Ok(()),
    }
}

/// When a waiting scan is due after a further change: the rule of core, but never before the gate lets it.
pub(crate) fn due(
    quiet: Quiet,
    first_seen: Timestamp,
    due_at: Timestamp,
    held_until: Option<Timestamp>,
    now: Timestamp,
) -> Timestamp {
    let due = quiet.due(first_seen, Some(due_at), now);
    held_until.map_or(due, |until| due.max(until))
}

/// What a scan remembers of a path: [`Absorb::changes`](autoscan_core::ports::Absorb::changes). The old name of a move
/// stays known while the path is still remembered as moved, though the later change does not speak of it; so do the ids
/// of its item.
pub(crate) fn merged(known: StoredChange, later: &StoredChange) -> StoredChange {
    let kind = known.change.kind.followed_by(later.change.kind);
    let from = later.change.from.clone().or(match kind {
        ChangeKind::Moved => known.change.from,
        _ => None,
    });
    let ids = if later.change.ids.is_empty() { known.change.ids } else { later.change.ids.clone() };
    StoredChange {
        change: Change { kind, from, ids, ..later.change.clone() },
        targets: united(known.targets, later.targets.as_deref()),
        ..later.clone()
    }
}

/// Everybody whom either list names; no list means all.
fn united(known: Option<Vec<Name>>, later: Option<&[Name]>) -> Option<Vec<Name>> {
    let (mut targets, later) = (known?, later?);
    for name in later {
        if !targets.contains(name) {
            targets.push(name.clone());
        }
    }
    Some(targets)
}

/// One delivery a target, by its name; the last one given wins.
pub(crate) fn one_a_target(deliveries: &[Delivery]) -> impl Iterator<Item = &Delivery> {
    let by_target: BTreeMap<&Name, &Delivery> =
        deliveries.iter().map(|delivery| (&delivery.target, delivery)).collect();
    by_target.into_values()
}

/// From when on the work that is left for a delivery of a running scan may be done; none when there is none.
pub(crate) fn ready_at(delivery: &Delivery) -> Option<Timestamp> {
    delivery.is_open().then(|| delivery.next_attempt_at.unwrap_or_default())
}

/// A delivery of a started scan after a person asked to try again; none when it stays as it is.
pub(crate) fn retried(delivery: &Delivery, now: Timestamp) -> Option<Delivery> {
    let over = match delivery.state {
        DeliveryState::Skipped | DeliveryState::Seen => true,
        DeliveryState::Sent => !delivery.is_open(),
        DeliveryState::Waiting | DeliveryState::Held | DeliveryState::Missing | DeliveryState::Failed => {
            false
        }
    };
    (!over).then(|| Delivery::new(delivery.target.clone(), now))
}

/// The step by which a person's wish is remembered.
pub(crate) fn retried_step(now: Timestamp) -> Step {
    Step::of_scan(now, StepKind::Retried, "")
}

/// Whether a step says no more than the one before it at the same target.
pub(crate) fn says_the_same(before: &Step, step: &Step) -> bool {
    (before.kind, &before.text) == (step.kind, &step.text)
}

/// Half of the steps that are kept are the first, the others the last: which goes when there is one at `position`.
pub(crate) fn left_out(position: i64) -> Option<i64> {
    let most = i64::try_from(MOST_STEPS).unwrap_or(i64::MAX);
    (position >= most).then_some(position - most / 2)
}

/// Steps by position, with one that says how many are left out.
pub(crate) fn with_gap(steps: impl IntoIterator<Item = (i64, Step)>) -> Vec<Step> {
    let (mut shown, mut next) = (Vec::new(), 0);
    for (position, step) in steps {
        if position > next {
            let text = format!("{} steps are left out here", position - next);
            shown.push(Step::of_scan(step.at, StepKind::LeftOut, text));
        }
        next = position + 1;
        shown.push(step);
    }
    shown
}
