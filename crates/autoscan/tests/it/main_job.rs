//! The main job, through the real binary: what a sender reports reaches every server, once, as it is called.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::harness::{Home, Program, episode};
use crate::servers::{self, block_on};

const SENDER: &str = "triggers:\n  sonarr: [{ name: sonarr, map: { /tv: MEDIA/tv } }]\n  radarr: [{ name: radarr, map: { /movies: MEDIA/movies } }]\n";

/// A home with media, and the three servers that see them at `/data`.
struct Setup {
    home: Home,
    plex: autoscan_testkit::PretendPlex,
    jellyfin: autoscan_testkit::PretendJellyfin,
    emby: autoscan_testkit::PretendEmby,
}

impl Setup {
    fn new(lines: &str) -> Self {
        let (plex, jellyfin, emby) = (servers::plex(), servers::jellyfin(), servers::emby());
        let home = Home::new("");
        let media = home.path("media").to_str().unwrap().to_owned();
        let config = fs::read_to_string(home.path("config.yml")).unwrap();
        let targets = servers::targets(&media, &plex, &jellyfin, &emby);
        let files = "files: { settle: 0s, give-up: 10m }\n";
        home.write(
            "config.yml",
            &format!("{config}{files}{}{targets}{lines}", SENDER.replace("MEDIA", &media)),
        );
        home.write("media/tv/.keep", "");
        home.write("media/movies/.keep", "");
        Self { home, plex, jellyfin, emby }
    }

    fn put(&self, file: &str) {
        self.home.write(&format!("media/{file}"), "film");
    }

    /// The folders Plex was told of.
    fn plex_folders(&self) -> Vec<String> {
        self.plex.scans().into_iter().filter_map(|scan| scan.path).collect()
    }
}

fn done(program: &Program) -> bool {
    let scans = program.scans();
    !scans.is_empty() && scans.iter().all(|scan| scan["state"] == "done")
}

#[test]
fn an_import_reaches_every_server_with_its_own_eyes() {
    let setup = Setup::new("");
    setup.put("tv/Show/Season 01/Show - S01E01.mkv");
    let program = setup.home.serve();
    program.sonarr(&episode("/tv/Show", "Season 01/Show - S01E01.mkv"));
    program.until("the scan is done", || done(&program));
    assert_eq!(setup.plex_folders(), ["/data/tv/Show/Season 01"]);
    assert_eq!(setup.plex.scans()[0].section, "1");
    for holdings in [&setup.jellyfin.holdings, &setup.emby.holdings] {
        let scanned: Vec<String> = holdings.refreshes().into_iter().map(|refresh| refresh.path).collect();
        assert_eq!((scanned, holdings.walks()), (vec!["TV".to_owned()], 1), "the show is new in its library");
        assert!(holdings.updates().is_empty());
    }
    let scan = &program.scans()[0];
    let states: Vec<&Value> = scan["deliveries"].as_array().unwrap().iter().map(|d| &d["state"]).collect();
    assert_eq!(states, ["sent", "sent", "sent"]);
    assert_eq!(scan["changes"][0]["kind"], "created");
    assert_eq!(scan["changes"][0]["trigger"], "sonarr");
}

#[test]
fn five_hundred_episodes_of_a_season_are_one_call_per_server() {
    let setup = Setup::new("");
    let config = fs::read_to_string(setup.home.path("config.yml")).unwrap();
    setup.home.write("config.yml", &config.replace("minimum-age: 0s", "minimum-age: 1s"));
    for number in 0..500 {
        setup.put(&format!("tv/Show/Season 01/e{number}.mkv"));
    }
    let program = setup.home.serve();
    for number in 0..500 {
        program.sonarr(&episode("/tv/Show", &format!("Season 01/e{number}.mkv")));
    }
    program.until("the scan is done", || done(&program));
    assert_eq!(program.scans().len(), 1);
    assert_eq!(setup.plex_folders(), ["/data/tv/Show/Season 01"]);
    assert_eq!((setup.jellyfin.holdings.walks(), setup.emby.holdings.walks()), (1, 1));
}

