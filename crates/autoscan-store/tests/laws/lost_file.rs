//! A file that is taken away, or changed by somebody else, under a store that runs.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use autoscan_core::ports::{Store, StoreError};
use autoscan_store::{OpenError, Options, SqliteStore};
use rusqlite::Connection;
use tempfile::tempdir;

use crate::harness::*;

fn log_of(path: &Path) -> PathBuf {
    path.with_file_name("autoscan.db-wal")
}

/// What a store says of a new change, and of its readiness, after something happened to its files.
async fn says_after(happens: impl FnOnce(&Path)) -> (Result<(), StoreError>, Result<(), StoreError>) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("autoscan.db");
    let store = open(&path);
    for number in 0..20 {
        arrives(&store, &format!("/tv/{number}"), "1.mkv", at(0)).await;
    }
    happens(&path);
    let ready = store.ready().await;
    let folders = vec![absorb("/tv/A", vec![created("/tv/A/1.mkv", at(1))])];
    let kept = store.absorb(batch(at(1), folders).into()).await.map(|_receipt| ());
    store.close().await;
    (kept, ready)
}

fn is_lost(said: &Result<(), StoreError>, words: &str) -> bool {
    matches!(said, Err(StoreError::NotWritable(reason)) if reason.contains(words) && reason.contains("start autoscan again"))
}

#[tokio::test]
async fn nothing_is_taken_in_when_the_file_is_deleted() {
    let (kept, ready) = says_after(|path| fs::remove_file(path).unwrap()).await;
    assert!(is_lost(&kept, "deleted or replaced"), "{kept:?}");
    assert!(is_lost(&ready, "deleted or replaced"), "{ready:?}");
}

#[tokio::test]
async fn nothing_is_taken_in_when_another_file_has_the_name() {
    let (kept, ready) = says_after(|path| {
        fs::copy(path, path.with_file_name("backup.db")).unwrap();
        fs::rename(path.with_file_name("backup.db"), path).unwrap();
    })
    .await;
    assert!(is_lost(&kept, "deleted or replaced"), "{kept:?}");
    assert!(is_lost(&ready, "deleted or replaced"), "{ready:?}");
}

#[tokio::test]
async fn nothing_is_taken_in_when_the_log_is_deleted_replaced_or_cut() {
    let cut = |length| {
        move |path: &Path| OpenOptions::new().write(true).open(log_of(path)).unwrap().set_len(length).unwrap()
    };
    let deleted = |path: &Path| fs::remove_file(log_of(path)).unwrap();
    let replaced = |path: &Path| {
        fs::copy(log_of(path), path.with_file_name("backup")).unwrap();
        fs::rename(path.with_file_name("backup"), log_of(path)).unwrap();
    };
    for (kept, ready) in [
        says_after(cut(0)).await,
        says_after(cut(32)).await,
        says_after(cut(9_000)).await,
        says_after(deleted).await,
        says_after(replaced).await,
    ] {
        assert!(is_lost(&kept, "autoscan.db-wal"), "{kept:?}");
        assert!(is_lost(&ready, "autoscan.db-wal"), "{ready:?}");
    }
}

#[tokio::test]
async fn what_another_program_does_by_the_rules_of_sqlite_is_no_loss() {
    let by_sqlite = |sql: &'static str| {
        move |path: &Path| {
            let other = Connection::open(path).unwrap();
            other.execute_batch(sql).unwrap();
        }
    };
    for sql in [
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA wal_checkpoint(RESTART)",
        "UPDATE tally SET probes = probes + 1",
        "INSERT INTO setting VALUES ('key', 'value'); PRAGMA wal_checkpoint(TRUNCATE); DELETE FROM setting",
        "SELECT count(*) FROM scan",
    ] {
        assert_eq!(says_after(by_sqlite(sql)).await, (Ok(()), Ok(())), "{sql}");
    }
}

#[tokio::test]
async fn the_file_that_came_instead_is_left_as_it_is() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("autoscan.db");
    let (other, store) = (folder.path().join("other.db"), open(&path));
    arrives(&store, "/tv/A", "1.mkv", at(0)).await;
    let newer = open(&other);
    arrives(&newer, "/tv/B", "1.mkv", at(0)).await;
    // As a person restores a backup: the file and its log.
    fs::rename(&other, &path).unwrap();
    fs::rename(folder.path().join("other.db-wal"), log_of(&path)).unwrap();
    assert!(store.ready().await.is_err());
    let before = fs::read(log_of(&path)).unwrap();
    store.close().await;
    assert_eq!(fs::read(log_of(&path)).unwrap(), before);
}

#[tokio::test]
async fn a_log_that_grew_large_and_was_moved_into_the_file_is_no_loss() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("autoscan.db");
    let store = open(&path);
    for round in 0..6 {
        let folders = (0..200).map(|number| {
            let folder = format!("/tv/{round}/{number}");
            absorb(&folder, vec![created(&format!("{folder}/{}.mkv", "x".repeat(200)), at(0))])
        });
        let stored = store.absorb(batch(at(0), folders.collect()).into()).await.unwrap();
        for id in stored.scans {
            store.drop_scan(id).await.unwrap();
        }
        store.ready().await.unwrap();
    }
    store.close().await;
}

#[tokio::test]
async fn a_second_autoscan_that_comes_through_a_link_is_refused() {
    let folder = tempdir().unwrap();
    let real = folder.path().join("real");
    fs::create_dir(&real).unwrap();
    let path = real.join("autoscan.db");
    let (file_link, folder_link) = (folder.path().join("link.db"), folder.path().join("link"));
    std::os::unix::fs::symlink(&path, &file_link).unwrap();
    std::os::unix::fs::symlink(&real, &folder_link).unwrap();
    // The first one comes through a link that leads to nothing yet.
    let first = open(&file_link);
    assert!(path.exists());
    for second in [&path, &file_link, &folder_link.join("autoscan.db")] {
        let refused = open_with(second, Options::default()).map(|_store: SqliteStore| ());
        assert!(matches!(refused, Err(OpenError::InUse(_))), "{second:?}: {refused:?}");
    }
    arrives(&first, "/tv/A", "1.mkv", at(0)).await;
    first.close().await;
    let second = open(&folder_link.join("autoscan.db"));
    assert_eq!(second.stats().await.unwrap().waiting, 1);
    second.close().await;
}
