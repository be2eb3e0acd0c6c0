//! What holds for a store in a file.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use autoscan_core::delivery::{Delivery, DeliveryState, Work};
use autoscan_core::ports::{Absorb, Batch, Hold, RefusalRecord, ScanFilter, Start, Store, StoreError};
use autoscan_core::scan::{Scan, ScanState};
use autoscan_store::{OpenError, Options, SqliteStore};
use rusqlite::Connection;
use tempfile::{TempDir, tempdir};

use crate::harness::*;

fn refusal(path: &Path) -> OpenError {
    match open_with(path, Options { busy_timeout: Duration::ZERO, ..Options::default() }) {
        Ok(_) => panic!("{path:?} was opened"),
        Err(error) => {
            assert!(error.to_string().contains("autoscan"), "a sentence that names the file: {error}");
            error
        }
    }
}

/// A folder with a closed, empty queue in it.
async fn closed(folder: &TempDir) -> std::path::PathBuf {
    let path = folder.path().join("autoscan.db");
    open(&path).close().await;
    path
}

/// A plain connection, as another program has it.
fn stranger(path: &Path) -> Connection {
    let conn = Connection::open(path).unwrap();
    conn.busy_timeout(Duration::ZERO).unwrap();
    conn
}

async fn all(store: &SqliteStore) -> Vec<Scan> {
    store.list(ScanFilter { limit: 10_000, ..ScanFilter::default() }).await.unwrap().scans
}

#[tokio::test]
async fn everything_is_there_after_closing_and_opening() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("autoscan.db");
    let store = open(&path);
    let waiting = arrives(&store, "/tv/A", "1.mkv", at(0)).await;
    let held = Hold { note: Some("mount gone".into()), ..hold(&store, waiting, 500).await };
    store.hold(vec![held]).await.unwrap();
    let running = runs(&store, "/tv/B", &["plex", "emby"], at(0)).await;
    store.heartbeat(OWNER, Duration::from_mins(1)).await.unwrap();
    let leased = claims(&store, "plex", Work::Deliver, at(1)).await;
    finishes(&store, "/tv/C", DeliveryState::Failed, at(0)).await;
    let dropped = arrives(&store, "/tv/D", "1.mkv", at(0)).await;
    store.drop_scan(dropped).await.unwrap();
    store.set_setting("pause", Some("plex".into())).await.unwrap();
    let refused = RefusalRecord { trigger: name("sonarr"), reason: "no".into(), received_at: at(0) };
    store.absorb(Arc::new(Batch { refusals: vec![refused.clone()], ..batch(at(0), vec![]) })).await.unwrap();
    let (before, stats) = (all(&store).await, store.stats().await.unwrap());
    store.close().await;

    let store = open(&path);
    assert_eq!((all(&store).await, store.stats().await.unwrap()), (before, stats));
    assert_eq!(store.setting("pause").await.unwrap().as_deref(), Some("plex"));
    assert_eq!(store.refusals(9).await.unwrap(), [refused]);
    let again = claims(&store, "plex", Work::Deliver, at(2)).await;
    assert_eq!(
        (again.len(), &again[0].delivery),
        (1, &leased[0].delivery),
        "the lease ended with its process"
    );
    let late = Delivery { state: DeliveryState::Failed, next_attempt_at: None, ..leased[0].delivery.clone() };
    store.settle(vec![settlement(&leased[0], late)], at(3)).await.unwrap();
    assert_eq!(
        show(&store, running).await.state,
        ScanState::Running,
        "an answer from before the start is late"
    );
    arrives(&store, "/tv/A", "2.mkv", at(10)).await;
    assert_eq!(show(&store, waiting).await.due_at, at(500), "the hold outlives the program");
    assert!(arrives(&store, "/tv/E", "1.mkv", at(10)).await > dropped, "numbers are not given twice");
    assert_eq!(show(&store, running).await.state, ScanState::Running);
    store.close().await;
}