#[test]
fn every_name_reaches_plex_as_the_file_is_called() {
    let setup = Setup::new("");
    let names = [
        "Will & Grace",
        "100% Wolf",
        "Romeo + Juliet",
        "#Alive",
        "Ocean's \"Eleven\"",
        "Amélie à Tōkyō",
        "呪術廻戦 🎌",
        "AC⧸DC {imdb-tt1} [x]; a=b?c",
        "back\\slash",
        "Ame\u{301}lie",
    ];
    let program = setup.home.serve();
    for name in names {
        setup.put(&format!("tv/{name}/S01/a.mkv"));
        program.sonarr(&episode(&format!("/tv/{name}"), "S01/a.mkv"));
    }
    program.until("all are done", || program.scans().len() == names.len() && done(&program));
    let told: BTreeSet<String> = setup.plex_folders().into_iter().collect();
    let wanted: BTreeSet<String> = names.iter().map(|name| format!("/data/tv/{name}/S01")).collect();
    assert_eq!(told, wanted);
    for server in [setup.plex.http.calls(), setup.jellyfin.http.calls(), setup.emby.http.calls()] {
        let secret =
            |target: &str| ["plex-token", "jellyfin-key", "emby-key"].iter().any(|key| target.contains(key));
        assert!(server.iter().all(|call| !secret(&call.target)), "no key stands in a URL");
    }
}

#[test]
fn an_upgrade_a_rename_and_a_deletion_tell_the_folders_that_exist() {
    let setup = Setup::new("");
    setup.put("tv/Show/Season 01/new.mkv");
    let program = setup.home.serve();
    let mut upgrade: Value = serde_json::from_str(&episode("/tv/Show", "Season 01/new.mkv")).unwrap();
    upgrade["isUpgrade"] = json!(true);
    upgrade["deletedFiles"] = json!([{ "relativePath": "Season 01/old.mkv" }]);
    program.sonarr(&upgrade.to_string());
    program.until("the upgrade is done", || done(&program));
    assert_eq!(setup.plex_folders(), ["/data/tv/Show/Season 01"]);
    assert_eq!(program.scans()[0]["changes"].as_array().unwrap().len(), 2);

    let rename = json!({
        "eventType": "Rename", "series": { "path": "/tv/Show" },
        "renamedEpisodeFiles": [{ "previousRelativePath": "Season 1/new.mkv", "relativePath": "Season 01/new.mkv" }],
    });
    program.sonarr(&rename.to_string());
    program.until("the rename is done", || program.scans().len() == 3 && done(&program));
    let folders = setup.plex_folders();
    assert!(
        folders[1..].contains(&"/data/tv/Show".to_owned()),
        "the old folder is gone: its parent is told: {folders:?}"
    );
    assert!(folders[1..].contains(&"/data/tv/Show/Season 01".to_owned()), "{folders:?}");

    fs::remove_dir_all(setup.home.path("media/tv/Show/Season 01")).unwrap();
    let delete = json!({
        "eventType": "EpisodeFileDelete", "deleteReason": "manual", "series": { "path": "/tv/Show" },
        "episodeFile": { "relativePath": "Season 01/new.mkv" },
    });
    program.sonarr(&delete.to_string());
    program.until("the deletion is done", || program.scans().len() == 4 && done(&program));
    assert_eq!(setup.plex_folders().last().unwrap(), "/data/tv/Show");
    assert!(program.scans()[0]["note"].as_str().unwrap().contains("scanning \""));
}

#[test]
fn a_vanished_mount_is_not_a_deletion_and_the_rest_flows() {
    let setup = Setup::new("");
    let media = setup.home.path("media").to_str().unwrap().to_owned();
    let config = fs::read_to_string(setup.home.path("config.yml")).unwrap();
    setup.home.write("config.yml", &format!("{config}anchors: ['{media}/tv/.mounted']\n"));
    setup.put("movies/Film (2020)/Film.mkv");
    let program = setup.home.serve();
    let gone = json!({
        "eventType": "EpisodeFileDelete", "deleteReason": "missingFromDisk", "series": { "path": "/tv/Show" },
        "episodeFile": { "relativePath": "Season 01/a.mkv" },
    });
    program.sonarr(&gone.to_string());
    let film = json!({
        "eventType": "Download", "movie": { "folderPath": "/movies/Film (2020)" },
        "movieFile": { "relativePath": "Film.mkv" },
    });
    assert_eq!(program.ask("POST", "/triggers/radarr", &film.to_string()).status, 200);
    program.until("the film is told", || setup.plex_folders() == ["/data/movies/Film (2020)"]);
    program.until("the deletion is held", || {
        let held = program.scans().into_iter().find(|scan| scan["folder"].as_str().unwrap().contains("/tv/"));
        held.is_some_and(|scan| {
            let delivery = &scan["deliveries"][0];
            delivery["state"] == "held" && delivery["error"].as_str().unwrap().contains(".mounted")
        })
    });
    setup.home.write("media/tv/.mounted", "");
    setup.put("tv/Show/Season 01/b.mkv");
    program.until("it goes on by itself", || done(&program));
    assert_eq!(setup.plex_folders().len(), 2);
}

