//! The clock is set back. Each law holds for every store.

use std::sync::Arc;

use autoscan_core::delivery::{Delivery, DeliveryState, Work};
use autoscan_core::history::{TriggerCounts, TriggerEvent};
use autoscan_core::ports::{Batch, Hold, RefusalRecord, Store};
use autoscan_core::step::StepKind;
use autoscan_core::storm::HeldStorm;

use crate::harness::*;

laws! {
    async fn the_newest_time_is_that_of_whatever_happened_last(store: &dyn Store) {
        assert_eq!(store.newest().await.unwrap(), None);
        let waiting = arrives(store, "/tv/A", "1.mkv", at(1)).await;
        assert_eq!(store.newest().await.unwrap(), Some(at(1)), "when it is due did not happen");
        arrives(store, "/tv/A", "2.mkv", at(2)).await;
        assert_eq!(store.newest().await.unwrap(), Some(at(2)));
        let steps = vec![step(3, None, StepKind::Held, "mount gone")];
        store.hold(vec![Hold { steps, ..hold(store, waiting, 500).await }]).await.unwrap();
        assert_eq!(store.newest().await.unwrap(), Some(at(3)));
        let id = runs(store, "/tv/B", &["plex"], at(4)).await;
        is_sent(store, id, "plex", at(5), at(600)).await;
        assert_eq!(store.newest().await.unwrap(), Some(at(5)));
        store.make_due(&name("plex"), at(6)).await.unwrap();
        is_seen(store, id, "plex", 6, Some(700)).await;
        assert_eq!(store.newest().await.unwrap(), Some(at(6)));
        finishes(store, "/tv/C", DeliveryState::Failed, at(7)).await;
        assert_eq!(store.newest().await.unwrap(), Some(at(7)));
        let refused = RefusalRecord { trigger: name("sonarr"), reason: "no".into(), received_at: at(8) };
        store.absorb(Arc::new(Batch { refusals: vec![refused], ..batch(at(0), vec![]) })).await.unwrap();
        assert_eq!(store.newest().await.unwrap(), Some(at(8)));
        let storm = HeldStorm { prefix: path("/tv"), deleted: 50, last: at(9) };
        store.change_storms(vec![storm], vec![]).await.unwrap();
        assert_eq!(store.newest().await.unwrap(), Some(at(9)));
        store.add_trigger_counts(vec![sent(10, 1)]).await.unwrap();
        assert_eq!(store.newest().await.unwrap(), Some(at(10)));
        store.add_trigger_counts(vec![sent(10, 11)]).await.unwrap();
        assert_eq!(store.newest().await.unwrap(), Some(at(11)));
    }

    async fn what_lies_ahead_of_a_clock_that_was_set_back_is_brought_to_now(store: &dyn Store) {
        let day = 86_400;
        let waiting = arrives(store, "/tv/A", "1.mkv", at(day)).await;
        let held = arrives(store, "/tv/B", "1.mkv", at(day)).await;
        let steps = vec![step(day, None, StepKind::Held, "the file is not there yet")];
        store.hold(vec![Hold { steps, ..hold(store, held, day + 600).await }]).await.unwrap();
        let running = runs(store, "/tv/C", &["plex", "emby"], at(day)).await;
        is_sent(store, running, "plex", at(day), at(day + 60)).await;
        finishes(store, "/tv/D", DeliveryState::Failed, at(day)).await;
        store.add_trigger_counts(vec![sent(day, day)]).await.unwrap();

        assert_eq!(store.bring_to(at(5)).await.unwrap(), 5, "three scans, two deliveries");
        assert_eq!(store.newest().await.unwrap(), Some(at(5)));
        assert_eq!(due(store, 5).await, [waiting, held]);
        let scan = show(store, held).await;
        assert_eq!((scan.first_seen, scan.due_at, scan.changes[0].received_at), (at(5), at(5), at(5)));
        assert_eq!(store.steps(held).await.unwrap()[0].at, at(5));
        assert_eq!(claims(store, "emby", Work::Deliver, at(5)).await.len(), 1);
        let verified = claims(store, "plex", Work::Verify, at(5)).await;
        assert_eq!((verified[0].first_seen, verified[0].delivery.sent_at), (at(5), Some(at(5))));
        arrives(store, "/tv/B", "2.mkv", at(6)).await;
        assert_eq!(show(store, held).await.due_at, at(16), "nothing holds it any more");
        assert_eq!(store.bring_to(at(600)).await.unwrap(), 0, "nothing lies ahead of that");
    }

    async fn what_lies_behind_stays_as_it_was(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["plex"], at(0)).await;
        let waiting = arrives(store, "/tv/B", "1.mkv", at(0)).await;
        let before = (show(store, id).await, show(store, waiting).await);
        assert_eq!(store.bring_to(at(10)).await.unwrap(), 0);
        assert_eq!((show(store, id).await, show(store, waiting).await), before);
    }

    async fn a_delivery_that_was_leased_when_the_clock_was_set_back_is_settled_as_ever(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["plex"], at(90)).await;
        let claimed = claims_one(store, id, "plex", Work::Deliver, at(90)).await;
        assert_eq!(store.bring_to(at(5)).await.unwrap(), 2);
        let sent = Delivery { state: DeliveryState::Sent, next_attempt_at: None, ..claimed.delivery.clone() };
        store.settle(vec![settlement(&claimed, sent)], at(6)).await.unwrap();
        assert_eq!(show(store, id).await.finished_at, Some(at(6)));
    }
}

fn sent(last: i64, recent: i64) -> TriggerCounts {
    let event = TriggerEvent {
        at: at(recent),
        event: "Download".into(),
        outcome: "stored".into(),
        scans: vec![],
        refused: false,
        times: 1,
    };
    TriggerCounts {
        trigger: name("sonarr"),
        events: 1,
        changes: 1,
        refused: 0,
        lost: 0,
        dismissed: 0,
        lost_since: None,
        last: Some((at(last), "Download".into())),
        recent: vec![event],
    }
}
