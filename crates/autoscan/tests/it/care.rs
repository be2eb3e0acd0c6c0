//! What is done after a scan that people otherwise do by hand, through the real binary.

use std::time::Duration;

use serde_json::Value;

use crate::harness::Program;
use crate::media_setup::{MediaSetup, all_done, film, imported, newest};

fn note(program: &Program) -> String {
    newest(program, "plex")["note"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_file_that_changes_in_place_is_analysed_once_and_its_new_size_is_seen() {
    let setup = MediaSetup::of_plex("");
    setup.plex.set_sizes_wait_for_analysis(true);
    setup.put("movies/Film/Film.mkv", 100);
    let program = setup.home.serve();
    film(&program, "Film", "Film.mkv", None);
    program.until("it is seen", || all_done(&program, 1));
    let path = "/data/movies/Film/Film.mkv";
    assert_eq!(setup.plex.item(path).unwrap().analysed, 0, "a new file is analysed by Plex itself");
    setup.put("movies/Film/Film.mkv", 200);
    film(&program, "Film", "Film.mkv", Some("Film.mkv"));
    program.until("the new size is seen", || all_done(&program, 2));
    assert_eq!(setup.plex.item(path).unwrap().analysed, 1);
    assert!(note(&program).contains("analys"), "{}", note(&program));
}

#[test]
fn subtitles_refresh_their_item_once_and_nothing_is_scanned() {
    let setup = MediaSetup::of_plex("");
    setup.put("movies/Film/Film.mkv", 100);
    let program = setup.home.serve();
    film(&program, "Film", "Film.mkv", None);
    program.until("it is seen", || all_done(&program, 1));
    let scans = setup.plex.scans().len();
    setup.put("movies/Film/Film.en.srt", 10);
    let path = setup.home.path("media/movies/Film/Film.en.srt");
    let body = serde_json::json!({ "paths": [path] }).to_string();
    assert_eq!(program.ask("POST", "/api/v1/scans", &body).status, 202);
    program.until("it is done", || all_done(&program, 2));
    assert_eq!(setup.plex.item("/data/movies/Film/Film.mkv").unwrap().refreshed, 1);
    assert_eq!(setup.plex.scans().len(), scans);
}

#[test]
fn after_an_upgrade_the_trash_is_emptied_when_nothing_speaks_against_it() {
    let setup = MediaSetup::of_plex(", empty-trash: { after: upgrade, max-percent: 100 }");
    for number in 0..5 {
        setup.put(&format!("movies/Other {number}/a.mkv"), 10);
    }
    setup.put("movies/Film/old.mkv", 100);
    let program = setup.home.serve();
    film(&program, "Film", "old.mkv", None);
    program.until("it is seen", || all_done(&program, 1));
    assert_eq!(setup.plex.times_emptied("2"), 0);
    setup.put("movies/Film/new.mkv", 200);
    setup.remove("movies/Film/old.mkv");
    film(&program, "Film", "new.mkv", Some("old.mkv"));
    program.until("the upgrade is seen", || all_done(&program, 2));
    assert_eq!(setup.plex.times_emptied("2"), 1, "{}\n{}", note(&program), program.printed());
}

#[test]
fn the_trash_of_a_mount_that_was_away_is_left_alone_and_it_is_said_why() {
    let setup = MediaSetup::of_plex(", empty-trash: { after: always, max-percent: 100 }");
    for number in 0..600 {
        setup.plex.put(&format!("/data/movies/Lost {number}/Lost {number}.mkv"), 10);
        setup.plex.take(&format!("/data/movies/Lost {number}/Lost {number}.mkv"));
    }
    setup.put("movies/Film/Film.mkv", 100);
    let program = setup.home.serve();
    // A scan of the whole library while the mount is away makes trash of everything.
    let body = serde_json::json!({ "paths": [setup.home.path("media/movies")] }).to_string();
    program.ask("POST", "/api/v1/scans", &body);
    program.until("it is over", || program.scans().iter().all(|scan: &Value| scan["state"] == "done"));
    film(&program, "Film", "Film.mkv", None);
    program.until("the film is seen", || all_done(&program, 2));
    assert_eq!(setup.plex.times_emptied("2"), 0);
    assert!(note(&program).contains("trash") && note(&program).contains("600"), "{}", note(&program));
}

#[test]
fn a_wrong_match_is_reported_mended_when_asked_and_never_tried_twice() {
    let wrong = ("plex://movie/0123456789abcdef01234567", ["tmdb://999"]);
    let right = "plex://movie/5d776825880197001ec90000";
    for (keys, stubborn, expected, said) in [
        (", match: report", false, wrong.0, "603"),
        (", match: fix", false, right, "tmdb://603"),
        (", match: fix", true, wrong.0, "still"),
    ] {
        let setup = MediaSetup::of_plex(keys);
        setup.plex.knows(right, "The Matrix", &["tmdb://603", "imdb://tt0133093"]);
        setup.plex.set_stubborn_match(stubborn);
        setup.put("movies/Film/Film.mkv", 100);
        setup.plex.put("/data/movies/Film/Film.mkv", 100);
        setup.plex.believes("/data/movies/Film/Film.mkv", wrong.0, &wrong.1);
        let program = setup.home.serve();
        for count in 1..3 {
            film(&program, "Film", "Film.mkv", None);
            // Plex is given half a minute to take a match over.
            let patience = Duration::from_secs(90);
            program.until_within(patience, "it is seen and cared for", || all_done(&program, count));
        }
        assert_eq!(setup.plex.item("/data/movies/Film/Film.mkv").unwrap().guid, expected, "{keys}");
        let first = program.scans().pop().unwrap();
        let note = first["deliveries"][0]["note"].as_str().unwrap_or_default().to_owned();
        assert!(note.contains(said), "{keys}: {note}");
        let fixes = setup.plex.http.calls().iter().filter(|call| call.path.ends_with("/match")).count();
        assert_eq!(fixes, usize::from(keys.contains("fix")), "{keys}");
    }
}

#[test]
fn programs_run_around_a_scan_and_a_broken_one_loses_nothing() {
    let setup = MediaSetup::of_plex("");
    let config = std::fs::read_to_string(setup.home.path("config.yml")).unwrap();
    let folder = setup.home.path("");
    let script = |name: &str, text: &str| {
        use std::os::unix::fs::PermissionsExt;
        setup.home.write(name, &format!("#!/bin/sh\n{text}\n"));
        let path = setup.home.path(name);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let out = folder.join("told");
    let before =
        script("before.sh", &format!("echo \"before $1 $AUTOSCAN_FOLDER\" >> '{}'; exit 3", out.display()));
    let after = script("after.sh", &format!("echo \"after $AUTOSCAN_FOLDER\" >> '{}'", out.display()));
    let keys = format!("token: plex-token, before: ['{before}', 'a; b'], after: ['{after}']");
    setup.home.write("config.yml", &config.replace("token: plex-token", &keys));
    setup.put("tv/Show/Season 01/Show - S01E01.mkv", 10);
    let program = setup.home.serve();
    imported(&program, "Show", "Season 01/Show - S01E01.mkv");
    program.until("it is seen", || all_done(&program, 1));
    program.until("both ran", || {
        let told = std::fs::read_to_string(&out).unwrap_or_default();
        told == "before a; b /data/tv/Show/Season 01\nafter /data/tv/Show/Season 01\n"
    });
    assert!(program.printed().contains("a command around a scan failed"), "{}", program.printed());
}

#[test]
fn a_storm_of_deletions_is_held_until_a_person_says_that_it_is_meant() {
    let setup = MediaSetup::with_lines("storm: { at-least: 10 }\n", "");
    for number in 0..20 {
        setup.put(&format!("tv/Show {number}/Season 01/Show - S01E01.mkv"), 10);
    }
    let program = setup.home.serve();
    for number in 0..15 {
        setup.remove(&format!("tv/Show {number}/Season 01/Show - S01E01.mkv"));
        let gone = serde_json::json!({
            "eventType": "EpisodeFileDelete", "deleteReason": "missingFromDisk",
            "series": { "path": format!("/tv/Show {number}") },
            "episodeFile": { "relativePath": "Season 01/Show - S01E01.mkv" },
        });
        program.sonarr(&gone.to_string());
    }
    program.until("they are held", || {
        let held = program.scans().iter().filter(|scan| scan["deliveries"][0]["state"] == "held").count();
        held >= 5
    });
    std::thread::sleep(Duration::from_millis(500));
    let told = setup.plex.scans().len();
    assert!(told < 10, "those that came before it was a storm may have passed: {told}");
    let held = program.scans().into_iter().find(|scan| scan["deliveries"][0]["state"] == "held").unwrap();
    let error = held["deliveries"][0]["error"].as_str().unwrap();
    assert!(error.contains("reported deleted") && error.contains("retry"), "{error}");
    program.ask("POST", &format!("/api/v1/scans/{}/retry", held["id"]), "{}");
    program.until("all go on", || all_done(&program, 15));
}
