//! What an older autoscan left is still there, and works.

use std::path::{Path, PathBuf};

use autoscan_core::delivery::{Delivery, DeliveryState, Work};
use autoscan_core::history::{HourCounts, TriggerCounts, TriggerEvent, VISIBLE_CLASSES};
use autoscan_core::ids::Ids;
use autoscan_core::ports::{LaterLookStore, Store};
use autoscan_core::scan::{ScanId, ScanState};
use autoscan_core::storm::HeldStorm;
use rusqlite::Connection;
use tempfile::{TempDir, tempdir};

use crate::harness::*;

/// What the first schema held: a scan that waits, one that runs, with one delivery leased, one sent and one to be tried
/// again, and one that is done.
const FIRST_ROWS: &str = "
    INSERT INTO scan VALUES (1, '/tv/A', 0, 2, 1700000000000, 1700000010000, NULL, 1, NULL, NULL, NULL);
    INSERT INTO scan VALUES (2, '/tv/B', 1, 0, 1700000000000, 1700000010000, NULL, 1, '/tv', 'higher', NULL);
    INSERT INTO scan VALUES (3, '/tv/C', 2, 0, 1700000000000, 1700000010000, NULL, 1, NULL, NULL, 1700000020000);
    INSERT INTO change VALUES (1, '/tv/A/a.mkv', 0, 0, NULL, 0, 1, 'sonarr', 1700000000000, NULL);
    INSERT INTO change VALUES (2, '/tv/B/a.mkv', 0, 3, '/tv/B/old.mkv', 0, 1, 'sonarr', 1700000000000, 'plex,emby');
    INSERT INTO change VALUES (3, '/tv/C/a.mkv', 0, 0, NULL, 0, 1, 'sonarr', 1700000000000, NULL);
    INSERT INTO delivery VALUES (2, 'emby', 2, 1, NULL, 1700000015000, NULL, NULL, 0, NULL, 0);
    INSERT INTO delivery VALUES (2, 'jellyfin', 0, 1, 1700000030000, NULL, NULL, '404', 0, 1700000030000, 0);
    INSERT INTO delivery VALUES (2, 'plex', 0, 0, 1700000010000, NULL, NULL, NULL, 0, 1700000070000, 1);
    INSERT INTO delivery VALUES (3, 'plex', 2, 1, NULL, 1700000020000, NULL, NULL, 0, NULL, 0);
    UPDATE tally SET running = 1, done = 1, last_scan = 3;
    PRAGMA application_id = 0x6173636e;
    PRAGMA user_version = 1;
";

/// A database as the first schema had it.
fn first(folder: &TempDir) -> PathBuf {
    let file = folder.path().join("autoscan.db");
    let conn = Connection::open(&file).unwrap();
    conn.execute_batch("PRAGMA journal_mode = WAL").unwrap();
    conn.execute_batch(include_str!("../../migrations/0001_queue.sql")).unwrap();
    conn.execute_batch(FIRST_ROWS).unwrap();
    file
}

fn version(file: &Path) -> i64 {
    Connection::open(file).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn a_queue_of_the_first_schema_goes_on_where_it_was() {
    let folder = tempdir().unwrap();
    let file = first(&folder);
    let store = open(&file);
    let waiting = show(&store, ScanId(1)).await;
    assert_eq!((waiting.state, waiting.priority, waiting.due_at), (ScanState::Waiting, 2, at(10)));
    assert_eq!(waiting.changes[0].change.ids, Ids::default());
    let running = show(&store, ScanId(2)).await;
    let sent = &running.deliveries[0];
    assert_eq!(
        (sent.state, sent.is_open(), sent.widened, sent.cared),
        (DeliveryState::Sent, false, false, false)
    );
    assert_eq!((sent.sent_at, &sent.note), (Some(at(15)), &None));
    assert_eq!(running.changes[0].change.from, Some(path("/tv/B/old.mkv")));
    assert_eq!(running.changes[0].targets, Some(vec![name("plex"), name("emby")]));
    assert_eq!(running.changes[0].sent_path, None);
    assert_eq!(store.steps(ScanId(2)).await.unwrap(), []);

    for target in ["plex", "emby", "jellyfin"] {
        assert_eq!(store.next_attempt(&name(target), Work::Verify).await.unwrap(), None);
    }
    assert_eq!(claims(&store, "jellyfin", Work::Deliver, at(29)).await, []);
    let claimed = claims(&store, "plex", Work::Deliver, at(20)).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].scan, claimed[0].folder.as_str()), (ScanId(2), "/tv"));
    assert_eq!((claimed[0].first_seen, &claimed[0].delivery), (at(0), &Delivery::new(name("plex"), at(10))));
    assert_eq!(claimed[0].lease.number, 2, "it was leased once before");
    lets_go(&store).await;
    settles(&store, ScanId(2), "plex", DeliveryState::Sent, at(30)).await;
    settles(&store, ScanId(2), "jellyfin", DeliveryState::Failed, at(31)).await;
    assert_eq!(show(&store, ScanId(2)).await.state, ScanState::Attention);
    store.retry(ScanId(2), at(32)).await.unwrap();
    assert_eq!(store.steps(ScanId(2)).await.unwrap().len(), 1);
    assert_eq!(arrives(&store, "/tv/A", "b.mkv", at(12)).await, ScanId(1));
    assert_eq!(arrives(&store, "/tv/C", "b.mkv", at(12)).await, ScanId(4));
    store.close().await;
}

