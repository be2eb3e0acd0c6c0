//! A file that a sender missed and that came back is scanned, though no sender reports it.

use autoscan_testkit::{START, TestEngine, TestSetup};

const FILE: &str = "/mnt/tv/Show/Season1/a.mkv";

fn setup() -> TestSetup {
    TestSetup { check: true, proof: 0, maps: vec![("/tv", "/mnt/tv")], ..TestSetup::default() }
}

/// A disk on which the file is missing.
fn engine(setup: TestSetup) -> TestEngine {
    let engine = TestEngine::start(setup);
    engine.files.put("/mnt/tv/Show/Season1/other.mkv", 1, START);
    engine
}

/// Sonarr misses the file; the target is told of that.
async fn is_missed(engine: &TestEngine) {
    engine.send("missing /tv/Show/Season1/a.mkv").await;
    engine.seconds(20).await;
    assert_eq!(engine.targets[0].folders().len(), 1);
}

fn told(engine: &TestEngine) -> usize {
    engine.targets[0].folders().len()
}

#[tokio::test(start_paused = true)]
async fn a_missing_file_that_is_back_after_minutes_or_hours_is_scanned_once() {
    for (back_after, found_after) in [(60, 300), (20 * 60, 30 * 60), (100 * 60, 120 * 60)] {
        let engine = engine(setup());
        is_missed(&engine).await;
        engine.seconds(back_after - 20).await;
        engine.files.put(FILE, 1, START);
        engine.seconds(found_after - back_after - 5).await;
        assert_eq!(told(&engine), 1, "nobody looked yet");
        engine.seconds(20).await;
        assert_eq!(engine.targets[0].folders(), ["/mnt/tv/Show/Season1"; 2], "{back_after}");
        engine.seconds(4 * 3600).await;
        assert_eq!(told(&engine), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_never_comes_back_is_looked_for_three_times_and_then_forgotten() {
    let engine = engine(setup());
    is_missed(&engine).await;
    engine.seconds(3 * 3600).await;
    engine.files.put(FILE, 1, START);
    engine.seconds(4 * 3600).await;
    assert_eq!(told(&engine), 1);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_a_person_made_is_not_looked_at_again() {
    let engine = engine(setup());
    engine.send("deleted /tv/Show/Season1/a.mkv").await;
    engine.seconds(20).await;
    engine.files.put(FILE, 1, START);
    engine.seconds(4 * 3600).await;
    assert_eq!(told(&engine), 1);
}

#[tokio::test(start_paused = true)]
async fn looks_survive_a_restart() {
    let before = engine(setup());
    is_missed(&before).await;
    let clock = before.clock.clone();
    let store = before.stop().await;
    let after = engine(TestSetup { store: Some(store), clock: Some(clock), ..setup() });
    after.files.put(FILE, 1, START);
    after.seconds(6 * 60).await;
    assert_eq!(after.targets[0].folders(), ["/mnt/tv/Show/Season1"]);
}

#[tokio::test(start_paused = true)]
async fn while_an_anchor_is_gone_no_look_counts_and_when_it_is_back_the_file_is_found() {
    let engine = engine(TestSetup { anchors: vec!["/mnt/tv/.anchor"], ..setup() });
    engine.files.put("/mnt/tv/.anchor", 0, START);
    is_missed(&engine).await;
    engine.files.remove("/mnt/tv/.anchor");
    engine.seconds(10 * 3600).await;
    engine.files.put(FILE, 1, START);
    engine.seconds(3600).await;
    assert_eq!(told(&engine), 1);

    engine.files.put("/mnt/tv/.anchor", 0, START);
    engine.seconds(90).await;

    assert_eq!(told(&engine), 2);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_imported_meanwhile_is_not_scanned_once_more() {
    let engine = engine(setup());
    is_missed(&engine).await;
    engine.files.put(FILE, 1, START);
    engine.send("created /tv/Show/Season1/a.mkv").await;
    engine.seconds(4 * 3600).await;
    assert_eq!(told(&engine), 2);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_loses_no_look() {
    let engine = engine(setup());
    is_missed(&engine).await;
    engine.files.put(FILE, 1, START);
    engine.faulty_store.fail(Some(autoscan_core::ports::StoreError::NotWritable("full".to_owned())));
    engine.seconds(10 * 60).await;
    engine.faulty_store.fail(None);
    engine.seconds(60).await;
    assert_eq!(told(&engine), 2);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_back_is_no_event_of_its_trigger() {
    let engine = engine(setup());
    is_missed(&engine).await;
    engine.files.put(FILE, 1, START);
    engine.seconds(10 * 60).await;
    assert_eq!((told(&engine), engine.engine.triggers()[0].events), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn files_that_come_back_after_a_storm_are_scanned_and_the_others_stay_held() {
    let storm = Some(autoscan_core::storm::StormRule::default());
    let engine = TestEngine::start(TestSetup { storm, ..setup() });
    for show in 60..100 {
        engine.files.put(&format!("/mnt/tv/Show{show}/a.mkv"), 1, START);
    }
    for show in 0..60 {
        engine.files.make_folder(&format!("/mnt/tv/Show{show}"));
        engine.send(&format!("missing /tv/Show{show}/a.mkv")).await;
    }
    engine.seconds(60).await;
    assert_eq!(told(&engine), 0, "what looks like a lost mount reaches nobody");

    for show in 0..50 {
        engine.files.put(&format!("/mnt/tv/Show{show}/a.mkv"), 1, START);
    }
    engine.seconds(10 * 60).await;

    assert_eq!(told(&engine), 50);
    assert!(!engine.targets[0].folders().contains(&"/mnt/tv/Show55".to_owned()));
}
