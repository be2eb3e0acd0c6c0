//! A folder from which a file was deleted for an upgrade is not due before the new file is reported. Each law holds for every
//! store.

use autoscan_core::change::Change;
use autoscan_core::ports::Store;
use autoscan_core::scan::{Quiet, ScanId};
use std::time::Duration;

use crate::harness::*;

const FOLDER: &str = "/tv/Show/Season 1";

/// Half an hour, in seconds.
const WAIT: i64 = 1800;

fn replaced(file: &str) -> Change<autoscan_core::path::LocalPath> {
    Change::replaced(path(&format!("{FOLDER}/{file}")))
}

/// These changes of the folder come in together.
async fn comes(
    store: &dyn Store,
    changes: Vec<Change<autoscan_core::path::LocalPath>>,
    seconds: i64,
) -> ScanId {
    let changes = changes.into_iter().map(|change| stored(change, at(seconds))).collect();
    store.absorb(batch(at(seconds), vec![absorb(FOLDER, changes)]).into()).await.unwrap().scans[0]
}

laws! {
    async fn what_was_deleted_for_an_upgrade_is_due_alone_after_half_an_hour(store: &dyn Store) {
        let id = comes(store, vec![replaced("old.mkv")], 0).await;
        assert_eq!(show(store, id).await.due_at, at(WAIT));
        assert_eq!(due(store, WAIT - 1).await, []);
        assert_eq!(due(store, WAIT).await, [id]);
        assert_eq!(store.next_due().await.unwrap(), Some(at(WAIT)));
    }

    async fn with_the_new_file_it_is_due_as_if_that_had_come_alone(store: &dyn Store) {
        let id = comes(store, vec![replaced("old.mkv")], 0).await;
        let download = vec![
            Change::created(path(&format!("{FOLDER}/new.mkv"))),
            Change::deleted(path(&format!("{FOLDER}/old.mkv"))),
        ];
        assert_eq!(comes(store, download, 900).await, id);
        assert_eq!(show(store, id).await.due_at, at(910));
        assert_eq!(show(store, id).await.changes.len(), 2);
    }

    async fn the_maximum_wait_counts_from_the_end_of_the_wait_for_a_file(store: &dyn Store) {
        let id = comes(store, vec![replaced("old.mkv")], 0).await;
        for second in [900, 905, 910] {
            arrives(store, FOLDER, &format!("{second}.mkv"), at(second)).await;
            assert_eq!(show(store, id).await.due_at, at(second + 10));
        }
        arrives(store, FOLDER, "late.mkv", at(1019)).await;
        assert_eq!(show(store, id).await.due_at, at(1020));
    }

    async fn a_pack_of_upgrades_waits_for_each_of_its_files_and_not_for_ever(store: &dyn Store) {
        let id = comes(store, vec![replaced("0.mkv")], 0).await;
        for episode in 1..40 {
            let now = episode * 60;
            arrives(store, FOLDER, &format!("new {episode}.mkv"), at(now)).await;
            comes(store, vec![replaced(&format!("{episode}.mkv"))], now).await;
            let due_at = show(store, id).await.due_at;
            assert!(due_at > at(now), "{episode}: nothing is told while a file is missing");
            assert!(due_at <= at(WAIT + 2 * 120), "{episode}: {due_at:?}");
            if due_at < at(now + 60) {
                return;
            }
        }
        panic!("it waits for ever");
    }

    async fn a_longer_quiet_of_another_trigger_is_kept(store: &dyn Store) {
        let slow = Quiet { minimum_age: Duration::from_mins(1), maximum_wait: Duration::from_mins(2) };
        let first = autoscan_core::ports::Absorb { quiet: slow, ..absorb(FOLDER, vec![created(&format!("{FOLDER}/a.mkv"), at(0))]) };
        let id = store.absorb(batch(at(0), vec![first]).into()).await.unwrap().scans[0];
        comes(store, vec![replaced("old.mkv")], 5).await;
        assert_eq!(show(store, id).await.due_at, at(5 + WAIT));
        arrives(store, FOLDER, "new.mkv", at(6)).await;
        assert_eq!(show(store, id).await.due_at, at(60));
    }

    async fn a_person_who_wants_to_see_the_folder_now_ends_the_wait(store: &dyn Store) {
        let id = comes(store, vec![replaced("old.mkv")], 0).await;
        comes(store, vec![Change::rescan(path(FOLDER))], 5).await;
        assert_eq!(show(store, id).await.due_at, at(15));
        comes(store, vec![replaced("old.mkv")], 6).await;
        store.retry(id, at(7)).await.unwrap();
        assert_eq!(due(store, 7).await, [id]);
        arrives(store, FOLDER, "b.mkv", at(7)).await;
        assert_eq!(show(store, id).await.due_at, at(17));
    }

    async fn a_start_ends_the_wait_and_the_next_scan_begins_without_one(store: &dyn Store) {
        let id = comes(store, vec![replaced("old.mkv")], 0).await;
        let start = start_of(store, id, &["plex"], at(WAIT)).await;
        store.start(vec![start], at(WAIT)).await.unwrap();
        let next = arrives(store, FOLDER, "new.mkv", at(WAIT + 1)).await;
        assert_ne!(next, id);
        assert_eq!(show(store, next).await.due_at, at(WAIT + 11));
    }

    async fn a_clock_that_is_set_back_does_not_lengthen_the_wait(store: &dyn Store) {
        let id = comes(store, vec![replaced("old.mkv")], 5000).await;
        store.bring_to(at(0)).await.unwrap();
        assert_eq!(show(store, id).await.due_at, at(0));
        arrives(store, FOLDER, "new.mkv", at(1)).await;
        assert_eq!(show(store, id).await.due_at, at(11));
    }
}