#[tokio::test]
async fn a_migration_that_fails_leaves_the_queue_as_it_was() {
    let folder = tempdir().unwrap();
    let file = first(&folder);
    let conn = Connection::open(&file).unwrap();
    conn.execute_batch("CREATE INDEX delivery_follow ON delivery (target)").unwrap();
    let refused = open_with(&file, autoscan_store::Options::default());
    assert!(refused.is_err());
    assert_eq!(version(&file), 1);
    conn.execute_batch("DROP INDEX delivery_follow").unwrap();
    drop(conn);
    let store = open(&file);
    assert_eq!(show(&store, ScanId(3)).await.state, ScanState::Done);
    store.close().await;
    assert_eq!(version(&file), 8);
}

/// What the fourth schema kept as whole values, and one setting that stays.
const SETTINGS: &str = r#"
    INSERT INTO setting VALUES ('paused:plex', 'for ever'), ('paused:emby', '1700000060000'), ('session-key', 'abc');
    INSERT INTO setting VALUES ('mounts', '/mnt/a' || char(10) || '/mnt/b c');
    INSERT INTO setting VALUES ('storms', '50 1700000001000 /tv' || char(10) || '60 1700000002000 /mnt/b c d');
    INSERT INTO setting VALUES ('events', '{
        "radarr": {"events": 0, "changes": 0, "refused": 0, "last": null, "recent": []},
        "sonarr": {"events": 3, "changes": 4, "refused": 5, "last": [1700000003000, "Download"], "recent": [
            {"at": 1700000001000, "event": "", "outcome": "the key is \"wrong\"", "scans": [], "refused": true, "times": 7},
            {"at": 1700000003000, "event": "Download", "outcome": "stored", "scans": [1, 22], "refused": false, "times": 1}
        ]}}');
    INSERT INTO setting VALUES ('hours', '{
        "472222": {"changes": 1, "done": 2, "attention": 3, "slowest": 4,
                   "visible": [0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]},
        "472223": {"changes": 6}}');
"#;

/// A database of the fourth schema with these rows.
fn fourth(folder: &TempDir, rows: &str) -> PathBuf {
    let file = first(folder);
    let conn = Connection::open(&file).unwrap();
    for sql in [
        include_str!("../../migrations/0002_proof.sql"),
        include_str!("../../migrations/0003_session.sql"),
        include_str!("../../migrations/0004_history.sql"),
        rows,
        "PRAGMA user_version = 4",
    ] {
        conn.execute_batch(sql).unwrap();
    }
    file
}

/// What [`SETTINGS`] say of triggers.
fn counts_in_settings() -> [TriggerCounts; 2] {
    let refused = TriggerEvent {
        at: at(1),
        event: String::new(),
        outcome: "the key is \"wrong\"".into(),
        scans: vec![],
        refused: true,
        times: 7,
    };
    let stored = TriggerEvent {
        at: at(3),
        event: "Download".into(),
        outcome: "stored".into(),
        scans: vec![ScanId(1), ScanId(22)],
        refused: false,
        times: 1,
    };
    let none = TriggerCounts {
        trigger: name("radarr"),
        events: 0,
        changes: 0,
        refused: 0,
        lost: 0,
        dismissed: 0,
        lost_since: None,
        last: None,
        recent: vec![],
    };
    let some = TriggerCounts {
        trigger: name("sonarr"),
        events: 3,
        changes: 4,
        refused: 5,
        lost: 0,
        dismissed: 0,
        lost_since: None,
        last: Some((at(3), "Download".into())),
        recent: vec![refused, stored],
    };
    [none, some]
}

