//! A fault harms only what it touches: one call, one delivery.

use std::time::Duration;

use autoscan_core::delivery::{DeliveryState, MOST_FAULTS};
use autoscan_core::fault::Fault;
use autoscan_core::scan::ScanState;

use crate::world::{Setup, Spy, World};

fn shows(folder: &str) -> String {
    format!("/tv/{folder}")
}

/// One folder that the server breaks on, before and among others.
async fn fifty_and_a_broken_one(spy: Spy) -> World {
    spy.breaks_on.lock().unwrap().insert(shows("Broken"));
    let world = World::start(Setup { spies: vec![("plex", spy)], ..Setup::default() });
    world.send("created /tv/Broken/a.mkv").await;
    for show in 0..50 {
        world.send(&format!("created /tv/Show{show}/a.mkv")).await;
    }
    world
}

#[tokio::test(start_paused = true)]
async fn a_call_that_always_fails_ends_with_its_reason_and_takes_no_neighbour_with_it() {
    for batches in [false, true] {
        let spy = Spy { batches, ..Spy::default() };
        let world = fifty_and_a_broken_one(spy).await;
        world.seconds(15).await;
        assert_eq!(world.spies[0].folders().len(), 50, "all others at once (batches: {batches})");
        world.seconds(60).await;
        let scans = world.scans().await;
        let (state, error) = world.delivery(scans[0].id, "plex").await;
        assert_eq!(state, DeliveryState::Failed, "{error}");
        assert!(error.contains("500") && error.contains("the server is well otherwise"), "{error}");
        assert_eq!(scans[0].state, ScanState::Attention);
        assert_eq!(scans[0].deliveries[0].attempts, MOST_FAULTS);
        let target = &world.engine.targets()[0];
        assert_eq!((target.state, &target.reason), ("open", &None), "the lane never held");
        let probes = *world.spies[0].probes.lock().unwrap();
        assert!(probes <= MOST_FAULTS + 1, "one at the start, one a failure: {probes}");
    }
}

