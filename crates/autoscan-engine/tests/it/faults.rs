//! A fault harms only what it touches: one call, one delivery.

use std::time::Duration;

use autoscan_core::delivery::{DeliveryState, MOST_FAULTS};
use autoscan_core::fault::Fault;
use autoscan_core::scan::ScanState;

use autoscan_testkit::{ScriptedTarget, TestEngine, TestSetup};

fn shows(folder: &str) -> String {
    format!("/tv/{folder}")
}

/// One folder that the server breaks on, before and among others.
async fn fifty_and_a_broken_one(target: ScriptedTarget) -> TestEngine {
    target.breaks_on.lock().unwrap().insert(shows("Broken"));
    let harness = TestEngine::start(TestSetup { targets: vec![("plex", target)], ..TestSetup::default() });
    harness.send("created /tv/Broken/a.mkv").await;
    for show in 0..50 {
        harness.send(&format!("created /tv/Show{show}/a.mkv")).await;
    }
    harness
}

#[tokio::test(start_paused = true)]
async fn a_call_that_always_fails_ends_with_its_reason_and_takes_no_neighbour_with_it() {
    for batches in [false, true] {
        let target = ScriptedTarget { batches, ..ScriptedTarget::default() };
        let harness = fifty_and_a_broken_one(target).await;
        harness.seconds(15).await;
        assert_eq!(harness.targets[0].folders().len(), 50, "all others at once (batches: {batches})");
        harness.seconds(60).await;
        let scans = harness.scans().await;
        let (state, error) = harness.delivery(scans[0].id, "plex").await;
        assert_eq!(state, DeliveryState::Failed, "{error}");
        assert!(error.contains("500") && error.contains("the server is well otherwise"), "{error}");
        assert_eq!(scans[0].state, ScanState::Attention);
        assert_eq!(scans[0].deliveries[0].attempts, MOST_FAULTS);
        let target = &harness.engine.targets()[0];
        assert_eq!((target.state, &target.reason), ("open", &None), "the lane never held");
        let probes = *harness.targets[0].probes.lock().unwrap();
        assert!(probes <= MOST_FAULTS + 1, "one at the start, one a failure: {probes}");
    }
}

