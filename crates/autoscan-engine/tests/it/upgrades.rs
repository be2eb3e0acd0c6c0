//! An upgrade deletes the old file before the new one is there: nobody is told in between.

use autoscan_core::ports::Store;
use autoscan_core::step::StepKind;
use autoscan_testkit::{START, TestEngine, TestSetup};

const OLD: &str = "/tv/Show/Season1/old.mkv";
const NEW: &str = "/tv/Show/Season1/new.mkv";

/// Before the disk, with a file that Sonarr upgrades.
fn engine() -> TestEngine {
    let engine = TestEngine::start(TestSetup { check: true, proof: 0, ..TestSetup::default() });
    engine.files.put("/tv/Show/Season1/other.mkv", 1, START);
    engine.files.put(OLD, 1, START);
    engine
}

/// Sonarr deletes the old file and says so.
async fn delete(engine: &TestEngine) {
    engine.files.remove(OLD);
    engine.send(&format!("replaced {OLD}")).await;
}

/// The copy is done, and Sonarr says so.
async fn import(engine: &TestEngine) {
    engine.files.put(NEW, 2, START);
    engine.send(&format!("created {NEW}\ndeleted {OLD}")).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_while_the_copy_of_an_upgrade_takes_its_time() {
    let engine = engine();
    delete(&engine).await;
    engine.seconds(20 * 60).await;
    assert!(engine.targets[0].folders().is_empty(), "neither file is on the disk");

    import(&engine).await;
    engine.seconds(15).await;

    assert_eq!(engine.targets[0].folders(), ["/tv/Show/Season1"]);
    let scans = engine.scans().await;
    assert_eq!((scans.len(), scans[0].changes.len()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn an_import_that_is_reported_twice_after_a_long_copy_is_one_scan() {
    let engine = engine();
    delete(&engine).await;
    engine.seconds(20 * 60).await;
    import(&engine).await;
    engine.seconds(2).await;
    engine.send(&format!("created {NEW}")).await;
    engine.seconds(60).await;
    assert_eq!(engine.scans().await.len(), 1);
    assert_eq!(engine.targets[0].folders(), ["/tv/Show/Season1"]);
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_that_never_comes_to_its_end_is_told_after_half_an_hour() {
    let engine = engine();
    delete(&engine).await;
    engine.seconds(30 * 60 - 5).await;
    assert!(engine.targets[0].folders().is_empty());
    engine.seconds(20).await;
    assert_eq!(engine.targets[0].folders(), ["/tv/Show/Season1"]);
}

#[tokio::test(start_paused = true)]
async fn the_wait_survives_a_restart() {
    let engine = engine();
    delete(&engine).await;
    engine.seconds(60).await;
    let (files, clock) = (engine.files.clone(), engine.clock.clone());
    let store = engine.stop().await;
    let setup =
        TestSetup { check: true, proof: 0, store: Some(store), clock: Some(clock), ..TestSetup::default() };
    let engine = TestEngine::start(setup);
    drop(files);
    engine.files.put("/tv/Show/Season1/other.mkv", 1, START);
    engine.seconds(15 * 60).await;
    assert!(engine.targets[0].folders().is_empty());
    import(&engine).await;
    engine.seconds(15).await;
    assert_eq!(engine.targets[0].folders(), ["/tv/Show/Season1"]);
}

#[tokio::test(start_paused = true)]
async fn the_timeline_says_that_the_new_file_is_waited_for() {
    let engine = engine();
    delete(&engine).await;
    engine.seconds(60).await;
    let scan = engine.scans().await.remove(0);
    let steps = engine.engine.timeline(scan.id).await.unwrap().unwrap();
    let last = steps.last().unwrap();
    assert_eq!(last.kind, StepKind::Waiting);
    assert_eq!(last.text, "waits for the file that replaces \"old.mkv\"; goes on without it in 29 min");
    assert_eq!(engine.store.steps(scan.id).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn the_old_file_in_another_season_folder_is_told_with_the_import_too() {
    let engine = engine();
    delete(&engine).await;
    engine.seconds(5 * 60).await;
    engine.files.put("/tv/Show/Season01/new.mkv", 2, START);
    engine.send(&format!("created /tv/Show/Season01/new.mkv\ndeleted {OLD}")).await;
    engine.seconds(15).await;
    let mut folders = engine.targets[0].folders();
    folders.sort();
    assert_eq!(folders, ["/tv/Show/Season01", "/tv/Show/Season1"]);
}
