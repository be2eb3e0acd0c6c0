//! What is remembered of the past.

use std::sync::Arc;
use std::time::Duration;

use autoscan_core::delivery::DeliveryState;
use autoscan_core::fault::Fault;
use autoscan_core::ports::{Hook, Store};
use autoscan_core::scan::{ScanId, ScanState};
use autoscan_core::step::{Step, StepKind};
use autoscan_engine::{HOURS, History, Hour, IntakeError, RetryFilter, TriggerView};

use autoscan_testkit::{ScriptedTarget, TestEngine, TestSetup, name};

/// Each step as `kind target: text`, without the target where it has none.
async fn timeline(harness: &TestEngine, scan: i64) -> Vec<String> {
    let steps = harness.engine.timeline(ScanId(scan)).await.unwrap().unwrap();
    let line = |Step { target, kind, text, .. }: Step| match target {
        Some(target) => format!("{} {target}: {text}", kind.as_str()),
        None => format!("{}: {text}", kind.as_str()),
    };
    steps.into_iter().map(line).collect()
}

fn shows_at_once() -> ScriptedTarget {
    ScriptedTarget { proves: true, shows_after: Some(Duration::ZERO).into(), ..ScriptedTarget::default() }
}

fn sonarr(harness: &TestEngine) -> TriggerView {
    harness.engine.triggers().remove(0)
}

