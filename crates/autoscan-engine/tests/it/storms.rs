//! Many deletions at once are held.

use autoscan_core::delivery::DeliveryState;
use autoscan_core::storm::StormRule;
use autoscan_testkit::START;

use autoscan_testkit::{TestEngine, TestSetup};

fn stormy() -> TestSetup {
    TestSetup {
        storm: Some(StormRule::default()),
        check: true,
        minimum_age: 0,
        maps: vec![("/tv", "/mnt/tv")],
        ..TestSetup::default()
    }
}

/// So many shows of one file each below `/mnt/tv`.
fn fill(harness: &TestEngine, shows: std::ops::Range<usize>) {
    for show in shows {
        harness.files.put(&format!("/mnt/tv/Show{show}/a.mkv"), 1, START);
    }
}

/// Reports the deletion of the files of these shows; and they are gone from the disk.
async fn delete(harness: &TestEngine, shows: std::ops::Range<usize>) {
    for show in shows {
        harness.files.remove(&format!("/mnt/tv/Show{show}/a.mkv"));
        harness.send(&format!("deleted /tv/Show{show}/a.mkv")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_deletions_is_held_and_said_and_a_person_releases_it() {
    let harness = TestEngine::start(stormy());
    fill(&harness, 0..100);
    delete(&harness, 0..60).await;
    harness.seconds(1000).await;
    let told = harness.targets[0].folders().len();
    assert_eq!(told, 0, "what looks like a lost mount reaches nobody");
    let scan = harness.scans().await[0].id;
    let (state, error) = harness.delivery(scan, "plex").await;
    assert_eq!(state, DeliveryState::Held);
    assert!(error.contains("60 files under \"/mnt/tv\"") && error.contains("retry"), "{error}");
    harness.send("created /tv/Show90/b.mkv").await;
    harness.files.put("/mnt/tv/Show90/b.mkv", 1, START);
    harness.seconds(20).await;
    assert_eq!(harness.targets[0].folders(), ["/mnt/tv/Show90"], "what is no deletion flows");
    harness.engine.retry(scan).await.unwrap();
    harness.seconds(30).await;
    assert_eq!(harness.targets[0].folders().len(), 61, "one word of a person releases them all");
}

#[tokio::test(start_paused = true)]
async fn a_storm_survives_a_restart() {
    let harness = TestEngine::start(stormy());
    fill(&harness, 0..100);
    delete(&harness, 0..60).await;
    harness.seconds(60).await;
    let files = harness.files.clone();
    let store = harness.stop().await;
    let harness = TestEngine::start(TestSetup { store: Some(store), ..stormy() });
    drop(files);
    fill(&harness, 60..100);
    harness.seconds(300).await;
    assert!(harness.targets[0].folders().is_empty());
}

#[tokio::test(start_paused = true)]
async fn where_an_anchor_stands_and_the_files_are_gone_it_ends_by_itself() {
    let harness = TestEngine::start(TestSetup { anchors: vec!["/mnt/tv/.anchor"], ..stormy() });
    harness.files.put("/mnt/tv/.anchor", 0, START);
    fill(&harness, 0..100);
    delete(&harness, 0..60).await;
    harness.seconds(30).await;
    assert!(harness.targets[0].folders().is_empty(), "not before it is calm");
    harness.seconds(60).await;
    assert_eq!(harness.targets[0].folders().len(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_still_there_is_not_really_gone() {
    let harness = TestEngine::start(TestSetup { anchors: vec!["/mnt/tv/.anchor"], ..stormy() });
    harness.files.put("/mnt/tv/.anchor", 0, START);
    fill(&harness, 0..100);
    delete(&harness, 0..60).await;
    harness.files.put("/mnt/tv/Show0/a.mkv", 1, START);
    harness.seconds(600).await;
    assert_eq!(harness.targets[0].folders().len(), 59);
    assert!(!harness.targets[0].folders().contains(&"/mnt/tv/Show0".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_person_who_tidies_makes_no_storm() {
    let few = TestEngine::start(stormy());
    fill(&few, 0..100);
    delete(&few, 0..49).await;
    few.seconds(60).await;
    assert_eq!(few.targets[0].folders().len(), 49);
    let of_many = TestEngine::start(stormy());
    fill(&of_many, 0..400);
    delete(&of_many, 0..60).await;
    of_many.seconds(60).await;
    assert_eq!(of_many.targets[0].folders().len(), 60);
    let slowly = TestEngine::start(stormy());
    fill(&slowly, 0..100);
    for show in 0..60 {
        delete(&slowly, show..show + 1).await;
        slowly.seconds(2).await;
    }
    slowly.seconds(30).await;
    assert_eq!(slowly.targets[0].folders().len(), 60);
}

#[tokio::test(start_paused = true)]
async fn sixty_upgrades_in_a_minute_are_no_storm() {
    let harness = TestEngine::start(stormy());
    fill(&harness, 0..60);
    for show in 0..60 {
        harness.files.remove(&format!("/mnt/tv/Show{show}/a.mkv"));
        harness.files.put(&format!("/mnt/tv/Show{show}/b.mkv"), 1, START);
        harness.send(&format!("created /tv/Show{show}/b.mkv\ndeleted /tv/Show{show}/a.mkv")).await;
    }
    harness.seconds(30).await;
    assert_eq!(harness.targets[0].folders().len(), 60);
}
