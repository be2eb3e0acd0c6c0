//! A person tries again, drops and sweeps. Each law holds for every store.

use autoscan_core::delivery::{Delivery, DeliveryState, Work};
use autoscan_core::ports::{Stats, Store};
use autoscan_core::scan::{ScanId, ScanState};

use crate::harness::*;

laws! {
    async fn retrying_a_waiting_scan_makes_it_due_now(store: &dyn Store) {
        let id = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        store.hold(vec![hold(store, id, 1000).await]).await.unwrap();
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

    async fn retrying_delivers_again_what_nobody_saw_yet(store: &dyn Store) {
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
        let missing = Delivery { state: DeliveryState::Missing, next_attempt_at: None, ..lost.delivery.clone() };
        store.settle(vec![settlement(&lost, missing)], at(7)).await.unwrap();
        assert_eq!(show(store, id).await, after, "the lease is over");
        assert_eq!(claimed(store, "c", 7).await, [id]);
        assert_eq!(verified(store, "a", 100).await, []);
    }

    async fn retrying_ends_the_lease_of_whoever_had_the_delivery(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["plex"], at(0)).await;
        let lost = store.claim(OWNER, &name("plex"), Work::Deliver, at(1), 1).await.unwrap().remove(0);
        store.retry(id, at(2)).await.unwrap();
        let failed = Delivery { state: DeliveryState::Failed, next_attempt_at: None, ..lost.delivery.clone() };
        store.settle(vec![settlement(&lost, failed)], at(3)).await.unwrap();
        assert_eq!(show(store, id).await.state, ScanState::Running);
        assert_eq!(claimed(store, "plex", 3).await, [id]);
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
        lets_go(store).await;
        assert_eq!(claimed(store, "plex", 1000).await, []);
        assert_eq!(store.next_due().await.unwrap(), None);
        assert_eq!(store.stats().await.unwrap(), Stats::default());
        assert_eq!(listed(store, everything()).await, []);
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
}