#[tokio::test(start_paused = true)]
async fn files_that_are_not_shown_become_missing_on_time_while_a_neighbour_fails() {
    let spy = Spy { proves: true, ..Spy::default() };
    *spy.shows_after.lock().unwrap() = None;
    spy.breaks_on.lock().unwrap().insert(shows("Broken"));
    let setup = Setup { spies: vec![("plex", spy)], proof: 30, ..Setup::default() };
    let world = World::start(setup);
    world.send("created /tv/Lost/a.mkv").await;
    for round in 0..40 {
        world.send(&format!("created /tv/Broken/{round}.mkv")).await;
        world.seconds(5).await;
    }
    let lost = world.scans().await[0].id;
    let (state, error) = world.delivery(lost, "plex").await;
    assert_eq!(state, DeliveryState::Missing, "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_asking_that_always_fails_is_counted_and_ends_with_its_reason() {
    let spy = Spy { proves: true, ..Spy::default() };
    *spy.shows_after.lock().unwrap() = Some(Duration::ZERO);
    spy.asking_breaks_on.lock().unwrap().insert(shows("Broken"));
    let world = World::start(Setup { spies: vec![("plex", spy)], ..Setup::default() });
    world.send("created /tv/Broken/a.mkv\ncreated /tv/Show/a.mkv").await;
    world.seconds(15).await;
    let scans = world.scans().await;
    assert_eq!(world.delivery(scans[1].id, "plex").await.0, DeliveryState::Seen);
    world.seconds(60).await;
    let (state, error) = world.delivery(scans[0].id, "plex").await;
    assert_eq!(state, DeliveryState::Failed, "{error}");
    assert!(error.contains("the server is well otherwise"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_panics_on_one_path_fails_for_it_alone() {
    for (batches, while_asked) in [(false, false), (true, false), (false, true)] {
        let spy = Spy { batches, proves: true, ..Spy::default() };
        *spy.shows_after.lock().unwrap() = Some(Duration::ZERO);
        let world = World::start(Setup { spies: vec![("plex", spy)], ..Setup::default() });
        let panics = || world.spies[0].panics_on.lock().unwrap().insert(shows("Panics"));
        if !while_asked {
            panics();
        }
        world.send("created /tv/Panics/a.mkv").await;
        for show in 0..20 {
            world.send(&format!("created /tv/Show{show}/a.mkv")).await;
        }
        world.seconds(11).await;
        panics();
        world.seconds(100).await;
        let scans = world.scans().await;
        let (state, error) = world.delivery(scans[0].id, "plex").await;
        assert_eq!(state, DeliveryState::Failed, "{error}");
        assert!(error.contains("bug of autoscan") && error.contains("as asked"), "{error}");
        let seen = scans[1..].iter().filter(|scan| scan.deliveries[0].state == DeliveryState::Seen);
        assert_eq!(seen.count(), 20);
        world.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_in_the_middle_of_a_batch_counts_against_nobody() {
    let spy = Spy { batches: true, ..Spy::default() };
    let world = World::start(Setup { spies: vec![("plex", spy)], ..Setup::default() });
    world.seconds(1).await;
    for show in 0..20 {
        world.send(&format!("created /tv/Show{show}/a.mkv")).await;
    }
    world.spies[0].set_down(Some(Fault::away("connection refused")));
    world.seconds(1000).await;
    assert!(world.scans().await.iter().all(|scan| scan.deliveries[0].faults == 0));
    assert_eq!(world.engine.targets()[0].state, "away");
    world.spies[0].set_down(None);
    world.seconds(60).await;
    assert_eq!(world.spies[0].folders().len(), 20);
    assert!(world.scans().await.iter().all(|scan| scan.deliveries[0].attempts == 1));
}

#[tokio::test(start_paused = true)]
async fn one_slow_asking_delays_no_other_and_no_stop() {
    let spy = Spy { proves: true, ..Spy::default() };
    *spy.shows_after.lock().unwrap() = Some(Duration::ZERO);
    for slow in 0..6 {
        spy.asking_takes.lock().unwrap().insert(shows(&format!("Slow{slow}")), Duration::from_hours(1));
    }
    let world = World::start(Setup { spies: vec![("plex", spy)], ..Setup::default() });
    for slow in 0..6 {
        world.send(&format!("created /tv/Slow{slow}/a.mkv")).await;
    }
    for show in 0..60 {
        world.send(&format!("created /tv/Show{show}/a.mkv")).await;
    }
    world.seconds(40).await;
    let seen = world.scans().await.iter().filter(|scan| scan.state == ScanState::Done).count();
    assert_eq!(seen, 60);
    let before = tokio::time::Instant::now();
    let store = world.stop().await;
    assert!(before.elapsed() < Duration::from_secs(1), "a stop waits for no asking");
    let spy = Spy { proves: true, ..Spy::default() };
    *spy.shows_after.lock().unwrap() = Some(Duration::ZERO);
    let world = World::start(Setup { spies: vec![("plex", spy)], store: Some(store), ..Setup::default() });
    world.seconds(20).await;
    let asked = world.spies[0].asked.lock().unwrap().len();
    assert!(asked >= 6, "what was being asked for is asked for again: {asked}");
}

#[tokio::test(start_paused = true)]
async fn one_later_import_does_not_wait_behind_a_bulk() {
    for batches in [false, true] {
        let spy = Spy { batches, most: Some(10), takes: Duration::from_secs(1), ..Spy::default() };
        let world = World::start(Setup { spies: vec![("plex", spy)], ..Setup::default() });
        for show in 0..200 {
            world.send(&format!("created /tv/Show{show}/a.mkv")).await;
        }
        world.seconds(11).await;
        world.send("created /tv/Later/a.mkv").await;
        world.seconds(22).await;
        let folders = world.spies[0].folders();
        assert!(folders.contains(&shows("Later")), "batches: {batches}: {}", folders.len());
        world.seconds(300).await;
        assert_eq!(world.spies[0].folders().len(), 201, "and nothing starves");
    }
}

#[tokio::test(start_paused = true)]
async fn folders_whose_calls_fail_go_behind_those_that_were_not_tried() {
    let spy = Spy::default();
    for show in 0..20 {
        spy.breaks_on.lock().unwrap().insert(shows(&format!("Broken{show}")));
    }
    let world = World::start(Setup { spies: vec![("plex", spy)], ..Setup::default() });
    for show in 0..20 {
        world.send(&format!("created /tv/Broken{show}/a.mkv")).await;
    }
    for show in 0..50 {
        world.send(&format!("created /tv/Show{show}/a.mkv")).await;
    }
    world.seconds(15).await;
    assert_eq!(world.spies[0].folders().len(), 50);
    world.seconds(60).await;
    let failed = world.scans().await.iter().filter(|scan| scan.state == ScanState::Attention).count();
    assert_eq!(failed, 20);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_after_a_retry_is_not_taken_for_that_of_the_retry() {
    let spy = Spy { proves: true, ..Spy::default() };
    *spy.shows_after.lock().unwrap() = Some(Duration::ZERO);
    let world = World::start(Setup { spies: vec![("plex", spy)], ..Setup::default() });
    let takes = |seconds| {
        let mut takes = world.spies[0].asking_takes.lock().unwrap();
        takes.insert(shows("Show"), Duration::from_secs(seconds));
    };
    takes(60);
    world.send("created /tv/Show/a.mkv").await;
    world.seconds(20).await;
    let id = world.scans().await[0].id;
    assert_eq!(world.spies[0].asked.lock().unwrap().len(), 1, "it is being asked");
    takes(200);
    world.engine.retry(id).await.unwrap();
    world.seconds(70).await;
    assert_eq!(world.spies[0].folders().len(), 2, "it was told again");
    assert_eq!(world.delivery(id, "plex").await.0, DeliveryState::Sent, "the first answer came too late");
    world.seconds(200).await;
    assert_eq!(world.delivery(id, "plex").await.0, DeliveryState::Seen);
    assert_eq!(world.engine.targets()[0].figures.seen, 1, "and it is seen once");
}
