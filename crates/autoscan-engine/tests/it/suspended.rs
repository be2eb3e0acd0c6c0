//! The clock that is set, the mount that is gone with ten thousand folders, and the store that refuses.

use std::time::Duration;

use autoscan_core::delivery::DeliveryState;
use autoscan_core::fault::Fault;
use autoscan_core::ports::Store;
use autoscan_core::scan::ScanState;

use autoscan_testkit::{ScriptedTarget, TestEngine, TestSetup, local};

const DAY: Duration = Duration::from_hours(24);

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_a_day_stops_nothing() {
    let target = ScriptedTarget { proves: true, ..ScriptedTarget::default() };
    *target.shows_after.lock().unwrap() = Some(Duration::ZERO);
    let harness = TestEngine::start(TestSetup { targets: vec![("plex", target)], ..TestSetup::default() });
    harness.seconds(1).await;
    harness.targets[0].set_down(Some(Fault::away("down")));
    harness.send("created /tv/Held/a.mkv").await;
    harness.seconds(30).await;
    harness.send("created /tv/Waits/a.mkv").await;
    harness.clock.set_back(DAY);
    harness.targets[0].set_down(None);
    harness.seconds(60).await;
    harness.send("created /tv/Later/a.mkv").await;
    harness.seconds(60).await;
    let states: Vec<_> = harness.scans().await.iter().map(|scan| scan.deliveries[0].state).collect();
    assert_eq!(states, [DeliveryState::Seen; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_set_back_before_the_start_stops_nothing() {
    let harness = TestEngine::start(TestSetup::default());
    harness.clock.set_forward(DAY);
    harness.send("created /tv/Waits/a.mkv").await;
    harness.seconds(1).await;
    let store = harness.stop().await;
    let harness = TestEngine::start(TestSetup { store: Some(store), ..TestSetup::default() });
    harness.seconds(20).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Waits"]);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_not_shown_is_missing_in_time_although_the_clock_was_set_back() {
    let target = ScriptedTarget { proves: true, ..ScriptedTarget::default() };
    let harness =
        TestEngine::start(TestSetup { targets: vec![("plex", target)], proof: 60, ..TestSetup::default() });
    harness.send("created /tv/Show/a.mkv").await;
    harness.seconds(20).await;
    harness.clock.set_back(DAY);
    harness.seconds(400).await;
    assert_eq!(harness.scans().await[0].state, ScanState::Attention);
}

#[tokio::test(start_paused = true)]
async fn folders_that_are_held_for_a_mount_cost_nothing_while_they_wait() {
    let harness = TestEngine::start(TestSetup { check: true, minimum_age: 1, ..TestSetup::default() });
    harness.files.mount("/mnt/a");
    harness.files.put("/mnt/a/First/a.mkv", 1, harness.engine.now() - DAY);
    harness.send("created /mnt/a/First/a.mkv").await;
    harness.seconds(30).await;
    harness.files.unmount("/mnt/a");
    for show in 0..2000 {
        harness.send(&format!("created /mnt/a/Show{show}/a.mkv")).await;
    }
    harness.seconds(60).await;
    let held = harness.scans().await;
    assert!(held.iter().skip(1).all(|scan| scan.deliveries[0].state == DeliveryState::Held));
    let (writes, looks) = (harness.faulty_store.writes(), harness.files.looks());
    harness.seconds(600).await;
    let (writes, looks) = (harness.faulty_store.writes() - writes, harness.files.looks() - looks);
    assert!(writes < 200 && looks < 2000, "{writes} writes, {looks} looks in ten minutes");
    harness.files.mount("/mnt/a");
    for show in 0..2000 {
        harness.files.put(&format!("/mnt/a/Show{show}/a.mkv"), 1, harness.engine.now() - DAY);
    }
    harness.seconds(60).await;
    assert_eq!(harness.targets[0].folders().len(), 2001);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_read_at_the_start_is_read_before_anybody_is_told_and_is_not_overwritten() {
    let setup = || TestSetup { check: true, ..TestSetup::default() };
    let harness = TestEngine::start(setup());
    harness.files.mount("/mnt/a");
    harness.files.put("/mnt/a/Show/a.mkv", 1, harness.engine.now() - DAY);
    harness.send("created /mnt/a/Show/a.mkv").await;
    harness.seconds(30).await;
    harness.engine.pause(Some("plex"), None).await.unwrap();
    let store = harness.stop().await;
    assert_eq!(store.mounts().await.unwrap(), [local("/mnt/a")]);

    let harness = TestEngine::start(TestSetup { store: Some(store), refused: 0..30, ..setup() });
    harness.seconds(20).await;
    assert!(harness.targets[0].folders().is_empty());
    assert_eq!(harness.store.mounts().await.unwrap(), [local("/mnt/a")]);
    harness.seconds(20).await;
    harness.send("created /mnt/a/Other/a.mkv").await;
    harness.seconds(60).await;
    assert_eq!(harness.engine.targets()[0].state, "paused", "it was taken up in the end");
    let scan = harness.scans().await.pop().unwrap();
    assert_eq!(scan.deliveries[0].state, DeliveryState::Held, "the mount that is gone is known");
}

/// A run with every kind of write in it, of which some are refused.
async fn run_with_refused_writes(refused: std::ops::Range<u64>) -> (u64, TestEngine) {
    let target = ScriptedTarget { proves: true, ..ScriptedTarget::default() };
    *target.shows_after.lock().unwrap() = Some(Duration::from_secs(3));
    let harness =
        TestEngine::start(TestSetup { targets: vec![("plex", target)], refused, ..TestSetup::default() });
    for round in 0..2 {
        for show in 0..3 {
            let change = format!("created /tv/Show{show}/{round}.mkv");
            let hook = autoscan_core::ports::Hook { query: &[], content_type: None, body: change.as_bytes() };
            // A sender whose request was not stored sends it again.
            while harness.engine.take(&autoscan_testkit::name("sonarr"), &hook).await.is_err() {
                harness.seconds(1).await;
            }
        }
        harness.seconds(20).await;
    }
    harness.seconds(60).await;
    (harness.faulty_store.writes(), harness)
}

#[tokio::test(start_paused = true)]
async fn ten_writes_that_are_refused_in_a_row_lose_nothing_and_count_nothing_twice_wherever_they_are() {
    let (writes, _) = run_with_refused_writes(0..0).await;
    assert!(writes > 25, "{writes}");
    for first in 0..writes {
        let (_, harness) = run_with_refused_writes(first..first + 10).await;
        let scans = harness.scans().await;
        let done = scans.iter().filter(|scan| scan.state == ScanState::Done).count();
        assert_eq!(done, scans.len(), "refused from {first} on");
        let seen = usize::try_from(harness.engine.targets()[0].figures.seen).unwrap();
        assert_eq!(seen, scans.len(), "refused from {first} on");
        let all: u64 = harness.engine.hours().iter().map(|hour| hour.seen).sum();
        assert_eq!(usize::try_from(all).unwrap(), scans.len(), "refused from {first} on");
    }
}
