//! Deliveries are claimed and settled. Each law holds for every store.

use autoscan_core::cause::Remedy;
use autoscan_core::change::Change;
use autoscan_core::delivery::{Delivery, DeliveryState, Work};
use autoscan_core::ids::{IdSource, Ids};
use autoscan_core::ports::{Absorb, Hold, ScanFilter, Start, Stats, Store};
use autoscan_core::scan::ScanState;

use crate::harness::*;

laws! {
    async fn a_claim_says_what_a_target_is_told(store: &dyn Store) {
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

    async fn a_settlement_of_a_dropped_scan_is_ignored(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["plex"], at(0)).await;
        let claimed = store.claim(OWNER, &name("plex"), Work::Deliver, at(1), 10).await.unwrap().remove(0);
        assert!(store.drop_scan(id).await.unwrap());
        let sent = Delivery { state: DeliveryState::Sent, ..claimed.delivery.clone() };
        store.settle(vec![settlement(&claimed, sent)], at(2)).await.unwrap();
        assert_eq!(store.show(id).await.unwrap(), None);
        assert_eq!(store.stats().await.unwrap(), Stats::default());
    }

    async fn the_next_attempt_waits_for_its_moment(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["plex"], at(0)).await;
        let claimed_one = store.claim(OWNER, &name("plex"), Work::Deliver, at(1), 10).await.unwrap().remove(0);
        let again = Delivery { attempts: 1, next_attempt_at: Some(at(30)), error: Some("404".into()), ..claimed_one.delivery.clone() };
        store.settle(vec![settlement(&claimed_one, again.clone())], at(2)).await.unwrap();
        assert_eq!(show(store, id).await.deliveries, [again]);
        assert_eq!(store.next_attempt(&name("plex"), Work::Deliver).await.unwrap(), Some(at(30)));
        assert_eq!(claimed(store, "plex", 29).await, []);
        assert_eq!(claimed(store, "plex", 30).await, [id]);
    }

    async fn claims_come_by_priority_and_then_by_age(store: &dyn Store) {
        let mut ids = vec![];
        for (folder, priority) in [("/a", 0), ("/b", 5), ("/c", 0), ("/d", 5)] {
            let absorb = Absorb { priority, ..absorb(folder, vec![created("/a/1.mkv", at(0))]) };
            ids.extend(store.absorb(batch(at(0), vec![absorb]).into()).await.unwrap().scans);
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

    async fn what_is_followed_is_not_told_and_what_is_told_is_not_verified(store: &dyn Store) {
        let told = runs(store, "/tv/A", &["plex"], at(0)).await;
        let sent = runs(store, "/tv/B", &["plex"], at(0)).await;
        assert_eq!(verified(store, "plex", 1).await, []);
        assert_eq!(next_verification(store, "plex").await, None);
        is_sent(store, sent, "plex", at(1), at(3)).await;
        lets_go(store).await;
        assert_eq!(store.next_attempt(&name("plex"), Work::Deliver).await.unwrap(), Some(at(0)));
        assert_eq!(next_verification(store, "plex").await, Some(at(3)));
        assert_eq!(verified(store, "plex", 2).await, []);
        assert_eq!(claimed(store, "plex", 100).await, [told]);
        assert_eq!(verified(store, "emby", 100).await, [], "targets are strangers");
        assert_eq!(verified(store, "plex", 100).await, [sent]);
        assert_eq!(verified(store, "plex", 101).await, [], "it is leased");
        assert_eq!(next_verification(store, "plex").await, None, "it is leased");
        lets_go(store).await;
        assert_eq!(next_verification(store, "plex").await, Some(at(3)));
    }

    async fn what_is_to_be_verified_comes_by_how_long_it_is_due(store: &dyn Store) {
        let mut ids = vec![];
        for (folder, priority, next) in [("/a", 9, 40), ("/b", 0, 20), ("/c", 9, 30), ("/d", 0, 30)] {
            let absorb = Absorb { priority, ..absorb(folder, vec![created("/a/1.mkv", at(0))]) };
            let id = store.absorb(batch(at(0), vec![absorb]).into()).await.unwrap().scans[0];
            let start = start_of(store, id, &["plex"], at(1)).await;
            store.start(vec![start], at(1)).await.unwrap();
            is_sent(store, id, "plex", at(1), at(next)).await;
            ids.push(id);
        }
        let [a, b, c, d] = ids[..] else { panic!("{ids:?}") };
        let first = store.claim(OWNER, &name("plex"), Work::Verify, at(40), 3).await.unwrap();
        assert_eq!(first.iter().map(|claimed| claimed.scan).collect::<Vec<_>>(), [b, c, d]);
        assert!(first.iter().all(|claimed| claimed.first_seen == at(0)));
        assert_eq!(verified(store, "plex", 40).await, [a]);
    }

    async fn a_scan_runs_while_a_delivery_is_verified_and_is_finished_with_the_last(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["plex", "emby"], at(0)).await;
        settles(store, id, "emby", DeliveryState::Sent, at(1)).await;
        is_sent(store, id, "plex", at(1), at(3)).await;
        assert_eq!(show(store, id).await.state, ScanState::Running);
        is_seen(store, id, "plex", 4, Some(9)).await;
        let scan = show(store, id).await;
        assert_eq!((scan.state, scan.finished_at), (ScanState::Running, None), "it is cared for");
        assert_eq!(next_verification(store, "plex").await, Some(at(9)));
        is_seen(store, id, "plex", 9, None).await;
        let scan = show(store, id).await;
        assert_eq!((scan.state, scan.finished_at), (ScanState::Done, Some(at(9))));
        assert_eq!(next_verification(store, "plex").await, None);
        assert_eq!(store.stats().await.unwrap(), Stats { done: 1, ..Stats::default() });
    }

    async fn what_was_to_be_verified_can_be_delivered_again(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["plex"], at(0)).await;
        is_sent(store, id, "plex", at(1), at(3)).await;
        let claimed_one = store.claim(OWNER, &name("plex"), Work::Verify, at(3), 1).await.unwrap().remove(0);
        let wider = Delivery {
            state: DeliveryState::Waiting,
            widened: true,
            next_attempt_at: Some(at(4)),
            ..claimed_one.delivery.clone()
        };
        store.settle(vec![settlement(&claimed_one, wider.clone())], at(4)).await.unwrap();
        assert_eq!(verified(store, "plex", 100).await, []);
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
        assert_eq!(store.make_due(&name("plex"), at(10)).await.unwrap(), 2);
        assert_eq!(store.make_due(&name("plex"), at(10)).await.unwrap(), 0, "they are due already");
        for (id, next) in [(leased, 30), (soon, 10), (later, 10), (other, 30), (waiting, 50)] {
            assert_eq!(show(store, id).await.deliveries[0].next_attempt_at, Some(at(next)));
        }
        assert_eq!(verified(store, "plex", 10).await, [soon, later]);
        let settled = settlement(&claimed_one, claimed_one.delivery.clone());
        store.settle(vec![settled], at(31)).await.unwrap();
        assert_eq!(show(store, leased).await.deliveries[0].next_attempt_at, Some(at(30)));
        assert_eq!(store.make_due(&name("nobody"), at(10)).await.unwrap(), 0);
    }

    async fn every_column_comes_back_as_it_was_kept(store: &dyn Store) {
        let ids = Ids::default().with(IdSource::Tvdb, "81189").with(IdSource::Imdb, "tt0903747");
        let change = stored(Change::created(path("/tv/A/1.mkv")).with_ids(ids), at(0));
        let id = store.absorb(batch(at(0), vec![absorb("/tv/A", vec![change.clone()])]).into()).await.unwrap().scans[0];
        let start = start_of(store, id, &["plex"], at(1)).await;
        store.start(vec![start], at(1)).await.unwrap();
        let claimed_one = store.claim(OWNER, &name("plex"), Work::Deliver, at(1), 1).await.unwrap().remove(0);
        assert_eq!(claimed_one.changes, [change]);
        let kept = Delivery {
            target: name("plex"),
            state: DeliveryState::Seen,
            attempts: 3,
            tellings: 2,
            faults: 2,
            next_attempt_at: Some(at(60)),
            sent_at: Some(at(2)),
            seen_at: Some(at(3)),
            error: Some("the size differs".into()),
            remedy: Some(Remedy::ScanLibrary { library: "Films".into(), id: "7".into() }),
            evidence: Some("/films/.ignore".into()),
            excluded: true,
            absent: true,
            widened: true,
            cared: true,
            note: Some("analysed".into()),
        };
        store.settle(vec![settlement(&claimed_one, kept.clone())], at(4)).await.unwrap();
        assert_eq!(show(store, id).await.deliveries, std::slice::from_ref(&kept));
        let again = store.claim(OWNER, &name("plex"), Work::Verify, at(60), 1).await.unwrap().remove(0);
        assert_eq!(again.delivery, kept);
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
            lets_go(store).await;
        }
        assert_eq!(store.stats().await.unwrap(), Stats { waiting: 0, running: 2, done: 2, attention: 2 });
    }

    async fn what_is_missing_is_looked_at_again_and_its_scan_follows_what_is_found(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["plex"], at(0)).await;
        let told = store.claim(OWNER, &name("plex"), Work::Deliver, at(1), 1).await.unwrap().remove(0);
        let again = |state, next: Option<i64>, of: &Delivery| Delivery {
            state,
            next_attempt_at: next.map(at),
            ..of.clone()
        };
        let missing = again(DeliveryState::Missing, Some(100), &told.delivery);
        let settled = store.settle(vec![settlement(&told, missing)], at(2)).await.unwrap();
        assert_eq!(settled.finished, [(id, ScanState::Attention)]);
        assert_eq!(store.next_attempt(&name("plex"), Work::Verify).await.unwrap(), Some(at(100)));
        assert_eq!(store.backlog(&name("plex"), Work::Verify, 9).await.unwrap(), 0, "its scan waits for nothing");
        assert_eq!(store.make_due(&name("plex"), at(3)).await.unwrap(), 0);

        // What was told just now goes first.
        let later = runs(store, "/tv/B", &["plex"], at(50)).await;
        is_sent(store, later, "plex", at(50), at(200)).await;
        assert_eq!(claims(store, "plex", Work::Verify, at(99)).await, []);
        let both = claims(store, "plex", Work::Verify, at(200)).await;
        assert_eq!(both.iter().map(|claimed| claimed.scan).collect::<Vec<_>>(), [later, id]);

        // Still missing: nothing comes to an end once more.
        let still = again(DeliveryState::Missing, Some(300), &both[1].delivery);
        let settled = store.settle(vec![settlement(&both[1], still)], at(200)).await.unwrap();
        assert_eq!(settled.finished, []);
        assert_eq!(show(store, id).await.finished_at, Some(at(2)));

        // It came: it is told, and its scan runs.
        let claimed = claims(store, "plex", Work::Verify, at(300)).await.remove(0);
        let waiting = again(DeliveryState::Waiting, Some(300), &claimed.delivery);
        let settled = store.settle(vec![settlement(&claimed, waiting)], at(300)).await.unwrap();
        let scan = show(store, id).await;
        assert_eq!((settled.finished, scan.state, scan.finished_at), (vec![], ScanState::Running, None));
        let stats = store.stats().await.unwrap();
        assert_eq!((stats.running, stats.attention), (2, 0));

        // It was found.
        let claimed = claims(store, "plex", Work::Deliver, at(300)).await.remove(0);
        let missing = again(DeliveryState::Missing, Some(400), &claimed.delivery);
        store.settle(vec![settlement(&claimed, missing)], at(301)).await.unwrap();
        let claimed = claims(store, "plex", Work::Verify, at(400)).await.remove(0);
        let seen = again(DeliveryState::Seen, None, &claimed.delivery);
        let settled = store.settle(vec![settlement(&claimed, seen)], at(400)).await.unwrap();
        assert_eq!(settled.finished, [(id, ScanState::Done)]);
        let stats = store.stats().await.unwrap();
        assert_eq!((stats.running, stats.done, stats.attention), (1, 1, 0));
    }

    async fn what_failed_goes_behind_what_was_not_tried(store: &dyn Store) {
        let mut ids = vec![];
        for folder in ["/a", "/b", "/c"] {
            ids.push(runs(store, folder, &["plex"], at(0)).await);
        }
        let first = store.claim(OWNER, &name("plex"), Work::Deliver, at(1), 1).await.unwrap().remove(0);
        assert_eq!(first.scan, ids[0]);
        let again = Delivery { faults: 1, next_attempt_at: Some(at(2)), ..first.delivery.clone() };
        store.settle(vec![settlement(&first, again)], at(1)).await.unwrap();
        assert_eq!(claimed(store, "plex", 9).await, [ids[1], ids[2], ids[0]]);
    }

    async fn the_next_attempt_is_the_earliest_of_every_priority(store: &dyn Store) {
        for (folder, priority, second) in [("/a", 5, 30), ("/b", 0, 10), ("/c", i64::MIN, 20), ("/d", i64::MAX, 40)] {
            let absorb = Absorb { priority, ..absorb(folder, vec![created("/a/1.mkv", at(0))]) };
            let id = store.absorb(batch(at(0), vec![absorb]).into()).await.unwrap().scans[0];
            let start = start_of(store, id, &["plex"], at(second)).await;
            store.start(vec![start], at(0)).await.unwrap();
        }
        assert_eq!(store.next_attempt(&name("plex"), Work::Deliver).await.unwrap(), Some(at(10)));
        assert_eq!(claimed(store, "plex", 25).await.len(), 2);
        assert_eq!(store.next_attempt(&name("plex"), Work::Deliver).await.unwrap(), Some(at(30)));
    }

    async fn a_scan_that_reached_nobody_needs_attention_unless_a_person_means_it_so(store: &dyn Store) {
        for (place, excluded, expected) in
            [(0, [false, false], ScanState::Attention), (1, [true, false], ScanState::Done), (2, [true, true], ScanState::Done)]
        {
            let id = runs(store, &format!("/tv/{place}"), &["emby", "plex"], at(0)).await;
            for (target, excluded) in ["emby", "plex"].into_iter().zip(excluded) {
                let claimed = claims_one(store, id, target, Work::Deliver, at(1)).await;
                let skipped = Delivery { state: DeliveryState::Skipped, excluded, next_attempt_at: None, ..claimed.delivery.clone() };
                store.settle(vec![settlement(&claimed, skipped)], at(1)).await.unwrap();
            }
            assert_eq!(show(store, id).await.state, expected, "{excluded:?}");
        }
    }

    async fn scans_that_wait_for_targets_where_a_person_must_act_are_counted_once(store: &dyn Store) {
        let both = runs(store, "/tv/A", &["plex", "emby"], at(0)).await;
        let one = runs(store, "/tv/B", &["emby"], at(0)).await;
        let sent = runs(store, "/tv/C", &["plex"], at(0)).await;
        is_sent(store, sent, "plex", at(1), at(9)).await;
        let waits = arrives(store, "/tv/D", "1.mkv", at(0)).await;
        let shown = vec![Delivery::new(name("plex"), at(0))];
        store.hold(vec![Hold { deliveries: shown, ..hold(store, waits, 9).await }]).await.unwrap();
        let count = async |targets: &[&str], most| {
            let targets: Vec<_> = targets.iter().map(|target| name(target)).collect();
            store.count_stuck(&targets, most).await.unwrap()
        };
        for leased in [false, true] {
            assert_eq!(count(&["plex"], 9).await, 1);
            assert_eq!(count(&["plex", "emby"], 9).await, 2);
            assert_eq!((count(&["emby"], 1).await, count(&["plex", "emby"], 0).await), (1, 0));
            assert_eq!((count(&[], 9).await, count(&["nobody"], 9).await), (0, 0));
            if !leased {
                claimed(store, "emby", 1).await;
            }
        }
        let of = |state, targets: &[&str]| ScanFilter {
            state: Some(state),
            stuck_targets: targets.iter().map(|target| name(target)).collect(),
            ..everything()
        };
        let failed = finishes(store, "/tv/E", DeliveryState::Failed, at(0)).await;
        assert_eq!(listed(store, of(ScanState::Attention, &["emby"])).await, [failed, one, both]);
        assert_eq!(listed(store, of(ScanState::Attention, &["plex"])).await, [failed, both]);
        assert_eq!(listed(store, of(ScanState::Running, &["emby"])).await, [sent]);
        assert_eq!(listed(store, of(ScanState::Running, &[])).await, [sent, one, both]);
        assert_eq!(listed(store, of(ScanState::Attention, &[])).await, [failed]);
        assert_eq!(listed(store, ScanFilter { state: None, ..of(ScanState::Done, &["emby"]) }).await.len(), 5);
    }
}
