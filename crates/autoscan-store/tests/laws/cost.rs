//! What a webhook writes.

use std::fs;
use std::path::Path;

use autoscan_core::ports::Store;
use rusqlite::Connection;
use tempfile::tempdir;

use crate::harness::*;

/// The pages that are in the write-ahead log, each with its header of 24 bytes, behind that of the log.
fn pages_in_log(path: &Path) -> u64 {
    let length = fs::metadata(path.with_file_name("autoscan.db-wal")).unwrap().len();
    length.saturating_sub(32) / (4096 + 24)
}

/// Pages that one of a hundred webhooks writes alone, in hundredths, where ten thousand folders wait.
async fn pages_each(folder_of: impl Fn(usize) -> String) -> u64 {
    let folder = tempdir().unwrap();
    let path = folder.path().join("autoscan.db");
    let store = open(&path);
    for show in 0..100 {
        let folders = (0..100).map(|season| {
            let folder = format!("/mnt/media/TV/Show {show} of many/Season {season:02}");
            absorb(&folder, vec![created(&format!("{folder}/S{season:02}E01 - Pilot.mkv"), at(0))])
        });
        store.absorb(batch(at(0), folders.collect()).into()).await.unwrap();
    }
    Connection::open(&path).unwrap().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    assert_eq!(pages_in_log(&path), 0);
    for number in 0..100 {
        let file = format!("S01E{number:02} - A title of a usual length.mkv");
        arrives(&store, &folder_of(number), &file, at(1)).await;
    }
    let pages = pages_in_log(&path);
    store.close().await;
    pages
}

#[tokio::test]
async fn a_webhook_for_a_new_folder_writes_two_pages() {
    let pages = pages_each(|number| format!("/mnt/media/TV/Series {}/Season 01", number * 7919 % 100)).await;
    assert!(pages <= 230, "{pages} pages for a hundred webhooks");
}

#[tokio::test]
async fn a_webhook_for_a_folder_that_waits_writes_few_pages() {
    let pages = pages_each(|number| format!("/mnt/media/TV/Show {number} of many/Season 07")).await;
    assert!(pages <= 450, "{pages} pages for a hundred webhooks");
}

#[tokio::test]
async fn a_season_that_comes_episode_by_episode_writes_three_pages_each() {
    let pages = pages_each(|_number| "/mnt/media/TV/Series/Season 01".to_owned()).await;
    assert!(pages <= 350, "{pages} pages for a hundred webhooks");
}
