//! Both stores are told the same and must show the same.

use std::sync::Arc;
use std::time::Duration;

use autoscan_core::change::{Change, ChangeKind, Subject};
use autoscan_core::delivery::{Delivery, DeliveryState, Work};
use autoscan_core::history::{HourCounts, TriggerCounts, TriggerEvent, VISIBLE_CLASSES};
use autoscan_core::ids::{IdSource, Ids};
use autoscan_core::path::TriggerPath;
use autoscan_core::ports::{
    Absorb, Batch, Bookmark, Claimed, Hold, HoldUntil, Owner, RefusalRecord, ScanFilter, Settlement, Start,
    Store,
};
use autoscan_core::scan::{Quiet, ScanId, ScanState, StoredChange};
use autoscan_core::step::{Step, StepKind};
use autoscan_core::storm::HeldStorm;
use autoscan_core::time::Timestamp;
use autoscan_store::{MemoryStore, Options, SqliteStore};
use proptest::prelude::*;
use proptest::sample::select;
use tempfile::tempdir;

use crate::harness::*;
use crate::later_looks::look;

const TARGETS: [&str; 3] = ["plex", "emby", "jellyfin"];
const PREFIXES: [&str; 3] = ["/tv", "/movies", "/"];
const FOLDERS: [&str; 4] = ["/tv/A", "/tv/B", "/movies", "C:\\tv"];

