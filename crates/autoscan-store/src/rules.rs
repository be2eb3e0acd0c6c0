//! What both stores decide alike.

use std::collections::BTreeMap;
use std::time::Duration;

use autoscan_core::change::{Change, ChangeKind};
use autoscan_core::delivery::{Delivery, DeliveryState};
use autoscan_core::history::{RECENT_EVENTS, TriggerCounts, TriggerEvent};
use autoscan_core::name::Name;
use autoscan_core::path::{LocalPath, MAX_LENGTH};
use autoscan_core::ports::{Absorb, Batch, Owner, ScanFilter, StoreError};
use autoscan_core::scan::{ScanState, StoredChange};
use autoscan_core::schedule::ReplacementNews;
use autoscan_core::step::{MOST_STEPS, Step, StepKind};
use autoscan_core::time::{SteadyTime, Timestamp};

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

/// What changes of a folder say of a file that is being replaced.
pub(crate) fn replacement_news(absorb: &Absorb) -> ReplacementNews {
    ReplacementNews::of(absorb.changes.iter().map(|kept| &kept.change))
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

/// From when on the work that is left for a delivery of a started scan may be done; none when there is none.
pub(crate) fn ready_at(delivery: &Delivery) -> Option<Timestamp> {
    delivery.work().map(|_left| delivery.next_attempt_at.unwrap_or_default())
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

/// Who is believed to live, and until when by the store's own time.
#[derive(Debug, Default)]
pub(crate) struct Owners(BTreeMap<Owner, SteadyTime>);

impl Owners {
    /// An owner says that it lives. Answers all who do now: its own time may have been over, that of others is.
    pub(crate) fn heard(&mut self, owner: Owner, now: SteadyTime, lasts: Duration) -> Vec<Owner> {
        self.0.insert(owner, now + lasts);
        self.0.retain(|known, until| *known == owner || *until > now);
        self.0.keys().copied().collect()
    }

    /// An owner ends.
    pub(crate) fn retire(&mut self, owner: Owner) {
        self.0.remove(&owner);
    }
}

/// Adds to what a trigger sent.
pub(crate) fn add_trigger_counts(known: &mut TriggerCounts, more: TriggerCounts) {
    known.events = known.events.saturating_add(more.events);
    known.changes = known.changes.saturating_add(more.changes);
    known.refused = known.refused.saturating_add(more.refused);
    known.add_lost(&more);
    known.last = more.last.or(known.last.take());
    more.recent.into_iter().for_each(|event| add_event(&mut known.recent, event));
    let old = known.recent.len().saturating_sub(RECENT_EVENTS);
    known.recent.drain(..old);
}

/// What is refused for the same reason again and again is one event, so that it does not push out all others.
fn add_event(recent: &mut Vec<TriggerEvent>, event: TriggerEvent) {
    let same = |known: &&mut TriggerEvent| known.refused && event.refused && known.outcome == event.outcome;
    match recent.iter_mut().rev().find(same) {
        Some(known) => {
            known.at = event.at;
            known.times = known.times.saturating_add(event.times);
        }
        None => recent.push(event),
    }
}

/// Counts of a trigger that sent nothing yet.
pub(crate) fn no_counts(trigger: Name) -> TriggerCounts {
    TriggerCounts::new(trigger)
}

/// Whether a scan in this state may be one that is asked for: a running one counts as one that needs attention where it is
/// stuck at a target.
pub(crate) fn may_be_of_state(filter: &ScanFilter, state: ScanState) -> bool {
    let stuck = !filter.stuck_targets.is_empty() && state == ScanState::Running;
    filter.state.is_none_or(|wanted| state == wanted || (stuck && wanted == ScanState::Attention))
}

/// Values from the highest on; `next` finds the highest that is not above the one it is given.
pub(crate) fn descending<E>(
    next: impl Fn(i64) -> Result<Option<i64>, E>,
) -> impl Iterator<Item = Result<i64, E>> {
    let mut most = Some(i64::MAX);
    std::iter::from_fn(move || {
        let found = next(most?);
        most = found.as_ref().ok().copied().flatten().and_then(|value| value.checked_sub(1));
        found.transpose()
    })
}
