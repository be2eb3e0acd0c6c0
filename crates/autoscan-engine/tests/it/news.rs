//! Those who look on hear what changed, a few times a second.

use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_engine::{BusEvent, BusEventId, BusMessage, Listener, Topic};

use autoscan_testkit::{ScriptedTarget, TestEngine, TestSetup};

/// What is heard until a second passes in which there is nothing.
async fn heard(listener: &mut Listener) -> Vec<BusEvent> {
    let mut all = Vec::new();
    while let Ok(heard) = tokio::time::timeout(Duration::from_secs(1), listener.next()).await {
        match heard {
            BusMessage::Event(event) => all.push((*event).clone()),
            BusMessage::Gap(id) => panic!("a gap before {id}"),
        }
    }
    all
}

fn of(events: &[BusEvent], topic: Topic) -> Vec<&BusEvent> {
    events.iter().filter(|event| event.topic == topic).collect()
}

#[tokio::test(start_paused = true)]
async fn a_scan_is_told_when_it_comes_starts_and_is_seen_and_its_trigger_and_target_too() {
    let target = ScriptedTarget {
        proves: true,
        shows_after: Some(Duration::ZERO).into(),
        ..ScriptedTarget::default()
    };
    let harness = TestEngine::start(TestSetup {
        targets: vec![("plex", target)],
        minimum_age: 30,
        ..TestSetup::default()
    });
    let mut listener = harness.engine.subscribe(None);
    let first = heard(&mut listener).await;
    assert_eq!(of(&first, Topic::Target)[0].names[0].as_str(), "plex");
    let scan = harness.send("created /tv/Show/a.mkv").await.scans[0];

    let came = heard(&mut listener).await;
    assert_eq!(of(&came, Topic::Scan)[0].scans, [scan]);
    assert_eq!(of(&came, Topic::Trigger)[0].names[0].as_str(), "sonarr");

    harness.seconds(30).await;
    let went_on = heard(&mut listener).await;
    assert!(of(&went_on, Topic::Scan).iter().any(|news| news.scans == [scan]), "{went_on:?}");
    harness.seconds(60).await;
    heard(&mut listener).await;
    assert_eq!(heard(&mut listener).await, [], "a scan that is seen is news no more");
    harness.stop().await;
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_requests_in_a_second_are_a_few_pieces_of_news() {
    let harness = TestEngine::start(TestSetup { minimum_age: 100, ..TestSetup::default() });
    let mut listener = harness.engine.subscribe(None);
    heard(&mut listener).await;
    for _ in 0..100 {
        for number in 0..100 {
            harness.send(&format!("created /tv/Show{number}/a.mkv")).await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    let all = heard(&mut listener).await;
    for topic in [Topic::Scan, Topic::Trigger] {
        assert!((1..=5).contains(&of(&all, topic).len()), "{all:?}");
    }
    assert!(all.iter().all(|news| news.scans.len() <= 20 && news.names.len() <= 20));
    assert!(of(&all, Topic::Scan).iter().any(|news| news.more));
    harness.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_comes_back_hears_what_it_missed_and_one_that_cannot_know_begins_with_a_gap() {
    let harness = TestEngine::start(TestSetup { minimum_age: 1000, ..TestSetup::default() });
    heard(&mut harness.engine.subscribe(None)).await;
    let left_at = harness.engine.last_event();
    let scan = harness.send("created /tv/Show/a.mkv").await.scans[0];
    harness.seconds(1).await;

    let missed = heard(&mut harness.engine.subscribe(Some(left_at))).await;
    assert_eq!(of(&missed, Topic::Scan)[0].scans, [scan]);
    assert_eq!(heard(&mut harness.engine.subscribe(None)).await, []);

    let known = left_at.to_string();
    let run = known.split('-').next().unwrap();
    for unknown in ["1-1".to_owned(), format!("{run}-99999")] {
        let unknown: BusEventId = unknown.parse().unwrap();
        let mut listener = harness.engine.subscribe(Some(unknown));
        assert_eq!(listener.next().await, BusMessage::Gap(harness.engine.last_event()), "{unknown}");
        assert_eq!(heard(&mut listener).await, []);
    }
    harness.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_does_not_keep_up_hears_of_the_gap_and_then_what_is_new() {
    let harness = TestEngine::start(TestSetup { minimum_age: 100_000, ..TestSetup::default() });
    let mut slow = harness.engine.subscribe(None);
    for number in 0..600 {
        harness.send(&format!("created /tv/Show{number}/a.mkv")).await;
        harness.seconds(1).await;
    }

    let last = harness.engine.last_event();
    assert_eq!(slow.next().await, BusMessage::Gap(last));
    let scan = harness.send("created /tv/Other/a.mkv").await.scans[0];
    assert!(heard(&mut slow).await.iter().any(|news| news.scans.contains(&scan)));
    harness.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_target_that_goes_away_is_paused_or_comes_back_is_news_and_so_is_a_dropped_scan() {
    let harness = TestEngine::start(TestSetup::default());
    let scan = harness.send("created /tv/Show/a.mkv").await.scans[0];
    let mut listener = harness.engine.subscribe(None);
    heard(&mut listener).await;

    harness.engine.pause(Some("plex"), None).await.unwrap();
    assert_eq!(of(&heard(&mut listener).await, Topic::Target).len(), 1);
    harness.engine.resume(None).await.unwrap();
    assert_eq!(of(&heard(&mut listener).await, Topic::Target).len(), 1);
    harness.engine.retry(scan).await.unwrap();
    assert_eq!(of(&heard(&mut listener).await, Topic::Scan)[0].scans, [scan]);
    harness.engine.drop_scan(scan).await.unwrap();
    assert_eq!(of(&heard(&mut listener).await, Topic::Scan)[0].scans, [scan]);

    harness.seconds(3600).await;
    heard(&mut listener).await;
    harness.targets[0].set_down(Some(Fault::away("gone")));
    harness.send("created /tv/Show/b.mkv").await;
    harness.seconds(20).await;
    assert!(!of(&heard(&mut listener).await, Topic::Target).is_empty());
    harness.stop().await;
}
