//! A person asks for the remedy of a missing delivery. Each law holds for every store.

use autoscan_core::cause::Remedy;
use autoscan_core::delivery::{Delivery, DeliveryState, Work};
use autoscan_core::ports::{Stats, Store};
use autoscan_core::proof::remedied;
use autoscan_core::scan::{ScanId, ScanState};
use autoscan_core::step::StepKind;

use crate::harness::*;

/// A scan whose delivery to Plex is missing, with what stands with its cause.
async fn missing(store: &dyn Store) -> (ScanId, Delivery) {
    let id = runs(store, "/films/A", &["plex"], at(0)).await;
    let claimed = claims_one(store, id, "plex", Work::Deliver, at(1)).await;
    let delivery = Delivery {
        state: DeliveryState::Missing,
        next_attempt_at: Some(at(60)),
        sent_at: Some(at(1)),
        error: Some("the library lists nothing at all".into()),
        remedy: Some(Remedy::ScanLibrary { library: "Films \"1\"".into(), id: "7".into() }),
        evidence: Some("/films/.ignore".into()),
        ..claimed.delivery.clone()
    };
    store.settle(vec![settlement(&claimed, delivery.clone())], at(2)).await.unwrap();
    (id, delivery)
}

laws! {
    async fn what_stands_with_a_cause_is_kept(store: &dyn Store) {
        let (id, delivery) = missing(store).await;
        assert_eq!(show(store, id).await.deliveries, std::slice::from_ref(&delivery));
        assert_eq!(listed(store, everything()).await, [id]);
        let claimed = claims_one(store, id, "plex", Work::Verify, at(60)).await;
        assert_eq!(claimed.delivery, delivery);
    }

    async fn a_delivery_that_is_missing_is_verified_once_its_remedy_was_asked_for(store: &dyn Store) {
        let (id, delivery) = missing(store).await;
        let leased = claims_one(store, id, "plex", Work::Verify, at(60)).await;
        let steps = vec![step(61, Some("plex"), StepKind::Sent, "a person asked")];
        let asked = remedied(&delivery, at(61));
        assert!(store.keep_remedied(id, asked.clone(), steps.clone(), at(61)).await.unwrap());
        let scan = show(store, id).await;
        assert_eq!((scan.state, scan.finished_at, scan.deliveries), (ScanState::Running, None, vec![asked.clone()]));
        assert_eq!(store.steps(id).await.unwrap(), steps);
        assert_eq!(store.stats().await.unwrap(), Stats { running: 1, ..Stats::default() });

        let late = store.settle(vec![settlement(&leased, delivery)], at(62)).await.unwrap();
        assert_eq!(late.late, [(id, name("plex"))], "who looked at it meanwhile has no say any more");
        assert_eq!(verified(store, "plex", 62).await, []);
        assert_eq!(verified(store, "plex", 63).await, [id]);
    }

    async fn what_is_missing_no_more_stays_as_it_is(store: &dyn Store) {
        let (id, delivery) = missing(store).await;
        is_seen(store, id, "plex", 60, None).await;
        let before = show(store, id).await;
        let asked = remedied(&delivery, at(61));
        assert!(!store.keep_remedied(id, asked.clone(), vec![], at(61)).await.unwrap());
        assert!(!store.keep_remedied(ScanId(99), asked.clone(), vec![], at(61)).await.unwrap());
        let of_another = Delivery { target: name("emby"), ..asked };
        assert!(!store.keep_remedied(id, of_another, vec![], at(61)).await.unwrap());
        assert_eq!(show(store, id).await, before);
    }
}
