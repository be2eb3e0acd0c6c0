//! Both stores are told the same and must show the same.

use std::time::Duration;

use autoscan_core::change::{Change, ChangeKind, Subject};
use autoscan_core::delivery::{Delivery, DeliveryState, Work};
use autoscan_core::ids::{IdSource, Ids};
use autoscan_core::path::TriggerPath;
use autoscan_core::ports::{
    Absorb, Batch, Claimed, Hold, RefusalRecord, ScanFilter, Settlement, Start, Store,
};
use autoscan_core::scan::{Quiet, ScanId, ScanState, StoredChange};
use autoscan_core::step::{Step, StepKind};
use autoscan_core::time::Timestamp;
use autoscan_store::MemoryStore;
use proptest::prelude::*;
use proptest::sample::select;
use tempfile::tempdir;

use crate::furniture::*;

const TARGETS: [&str; 3] = ["plex", "emby", "jellyfin"];
const FOLDERS: [&str; 4] = ["/tv/A", "/tv/B", "/movies", "C:\\tv"];

/// One thing done to both stores. Scans are named by number: few, so that they meet.
#[derive(Clone, Debug)]
enum Deed {
    Absorb(Vec<Absorb>, usize),
    Hold(ScanId, i64, Vec<Delivery>),
    /// Starts what is due, or tries to start it with a generation that is not true.
    Start(Vec<Delivery>, bool),
    Claim(&'static str, Work, u64, usize),
    /// Settles one of what was claimed, to be tried again or followed later or not.
    Settle(DeliveryState, bool, usize),
    Hurry(&'static str),
    Recover,
    Retry(ScanId),
    Drop(ScanId),
    Sweep(i64, usize),
    Set(&'static str, Option<String>),
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
            note: next.map(|next| format!("note {next}")),
            next_attempt_at: next.map(at),
            ..Delivery::new(name(target), at(0))
        });
    prop::collection::vec(delivery, 0..4)
}

fn scan_id() -> impl Strategy<Value = ScanId> {
    (1..8_i64).prop_map(ScanId)
}

fn work() -> impl Strategy<Value = Work> {
    select(vec![Work::Deliver, Work::Verify])
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (prop::collection::vec(one_absorb(), 0..3), 0..3_usize).prop_map(|(folders, refusals)| Deed::Absorb(folders, refusals)),
        1 => (scan_id(), 0..200_i64, deliveries()).prop_map(|(id, until, shown)| Deed::Hold(id, until, shown)),
        4 => (deliveries(), prop::bool::weighted(0.1)).prop_map(|(told, stale)| Deed::Start(told, stale)),
        6 => (select(&TARGETS[..]), work(), 0..40_u64, 1..4_usize).prop_map(|(target, work, lease, limit)| Deed::Claim(target, work, lease, limit)),
        6 => (select(&DeliveryState::ALL[..]), any::<bool>(), 0..4_usize).prop_map(|(state, again, which)| Deed::Settle(state, again, which)),
        1 => select(&TARGETS[..]).prop_map(Deed::Hurry),
        1 => Just(Deed::Recover),
        1 => scan_id().prop_map(Deed::Retry),
        1 => scan_id().prop_map(Deed::Drop),
        1 => (0..200_i64, 0..4_usize).prop_map(|(before, limit)| Deed::Sweep(before, limit)),
        1 => (select(vec!["a", "b"]), prop::option::of("[a-z]{0,3}")).prop_map(|(key, value)| Deed::Set(key, value)),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table: one arm a deed")]
/// Does it, and answers what the store answered. `leases` are the deliveries that were claimed so far.
async fn perform(store: &dyn Store, deed: Deed, seconds: i64, leases: &mut Vec<Claimed>) -> String {
    let now = at(seconds);
    match deed {
        Deed::Absorb(folders, refusals) => {
            let refused =
                RefusalRecord { trigger: name("sonarr"), reason: format!("at {seconds}"), received_at: now };
            let refusals = vec![refused; refusals];
            format!("{:?}", store.absorb(Batch { received_at: now, folders, refusals }).await)
        }
        Deed::Hold(scan, until, deliveries) => {
            let hold = Hold {
                scan,
                until: at(until),
                deliveries,
                note: Some(format!("since {seconds}")),
                steps: vec![Step::of_scan(now, StepKind::Held, "mount gone")],
            };
            format!("{:?}", store.hold(vec![hold]).await)
        }
        Deed::Start(deliveries, stale) => {
            let due = store.due(now, 2).await.unwrap();
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
        Deed::Claim(target, work, lease, limit) => {
            let lease = Duration::from_secs(lease);
            let claimed = store.claim(&name(target), work, now, lease, limit).await.unwrap();
            leases.extend(claimed.clone());
            format!("{claimed:?}")
        }
        Deed::Settle(state, again, which) => {
            if leases.is_empty() {
                return String::new();
            }
            let Claimed { scan, delivery, .. } = leases.remove(which % leases.len());
            let next_attempt_at = again.then(|| at(seconds + 10));
            let attempts = delivery.attempts + 1;
            let delivery =
                Delivery { state, attempts, next_attempt_at, sent_at: Some(now), cared: again, ..delivery };
            format!(
                "{:?}",
                store.settle(vec![Settlement { scan, steps: steps(&delivery, now), delivery }], now).await
            )
        }
        Deed::Hurry(target) => format!("{:?}", store.hurry(&name(target), now).await),
        Deed::Recover => format!("{:?}", store.recover().await),
        Deed::Retry(id) if id.0 % 2 == 0 => {
            format!("{:?}", store.retry_all(vec![id, ScanId(id.0 + 1)], now).await)
        }
        Deed::Retry(id) => format!("{:?}", store.retry(id, now).await),
        Deed::Drop(id) => format!("{:?}", store.drop_scan(id).await),
        Deed::Sweep(before, limit) => format!("{:?}", store.sweep(at(before), limit).await),
        Deed::Set(key, value) => format!("{:?}", store.set_setting(key, value).await),
    }
}

/// What a lane says of a delivery: now and then the same as before.
fn steps(delivery: &Delivery, now: Timestamp) -> Vec<Step> {
    vec![Step::at_target(now, &delivery.target, StepKind::Held, delivery.state.as_str())]
}

/// Everything that can be asked.
async fn shown(store: &dyn Store, seconds: i64) -> Vec<String> {
    let mut shown = vec![
        format!("{:?}", store.due(at(seconds), 3).await),
        format!("{:?}", store.next_due().await),
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
        ScanFilter { text: Some("a/2".into()), state: Some(ScanState::Waiting), ..filter },
    ] {
        shown.push(format!("{:?}", store.list(filter).await));
    }
    shown
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_stores_show_the_same_whatever_happens(
        deeds in prop::collection::vec((deed(), 0..20_i64), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let differences = runtime.block_on(async {
            let folder = tempdir().unwrap();
            let (file, memory) = (open(&folder.path().join("autoscan.db")), MemoryStore::new());
            let (mut file_leases, mut memory_leases) = (vec![], vec![]);
            let mut seconds = 0;
            let mut difference = None;
            for (deed, pause) in deeds {
                seconds += pause;
                let one = perform(&file, deed.clone(), seconds, &mut file_leases).await;
                let other = perform(&memory, deed.clone(), seconds, &mut memory_leases).await;
                let (one, other) = ((one, shown(&file, seconds).await), (other, shown(&memory, seconds).await));
                if one != other {
                    difference = Some((deed, one, other));
                    break;
                }
            }
            file.close().await;
            difference
        });
        prop_assert!(differences.is_none(), "{differences:#?}");
    }
}
