//! From a request to a scan.

use autoscan_core::path::TriggerPath;
use autoscan_core::scan::ScanState;
use autoscan_engine::IntakeError;

use crate::world::{Setup, World, name};

#[tokio::test(start_paused = true)]
async fn five_hundred_episodes_of_a_season_are_one_scan_and_one_call() {
    let world = World::start(Setup::default());
    for episode in 0..500 {
        world.send(&format!("created /tv/Show/S01/e{episode}.mkv")).await;
    }
    world.seconds(15).await;
    assert_eq!(world.spies[0].folders(), ["/tv/Show/S01"]);
    let scans = world.scans().await;
    assert_eq!(scans.len(), 1);
    assert_eq!((scans[0].state, scans[0].changes.len()), (ScanState::Done, 500));
}

#[tokio::test(start_paused = true)]
async fn a_folder_is_scanned_when_it_was_quiet_and_never_later_than_the_maximum_wait() {
    let world = World::start(Setup::default());
    let start = autoscan_testkit::START;
    for second in 0..200 {
        world.send(&format!("created /tv/Show/S01/e{second}.mkv")).await;
        world.seconds(1).await;
    }
    world.seconds(30).await;
    let told = world.spies[0].told.lock().unwrap().clone();
    let waits: Vec<u64> = told.iter().map(|(_, at)| at.since(start).as_secs()).collect();
    assert_eq!(told.len(), 2, "{waits:?}");
    assert_eq!(waits[0], 120, "the first scan came at the maximum wait");
}

#[tokio::test(start_paused = true)]
async fn a_move_between_folders_scans_both() {
    let world = World::start(Setup::default());
    let taken = world.send("moved /tv/Show/Season1/a.mkv /tv/Show/Season01/a.mkv").await;
    assert_eq!((taken.changes, taken.scans.len()), (1, 2));
    world.seconds(15).await;
    let mut folders = world.spies[0].folders();
    folders.sort();
    assert_eq!(folders, ["/tv/Show/Season01", "/tv/Show/Season1"]);
}

#[tokio::test(start_paused = true)]
async fn junk_is_left_out_and_said() {
    let world = World::start(Setup::default());
    let taken = world.send("created /tv/Show/@eaDir/a.mkv\ncreated /tv/.DS_Store").await;
    assert_eq!((taken.changes, taken.ignored.len()), (0, 2));
    assert!(world.scans().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_triggers_map_gives_the_local_path() {
    let world = World::start(Setup { maps: vec![("/tv", "/mnt/media/TV")], ..Setup::default() });
    world.send("created /tv/Show/a.mkv").await;
    assert_eq!(world.scans().await[0].folder.as_str(), "/mnt/media/TV/Show");
}

#[tokio::test(start_paused = true)]
async fn a_person_may_name_targets_and_a_wrong_name_is_said() {
    let world = World::start(Setup {
        spies: vec![("plex", crate::world::Spy::default()), ("emby", crate::world::Spy::default())],
        ..Setup::default()
    });
    let path = || vec![TriggerPath::parse("/tv/Show").unwrap()];
    let wrong = world.engine.ask(path(), Some(vec![name("pleks")])).await;
    assert_eq!(wrong, Err(IntakeError::UnknownTarget("pleks".into())));
    world.engine.ask(path(), Some(vec![name("emby")])).await.unwrap();
    world.seconds(15).await;
    assert!(world.spies[0].folders().is_empty());
    assert_eq!(world.spies[1].folders(), ["/tv/Show"]);
}