#[test]
fn a_late_file_is_waited_for_and_said() {
    let setup = Setup::new("");
    setup.put("tv/Show/.keep");
    let program = setup.home.serve();
    program.sonarr(&episode("/tv/Show", "S01/late.mkv"));
    program.until("it is waited for", || {
        program.scans()[0]["note"].as_str().is_some_and(|note| note.contains("not there yet"))
    });
    assert!(setup.plex_folders().is_empty());
    setup.put("tv/Show/S01/late.mkv");
    program.until("it is done", || done(&program));
    assert_eq!(setup.plex_folders(), ["/data/tv/Show/S01"]);
}

#[test]
fn a_library_that_was_added_later_and_one_of_ten_thousand_folders_are_found() {
    let setup = Setup::new("");
    let program = setup.home.serve();
    setup.put("tv/Show/S01/a.mkv");
    program.sonarr(&episode("/tv/Show", "S01/a.mkv"));
    program.until("the first is done", || done(&program));
    let mut huge = autoscan_testkit::PretendLibrary::new("9", "Huge").of("show");
    for number in 0..10_000 {
        huge = huge.at(&format!("/data/tv/Folder {number}"));
    }
    setup.plex.set_libraries(vec![huge]);
    setup.put("tv/Folder 9999/S01/a.mkv");
    program.sonarr(&episode("/tv/Folder 9999", "S01/a.mkv"));
    program.until("the second is told", || setup.plex_folders().len() == 2);
    let last = setup.plex.scans().pop().unwrap();
    assert_eq!((last.section.as_str(), last.path.as_deref()), ("9", Some("/data/tv/Folder 9999/S01")));
}

#[test]
fn a_path_without_a_library_is_skipped_and_says_what_it_was_compared_with() {
    let setup = Setup::new("");
    let program = setup.home.serve();
    setup.home.write("media/books/a.epub", "book");
    let folder = setup.home.path("media/books");
    let body = json!({ "paths": [folder] }).to_string();
    assert_eq!(program.ask("POST", "/api/v1/scans", &body).status, 202);
    program.until("no server was told", || program.scans().iter().any(|scan| scan["state"] == "attention"));
    let delivery =
        program.scans()[0]["deliveries"].as_array().unwrap().iter().find(|d| d["target"] == "plex").cloned();
    let delivery = delivery.unwrap();
    assert_eq!(delivery["state"], "skipped");
    assert!(delivery["error"].as_str().unwrap().contains("/data/tv"), "{delivery}");
}

#[test]
fn no_secret_leaves() {
    let setup = Setup::new("log: { level: debug }\n");
    let program = setup.home.serve();
    setup.put("tv/Show/S01/a.mkv");
    program.sonarr(&episode("/tv/Show", "S01/a.mkv"));
    program.until("it is done", || done(&program));
    for trouble in [autoscan_testkit::Trouble::Status(401), autoscan_testkit::Trouble::Status(500)] {
        setup.plex.http.set_trouble(Some(trouble));
        program.sonarr(&episode("/tv/Show", "S01/a.mkv"));
        block_on(setup.plex.http.wait_for_calls(setup.plex.http.call_count() + 1));
    }
    let shown = [
        program.printed(),
        program.ask("GET", "/api/v1/scans", "").body,
        program.ask("GET", "/health/detailed", "").body,
        program.ask("GET", "/api/v1/targets", "").body,
    ];
    for secret in ["plex-token", "jellyfin-key", "emby-key", crate::harness::PASSWORD] {
        assert!(shown.iter().all(|text| !text.contains(secret)), "{secret} was shown");
    }
}
