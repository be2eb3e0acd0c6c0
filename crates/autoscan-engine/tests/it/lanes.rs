//! Targets are strangers.

use std::time::Duration;

use autoscan_core::delivery::DeliveryState;
use autoscan_core::fault::Fault;
use autoscan_core::scan::ScanState;
use autoscan_engine::Pace;

use crate::world::{Setup, Spy, World};

fn three() -> Setup {
    Setup {
        spies: vec![
            ("plex", Spy::default()),
            ("jellyfin", Spy { batches: true, ..Spy::default() }),
            ("emby", Spy::default()),
        ],
        ..Setup::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_down_for_days_delays_nobody_and_gets_all_of_its_own_once() {
    let world = World::start(three());
    world.spies[0].set_down(Some(Fault::away("connection refused")));
    for show in 0..40 {
        world.send(&format!("created /tv/Show{show}/a.mkv")).await;
        world.seconds(3600).await;
    }
    world.send("created /tv/Show0/b.mkv").await;
    world.seconds(60).await;
    assert_eq!(world.spies[2].folders().len(), 41);
    assert!(world.spies[0].folders().is_empty());
    let scans = world.scans().await;
    let (state, error) = world.delivery(scans[0].id, "plex").await;
    assert_eq!((state, error.as_str()), (DeliveryState::Held, "connection refused"));
    world.spies[0].set_down(None);
    world.seconds(120).await;
    let mut folders = world.spies[0].folders();
    folders.sort();
    let count = folders.len();
    folders.dedup();
    assert_eq!(
        (count, folders.len()),
        (40, 40),
        "each folder once, although Show0 was scanned twice elsewhere"
    );
    assert!(world.scans().await.iter().all(|scan| scan.state == ScanState::Done));
    assert!(world.scans().await.iter().flat_map(|scan| &scan.deliveries).all(|d| d.attempts == 1));
}

#[tokio::test(start_paused = true)]
async fn an_outage_costs_one_probe_at_a_time_not_one_call_a_scan() {
    let world = World::start(three());
    world.spies[0].set_down(Some(Fault::away("timeout")));
    for show in 0..100 {
        world.send(&format!("created /tv/Show{show}/a.mkv")).await;
    }
    world.seconds(600).await;
    assert_eq!(*world.spies[0].calls.lock().unwrap(), 0);
    let probes = *world.spies[0].probes.lock().unwrap();
    assert!((20..=60).contains(&probes), "{probes}");
}

#[tokio::test(start_paused = true)]
async fn what_is_held_survives_a_restart() {
    let world = World::start(three());
    world.spies[0].set_down(Some(Fault::away("down")));
    world.send("created /tv/Show/a.mkv").await;
    world.seconds(60).await;
    let store = world.stop().await;
    let world = World::start(Setup { store: Some(store), ..three() });
    world.seconds(60).await;
    assert_eq!(world.spies[0].folders(), ["/tv/Show"]);
    assert!(world.spies[1].folders().is_empty(), "the others had theirs before the restart");
}

#[tokio::test(start_paused = true)]
async fn a_rejected_key_holds_only_its_own_lane_and_says_so() {
    let world = World::start(three());
    world.spies[1].set_down(Some(Fault::refused("the key was rejected")));
    world.send("created /tv/Show/a.mkv").await;
    world.seconds(60).await;
    assert_eq!(world.spies[0].folders(), ["/tv/Show"]);
    let view = world.engine.targets().into_iter().find(|view| view.name.as_str() == "jellyfin").unwrap();
    assert_eq!((view.state, view.reason.as_deref()), ("misconfigured", Some("the key was rejected")));
    world.spies[1].set_down(None);
    world.seconds(1000).await;
    assert_eq!(world.spies[1].folders(), ["/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_busy_target_is_left_alone_as_long_as_it_asks() {
    let world = World::start(three());
    world.spies[0]
        .faults
        .lock()
        .unwrap()
        .push_back(Fault::Busy { after: Duration::from_mins(5), reason: "429".into() });
    world.send("created /tv/Show/a.mkv").await;
    world.seconds(200).await;
    assert!(world.spies[0].folders().is_empty());
    world.seconds(200).await;
    assert_eq!(world.spies[0].folders(), ["/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_stays_wrong_fails_alone_and_needs_a_person() {
    let world = World::start(three());
    world.spies[0].faults.lock().unwrap().extend((0..4).map(|_| Fault::wrong("404")));
    world.send("created /tv/Show/a.mkv").await;
    world.seconds(60).await;
    world.send("created /tv/Other/a.mkv").await;
    world.seconds(120).await;
    let scans = world.scans().await;
    assert_eq!(scans[0].state, ScanState::Attention);
    assert_eq!(world.delivery(scans[0].id, "plex").await, (DeliveryState::Failed, "404".into()));
    assert_eq!(world.spies[2].folders().len(), 2);
    world.engine.retry(scans[0].id).await.unwrap();
    world.seconds(1).await;
    assert!(world.spies[0].folders().contains(&"/tv/Show".to_owned()));
    assert_eq!(world.scans().await[0].state, ScanState::Done);
    assert_eq!(world.spies[2].folders().len(), 2, "a retry does not repeat what was accepted");
}

#[tokio::test(start_paused = true)]
async fn a_path_without_a_library_is_skipped() {
    let world = World::start(three());
    world.spies[0].faults.lock().unwrap().push_back(Fault::not_mine("no library"));
    world.send("created /tv/Show/a.mkv").await;
    world.seconds(15).await;
    let scans = world.scans().await;
    assert_eq!(world.delivery(scans[0].id, "plex").await, (DeliveryState::Skipped, "no library".into()));
    assert_eq!(scans[0].state, ScanState::Done);
}

#[tokio::test(start_paused = true)]
async fn a_change_during_a_scan_makes_a_new_one() {
    let mut setup = three();
    setup.spies[0].1.takes = Duration::from_secs(30);
    let world = World::start(setup);
    world.send("created /tv/Show/a.mkv").await;
    world.seconds(15).await;
    world.send("created /tv/Show/b.mkv").await;
    world.seconds(120).await;
    assert_eq!(world.spies[0].folders(), ["/tv/Show", "/tv/Show"]);
    assert_eq!(world.scans().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_takes_batches_gets_one_call() {
    let world = World::start(three());
    for movie in 0..50 {
        world.send(&format!("created /movies/M{movie}/a.mkv")).await;
    }
    world.seconds(30).await;
    assert_eq!(world.spies[1].folders().len(), 50);
    assert_eq!(*world.spies[1].calls.lock().unwrap(), 1);
    assert_eq!(*world.spies[0].calls.lock().unwrap(), 50);
}

#[tokio::test(start_paused = true)]
async fn the_scan_delay_lies_between_two_calls() {
    let world = World::start(Setup {
        pace: Pace { scan_delay: Duration::from_secs(5), ..Pace::default() },
        ..Setup::default()
    });
    for show in 0..3 {
        world.send(&format!("created /tv/Show{show}/a.mkv")).await;
    }
    world.seconds(60).await;
    let times: Vec<_> = world.spies[0].told.lock().unwrap().iter().map(|(_, at)| *at).collect();
    assert!(times.windows(2).all(|pair| pair[1].since(pair[0]) >= Duration::from_secs(5)), "{times:?}");
    assert_eq!(times.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_paused_target_gets_nothing_until_it_is_resumed_and_the_pause_survives_a_restart() {
    let world = World::start(three());
    assert_eq!(world.engine.pause(Some("plex"), None).await.unwrap().len(), 1);
    assert!(world.engine.pause(Some("nobody"), None).await.unwrap().is_empty());
    world.send("created /tv/Show/a.mkv").await;
    world.seconds(60).await;
    let scan = world.scans().await[0].id;
    let (state, error) = world.delivery(scan, "plex").await;
    assert_eq!(state, DeliveryState::Held);
    assert!(error.contains("paused"), "{error}");
    let store = world.stop().await;
    let world = World::start(Setup { store: Some(store), ..three() });
    world.seconds(60).await;
    assert!(world.spies[0].folders().is_empty());
    world.engine.resume(None).await.unwrap();
    world.seconds(1).await;
    assert_eq!(world.spies[0].folders(), ["/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_paused_while_it_says_who_it_is_gets_nothing() {
    let mut setup = three();
    setup.spies[0].1.probe_takes = Duration::from_secs(20);
    let world = World::start(setup);
    world.send("created /tv/Show/a.mkv").await;
    world.seconds(10).await;
    world.engine.pause(Some("plex"), None).await.unwrap();
    world.seconds(60).await;
    assert!(world.spies[0].folders().is_empty());
    assert_eq!(world.spies[1].folders(), ["/tv/Show"]);
    world.engine.resume(None).await.unwrap();
    world.seconds(1).await;
    assert_eq!(world.spies[0].folders(), ["/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_with_an_end_ends() {
    let world = World::start(three());
    let until = world.engine.now() + Duration::from_secs(100);
    world.engine.pause(Some("plex"), Some(until)).await.unwrap();
    world.send("created /tv/Show/a.mkv").await;
    world.seconds(90).await;
    assert!(world.spies[0].folders().is_empty());
    world.seconds(20).await;
    assert_eq!(world.spies[0].folders(), ["/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn a_soft_stop_finishes_the_call_and_stores_the_rest() {
    let mut setup = three();
    setup.spies[0].1.takes = Duration::from_secs(5);
    let world = World::start(setup);
    for show in 0..10 {
        world.send(&format!("created /tv/Show{show}/a.mkv")).await;
    }
    world.seconds(12).await;
    let spy = std::sync::Arc::clone(&world.spies[0]);
    let store = world.stop().await;
    assert_eq!(spy.folders().len(), 1, "the call in hand was finished");
    let world = World::start(Setup { store: Some(store), ..three() });
    world.seconds(60).await;
    assert_eq!(world.spies[0].folders().len(), 9, "and each other folder is told once");
}

#[tokio::test(start_paused = true)]
async fn one_call_that_brings_the_server_down_does_not_starve_the_others() {
    let mut setup = three();
    setup.spies[0].1.poison = Some("/tv/Poison");
    let world = World::start(setup);
    world.send("created /tv/Poison/a.mkv").await;
    for show in 0..20 {
        world.send(&format!("created /tv/Show{show}/a.mkv")).await;
    }
    world.seconds(120).await;
    assert_eq!(world.spies[0].folders().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_person_who_retries_does_not_wait_for_the_next_probe() {
    let world = World::start(three());
    world.spies[0].set_down(Some(Fault::refused("the key was rejected")));
    world.send("created /tv/Show/a.mkv").await;
    world.seconds(3000).await;
    world.spies[0].set_down(None);
    let scan = world.scans().await[0].id;
    world.engine.retry(scan).await.unwrap();
    world.seconds(1).await;
    assert_eq!(world.spies[0].folders(), ["/tv/Show"]);
}
