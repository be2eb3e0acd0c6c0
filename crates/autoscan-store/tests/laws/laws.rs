//! The laws of a queue. Each holds for every store.

use std::time::Duration;

use autoscan_core::change::{Change, ChangeKind, Subject};
use autoscan_core::delivery::{Delivery, DeliveryState, Work};
use autoscan_core::ids::{IdSource, Ids};
use autoscan_core::path::{MAX_LENGTH, TriggerPath};
use autoscan_core::ports::{
    Absorb, Batch, Hold, RefusalRecord, ScanFilter, Settlement, Start, Stats, Store, StoreError,
};
use autoscan_core::scan::{Quiet, ScanId, ScanState, StoredChange};
use autoscan_core::step::{MOST_STEPS, Step, StepKind};
use autoscan_core::time::Timestamp;

use crate::furniture::*;

/// Writes each law as a test of each store.
macro_rules! laws {
    ($(async fn $law:ident($store:ident: &dyn Store) $body:block)*) => {
        $(async fn $law($store: &dyn Store) $body)*

        laws!(@for memory: $($law)*);
        laws!(@for sqlite: $($law)*);
        laws!(@for sqlite_without_log: $($law)*);
    };
    (@for $kind:ident: $($law:ident)*) => {
        mod $kind {
            $(#[tokio::test]
            async fn $law() {
                let furnished = crate::furniture::$kind();
                super::$law(&*furnished.store).await;
            })*
        }
    };
}

const LEASE: Duration = Duration::from_mins(1);

fn everything() -> ScanFilter {
    ScanFilter { limit: 100, ..ScanFilter::default() }
}

async fn listed(store: &dyn Store, filter: ScanFilter) -> Vec<ScanId> {
    store.list(filter).await.unwrap().scans.into_iter().map(|scan| scan.id).collect()
}

async fn claimed(store: &dyn Store, target: &str, seconds: i64) -> Vec<ScanId> {
    let claimed = store.claim(&name(target), Work::Deliver, at(seconds), LEASE, 100).await.unwrap();
    claimed.into_iter().map(|claimed| claimed.scan).collect()
}

async fn followed(store: &dyn Store, target: &str, seconds: i64) -> Vec<ScanId> {
    let claimed = store.claim(&name(target), Work::Verify, at(seconds), LEASE, 100).await.unwrap();
    claimed.into_iter().map(|claimed| claimed.scan).collect()
}

async fn next_follow(store: &dyn Store, target: &str) -> Option<Timestamp> {
    store.next_attempt(&name(target), Work::Verify).await.unwrap()
}

/// Settles what was claimed to be followed: it is seen, and cared for at `next`, if ever.
async fn is_seen(store: &dyn Store, id: ScanId, target: &str, seconds: i64, next: Option<i64>) {
    let claimed = store.claim(&name(target), Work::Verify, at(seconds), LEASE, 100).await.unwrap();
    let claimed = claimed.into_iter().find(|claimed| claimed.scan == id).expect("it can be followed");
    let seen = Delivery {
        state: DeliveryState::Seen,
        seen_at: Some(at(seconds)),
        next_attempt_at: next.map(at),
        ..claimed.delivery
    };
    store.settle(vec![Settlement { scan: id, delivery: seen, steps: vec![] }], at(seconds)).await.unwrap();
}

fn step(seconds: i64, target: Option<&str>, kind: StepKind, text: &str) -> Step {
    Step { at: at(seconds), target: target.map(name), kind, text: text.into() }
}

/// Plex sees a running scan, which so comes to its end.
async fn settles_with(store: &dyn Store, id: ScanId, now: Timestamp, steps: Vec<Step>) {
    let mut claimed = store.claim(&name("plex"), Work::Deliver, now, LEASE, 9).await.unwrap();
    let delivery = claimed.remove(0).delivery;
    let seen = Delivery { state: DeliveryState::Seen, next_attempt_at: None, ..delivery };
    store.settle(vec![Settlement { scan: id, delivery: seen, steps }], now).await.unwrap();
}

async fn due(store: &dyn Store, seconds: i64) -> Vec<ScanId> {
    store.due(at(seconds), 100).await.unwrap().into_iter().map(|scan| scan.id).collect()
}

fn hold(scan: ScanId, seconds: i64) -> Hold {
    Hold { scan, until: at(seconds), deliveries: vec![], note: None, steps: vec![] }
}

