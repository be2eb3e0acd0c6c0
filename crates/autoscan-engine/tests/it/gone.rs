//! What is gone from the disk is told without looking at a whole library, and proven gone.

use std::time::Duration;

use autoscan_core::change::{ChangeKind, Subject};
use autoscan_core::delivery::DeliveryState;
use autoscan_core::scan::ScanState;
use autoscan_testkit::{START, ScriptedTarget, TestEngine, TestSetup, library};

/// An engine whose one server has the library `/tv` and lists these files. `/tv/Other` is on the disk.
fn engine(listed: &[&str]) -> TestEngine {
    let target =
        ScriptedTarget { proves: true, libraries: vec![library("TV", &["/tv"])], ..Default::default() };
    target.lists(listed);
    let targets = vec![("plex", target)];
    let harness =
        TestEngine::start(TestSetup { targets, check: true, minimum_age: 0, ..TestSetup::default() });
    harness.files.put("/tv/Other/x.mkv", 1, START - Duration::from_secs(1000));
    harness
}

/// The folders that the server was told of.
fn told(harness: &TestEngine) -> Vec<String> {
    harness.targets[0].folders()
}

#[tokio::test(start_paused = true)]
async fn a_series_about_to_be_deleted_is_waited_for_and_told_itself_and_never_its_library() {
    let harness = engine(&["/tv/Show/S1/a.mkv", "/tv/Other/x.mkv"]);
    harness.files.put("/tv/Show/S1/a.mkv", 1, START - Duration::from_secs(1000));
    let scan = harness.send("gone /tv/Show").await.scans[0];
    harness.seconds(20).await;
    assert_eq!(told(&harness), [] as [&str; 0], "Sonarr deletes it after our answer");
    harness.files.remove("/tv/Show");
    harness.seconds(15).await;
    assert_eq!(told(&harness), ["/tv/Show"]);
    let (state, error) = harness.delivery(scan, "plex").await;
    assert_eq!((state, error.as_str()), (DeliveryState::Sent, "the spy still lists \"/tv/Show\""));
    harness.targets[0].lists(&["/tv/Other/x.mkv"]);
    harness.seconds(10).await;
    assert_eq!(harness.delivery(scan, "plex").await.0, DeliveryState::Seen);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_series_whose_folder_stays_is_compared_with_what_is_left_in_it() {
    let harness = engine(&["/tv/Show/S1/a.mkv"]);
    harness.files.put("/tv/Show/S1/a.mkv", 1, START - Duration::from_secs(1000));
    harness.files.put("/tv/Show/notes.txt", 1, START - Duration::from_secs(1000));
    let scan = harness.send("gone /tv/Show").await.scans[0];
    harness.seconds(30).await;
    harness.files.remove("/tv/Show/S1");
    harness.seconds(60).await;
    assert_eq!(told(&harness), [] as [&str; 0]);
    harness.seconds(60).await;
    assert_eq!(told(&harness), ["/tv/Show"], "it is not waited for longer than two minutes");
    let (state, error) = harness.delivery(scan, "plex").await;
    assert_eq!((state, error.as_str()), (DeliveryState::Sent, "the spy still lists \"/tv/Show/S1/a.mkv\""));
    harness.targets[0].lists(&[]);
    harness.seconds(30).await;
    assert_eq!(harness.scans().await[0].state, ScanState::Done);
}

#[tokio::test(start_paused = true)]
async fn two_series_that_are_deleted_together_are_two_scans_and_tell_no_library() {
    let harness = engine(&["/tv/Other/x.mkv"]);
    for show in ["A", "B"] {
        harness.files.put(&format!("/tv/{show}/S1/a.mkv"), 1, START - Duration::from_secs(1000));
    }
    // Sonarr 10.0.0.15072 sends them 25 ms apart, before it deletes the folders.
    harness.send("gone /tv/A").await;
    tokio::time::sleep(Duration::from_millis(25)).await;
    harness.send("gone /tv/B").await;
    harness.seconds(5).await;
    assert_eq!(told(&harness), [] as [&str; 0]);
    harness.files.remove("/tv/A");
    harness.files.remove("/tv/B");
    harness.seconds(30).await;
    let mut folders = told(&harness);
    folders.sort();
    assert_eq!(folders, ["/tv/A", "/tv/B"]);
    assert!(harness.scans().await.iter().all(|scan| scan.state == ScanState::Done));
}

#[tokio::test(start_paused = true)]
async fn files_missed_below_a_path_that_was_edited_and_never_was_there_tell_no_library() {
    let harness = engine(&["/tv/Show/S1/a.mkv", "/tv/Other/x.mkv"]);
    harness.files.put("/tv/Show/S1/a.mkv", 1, START - Duration::from_secs(1000));
    // Sonarr 10.0.0.15072 reports the files below the new path, where nothing ever was.
    harness.send("missing /tv/Show-2020/S1/a.mkv").await;
    harness.seconds(30).await;
    assert_eq!(told(&harness), ["/tv/Show-2020"]);
    let scans = harness.scans().await;
    assert_eq!((scans.len(), scans[0].state), (1, ScanState::Done), "nothing is listed there");
    harness.seconds(4 * 3600).await;
    assert_eq!(told(&harness).len(), 1, "and nothing comes back");
}

#[tokio::test(start_paused = true)]
async fn files_of_a_gone_folder_are_told_by_the_folder_above_or_by_what_is_gone_from_the_library() {
    for (deleted, tells) in [
        ("deleted /tv/Show/S1/a.mkv", "/tv/Show"),
        ("deleted /tv/Other/S1/a.mkv", "/tv/Other"),
        ("deleted /tv/Show/S2/a.mkv\ndeleted /tv/Show/S1/a.mkv", "/tv/Show"),
    ] {
        let harness = engine(&[]);
        harness.send(deleted).await;
        harness.seconds(10).await;
        assert!(
            !told(&harness).is_empty() && told(&harness).iter().all(|folder| folder == tells),
            "{deleted}"
        );
        assert!(harness.scans().await.iter().all(|scan| scan.state == ScanState::Done));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_for_and_is_gone_is_a_deletion_when_a_server_lists_it() {
    for (asked, subject) in [("/tv/Other/gone.mkv", Subject::File), ("/tv/Other/S1", Subject::Folder)] {
        let listed = if subject == Subject::File { asked.to_owned() } else { format!("{asked}/a.mkv") };
        let harness = engine(&[&listed, "/tv/Other/x.mkv"]);
        let scan = harness.send(&format!("rescan {asked}")).await.scans[0];
        harness.seconds(8).await;
        assert_eq!(told(&harness), [] as [&str; 0], "it may still come");
        harness.seconds(20).await;
        assert_eq!(told(&harness), ["/tv/Other"], "{asked}");
        let change = harness.targets[0].scans.lock().unwrap()[0].changes[0].clone();
        assert_eq!((change.kind, change.subject), (ChangeKind::Deleted, subject));
        let (state, error) = harness.delivery(scan, "plex").await;
        assert_eq!((state, error), (DeliveryState::Sent, format!("the spy still lists {asked:?}")));
        harness.targets[0].lists(&["/tv/Other/x.mkv"]);
        harness.seconds(10).await;
        assert_eq!(harness.delivery(scan, "plex").await.0, DeliveryState::Seen, "{asked}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_server_lists_is_missing_until_it_comes_and_is_told_then() {
    let harness = engine(&["/tv/Other/x.mkv"]);
    let scan = harness.send("created /tv/New/a.mkv").await.scans[0];
    harness.seconds(700).await;
    assert_eq!(harness.delivery(scan, "plex").await.0, DeliveryState::Missing);
    assert_eq!(harness.scans().await[0].state, ScanState::Attention);
    assert_eq!(told(&harness), [] as [&str; 0]);

    harness.files.put("/tv/New/a.mkv", 1, START);
    harness.targets[0].lists(&["/tv/New/a.mkv"]);
    harness.seconds(1200).await;
    assert_eq!(told(&harness), ["/tv/New"]);
    assert_eq!(harness.delivery(scan, "plex").await.0, DeliveryState::Seen);
    assert_eq!(harness.scans().await[0].state, ScanState::Done);
}
