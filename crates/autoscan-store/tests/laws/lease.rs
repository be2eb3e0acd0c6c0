//! Who may say what became of a delivery. Each law holds for every store.

use std::time::Duration;

use autoscan_core::delivery::{Delivery, DeliveryState, Work};
use autoscan_core::ports::{Absorb, Claimed, Lease, Owner, Settled, Store};
use autoscan_core::scan::{Quiet, ScanState};

use crate::harness::*;

laws! {
    async fn a_delivery_is_leased_to_one_owner_at_a_time(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["plex", "emby"], at(0)).await;
        assert_eq!(store.next_attempt(&name("plex"), Work::Deliver).await.unwrap(), Some(at(0)));
        assert_eq!(claimed(store, "plex", 1).await, [id]);
        assert_eq!(claimed(store, "plex", 1).await, []);
        assert_eq!(claimed(store, "emby", 1).await, [id], "targets are strangers");
        assert_eq!(store.next_attempt(&name("plex"), Work::Deliver).await.unwrap(), None, "nobody can have it");
        assert_eq!(claimed(store, "plex", 1_000_000).await, [], "no lease ends by the time of day");
        lets_go(store).await;
        assert_eq!(store.next_attempt(&name("plex"), Work::Deliver).await.unwrap(), Some(at(0)));
        assert_eq!(claimed(store, "plex", 2).await, [id]);
    }

    async fn a_settlement_of_a_lease_that_was_ended_is_ignored(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["plex"], at(0)).await;
        let first = claims_one(store, id, "plex", Work::Deliver, at(1)).await;
        lets_go(store).await;
        let sent = Delivery { state: DeliveryState::Sent, next_attempt_at: None, ..first.delivery.clone() };
        store.settle(vec![settlement(&first, sent.clone())], at(2)).await.unwrap();
        assert_eq!(show(store, id).await.deliveries, [Delivery::new(name("plex"), at(0))]);
        let second = claims_one(store, id, "plex", Work::Deliver, at(3)).await;
        store.settle(vec![settlement(&first, sent.clone())], at(4)).await.unwrap();
        assert_eq!(show(store, id).await.finished_at, None, "the answer of an earlier claim comes late");
        store.settle(vec![settlement(&second, sent.clone())], at(5)).await.unwrap();
        assert_eq!(show(store, id).await.finished_at, Some(at(5)));
        store.settle(vec![settlement(&second, sent)], at(6)).await.unwrap();
        assert_eq!(show(store, id).await.finished_at, Some(at(5)), "settled once");
    }

    async fn a_wait_without_end_is_no_trouble(store: &dyn Store) {
        let quiet = Quiet { minimum_age: Duration::MAX, maximum_wait: Duration::MAX };
        let absorb = Absorb { quiet, ..absorb("/tv/A", vec![created("/tv/A/1.mkv", at(0))]) };
        let id = store.absorb(batch(at(0), vec![absorb]).into()).await.unwrap().scans[0];
        assert_eq!(due(store, 1_000_000).await, []);
        store.retry(id, at(5)).await.unwrap();
        let start = start_of(store, id, &["plex"], at(5)).await;
        store.start(vec![start], at(5)).await.unwrap();
        store.heartbeat(OWNER, Duration::MAX).await.unwrap();
        assert_eq!(claimed(store, "plex", 5).await, [id]);
        store.heartbeat(Owner(2), Duration::from_secs(1)).await.unwrap();
        assert_eq!(claimed(store, "plex", 1_000_000).await, []);
    }

    async fn a_lease_names_its_owner_and_its_number_grows_with_every_claim(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["plex"], at(0)).await;
        for (round, owner) in [(1, OWNER), (2, Owner(2)), (3, OWNER)] {
            let claimed = store.claim(owner, &name("plex"), Work::Deliver, at(round), 9).await.unwrap();
            assert_eq!(claimed[0].lease, Lease { owner, number: round });
            let again = Delivery { next_attempt_at: Some(at(round)), ..claimed[0].delivery.clone() };
            store.settle(vec![settlement(&claimed[0], again)], at(round)).await.unwrap();
        }
        assert_eq!(show(store, id).await.state, ScanState::Running);
    }

    async fn nobody_settles_what_another_owner_has(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["plex"], at(0)).await;
        let mine = claims_one(store, id, "plex", Work::Deliver, at(1)).await;
        let stolen = Claimed { lease: Lease { owner: Owner(2), ..mine.lease }, ..mine.clone() };
        let sent = Delivery { state: DeliveryState::Sent, next_attempt_at: None, ..mine.delivery.clone() };
        assert_eq!(store.settle(vec![settlement(&stolen, sent.clone())], at(2)).await.unwrap().finished, []);
        assert_eq!(show(store, id).await.state, ScanState::Running);
        assert_eq!(
            store.settle(vec![settlement(&mine, sent)], at(2)).await.unwrap().finished,
            [(id, ScanState::Done)]
        );
    }

    async fn a_retry_between_claim_and_settlement_ends_the_lease_of_both_kinds_of_work(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["plex"], at(0)).await;
        is_sent(store, id, "plex", at(1), at(3)).await;
        let verifying = claims_one(store, id, "plex", Work::Verify, at(3)).await;
        store.retry(id, at(4)).await.unwrap();
        let delivering = store.claim(Owner(2), &name("plex"), Work::Deliver, at(4), 1).await.unwrap().remove(0);
        let missing = Delivery { state: DeliveryState::Missing, next_attempt_at: None, ..verifying.delivery.clone() };
        let late = store.settle(vec![settlement(&verifying, missing)], at(5)).await.unwrap();
        assert_eq!(late, Settled { finished: vec![], late: vec![(id, name("plex"))] });
        let sent = Delivery { state: DeliveryState::Sent, next_attempt_at: None, ..delivering.delivery.clone() };
        let settled = store.settle(vec![settlement(&delivering, sent)], at(6)).await.unwrap().finished;
        assert_eq!(settled, [(id, ScanState::Done)], "the later claim is the one that counts");
    }

    async fn an_owner_that_retires_lets_go_of_what_it_has_and_of_nothing_else(store: &dyn Store) {
        let first = runs(store, "/tv/A", &["plex"], at(0)).await;
        let second = runs(store, "/tv/B", &["plex"], at(0)).await;
        let plex = name("plex");
        assert_eq!(store.claim(OWNER, &plex, Work::Deliver, at(1), 1).await.unwrap()[0].scan, first);
        assert_eq!(store.claim(Owner(2), &plex, Work::Deliver, at(1), 1).await.unwrap()[0].scan, second);
        assert_eq!(store.retire(Owner(2)).await.unwrap(), 1);
        assert_eq!(store.retire(Owner(2)).await.unwrap(), 0);
        assert_eq!(claimed(store, "plex", 1).await, [second]);
    }
}

