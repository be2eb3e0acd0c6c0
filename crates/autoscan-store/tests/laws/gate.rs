//! What is due, held and started. Each law holds for every store.

use autoscan_core::delivery::{Delivery, DeliveryState, Work};
use autoscan_core::ports::{Absorb, Hold, HoldUntil, Start, Stats, Store};
use autoscan_core::scan::{ScanId, ScanState};

use crate::harness::*;

/// Keeps the scan back, as it is now, until this prefix is released.
async fn held_for(store: &dyn Store, id: ScanId, prefix: &str) -> Hold {
    Hold { until: HoldUntil::Released(path(prefix)), ..hold(store, id, 0).await }
}

laws! {
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
        store.hold(vec![Hold { scan: ScanId(7), generation: 0, until: HoldUntil::Time(at(5)), deliveries: vec![], note: None, steps: vec![] }]).await.unwrap();
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
            store.absorb(batch(at(second), vec![absorb]).into()).await.unwrap();
        }
        assert_eq!(store.next_due().await.unwrap(), Some(at(20)));
        assert_eq!(due(store, 1000).await.len(), 4);
    }

    async fn what_is_due_comes_by_priority_and_then_by_how_long(store: &dyn Store) {
        let mut ids = vec![];
        for (folder, priority, second) in [("/a", 0, 1), ("/b", 5, 2), ("/c", 0, 0), ("/d", 5, 1), ("/e", -3, 0)] {
            let absorb = Absorb { priority, ..absorb(folder, vec![created("/a/1.mkv", at(second))]) };
            ids.extend(store.absorb(batch(at(second), vec![absorb]).into()).await.unwrap().scans);
        }
        let in_order = |places: &[usize]| places.iter().map(|place| ids[*place]).collect::<Vec<_>>();
        assert_eq!(due(store, 60).await, in_order(&[3, 1, 2, 0, 4]));
        assert_eq!(due(store, 11).await, in_order(&[3, 2, 0, 4]));
        let first: Vec<_> = store.due(at(60), 3, vec![]).await.unwrap().into_iter().map(|scan| scan.id).collect();
        assert_eq!(first, in_order(&[3, 1, 2]));
    }

    async fn a_hold_keeps_a_scan_back_whatever_comes_in(store: &dyn Store) {
        let id = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        let held = Delivery { state: DeliveryState::Held, error: Some("mount gone".into()), ..Delivery::new(name("plex"), at(0)) };
        let note = Some("waits for the mount".to_owned());
        store.hold(vec![Hold { deliveries: vec![held.clone()], note: note.clone(), ..hold(store, id, 300).await }]).await.unwrap();
        arrives(store, "/tv/A", "2.mkv", at(30)).await;
        let scan = show(store, id).await;
        assert_eq!((scan.due_at, &scan.note, &scan.deliveries), (at(300), &note, &vec![held]));
        assert_eq!(scan.changes.len(), 2);
        assert_eq!(store.next_due().await.unwrap(), Some(at(300)));
        assert_eq!(due(store, 299).await, []);
        assert_eq!(due(store, 300).await, [id]);
        store.hold(vec![hold(store, id, 310).await]).await.unwrap();
        let scan = show(store, id).await;
        assert_eq!((scan.due_at, scan.note, scan.deliveries), (at(310), None, vec![]));
    }

    async fn a_folder_that_stays_busy_after_a_hold_is_due_by_the_rule_again(store: &dyn Store) {
        let id = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        store.hold(vec![hold(store, id, 30).await]).await.unwrap();
        arrives(store, "/tv/A", "2.mkv", at(40)).await;
        assert_eq!(show(store, id).await.due_at, at(50));
        arrives(store, "/tv/A", "3.mkv", at(119)).await;
        assert_eq!(show(store, id).await.due_at, at(120));
    }

    async fn a_hold_leaves_a_started_scan_alone(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["plex"], at(0)).await;
        let before = show(store, id).await;
        store.hold(vec![hold(store, id, 300).await]).await.unwrap();
        assert_eq!(show(store, id).await, before);
        assert_eq!(claimed(store, "plex", 1).await, [id]);
    }

    async fn what_a_waiting_scan_shows_as_delivery_cannot_be_claimed(store: &dyn Store) {
        let id = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        let shown = Delivery::new(name("plex"), at(0));
        store.hold(vec![Hold { deliveries: vec![shown], ..hold(store, id, 1).await }]).await.unwrap();
        assert_eq!(claimed(store, "plex", 1000).await, []);
        assert_eq!(store.next_attempt(&name("plex"), Work::Deliver).await.unwrap(), None);
        let start = start_of(store, id, &["emby"], at(1)).await;
        store.start(vec![start], at(1)).await.unwrap();
        assert_eq!(claimed(store, "plex", 1000).await, [], "the start replaced it");
        assert_eq!(claimed(store, "emby", 1000).await, [id]);
    }

    async fn a_start_with_nothing_to_do_is_finished_at_once(store: &dyn Store) {
        for (place, state, excluded, finished) in [
            (0, None, false, ScanState::Attention),
            (1, Some(DeliveryState::Skipped), false, ScanState::Attention),
            (2, Some(DeliveryState::Skipped), true, ScanState::Done),
            (3, Some(DeliveryState::Failed), false, ScanState::Attention),
        ] {
            let id = arrives(store, &format!("/tv/{place}"), "1.mkv", at(0)).await;
            let deliveries = state
                .map(|state| Delivery { state, excluded, next_attempt_at: None, ..Delivery::new(name("plex"), at(0)) })
                .into_iter()
                .collect();
            let start = Start { deliveries, ..start_of(store, id, &[], at(9)).await };
            assert_eq!(store.start(vec![start], at(9)).await.unwrap(), [id]);
            let scan = show(store, id).await;
            assert_eq!((scan.state, scan.finished_at), (finished, Some(at(9))));
        }
        assert_eq!(store.stats().await.unwrap(), Stats { done: 1, attention: 3, ..Stats::default() });
    }

    async fn a_scan_that_changed_since_the_gate_looked_is_not_held(store: &dyn Store) {
        let id = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        let (until, prefix) = (hold(store, id, 300).await, held_for(store, id, "/tv").await);
        arrives(store, "/tv/A", "2.mkv", at(1)).await;
        store.hold(vec![until, prefix]).await.unwrap();
        assert_eq!(show(store, id).await.due_at, at(11));
        assert_eq!(due(store, 11).await, [id]);
    }

    async fn a_scan_that_is_held_for_a_prefix_is_not_due_until_it_is_released(store: &dyn Store) {
        let a = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        let b = arrives(store, "/tv/B", "1.mkv", at(0)).await;
        let film = arrives(store, "/movies/C", "1.mkv", at(0)).await;
        let note = Some("the mount /tv is gone".to_owned());
        let held = Delivery { state: DeliveryState::Held, ..Delivery::new(name("plex"), at(0)) };
        let of_a = Hold { note: note.clone(), deliveries: vec![held.clone()], ..held_for(store, a, "/tv").await };
        store.hold(vec![of_a, held_for(store, b, "/tv").await]).await.unwrap();
        store.hold(vec![held_for(store, film, "/movies").await]).await.unwrap();
        assert_eq!(store.held_prefixes().await.unwrap(), [path("/movies"), path("/tv")]);
        assert_eq!((due(store, 1_000_000).await, store.next_due().await.unwrap()), (vec![], None));
        let scan = show(store, a).await;
        assert_eq!((scan.state, scan.note, scan.deliveries), (ScanState::Waiting, note, vec![held]));

        assert_eq!(arrives(store, "/tv/A", "2.mkv", at(50)).await, a, "it goes on absorbing");
        assert_eq!(show(store, a).await.changes.len(), 2);
        assert_eq!(due(store, 1_000_000).await, []);

        assert_eq!(store.release(&path("/"), at(55)).await.unwrap(), 0);
        assert_eq!(store.release(&path("/tv"), at(55)).await.unwrap(), 2);
        assert_eq!(store.release(&path("/tv"), at(55)).await.unwrap(), 0);
        assert_eq!(store.held_prefixes().await.unwrap(), [path("/movies")]);
        assert_eq!((show(store, b).await.due_at, show(store, a).await.due_at), (at(55), at(60)));
        assert_eq!((due(store, 55).await, due(store, 60).await), (vec![b], vec![b, a]));
        assert_eq!(store.stats().await.unwrap().waiting, 3);
    }

    async fn a_later_hold_replaces_the_one_before_it(store: &dyn Store) {
        let id = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        store.hold(vec![held_for(store, id, "/tv").await]).await.unwrap();
        store.hold(vec![held_for(store, id, "/").await]).await.unwrap();
        assert_eq!(store.held_prefixes().await.unwrap(), [path("/")]);
        store.hold(vec![hold(store, id, 30).await]).await.unwrap();
        assert_eq!(store.held_prefixes().await.unwrap(), []);
        assert_eq!((due(store, 29).await, due(store, 30).await), (vec![], vec![id]));
        store.hold(vec![held_for(store, id, "/tv").await]).await.unwrap();
        arrives(store, "/tv/A", "1.mkv", at(25)).await;
        assert_eq!(show(store, id).await.due_at, at(35), "until the release it is due by the rule alone");
    }

    async fn a_person_and_a_start_end_the_hold_for_a_prefix(store: &dyn Store) {
        let retried = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        let started = arrives(store, "/tv/B", "1.mkv", at(0)).await;
        for id in [retried, started] {
            store.hold(vec![held_for(store, id, "/tv").await]).await.unwrap();
        }
        store.retry(retried, at(3)).await.unwrap();
        assert_eq!(due(store, 3).await, [retried]);
        let start = start_of(store, started, &["plex"], at(4)).await;
        assert_eq!(store.start(vec![start], at(4)).await.unwrap(), [started]);
        assert_eq!(store.held_prefixes().await.unwrap(), []);
        assert_eq!(store.release(&path("/tv"), at(9)).await.unwrap(), 0);
    }

    async fn what_the_caller_has_in_hand_is_not_due(store: &dyn Store) {
        let mut ids = vec![];
        for folder in ["/a", "/b", "/c", "/d"] {
            ids.push(arrives(store, folder, "1.mkv", at(0)).await);
        }
        let of = async |limit, in_hand: &[ScanId]| {
            let due = store.due(at(60), limit, in_hand.to_vec()).await.unwrap();
            due.into_iter().map(|scan| scan.id).collect::<Vec<_>>()
        };
        assert_eq!(of(2, &ids[..1]).await, ids[1..3]);
        assert_eq!(of(9, &[ids[3], ids[1], ScanId(77)]).await, [ids[0], ids[2]]);
        assert_eq!(of(9, &ids).await, []);
    }

    async fn a_scan_that_is_given_another_way_is_merged_anew(store: &dyn Store) {
        let known = arrives(store, "/srv/tv/A", "1.mkv", at(0)).await;
        let id = arrives(store, "/data/tv/A", "2.mkv", at(5)).await;
        let scan = show(store, id).await;
        let right = || batch(at(9), vec![absorb("/srv/tv/A", vec![created("/srv/tv/A/2.mkv", at(5))])]);
        assert_eq!(store.reroute(id, scan.generation + 1, right()).await.unwrap(), None);
        assert_eq!(show(store, id).await, scan, "another generation: nothing happened");
        let receipt = store.reroute(id, scan.generation, right()).await.unwrap().unwrap();
        assert_eq!(receipt.scans, [known]);
        assert_eq!((store.show(id).await.unwrap(), show(store, known).await.changes.len()), (None, 2));
        assert_eq!(store.reroute(id, scan.generation, right()).await.unwrap(), None, "it is gone");
        let running = runs(store, "/tv/B", &["plex"], at(0)).await;
        assert_eq!(store.reroute(running, 1, right()).await.unwrap().unwrap().scans, [known], "whatever its state");
        assert_eq!(store.show(running).await.unwrap(), None);
        assert_eq!(store.stats().await.unwrap(), Stats { waiting: 1, ..Stats::default() });
    }

    async fn a_scan_may_keep_its_folder_when_it_is_given_another_way(store: &dyn Store) {
        let id = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        store.hold(vec![held_for(store, id, "/tv").await]).await.unwrap();
        let same = batch(at(9), vec![absorb("/tv/A", vec![created("/tv/A/other.mkv", at(0))])]);
        let receipt = store.reroute(id, 1, same).await.unwrap().unwrap();
        let scan = show(store, receipt.scans[0]).await;
        assert_eq!((scan.changes.len(), scan.due_at), (1, at(19)));
        assert_eq!(store.held_prefixes().await.unwrap(), []);
    }
}
