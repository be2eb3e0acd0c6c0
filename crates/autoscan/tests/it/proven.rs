//! Done means seen, through the real binary.

use std::time::Duration;

use autoscan_testkit::{PlexSocket, PretendLibrary};
use serde_json::{Value, json};

use crate::media_setup::{MediaSetup, all_done, delivery, film, imported, newest};

#[test]
fn an_import_is_seen_at_every_server_and_the_time_it_took_is_shown() {
    let setup = MediaSetup::of_three();
    setup.plex.set_scan_time(Duration::from_millis(300));
    setup.put("tv/Show/Season 01/Show - S01E01.mkv", 700);
    let program = setup.home.serve();
    imported(&program, "Show", "Season 01/Show - S01E01.mkv");
    program.until("it is seen everywhere", || all_done(&program, 1));
    let scan = &program.scans()[0];
    for target in ["plex", "jellyfin", "emby"] {
        let delivery = delivery(scan, target);
        assert_eq!(delivery["state"], "seen", "{delivery}");
        assert!(delivery["time_to_visible_ms"].as_u64().unwrap() >= 300, "{delivery}");
    }
    let metrics = program.ask("GET", "/metrics", "").body;
    assert!(metrics.contains("autoscan_deliveries_total{target=\"plex\",state=\"seen\"} 1"), "{metrics}");
    let listed = setup.home.ends(&["queue", "list"]).out;
    assert!(listed.contains("plex seen after "), "{listed}");
}

#[test]
fn scan_and_wait_ends_when_the_files_are_seen_and_says_after_how_long() {
    let setup = MediaSetup::of_plex("");
    setup.put("movies/Film (2020)/Film.mkv", 10);
    let program = setup.home.serve();
    let folder = setup.home.path("media/movies/Film (2020)");
    let ended = setup.home.ends(&["scan", folder.to_str().unwrap(), "--wait"]);
    assert_eq!(ended.code, Some(0), "{ended:?}\n{}", program.printed());
    assert!(ended.out.contains("done (plex seen after "), "{ended:?}");
}

#[test]
fn one_in_ten_that_a_server_drops_is_named_with_its_cause_and_seen_after_a_retry() {
    let setup = MediaSetup::of_plex(", proof-within: 3s");
    setup.plex.set_drop_every(10);
    for number in 0..20 {
        setup.put(&format!("movies/Film {number}/Film {number}.mkv"), 10);
    }
    let program = setup.home.serve();
    for number in 0..20 {
        film(&program, &format!("Film {number}"), &format!("Film {number}.mkv"), None);
    }
    let state =
        |state: &str| program.scans().iter().filter(|scan| delivery(scan, "plex")["state"] == state).count();
    program.until("two are missing and the others seen", || state("missing") == 2 && state("seen") == 18);
    let lost: Vec<Value> = program.scans().into_iter().filter(|scan| scan["state"] == "attention").collect();
    assert_eq!(lost.len(), 2);
    for scan in &lost {
        let error = delivery(scan, "plex")["error"].as_str().unwrap().to_owned();
        assert!(error.contains(".mkv") && error.contains("likely cause"), "{error}");
    }
    setup.plex.set_drop_every(0);
    for scan in &lost {
        program.ask("POST", &format!("/api/v1/scans/{}/retry", scan["id"]), "{}");
    }
    program.until("all are seen", || state("seen") == 20);
}

#[test]
fn a_file_that_plex_may_not_see_is_missing_because_of_its_permissions() {
    let setup = MediaSetup::of_plex(", proof-within: 2s");
    setup.put("tv/Show/Season 01/Show - S01E01.mkv", 10);
    setup.plex.forbid("/data/tv/Show", true);
    let program = setup.home.serve();
    imported(&program, "Show", "Season 01/Show - S01E01.mkv");
    program.until("it is missing", || newest(&program, "plex")["state"] == "missing");
    let error = newest(&program, "plex")["error"].as_str().unwrap().to_owned();
    assert!(error.contains("cannot see") && error.contains("/data/tv/Show"), "{error}");
    let told: Vec<_> = setup.plex.scans().into_iter().filter_map(|scan| scan.path).collect();
    assert_eq!(told, ["/data/tv/Show/Season 01", "/data/tv/Show"], "once the folder above");
}

