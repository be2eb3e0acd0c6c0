//! Targets are strangers.

use std::time::Duration;

use autoscan_core::delivery::DeliveryState;
use autoscan_core::fault::Fault;
use autoscan_core::scan::ScanState;
use autoscan_engine::Pace;

use autoscan_testkit::{ScriptedTarget, TestEngine, TestSetup};

fn three() -> TestSetup {
    TestSetup {
        targets: vec![
            ("plex", ScriptedTarget::default()),
            ("jellyfin", ScriptedTarget { batches: true, ..ScriptedTarget::default() }),
            ("emby", ScriptedTarget::default()),
        ],
        ..TestSetup::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_down_for_days_delays_nobody_and_gets_all_of_its_own_once() {
    let harness = TestEngine::start(three());
    harness.targets[0].set_down(Some(Fault::away("connection refused")));
    for show in 0..40 {
        harness.send(&format!("created /tv/Show{show}/a.mkv")).await;
        harness.seconds(3600).await;
    }
    harness.send("created /tv/Show0/b.mkv").await;
    harness.seconds(60).await;
    assert_eq!(harness.targets[2].folders().len(), 41);
    assert!(harness.targets[0].folders().is_empty());
    let scans = harness.scans().await;
    let (state, error) = harness.delivery(scans[0].id, "plex").await;
    assert_eq!((state, error.as_str()), (DeliveryState::Held, "connection refused"));
    harness.targets[0].set_down(None);
    harness.seconds(120).await;
    let mut folders = harness.targets[0].folders();
    folders.sort();
    let count = folders.len();
    folders.dedup();
    assert_eq!(
        (count, folders.len()),
        (40, 40),
        "each folder once, although Show0 was scanned twice elsewhere"
    );
    assert!(harness.scans().await.iter().all(|scan| scan.state == ScanState::Done));
    assert!(harness.scans().await.iter().flat_map(|scan| &scan.deliveries).all(|d| d.attempts == 1));
}

#[tokio::test(start_paused = true)]
async fn an_outage_costs_one_probe_at_a_time_not_one_call_a_scan() {
    let harness = TestEngine::start(three());
    harness.targets[0].set_down(Some(Fault::away("timeout")));
    for show in 0..100 {
        harness.send(&format!("created /tv/Show{show}/a.mkv")).await;
    }
    harness.seconds(600).await;
    assert_eq!(*harness.targets[0].calls.lock().unwrap(), 0);
    let probes = *harness.targets[0].probes.lock().unwrap();
    assert!((20..=60).contains(&probes), "{probes}");
}

#[tokio::test(start_paused = true)]
async fn what_is_held_survives_a_restart() {
    let harness = TestEngine::start(three());
    harness.targets[0].set_down(Some(Fault::away("down")));
    harness.send("created /tv/Show/a.mkv").await;
    harness.seconds(60).await;
    let store = harness.stop().await;
    let harness = TestEngine::start(TestSetup { store: Some(store), ..three() });
    harness.seconds(60).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show"]);
    assert!(harness.targets[1].folders().is_empty(), "the others had theirs before the restart");
}

#[tokio::test(start_paused = true)]
async fn a_rejected_key_holds_only_its_own_lane_and_says_so() {
    let harness = TestEngine::start(three());
    harness.targets[1].set_down(Some(Fault::refused("the key was rejected")));
    harness.send("created /tv/Show/a.mkv").await;
    harness.seconds(60).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show"]);
    let view = harness.engine.targets().into_iter().find(|view| view.name.as_str() == "jellyfin").unwrap();
    assert_eq!((view.state, view.reason.as_deref()), ("misconfigured", Some("the key was rejected")));
    harness.targets[1].set_down(None);
    harness.seconds(1000).await;
    assert_eq!(harness.targets[1].folders(), ["/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_busy_target_is_left_alone_as_long_as_it_asks() {
    let harness = TestEngine::start(three());
    harness.targets[0]
        .faults
        .lock()
        .unwrap()
        .push_back(Fault::Busy { after: Duration::from_mins(5), reason: "429".into() });
    harness.send("created /tv/Show/a.mkv").await;
    harness.seconds(200).await;
    assert!(harness.targets[0].folders().is_empty());
    harness.seconds(200).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_stays_wrong_fails_alone_and_needs_a_person() {
    let harness = TestEngine::start(three());
    harness.targets[0].faults.lock().unwrap().extend((0..4).map(|_| Fault::wrong("404")));
    harness.send("created /tv/Show/a.mkv").await;
    harness.seconds(60).await;
    harness.send("created /tv/Other/a.mkv").await;
    harness.seconds(120).await;
    let scans = harness.scans().await;
    assert_eq!(scans[0].state, ScanState::Attention);
    assert_eq!(harness.delivery(scans[0].id, "plex").await, (DeliveryState::Failed, "404".into()));
    assert_eq!(harness.targets[2].folders().len(), 2);
    harness.engine.retry(scans[0].id).await.unwrap();
    harness.seconds(1).await;
    assert!(harness.targets[0].folders().contains(&"/tv/Show".to_owned()));
    assert_eq!(harness.scans().await[0].state, ScanState::Done);
    assert_eq!(harness.targets[2].folders().len(), 2, "a retry does not repeat what was accepted");
}

#[tokio::test(start_paused = true)]
async fn a_path_without_a_library_is_skipped() {
    let harness = TestEngine::start(three());
    harness.targets[0].faults.lock().unwrap().push_back(Fault::not_mine("no library"));
    harness.send("created /tv/Show/a.mkv").await;
    harness.seconds(15).await;
    let scans = harness.scans().await;
    assert_eq!(harness.delivery(scans[0].id, "plex").await, (DeliveryState::Skipped, "no library".into()));
    assert_eq!(scans[0].state, ScanState::Done);
}

#[tokio::test(start_paused = true)]
async fn a_change_during_a_scan_makes_a_new_one() {
    let mut setup = three();
    setup.targets[0].1.takes = Duration::from_secs(30);
    let harness = TestEngine::start(setup);
    harness.send("created /tv/Show/a.mkv").await;
    harness.seconds(15).await;
    harness.send("created /tv/Show/b.mkv").await;
    harness.seconds(120).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show", "/tv/Show"]);
    assert_eq!(harness.scans().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_takes_batches_gets_one_call() {
    let harness = TestEngine::start(three());
    for movie in 0..50 {
        harness.send(&format!("created /movies/M{movie}/a.mkv")).await;
    }
    harness.seconds(30).await;
    assert_eq!(harness.targets[1].folders().len(), 50);
    assert_eq!(*harness.targets[1].calls.lock().unwrap(), 1);
    assert_eq!(*harness.targets[0].calls.lock().unwrap(), 50);
}

#[tokio::test(start_paused = true)]
async fn the_scan_delay_lies_between_two_calls() {
    let harness = TestEngine::start(TestSetup {
        pace: Pace { scan_delay: Duration::from_secs(5), ..Pace::default() },
        ..TestSetup::default()
    });
    for show in 0..3 {
        harness.send(&format!("created /tv/Show{show}/a.mkv")).await;
    }
    harness.seconds(60).await;
    let times: Vec<_> = harness.targets[0].accepted.lock().unwrap().iter().map(|(_, at)| *at).collect();
    assert!(times.windows(2).all(|pair| pair[1].since(pair[0]) >= Duration::from_secs(5)), "{times:?}");
    assert_eq!(times.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_paused_target_gets_nothing_until_it_is_resumed_and_the_pause_survives_a_restart() {
    let harness = TestEngine::start(three());
    assert_eq!(harness.engine.pause(Some("plex"), None).await.unwrap().len(), 1);
    assert!(harness.engine.pause(Some("nobody"), None).await.unwrap().is_empty());
    harness.send("created /tv/Show/a.mkv").await;
    harness.seconds(60).await;
    let scan = harness.scans().await[0].id;
    let (state, error) = harness.delivery(scan, "plex").await;
    assert_eq!(state, DeliveryState::Held);
    assert!(error.contains("paused"), "{error}");
    let store = harness.stop().await;
    let harness = TestEngine::start(TestSetup { store: Some(store), ..three() });
    harness.seconds(60).await;
    assert!(harness.targets[0].folders().is_empty());
    harness.engine.resume(None).await.unwrap();
    harness.seconds(1).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_paused_while_it_says_who_it_is_gets_nothing() {
    let mut setup = three();
    setup.targets[0].1.probe_takes = Duration::from_secs(20);
    let harness = TestEngine::start(setup);
    harness.send("created /tv/Show/a.mkv").await;
    harness.seconds(10).await;
    harness.engine.pause(Some("plex"), None).await.unwrap();
    harness.seconds(60).await;
    assert!(harness.targets[0].folders().is_empty());
    assert_eq!(harness.targets[1].folders(), ["/tv/Show"]);
    harness.engine.resume(None).await.unwrap();
    harness.seconds(1).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_with_an_end_ends() {
    let harness = TestEngine::start(three());
    let until = harness.engine.now() + Duration::from_secs(100);
    harness.engine.pause(Some("plex"), Some(until)).await.unwrap();
    harness.send("created /tv/Show/a.mkv").await;
    harness.seconds(90).await;
    assert!(harness.targets[0].folders().is_empty());
    harness.seconds(20).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_soft_stop_finishes_the_call_and_stores_the_rest() {
    let mut setup = three();
    setup.targets[0].1.takes = Duration::from_secs(5);
    let harness = TestEngine::start(setup);
    for show in 0..10 {
        harness.send(&format!("created /tv/Show{show}/a.mkv")).await;
    }
    harness.seconds(12).await;
    let target = std::sync::Arc::clone(&harness.targets[0]);
    let store = harness.stop().await;
    assert_eq!(target.folders().len(), 1, "the call in hand was finished");
    let harness = TestEngine::start(TestSetup { store: Some(store), ..three() });
    harness.seconds(60).await;
    assert_eq!(harness.targets[0].folders().len(), 9, "and each other folder is told once");
}

#[tokio::test(start_paused = true)]
async fn one_call_that_brings_the_server_down_does_not_starve_the_others() {
    let mut setup = three();
    setup.targets[0].1.brought_down_by = Some("/tv/Poison");
    let harness = TestEngine::start(setup);
    harness.send("created /tv/Poison/a.mkv").await;
    for show in 0..20 {
        harness.send(&format!("created /tv/Show{show}/a.mkv")).await;
    }
    harness.seconds(120).await;
    assert_eq!(harness.targets[0].folders().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_person_who_retries_does_not_wait_for_the_next_probe() {
    let harness = TestEngine::start(three());
    harness.targets[0].set_down(Some(Fault::refused("the key was rejected")));
    harness.send("created /tv/Show/a.mkv").await;
    harness.seconds(3000).await;
    harness.targets[0].set_down(None);
    let scan = harness.scans().await[0].id;
    harness.engine.retry(scan).await.unwrap();
    harness.seconds(1).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show"]);
}