#[tokio::test(start_paused = true)]
async fn files_that_are_not_shown_become_missing_on_time_while_a_neighbour_fails() {
    let target = ScriptedTarget { proves: true, ..ScriptedTarget::default() };
    *target.shows_after.lock().unwrap() = None;
    target.breaks_on.lock().unwrap().insert(shows("Broken"));
    let setup = TestSetup { targets: vec![("plex", target)], proof: 30, ..TestSetup::default() };
    let harness = TestEngine::start(setup);
    harness.send("created /tv/Lost/a.mkv").await;
    for round in 0..40 {
        harness.send(&format!("created /tv/Broken/{round}.mkv")).await;
        harness.seconds(5).await;
    }
    let lost = harness.scans().await[0].id;
    let (state, error) = harness.delivery(lost, "plex").await;
    assert_eq!(state, DeliveryState::Missing, "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_asking_that_always_fails_is_counted_and_ends_with_its_reason() {
    let target = ScriptedTarget { proves: true, ..ScriptedTarget::default() };
    *target.shows_after.lock().unwrap() = Some(Duration::ZERO);
    target.lookup_breaks_on.lock().unwrap().insert(shows("Broken"));
    let harness = TestEngine::start(TestSetup { targets: vec![("plex", target)], ..TestSetup::default() });
    harness.send("created /tv/Broken/a.mkv\ncreated /tv/Show/a.mkv").await;
    harness.seconds(15).await;
    let scans = harness.scans().await;
    assert_eq!(harness.delivery(scans[1].id, "plex").await.0, DeliveryState::Seen);
    harness.seconds(60).await;
    let (state, error) = harness.delivery(scans[0].id, "plex").await;
    assert_eq!(state, DeliveryState::Failed, "{error}");
    assert!(error.contains("the server is well otherwise"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_panics_on_one_path_fails_for_it_alone() {
    for (batches, while_asked) in [(false, false), (true, false), (false, true)] {
        let target = ScriptedTarget { batches, proves: true, ..ScriptedTarget::default() };
        *target.shows_after.lock().unwrap() = Some(Duration::ZERO);
        let harness =
            TestEngine::start(TestSetup { targets: vec![("plex", target)], ..TestSetup::default() });
        let panics = || harness.targets[0].panics_on.lock().unwrap().insert(shows("Panics"));
        if !while_asked {
            panics();
        }
        harness.send("created /tv/Panics/a.mkv").await;
        for show in 0..20 {
            harness.send(&format!("created /tv/Show{show}/a.mkv")).await;
        }
        harness.seconds(11).await;
        panics();
        harness.seconds(100).await;
        let scans = harness.scans().await;
        let (state, error) = harness.delivery(scans[0].id, "plex").await;
        assert_eq!(state, DeliveryState::Failed, "{error}");
        assert!(error.contains("bug of autoscan") && error.contains("as asked"), "{error}");
        let seen = scans[1..].iter().filter(|scan| scan.deliveries[0].state == DeliveryState::Seen);
        assert_eq!(seen.count(), 20);
        harness.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_in_the_middle_of_a_batch_counts_against_nobody() {
    let target = ScriptedTarget { batches: true, ..ScriptedTarget::default() };
    let harness = TestEngine::start(TestSetup { targets: vec![("plex", target)], ..TestSetup::default() });
    harness.seconds(1).await;
    for show in 0..20 {
        harness.send(&format!("created /tv/Show{show}/a.mkv")).await;
    }
    harness.targets[0].set_down(Some(Fault::away("connection refused")));
    harness.seconds(1000).await;
    assert!(harness.scans().await.iter().all(|scan| scan.deliveries[0].faults == 0));
    assert_eq!(harness.engine.targets()[0].state, "away");
    harness.targets[0].set_down(None);
    harness.seconds(60).await;
    assert_eq!(harness.targets[0].folders().len(), 20);
    assert!(harness.scans().await.iter().all(|scan| scan.deliveries[0].attempts == 1));
}

#[tokio::test(start_paused = true)]
async fn one_slow_asking_delays_no_other_and_no_stop() {
    let target = ScriptedTarget { proves: true, ..ScriptedTarget::default() };
    *target.shows_after.lock().unwrap() = Some(Duration::ZERO);
    for slow in 0..6 {
        target.lookup_takes.lock().unwrap().insert(shows(&format!("Slow{slow}")), Duration::from_hours(1));
    }
    let harness = TestEngine::start(TestSetup { targets: vec![("plex", target)], ..TestSetup::default() });
    for slow in 0..6 {
        harness.send(&format!("created /tv/Slow{slow}/a.mkv")).await;
    }
    for show in 0..60 {
        harness.send(&format!("created /tv/Show{show}/a.mkv")).await;
    }
    harness.seconds(40).await;
    let seen = harness.scans().await.iter().filter(|scan| scan.state == ScanState::Done).count();
    assert_eq!(seen, 60);
    let before = tokio::time::Instant::now();
    let store = harness.stop().await;
    assert!(before.elapsed() < Duration::from_secs(1), "a stop waits for no asking");
    let target = ScriptedTarget { proves: true, ..ScriptedTarget::default() };
    *target.shows_after.lock().unwrap() = Some(Duration::ZERO);
    let harness = TestEngine::start(TestSetup {
        targets: vec![("plex", target)],
        store: Some(store),
        ..TestSetup::default()
    });
    harness.seconds(20).await;
    let asked = harness.targets[0].lookups.lock().unwrap().len();
    assert!(asked >= 6, "what was being asked for is asked for again: {asked}");
}

#[tokio::test(start_paused = true)]
async fn one_later_import_does_not_wait_behind_a_bulk() {
    for batches in [false, true] {
        let target = ScriptedTarget {
            batches,
            batch_size: Some(10),
            takes: Duration::from_secs(1),
            ..ScriptedTarget::default()
        };
        let harness =
            TestEngine::start(TestSetup { targets: vec![("plex", target)], ..TestSetup::default() });
        for show in 0..200 {
            harness.send(&format!("created /tv/Show{show}/a.mkv")).await;
        }
        harness.seconds(11).await;
        harness.send("created /tv/Later/a.mkv").await;
        harness.seconds(22).await;
        let folders = harness.targets[0].folders();
        assert!(folders.contains(&shows("Later")), "batches: {batches}: {}", folders.len());
        harness.seconds(300).await;
        assert_eq!(harness.targets[0].folders().len(), 201, "and nothing starves");
    }
}

#[tokio::test(start_paused = true)]
async fn folders_whose_calls_fail_go_behind_those_that_were_not_tried() {
    let target = ScriptedTarget::default();
    for show in 0..20 {
        target.breaks_on.lock().unwrap().insert(shows(&format!("Broken{show}")));
    }
    let harness = TestEngine::start(TestSetup { targets: vec![("plex", target)], ..TestSetup::default() });
    for show in 0..20 {
        harness.send(&format!("created /tv/Broken{show}/a.mkv")).await;
    }
    for show in 0..50 {
        harness.send(&format!("created /tv/Show{show}/a.mkv")).await;
    }
    harness.seconds(15).await;
    assert_eq!(harness.targets[0].folders().len(), 50);
    harness.seconds(60).await;
    let failed = harness.scans().await.iter().filter(|scan| scan.state == ScanState::Attention).count();
    assert_eq!(failed, 20);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_after_a_retry_is_not_taken_for_that_of_the_retry() {
    let target = ScriptedTarget { proves: true, ..ScriptedTarget::default() };
    *target.shows_after.lock().unwrap() = Some(Duration::ZERO);
    let harness = TestEngine::start(TestSetup { targets: vec![("plex", target)], ..TestSetup::default() });
    let takes = |seconds| {
        let mut takes = harness.targets[0].lookup_takes.lock().unwrap();
        takes.insert(shows("Show"), Duration::from_secs(seconds));
    };
    takes(60);
    harness.send("created /tv/Show/a.mkv").await;
    harness.seconds(20).await;
    let id = harness.scans().await[0].id;
    assert_eq!(harness.targets[0].lookups.lock().unwrap().len(), 1, "it is being asked");
    takes(200);
    harness.engine.retry(id).await.unwrap();
    harness.seconds(70).await;
    assert_eq!(harness.targets[0].folders().len(), 2, "it was told again");
    assert_eq!(harness.delivery(id, "plex").await.0, DeliveryState::Sent, "the first answer came too late");
    harness.seconds(200).await;
    assert_eq!(harness.delivery(id, "plex").await.0, DeliveryState::Seen);
    assert_eq!(harness.engine.targets()[0].figures.seen, 1, "and it is seen once");
}
