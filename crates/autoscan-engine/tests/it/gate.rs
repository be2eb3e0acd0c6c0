//! A vanished mount is not a deletion, and a late file is waited for.

use std::time::Duration;

use autoscan_core::delivery::DeliveryState;
use autoscan_testkit::START;

use autoscan_testkit::{ScriptedTarget, TestEngine, TestSetup};

fn checking() -> TestSetup {
    TestSetup { check: true, ..TestSetup::default() }
}

fn long_ago() -> autoscan_core::time::Timestamp {
    START - Duration::from_hours(1)
}

#[tokio::test(start_paused = true)]
async fn nothing_under_a_missing_anchor_reaches_a_target_and_the_rest_flows() {
    let harness = TestEngine::start(TestSetup { anchors: vec!["/mnt/a/.mounted"], ..checking() });
    harness.files.put("/mnt/b/Show/a.mkv", 1, long_ago());
    harness.files.make_folder("/mnt/a");
    for _ in 0..20 {
        harness.send("deleted /mnt/a/Show/a.mkv\ncreated /mnt/b/Show/a.mkv").await;
        harness.seconds(60).await;
    }
    assert!(harness.targets[0].folders().iter().all(|folder| folder == "/mnt/b/Show"));
    let scans = harness.scans().await;
    let held: Vec<_> = scans.iter().filter(|scan| scan.folder.as_str() == "/mnt/a/Show").collect();
    assert_eq!(held.len(), 1, "however long it takes, it stays one scan");
    let (state, error) = harness.delivery(held[0].id, "plex").await;
    assert_eq!(state, DeliveryState::Held);
    assert!(error.contains("/mnt/a/.mounted"), "{error}");
    harness.files.put("/mnt/a/.mounted", 0, START);
    harness.files.put("/mnt/a/Show/b.mkv", 1, long_ago());
    harness.seconds(15).await;
    assert_eq!(harness.targets[0].folders().iter().filter(|folder| *folder == "/mnt/a/Show").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_mount_that_does_not_answer_holds_only_what_is_under_it() {
    let harness = TestEngine::start(checking());
    for folder in ["/mnt/a/Show", "/mnt/b/Show"] {
        harness.files.put(&format!("{folder}/a.mkv"), 1, long_ago());
    }
    harness.files.break_below("/mnt/a", "transport endpoint is not connected");
    harness.send("created /mnt/a/Show/a.mkv\ncreated /mnt/b/Show/a.mkv").await;
    harness.seconds(60).await;
    assert_eq!(harness.targets[0].folders(), ["/mnt/b/Show"]);
    harness.files.heal("/mnt/a");
    harness.seconds(15).await;
    assert_eq!(harness.targets[0].folders(), ["/mnt/b/Show", "/mnt/a/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_look_that_takes_long_delays_no_scan_that_becomes_due_meanwhile() {
    let harness = TestEngine::start(checking());
    for folder in ["/mnt/slow/Show", "/mnt/b/Show"] {
        harness.files.put(&format!("{folder}/a.mkv"), 1, long_ago());
    }
    harness.files.slow_down_below("/mnt/slow", Duration::from_mins(1));
    harness.send("created /mnt/slow/Show/a.mkv").await;
    harness.seconds(5).await;
    harness.send("created /mnt/b/Show/a.mkv").await;
    harness.seconds(11).await;
    assert_eq!(harness.targets[0].folders(), ["/mnt/b/Show"]);
    harness.seconds(300).await;
    assert_eq!(harness.targets[0].folders(), ["/mnt/b/Show", "/mnt/slow/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_mount_that_vanishes_is_noticed_without_any_setting_and_after_a_restart() {
    let harness = TestEngine::start(checking());
    harness.files.mount("/mnt/media");
    harness.files.put("/mnt/media/Show/a.mkv", 1, long_ago());
    harness.send("created /mnt/media/Show/a.mkv").await;
    harness.seconds(15).await;
    assert_eq!(harness.targets[0].folders().len(), 1);
    let store = harness.stop().await;
    let harness = TestEngine::start(TestSetup { store: Some(store), ..checking() });
    harness.files.make_folder("/mnt/media");
    harness.send("deleted /mnt/media/Show/a.mkv").await;
    harness.seconds(600).await;
    assert!(harness.targets[0].folders().is_empty());
    let scan = harness.scans().await.into_iter().next_back().unwrap();
    let (state, error) = harness.delivery(scan.id, "plex").await;
    assert_eq!(state, DeliveryState::Held);
    assert!(error.contains("was a mount"), "{error}");
    harness.engine.retry(scan.id).await.unwrap();
    harness.seconds(1).await;
    assert_eq!(harness.targets[0].folders(), ["/mnt/media"], "a person says that it is meant");
}

#[tokio::test(start_paused = true)]
async fn an_emptied_root_is_no_deletion() {
    let harness = TestEngine::start(TestSetup { maps: vec![("/tv", "/srv/tv")], ..checking() });
    harness.files.make_folder("/srv/tv");
    harness.send("gone /tv/Show").await;
    harness.seconds(300).await;
    assert!(harness.targets[0].folders().is_empty());
    harness.files.put("/srv/tv/Other/a.mkv", 1, long_ago());
    harness.seconds(15).await;
    assert_eq!(
        harness.targets[0].folders(),
        ["/srv/tv"],
        "with the library back, the nearest existing parent is told"
    );
}

#[tokio::test(start_paused = true)]
async fn a_late_file_is_waited_for() {
    let harness = TestEngine::start(checking());
    harness.files.make_folder("/tv/Show");
    harness.send("created /tv/Show/a.mkv").await;
    harness.seconds(300).await;
    assert!(harness.targets[0].folders().is_empty());
    let scan = harness.scans().await[0].id;
    let (state, error) = harness.delivery(scan, "plex").await;
    assert_eq!(state, DeliveryState::Waiting);
    assert!(error.contains("not there yet"), "{error}");
    harness.files.put("/tv/Show/a.mkv", 1, long_ago());
    harness.seconds(15).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_never_comes_gives_up_to_the_nearest_folder_and_says_so() {
    let harness = TestEngine::start(TestSetup {
        targets: vec![("plex", ScriptedTarget { proves: true, ..ScriptedTarget::default() })],
        ..checking()
    });
    harness.files.make_folder("/tv/Show");
    harness.send("created /tv/Show/S01/a.mkv").await;
    harness.seconds(590).await;
    assert!(harness.targets[0].folders().is_empty());
    harness.seconds(60).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show"]);
    let note = harness.scans().await[0].note.clone().unwrap();
    assert!(
        note.contains("never appeared (10m)") && note.contains("scanning \"/tv/Show\" instead"),
        "{note}"
    );
    let (state, error) = harness.delivery(harness.scans().await[0].id, "plex").await;
    assert_eq!(state, DeliveryState::Missing, "it is missing until it comes: {error}");
    assert!(error.contains("never appeared on this machine"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_growing_file_is_not_scanned_before_it_stands_still() {
    let harness = TestEngine::start(checking());
    for size in 0..60 {
        harness.files.put("/tv/Show/a.mkv", size, harness.engine.now());
        if size == 0 {
            harness.send("created /tv/Show/a.mkv").await;
        }
        harness.seconds(1).await;
    }
    assert!(harness.targets[0].folders().is_empty());
    harness.seconds(20).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_file_from_the_future_is_watched_instead_of_believed() {
    let harness = TestEngine::start(checking());
    harness.files.put("/tv/Show/a.mkv", 1, START + Duration::from_hours(5));
    harness.send("created /tv/Show/a.mkv").await;
    harness.seconds(30).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_tells_the_nearest_folder_that_exists() {
    let harness = TestEngine::start(checking());
    harness.files.put("/tv/Show/S02/a.mkv", 1, long_ago());
    harness.send("deleted /tv/Show/S01/a.mkv\ndeleted /tv/Show/S01/b.mkv").await;
    harness.seconds(15).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_whose_new_name_never_comes_does_not_wait_for_the_old_one() {
    let harness = TestEngine::start(checking());
    harness.files.put("/tv/Show/new.mkv", 1, long_ago());
    harness.send("replaced /tv/Show/old.mkv").await;
    harness.seconds(30 * 60 + 5).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_rescan_of_a_file_tells_its_folder() {
    let harness = TestEngine::start(checking());
    harness.files.put("/tv/Show/a.v2", 1, long_ago());
    harness.send("rescan /tv/Show/a.v2").await;
    harness.seconds(15).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_comes_while_the_gate_looks_is_never_missed() {
    let harness = TestEngine::start(checking());
    harness.files.put("/tv/Show/a.mkv", 1, long_ago());
    harness.send("created /tv/Show/a.mkv").await;
    harness.seconds(9).await;
    harness.send("created /tv/Show/late.mkv").await;
    harness.seconds(60).await;
    assert!(harness.targets[0].folders().is_empty(), "the later file of the same scan is waited for too");
    harness.files.put("/tv/Show/late.mkv", 1, long_ago());
    harness.seconds(15).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show"]);
}
