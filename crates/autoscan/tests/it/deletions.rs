//! What is gone is gone at every server too, and no library is walked for it.

use std::fs;
use std::time::Duration;

use serde_json::json;

use crate::media_setup::{MediaSetup, all_done, delivery, film, imported, newest};

/// The folders that Plex was told of, without those of the first imports.
fn plex_was_told(setup: &MediaSetup, skip: usize) -> Vec<Option<String>> {
    setup.plex.scans().into_iter().skip(skip).map(|scan| scan.path).collect()
}

#[test]
fn a_series_and_a_film_that_an_arr_deletes_after_our_answer_are_gone_everywhere_and_no_library_is_told() {
    let setup = MediaSetup::of_three();
    for file in ["tv/Show/Season 01/Show - S01E01.mkv", "tv/Other/Season 01/Other - S01E01.mkv"] {
        setup.put(file, 10);
    }
    setup.put("movies/Film (2020)/Film (2020).mkv", 10);
    setup.put("movies/Other (2020)/Other (2020).mkv", 10);
    let program = setup.home.serve();
    imported(&program, "Show", "Season 01/Show - S01E01.mkv");
    film(&program, "Film (2020)", "Film (2020).mkv", None);
    program.until("both are seen", || all_done(&program, 2));
    let before = setup.plex.scans().len();

    let series = json!({"eventType": "SeriesDelete", "deletedFiles": true, "series": {"path": "/tv/Show"}});
    let movie = json!({
        "eventType": "MovieDelete", "deletedFiles": true,
        "movie": {"folderPath": "/movies/Film (2020)", "tmdbId": 603},
    });
    assert_eq!(program.ask("POST", "/triggers/sonarr", &series.to_string()).status, 200);
    assert_eq!(program.ask("POST", "/triggers/radarr", &movie.to_string()).status, 200);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(plex_was_told(&setup, before), [], "the files are still there");
    fs::remove_dir_all(setup.home.path("media/tv/Show")).unwrap();
    fs::remove_dir_all(setup.home.path("media/movies/Film (2020)")).unwrap();
    program.until("both are gone", || all_done(&program, 4));
    for scan in &program.scans()[..2] {
        for target in ["plex", "jellyfin", "emby"] {
            assert_eq!(delivery(scan, target)["state"], "seen", "{scan}\n{}", program.printed());
        }
    }
    let mut told = plex_was_told(&setup, before);
    told.sort();
    assert_eq!(told, [Some("/data/movies/Film (2020)".to_owned()), Some("/data/tv/Show".to_owned())]);
}

#[test]
fn a_file_deleted_by_hand_and_told_by_its_path_is_gone_everywhere() {
    let setup = MediaSetup::of_three();
    for number in [1, 2] {
        setup.put(&format!("tv/Show/Season 01/Show - S01E0{number}.mkv"), 10);
    }
    let program = setup.home.serve();
    imported(&program, "Show", "Season 01/Show - S01E01.mkv");
    imported(&program, "Show", "Season 01/Show - S01E02.mkv");
    program.until("both are seen", || program.scans().iter().all(|scan| scan["state"] == "done"));
    let gone = "tv/Show/Season 01/Show - S01E02.mkv";
    setup.remove(gone);
    let path = setup.home.path(&format!("media/{gone}"));
    let asked = program.ask("POST", "/api/v1/scans", &json!({"paths": [path]}).to_string());
    assert!(asked.status < 300, "{asked:?}");
    let count = program.scans().len();
    program.until("it is gone", || all_done(&program, count));
    for target in ["plex", "jellyfin", "emby"] {
        let delivery = newest(&program, target);
        assert_eq!(delivery["state"], "seen", "{delivery}\n{}", program.printed());
    }
    assert!(setup.plex.item("/data/tv/Show/Season 01/Show - S01E01.mkv").is_some());
}

#[test]
fn what_is_missing_is_seen_without_a_retry_when_the_server_shows_it_after_all() {
    let setup = MediaSetup::of_plex(", proof-within: 2s");
    setup.put("tv/Show/Season 01/Show - S01E01.mkv", 10);
    setup.plex.set_deaf(true);
    let program = setup.home.serve();
    imported(&program, "Show", "Season 01/Show - S01E01.mkv");
    program.until("it is missing", || newest(&program, "plex")["state"] == "missing");
    assert!(newest(&program, "plex")["next_attempt_at"].is_string(), "it is said when it is looked at again");
    assert_eq!(program.scans()[0]["state"], "attention");
    setup.plex.set_deaf(false);
    setup.plex.put("/data/tv/Show/Season 01/Show - S01E01.mkv", 10);
    program
        .until_within(Duration::from_mins(2), "it is seen", || newest(&program, "plex")["state"] == "seen");
    assert_eq!(program.scans()[0]["state"], "done");
    assert_eq!(newest(&program, "plex")["error"], json!(null));
}
