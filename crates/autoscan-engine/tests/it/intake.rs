//! From a request to a scan.

use autoscan_core::path::TriggerPath;
use autoscan_core::scan::ScanState;
use autoscan_engine::IntakeError;

use autoscan_testkit::{TestEngine, TestSetup, name};

#[tokio::test(start_paused = true)]
async fn five_hundred_episodes_of_a_season_are_one_scan_and_one_call() {
    let harness = TestEngine::start(TestSetup::default());
    for episode in 0..500 {
        harness.send(&format!("created /tv/Show/S01/e{episode}.mkv")).await;
    }
    harness.seconds(15).await;
    assert_eq!(harness.targets[0].folders(), ["/tv/Show/S01"]);
    let scans = harness.scans().await;
    assert_eq!(scans.len(), 1);
    assert_eq!((scans[0].state, scans[0].changes.len()), (ScanState::Done, 500));
}

#[tokio::test(start_paused = true)]
async fn a_folder_is_scanned_when_it_was_quiet_and_never_later_than_the_maximum_wait() {
    let harness = TestEngine::start(TestSetup::default());
    let start = autoscan_testkit::START;
    for second in 0..200 {
        harness.send(&format!("created /tv/Show/S01/e{second}.mkv")).await;
        harness.seconds(1).await;
    }
    harness.seconds(30).await;
    let told = harness.targets[0].accepted.lock().unwrap().clone();
    let waits: Vec<u64> = told.iter().map(|(_, at)| at.since(start).as_secs()).collect();
    assert_eq!(told.len(), 2, "{waits:?}");
    assert_eq!(waits[0], 120, "the first scan came at the maximum wait");
}

#[tokio::test(start_paused = true)]
async fn a_move_between_folders_scans_both() {
    let harness = TestEngine::start(TestSetup::default());
    let taken = harness.send("moved /tv/Show/Season1/a.mkv /tv/Show/Season01/a.mkv").await;
    assert_eq!((taken.changes, taken.scans.len()), (1, 2));
    harness.seconds(15).await;
    let mut folders = harness.targets[0].folders();
    folders.sort();
    assert_eq!(folders, ["/tv/Show/Season01", "/tv/Show/Season1"]);
}

#[tokio::test(start_paused = true)]
async fn junk_is_left_out_and_said() {
    let harness = TestEngine::start(TestSetup::default());
    let taken = harness.send("created /tv/Show/@eaDir/a.mkv\ncreated /tv/.DS_Store").await;
    assert_eq!((taken.changes, taken.ignored.len()), (0, 2));
    assert!(harness.scans().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_triggers_map_gives_the_local_path() {
    let harness =
        TestEngine::start(TestSetup { maps: vec![("/tv", "/mnt/media/TV")], ..TestSetup::default() });
    harness.send("created /tv/Show/a.mkv").await;
    assert_eq!(harness.scans().await[0].folder.as_str(), "/mnt/media/TV/Show");
}

#[tokio::test(start_paused = true)]
async fn a_person_may_name_targets_and_a_wrong_name_is_said() {
    let harness = TestEngine::start(TestSetup {
        targets: vec![
            ("plex", autoscan_testkit::ScriptedTarget::default()),
            ("emby", autoscan_testkit::ScriptedTarget::default()),
        ],
        ..TestSetup::default()
    });
    let path = || vec![TriggerPath::parse("/tv/Show").unwrap()];
    let wrong = harness.engine.ask(path(), Some(vec![name("pleks")])).await;
    assert_eq!(wrong, Err(IntakeError::UnknownTarget("pleks".into())));
    harness.engine.ask(path(), Some(vec![name("emby")])).await.unwrap();
    harness.seconds(15).await;
    assert!(harness.targets[0].folders().is_empty());
    assert_eq!(harness.targets[1].folders(), ["/tv/Show"]);
}
