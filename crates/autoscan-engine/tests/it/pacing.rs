//! When and how fast a target is told.

use std::time::Duration;

use autoscan_core::delivery::DeliveryState;
use autoscan_core::fault::Fault;
use autoscan_core::quiet_hours::QuietHours;
use autoscan_engine::{Pace, PathPriority};

use autoscan_testkit::{ScriptedTarget, TestEngine, TestSetup};

fn paced(pace: Pace, target: ScriptedTarget) -> TestSetup {
    TestSetup {
        targets: vec![("plex", target), ("emby", ScriptedTarget::default())],
        pace,
        minimum_age: 0,
        ..TestSetup::default()
    }
}

#[tokio::test(start_paused = true)]
async fn in_quiet_hours_nothing_is_told_and_it_is_said_why() {
    // The clock begins at midnight.
    let hours = QuietHours::parse(["23:00-00:30"]).unwrap();
    let harness =
        TestEngine::start(paced(Pace { quiet_hours: hours, ..Pace::default() }, ScriptedTarget::default()));
    let scan = harness.send("created /tv/Show/a.mkv").await.scans[0];
    harness.seconds(29 * 60).await;
    assert!(harness.targets[0].folders().is_empty());
    let (state, error) = harness.delivery(scan, "plex").await;
    assert_eq!(state, DeliveryState::Held);
    assert!(error.contains("quiet hours"), "{error}");
    assert_eq!(harness.engine.targets()[0].state, "quiet");
    harness.seconds(90).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show"]);
    assert_eq!(harness.engine.targets()[0].state, "open");
}

