//! A library that was empty at every scan so far, through the real binary: its first film is missing, a person has the library
//! scanned by the button beside the cause, and the film is seen.

use autoscan_testkit::Trouble;
use serde_json::json;

use crate::media_setup::{MediaSetup, all_done, delivery, film, newest};

#[test]
fn the_first_film_of_a_library_that_was_always_empty_is_seen_once_a_person_pressed_the_button() {
    let setup = MediaSetup::of_impatient_jellyfin();
    setup.jellyfin.holdings.never_fill("/data/movies");
    setup.jellyfin.http.fail_calls_that_hold("/Refresh", &Trouble::Status(400));
    setup.put("movies/First (2000)/First (2000).mkv", 10);
    let program = setup.home.serve();
    film(&program, "First (2000)", "First (2000).mkv", None);
    program.until("it is missing", || newest(&program, "jellyfin")["state"] == "missing");
    let missing = newest(&program, "jellyfin");
    assert!(missing["error"].as_str().unwrap().contains("lists nothing at all"), "{missing}");
    assert_eq!(missing["remedy"]["library"], "Movies", "{missing}");

    let wish = json!({ "target": "jellyfin" }).to_string();
    let refused = program.ask("POST", "/api/v1/scans/1/remedy", &wish);
    assert_eq!(refused.status, 502, "{refused:?}");
    assert!(refused.body.contains("refuses to scan the library"), "{refused:?}");
    setup.jellyfin.http.fail_calls_for_no_text();
    let walks = setup.jellyfin.holdings.walks();
    let done = program.ask("POST", "/api/v1/scans/1/remedy", &wish);
    assert_eq!(done.status, 200, "{done:?}");
    program.until("it is seen", || all_done(&program, 1));
    assert_eq!(delivery(&program.scans()[0], "jellyfin")["state"], "seen");
    assert_eq!(setup.jellyfin.holdings.walks(), walks + 1, "once");
    let log = program.printed();
    assert!(
        log.contains("a person asked for a scan of a whole library")
            && log.contains("the API from 127.0.0.1"),
        "{log}"
    );
}

#[test]
fn a_plexignore_is_the_cause_that_is_named() {
    let setup = MediaSetup::of_plex(", proof-within: 2s");
    setup.put("movies/Kept Out/Kept Out.mkv", 10);
    setup.home.write("media/movies/.plexignore", "# mine\nKept Out/*\n");
    setup.plex.set_deaf(true);
    let program = setup.home.serve();
    film(&program, "Kept Out", "Kept Out.mkv", None);
    program.until("it is missing", || newest(&program, "plex")["state"] == "missing");
    let missing = newest(&program, "plex");
    let said = missing["error"].as_str().unwrap();
    assert!(said.contains("movies/.plexignore\" keeps it out by its line \"Kept Out/*\""), "{missing}");
}