/// Writes each law of the store's own time as a test of each store.
macro_rules! laws_of_time {
    ($(async fn $law:ident($store:ident: &dyn Store, $clock:ident: &ManualClock) $body:block)*) => {
        $(async fn $law($store: &dyn Store, $clock: &ManualClock) $body)*

        laws_of_time!(@for memory as memory_in_time: $($law)*);
        laws_of_time!(@for sqlite as sqlite_in_time: $($law)*);
    };
    (@for $kind:ident as $module:ident: $($law:ident)*) => {
        mod $module {
            $(#[tokio::test]
            async fn $law() {
                let harness = crate::harness::$kind();
                super::$law(&*harness.store, &harness.clock).await;
            })*
        }
    };
}

const LASTS: Duration = Duration::from_secs(30);

laws_of_time! {
    async fn an_owner_that_sleeps_past_its_time_has_lost_its_leases_to_another(store: &dyn Store, clock: &ManualClock) {
        let (plex, other) = (name("plex"), Owner(2));
        let id = runs(store, "/tv/A", &["plex"], at(0)).await;
        store.heartbeat(OWNER, LASTS).await.unwrap();
        let asleep = claims_one(store, id, "plex", Work::Deliver, at(1)).await;
        clock.pass(Duration::from_millis(29_999));
        assert_eq!(store.heartbeat(other, LASTS).await.unwrap(), 0, "it is believed to live");
        assert_eq!(store.claim(other, &plex, Work::Deliver, at(1), 9).await.unwrap(), []);
        clock.pass(Duration::from_millis(1));
        assert_eq!(store.heartbeat(other, LASTS).await.unwrap(), 1);
        let taken = store.claim(other, &plex, Work::Deliver, at(1), 9).await.unwrap();
        assert_eq!(taken[0].lease, Lease { owner: other, number: 2 });
        let failed = Delivery { state: DeliveryState::Failed, next_attempt_at: None, ..asleep.delivery.clone() };
        assert_eq!(store.settle(vec![settlement(&asleep, failed)], at(2)).await.unwrap().finished, []);
        assert_eq!(show(store, id).await.state, ScanState::Running, "it wakes, and its answer is too late");
        let sent = Delivery { state: DeliveryState::Sent, next_attempt_at: None, ..taken[0].delivery.clone() };
        let settled = store.settle(vec![settlement(&taken[0], sent)], at(3)).await.unwrap().finished;
        assert_eq!(settled, [(id, ScanState::Done)]);
    }

    async fn an_owner_that_is_alone_keeps_its_leases_however_long_it_slept(store: &dyn Store, clock: &ManualClock) {
        let id = runs(store, "/tv/A", &["plex"], at(0)).await;
        store.heartbeat(OWNER, LASTS).await.unwrap();
        claims_one(store, id, "plex", Work::Deliver, at(1)).await;
        clock.pass(LASTS * 100);
        assert_eq!(store.heartbeat(OWNER, LASTS).await.unwrap(), 0);
        assert_eq!(claimed(store, "plex", 2).await, []);
    }

    async fn an_owner_that_never_said_that_it_lives_loses_its_leases(store: &dyn Store, _clock: &ManualClock) {
        let id = runs(store, "/tv/A", &["plex"], at(0)).await;
        claims_one(store, id, "plex", Work::Deliver, at(1)).await;
        assert_eq!(store.heartbeat(Owner(2), LASTS).await.unwrap(), 1);
        assert_eq!(claimed(store, "plex", 2).await, [id]);
    }

    async fn two_owners_that_live_share_a_queue_without_a_delivery_going_to_both(store: &dyn Store, clock: &ManualClock) {
        let mut scans = vec![];
        for number in 0..9 {
            scans.push(runs(store, &format!("/tv/{number}"), &["plex"], at(0)).await);
        }
        let mut found = vec![];
        for round in 0..10 {
            let owner = Owner(round % 2 + 1);
            assert_eq!(store.heartbeat(owner, LASTS).await.unwrap(), 0);
            let claimed = store.claim(owner, &name("plex"), Work::Deliver, at(1), 1).await.unwrap();
            found.extend(claimed.iter().map(|claimed| claimed.scan));
            clock.pass(LASTS / 3);
        }
        assert_eq!(found, scans);
    }
}
