//! The way into the queue. Each law holds for every store.

use autoscan_core::change::{Change, ChangeKind, Subject};
use autoscan_core::ids::{IdSource, Ids};
use autoscan_core::path::{MAX_LENGTH, TriggerPath};
use autoscan_core::ports::{Absorb, Stats, Store, StoreError};
use autoscan_core::scan::{ScanState, StoredChange};

use crate::harness::*;

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
            let receipt = store.absorb(batch(at(0), vec![absorb(folder, vec![change])]).into()).await.unwrap();
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
        let receipt = store.absorb(batch(at(1), folders.to_vec()).into()).await.unwrap();
        assert_eq!(receipt.scans[1], known);
        assert_eq!(receipt.scans[0], receipt.scans[2]);
        assert_eq!(show(store, receipt.scans[0]).await.changes.len(), 1);
    }

    async fn a_waiting_scan_keeps_the_highest_priority(store: &dyn Store) {
        for (given, kept) in [(2, 2), (7, 7), (-1, 7)] {
            let absorb = Absorb { priority: given, ..absorb("/tv/A", vec![]) };
            let receipt = store.absorb(batch(at(0), vec![absorb]).into()).await.unwrap();
            assert_eq!(show(store, receipt.scans[0]).await.priority, kept);
        }
    }

    async fn what_a_scan_remembers_of_a_path_is_its_outcome(store: &dyn Store) {
        for (place, known) in ChangeKind::ALL.into_iter().enumerate() {
            for (other, later) in ChangeKind::ALL.into_iter().enumerate() {
                let folder = format!("/tv/{place}/{other}");
                let of = |kind, seconds| {
                    let change = Change { kind, ..Change::created(path(&format!("{folder}/a.mkv"))) };
                    absorb(&folder, vec![stored(change, at(seconds))])
                };
                store.absorb(batch(at(0), vec![of(known, 0)]).into()).await.unwrap();
                let receipt = store.absorb(batch(at(1), vec![of(later, 1)]).into()).await.unwrap();
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
        store.absorb(batch(at(0), vec![absorb("/tv/A", first)]).into()).await.unwrap();
        let receipt = store
            .absorb(batch(at(3), vec![absorb("/tv/A", vec![later, created("/tv/A/0.mkv", at(3))])]).into())
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
        let receipt = store.absorb(batch(at(0), vec![absorb("/tv/A", changes)]).into()).await.unwrap();
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
            let receipt = store.absorb(batch(at(0), vec![absorb(&folder, changes.to_vec())]).into()).await.unwrap();
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
                store.absorb(batch(at(0), vec![absorb(&folder, vec![of(known), of(later)])]).into()).await.unwrap();
            assert_eq!(show(store, receipt.scans[0]).await.changes[0].targets, names(kept), "{place}");
        }
    }

    async fn a_path_that_no_system_accepts_is_refused_whole(store: &dyn Store) {
        let names = vec!["x".repeat(200); MAX_LENGTH / 200 + 1];
        let long = autoscan_core::path::LocalPath(path("/tv").0.join(names.iter().map(String::as_str)));
        let change = stored(Change::created(long), at(0));
        let folders = vec![absorb("/tv/A", vec![created("/tv/A/1.mkv", at(0))]), absorb("/tv/B", vec![change])];
        let refused = store.absorb(batch(at(0), folders).into()).await;
        assert!(matches!(refused, Err(StoreError::Broken(_))), "{refused:?}");
        assert_eq!(listed(store, everything()).await, []);
    }

    async fn ids_are_kept_until_others_come(store: &dyn Store) {
        let of = |id: &str| Change::created(path("/tv/A/1.mkv")).with_ids(Ids::default().with(IdSource::Tvdb, id));
        for (given, kept) in [("", ""), ("1", "1"), ("", "1"), ("2", "2"), ("0", "2")] {
            let absorb = absorb("/tv/A", vec![stored(of(given), at(0))]);
            let id = store.absorb(batch(at(0), vec![absorb]).into()).await.unwrap().scans[0];
            assert_eq!(show(store, id).await.changes[0].change, of(kept), "{given:?}");
        }
    }

    async fn the_path_is_kept_as_it_was_sent_last(store: &dyn Store) {
        let sent = |path: &str| Some(TriggerPath::parse(path).unwrap());
        for path in [sent("C:\\tv\\a.mkv"), None, sent("/data/tv/a.mkv")] {
            let change = StoredChange { sent_path: path.clone(), ..created("/tv/A/a.mkv", at(0)) };
            let id = store.absorb(batch(at(0), vec![absorb("/tv/A", vec![change])]).into()).await.unwrap().scans[0];
            let scan = show(store, id).await;
            assert_eq!((&scan.changes[0].sent_path, scan.changes.len()), (&path, 1));
        }
    }

    async fn a_number_is_never_given_twice(store: &dyn Store) {
        let first = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        store.drop_scan(first).await.unwrap();
        let second = arrives(store, "/tv/A", "1.mkv", at(0)).await;
        assert!(second > first);
        assert_eq!(show(store, second).await.changes.len(), 1);
    }
}