#[test]
fn a_file_of_the_same_name_in_another_library_is_no_proof() {
    let setup = MediaSetup::of_plex(", proof-within: 2s");
    let tv = PretendLibrary::new("1", "TV").of("show").at("/data/tv");
    let movies = PretendLibrary::new("2", "Movies").of("movie").at("/data/movies");
    let other = PretendLibrary::new("3", "Old").of("movie").at("/old");
    setup.plex.set_libraries(vec![tv, movies, other]);
    setup.plex.put("/old/Film/Film.mkv", 10);
    setup.plex.put("/data/movies/Film 2/Film.mkv", 10);
    setup.plex.set_deaf(true);
    setup.put("movies/Film/Film.mkv", 10);
    let program = setup.home.serve();
    film(&program, "Film", "Film.mkv", None);
    program.until("it is missing", || newest(&program, "plex")["state"] == "missing");
    setup.plex.set_deaf(false);
    program.ask("POST", "/api/v1/scans/1/retry", "{}");
    program.until("it is seen", || newest(&program, "plex")["state"] == "seen");
}

#[test]
fn a_server_that_restarts_in_the_middle_of_a_scan_is_told_again() {
    let setup = MediaSetup::of_plex(", proof-within: 4s");
    setup.plex.set_scan_time(Duration::from_secs(3));
    setup.put("tv/Show/Season 01/Show - S01E01.mkv", 10);
    let program = setup.home.serve();
    imported(&program, "Show", "Season 01/Show - S01E01.mkv");
    program.until("it scans", || setup.plex.is_scanning());
    setup.plex.restart();
    setup.plex.set_scan_time(Duration::from_millis(100));
    program.until("it is seen after all", || newest(&program, "plex")["state"] == "seen");
    assert_eq!(setup.plex.scans().len(), 2);
}

#[test]
fn a_websocket_that_is_gone_silent_endless_or_speaks_garbage_changes_nothing() {
    for socket in [
        PlexSocket::Missing,
        PlexSocket::Silent,
        PlexSocket::Chatters,
        PlexSocket::Garbles,
        PlexSocket::Floods,
        PlexSocket::Drops,
    ] {
        let setup = MediaSetup::of_plex("");
        setup.plex.set_socket(socket);
        setup.plex.set_scan_time(Duration::from_millis(200));
        for season in 1..4 {
            setup.put(&format!("tv/Show/Season {season}/Show - S0{season}E01.mkv"), 10);
        }
        let program = setup.home.serve();
        for season in 1..4 {
            imported(&program, "Show", &format!("Season {season}/Show - S0{season}E01.mkv"));
        }
        program.until(&format!("all are seen in spite of {socket:?}"), || all_done(&program, 3));
        assert_eq!(setup.plex.scans().len(), 3, "{socket:?}");
    }
}

#[test]
fn a_file_that_is_shown_and_lost_again_was_seen_and_its_neighbours_must_be_shown_with_it() {
    let setup = MediaSetup::of_plex("");
    setup.put("tv/Show/Season 01/Show - S01E01.mkv", 10);
    setup.plex.set_flickers(true);
    let program = setup.home.serve();
    imported(&program, "Show", "Season 01/Show - S01E01.mkv");
    program.until("it was seen", || newest(&program, "plex")["state"] == "seen");
    assert_eq!(program.scans()[0]["state"], "done");
}

#[test]
fn a_deleted_file_is_seen_to_be_gone() {
    let setup = MediaSetup::of_three();
    setup.put("tv/Show/Season 01/Show - S01E01.mkv", 10);
    setup.put("tv/Show/Season 01/Show - S01E02.mkv", 10);
    let program = setup.home.serve();
    imported(&program, "Show", "Season 01/Show - S01E01.mkv");
    imported(&program, "Show", "Season 01/Show - S01E02.mkv");
    program.until("both are there", || {
        program.scans().iter().all(|scan| scan["state"] == "done")
            && setup.emby.holdings.has("/data/tv/Show/Season 01/Show - S01E02.mkv")
    });
    let before = program.scans().len();
    setup.remove("tv/Show/Season 01/Show - S01E01.mkv");
    let gone = json!({
        "eventType": "EpisodeFileDelete", "deleteReason": "manual", "series": { "path": "/tv/Show" },
        "episodeFile": { "relativePath": "Season 01/Show - S01E01.mkv" },
    });
    program.sonarr(&gone.to_string());
    program.until("it is seen to be gone", || all_done(&program, before + 1));
    for target in ["plex", "jellyfin", "emby"] {
        assert_eq!(newest(&program, target)["state"], "seen", "{target}");
    }
    assert!(!setup.jellyfin.holdings.has("/data/tv/Show/Season 01/Show - S01E01.mkv"));
    assert!(setup.jellyfin.holdings.has("/data/tv/Show/Season 01/Show - S01E02.mkv"));
}

