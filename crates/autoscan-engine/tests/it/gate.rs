//! A vanished mount is not a deletion, and a late file is waited for.

use std::time::Duration;

use autoscan_core::delivery::DeliveryState;
use autoscan_testkit::START;

use crate::world::{Setup, Spy, World};

fn checking() -> Setup {
    Setup { check: true, ..Setup::default() }
}

fn long_ago() -> autoscan_core::time::Timestamp {
    START - Duration::from_hours(1)
}

#[tokio::test(start_paused = true)]
async fn nothing_under_a_missing_anchor_reaches_a_target_and_the_rest_flows() {
    let world = World::start(Setup { anchors: vec!["/mnt/a/.mounted"], ..checking() });
    world.files.put("/mnt/b/Show/a.mkv", 1, long_ago());
    world.files.make_folder("/mnt/a");
    for _ in 0..20 {
        world.send("deleted /mnt/a/Show/a.mkv\ncreated /mnt/b/Show/a.mkv").await;
        world.seconds(60).await;
    }
    assert!(world.spies[0].folders().iter().all(|folder| folder == "/mnt/b/Show"));
    let scans = world.scans().await;
    let held: Vec<_> = scans.iter().filter(|scan| scan.folder.as_str() == "/mnt/a/Show").collect();
    assert_eq!(held.len(), 1, "however long it takes, it stays one scan");
    let (state, error) = world.delivery(held[0].id, "plex").await;
    assert_eq!(state, DeliveryState::Held);
    assert!(error.contains("/mnt/a/.mounted"), "{error}");
    world.files.put("/mnt/a/.mounted", 0, START);
    world.files.put("/mnt/a/Show/b.mkv", 1, long_ago());
    world.seconds(15).await;
    assert_eq!(world.spies[0].folders().iter().filter(|folder| *folder == "/mnt/a/Show").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_mount_that_does_not_answer_holds_only_what_is_under_it() {
    let world = World::start(checking());
    for folder in ["/mnt/a/Show", "/mnt/b/Show"] {
        world.files.put(&format!("{folder}/a.mkv"), 1, long_ago());
    }
    world.files.break_below("/mnt/a", "transport endpoint is not connected");
    world.send("created /mnt/a/Show/a.mkv\ncreated /mnt/b/Show/a.mkv").await;
    world.seconds(60).await;
    assert_eq!(world.spies[0].folders(), ["/mnt/b/Show"]);
    world.files.heal("/mnt/a");
    world.seconds(15).await;
    assert_eq!(world.spies[0].folders(), ["/mnt/b/Show", "/mnt/a/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_look_that_takes_long_delays_no_scan_that_becomes_due_meanwhile() {
    let world = World::start(checking());
    for folder in ["/mnt/slow/Show", "/mnt/b/Show"] {
        world.files.put(&format!("{folder}/a.mkv"), 1, long_ago());
    }
    world.files.slow_down_below("/mnt/slow", Duration::from_mins(1));
    world.send("created /mnt/slow/Show/a.mkv").await;
    world.seconds(5).await;
    world.send("created /mnt/b/Show/a.mkv").await;
    world.seconds(11).await;
    assert_eq!(world.spies[0].folders(), ["/mnt/b/Show"]);
    world.seconds(300).await;
    assert_eq!(world.spies[0].folders(), ["/mnt/b/Show", "/mnt/slow/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_mount_that_vanishes_is_noticed_without_any_setting_and_after_a_restart() {
    let world = World::start(checking());
    world.files.mount("/mnt/media");
    world.files.put("/mnt/media/Show/a.mkv", 1, long_ago());
    world.send("created /mnt/media/Show/a.mkv").await;
    world.seconds(15).await;
    assert_eq!(world.spies[0].folders().len(), 1);
    let store = world.stop().await;
    let world = World::start(Setup { store: Some(store), ..checking() });
    world.files.make_folder("/mnt/media");
    world.send("deleted /mnt/media/Show/a.mkv").await;
    world.seconds(600).await;
    assert!(world.spies[0].folders().is_empty());
    let scan = world.scans().await.into_iter().next_back().unwrap();
    let (state, error) = world.delivery(scan.id, "plex").await;
    assert_eq!(state, DeliveryState::Held);
    assert!(error.contains("was a mount"), "{error}");
    world.engine.retry(scan.id).await.unwrap();
    world.seconds(1).await;
    assert_eq!(world.spies[0].folders(), ["/mnt/media"], "a person says that it is meant");
}

#[tokio::test(start_paused = true)]
async fn an_emptied_root_is_no_deletion() {
    let world = World::start(Setup { maps: vec![("/tv", "/srv/tv")], ..checking() });
    world.files.make_folder("/srv/tv");
    world.send("gone /tv/Show").await;
    world.seconds(300).await;
    assert!(world.spies[0].folders().is_empty());
    world.files.put("/srv/tv/Other/a.mkv", 1, long_ago());
    world.seconds(15).await;
    assert_eq!(
        world.spies[0].folders(),
        ["/srv/tv"],
        "with the library back, the nearest existing parent is told"
    );
}

#[tokio::test(start_paused = true)]
async fn a_late_file_is_waited_for() {
    let world = World::start(checking());
    world.files.make_folder("/tv/Show");
    world.send("created /tv/Show/a.mkv").await;
    world.seconds(300).await;
    assert!(world.spies[0].folders().is_empty());
    let scan = world.scans().await[0].id;
    let (state, error) = world.delivery(scan, "plex").await;
    assert_eq!(state, DeliveryState::Waiting);
    assert!(error.contains("not there yet"), "{error}");
    world.files.put("/tv/Show/a.mkv", 1, long_ago());
    world.seconds(15).await;
    assert_eq!(world.spies[0].folders(), ["/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_never_comes_gives_up_to_the_nearest_folder_and_says_so() {
    let world =
        World::start(Setup { spies: vec![("plex", Spy { proves: true, ..Spy::default() })], ..checking() });
    world.files.make_folder("/tv/Show");
    world.send("created /tv/Show/S01/a.mkv").await;
    world.seconds(590).await;
    assert!(world.spies[0].folders().is_empty());
    world.seconds(60).await;
    assert_eq!(world.spies[0].folders(), ["/tv/Show"]);
    let note = world.scans().await[0].note.clone().unwrap();
    assert!(
        note.contains("never appeared (10m)") && note.contains("scanning \"/tv/Show\" instead"),
        "{note}"
    );
    let (state, error) = world.delivery(world.scans().await[0].id, "plex").await;
    assert_eq!(state, DeliveryState::Missing, "it is missing until it comes: {error}");
    assert!(error.contains("never appeared on this machine"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_growing_file_is_not_scanned_before_it_stands_still() {
    let world = World::start(checking());
    for size in 0..60 {
        world.files.put("/tv/Show/a.mkv", size, world.engine.now());
        if size == 0 {
            world.send("created /tv/Show/a.mkv").await;
        }
        world.seconds(1).await;
    }
    assert!(world.spies[0].folders().is_empty());
    world.seconds(20).await;
    assert_eq!(world.spies[0].folders(), ["/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_file_from_the_future_is_watched_instead_of_believed() {
    let world = World::start(checking());
    world.files.put("/tv/Show/a.mkv", 1, START + Duration::from_hours(5));
    world.send("created /tv/Show/a.mkv").await;
    world.seconds(30).await;
    assert_eq!(world.spies[0].folders(), ["/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_tells_the_nearest_folder_that_exists() {
    let world = World::start(checking());
    world.files.put("/tv/Show/S02/a.mkv", 1, long_ago());
    world.send("deleted /tv/Show/S01/a.mkv\ndeleted /tv/Show/S01/b.mkv").await;
    world.seconds(15).await;
    assert_eq!(world.spies[0].folders(), ["/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_whose_new_name_is_not_known_yet_does_not_wait_for_the_old_one() {
    let world = World::start(checking());
    world.files.put("/tv/Show/new.mkv", 1, long_ago());
    world.send("replaced /tv/Show/old.mkv").await;
    world.seconds(15).await;
    assert_eq!(world.spies[0].folders(), ["/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_rescan_of_a_file_tells_its_folder() {
    let world = World::start(checking());
    world.files.put("/tv/Show/a.v2", 1, long_ago());
    world.send("rescan /tv/Show/a.v2").await;
    world.seconds(15).await;
    assert_eq!(world.spies[0].folders(), ["/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_comes_while_the_gate_looks_is_never_missed() {
    let world = World::start(checking());
    world.files.put("/tv/Show/a.mkv", 1, long_ago());
    world.send("created /tv/Show/a.mkv").await;
    world.seconds(9).await;
    world.send("created /tv/Show/late.mkv").await;
    world.seconds(60).await;
    assert!(world.spies[0].folders().is_empty(), "the later file of the same scan is waited for too");
    world.files.put("/tv/Show/late.mkv", 1, long_ago());
    world.seconds(15).await;
    assert_eq!(world.spies[0].folders(), ["/tv/Show"]);
}
