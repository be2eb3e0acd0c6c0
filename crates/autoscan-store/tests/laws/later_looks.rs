//! Files that are looked for again. Each law holds for every store.

use autoscan_core::change::Change;
use autoscan_core::later_look::{LaterLook, MOST_LATER_LOOKS};
use autoscan_core::path::TriggerPath;
use autoscan_core::ports::{Batch, Store};

use crate::harness::*;

/// Sonarr missed this file.
pub(crate) fn look(file: &str, seconds: i64) -> LaterLook {
    LaterLook::new(path(file), name("sonarr"), TriggerPath::parse("/sent/a.mkv").ok(), at(seconds))
}

/// Sonarr misses these files, all in one folder.
async fn missed(store: &dyn Store, files: &[&str], seconds: i64) {
    let changes = files.iter().map(|file| stored(Change::deleted(path(file)), at(seconds))).collect();
    let later_looks = files.iter().map(|file| look(file, seconds)).collect();
    let batch = Batch { later_looks, ..batch(at(seconds), vec![absorb("/tv/A", changes)]) };
    store.absorb(batch.into()).await.unwrap();
}

async fn due_looks(store: &dyn Store, seconds: i64) -> Vec<String> {
    let due = store.due_later_looks(at(seconds), 10).await.unwrap();
    due.into_iter().map(|look| look.path.to_string()).collect()
}

laws! {
    async fn a_missed_file_is_looked_for_when_its_time_has_come(store: &dyn Store) {
        assert_eq!(store.next_later_look().await.unwrap(), None);
        missed(store, &["/tv/A/2.mkv", "/tv/A/1.mkv"], 7).await;
        missed(store, &["/tv/A/0.mkv"], 8).await;
        assert_eq!(store.next_later_look().await.unwrap(), Some(at(307)));
        assert_eq!(due_looks(store, 306).await, [""; 0]);
        assert_eq!(due_looks(store, 308).await, ["/tv/A/1.mkv", "/tv/A/2.mkv", "/tv/A/0.mkv"]);
        let first = store.due_later_looks(at(308), 1).await.unwrap();
        assert_eq!(first, [look("/tv/A/1.mkv", 7)]);
    }

    async fn any_later_change_of_the_path_ends_its_looks(store: &dyn Store) {
        missed(store, &["/tv/A/1.mkv", "/tv/A/2.mkv"], 0).await;
        arrives(store, "/tv/A", "1.mkv", at(1)).await;
        assert_eq!(due_looks(store, 300).await, ["/tv/A/2.mkv"]);
        missed(store, &["/tv/A/2.mkv"], 100).await;
        assert_eq!(due_looks(store, 399).await, [""; 0]);
        assert_eq!(due_looks(store, 400).await, ["/tv/A/2.mkv"]);
    }

    async fn what_became_of_looks_is_kept_and_what_ended_stays_so(store: &dyn Store) {
        missed(store, &["/tv/A/1.mkv", "/tv/A/2.mkv"], 0).await;
        let later = look("/tv/A/1.mkv", 0).not_found(at(300)).unwrap();
        let ended = look("/tv/A/3.mkv", 0);
        store.change_later_looks(vec![later.clone(), ended], vec![path("/tv/A/2.mkv")]).await.unwrap();
        assert_eq!(store.due_later_looks(at(9999), 10).await.unwrap(), [later]);
    }

    async fn so_many_are_kept_and_those_that_were_reported_first_go(store: &dyn Store) {
        missed(store, &["/tv/A/1.mkv"], 0).await;
        let later_looks = (0..MOST_LATER_LOOKS).map(|number| look(&format!("/tv/B/{number}.mkv"), 1)).collect();
        store.absorb(Batch { later_looks, ..batch(at(1), vec![]) }.into()).await.unwrap();
        let kept = store.due_later_looks(at(9999), usize::MAX).await.unwrap();
        assert_eq!(kept.len(), MOST_LATER_LOOKS);
        assert!(kept.iter().all(|look| look.path.as_str().starts_with("/tv/B/")));
    }

    async fn a_clock_that_is_set_back_does_not_put_a_look_off(store: &dyn Store) {
        missed(store, &["/tv/A/1.mkv"], 5000).await;
        store.bring_to(at(0)).await.unwrap();
        assert_eq!(store.next_later_look().await.unwrap(), Some(at(0)));
    }
}