#[tokio::test]
async fn closing_finishes_what_was_asked_and_leaves_one_tidy_file() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("autoscan.db");
    let store = Arc::new(open(&path));
    let asked: Vec<_> = (0..100)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { arrives(&*store, &format!("/tv/{number}"), "1.mkv", at(0)).await })
        })
        .collect();
    for one in asked {
        one.await.unwrap();
    }
    store.close().await;
    store.close().await;
    assert_eq!(store.ready().await, Err(StoreError::Closed));
    assert_eq!(store.next_due().await, Err(StoreError::Closed));
    assert_eq!(store.setting("key").await, Err(StoreError::Closed));
    assert!(!folder.path().join("autoscan.db-wal").exists());
    let rows: i64 = stranger(&path).query_row("SELECT count(*) FROM scan", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_many_senders_send_at_once_is_all_stored() {
    let folder = tempdir().unwrap();
    let store = Arc::new(open(&folder.path().join("autoscan.db")));
    let senders: Vec<_> = (0..64)
        .map(|sender| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for number in 0..20 {
                    let file = format!("{sender}-{number}.mkv");
                    let id = arrives(&*store, &format!("/tv/{}", number % 4), &file, at(number)).await;
                    let seen = show(&*store, id).await;
                    assert!(seen.changes.iter().any(|kept| kept.change.path.as_str().ends_with(&file)));
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    let scans = all(&store).await;
    assert_eq!(scans.len(), 4);
    for scan in scans {
        assert_eq!((scan.changes.len(), scan.generation), (320, 320));
    }
    store.close().await;
}

#[tokio::test]
async fn one_bad_command_spoils_nothing_for_its_group() {
    let folder = tempdir().unwrap();
    let path = closed(&folder).await;
    let spoil = "CREATE TRIGGER spoil BEFORE INSERT ON scan WHEN new.folder = '/tv/bad'
                 BEGIN SELECT raise(ABORT, 'spoiled'); END";
    stranger(&path).execute_batch(spoil).unwrap();
    let store = open(&path);
    let send = |folder: &'static str| {
        let good = absorb("/tv/shared", vec![created(&format!("{folder}/1.mkv"), at(0))]);
        store.absorb(batch(at(0), vec![good, absorb(folder, vec![])]).into())
    };
    // Polled in one go: they wait together, and the writer takes them together.
    let (a, bad, b, c) = tokio::join!(send("/tv/a"), send("/tv/bad"), send("/tv/b"), send("/tv/c"));
    assert!(matches!(&bad, Err(StoreError::Broken(reason)) if reason.contains("spoiled")), "{bad:?}");
    for kept in [a, b, c] {
        assert_eq!(
            show(&store, kept.unwrap().scans[0]).await.changes.len(),
            3,
            "nothing of the bad one was kept"
        );
    }
    assert_eq!(store.stats().await.unwrap().waiting, 4);
    store.close().await;
}

#[tokio::test]
async fn a_full_disk_is_said_and_passes() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("autoscan.db");
    let store = open_with(&path, Options { page_limit: Some(40), ..Options::default() }).unwrap();
    let store_more = async |number: i32| {
        let changes = (0..20).map(|file| created(&format!("/tv/{number}/{file}.mkv"), at(0))).collect();
        store.absorb(batch(at(0), vec![absorb(&format!("/tv/{number}"), changes)]).into()).await
    };
    let mut stored = vec![];
    let full = loop {
        match store_more(i32::try_from(stored.len()).unwrap()).await {
            Ok(receipt) => stored.extend(receipt.scans),
            Err(error) => break error,
        }
    };
    assert!(matches!(&full, StoreError::NotWritable(reason) if reason.contains("full")), "{full:?}");
    let scans = all(&store).await;
    assert_eq!(scans.len(), stored.len(), "what was answered is there, and nothing else");
    assert!(scans.iter().all(|scan| scan.changes.len() == 20));
    for id in stored {
        store.drop_scan(id).await.unwrap();
    }
    store_more(0).await.unwrap();
    store.ready().await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_lock_of_another_program_is_said_and_passes() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("autoscan.db");
    let store = open_with(&path, Options { busy_timeout: Duration::ZERO, ..Options::default() }).unwrap();
    let other = stranger(&path);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(store.ready().await, Err(StoreError::Locked));
    assert_eq!(store.stats().await.unwrap().waiting, 0, "it can still be read");
    other.execute_batch("ROLLBACK").unwrap();
    arrives(&store, "/tv/A", "1.mkv", at(0)).await;
    store.close().await;
}

#[tokio::test]
async fn a_second_autoscan_is_refused_until_the_first_has_closed() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("autoscan.db");
    let first = open(&path);
    assert!(matches!(refusal(&path), OpenError::InUse(_)));
    arrives(&first, "/tv/A", "1.mkv", at(0)).await;
    first.close().await;
    let second = open(&path);
    assert_eq!(all(&second).await.len(), 1);
    second.close().await;
}