#[test]
fn two_that_tell_each_other_do_not_go_round_for_ever() {
    let setup = MediaSetup::of_plex("");
    let far = MediaSetup::of_plex("");
    let other = |setup: &MediaSetup, of: &MediaSetup| {
        let config = std::fs::read_to_string(setup.home.path("config.yml")).unwrap();
        let line = format!(
            "targets:\n  autoscan: [{{ name: far, url: 'http://127.0.0.1:{}', username: autoscan, password: {}, map: {{ {}: {} }} }}]\n",
            of.home.port,
            crate::harness::PASSWORD,
            setup.home.path("media").display(),
            of.home.path("media").display(),
        );
        setup.home.write("config.yml", &config.replace("targets:\n", &line));
    };
    other(&setup, &far);
    other(&far, &setup);
    for one in [&setup, &far] {
        one.put("tv/Show/Season 01/Show - S01E01.mkv", 10);
    }
    let (near, away) = (setup.home.serve(), far.home.serve());
    imported(&near, "Show", "Season 01/Show - S01E01.mkv");
    near.until("the near one is done", || all_done(&near, 1));
    away.until("the far one is done", || all_done(&away, 1));
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!((near.scans().len(), away.scans().len()), (1, 1), "and nothing comes back");
    assert_eq!(newest(&near, "far")["state"], "sent");
    assert!(newest(&away, "far").is_null(), "what was passed on is passed on no further");
}

#[test]
fn a_proof_goes_on_after_a_kill() {
    let setup = MediaSetup::of_plex("");
    setup.plex.set_deaf(true);
    setup.put("tv/Show/Season 01/Show - S01E01.mkv", 10);
    let program = setup.home.serve();
    imported(&program, "Show", "Season 01/Show - S01E01.mkv");
    program.until("it was told", || newest(&program, "plex")["state"] == "sent");
    program.kill();
    setup.plex.set_deaf(false);
    let program = setup.home.serve();
    assert_eq!(newest(&program, "plex")["state"], "sent");
    assert_eq!(program.ask("POST", "/api/v1/scans/1/retry", "{}").status, 200);
    program.until("it is seen", || newest(&program, "plex")["state"] == "seen");
}

#[test]
fn fifty_new_films_cost_jellyfin_one_look_at_its_root_and_a_known_season_none() {
    let setup = MediaSetup::of_three();
    // Reports are gathered for no longer than the server itself waits.
    setup.jellyfin.holdings.set_delay(Duration::from_secs(3));
    setup.put("tv/Show/Season 01/Show - S01E01.mkv", 10);
    let program = setup.home.serve();
    imported(&program, "Show", "Season 01/Show - S01E01.mkv");
    program.until("the season is known", || all_done(&program, 1));
    let before = setup.jellyfin.holdings.root_looks();
    setup.put("tv/Show/Season 01/Show - S01E02.mkv", 10);
    imported(&program, "Show", "Season 01/Show - S01E02.mkv");
    program.until("the new episode is seen", || all_done(&program, 2));
    assert_eq!(setup.jellyfin.holdings.root_looks(), before, "a known season costs no look at the root");
    for number in 0..50 {
        setup.put(&format!("movies/Film {number}/Film {number}.mkv"), 10);
    }
    for number in 0..50 {
        film(&program, &format!("Film {number}"), &format!("Film {number}.mkv"), None);
    }
    program.until("all films are seen", || all_done(&program, 52));
    let looks = setup.jellyfin.holdings.root_looks() - before;
    let told = setup.jellyfin.holdings.looks();
    assert!(looks <= 1, "{looks} looks at the root: {told:?}\n{}", program.printed());
}
