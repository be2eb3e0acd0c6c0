//! What Sonarr and Radarr send for one thing that was done is several requests: together they are one scan a folder.
//! The requests are those that Sonarr 10.0.0.15072 and Radarr 10.0.0.15633 sent, in their order.

use std::fs;
use std::path::Path;

use autoscan_core::ports::Hook;
use autoscan_core::scan::Scan;
use autoscan_testkit::{START, TestEngine, TestSetup, name};
use autoscan_triggers::kinds;

/// A trigger called `sonarr` that reads the requests of this kind, before a disk that is looked at.
fn engine_of(kind: &str) -> TestEngine {
    let kind = kinds().iter().find(|known| known.name == kind).unwrap();
    let reader = (kind.open)(&serde_json::json!({ "name": "any" })).unwrap();
    TestEngine::start(TestSetup { reader, check: true, proof: 0, ..TestSetup::default() })
}

/// The body of a fixture: `sonarr/test`.
fn fixture(of: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    fs::read(folder.join(format!("{of}.json"))).unwrap()
}

/// One request of the sender.
async fn send(engine: &TestEngine, body: &[u8]) {
    let hook = Hook { query: &[], content_type: None, body };
    engine.engine.take(&name("sonarr"), &hook).await.unwrap();
}

/// What a scan remembers: the folder, and the kind and name of each file.
fn said(scans: &[Scan]) -> Vec<String> {
    let mut lines = Vec::new();
    for scan in scans {
        lines.push(scan.folder.to_string());
        let mut files: Vec<String> = scan
            .changes
            .iter()
            .map(|kept| &kept.change)
            .map(|change| format!("  {} {}", change.kind.as_str(), change.path.0.file_name().unwrap_or("?")))
            .collect();
        files.sort();
        lines.extend(files);
    }
    lines
}

/// Sends what these fixtures hold, one after the other; answers what is in the queue.
async fn scans_of(kind: &str, fixtures: &[&str]) -> Vec<String> {
    let engine = engine_of(kind);
    for of in fixtures {
        send(&engine, &fixture(&format!("{kind}/{of}"))).await;
    }
    said(&engine.scans().await)
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_is_one_scan_with_the_old_file_deleted_and_the_new_one_created() {
    let requests = ["recorded_upgrade_1_filedelete", "recorded_upgrade_2_download"];
    assert_eq!(
        scans_of("sonarr", &requests).await,
        [
            "/tv/Made Up Show/Season 1",
            "  created Made Up Show - S01E02 - Second of Season 1 HDTV-720p.mkv",
            "  deleted Made Up Show - S01E02 - Second of Season 1 SDTV.mkv",
        ]
    );
    assert_eq!(
        scans_of("radarr", &requests).await,
        [
            "/movies/Made Up Movie (2019)",
            "  created Made Up Movie (2019) Bluray-1080p.mkv",
            "  deleted Made Up Movie (2019) HDTV-720p.mkv",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_import_that_is_reported_as_complete_too_is_one_scan() {
    assert_eq!(
        scans_of("sonarr", &["recorded_import_1_download", "recorded_import_2_complete"]).await,
        ["/tv/Made Up Show/Season 1", "  created Made Up Show - S01E01 - Pilot of Season 1 HDTV-720p.mkv"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_pack_of_three_upgrades_is_one_scan_whatever_the_order_of_its_episodes() {
    let requests: Vec<String> = (1..=7).map(|number| format!("recorded_pack_upgrade_{number}")).collect();
    let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
    assert_eq!(
        scans_of("sonarr", &requests).await,
        [
            "/tv/Another Invention/Season 1",
            "  created Another.Invention.S01E01.Bluray-1080p.mkv",
            "  created Another.Invention.S01E02.Bluray-1080p.mkv",
            "  created Another.Invention.S01E03.Bluray-1080p.mkv",
            "  deleted Another.Invention.S01E01.WEBDL-1080p.mkv",
            "  deleted Another.Invention.S01E02.WEBDL-1080p.mkv",
            "  deleted Another.Invention.S01E03.WEBDL-1080p.mkv",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_rename_to_another_season_folder_format_scans_the_new_folders_and_those_that_were_emptied() {
    let scans = scans_of("sonarr", &["rename_to_another_season_folder_format"]).await;
    let mut folders: Vec<&str> =
        scans.iter().filter(|line| line.starts_with('/')).map(String::as_str).collect();
    folders.sort_unstable();
    assert_eq!(
        folders,
        [
            "/tv/Made Up Show/Season 01",
            "/tv/Made Up Show/Season 02",
            "/tv/Made Up Show/Season 1",
            "/tv/Made Up Show/Season 2"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn thirty_files_that_are_deleted_within_a_second_are_one_scan_a_folder() {
    let engine = engine_of("sonarr");
    let body = String::from_utf8(fixture("sonarr/recorded_filedelete_manual")).unwrap();
    for episode in 1..=30 {
        let season = 1 + episode % 2;
        let of_episode = body
            .replace("Season 1/", &format!("Season {season}/"))
            .replace("S01E02", &format!("S0{season}E{episode:02}"));
        send(&engine, of_episode.as_bytes()).await;
        tokio::time::sleep(std::time::Duration::from_millis(33)).await;
    }
    let scans = engine.scans().await;
    let folders: Vec<&str> = scans.iter().map(|scan| scan.folder.as_str()).collect();
    assert_eq!(folders, ["/tv/Made Up Show/Season 2", "/tv/Made Up Show/Season 1"]);
    assert!(scans.iter().all(|scan| scan.changes.len() == 15));
}

#[tokio::test(start_paused = true)]
async fn an_import_with_a_subtitle_that_no_event_names_scans_the_folder_that_holds_both() {
    let engine = engine_of("sonarr");
    let video = "/tv/Made Up Show/Season 1/Made Up Show - S01E01 - Pilot of Season 1 HDTV-720p";
    engine.files.put(&format!("{video}.mkv"), 7, START);
    engine.files.put(&format!("{video}.en.srt"), 7, START);
    send(&engine, &fixture("sonarr/recorded_import_1_download")).await;
    engine.seconds(30).await;
    assert_eq!(engine.targets[0].folders(), ["/tv/Made Up Show/Season 1"]);
}
