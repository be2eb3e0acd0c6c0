//! The clock that is set, the mount that is gone with ten thousand folders, and the store that refuses.

use std::time::Duration;

use autoscan_core::delivery::DeliveryState;
use autoscan_core::fault::Fault;
use autoscan_core::ports::Store;
use autoscan_core::scan::ScanState;

use crate::world::{Setup, Spy, World, local};

const DAY: Duration = Duration::from_hours(24);

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_a_day_stops_nothing() {
    let spy = Spy { proves: true, ..Spy::default() };
    *spy.shows_after.lock().unwrap() = Some(Duration::ZERO);
    let world = World::start(Setup { spies: vec![("plex", spy)], ..Setup::default() });
    world.seconds(1).await;
    world.spies[0].set_down(Some(Fault::away("down")));
    world.send("created /tv/Held/a.mkv").await;
    world.seconds(30).await;
    world.send("created /tv/Waits/a.mkv").await;
    world.clock.set_back(DAY);
    world.spies[0].set_down(None);
    world.seconds(60).await;
    world.send("created /tv/Later/a.mkv").await;
    world.seconds(60).await;
    let states: Vec<_> = world.scans().await.iter().map(|scan| scan.deliveries[0].state).collect();
    assert_eq!(states, [DeliveryState::Seen; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_set_back_before_the_start_stops_nothing() {
    let world = World::start(Setup::default());
    world.clock.set_forward(DAY);
    world.send("created /tv/Waits/a.mkv").await;
    world.seconds(1).await;
    let store = world.stop().await;
    let world = World::start(Setup { store: Some(store), ..Setup::default() });
    world.seconds(20).await;
    assert_eq!(world.spies[0].folders(), ["/tv/Waits"]);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_not_shown_is_missing_in_time_although_the_clock_was_set_back() {
    let spy = Spy { proves: true, ..Spy::default() };
    let world = World::start(Setup { spies: vec![("plex", spy)], proof: 60, ..Setup::default() });
    world.send("created /tv/Show/a.mkv").await;
    world.seconds(20).await;
    world.clock.set_back(DAY);
    world.seconds(400).await;
    assert_eq!(world.scans().await[0].state, ScanState::Attention);
}

#[tokio::test(start_paused = true)]
async fn folders_that_are_held_for_a_mount_cost_nothing_while_they_wait() {
    let world = World::start(Setup { check: true, minimum_age: 1, ..Setup::default() });
    world.files.mount("/mnt/a");
    world.files.put("/mnt/a/First/a.mkv", 1, world.engine.now() - DAY);
    world.send("created /mnt/a/First/a.mkv").await;
    world.seconds(30).await;
    world.files.unmount("/mnt/a");
    for show in 0..2000 {
        world.send(&format!("created /mnt/a/Show{show}/a.mkv")).await;
    }
    world.seconds(60).await;
    let held = world.scans().await;
    assert!(held.iter().skip(1).all(|scan| scan.deliveries[0].state == DeliveryState::Held));
    let (writes, looks) = (world.faulty.writes(), world.files.looks());
    world.seconds(600).await;
    let (writes, looks) = (world.faulty.writes() - writes, world.files.looks() - looks);
    assert!(writes < 200 && looks < 2000, "{writes} writes, {looks} looks in ten minutes");
    world.files.mount("/mnt/a");
    for show in 0..2000 {
        world.files.put(&format!("/mnt/a/Show{show}/a.mkv"), 1, world.engine.now() - DAY);
    }
    world.seconds(60).await;
    assert_eq!(world.spies[0].folders().len(), 2001);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_read_at_the_start_is_read_before_anybody_is_told_and_is_not_overwritten() {
    let setup = || Setup { check: true, ..Setup::default() };
    let world = World::start(setup());
    world.files.mount("/mnt/a");
    world.files.put("/mnt/a/Show/a.mkv", 1, world.engine.now() - DAY);
    world.send("created /mnt/a/Show/a.mkv").await;
    world.seconds(30).await;
    world.engine.pause(Some("plex"), None).await.unwrap();
    let store = world.stop().await;
    assert_eq!(store.mounts().await.unwrap(), [local("/mnt/a")]);

    let world = World::start(Setup { store: Some(store), refused: 0..30, ..setup() });
    world.seconds(20).await;
    assert!(world.spies[0].folders().is_empty());
    assert_eq!(world.store.mounts().await.unwrap(), [local("/mnt/a")]);
    world.seconds(20).await;
    world.send("created /mnt/a/Other/a.mkv").await;
    world.seconds(60).await;
    assert_eq!(world.engine.targets()[0].state, "paused", "it was taken up in the end");
    let scan = world.scans().await.pop().unwrap();
    assert_eq!(scan.deliveries[0].state, DeliveryState::Held, "the mount that is gone is known");
}

/// A run with every kind of write in it, of which some are refused.
async fn run_with_refused_writes(refused: std::ops::Range<u64>) -> (u64, World) {
    let spy = Spy { proves: true, ..Spy::default() };
    *spy.shows_after.lock().unwrap() = Some(Duration::from_secs(3));
    let world = World::start(Setup { spies: vec![("plex", spy)], refused, ..Setup::default() });
    for round in 0..2 {
        for show in 0..3 {
            let change = format!("created /tv/Show{show}/{round}.mkv");
            let hook = autoscan_core::ports::Hook { query: &[], content_type: None, body: change.as_bytes() };
            // A sender whose request was not stored sends it again.
            while world.engine.take(&crate::world::name("sonarr"), &hook).await.is_err() {
                world.seconds(1).await;
            }
        }
        world.seconds(20).await;
    }
    world.seconds(60).await;
    (world.faulty.writes(), world)
}

#[tokio::test(start_paused = true)]
async fn ten_writes_that_are_refused_in_a_row_lose_nothing_and_count_nothing_twice_wherever_they_are() {
    let (writes, _) = run_with_refused_writes(0..0).await;
    assert!(writes > 25, "{writes}");
    for first in 0..writes {
        let (_, world) = run_with_refused_writes(first..first + 10).await;
        let scans = world.scans().await;
        let done = scans.iter().filter(|scan| scan.state == ScanState::Done).count();
        assert_eq!(done, scans.len(), "refused from {first} on");
        let seen = usize::try_from(world.engine.targets()[0].figures.seen).unwrap();
        assert_eq!(seen, scans.len(), "refused from {first} on");
        let all: u64 = world.engine.hours().iter().map(|hour| hour.seen).sum();
        assert_eq!(usize::try_from(all).unwrap(), scans.len(), "refused from {first} on");
    }
}
