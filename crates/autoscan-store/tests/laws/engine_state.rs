//! What is kept beside the queue. Each law holds for every store.

use std::sync::Arc;

use autoscan_core::history::{HourCounts, TriggerCounts, TriggerEvent};
use autoscan_core::ports::{Batch, Bookmark, RefusalRecord, Store};
use autoscan_core::scan::ScanId;
use autoscan_core::storm::HeldStorm;

use crate::harness::*;

laws! {
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
            store.absorb(Arc::new(Batch { refusals, ..batch(at(hundred), vec![]) })).await.unwrap();
        }
        let kept = store.refusals(5000).await.unwrap();
        assert_eq!(kept.len(), 1000);
        assert_eq!((kept[0].reason.as_str(), kept[0].received_at), ("refusal 1099", at(10)));
        assert_eq!(kept[999].reason, "refusal 100");
        assert_eq!(store.refusals(2).await.unwrap(), kept[..2]);
    }

    async fn a_store_that_works_is_ready(store: &dyn Store) {
        store.ready().await.unwrap();
        store.ready().await.unwrap();
    }

    async fn a_bookmark_is_kept_with_its_batch_and_with_an_empty_one_too(store: &dyn Store) {
        let at_place = |place: &str| Some(Bookmark { trigger: name("drive"), place: place.into() });
        assert_eq!(store.bookmark(&name("drive")).await.unwrap(), None);
        let one = Batch { bookmark: at_place("17"), ..batch(at(0), vec![absorb("/tv/A", vec![])]) };
        store.absorb(one.into()).await.unwrap();
        assert_eq!(store.bookmark(&name("drive")).await.unwrap().as_deref(), Some("17"));
        store.absorb(Arc::new(Batch { bookmark: at_place("18"), ..batch(at(1), vec![]) })).await.unwrap();
        store.absorb(batch(at(2), vec![]).into()).await.unwrap();
        assert_eq!(store.bookmark(&name("drive")).await.unwrap().as_deref(), Some("18"));
        assert_eq!(store.bookmark(&name("folder")).await.unwrap(), None);
    }

    async fn a_bookmark_does_not_move_when_its_batch_is_refused(store: &dyn Store) {
        let long = autoscan_core::path::LocalPath(path("/tv").0.join(vec!["x".repeat(200).as_str(); 1000]));
        let change = stored(autoscan_core::change::Change::created(long), at(0));
        let bookmark = Some(Bookmark { trigger: name("drive"), place: "17".into() });
        let refused = store.absorb(Arc::new(Batch { bookmark, ..batch(at(0), vec![absorb("/tv/A", vec![change])]) })).await;
        assert!(refused.is_err());
        assert_eq!(store.bookmark(&name("drive")).await.unwrap(), None);
    }

    async fn pauses_are_kept_until_they_end(store: &dyn Store) {
        assert_eq!(store.pauses().await.unwrap(), []);
        store.pause(vec![name("plex"), name("emby")], Some(at(60))).await.unwrap();
        store.pause(vec![name("plex"), name("kodi")], None).await.unwrap();
        let pauses = [(name("emby"), Some(at(60))), (name("kodi"), None), (name("plex"), None)];
        assert_eq!(store.pauses().await.unwrap(), pauses);
        store.resume(vec![name("plex"), name("nobody")]).await.unwrap();
        assert_eq!(store.pauses().await.unwrap(), pauses[..2]);
    }

    async fn mounts_are_kept_and_forgotten(store: &dyn Store) {
        store.change_mounts(vec![path("/mnt/b"), path("/mnt/a"), path("/mnt/b")], vec![]).await.unwrap();
        store.change_mounts(vec![path("/mnt/c")], vec![path("/mnt/b"), path("/mnt/x")]).await.unwrap();
        assert_eq!(store.mounts().await.unwrap(), [path("/mnt/a"), path("/mnt/c")]);
    }

    async fn of_a_prefix_the_later_storm_is_kept(store: &dyn Store) {
        let storm = |prefix, deleted, last| HeldStorm { prefix: path(prefix), deleted, last: at(last) };
        store.change_storms(vec![storm("/tv", 50, 1), storm("/movies", 60, 1)], vec![]).await.unwrap();
        store.change_storms(vec![storm("/tv", 70, 2), storm("/tv", 80, 3)], vec![path("/movies")]).await.unwrap();
        assert_eq!(store.storms().await.unwrap(), [storm("/tv", 80, 3)]);
    }

    async fn what_triggers_sent_is_added_up_and_the_last_events_are_kept(store: &dyn Store) {
        let event = |second: i64, outcome: &str, refused| TriggerEvent {
            at: at(second),
            event: "Download".into(),
            outcome: outcome.into(),
            scans: vec![ScanId(1), ScanId(second)],
            refused,
            times: 1,
        };
        let more = |second: i64, recent| TriggerCounts {
            trigger: name("sonarr"),
            events: 1,
            changes: 2,
            refused: 3,
            lost: 0,
            dismissed: 0,
            lost_since: None,
            last: (second != 3).then(|| (at(second), format!("event {second}"))),
            recent,
        };
        store.add_trigger_counts(vec![more(1, vec![event(1, "bad key", true), event(2, "stored", false)])]).await.unwrap();
        store.add_trigger_counts(vec![more(2, vec![event(3, "stored", false), event(4, "bad key", true)])]).await.unwrap();
        store.add_trigger_counts(vec![more(3, vec![event(5, "bad key", true)])]).await.unwrap();
        let again = TriggerEvent { times: 3, ..event(5, "bad key", true) };
        let again = TriggerEvent { scans: vec![ScanId(1), ScanId(1)], ..again };
        let kept = TriggerCounts {
            events: 3,
            changes: 6,
            refused: 9,
            lost: 0,
            dismissed: 0,
            lost_since: None,
            last: Some((at(2), "event 2".into())),
            ..more(2, vec![again, event(2, "stored", false), event(3, "stored", false)])
        };
        assert_eq!(store.trigger_counts().await.unwrap(), [kept]);
        let many = (10..30).map(|second| event(second, "stored", false)).collect();
        let other = TriggerCounts { trigger: name("radarr"), ..more(9, vec![]) };
        store.add_trigger_counts(vec![more(9, many), other.clone()]).await.unwrap();
        let counts = store.trigger_counts().await.unwrap();
        assert_eq!(counts[0], other);
        let times: Vec<_> = counts[1].recent.iter().map(|event| event.at).collect();
        assert_eq!(times, (20..30).map(at).collect::<Vec<_>>());
    }

    async fn what_a_person_put_away_is_kept(store: &dyn Store) {
        let none = || TriggerCounts::new(name("sonarr"));
        let lost = |seconds| TriggerCounts { lost: 1, lost_since: Some(at(seconds)), ..none() };
        store.add_trigger_counts(vec![lost(1)]).await.unwrap();
        store.add_trigger_counts(vec![TriggerCounts { lost: 1, dismissed: 2, ..none() }]).await.unwrap();
        assert_eq!(store.trigger_counts().await.unwrap(), [TriggerCounts { lost: 2, dismissed: 2, ..none() }]);
        store.add_trigger_counts(vec![lost(5)]).await.unwrap();
        let counts = store.trigger_counts().await.unwrap().remove(0);
        assert_eq!((counts.lost_and_not_dismissed(), counts.lost_since), (1, Some(at(5))));
    }

    async fn hours_are_added_up_and_forgotten(store: &dyn Store) {
        let count = |hour: i64, number: u64| HourCounts {
            hour,
            changes: number,
            done: number,
            attention: number,
            visible: std::array::from_fn(|class| u32::try_from(class).unwrap()),
            slowest: number,
        };
        store.add_hours(vec![count(7, 1), count(8, 2)], 0).await.unwrap();
        store.add_hours(vec![count(8, 5), count(9, 1)], 8).await.unwrap();
        let mut eight = count(8, 2);
        eight.add(&count(8, 5));
        assert_eq!((eight.changes, eight.slowest, eight.visible[3]), (7, 5, 6));
        assert_eq!(store.hours(0).await.unwrap(), [eight, count(9, 1)]);
        assert_eq!(store.hours(9).await.unwrap(), [count(9, 1)]);
    }
}