laws! {
    async fn one_folder_is_one_scan(store: &dyn Store) {
        let first = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        let second = arrives(store, "/tv/A", "2.mkv", at(5)).await;
        let other = arrives(store, "/tv/B", "1.mkv", at(5)).await;
        assert_eq!(first, second);
        assert_ne!(first, other);
        let scan = show(store, first).await;
        assert_eq!((scan.state, scan.first_seen, scan.due_at), (ScanState::Waiting, at(0), at(15)));
        assert_eq!(store.stats().await.unwrap(), Stats { waiting: 2, ..Stats::default() });
    }

    async fn folders_are_told_apart_by_every_byte(store: &dyn Store) {
        let mut scans = vec![];
        for folder in ["/tv/a", "/tv/A", "/tv/é", "/tv/e\u{301}", "/tv/a ", "C:\\tv\\a", "\\\\nas\\tv\\"] {
            let change = stored(Change::rescan(path(folder)), at(0));
            let receipt = store.absorb(batch(at(0), vec![absorb(folder, vec![change])])).await.unwrap();
            assert_eq!(show(store, receipt.scans[0]).await.folder, path(folder));
            scans.extend(receipt.scans);
        }
        scans.dedup();
        assert_eq!(scans.len(), 7);
    }

    async fn a_season_of_500_episodes_is_one_scan_in_the_order_of_coming(store: &dyn Store) {
        let mut ids = vec![];
        for episode in 0..500 {
            ids.push(arrives(store, "/tv/Show/S01", &format!("{}.mkv", 999 - episode), at(1)).await);
        }
        ids.dedup();
        let [id] = ids[..] else { panic!("{ids:?}") };
        let scan = show(store, id).await;
        let files: Vec<_> =
            scan.changes.iter().map(|kept| kept.change.path.0.file_name().unwrap().to_owned()).collect();
        let expected: Vec<_> = (0..500).map(|episode| format!("{}.mkv", 999 - episode)).collect();
        assert_eq!(files, expected);
        assert_eq!(scan.generation, 500);
    }

    async fn a_batch_is_answered_folder_by_folder(store: &dyn Store) {
        let known = arrives(store, "/tv/B", "1.mkv", at(0)).await;
        let folders = ["/tv/A", "/tv/B", "/tv/A"]
            .map(|folder| absorb(folder, vec![created(&format!("{folder}/2.mkv"), at(1))]));
        let receipt = store.absorb(batch(at(1), folders.to_vec())).await.unwrap();
        assert_eq!(receipt.scans[1], known);
        assert_eq!(receipt.scans[0], receipt.scans[2]);
        assert_eq!(show(store, receipt.scans[0]).await.changes.len(), 1);
    }

    async fn a_change_after_the_start_makes_a_new_scan(store: &dyn Store) {
        let first = runs(store, "/tv/A", &["plex"], at(0)).await;
        let second = arrives(store, "/tv/A", "2.mkv", at(1)).await;
        assert_ne!(first, second);
        assert_eq!(show(store, first).await.changes.len(), 1);
        assert_eq!(show(store, second).await.changes.len(), 1);
        let third = arrives(store, "/tv/A", "3.mkv", at(2)).await;
        assert_eq!(second, third);
    }

    async fn a_start_is_refused_when_the_scan_changed_since(store: &dyn Store) {
        let id = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        let start = start_of(store, id, &["plex"], at(20)).await;
        arrives(store, "/tv/A", "2.mkv", at(20)).await;
        assert_eq!(store.start(vec![start], at(20)).await.unwrap(), []);
        assert_eq!(show(store, id).await.state, ScanState::Waiting);
        assert_eq!(claimed(store, "plex", 20).await, []);
        let again = start_of(store, id, &["plex"], at(21)).await;
        assert_eq!(store.start(vec![again.clone()], at(21)).await.unwrap(), [id]);
        assert_eq!(store.start(vec![again], at(21)).await.unwrap(), [], "it runs already");
    }

    async fn nobody_starts_a_scan_that_is_not_there(store: &dyn Store) {
        let start =
            Start { scan: ScanId(7), generation: 0, tell: path("/tv"), deliveries: vec![], note: None, steps: vec![] };
        assert_eq!(store.start(vec![start], at(0)).await.unwrap(), []);
        store.hold(vec![hold(ScanId(7), 5)]).await.unwrap();
        assert_eq!(store.retry(ScanId(7), at(0)).await.unwrap(), None);
        assert!(!store.drop_scan(ScanId(7)).await.unwrap());
    }

    async fn a_busy_folder_is_due_after_the_maximum_wait(store: &dyn Store) {
        for second in 0..150 {
            arrives(store, "/tv/A", "1.mkv", at(second)).await;
        }
        assert_eq!(store.next_due().await.unwrap(), Some(at(120)));
        assert_eq!(due(store, 119).await, []);
        assert_eq!(due(store, 120).await.len(), 1);
    }

    async fn the_next_due_moment_is_the_earliest_of_every_priority(store: &dyn Store) {
        assert_eq!(store.next_due().await.unwrap(), None);
        for (folder, priority, second) in [("/a", 5, 30), ("/b", 0, 10), ("/c", i64::MIN, 20), ("/d", i64::MAX, 40)] {
            let absorb = Absorb { priority, ..absorb(folder, vec![created("/a/1.mkv", at(second))]) };
            store.absorb(batch(at(second), vec![absorb])).await.unwrap();
        }
        assert_eq!(store.next_due().await.unwrap(), Some(at(20)));
        assert_eq!(due(store, 1000).await.len(), 4);
    }

    async fn what_is_due_comes_by_priority_and_then_by_how_long(store: &dyn Store) {
        let mut ids = vec![];
        for (folder, priority, second) in [("/a", 0, 1), ("/b", 5, 2), ("/c", 0, 0), ("/d", 5, 1), ("/e", -3, 0)] {
            let absorb = Absorb { priority, ..absorb(folder, vec![created("/a/1.mkv", at(second))]) };
            ids.extend(store.absorb(batch(at(second), vec![absorb])).await.unwrap().scans);
        }
        let in_order = |places: &[usize]| places.iter().map(|place| ids[*place]).collect::<Vec<_>>();
        assert_eq!(due(store, 60).await, in_order(&[3, 1, 2, 0, 4]));
        assert_eq!(due(store, 11).await, in_order(&[3, 2, 0, 4]));
        let first: Vec<_> = store.due(at(60), 3).await.unwrap().into_iter().map(|scan| scan.id).collect();
        assert_eq!(first, in_order(&[3, 1, 2]));
    }

    async fn a_waiting_scan_keeps_the_highest_priority(store: &dyn Store) {
        for (given, kept) in [(2, 2), (7, 7), (-1, 7)] {
            let absorb = Absorb { priority: given, ..absorb("/tv/A", vec![]) };
            let receipt = store.absorb(batch(at(0), vec![absorb])).await.unwrap();
            assert_eq!(show(store, receipt.scans[0]).await.priority, kept);
        }
    }

    async fn a_hold_keeps_a_scan_back_whatever_comes_in(store: &dyn Store) {
        let id = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        let held = Delivery { state: DeliveryState::Held, error: Some("mount gone".into()), ..Delivery::new(name("plex"), at(0)) };
        let note = Some("waits for the mount".to_owned());
        store.hold(vec![Hold { scan: id, until: at(300), deliveries: vec![held.clone()], note: note.clone(), steps: vec![] }]).await.unwrap();
        arrives(store, "/tv/A", "2.mkv", at(30)).await;
        let scan = show(store, id).await;
        assert_eq!((scan.due_at, &scan.note, &scan.deliveries), (at(300), &note, &vec![held]));
        assert_eq!(scan.changes.len(), 2);
        assert_eq!(store.next_due().await.unwrap(), Some(at(300)));
        assert_eq!(due(store, 299).await, []);
        assert_eq!(due(store, 300).await, [id]);
        store.hold(vec![hold(id, 310)]).await.unwrap();
        let scan = show(store, id).await;
        assert_eq!((scan.due_at, scan.note, scan.deliveries), (at(310), None, vec![]));
    }

    async fn a_folder_that_stays_busy_after_a_hold_is_due_by_the_rule_again(store: &dyn Store) {
        let id = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        store.hold(vec![hold(id, 30)]).await.unwrap();
        arrives(store, "/tv/A", "2.mkv", at(40)).await;
        assert_eq!(show(store, id).await.due_at, at(50));
        arrives(store, "/tv/A", "3.mkv", at(119)).await;
        assert_eq!(show(store, id).await.due_at, at(120));
    }

    async fn a_hold_leaves_a_started_scan_alone(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["plex"], at(0)).await;
        let before = show(store, id).await;
        store.hold(vec![hold(id, 300)]).await.unwrap();
        assert_eq!(show(store, id).await, before);
        assert_eq!(claimed(store, "plex", 1).await, [id]);
    }

    async fn what_a_waiting_scan_shows_as_delivery_cannot_be_claimed(store: &dyn Store) {
        let id = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        let shown = Delivery::new(name("plex"), at(0));
        store.hold(vec![Hold { deliveries: vec![shown], ..hold(id, 1) }]).await.unwrap();
        assert_eq!(claimed(store, "plex", 1000).await, []);
        assert_eq!(store.next_attempt(&name("plex"), Work::Deliver).await.unwrap(), None);
        let start = start_of(store, id, &["emby"], at(1)).await;
        store.start(vec![start], at(1)).await.unwrap();
        assert_eq!(claimed(store, "plex", 1000).await, [], "the start replaced it");
        assert_eq!(claimed(store, "emby", 1000).await, [id]);
    }

    async fn what_a_scan_remembers_of_a_path_is_its_outcome(store: &dyn Store) {
        for (place, known) in ChangeKind::ALL.into_iter().enumerate() {
            for (other, later) in ChangeKind::ALL.into_iter().enumerate() {
                let folder = format!("/tv/{place}/{other}");
                let of = |kind, seconds| {
                    let change = Change { kind, ..Change::created(path(&format!("{folder}/a.mkv"))) };
                    absorb(&folder, vec![stored(change, at(seconds))])
                };
                store.absorb(batch(at(0), vec![of(known, 0)])).await.unwrap();
                let receipt = store.absorb(batch(at(1), vec![of(later, 1)])).await.unwrap();
                let changes = show(store, receipt.scans[0]).await.changes;
                assert_eq!(changes.len(), 1);
                assert_eq!(changes[0].change.kind, known.followed_by(later), "{known:?} then {later:?}");
                assert_eq!(changes[0].received_at, at(1));
            }
        }
    }

    async fn a_path_keeps_one_entry_at_its_first_place(store: &dyn Store) {
        let first = vec![created("/tv/A/1.mkv", at(0)), created("/tv/A/2.mkv", at(0))];
        let later = Change { subject: Subject::Folder, awaited: false, ..Change::modified(path("/tv/A/1.mkv")) };
        let later = StoredChange { trigger: name("radarr"), ..stored(later, at(3)) };
        store.absorb(batch(at(0), vec![absorb("/tv/A", first)])).await.unwrap();
        let receipt = store
            .absorb(batch(at(3), vec![absorb("/tv/A", vec![later, created("/tv/A/0.mkv", at(3))])]))
            .await
            .unwrap();
        let scan = show(store, receipt.scans[0]).await;
        let files: Vec<_> = scan.changes.iter().map(|kept| kept.change.path.as_str()).collect();
        assert_eq!(files, ["/tv/A/1.mkv", "/tv/A/2.mkv", "/tv/A/0.mkv"]);
        let merged = &scan.changes[0];
        assert_eq!((merged.trigger.as_str(), merged.received_at), ("radarr", at(3)));
        assert_eq!((merged.change.subject, merged.change.awaited), (Subject::Folder, false));
        assert_eq!((merged.change.kind, scan.generation), (ChangeKind::Created, 4));
    }

    async fn a_path_twice_in_one_batch_is_merged_too(store: &dyn Store) {
        let changes = vec![
            created("/tv/A/1.mkv", at(0)),
            stored(Change::deleted(path("/tv/A/1.mkv")), at(0)),
        ];
        let receipt = store.absorb(batch(at(0), vec![absorb("/tv/A", changes)])).await.unwrap();
        let scan = show(store, receipt.scans[0]).await;
        assert_eq!(scan.changes.len(), 1);
        assert_eq!(scan.changes[0].change, Change::deleted(path("/tv/A/1.mkv")));
    }

    async fn the_old_name_of_a_move_is_known_as_long_as_the_path_counts_as_moved(store: &dyn Store) {
        let moved = |from: &str| Change::moved(path(from), path("/tv/A/new.mkv"));
        let new = path("/tv/A/new.mkv");
        for (place, later, from) in [
            (0, Change::modified(new.clone()), Some("/tv/A/old.mkv")),
            (1, moved("/tv/A/older.mkv"), Some("/tv/A/older.mkv")),
            (2, Change::deleted(new.clone()), None),
            (3, Change::created(new.clone()), None),
        ] {
            let folder = format!("/tv/{place}");
            let changes = [moved("/tv/A/old.mkv"), later].map(|change| stored(change, at(0)));
            let receipt = store.absorb(batch(at(0), vec![absorb(&folder, changes.to_vec())])).await.unwrap();
            let scan = show(store, receipt.scans[0]).await;
            assert_eq!(scan.changes[0].change.from, from.map(path), "{place}");
        }
    }

    async fn targets_are_united_and_none_means_all(store: &dyn Store) {
        let names = |targets: Option<&[&str]>| targets.map(|targets| targets.iter().map(|t| name(t)).collect::<Vec<_>>());
        for (place, known, later, kept) in [
            (0, Some(&["plex"][..]), Some(&["emby", "plex"][..]), Some(&["plex", "emby"][..])),
            (1, Some(&["plex"]), None, None),
            (2, None, Some(&["plex"]), None),
            (3, Some(&[]), Some(&["plex"]), Some(&["plex"])),
            (4, Some(&[]), Some(&[]), Some(&[])),
        ] {
            let folder = format!("/tv/{place}");
            let of = |targets| StoredChange { targets: names(targets), ..created("/tv/a.mkv", at(0)) };
            let receipt =
                store.absorb(batch(at(0), vec![absorb(&folder, vec![of(known), of(later)])])).await.unwrap();
            assert_eq!(show(store, receipt.scans[0]).await.changes[0].targets, names(kept), "{place}");
        }
    }

    async fn a_path_that_no_system_accepts_is_refused_whole(store: &dyn Store) {
        let names = vec!["x".repeat(200); MAX_LENGTH / 200 + 1];
        let long = autoscan_core::path::LocalPath(path("/tv").0.join(names.iter().map(String::as_str)));
        let change = stored(Change::created(long), at(0));
        let folders = vec![absorb("/tv/A", vec![created("/tv/A/1.mkv", at(0))]), absorb("/tv/B", vec![change])];
        let refused = store.absorb(batch(at(0), folders)).await;
        assert!(matches!(refused, Err(StoreError::Broken(_))), "{refused:?}");
        assert_eq!(listed(store, everything()).await, []);
    }

    async fn a_lane_gets_what_a_target_is_told(store: &dyn Store) {
        let id = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        let start = Start {
            tell: path("/tv"),
            note: Some("the nearest folder is told".into()),
            ..start_of(store, id, &["plex", "emby"], at(20)).await
        };
        store.start(vec![start], at(20)).await.unwrap();
        let claimed = store.claim(OWNER, &name("plex"), Work::Deliver, at(20), 10).await.unwrap();
        let [claimed] = &claimed[..] else { panic!("{claimed:?}") };
        assert_eq!((claimed.scan, &claimed.folder), (id, &path("/tv")));
        assert_eq!(claimed.delivery, Delivery::new(name("plex"), at(20)));
        let scan = show(store, id).await;
        assert_eq!(claimed.changes, scan.changes);
        assert_eq!((scan.folder, scan.state), (path("/tv/A"), ScanState::Running));
        assert_eq!(scan.note.as_deref(), Some("the nearest folder is told"));
        let targets: Vec<_> = scan.deliveries.iter().map(|delivery| delivery.target.as_str()).collect();
        assert_eq!(targets, ["emby", "plex"], "by name");
    }

    async fn a_delivery_is_leased_to_one_lane_at_a_time(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["plex", "emby"], at(0)).await;
        assert_eq!(store.next_attempt(&name("plex"), Work::Deliver).await.unwrap(), Some(at(0)));
        assert_eq!(claimed(store, "plex", 1).await, [id]);
        assert_eq!(claimed(store, "plex", 1).await, []);
        assert_eq!(claimed(store, "emby", 1).await, [id], "targets are strangers");
        assert_eq!(store.next_attempt(&name("plex"), Work::Deliver).await.unwrap(), Some(at(61)), "the lease ends then");
        assert_eq!(claimed(store, "plex", 60).await, []);
        assert_eq!(claimed(store, "plex", 61).await, [id], "the lease ended");
        assert_eq!(claimed(store, "plex", 62).await, []);
    }

    async fn what_is_left_for_a_target_is_counted_by_its_work_and_no_further_than_asked(store: &dyn Store) {
        let left = async |work, most| store.backlog(&name("plex"), work, most).await.unwrap();
        arrives(store, "/tv/waits", "1.mkv", at(0)).await;
        for folder in ["/tv/A", "/tv/B", "/tv/C"] {
            runs(store, folder, &["plex", "emby"], at(0)).await;
        }
        assert_eq!((left(Work::Deliver, 10).await, left(Work::Verify, 10).await), (3, 0));
        claimed(store, "plex", 1).await;
        assert_eq!((left(Work::Deliver, 10).await, left(Work::Deliver, 2).await), (3, 2), "leased ones are not done");
        assert_eq!(store.backlog(&name("nobody"), Work::Deliver, 10).await.unwrap(), 0);
    }

    async fn recovering_ends_every_lease(store: &dyn Store) {
        let first = runs(store, "/tv/A", &["plex"], at(0)).await;
        let second = runs(store, "/tv/B", &["plex"], at(0)).await;
        claimed(store, "plex", 1).await;
        store.recover().await.unwrap();
        assert_eq!(store.next_attempt(&name("plex"), Work::Deliver).await.unwrap(), Some(at(0)));
        assert_eq!(claimed(store, "plex", 1).await, [first, second]);
    }

    async fn a_settlement_of_a_lease_that_was_ended_is_ignored(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["plex"], at(0)).await;
        let claimed = store.claim(OWNER, &name("plex"), Work::Deliver, at(1), 10).await.unwrap().remove(0);
        store.recover().await.unwrap();
        let sent = Delivery { state: DeliveryState::Sent, next_attempt_at: None, ..claimed.delivery };
        let settlement = Settlement { scan: id, delivery: sent, steps: vec![] };
        store.settle(vec![settlement.clone()], at(2)).await.unwrap();
        assert_eq!(show(store, id).await.deliveries, [Delivery::new(name("plex"), at(0))]);
        store.claim(OWNER, &name("plex"), Work::Deliver, at(3), 10).await.unwrap();
        store.settle(vec![settlement.clone()], at(4)).await.unwrap();
        assert_eq!(show(store, id).await.finished_at, Some(at(4)));
        store.settle(vec![settlement], at(5)).await.unwrap();
        assert_eq!(show(store, id).await.finished_at, Some(at(4)), "settled once");
    }

    async fn a_settlement_of_a_dropped_scan_is_ignored(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["plex"], at(0)).await;
        let claimed = store.claim(OWNER, &name("plex"), Work::Deliver, at(1), 10).await.unwrap().remove(0);
        assert!(store.drop_scan(id).await.unwrap());
        let sent = Delivery { state: DeliveryState::Sent, ..claimed.delivery };
        store.settle(vec![Settlement { scan: id, delivery: sent, steps: vec![] }], at(2)).await.unwrap();
        assert_eq!(store.show(id).await.unwrap(), None);
        assert_eq!(store.stats().await.unwrap(), Stats::default());
    }

    async fn the_next_attempt_waits_for_its_moment(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["plex"], at(0)).await;
        let claimed_one = store.claim(OWNER, &name("plex"), Work::Deliver, at(1), 10).await.unwrap().remove(0);
        let again = Delivery { attempts: 1, next_attempt_at: Some(at(30)), error: Some("404".into()), ..claimed_one.delivery };
        store.settle(vec![Settlement { scan: id, delivery: again.clone(), steps: vec![] }], at(2)).await.unwrap();
        assert_eq!(show(store, id).await.deliveries, [again]);
        assert_eq!(store.next_attempt(&name("plex"), Work::Deliver).await.unwrap(), Some(at(30)));
        assert_eq!(claimed(store, "plex", 29).await, []);
        assert_eq!(claimed(store, "plex", 30).await, [id]);
    }

    async fn claims_come_by_priority_and_then_by_age(store: &dyn Store) {
        let mut ids = vec![];
        for (folder, priority) in [("/a", 0), ("/b", 5), ("/c", 0), ("/d", 5)] {
            let absorb = Absorb { priority, ..absorb(folder, vec![created("/a/1.mkv", at(0))]) };
            ids.extend(store.absorb(batch(at(0), vec![absorb])).await.unwrap().scans);
        }
        for id in ids.iter().rev() {
            let start = start_of(store, *id, &["plex"], at(20)).await;
            store.start(vec![start], at(20)).await.unwrap();
        }
        let [a, b, c, d] = ids[..] else { panic!("{ids:?}") };
        let first = store.claim(OWNER, &name("plex"), Work::Deliver, at(20), 3).await.unwrap();
        assert_eq!(first.iter().map(|claimed| claimed.scan).collect::<Vec<_>>(), [b, d, a]);
        assert_eq!(claimed(store, "plex", 20).await, [c]);
    }

    async fn what_is_followed_is_not_told_and_what_is_told_is_not_followed(store: &dyn Store) {
        let told = runs(store, "/tv/A", &["plex"], at(0)).await;
        let sent = runs(store, "/tv/B", &["plex"], at(0)).await;
        assert_eq!(followed(store, "plex", 1).await, []);
        assert_eq!(next_follow(store, "plex").await, None);
        is_sent(store, sent, "plex", at(1), at(3)).await;
        store.recover().await.unwrap();
        assert_eq!(store.next_attempt(&name("plex"), Work::Deliver).await.unwrap(), Some(at(0)));
        assert_eq!(next_follow(store, "plex").await, Some(at(3)));
        assert_eq!(followed(store, "plex", 2).await, []);
        assert_eq!(claimed(store, "plex", 100).await, [told]);
        assert_eq!(followed(store, "emby", 100).await, [], "targets are strangers");
        assert_eq!(followed(store, "plex", 100).await, [sent]);
        assert_eq!(followed(store, "plex", 101).await, [], "it is leased");
        assert_eq!(next_follow(store, "plex").await, Some(at(160)), "the lease ends then");
        assert_eq!(followed(store, "plex", 160).await, [sent], "the lease ended");
        store.recover().await.unwrap();
        assert_eq!(next_follow(store, "plex").await, Some(at(3)));
    }

    async fn what_is_followed_comes_by_how_long_it_is_due(store: &dyn Store) {
        let mut ids = vec![];
        for (folder, priority, next) in [("/a", 9, 40), ("/b", 0, 20), ("/c", 9, 30), ("/d", 0, 30)] {
            let absorb = Absorb { priority, ..absorb(folder, vec![created("/a/1.mkv", at(0))]) };
            let id = store.absorb(batch(at(0), vec![absorb])).await.unwrap().scans[0];
            let start = start_of(store, id, &["plex"], at(1)).await;
            store.start(vec![start], at(1)).await.unwrap();
            is_sent(store, id, "plex", at(1), at(next)).await;
            ids.push(id);
        }
        let [a, b, c, d] = ids[..] else { panic!("{ids:?}") };
        let first = store.claim(OWNER, &name("plex"), Work::Verify, at(40), 3).await.unwrap();
        assert_eq!(first.iter().map(|claimed| claimed.scan).collect::<Vec<_>>(), [b, c, d]);
        assert!(first.iter().all(|claimed| claimed.first_seen == at(0)));
        assert_eq!(followed(store, "plex", 40).await, [a]);
    }

    async fn a_scan_runs_while_a_delivery_is_followed_and_is_finished_with_the_last(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["plex", "emby"], at(0)).await;
        settles(store, id, "emby", DeliveryState::Sent, at(1)).await;
        is_sent(store, id, "plex", at(1), at(3)).await;
        assert_eq!(show(store, id).await.state, ScanState::Running);
        is_seen(store, id, "plex", 4, Some(9)).await;
        let scan = show(store, id).await;
        assert_eq!((scan.state, scan.finished_at), (ScanState::Running, None), "it is cared for");
        assert_eq!(next_follow(store, "plex").await, Some(at(9)));
        is_seen(store, id, "plex", 9, None).await;
        let scan = show(store, id).await;
        assert_eq!((scan.state, scan.finished_at), (ScanState::Done, Some(at(9))));
        assert_eq!(next_follow(store, "plex").await, None);
        assert_eq!(store.stats().await.unwrap(), Stats { done: 1, ..Stats::default() });
    }

    async fn what_was_followed_can_be_told_again(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["plex"], at(0)).await;
        is_sent(store, id, "plex", at(1), at(3)).await;
        let claimed_one = store.claim(OWNER, &name("plex"), Work::Verify, at(3), 1).await.unwrap().remove(0);
        let wider = Delivery {
            state: DeliveryState::Waiting,
            widened: true,
            next_attempt_at: Some(at(4)),
            ..claimed_one.delivery
        };
        store.settle(vec![Settlement { scan: id, delivery: wider.clone(), steps: vec![] }], at(4)).await.unwrap();
        assert_eq!(followed(store, "plex", 100).await, []);
        let again = store.claim(OWNER, &name("plex"), Work::Deliver, at(4), 1).await.unwrap().remove(0);
        assert_eq!(again.delivery, wider);
    }

    async fn a_target_that_says_something_by_itself_is_asked_at_once(store: &dyn Store) {
        let [leased, soon, later, other] =
            [("/a", "plex"), ("/b", "plex"), ("/c", "plex"), ("/d", "emby")].map(|(folder, target)| async move {
                let id = runs(store, folder, &[target], at(0)).await;
                is_sent(store, id, target, at(1), at(30)).await;
                id
            });
        let (leased, soon) = (leased.await, soon.await);
        let claimed_one = store.claim(OWNER, &name("plex"), Work::Verify, at(30), 1).await.unwrap().remove(0);
        assert_eq!(claimed_one.scan, leased);
        let (later, other) = (later.await, other.await);
        let waiting = runs(store, "/e", &["plex"], at(50)).await;
        assert_eq!(store.hurry(&name("plex"), at(10)).await.unwrap(), 2);
        assert_eq!(store.hurry(&name("plex"), at(10)).await.unwrap(), 0, "they are due already");
        for (id, next) in [(leased, 30), (soon, 10), (later, 10), (other, 30), (waiting, 50)] {
            assert_eq!(show(store, id).await.deliveries[0].next_attempt_at, Some(at(next)));
        }
        assert_eq!(followed(store, "plex", 10).await, [soon, later]);
        let settlement = Settlement { scan: leased, delivery: claimed_one.delivery, steps: vec![] };
        store.settle(vec![settlement], at(31)).await.unwrap();
        assert_eq!(show(store, leased).await.deliveries[0].next_attempt_at, Some(at(30)));
        assert_eq!(store.hurry(&name("nobody"), at(10)).await.unwrap(), 0);
    }

    async fn every_column_comes_back_as_it_was_kept(store: &dyn Store) {
        let ids = Ids::default().with(IdSource::Tvdb, "81189").with(IdSource::Imdb, "tt0903747");
        let change = stored(Change::created(path("/tv/A/1.mkv")).with_ids(ids), at(0));
        let id = store.absorb(batch(at(0), vec![absorb("/tv/A", vec![change.clone()])])).await.unwrap().scans[0];
        let start = start_of(store, id, &["plex"], at(1)).await;
        store.start(vec![start], at(1)).await.unwrap();
        let claimed_one = store.claim(OWNER, &name("plex"), Work::Deliver, at(1), 1).await.unwrap().remove(0);
        assert_eq!(claimed_one.changes, [change]);
        let kept = Delivery {
            target: name("plex"),
            state: DeliveryState::Seen,
            attempts: 3,
            next_attempt_at: Some(at(60)),
            sent_at: Some(at(2)),
            seen_at: Some(at(3)),
            error: Some("the size differs".into()),
            widened: true,
            cared: true,
            note: Some("analysed".into()),
        };
        store.settle(vec![Settlement { scan: id, delivery: kept.clone(), steps: vec![] }], at(4)).await.unwrap();
        assert_eq!(show(store, id).await.deliveries, std::slice::from_ref(&kept));
        let again = store.claim(OWNER, &name("plex"), Work::Verify, at(60), 1).await.unwrap().remove(0);
        assert_eq!(again.delivery, kept);
    }

    async fn ids_are_kept_until_others_come(store: &dyn Store) {
        let of = |id: &str| Change::created(path("/tv/A/1.mkv")).with_ids(Ids::default().with(IdSource::Tvdb, id));
        for (given, kept) in [("", ""), ("1", "1"), ("", "1"), ("2", "2"), ("0", "2")] {
            let absorb = absorb("/tv/A", vec![stored(of(given), at(0))]);
            let id = store.absorb(batch(at(0), vec![absorb])).await.unwrap().scans[0];
            assert_eq!(show(store, id).await.changes[0].change, of(kept), "{given:?}");
        }
    }

    async fn a_scan_is_finished_when_nothing_is_open(store: &dyn Store) {
        use DeliveryState::{Failed, Held, Missing, Seen, Sent, Skipped, Waiting};
        for (place, plex, emby, state) in [
            (0, Sent, Seen, ScanState::Done),
            (1, Skipped, Sent, ScanState::Done),
            (2, Failed, Sent, ScanState::Attention),
            (3, Sent, Missing, ScanState::Attention),
            (4, Sent, Held, ScanState::Running),
            (5, Failed, Waiting, ScanState::Running),
        ] {
            let id = runs(store, &format!("/tv/{place}"), &["plex", "emby"], at(0)).await;
            settles(store, id, "plex", plex, at(1)).await;
            assert_eq!(show(store, id).await.state, ScanState::Running);
            settles(store, id, "emby", emby, at(2)).await;
            let scan = show(store, id).await;
            assert_eq!(scan.state, state, "{plex:?} {emby:?}");
            assert_eq!(scan.finished_at, (state != ScanState::Running).then_some(at(2)));
            store.recover().await.unwrap();
        }
        assert_eq!(store.stats().await.unwrap(), Stats { waiting: 0, running: 2, done: 2, attention: 2 });
    }

    async fn a_start_with_nothing_to_do_is_finished_at_once(store: &dyn Store) {
        for (place, state, finished) in [
            (0, None, ScanState::Done),
            (1, Some(DeliveryState::Skipped), ScanState::Done),
            (2, Some(DeliveryState::Failed), ScanState::Attention),
        ] {
            let id = arrives(store, &format!("/tv/{place}"), "1.mkv", at(0)).await;
            let deliveries = state
                .map(|state| Delivery { state, next_attempt_at: None, ..Delivery::new(name("plex"), at(0)) })
                .into_iter()
                .collect();
            let start = Start { deliveries, ..start_of(store, id, &[], at(9)).await };
            assert_eq!(store.start(vec![start], at(9)).await.unwrap(), [id]);
            let scan = show(store, id).await;
            assert_eq!((scan.state, scan.finished_at), (finished, Some(at(9))));
        }
        assert_eq!(store.stats().await.unwrap(), Stats { done: 2, attention: 1, ..Stats::default() });
    }

    async fn retrying_a_waiting_scan_makes_it_due_now(store: &dyn Store) {
        let id = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        store.hold(vec![hold(id, 1000)]).await.unwrap();
        let scan = store.retry(id, at(20)).await.unwrap().unwrap();
        assert_eq!(scan.due_at, at(20));
        assert_eq!(due(store, 20).await, [id]);
        arrives(store, "/tv/A", "2.mkv", at(20)).await;
        assert_eq!(show(store, id).await.due_at, at(30), "the hold is over");
        assert_eq!(store.retry(id, at(90)).await.unwrap().unwrap().due_at, at(30), "it waited longer already");
    }

    async fn retrying_a_started_scan_repeats_what_did_not_succeed(store: &dyn Store) {
        use DeliveryState::{Failed, Held, Missing, Seen, Sent, Skipped, Waiting};
        let states = [Failed, Held, Missing, Seen, Sent, Skipped, Waiting];
        let targets = ["a", "b", "c", "d", "e", "f", "g"];
        let id = runs(store, "/tv/A", &targets, at(0)).await;
        for (target, state) in targets.iter().zip(states) {
            settles(store, id, target, state, at(1)).await;
        }
        let before = show(store, id).await;
        let after = store.retry(id, at(9)).await.unwrap().unwrap();
        assert_eq!(after, show(store, id).await);
        for ((known, now), state) in before.deliveries.iter().zip(&after.deliveries).zip(states) {
            if matches!(state, Sent | Seen | Skipped) {
                assert_eq!(now, known);
            } else {
                assert_eq!(*now, Delivery::new(known.target.clone(), at(9)));
                assert_eq!(claimed(store, known.target.as_str(), 9).await, [id]);
            }
        }
    }

    async fn retrying_a_finished_scan_runs_it_again(store: &dyn Store) {
        let id = finishes(store, "/tv/A", DeliveryState::Failed, at(0)).await;
        assert_eq!(show(store, id).await.state, ScanState::Attention);
        let scan = store.retry(id, at(9)).await.unwrap().unwrap();
        assert_eq!((scan.state, scan.finished_at), (ScanState::Running, None));
        assert_eq!(store.stats().await.unwrap(), Stats { running: 1, ..Stats::default() });
        assert_eq!(store.sweep(at(1000), 10).await.unwrap(), 0);
        settles(store, id, "plex", DeliveryState::Sent, at(10)).await;
        assert_eq!(show(store, id).await.finished_at, Some(at(10)));
        let done = show(store, id).await;
        assert_eq!(store.retry(id, at(11)).await.unwrap(), Some(done), "nothing to repeat");
    }

    async fn retrying_tells_again_what_nobody_saw_yet(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["a", "b", "c"], at(0)).await;
        for target in ["a", "b", "c"] {
            is_sent(store, id, target, at(1), at(3)).await;
        }
        is_seen(store, id, "b", 4, Some(9)).await;
        let lost = store.claim(OWNER, &name("c"), Work::Verify, at(5), 1).await.unwrap().remove(0);
        let before = show(store, id).await;
        let after = store.retry(id, at(6)).await.unwrap().unwrap();
        assert_eq!(after.deliveries[0], Delivery::new(name("a"), at(6)));
        assert_eq!(after.deliveries[1], before.deliveries[1], "it was seen");
        assert_eq!(after.deliveries[2], Delivery::new(name("c"), at(6)));
        let missing = Delivery { state: DeliveryState::Missing, next_attempt_at: None, ..lost.delivery };
        store.settle(vec![Settlement { scan: id, delivery: missing, steps: vec![] }], at(7)).await.unwrap();
        assert_eq!(show(store, id).await, after, "the lease is over");
        assert_eq!(claimed(store, "c", 7).await, [id]);
        assert_eq!(followed(store, "a", 100).await, []);
    }

    async fn retrying_takes_a_delivery_from_its_lane(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["plex"], at(0)).await;
        let lost = store.claim(OWNER, &name("plex"), Work::Deliver, at(1), 1).await.unwrap().remove(0);
        store.retry(id, at(2)).await.unwrap();
        let failed = Delivery { state: DeliveryState::Failed, next_attempt_at: None, ..lost.delivery };
        store.settle(vec![Settlement { scan: id, delivery: failed, steps: vec![] }], at(3)).await.unwrap();
        assert_eq!(show(store, id).await.state, ScanState::Running);
        assert_eq!(claimed(store, "plex", 3).await, [id]);
    }

    async fn a_dropped_scan_is_forgotten_whatever_its_state(store: &dyn Store) {
        let waiting = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        let running = runs(store, "/tv/B", &["plex"], at(0)).await;
        let attention = finishes(store, "/tv/C", DeliveryState::Failed, at(0)).await;
        let done = finishes(store, "/tv/D", DeliveryState::Sent, at(0)).await;
        for id in [waiting, running, attention, done] {
            assert!(store.drop_scan(id).await.unwrap());
            assert!(!store.drop_scan(id).await.unwrap());
            assert_eq!(store.show(id).await.unwrap(), None);
        }
        store.recover().await.unwrap();
        assert_eq!(claimed(store, "plex", 1000).await, []);
        assert_eq!(store.next_due().await.unwrap(), None);
        assert_eq!(store.stats().await.unwrap(), Stats::default());
        assert_eq!(listed(store, everything()).await, []);
    }

    async fn a_number_is_never_given_twice(store: &dyn Store) {
        let first = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        store.drop_scan(first).await.unwrap();
        let second = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        assert!(second > first);
        assert_eq!(show(store, second).await.changes.len(), 1);
    }

    async fn a_list_shows_what_fits_newest_first(store: &dyn Store) {
        let a = finishes(store, "/tv/Alpha", DeliveryState::Failed, at(0)).await;
        let b = runs(store, "/tv/Beta", &["plex", "emby"], at(0)).await;
        let c = arrives(store, "/tv/Gamma 100%_é", "ALPHA.mkv", at(0)).await;
        let change = StoredChange { trigger: name("radarr"), ..created("/movies/D/d.mkv", at(0)) };
        let d = store.absorb(batch(at(0), vec![absorb("/movies/D", vec![change])])).await.unwrap().scans[0];
        let text = |text: &str| ScanFilter { text: Some(text.into()), ..everything() };
        let state = |state| ScanFilter { state: Some(state), ..everything() };
        for (filter, fits) in [
            (everything(), vec![d, c, b, a]),
            (state(ScanState::Waiting), vec![d, c]),
            (state(ScanState::Running), vec![b]),
            (state(ScanState::Attention), vec![a]),
            (state(ScanState::Done), vec![]),
            (ScanFilter { target: Some(name("plex")), ..everything() }, vec![b, a]),
            (ScanFilter { target: Some(name("emby")), ..everything() }, vec![b]),
            (ScanFilter { target: Some(name("PLEX")), ..everything() }, vec![]),
            (ScanFilter { trigger: Some(name("radarr")), ..everything() }, vec![d]),
            (text("alpha"), vec![c, a]),
            (text("0%_É"), vec![]),
            (text("0%_é"), vec![c]),
            (text("%"), vec![c]),
            (text("/TV/"), vec![c, b, a]),
            (text(""), vec![d, c, b, a]),
            (ScanFilter { state: Some(ScanState::Waiting), trigger: Some(name("sonarr")), ..text("GAMMA") }, vec![c]),
            (ScanFilter { before: Some(b), ..everything() }, vec![a]),
            (ScanFilter { before: Some(d), ..state(ScanState::Waiting) }, vec![c]),
            (ScanFilter { limit: 0, ..everything() }, vec![]),
        ] {
            assert_eq!(listed(store, filter.clone()).await, fits, "{filter:?}");
        }
        let whole = store.list(everything()).await.unwrap().scans.remove(3);
        assert_eq!(whole, show(store, a).await);
        assert_eq!((whole.changes.len(), whole.deliveries.len()), (1, 1));
    }

    async fn paging_visits_every_scan_once(store: &dyn Store) {
        let mut ids = vec![];
        for folder in 0..25 {
            ids.push(arrives(store, &format!("/tv/{folder}"), "1.mkv", at(0)).await);
        }
        ids.reverse();
        for state in [None, Some(ScanState::Waiting)] {
            for (limit, pages) in [(1, 25), (5, 5), (7, 4), (25, 1), (100, 1)] {
                let mut filter = ScanFilter { state, limit, ..ScanFilter::default() };
                let mut seen = vec![];
                let mut asked = 0;
                loop {
                    let page = store.list(filter.clone()).await.unwrap();
                    asked += 1;
                    assert!(page.scans.len() <= limit);
                    seen.extend(page.scans.iter().map(|scan| scan.id));
                    filter.before = page.next;
                    if page.next.is_none() {
                        break;
                    }
                }
                assert_eq!((&seen, asked), (&ids, pages), "{limit} a page");
            }
        }
    }

    async fn sweeping_takes_the_oldest_finished_in_small_batches(store: &dyn Store) {
        let mut finished = vec![];
        for second in 0..5 {
            let state = if second % 2 == 0 { DeliveryState::Sent } else { DeliveryState::Failed };
            finished.push(finishes(store, &format!("/tv/{second}"), state, at(second)).await);
        }
        let waiting = arrives(store, "/tv/waits", "1.mkv", at(0)).await;
        let running = runs(store, "/tv/runs", &["emby"], at(0)).await;
        assert_eq!(store.sweep(at(4), 3).await.unwrap(), 3);
        assert_eq!(listed(store, everything()).await, [running, waiting, finished[4], finished[3]]);
        assert_eq!(store.sweep(at(4), 3).await.unwrap(), 1);
        assert_eq!(store.sweep(at(4), 3).await.unwrap(), 0);
        assert_eq!(listed(store, everything()).await, [running, waiting, finished[4]]);
        assert_eq!(store.stats().await.unwrap(), Stats { waiting: 1, running: 1, done: 1, attention: 0 });
    }

    async fn settings_are_kept_and_forgotten(store: &dyn Store) {
        assert_eq!(store.setting("pause").await.unwrap(), None);
        store.set_setting("pause", Some("plex".into())).await.unwrap();
        store.set_setting("other", Some(String::new())).await.unwrap();
        store.set_setting("pause", Some("emby".into())).await.unwrap();
        assert_eq!(store.setting("pause").await.unwrap().as_deref(), Some("emby"));
        assert_eq!(store.setting("other").await.unwrap().as_deref(), Some(""));
        store.set_setting("pause", None).await.unwrap();
        store.set_setting("never", None).await.unwrap();
        assert_eq!(store.setting("pause").await.unwrap(), None);
    }

    async fn the_last_thousand_refusals_are_kept(store: &dyn Store) {
        for hundred in 0..11 {
            let refusals = (0..100)
                .map(|one| RefusalRecord {
                    trigger: name("sonarr"),
                    reason: format!("refusal {}", hundred * 100 + one),
                    received_at: at(hundred),
                })
                .collect();
            store.absorb(Batch { received_at: at(hundred), folders: vec![], refusals }).await.unwrap();
        }
        let kept = store.refusals(5000).await.unwrap();
        assert_eq!(kept.len(), 1000);
        assert_eq!((kept[0].reason.as_str(), kept[0].received_at), ("refusal 1099", at(10)));
        assert_eq!(kept[999].reason, "refusal 100");
        assert_eq!(store.refusals(2).await.unwrap(), kept[..2]);
    }

    async fn a_wait_without_end_is_no_trouble(store: &dyn Store) {
        let quiet = Quiet { minimum_age: Duration::MAX, maximum_wait: Duration::MAX };
        let absorb = Absorb { quiet, ..absorb("/tv/A", vec![created("/tv/A/1.mkv", at(0))]) };
        let id = store.absorb(batch(at(0), vec![absorb])).await.unwrap().scans[0];
        assert_eq!(due(store, 1_000_000).await, []);
        store.retry(id, at(5)).await.unwrap();
        let start = start_of(store, id, &["plex"], at(5)).await;
        store.start(vec![start], at(5)).await.unwrap();
        assert_eq!(store.claim(&name("plex"), Work::Deliver, at(5), Duration::MAX, 1).await.unwrap().len(), 1);
        assert_eq!(claimed(store, "plex", 1_000_000).await, []);
    }

    async fn a_store_that_works_is_ready(store: &dyn Store) {
        store.ready().await.unwrap();
        store.ready().await.unwrap();
    }

    async fn a_scan_remembers_how_it_came_where_it_is(store: &dyn Store) {
        let id = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        let held = step(1, None, StepKind::Held, "mount gone");
        store.hold(vec![Hold { steps: vec![held.clone()], ..hold(id, 2) }]).await.unwrap();
        let begun = step(3, None, StepKind::Started, "");
        let stale = Start { generation: 7, steps: vec![begun.clone()], ..start_of(store, id, &["plex"], at(3)).await };
        store.start(vec![stale], at(3)).await.unwrap();
        assert_eq!(store.steps(id).await.unwrap(), std::slice::from_ref(&held));
        let start = Start { steps: vec![begun.clone()], ..start_of(store, id, &["plex"], at(3)).await };
        store.start(vec![start], at(3)).await.unwrap();
        let sent = step(4, Some("plex"), StepKind::Sent, "told of /tv/A");
        let mut claimed = store.claim(OWNER, &name("plex"), Work::Deliver, at(4), 9).await.unwrap();
        let failed = Delivery { state: DeliveryState::Failed, next_attempt_at: None, ..claimed.remove(0).delivery };
        let settlement = Settlement { scan: id, delivery: failed, steps: vec![sent.clone()] };
        let finished = store.settle(vec![settlement.clone()], at(4)).await.unwrap();
        assert_eq!(finished, [(id, ScanState::Attention)]);
        // What is not leased any more leaves no trace.
        assert_eq!(store.settle(vec![settlement], at(4)).await.unwrap(), []);
        store.retry(id, at(5)).await.unwrap();
        let retried = step(5, None, StepKind::Retried, "");
        assert_eq!(store.steps(id).await.unwrap(), [held, begun, sent, retried]);

        assert!(store.drop_scan(id).await.unwrap());
        assert_eq!(store.steps(id).await.unwrap(), []);
    }

    async fn the_steps_of_a_swept_scan_are_gone_with_it(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["plex"], at(0)).await;
        settles_with(store, id, at(1), vec![step(1, Some("plex"), StepKind::Sent, "x")]).await;
        assert_eq!(store.steps(id).await.unwrap().len(), 1);
        assert_eq!(store.sweep(at(2), 10).await.unwrap(), 1);
        assert_eq!(store.steps(id).await.unwrap(), []);
    }

    async fn a_step_that_says_the_same_as_the_one_before_it_at_its_target_is_not_kept(store: &dyn Store) {
        let id = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        let plex = |seconds, text| step(seconds, Some("plex"), StepKind::Held, text);
        let emby = step(2, Some("emby"), StepKind::Held, "away");
        let whole = step(3, None, StepKind::Held, "away");
        let steps =
            vec![plex(1, "away"), emby.clone(), plex(2, "away"), whole.clone(), plex(4, "busy"), plex(5, "away")];
        for steps in [steps, vec![plex(6, "away"), emby.clone()]] {
            store.hold(vec![Hold { steps, ..hold(id, 2) }]).await.unwrap();
        }
        let kept = [plex(1, "away"), emby, whole, plex(4, "busy"), plex(5, "away")];
        assert_eq!(store.steps(id).await.unwrap(), kept);
    }

    async fn of_too_many_steps_the_middle_is_left_out_and_said(store: &dyn Store) {
        let id = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        let number = |number: i64| step(number, Some("plex"), StepKind::Waiting, &number.to_string());
        for first in (0..1000).step_by(100) {
            let steps = (first..first + 100).map(number).collect();
            store.hold(vec![Hold { steps, ..hold(id, 2) }]).await.unwrap();
        }
        let steps = store.steps(id).await.unwrap();
        let half = MOST_STEPS / 2;
        assert_eq!(steps.len(), MOST_STEPS + 1);
        assert_eq!((&steps[half - 1], &steps[half + 1]), (&number(99), &number(900)));
        assert_eq!((steps[half].kind, steps[half].text.as_str()), (StepKind::LeftOut, "800 steps are left out here"));
        assert_eq!(steps.last(), Some(&number(999)));
    }

    async fn many_scans_are_tried_again_together(store: &dyn Store) {
        let failed = finishes(store, "/tv/A", DeliveryState::Failed, at(0)).await;
        let missing = finishes(store, "/tv/B", DeliveryState::Missing, at(0)).await;
        let seen = finishes(store, "/tv/C", DeliveryState::Seen, at(0)).await;
        let ids = vec![failed, ScanId(77), missing, seen];
        assert_eq!(store.retry_all(ids, at(5)).await.unwrap(), [failed, missing, seen]);
        assert_eq!(claimed(store, "plex", 5).await, [failed, missing]);
        let stats = store.stats().await.unwrap();
        assert_eq!((stats.running, stats.attention, stats.done), (2, 0, 1));
        assert_eq!(store.retry_all(vec![], at(5)).await.unwrap(), []);
    }

    async fn the_path_is_kept_as_it_was_sent_last(store: &dyn Store) {
        let sent = |path: &str| Some(TriggerPath::parse(path).unwrap());
        for path in [sent("C:\\tv\\a.mkv"), None, sent("/data/tv/a.mkv")] {
            let change = StoredChange { sent_path: path.clone(), ..created("/tv/A/a.mkv", at(0)) };
            let id = store.absorb(batch(at(0), vec![absorb("/tv/A", vec![change])])).await.unwrap().scans[0];
            let scan = show(store, id).await;
            assert_eq!((&scan.changes[0].sent_path, scan.changes.len()), (&path, 1));
        }
    }

    async fn scans_are_found_by_the_reason_of_a_delivery(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["plex"], at(0)).await;
        let mut claimed = store.claim(OWNER, &name("plex"), Work::Deliver, at(1), 9).await.unwrap();
        let error = Some("404 from Plex".to_owned());
        let delivery =
            Delivery { state: DeliveryState::Failed, next_attempt_at: None, error, ..claimed.remove(0).delivery };
        store.settle(vec![Settlement { scan: id, delivery, steps: vec![] }], at(1)).await.unwrap();
        finishes(store, "/tv/B", DeliveryState::Failed, at(2)).await;
        let because = |reason: &str| ScanFilter { reason: Some(reason.into()), ..everything() };
        assert_eq!(listed(store, because("404 FROM")).await, [id]);
        assert_eq!(listed(store, because("405")).await, []);
        let other = ScanFilter { state: Some(ScanState::Done), ..because("404 from") };
        assert_eq!(listed(store, other).await, []);
    }
}