#[tokio::test]
async fn what_is_no_queue_of_ours_is_refused_with_its_reason() {
    let folder = tempdir().unwrap();
    let autoscan = folder.path().join("autoscan");
    fs::create_dir(&autoscan).unwrap();
    assert!(matches!(refusal(&autoscan), OpenError::Directory(..)));
    assert!(matches!(refusal(&autoscan.join("missing/a.db")), OpenError::NoFolder(_)));

    let garbage = autoscan.join("garbage.db");
    fs::write(&garbage, "not a database, but longer than the header of one: ".repeat(20)).unwrap();
    assert!(matches!(refusal(&garbage), OpenError::NotADatabase(_)));
    assert!(fs::read_to_string(&garbage).unwrap().starts_with("not a database"), "left as it was");

    let foreign = autoscan.join("foreign.db");
    let go = "CREATE TABLE scan (folder TEXT NOT NULL, priority INTEGER NOT NULL, time DATETIME NOT NULL)";
    stranger(&foreign).execute_batch(go).unwrap();
    assert!(matches!(refusal(&foreign), OpenError::Foreign(_)));
}

#[tokio::test]
async fn a_database_of_a_newer_autoscan_is_refused_and_left_alone() {
    let folder = tempdir().unwrap();
    let path = closed(&folder).await;
    let ours: i64 = stranger(&path).pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    stranger(&path).pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(refusal(&path), OpenError::Newer { found: 99, .. }));
    stranger(&path).pragma_update(None, "user_version", ours).unwrap();
    open(&path).close().await;
}

#[tokio::test]
async fn a_read_only_file_is_refused() {
    let folder = tempdir().unwrap();
    let path = closed(&folder).await;
    fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
    assert!(matches!(refusal(&path), OpenError::ReadOnly(_)));
}

#[tokio::test]
async fn a_database_that_another_program_keeps_locked_is_refused() {
    let folder = tempdir().unwrap();
    let path = closed(&folder).await;
    let other = stranger(&path);
    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    assert!(matches!(refusal(&path), OpenError::Locked(_)));
}

#[tokio::test]
async fn the_files_are_for_their_owner_alone() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("autoscan.db");
    let store = open(&path);
    arrives(&store, "/tv/A", "1.mkv", at(0)).await;
    for file in fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
    assert_eq!(store.journal_note(), None);
    store.close().await;
}

#[tokio::test]
async fn a_file_that_is_empty_becomes_a_database() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("autoscan.db");
    fs::write(&path, "").unwrap();
    let store = open(&path);
    arrives(&store, "/tv/A", "1.mkv", at(0)).await;
    store.close().await;
}

#[tokio::test]
async fn without_a_log_the_store_works_and_says_so() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("autoscan.db");
    let options = Options { vfs: Some("unix-dotfile"), ..Options::default() };
    let store = open_with(&path, options).unwrap();
    let note = store.journal_note().unwrap();
    assert!(note.contains("rollback journal"), "{note}");
    arrives(&store, "/tv/A", "1.mkv", at(0)).await;
    store.close().await;
    let store = open_with(&path, options).unwrap();
    assert_eq!(all(&store).await.len(), 1);
    store.close().await;
}

/// Fills a closed queue with 45 000 scans; those for whose number `waits` holds wait, the others are done.
fn fill(path: &Path, waits: &str) {
    let sql = format!(
        "BEGIN;
         WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 45000)
         INSERT INTO scan (id, folder, state, priority, first_seen, due_at, generation, finished_at)
         SELECT n, '/tv/' || n, iif({waits}, 0, 2), 0, n, n, 0, iif({waits}, NULL, n) FROM number;
         UPDATE tally SET last_scan = 45000, done = (SELECT count(*) FROM scan WHERE state = 2);
         COMMIT"
    );
    stranger(path).execute_batch(&sql).unwrap();
}