#[tokio::test]
async fn what_an_older_autoscan_kept_as_whole_values_is_taken_over() {
    let folder = tempdir().unwrap();
    let store = open(&fourth(&folder, SETTINGS));
    let pauses = [(name("emby"), Some(at(60))), (name("plex"), None)];
    assert_eq!(store.pauses().await.unwrap(), pauses);
    assert_eq!(store.mounts().await.unwrap(), [path("/mnt/a"), path("/mnt/b c")]);
    let held_storm = |prefix, deleted, last| HeldStorm { prefix: path(prefix), deleted, last: at(last) };
    assert_eq!(store.storms().await.unwrap(), [held_storm("/mnt/b c d", 60, 2), held_storm("/tv", 50, 1)]);
    assert_eq!(store.trigger_counts().await.unwrap(), counts_in_settings());
    let mut visible = [0; VISIBLE_CLASSES];
    (visible[1], visible[23]) = (5, 9);
    let hours = [
        HourCounts { hour: 472_222, changes: 1, done: 2, attention: 3, visible, slowest: 4 },
        HourCounts { hour: 472_223, changes: 6, ..HourCounts::default() },
    ];
    assert_eq!(store.hours(0).await.unwrap(), hours);
    assert_eq!(store.setting("session-key").await.unwrap().as_deref(), Some("abc"));
    for taken in ["paused:plex", "mounts", "storms", "events", "hours"] {
        assert_eq!(store.setting(taken).await.unwrap(), None, "{taken}");
    }
    store.close().await;
}

#[tokio::test]
async fn whole_values_that_cannot_be_read_are_forgotten() {
    let folder = tempdir().unwrap();
    let spoiled =
        "INSERT INTO setting VALUES ('events', '{'), ('hours', ''), ('mounts', char(10)), ('storms', 'x y')";
    let store = open(&fourth(&folder, spoiled));
    assert_eq!((store.mounts().await.unwrap(), store.storms().await.unwrap()), (vec![], vec![]));
    assert_eq!((store.trigger_counts().await.unwrap(), store.hours(0).await.unwrap()), (vec![], vec![]));
    assert_eq!(show(&store, ScanId(3)).await.state, ScanState::Done);
    store.close().await;
}

#[tokio::test]
async fn deliveries_of_an_older_autoscan_are_claimed_as_ever() {
    let folder = tempdir().unwrap();
    let store = open(&fourth(&folder, ""));
    let claimed = claims(&store, "jellyfin", Work::Deliver, at(30)).await;
    assert_eq!(
        (claimed[0].lease.number, claimed[0].delivery.faults, claimed[0].delivery.excluded),
        (1, 0, false)
    );
    store.close().await;
}

#[tokio::test]
async fn a_queue_of_the_seventh_schema_goes_on_where_it_was() {
    let folder = tempdir().unwrap();
    let file = fourth(&folder, SETTINGS);
    let conn = Connection::open(&file).unwrap();
    for sql in [
        include_str!("../../migrations/0005_leases.sql"),
        include_str!("../../migrations/0006_missing.sql"),
        include_str!("../../migrations/0007_arrs.sql"),
        "UPDATE trigger_count SET lost = 2, lost_since = 1700000001000 WHERE trigger_name = 'sonarr'",
        "UPDATE delivery SET state = 4 WHERE scan = 3",
        "PRAGMA user_version = 7",
    ] {
        conn.execute_batch(sql).unwrap();
    }
    drop(conn);
    let store = open(&file);
    let missing = show(&store, ScanId(3)).await.deliveries.remove(0);
    assert_eq!((missing.state, missing.has_passing_cause()), (DeliveryState::Missing, false));
    let sonarr = store.trigger_counts().await.unwrap().remove(1);
    assert_eq!((sonarr.lost, sonarr.dismissed, sonarr.lost_since), (2, 0, Some(at(1))));
    store.close().await;
}

#[tokio::test]
async fn a_queue_of_the_fifth_schema_goes_on_where_it_was() {
    let folder = tempdir().unwrap();
    let file = fourth(&folder, SETTINGS);
    let conn = Connection::open(&file).unwrap();
    conn.execute_batch(include_str!("../../migrations/0005_leases.sql")).unwrap();
    conn.execute_batch("PRAGMA user_version = 5").unwrap();
    drop(conn);
    let store = open(&file);
    assert_eq!(arrives(&store, "/tv/A", "b.mkv", at(12)).await, ScanId(1));
    assert_eq!(show(&store, ScanId(1)).await.due_at, at(22));
    assert_eq!(store.trigger_counts().await.unwrap(), counts_in_settings());
    assert_eq!(store.next_later_look().await.unwrap(), None);
    store.close().await;
}