/// One thing done to both stores. Scans are named by number: few, so that they meet.
#[derive(Clone, Debug)]
enum Operation {
    Absorb(Vec<Absorb>, usize, Option<String>),
    Hold(ScanId, HoldUntil, Vec<Delivery>, bool),
    Release(&'static str),
    /// Merges anew what a scan asked for.
    Reroute(ScanId, Vec<Absorb>, bool),
    /// Starts what is due, or tries to start it with a generation that is not true.
    Start(Vec<Delivery>, bool),
    Claim(Owner, &'static str, Work, usize),
    /// Settles one of what was claimed, to be tried again or followed later or not.
    Settle(DeliveryState, bool, usize),
    MakeDue(&'static str),
    Heartbeat(Owner, u64),
    Retire(Owner),
    /// The clock is set back by so many seconds.
    SetBack(i64),
    Retry(ScanId),
    Drop(ScanId),
    Sweep(i64, usize),
    Set(&'static str, Option<String>),
    Pause(&'static str, Option<i64>),
    Resume(&'static str),
    /// A missed file was not found, or nobody looks for it any more.
    Look(&'static str, bool),
    Mounts(Vec<&'static str>, Vec<&'static str>),
    Storms(Vec<(&'static str, usize)>, Vec<&'static str>),
    Count(&'static str, Vec<(bool, u32)>),
    Hours(Vec<(i64, u64)>, i64),
}

fn targets() -> impl Strategy<Value = Option<Vec<autoscan_core::name::Name>>> {
    prop::option::weighted(0.7, prop::collection::vec(select(&TARGETS[..]).prop_map(name), 0..3))
}

fn change() -> impl Strategy<Value = StoredChange> {
    (select(vec!["1", "2", "3"]), select(&ChangeKind::ALL[..]), any::<[bool; 3]>(), targets(), 0..100_i64)
        .prop_map(|(file, kind, [moved, folder, awaited], targets, seconds)| StoredChange {
            change: Change {
                path: path(&format!("/tv/A/{file}")),
                kind,
                from: moved.then(|| path("/tv/A/old")),
                subject: if folder { Subject::Folder } else { Subject::File },
                awaited,
                ids: Ids::default().with(IdSource::Tmdb, if folder { "" } else { file }),
            },
            trigger: name(if moved { "sonarr" } else { "radarr" }),
            received_at: at(seconds),
            targets,
            sent_path: awaited.then(|| TriggerPath::parse(&format!("/sent/{file}")).unwrap()),
        })
}

fn one_absorb() -> impl Strategy<Value = Absorb> {
    (select(&FOLDERS[..]), -1..2_i64, 0..20_u64, 0..60_u64, prop::collection::vec(change(), 0..4)).prop_map(
        |(folder, priority, minimum_age, maximum_wait, changes)| Absorb {
            folder: path(folder),
            priority,
            quiet: Quiet {
                minimum_age: Duration::from_secs(minimum_age),
                maximum_wait: Duration::from_secs(maximum_wait),
            },
            changes,
        },
    )
}

fn deliveries() -> impl Strategy<Value = Vec<Delivery>> {
    let delivery = (select(&TARGETS[..]), select(&DeliveryState::ALL[..]), prop::option::of(0..100_i64))
        .prop_map(|(target, state, next)| Delivery {
            state,
            widened: next.is_none(),
            excluded: next.is_some_and(|next| next % 2 == 0),
            note: next.map(|next| format!("note {next}")),
            next_attempt_at: next.map(at),
            ..Delivery::new(name(target), at(0))
        });
    prop::collection::vec(delivery, 0..4)
}

fn folders() -> impl Strategy<Value = Vec<Absorb>> {
    prop::collection::vec(one_absorb(), 0..3)
}

fn until() -> impl Strategy<Value = HoldUntil> {
    prop_oneof![
        (0..200_i64).prop_map(|until| HoldUntil::Time(at(until))),
        select(&PREFIXES[..]).prop_map(|prefix| HoldUntil::Released(path(prefix))),
    ]
}

fn owner() -> impl Strategy<Value = Owner> {
    (1..4_i64).prop_map(Owner)
}

fn scan_id() -> impl Strategy<Value = ScanId> {
    (1..8_i64).prop_map(ScanId)
}

fn work() -> impl Strategy<Value = Work> {
    select(vec![Work::Deliver, Work::Verify])
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => (folders(), 0..3_usize, prop::option::of("[a-z]{0,3}")).prop_map(|(folders, refusals, place)| Operation::Absorb(folders, refusals, place)),
        2 => (scan_id(), until(), deliveries(), prop::bool::weighted(0.2)).prop_map(|(id, until, shown, stale)| Operation::Hold(id, until, shown, stale)),
        1 => select(&PREFIXES[..]).prop_map(Operation::Release),
        1 => (scan_id(), folders(), prop::bool::weighted(0.2)).prop_map(|(id, folders, stale)| Operation::Reroute(id, folders, stale)),
        4 => (deliveries(), prop::bool::weighted(0.1)).prop_map(|(told, stale)| Operation::Start(told, stale)),
        6 => (owner(), select(&TARGETS[..]), work(), 1..4_usize).prop_map(|(owner, target, work, limit)| Operation::Claim(owner, target, work, limit)),
        6 => (select(&DeliveryState::ALL[..]), any::<bool>(), 0..4_usize).prop_map(|(state, again, which)| Operation::Settle(state, again, which)),
        1 => select(&TARGETS[..]).prop_map(Operation::MakeDue),
        2 => (owner(), 0..40_u64).prop_map(|(owner, lasts)| Operation::Heartbeat(owner, lasts)),
        1 => owner().prop_map(Operation::Retire),
        1 => (0..100_i64).prop_map(Operation::SetBack),
        1 => scan_id().prop_map(Operation::Retry),
        1 => scan_id().prop_map(Operation::Drop),
        1 => (0..200_i64, 0..4_usize).prop_map(|(before, limit)| Operation::Sweep(before, limit)),
        1 => (select(vec!["a", "b"]), prop::option::of("[a-z]{0,3}")).prop_map(|(key, value)| Operation::Set(key, value)),
        1 => kept(),
    ]
}

/// What is kept beside the queue.
fn kept() -> impl Strategy<Value = Operation> {
    let prefixes = || prop::collection::vec(select(&PREFIXES[..]), 0..3);
    let storms = prop::collection::vec((select(&PREFIXES[..]), 0..100_usize), 0..3);
    let events = prop::collection::vec((any::<bool>(), 1..3_u32), 0..4);
    prop_oneof![
        (select(&TARGETS[..]), prop::option::of(0..100_i64))
            .prop_map(|(target, until)| Operation::Pause(target, until)),
        select(&TARGETS[..]).prop_map(Operation::Resume),
        (select(vec!["/tv/A/1", "/tv/A/2"]), any::<bool>())
            .prop_map(|(file, over)| Operation::Look(file, over)),
        (prefixes(), prefixes()).prop_map(|(seen, gone)| Operation::Mounts(seen, gone)),
        (storms, prefixes()).prop_map(|(held, over)| Operation::Storms(held, over)),
        (select(vec!["sonarr", "radarr"]), events)
            .prop_map(|(trigger, events)| Operation::Count(trigger, events)),
        (prop::collection::vec((0..5_i64, 0..9_u64), 0..3), 0..3_i64)
            .prop_map(|(hours, from)| Operation::Hours(hours, from)),
    ]
}

/// Does it, and answers what the store answered. `leases` are the deliveries that were claimed so far.
async fn perform(store: &dyn Store, operation: Operation, seconds: i64, leases: &mut Vec<Claimed>) -> String {
    match operation {
        Operation::Absorb(..)
        | Operation::Hold(..)
        | Operation::Release(_)
        | Operation::Reroute(..)
        | Operation::Start(..) => before_the_start(store, operation, seconds).await,
        Operation::Claim(..)
        | Operation::Settle(..)
        | Operation::MakeDue(_)
        | Operation::Heartbeat(..)
        | Operation::Retire(_)
        | Operation::SetBack(_) => after_the_start(store, operation, seconds, leases).await,
        Operation::Retry(_) | Operation::Drop(_) | Operation::Sweep(..) | Operation::Set(..) => {
            by_people(store, operation, seconds).await
        }
        _ => beside_the_queue(store, operation, seconds).await,
    }
}

async fn generation(store: &dyn Store, id: ScanId) -> i64 {
    store.show(id).await.unwrap().map_or(0, |scan| scan.generation)
}

async fn before_the_start(store: &dyn Store, operation: Operation, seconds: i64) -> String {
    let now = at(seconds);
    match operation {
        Operation::Absorb(folders, refusals, place) => {
            let refused =
                RefusalRecord { trigger: name("sonarr"), reason: format!("at {seconds}"), received_at: now };
            let bookmark = place.map(|place| Bookmark { trigger: name("sonarr"), place });
            let missed = |number: usize| look(&format!("/tv/A/{}", number + 1), seconds);
            let later_looks = (0..refusals).map(missed).collect();
            let batch =
                Batch { refusals: vec![refused; refusals], bookmark, later_looks, ..batch(now, folders) };
            format!("{:?}", store.absorb(batch.into()).await)
        }
        Operation::Hold(scan, until, deliveries, stale) => {
            let hold = Hold {
                scan,
                generation: generation(store, scan).await - i64::from(stale),
                until,
                deliveries,
                note: Some(format!("since {seconds}")),
                steps: vec![Step::of_scan(now, StepKind::Held, "mount gone")],
            };
            format!("{:?}", store.hold(vec![hold]).await)
        }
        Operation::Release(prefix) => format!("{:?}", store.release(&path(prefix), now).await),
        Operation::Reroute(id, folders, stale) => {
            let generation = generation(store, id).await - i64::from(stale);
            format!("{:?}", store.reroute(id, generation, batch(now, folders)).await)
        }
        Operation::Start(deliveries, stale) => {
            let due = store.due(now, 2, vec![ScanId(3)]).await.unwrap();
            let starts = due.into_iter().map(|scan| Start {
                scan: scan.id,
                generation: scan.generation - i64::from(stale),
                tell: path("/tv"),
                deliveries: deliveries.clone(),
                note: None,
                steps: vec![Step::of_scan(now, StepKind::Started, "")],
            });
            format!("{:?}", store.start(starts.collect(), now).await)
        }
        _ => unreachable!("{operation:?}"),
    }
}

async fn after_the_start(
    store: &dyn Store,
    operation: Operation,
    seconds: i64,
    leases: &mut Vec<Claimed>,
) -> String {
    let now = at(seconds);
    match operation {
        Operation::Claim(owner, target, work, limit) => {
            let claimed = store.claim(owner, &name(target), work, now, limit).await.unwrap();
            leases.extend(claimed.clone());
            format!("{claimed:?}")
        }
        Operation::Settle(state, again, which) => {
            if leases.is_empty() {
                return String::new();
            }
            let Claimed { lease, scan, delivery, .. } = leases.remove(which % leases.len());
            let next_attempt_at = again.then(|| at(seconds + 10));
            let (attempts, faults) = (delivery.attempts + 1, delivery.faults + u32::from(again));
            let delivery = Delivery {
                state,
                attempts,
                faults,
                next_attempt_at,
                sent_at: Some(now),
                cared: again,
                ..delivery
            };
            let settlement = Settlement { lease, scan, steps: steps(&delivery, now), delivery };
            format!("{:?}", store.settle(vec![settlement], now).await)
        }
        Operation::MakeDue(target) => format!("{:?}", store.make_due(&name(target), now).await),
        Operation::Heartbeat(owner, lasts) => {
            format!("{:?}", store.heartbeat(owner, Duration::from_secs(lasts)).await)
        }
        Operation::Retire(owner) => format!("{:?}", store.retire(owner).await),
        Operation::SetBack(by) => {
            let back = at(seconds - by);
            let brought = store.bring_to(back).await.unwrap();
            let newest = store.newest().await.unwrap();
            assert!(newest.is_none_or(|newest| newest <= back), "{newest:?} is after {back:?}");
            format!("{brought}")
        }
        _ => unreachable!("{operation:?}"),
    }
}

async fn by_people(store: &dyn Store, operation: Operation, seconds: i64) -> String {
    let now = at(seconds);
    match operation {
        Operation::Retry(id) if id.0 % 2 == 0 => {
            format!("{:?}", store.retry_all(vec![id, ScanId(id.0 + 1)], now).await)
        }
        Operation::Retry(id) => format!("{:?}", store.retry(id, now).await),
        Operation::Drop(id) => format!("{:?}", store.drop_scan(id).await),
        Operation::Sweep(before, limit) => format!("{:?}", store.sweep(at(before), limit).await),
        Operation::Set(key, value) => format!("{:?}", store.set_setting(key, value).await),
        _ => unreachable!("{operation:?}"),
    }
}

/// What a trigger sent, with these events: refused or not, and how often.
fn counts(trigger: &str, events: Vec<(bool, u32)>, seconds: i64) -> TriggerCounts {
    let now = at(seconds);
    let event = |(refused, times): (bool, u32)| TriggerEvent {
        at: now,
        event: "Download".into(),
        outcome: format!("outcome {times}"),
        scans: vec![ScanId(seconds), ScanId(7)],
        refused,
        times,
    };
    TriggerCounts {
        trigger: name(trigger),
        events: 1,
        changes: 2,
        refused: 3,
        lost: u64::from(events.is_empty()),
        dismissed: u64::from(events.len() == 2),
        lost_since: events.is_empty().then_some(now),
        last: events.first().map(|(_, times)| (now, times.to_string())),
        recent: events.into_iter().map(event).collect(),
    }
}

async fn beside_the_queue(store: &dyn Store, operation: Operation, seconds: i64) -> String {
    let now = at(seconds);
    let paths = |prefixes: Vec<&str>| prefixes.into_iter().map(path).collect::<Vec<_>>();
    match operation {
        Operation::Pause(target, until) => {
            format!("{:?}", store.pause(vec![name(target)], until.map(at)).await)
        }
        Operation::Resume(target) => format!("{:?}", store.resume(vec![name(target)]).await),
        Operation::Look(file, true) => {
            format!("{:?}", store.change_later_looks(vec![], vec![path(file)]).await)
        }
        Operation::Look(file, false) => {
            format!("{:?}", store.change_later_looks(vec![look(file, seconds)], vec![]).await)
        }
        Operation::Mounts(seen, gone) => format!("{:?}", store.change_mounts(paths(seen), paths(gone)).await),
        Operation::Storms(held, over) => {
            let held_storm = |(prefix, deleted)| HeldStorm { prefix: path(prefix), deleted, last: now };
            format!(
                "{:?}",
                store.change_storms(held.into_iter().map(held_storm).collect(), paths(over)).await
            )
        }
        Operation::Count(trigger, events) => {
            format!("{:?}", store.add_trigger_counts(vec![counts(trigger, events, seconds)]).await)
        }
        Operation::Hours(hours, from) => {
            let count = |(hour, changes)| HourCounts {
                hour,
                changes,
                slowest: changes,
                visible: [u32::try_from(changes).unwrap(); VISIBLE_CLASSES],
                ..HourCounts::default()
            };
            format!("{:?}", store.add_hours(hours.into_iter().map(count).collect(), from).await)
        }
        _ => unreachable!("{operation:?}"),
    }
}

/// What a lane says of a delivery: now and then the same as before.
fn steps(delivery: &Delivery, now: Timestamp) -> Vec<Step> {
    vec![Step::at_target(now, &delivery.target, StepKind::Held, delivery.state.as_str())]
}

/// Everything that can be asked.
async fn shown(store: &dyn Store, seconds: i64) -> Vec<String> {
    let mut shown = vec![
        format!("{:?}", store.due(at(seconds), 3, vec![ScanId(2)]).await),
        format!("{:?}", store.held_prefixes().await),
        format!("{:?}", store.newest().await),
        format!("{:?}", store.bookmark(&name("sonarr")).await),
        format!("{:?}", store.count_stuck(&[name("plex"), name("emby")], 2).await),
        format!("{:?} {:?} {:?}", store.pauses().await, store.mounts().await, store.storms().await),
        format!("{:?} {:?}", store.trigger_counts().await, store.hours(1).await),
        format!("{:?}", store.next_due().await),
        format!("{:?} {:?}", store.next_later_look().await, store.due_later_looks(at(9999), 2).await),
        format!("{:?}", store.stats().await),
        format!("{:?}", store.refusals(5).await),
        format!("{:?} {:?}", store.setting("a").await, store.setting("b").await),
    ];
    for target in TARGETS {
        for work in [Work::Deliver, Work::Verify] {
            shown.push(format!("{:?}", store.next_attempt(&name(target), work).await));
            shown.push(format!("{:?}", store.backlog(&name(target), work, 3).await));
        }
    }
    for id in 1..9 {
        shown.push(format!("{:?}", store.steps(ScanId(id)).await));
    }
    let filter = ScanFilter { limit: 2, ..ScanFilter::default() };
    for filter in [
        ScanFilter { limit: 100, ..filter.clone() },
        ScanFilter { target: Some(name("plex")), ..filter.clone() },
        ScanFilter { trigger: Some(name("radarr")), before: Some(ScanId(5)), ..filter.clone() },
        ScanFilter { text: Some("OLD".into()), ..filter.clone() },
        ScanFilter { text: Some("a/2".into()), state: Some(ScanState::Waiting), ..filter.clone() },
        ScanFilter { state: Some(ScanState::Attention), stuck_targets: vec![name("plex")], ..filter.clone() },
        ScanFilter {
            state: Some(ScanState::Running),
            stuck_targets: vec![name("plex"), name("emby")],
            ..filter
        },
    ] {
        shown.push(format!("{:?}", store.list(filter).await));
    }
    shown
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_stores_show_the_same_whatever_happens(
        operations in prop::collection::vec((operation(), 0..20_i64), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let differences = runtime.block_on(async {
            let folder = tempdir().unwrap();
            let clock = Arc::new(ManualClock::default());
            let path = folder.path().join("autoscan.db");
            let file = SqliteStore::open(&path, Options::default(), Arc::clone(&clock) as _).unwrap();
            let memory = MemoryStore::new(Arc::clone(&clock) as _);
            let (mut file_leases, mut memory_leases) = (vec![], vec![]);
            let mut seconds = 0;
            let mut difference = None;
            for (operation, pause) in operations {
                seconds += pause;
                clock.pass(Duration::from_secs(u64::try_from(pause).unwrap()));
                let one = perform(&file, operation.clone(), seconds, &mut file_leases).await;
                let other = perform(&memory, operation.clone(), seconds, &mut memory_leases).await;
                let (one, other) = ((one, shown(&file, seconds).await), (other, shown(&memory, seconds).await));
                if one != other {
                    difference = Some((operation, one, other));
                    break;
                }
            }
            file.close().await;
            difference
        });
        prop_assert!(differences.is_none(), "{differences:#?}");
    }
}
