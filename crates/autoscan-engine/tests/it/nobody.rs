//! What reached nobody is never shown as well.

use std::time::Duration;

use autoscan_core::delivery::DeliveryState;
use autoscan_core::fault::Fault;
use autoscan_core::ports::ScanFilter;
use autoscan_core::scan::ScanState;

use autoscan_testkit::{ScriptedTarget, TestEngine, TestSetup};

#[tokio::test(start_paused = true)]
async fn a_scan_that_every_target_skipped_needs_attention_unless_a_person_means_it_so() {
    for (exclude, state) in [(vec![], ScanState::Attention), (vec!["^/tv/"], ScanState::Done)] {
        let target = ScriptedTarget::default();
        target.set_not_mine();
        let harness =
            TestEngine::start(TestSetup { targets: vec![("plex", target)], exclude, ..TestSetup::default() });
        harness.send("created /tv/Show/a.mkv").await;
        harness.seconds(20).await;
        let scan = harness.scans().await.remove(0);
        assert_eq!((scan.state, scan.deliveries[0].state), (state, DeliveryState::Skipped));
        let last = harness.engine.timeline(scan.id).await.unwrap().unwrap().pop().unwrap().text;
        assert_eq!(last.contains("no server was told"), state == ScanState::Attention, "{last}");
        assert_eq!(harness.engine.stats().await.unwrap().attention, u64::from(state == ScanState::Attention));
    }
}

#[tokio::test(start_paused = true)]
async fn a_scan_without_any_target_needs_attention() {
    let harness = TestEngine::start(TestSetup { targets: vec![], ..TestSetup::default() });
    harness.send("created /tv/Show/a.mkv").await;
    harness.seconds(20).await;
    assert_eq!(harness.scans().await[0].state, ScanState::Attention);
}

#[tokio::test(start_paused = true)]
async fn a_skip_beside_a_target_that_was_told_is_no_trouble() {
    let skips = ScriptedTarget::default();
    skips.set_not_mine();
    let targets = vec![("plex", skips), ("jellyfin", ScriptedTarget::default())];
    let harness = TestEngine::start(TestSetup { targets, ..TestSetup::default() });
    harness.send("created /tv/Show/a.mkv").await;
    harness.seconds(20).await;
    assert_eq!(harness.scans().await[0].state, ScanState::Done);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_never_came_is_missing_and_no_library_or_root_is_told_in_its_place() {
    // What is there of the path, the map of the trigger, and what may be told.
    for (there, maps, told) in [
        ("/", vec![], None),
        ("/tv", vec![], None),
        ("/tv", vec![("/downloads", "/tv")], None),
        ("/tv/Show", vec![], Some("/tv/Show")),
        ("/tv/Show/S01", vec![], Some("/tv/Show/S01")),
    ] {
        let targets = vec![("plex", ScriptedTarget { proves: true, ..ScriptedTarget::default() })];
        let harness =
            TestEngine::start(TestSetup { targets, check: true, maps: maps.clone(), ..TestSetup::default() });
        harness.files.make_folder(there);
        harness.files.make_folder("/tv/Other");
        let sent = if maps.is_empty() { "/tv" } else { "/downloads" };
        harness.send(&format!("created {sent}/Show/S01/a.mkv")).await;
        harness.seconds(700).await;
        let scan = harness.scans().await.remove(0);
        assert_eq!(harness.targets[0].folders().first().map(String::as_str), told, "{there}");
        assert_eq!(scan.state, ScanState::Attention, "{there}");
        let delivery = &scan.deliveries[0];
        assert_eq!(delivery.state, DeliveryState::Missing, "{there}");
        let error = delivery.error.as_deref().unwrap();
        assert!(error.contains("never appeared") && error.contains("/tv/Show/S01/a.mkv"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_was_asked_for_by_hand_and_is_not_there_is_missing() {
    let targets = vec![("plex", ScriptedTarget { proves: true, ..ScriptedTarget::default() })];
    let harness = TestEngine::start(TestSetup { targets, check: true, ..TestSetup::default() });
    harness.files.make_folder("/tv/Other");
    harness.send("rescan /tv/Shwo").await;
    harness.seconds(700).await;
    assert!(harness.targets[0].folders().is_empty());
    let scan = harness.scans().await.remove(0);
    assert_eq!((scan.state, scan.deliveries[0].state), (ScanState::Attention, DeliveryState::Missing));
}

#[tokio::test(start_paused = true)]
async fn a_retry_maps_afresh_from_the_path_as_it_was_sent() {
    let target = ScriptedTarget::default();
    target.set_not_mine();
    let harness = TestEngine::start(TestSetup { targets: vec![("plex", target)], ..TestSetup::default() });
    harness.send("created /downloads/Show/a.mkv").await;
    harness.seconds(20).await;
    assert_eq!(harness.scans().await[0].state, ScanState::Attention);
    let store = harness.stop().await;

    let maps = vec![("/downloads", "/tv")];
    let harness = TestEngine::start(TestSetup { maps, store: Some(store), ..TestSetup::default() });
    harness.seconds(1).await;
    let before = harness.scans().await.remove(0);
    let after = harness.engine.retry(before.id).await.unwrap().unwrap();
    assert_eq!(after.folder.as_str(), "/tv/Show");
    assert_eq!(after.changes[0].sent_path.as_ref().unwrap().as_str(), "/downloads/Show/a.mkv");
    harness.seconds(20).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show"]);
    let scans = harness.scans().await;
    assert_eq!((scans.len(), scans[0].state), (1, ScanState::Done), "the other scan is gone");
}

#[tokio::test(start_paused = true)]
async fn a_mended_map_helps_what_waits() {
    let harness = TestEngine::start(TestSetup { check: true, ..TestSetup::default() });
    harness.send("created /downloads/Show/a.mkv").await;
    harness.seconds(60).await;
    let store = harness.stop().await;
    let maps = vec![("/downloads", "/tv")];
    let harness =
        TestEngine::start(TestSetup { check: true, maps, store: Some(store), ..TestSetup::default() });
    harness.files.put("/tv/Show/a.mkv", 1, harness.engine.now() - Duration::from_hours(1));
    harness.seconds(30).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_key_needs_attention_until_it_is_mended() {
    let harness = TestEngine::start(TestSetup::default());
    harness.targets[0].set_down(Some(Fault::refused("the key was rejected")));
    harness.send("created /tv/Show/a.mkv").await;
    harness.seconds(30).await;
    let scan = harness.scans().await.remove(0);
    assert_eq!((scan.state, scan.deliveries[0].state), (ScanState::Attention, DeliveryState::Held));
    let stats = harness.engine.stats().await.unwrap();
    assert_eq!((stats.attention, stats.running), (1, 0));
    for (state, count) in [(ScanState::Attention, 1), (ScanState::Running, 0)] {
        let filter = ScanFilter { state: Some(state), limit: 10, ..ScanFilter::default() };
        assert_eq!(harness.engine.list(filter).await.unwrap().scans.len(), count, "{state:?}");
    }
    harness.targets[0].set_down(None);
    harness.seconds(600).await;
    assert_eq!(harness.scans().await[0].state, ScanState::Done);
    assert_eq!(harness.engine.stats().await.unwrap().attention, 0);
}
