//! What reached nobody is never shown as well.

use std::time::Duration;

use autoscan_core::delivery::DeliveryState;
use autoscan_core::fault::Fault;
use autoscan_core::ports::ScanFilter;
use autoscan_core::scan::ScanState;

use crate::world::{Setup, Spy, World};

#[tokio::test(start_paused = true)]
async fn a_scan_that_every_target_skipped_needs_attention_unless_a_person_means_it_so() {
    for (exclude, state) in [(vec![], ScanState::Attention), (vec!["^/tv/"], ScanState::Done)] {
        let spy = Spy::default();
        spy.set_not_mine();
        let world = World::start(Setup { spies: vec![("plex", spy)], exclude, ..Setup::default() });
        world.send("created /tv/Show/a.mkv").await;
        world.seconds(20).await;
        let scan = world.scans().await.remove(0);
        assert_eq!((scan.state, scan.deliveries[0].state), (state, DeliveryState::Skipped));
        let last = world.engine.timeline(scan.id).await.unwrap().unwrap().pop().unwrap().text;
        assert_eq!(last.contains("no server was told"), state == ScanState::Attention, "{last}");
        assert_eq!(world.engine.stats().await.unwrap().attention, u64::from(state == ScanState::Attention));
    }
}

#[tokio::test(start_paused = true)]
async fn a_scan_without_any_target_needs_attention() {
    let world = World::start(Setup { spies: vec![], ..Setup::default() });
    world.send("created /tv/Show/a.mkv").await;
    world.seconds(20).await;
    assert_eq!(world.scans().await[0].state, ScanState::Attention);
}

#[tokio::test(start_paused = true)]
async fn a_skip_beside_a_target_that_was_told_is_no_trouble() {
    let skips = Spy::default();
    skips.set_not_mine();
    let spies = vec![("plex", skips), ("jellyfin", Spy::default())];
    let world = World::start(Setup { spies, ..Setup::default() });
    world.send("created /tv/Show/a.mkv").await;
    world.seconds(20).await;
    assert_eq!(world.scans().await[0].state, ScanState::Done);
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
        let spies = vec![("plex", Spy { proves: true, ..Spy::default() })];
        let world = World::start(Setup { spies, check: true, maps: maps.clone(), ..Setup::default() });
        world.files.make_folder(there);
        world.files.make_folder("/tv/Other");
        let sent = if maps.is_empty() { "/tv" } else { "/downloads" };
        world.send(&format!("created {sent}/Show/S01/a.mkv")).await;
        world.seconds(700).await;
        let scan = world.scans().await.remove(0);
        assert_eq!(world.spies[0].folders().first().map(String::as_str), told, "{there}");
        assert_eq!(scan.state, ScanState::Attention, "{there}");
        let delivery = &scan.deliveries[0];
        assert_eq!(delivery.state, DeliveryState::Missing, "{there}");
        let error = delivery.error.as_deref().unwrap();
        assert!(error.contains("never appeared") && error.contains("/tv/Show/S01/a.mkv"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_was_asked_for_by_hand_and_is_not_there_is_missing() {
    let spies = vec![("plex", Spy { proves: true, ..Spy::default() })];
    let world = World::start(Setup { spies, check: true, ..Setup::default() });
    world.files.make_folder("/tv/Other");
    world.send("rescan /tv/Shwo").await;
    world.seconds(700).await;
    assert!(world.spies[0].folders().is_empty());
    let scan = world.scans().await.remove(0);
    assert_eq!((scan.state, scan.deliveries[0].state), (ScanState::Attention, DeliveryState::Missing));
}

#[tokio::test(start_paused = true)]
async fn a_retry_maps_afresh_from_the_path_as_it_was_sent() {
    let spy = Spy::default();
    spy.set_not_mine();
    let world = World::start(Setup { spies: vec![("plex", spy)], ..Setup::default() });
    world.send("created /downloads/Show/a.mkv").await;
    world.seconds(20).await;
    assert_eq!(world.scans().await[0].state, ScanState::Attention);
    let store = world.stop().await;

    let maps = vec![("/downloads", "/tv")];
    let world = World::start(Setup { maps, store: Some(store), ..Setup::default() });
    world.seconds(1).await;
    let before = world.scans().await.remove(0);
    let after = world.engine.retry(before.id).await.unwrap().unwrap();
    assert_eq!(after.folder.as_str(), "/tv/Show");
    assert_eq!(after.changes[0].sent_path.as_ref().unwrap().as_str(), "/downloads/Show/a.mkv");
    world.seconds(20).await;
    assert_eq!(world.spies[0].folders(), ["/tv/Show"]);
    let scans = world.scans().await;
    assert_eq!((scans.len(), scans[0].state), (1, ScanState::Done), "the other scan is gone");
}

#[tokio::test(start_paused = true)]
async fn a_mended_map_helps_what_waits() {
    let world = World::start(Setup { check: true, ..Setup::default() });
    world.send("created /downloads/Show/a.mkv").await;
    world.seconds(60).await;
    let store = world.stop().await;
    let maps = vec![("/downloads", "/tv")];
    let world = World::start(Setup { check: true, maps, store: Some(store), ..Setup::default() });
    world.files.put("/tv/Show/a.mkv", 1, world.engine.now() - Duration::from_hours(1));
    world.seconds(30).await;
    assert_eq!(world.spies[0].folders(), ["/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_key_needs_attention_until_it_is_mended() {
    let world = World::start(Setup::default());
    world.spies[0].set_down(Some(Fault::refused("the key was rejected")));
    world.send("created /tv/Show/a.mkv").await;
    world.seconds(30).await;
    let scan = world.scans().await.remove(0);
    assert_eq!((scan.state, scan.deliveries[0].state), (ScanState::Attention, DeliveryState::Held));
    let stats = world.engine.stats().await.unwrap();
    assert_eq!((stats.attention, stats.running), (1, 0));
    for (state, count) in [(ScanState::Attention, 1), (ScanState::Running, 0)] {
        let filter = ScanFilter { state: Some(state), limit: 10, ..ScanFilter::default() };
        assert_eq!(world.engine.list(filter).await.unwrap().scans.len(), count, "{state:?}");
    }
    world.spies[0].set_down(None);
    world.seconds(600).await;
    assert_eq!(world.scans().await[0].state, ScanState::Done);
    assert_eq!(world.engine.stats().await.unwrap().attention, 0);
}
