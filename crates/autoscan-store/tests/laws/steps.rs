//! How a scan came where it is. Each law holds for every store.

use autoscan_core::delivery::{Delivery, DeliveryState, Work};
use autoscan_core::ports::{Hold, Settlement, Start, Store};
use autoscan_core::scan::ScanState;
use autoscan_core::step::{MOST_STEPS, StepKind};

use crate::harness::*;

laws! {
    async fn a_scan_remembers_how_it_came_where_it_is(store: &dyn Store) {
        let id = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        let held = step(1, None, StepKind::Held, "mount gone");
        store.hold(vec![Hold { steps: vec![held.clone()], ..hold(store, id, 2).await }]).await.unwrap();
        let begun = step(3, None, StepKind::Started, "");
        let stale = Start { generation: 7, steps: vec![begun.clone()], ..start_of(store, id, &["plex"], at(3)).await };
        store.start(vec![stale], at(3)).await.unwrap();
        assert_eq!(store.steps(id).await.unwrap(), std::slice::from_ref(&held));
        let start = Start { steps: vec![begun.clone()], ..start_of(store, id, &["plex"], at(3)).await };
        store.start(vec![start], at(3)).await.unwrap();
        let sent = step(4, Some("plex"), StepKind::Sent, "told of /tv/A");
        let claimed = claims_one(store, id, "plex", Work::Deliver, at(4)).await;
        let failed = Delivery { state: DeliveryState::Failed, next_attempt_at: None, ..claimed.delivery.clone() };
        let settlement = Settlement { steps: vec![sent.clone()], ..settlement(&claimed, failed) };
        let finished = store.settle(vec![settlement.clone()], at(4)).await.unwrap().finished;
        assert_eq!(finished, [(id, ScanState::Attention)]);
        // What is not leased any more leaves no trace.
        assert_eq!(store.settle(vec![settlement], at(4)).await.unwrap().finished, []);
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
            store.hold(vec![Hold { steps, ..hold(store, id, 2).await }]).await.unwrap();
        }
        let kept = [plex(1, "away"), emby, whole, plex(4, "busy"), plex(5, "away")];
        assert_eq!(store.steps(id).await.unwrap(), kept);
    }

    async fn of_too_many_steps_the_middle_is_left_out_and_said(store: &dyn Store) {
        let id = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        let number = |number: i64| step(number, Some("plex"), StepKind::Waiting, &number.to_string());
        for first in (0..1000).step_by(100) {
            let steps = (first..first + 100).map(number).collect();
            store.hold(vec![Hold { steps, ..hold(store, id, 2).await }]).await.unwrap();
        }
        let steps = store.steps(id).await.unwrap();
        let half = MOST_STEPS / 2;
        assert_eq!(steps.len(), MOST_STEPS + 1);
        assert_eq!((&steps[half - 1], &steps[half + 1]), (&number(99), &number(900)));
        assert_eq!((steps[half].kind, steps[half].text.as_str()), (StepKind::LeftOut, "800 steps are left out here"));
        assert_eq!(steps.last(), Some(&number(999)));
    }
}