/// How many scans of this state, with a number that begins with 7, each page shows.
async fn pages(store: &SqliteStore, state: Option<ScanState>) -> Vec<usize> {
    let mut filter =
        ScanFilter { text: Some("/tv/7".into()), state, limit: 100_000, ..ScanFilter::default() };
    let mut pages = vec![];
    loop {
        let page = store.list(filter.clone()).await.unwrap();
        pages.push(page.scans.len());
        filter.before = page.next;
        if filter.before.is_none() {
            return pages;
        }
    }
}

#[tokio::test]
async fn a_page_looks_at_no_more_than_its_share_and_hands_back_where_to_go_on() {
    let folder = tempdir().unwrap();
    let path = closed(&folder).await;
    fill(&path, "n % 2 = 1");
    let store = open(&path);
    // A page looks at 2 500: of all there are 18, of those that are done 9. 7000…7999 lie on both sides of 7500; 7, 70…79
    // and 700…799 are among the last.
    let after = |empty: usize, found: &[usize]| [&vec![0; empty][..], found].concat();
    assert_eq!(pages(&store, None).await, after(14, &[499, 501, 0, 111]));
    assert_eq!(pages(&store, Some(ScanState::Waiting)).await, after(14, &[250, 250, 0, 56]));
    assert_eq!(pages(&store, Some(ScanState::Done)).await, after(7, &[500, 55]));
    store.close().await;
}

#[tokio::test]
async fn the_few_that_wait_are_found_at_once_among_all_that_finished() {
    let folder = tempdir().unwrap();
    let path = closed(&folder).await;
    fill(&path, "n IN (7, 700, 30000)");
    let store = open(&path);
    assert_eq!(pages(&store, Some(ScanState::Waiting)).await, [2]);
    assert_eq!(pages(&store, Some(ScanState::Running)).await, [0]);
    store.close().await;
}

#[tokio::test]
async fn the_tally_agrees_with_the_rows_after_failures() {
    let folder = tempdir().unwrap();
    let path = closed(&folder).await;
    let spoil = "CREATE TRIGGER spoil BEFORE INSERT ON delivery WHEN new.target = 'bad'
                 BEGIN SELECT raise(ABORT, 'spoiled'); END";
    stranger(&path).execute_batch(spoil).unwrap();
    let store = open(&path);
    let id = arrives(&store, "/tv/A", "1.mkv", at(0)).await;
    let start = Start {
        deliveries: vec![Delivery::new(name("bad"), at(0))],
        ..start_of(&store, id, &[], at(0)).await
    };
    assert!(store.start(vec![start], at(0)).await.is_err());
    let urgent = Absorb { priority: 9, ..absorb("/tv/B", vec![]) };
    store.absorb(batch(at(0), vec![urgent]).into()).await.unwrap();
    let stats = store.stats().await.unwrap();
    assert_eq!((stats.waiting, stats.running), (2, 0));
    assert_eq!(show(&store, id).await.state, ScanState::Waiting);
    store.close().await;
}

#[tokio::test]
async fn arrivals_that_no_tally_was_written_for_are_counted_after_a_power_cut_and_numbers_are_not_given_twice()
 {
    let folder = tempdir().unwrap();
    let path = folder.path().join("autoscan.db");
    let store = open(&path);
    arrives(&store, "/tv/A", "1.mkv", at(0)).await;
    let dropped = arrives(&store, "/tv/B", "1.mkv", at(0)).await;
    assert!(store.drop_scan(dropped).await.unwrap());
    arrives(&store, "/tv/C", "1.mkv", at(0)).await;
    store.close().await;
    let store = open(&path);
    assert_eq!(store.stats().await.unwrap().waiting, 2);
    let last = arrives(&store, "/tv/D", "1.mkv", at(0)).await;
    assert_eq!(last.0, dropped.0 + 2);
    assert!(store.drop_scan(last).await.unwrap());
    store.close().await;
    let store = open(&path);
    assert!(arrives(&store, "/tv/E", "1.mkv", at(0)).await > last);
    store.close().await;
}