async fn sends_nonsense(harness: &TestEngine) {
    let hook = Hook { query: &[], content_type: None, body: b"\xff" };
    let refused = harness.engine.take(&name("sonarr"), &hook).await;
    assert!(matches!(refused, Err(IntakeError::Unreadable(_))), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_timeline_leads_from_the_path_as_it_was_sent_to_the_moment_at_which_the_file_is_seen() {
    let maps = vec![("/tv", "/mnt/media/TV")];
    let harness = TestEngine::start(TestSetup {
        maps,
        targets: vec![("plex", shows_at_once())],
        ..TestSetup::default()
    });
    harness.send("created /tv/Show/a.mkv").await;
    assert_eq!(
        timeline(&harness, 1).await,
        [
            "received: sonarr reported: created \"/tv/Show/a.mkv\"",
            "mapped: \"/tv/Show/a.mkv\" is \"/mnt/media/TV/Show/a.mkv\" here",
            "waiting: waits for the folder to be quiet; 10 s left",
        ]
    );
    harness.seconds(20).await;
    assert_eq!(
        timeline(&harness, 1).await,
        [
            "received: sonarr reported: created \"/tv/Show/a.mkv\"",
            "mapped: \"/tv/Show/a.mkv\" is \"/mnt/media/TV/Show/a.mkv\" here",
            "started: 10 s after the first request",
            "sent plex: told of /mnt/media/TV/Show: POST http://spy/scan → 204",
            "seen plex: the files are shown, 12 s after the first request",
            "finished: done, 12 s after the first request",
        ]
    );
    assert_eq!(harness.engine.timeline(ScanId(7)).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_timeline_says_for_what_and_how_long_a_scan_was_kept_back() {
    let harness = TestEngine::start(TestSetup { check: true, ..TestSetup::default() });
    harness.files.make_folder("/tv/Show");
    harness.send("created /tv/Show/a.mkv").await;
    harness.seconds(60).await;
    harness.files.put("/tv/Show/a.mkv", 5, harness.engine.now());
    harness.seconds(60).await;
    let steps = timeline(&harness, 1).await;
    let kept_back: Vec<_> = steps.iter().filter(|step| step.starts_with("waiting: ")).collect();
    assert!(!kept_back.is_empty() && kept_back.len() < 4, "{steps:#?}");
    let started = steps.iter().find(|step| step.starts_with("started: ")).unwrap();
    assert!(started.contains("kept back for"), "{steps:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_timeline_says_what_stands_in_the_way_of_a_target_and_only_once() {
    let harness = TestEngine::start(TestSetup::default());
    harness.seconds(1).await;
    *harness.targets[0].down.lock().unwrap() = Some(Fault::away("plex does not answer"));
    harness.send("created /tv/Show/a.mkv").await;
    harness.seconds(3600).await;
    let steps = timeline(&harness, 1).await;
    let held = steps.iter().filter(|step| *step == "held plex: plex does not answer").count();
    assert_eq!(held, 1, "{steps:#?}");
    *harness.targets[0].down.lock().unwrap() = None;
    harness.seconds(3600).await;
    let steps = timeline(&harness, 1).await;
    assert!(steps.last().unwrap().starts_with("finished: done, "), "{steps:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_paused_writes_no_step_and_is_shown_all_the_same() {
    let harness = TestEngine::start(TestSetup::default());
    harness.engine.pause(Some("plex"), None).await.unwrap();
    harness.send("created /tv/Show/a.mkv").await;
    harness.seconds(60).await;
    assert_eq!(timeline(&harness, 1).await.last().unwrap(), "held plex: a person paused this target");
    let kept = harness.store.steps(ScanId(1)).await.unwrap();
    assert_eq!(kept.iter().map(|step| step.kind).collect::<Vec<_>>(), [StepKind::Started]);
}

#[tokio::test(start_paused = true)]
async fn a_person_who_tries_again_is_part_of_the_timeline() {
    let wrong = Fault::wrong("404 from plex");
    let target = ScriptedTarget {
        faults: std::iter::repeat_n(wrong, 4).collect::<std::collections::VecDeque<_>>().into(),
        ..ScriptedTarget::default()
    };
    let harness = TestEngine::start(TestSetup { targets: vec![("plex", target)], ..TestSetup::default() });
    harness.send("created /tv/Show/a.mkv").await;
    harness.seconds(3600).await;
    let steps = timeline(&harness, 1).await;
    assert!(steps.contains(&"waiting plex: attempt 2 of 4: 404 from plex".to_owned()), "{steps:#?}");
    assert!(steps.contains(&"failed plex: 404 from plex".to_owned()), "{steps:#?}");
    assert!(steps.last().unwrap().starts_with("finished: "), "{steps:#?}");

    harness.engine.retry(ScanId(1)).await.unwrap();
    harness.seconds(60).await;
    let steps = timeline(&harness, 1).await;
    assert_eq!(
        steps[steps.len() - 3..],
        [
            "retried: a person asked to try it again",
            "sent plex: told of /tv/Show: POST http://spy/scan → 204",
            "finished: done, 1 h after the first request",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn of_many_changes_the_first_are_told_and_the_rest_are_counted() {
    let harness = TestEngine::start(TestSetup::default());
    for episode in 0..500 {
        harness.send(&format!("created /tv/Show/S01/e{episode}.mkv")).await;
    }
    let steps = timeline(&harness, 1).await;
    assert_eq!(steps.len(), 22);
    assert_eq!(steps[20], "received: and 480 changes more");
}

#[tokio::test(start_paused = true)]
async fn the_last_ten_events_of_a_trigger_say_what_became_of_them() {
    let harness = TestEngine::start(TestSetup::default());
    let taken = harness.send("created /tv/Show/a.mkv\ncreated /tv/.DS_Store").await;
    sends_nonsense(&harness).await;
    harness.seconds(5).await;
    sends_nonsense(&harness).await;
    let view = sonarr(&harness);
    assert_eq!((view.events, view.changes, view.refused), (1, 1, 2));
    assert_eq!(view.last_event_at, Some(autoscan_testkit::START), "what is refused breaks no silence");
    let [nonsense, first] = &view.recent[..] else { panic!("{:?}", view.recent) };
    assert_eq!((nonsense.refused, nonsense.times), (true, 2));
    assert_eq!((first.event.as_str(), &first.scans, first.refused), ("Lines", &taken.scans, false));
    assert!(first.outcome.starts_with("1 change in 1 folder is stored; left out: "), "{}", first.outcome);

    for episode in 0..30 {
        harness.send(&format!("created /tv/Show/e{episode}.mkv")).await;
    }
    let view = sonarr(&harness);
    assert_eq!((view.events, view.changes, view.recent.len()), (31, 31, 10));
    assert!(view.recent.iter().all(|event| !event.refused));
}

#[tokio::test(start_paused = true)]
async fn who_is_turned_away_at_the_door_again_and_again_pushes_no_event_out() {
    let harness = TestEngine::start(TestSetup::default());
    harness.send("created /tv/Show/a.mkv").await;
    for _ in 0..1000 {
        harness.engine.note_refused(&name("sonarr"), "the key is wrong");
        harness.engine.note_refused(&name("sonarr"), "the body is too long");
    }
    let view = sonarr(&harness);
    let events: Vec<_> = view.recent.iter().map(|event| (event.outcome.as_str(), event.times)).collect();
    assert_eq!(
        events,
        [("the body is too long", 1000), ("the key is wrong", 1000), ("1 change in 1 folder is stored", 1)]
    );
}

#[tokio::test(start_paused = true)]
async fn events_and_hours_survive_a_restart_and_are_not_written_with_a_request() {
    let harness =
        TestEngine::start(TestSetup { targets: vec![("plex", shows_at_once())], ..TestSetup::default() });
    harness.seconds(1).await;
    harness.send("created /tv/Show/a.mkv").await;
    assert_eq!(harness.store.trigger_counts().await.unwrap(), []);
    harness.seconds(20).await;
    let (events, hours) = (sonarr(&harness), harness.engine.hours());
    let clock = Some(harness.clock.clone());
    let store = harness.stop().await;
    assert_eq!(store.trigger_counts().await.unwrap().len(), 1);

    let harness = TestEngine::start(TestSetup { store: Some(store), clock, ..TestSetup::default() });
    harness.seconds(1).await;
    assert_eq!(sonarr(&harness), events);
    assert_eq!(harness.engine.hours().last(), hours.last());
    harness.send("created /tv/Show/b.mkv").await;
    let view = sonarr(&harness);
    assert_eq!((view.events, view.changes, view.recent.len()), (2, 2, 2));
}

#[tokio::test(start_paused = true)]
async fn what_was_remembered_is_written_once_a_minute() {
    let harness = TestEngine::start(TestSetup::default());
    harness.seconds(1).await;
    harness.send("created /tv/Show/a.mkv").await;
    harness.seconds(60).await;
    let kept = harness.store.trigger_counts().await.unwrap();
    assert_eq!(kept[0].recent[0].outcome, "1 change in 1 folder is stored");
}

#[tokio::test(start_paused = true)]
async fn every_hour_counts_what_came_in_what_ended_and_how_long_it_took() {
    let harness =
        TestEngine::start(TestSetup { targets: vec![("plex", shows_at_once())], ..TestSetup::default() });
    harness.send("created /tv/A/a.mkv\ncreated /tv/B/a.mkv").await;
    harness.seconds(3600).await;
    *harness.targets[0].shows_after.lock().unwrap() = Some(Duration::from_secs(100));
    harness.send("created /tv/C/a.mkv").await;
    harness.seconds(3600).await;
    let hours = harness.engine.hours();
    assert_eq!(hours.len(), HOURS);
    let of = |hour: &Hour| (hour.changes, hour.done, hour.attention, hour.seen);
    let busy: Vec<_> = hours.iter().filter(|hour| hour.changes > 0).collect();
    assert_eq!(busy.iter().map(|hour| of(hour)).collect::<Vec<_>>(), [(2, 2, 0, 2), (1, 1, 0, 1)]);
    let seconds = |time: Option<Duration>| time.unwrap().as_secs();
    assert_eq!((seconds(busy[0].visible_median), seconds(busy[0].visible_slowest)), (12, 12));
    assert!((100..130).contains(&seconds(busy[1].visible_p95)), "{:?}", busy[1]);
    assert_eq!(hours.last().unwrap().visible_median, None);

    harness.clock.set_forward(Duration::from_hours(7 * 24));
    harness.send("created /tv/D/a.mkv").await;
    let hours = harness.engine.hours();
    assert_eq!(hours.iter().map(|hour| hour.changes).sum::<u64>(), 1);
    assert_eq!(hours.last().unwrap().changes, 1);
}

#[tokio::test(start_paused = true)]
async fn all_of_a_reason_are_tried_again_together_and_nothing_else_is() {
    let harness = TestEngine::start(TestSetup { minimum_age: 1, ..TestSetup::default() });
    harness.seconds(1).await;
    for folder in 0..300 {
        harness.send(&format!("created /tv/S{folder}/a.mkv")).await;
    }
    *harness.targets[0].down.lock().unwrap() = Some(Fault::wrong("404 from plex"));
    harness.seconds(3600).await;
    *harness.targets[0].down.lock().unwrap() = Some(Fault::wrong("400 from plex"));
    harness.send("created /movies/M/a.mkv").await;
    harness.seconds(3600).await;
    *harness.targets[0].down.lock().unwrap() = None;
    assert_eq!(harness.engine.stats().await.unwrap().attention, 301);

    let other = RetryFilter { reason: Some("500 FROM".into()), ..RetryFilter::default() };
    assert_eq!(harness.engine.retry_all(&other).await.unwrap().scans, 0);
    let reason = RetryFilter {
        target: Some(name("plex")),
        reason: Some("404 from PLEX".into()),
        ..RetryFilter::default()
    };
    let retried = harness.engine.retry_all(&reason).await.unwrap();
    assert_eq!((retried.scans, retried.more), (300, false));
    harness.seconds(60).await;
    let stats = harness.engine.stats().await.unwrap();
    assert_eq!((stats.done, stats.attention), (300, 1));
    let left = harness.scans().await.into_iter().find(|scan| scan.state == ScanState::Attention).unwrap();
    assert_eq!(left.folder.as_str(), "/movies/M");
    assert_eq!(harness.delivery(left.id, "plex").await, (DeliveryState::Failed, "400 from plex".into()));
}

#[tokio::test(start_paused = true)]
async fn what_was_counted_goes_on_under_the_next_config_and_is_kept_once() {
    let history = Arc::<History>::default();
    let setup = || TestSetup {
        history: Arc::clone(&history),
        targets: vec![("plex", shows_at_once())],
        ..TestSetup::default()
    };
    let harness = TestEngine::start(setup());
    harness.send("created /tv/A/a.mkv").await;
    harness.seconds(20).await;
    let clock = harness.clock.clone();
    let store = harness.stop().await;

    let harness = TestEngine::start(TestSetup { store: Some(store), clock: Some(clock), ..setup() });
    let figures = |harness: &TestEngine| harness.engine.targets().remove(0).figures;
    assert_eq!((sonarr(&harness).events, figures(&harness).seen), (1, 1), "at once");
    harness.send("created /tv/B/b.mkv").await;
    harness.seconds(20).await;

    assert_eq!((sonarr(&harness).events, figures(&harness).seen), (2, 2));
    let kept = harness.stop().await.trigger_counts().await.unwrap();
    assert_eq!(kept.iter().map(|counts| counts.events).collect::<Vec<_>>(), [2]);
}
