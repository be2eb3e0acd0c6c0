//! What is shown to people. Each law holds for every store.

use autoscan_core::delivery::{Delivery, DeliveryState, Work};
use autoscan_core::ports::{ScanFilter, Store};
use autoscan_core::scan::{ScanState, StoredChange};

use crate::harness::*;

laws! {
    async fn a_list_shows_what_fits_newest_first(store: &dyn Store) {
        let a = finishes(store, "/tv/Alpha", DeliveryState::Failed, at(0)).await;
        let b = runs(store, "/tv/Beta", &["plex", "emby"], at(0)).await;
        let c = arrives(store, "/tv/Gamma 100%_é", "ALPHA.mkv", at(0)).await;
        let change = StoredChange { trigger: name("radarr"), ..created("/movies/D/d.mkv", at(0)) };
        let d = store.absorb(batch(at(0), vec![absorb("/movies/D", vec![change])]).into()).await.unwrap().scans[0];
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

    async fn scans_are_found_by_the_reason_of_a_delivery(store: &dyn Store) {
        let id = runs(store, "/tv/A", &["plex"], at(0)).await;
        let claimed = claims_one(store, id, "plex", Work::Deliver, at(1)).await;
        let error = Some("404 from Plex".to_owned());
        let delivery =
            Delivery { state: DeliveryState::Failed, next_attempt_at: None, error, ..claimed.delivery.clone() };
        store.settle(vec![settlement(&claimed, delivery)], at(1)).await.unwrap();
        finishes(store, "/tv/B", DeliveryState::Failed, at(2)).await;
        let because = |reason: &str| ScanFilter { reason: Some(reason.into()), ..everything() };
        assert_eq!(listed(store, because("404 FROM")).await, [id]);
        assert_eq!(listed(store, because("405")).await, []);
        let other = ScanFilter { state: Some(ScanState::Done), ..because("404 from") };
        assert_eq!(listed(store, other).await, []);
    }
}
