//! Servers that start up, maintain themselves or do not let us in, through the real binary: the one waits, the others go on,
//! and it is said what the matter is.

use autoscan_testkit::{PretendLibrary, Trouble};
use serde_json::{Value, json};

use crate::harness::Program;
use crate::media_setup::{MediaSetup, all_done, delivery, imported, newest};

fn lane(program: &Program, target: &str) -> Value {
    let lanes = program.get("/api/v1/targets");
    let lanes = lanes["targets"].as_array().cloned().unwrap_or_default();
    lanes.into_iter().find(|lane| lane["name"] == target).unwrap_or_default()
}

fn says(program: &Program, target: &str, state: &str, words: &str) -> bool {
    let lane = lane(program, target);
    lane["state"] == state && lane["reason"].as_str().is_some_and(|reason| reason.contains(words))
}

/// A setup of three in which an episode was imported while one server could not take it, and the others have it.
fn while_one_cannot(setup: &MediaSetup, program: &Program, one: &str) {
    setup.put("tv/Show/Season 01/Show - S01E01.mkv", 10);
    imported(program, "Show", "Season 01/Show - S01E01.mkv");
    program.until("the others have it", || {
        let scans = program.scans();
        scans.len() == 1
            && ["plex", "jellyfin", "emby"]
                .iter()
                .filter(|name| **name != one)
                .all(|name| delivery(&scans[0], name)["state"] == "seen")
    });
    assert_eq!(newest(program, one)["state"], "held", "{}", program.printed());
}

#[test]
fn a_plex_that_maintains_itself_is_waited_for() {
    let setup = MediaSetup::of_three();
    let program = setup.home.serve();
    program.until("it answers", || lane(&program, "plex")["state"] == "open");
    setup.plex.set_maintenance(Some("Plex Media Server is currently running database migrations."));
    while_one_cannot(&setup, &program, "plex");
    assert!(says(&program, "plex", "away", "maintenance"), "{}", lane(&program, "plex"));
    assert_eq!(setup.plex.scans().len(), 0);
    setup.plex.set_maintenance(None);
    program.until("it goes on", || all_done(&program, 1));
    assert_eq!(setup.plex.scans().len(), 1, "once");
}

#[test]
fn a_plex_that_answers_is_told_though_it_still_calls_itself_starting() {
    let setup = MediaSetup::of_plex("");
    setup.plex.set_start_state(Some("startingPlugins"));
    setup.put("tv/Show/Season 01/Show - S01E01.mkv", 10);
    let program = setup.home.serve();
    imported(&program, "Show", "Season 01/Show - S01E01.mkv");
    program.until("it is seen", || all_done(&program, 1));
}

#[test]
fn a_plex_that_starts_and_refuses_is_waited_for() {
    let setup = MediaSetup::of_plex("");
    setup.plex.set_start_state(Some("starting"));
    setup.put("tv/Show/Season 01/Show - S01E01.mkv", 10);
    setup.plex.http.set_trouble(Some(Trouble::Status(503)));
    let program = setup.home.serve();
    imported(&program, "Show", "Season 01/Show - S01E01.mkv");
    program.until("it is held", || newest(&program, "plex")["state"] == "held");
    assert_eq!(setup.plex.scans().len(), 0);
    setup.plex.http.set_trouble(None);
    program.until("it goes on", || all_done(&program, 1));
    assert_eq!(setup.plex.scans().len(), 1, "once");
}

#[test]
fn a_jellyfin_that_starts_and_one_that_bars_our_address_are_told_apart() {
    let setup = MediaSetup::of_three();
    setup.jellyfin.set_starting(true);
    let program = setup.home.serve();
    while_one_cannot(&setup, &program, "jellyfin");
    assert!(says(&program, "jellyfin", "busy", "Jellyfin is starting"), "{}", lane(&program, "jellyfin"));
    setup.jellyfin.set_starting(false);
    setup.jellyfin.set_address_allowed(false);
    program.ask("POST", "/api/v1/targets/jellyfin/test", "{}");
    program.until("the bar is named", || says(&program, "jellyfin", "misconfigured", "address"));
    setup.jellyfin.set_address_allowed(true);
    program.ask("POST", "/api/v1/scans/1/retry", "{}");
    program.until("it goes on", || all_done(&program, 1));
    assert_eq!(setup.jellyfin.holdings.walks(), 1, "once");
}

#[test]
fn an_emby_that_maintains_itself_is_waited_for() {
    let setup = MediaSetup::of_three();
    setup.emby.set_maintenance(true);
    let program = setup.home.serve();
    while_one_cannot(&setup, &program, "emby");
    setup.emby.set_maintenance(false);
    program.until("it goes on", || all_done(&program, 1));
    assert_eq!(setup.emby.holdings.walks(), 1, "once");
}

#[test]
fn check_names_the_settings_of_plex_that_fight_with_us() {
    let setup = MediaSetup::of_plex("");
    setup.plex.set_libraries(vec![
        PretendLibrary::new("1", "TV").of("show").at("/data/tv"),
        PretendLibrary::new("2", "Movies").of("movie").at("/data/movies"),
    ]);
    setup.plex.set_pref("autoEmptyTrash", json!(true));
    setup.plex.set_pref("ScheduledLibraryUpdatesEnabled", json!(true));
    let said = setup.home.ends(&["check"]);
    assert!(said.out.contains("advice"), "{said:?}");
    assert!(said.out.contains("trash") && said.out.contains("periodic"), "{said:?}");
}

#[test]
fn a_new_file_is_analysed_where_that_is_wanted_and_its_season_where_that_is() {
    for (keys, analysed, itself) in [
        (", analyze: new", 1, true),
        (", analyze: all, analyze-scope: season", 1, false),
        (", analyze: off", 0, false),
    ] {
        let setup = MediaSetup::of_plex(keys);
        setup.put("tv/Show/Season 01/Show - S01E01.mkv", 10);
        let program = setup.home.serve();
        imported(&program, "Show", "Season 01/Show - S01E01.mkv");
        program.until("it is seen and cared for", || all_done(&program, 1));
        let path = "/data/tv/Show/Season 01/Show - S01E01.mkv";
        let episode = setup.plex.item(path).unwrap();
        assert_eq!(episode.analysed, analysed, "{keys}");
        let calls = setup.plex.http.calls();
        let asked: Vec<&str> = calls.iter().filter_map(|call| call.path.strip_suffix("/analyze")).collect();
        assert_eq!(asked.len(), analysed, "{keys}: {asked:?}");
        let is_the_episode = asked.iter().any(|path| path.ends_with(&format!("/{}", episode.key)));
        assert_eq!(is_the_episode, itself, "{keys}: {asked:?}");
    }
}