#[tokio::test(start_paused = true)]
async fn while_people_watch_a_target_is_left_alone_but_not_for_ever() {
    let target = ScriptedTarget { playing: 2.into(), ..ScriptedTarget::default() };
    let idle = Pace { only_when_idle: Some(Duration::from_hours(6)), ..Pace::default() };
    let harness = TestEngine::start(paced(idle, target));
    let scan = harness.send("created /tv/Show/a.mkv").await.scans[0];
    harness.seconds(3600).await;
    let (state, error) = harness.delivery(scan, "plex").await;
    assert_eq!(state, DeliveryState::Held);
    assert!(error.contains("2 now") && error.contains("6h"), "{error}");
    *harness.targets[0].playing.lock().unwrap() = 0;
    harness.seconds(40).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show"]);
    *harness.targets[0].playing.lock().unwrap() = 1;
    harness.send("created /tv/Other/a.mkv").await;
    harness.seconds(6 * 3600 - 60).await;
    assert_eq!(harness.targets[0].folders().len(), 1);
    harness.seconds(120).await;
    assert_eq!(harness.targets[0].folders().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn scans_of_one_queue_go_one_after_the_other_and_queues_side_by_side() {
    let target = ScriptedTarget { queues: true, takes: Duration::from_secs(10), ..ScriptedTarget::default() };
    let harness = TestEngine::start(paced(Pace { max_in_flight: 2, ..Pace::default() }, target));
    for number in 0..3 {
        for library in ["tv", "movies", "music"] {
            harness.send(&format!("created /{library}/{number}/a.mkv")).await;
        }
    }
    harness.seconds(25).await;
    assert_eq!(harness.targets[0].concurrent_calls.lock().unwrap().0, 2, "no more than may be in flight");
    harness.seconds(60).await;
    let told = harness.targets[0].accepted.lock().unwrap();
    assert_eq!(told.len(), 9);
    for library in ["/tv/", "/movies/", "/music/"] {
        let of: Vec<_> = told.iter().filter(|(folder, _)| folder.starts_with(library)).collect();
        assert!(of.windows(2).all(|two| two[1].1.since(two[0].1) >= Duration::from_secs(10)), "{of:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_library_does_not_keep_another_waiting() {
    let target = ScriptedTarget { queues: true, takes: Duration::from_mins(1), ..ScriptedTarget::default() };
    let harness = TestEngine::start(paced(Pace { max_in_flight: 2, ..Pace::default() }, target));
    for number in 0..100 {
        harness.send(&format!("created /tv/{number}/a.mkv")).await;
    }
    harness.seconds(90).await;
    harness.send("created /movies/Film/a.mkv").await;
    harness.seconds(61).await;
    assert!(harness.targets[0].folders().contains(&"/movies/Film".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn what_has_no_name_yet_is_told_alone_and_the_others_are_named_after_it() {
    let target = ScriptedTarget {
        queues: true,
        learns_queues: true,
        takes: Duration::from_mins(1),
        ..ScriptedTarget::default()
    };
    let harness = TestEngine::start(paced(Pace { max_in_flight: 2, ..Pace::default() }, target));
    for folder in ["tv/A", "tv/B", "tv/C", "movies/Film"] {
        harness.send(&format!("created /{folder}/a.mkv")).await;
    }
    harness.seconds(50).await;
    assert_eq!(
        harness.targets[0].concurrent_calls.lock().unwrap().0,
        1,
        "whether another would meet it is not known"
    );
    harness.seconds(90).await;
    let told = harness.targets[0].folders();
    assert!(told.len() == 3 && told.contains(&"/movies/Film".to_owned()), "{told:?}");
    assert_eq!(harness.targets[0].concurrent_calls.lock().unwrap().0, 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_holds_what_the_next_one_needs_stops_nobody() {
    let target = ScriptedTarget { queues: true, takes: Duration::from_secs(1), ..ScriptedTarget::default() };
    let harness = TestEngine::start(paced(Pace { max_in_flight: 2, ..Pace::default() }, target));
    for number in 0..20 {
        harness.send(&format!("created /tv/{number}/a.mkv")).await;
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    harness.seconds(60).await;
    assert_eq!(harness.targets[0].folders().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn what_asks_for_later_waits_alone() {
    let harness = TestEngine::start(paced(Pace::default(), ScriptedTarget::default()));
    let later = Fault::Later { after: Duration::from_secs(65), reason: "it gathers".into() };
    harness.targets[0].faults.lock().unwrap().push_back(later);
    let scan = harness.send("created /tv/A/a.mkv").await.scans[0];
    harness.send("created /tv/B/a.mkv").await;
    harness.seconds(10).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/B"]);
    assert_eq!(harness.delivery(scan, "plex").await, (DeliveryState::Waiting, "it gathers".into()));
    harness.seconds(60).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/B", "/tv/A"]);
}

#[tokio::test(start_paused = true)]
async fn a_mount_that_vanishes_while_the_server_is_away_is_noticed_before_it_is_told() {
    let harness = TestEngine::start(TestSetup {
        anchors: vec!["/mnt/tv/.anchor"],
        check: true,
        ..paced(Pace::default(), ScriptedTarget::default())
    });
    harness.files.put("/mnt/tv/.anchor", 0, autoscan_testkit::START);
    harness.files.put("/mnt/tv/Show/a.mkv", 1, autoscan_testkit::START);
    harness.targets[0].set_down(Some(Fault::away("down")));
    harness.seconds(10).await;
    let scan = harness.send("created /mnt/tv/Show/a.mkv").await.scans[0];
    harness.seconds(60).await;
    assert_eq!(harness.targets[1].folders(), ["/mnt/tv/Show"]);
    harness.files.remove("/mnt/tv");
    harness.targets[0].set_down(None);
    harness.seconds(60).await;
    assert!(harness.targets[0].folders().is_empty());
    let (state, error) = harness.delivery(scan, "plex").await;
    assert_eq!(state, DeliveryState::Held);
    assert!(error.contains(".anchor"), "{error}");
    harness.files.put("/mnt/tv/.anchor", 0, autoscan_testkit::START);
    harness.seconds(20).await;
    assert_eq!(harness.targets[0].folders(), ["/mnt/tv/Show"]);
}

#[tokio::test(start_paused = true)]
async fn priorities_by_path_beat_those_of_triggers() {
    let priorities = vec![PathPriority { path: "/Movies/".into(), priority: 9 }];
    let target = ScriptedTarget { takes: Duration::from_secs(5), ..ScriptedTarget::default() };
    let harness =
        TestEngine::start(TestSetup { priorities, minimum_age: 10, ..paced(Pace::default(), target) });
    harness.send("created /mnt/TV/a.mkv\ncreated /mnt/Movies/Film/a.mkv\ncreated /mnt/TV/Show/a.mkv").await;
    harness.seconds(60).await;
    assert_eq!(harness.targets[0].folders()[0], "/mnt/Movies/Film");
    let priorities: Vec<i64> = harness.scans().await.iter().map(|scan| scan.priority).collect();
    assert_eq!(priorities, [0, 9, 0]);
}
