//! Every command with the real binary: what it prints in a pipe, and how it ends.

use std::process::Command;

use autoscan_testkit::PretendPlex;
use serde_json::{Value, json};

use crate::harness::{Ended, Home, Program, episode};
use crate::servers::{self, block_on};

/// A home with media, and a Plex that sees them at `/data`.
struct Setup {
    home: Home,
    plex: PretendPlex,
    media: String,
}

impl Setup {
    fn new(lines: &str) -> Self {
        let (home, plex) = (Home::new(""), servers::plex());
        let media = home.path("media").to_str().unwrap().to_owned();
        let config = std::fs::read_to_string(home.path("config.yml")).unwrap();
        let usual = format!(
            "files: {{ settle: 0s }}\n\
             triggers: {{ sonarr: [{{ name: sonarr, map: {{ /tv: {media}/tv }} }}] }}\n\
             targets: {{ plex: [{{ name: plex, url: '{}', token: plex-token, proof: off, map: {{ {media}: /data }} }}] }}\n",
            plex.http.url()
        );
        home.write("config.yml", &format!("{config}{usual}{lines}"));
        home.write("media/tv/Show/Season 01/1.mkv", "film");
        Self { home, plex, media }
    }

    /// Changes the config.
    fn with(self, from: &str, to: &str) -> Self {
        let config = std::fs::read_to_string(self.home.path("config.yml")).unwrap();
        assert!(config.contains(from), "{config}");
        self.home.write("config.yml", &config.replace(from, to));
        self
    }

    fn ends(&self, arguments: &[&str]) -> Ended {
        self.home.ends(arguments)
    }
}

/// What a command printed that ended well: plain text, and nothing on standard error.
fn well(ended: Ended) -> String {
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    assert!(!ended.out.contains(['\u{1b}', '\r']), "not plain: {ended:?}");
    ended.out
}

/// The sentence of a command that ended with this code.
fn not_well(ended: &Ended, code: i32) -> String {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert!(ended.err.trim().len() > 10 && !ended.err.contains('\u{1b}'), "no sentence: {ended:?}");
    ended.err.clone()
}

fn states(program: &Program) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    program.scans().iter().map(|scan| (text(&scan["state"]), text(&scan["deliveries"][0]["state"]))).collect()
}

#[test]
fn scan_waits_until_the_server_was_told() {
    let setup = Setup::new("");
    let program = setup.home.serve();
    let show = format!("{}/tv/Show", setup.media);
    assert_eq!(well(setup.ends(&["scan", &show, "--wait"])), format!("scan 1 of {show}: done (plex sent)\n"));
    assert_eq!(setup.plex.scans()[0].path.as_deref(), Some("/data/tv/Show"));

    let told: Value =
        serde_json::from_str(&well(setup.ends(&["scan", &show, "--wait", "--target", "plex", "--json"])))
            .unwrap();
    assert_eq!((&told[0]["state"], &told[0]["folder"]), (&json!("done"), &json!(show)));

    assert_eq!(well(setup.ends(&["scan", &show])), "1 change in 1 folder is stored (scan 3)\n");
    let told: Value = serde_json::from_str(&well(setup.ends(&["scan", &show, "--json"]))).unwrap();
    assert_eq!(told["status"], "success");
    program.until("all are done", || states(&program).iter().all(|(state, _)| state == "done"));
}

#[test]
fn scan_tells_why_nothing_comes_of_it() {
    let setup = Setup::new("");
    let said = not_well(&setup.ends(&["scan", "/tv/Show"]), 1);
    assert!(said.contains("is `autoscan serve` running with this config?"), "{said}");

    let program = setup.home.serve();
    let said = not_well(&setup.ends(&["scan", "/tv/../etc"]), 1);
    assert!(said.contains("climbs with '..'"), "{said}");
    let said = not_well(&setup.ends(&["scan", "/tv/Show", "--target", "plx"]), 1);
    assert!(said.contains("plx"), "{said}");
    let said = not_well(&setup.ends(&["scan"]), 2);
    assert!(said.contains("Usage: autoscan scan"), "{said}");
    assert_eq!(program.scans(), Vec::<Value>::new());

    setup.home.write("media/other/file", "");
    let ended = setup.ends(&["scan", &format!("{}/other", setup.media), "--wait"]);
    let said = ended.out;
    assert_eq!(ended.code, Some(1), "nobody was told: {said}");
    assert!(said.contains(": attention (plex skipped)\n  plex: ") && said.contains("/data/tv"), "{said}");
}

#[test]
fn the_queue_is_listed_shown_tried_again_and_dropped() {
    let setup = Setup::new("").with("minimum-age: 0s", "minimum-age: 1h");
    let program = setup.home.serve();
    assert_eq!(
        well(setup.ends(&["queue", "list"])),
        "ID\tSTATE\tFOLDER\tCHANGES\tDELIVERIES\tVISIBLE AFTER\n"
    );
    program.sonarr(&episode("/tv/Show", "Season 01/1.mkv"));
    program.sonarr(&episode("/tv/Other", "1.mkv"));

    let media = &setup.media;
    let listed = format!(
        "ID\tSTATE\tFOLDER\tCHANGES\tDELIVERIES\tVISIBLE AFTER\n\
         2\twaiting\t{media}/tv/Other\t1\t\t\n\
         1\twaiting\t{media}/tv/Show/Season 01\t1\t\t\n"
    );
    assert_eq!(well(setup.ends(&["queue", "list"])), listed);
    assert_eq!(well(setup.ends(&["queue", "list", "--state", "waiting", "--trigger", "sonarr"])), listed);
    assert_eq!(well(setup.ends(&["queue", "list", "--state", "done"])).lines().count(), 1);
    assert_eq!(well(setup.ends(&["queue", "list", "--limit", "1"])).lines().count(), 2);
    let told: Value = serde_json::from_str(&well(setup.ends(&["queue", "list", "--json"]))).unwrap();
    assert_eq!(told["scans"][1]["changes"][0]["path"], format!("{media}/tv/Show/Season 01/1.mkv"));

    let shown = well(setup.ends(&["queue", "show", "1"]));
    for part in ["state      waiting\n", "created\t", "Season 01/1.mkv\t\tsonarr\t"] {
        assert!(shown.contains(part), "{part:?} in {shown}");
    }
    let told: Value = serde_json::from_str(&well(setup.ends(&["queue", "show", "1", "--json"]))).unwrap();
    assert_eq!((&told["id"], &told["state"]), (&json!(1), &json!("waiting")));

    assert_eq!(well(setup.ends(&["queue", "retry", "1"])), "scan 1 is tried again\n");
    program.until("the one that was retried is done", || states(&program)[1].0 == "done");
    assert_eq!(well(setup.ends(&["queue", "drop", "2"])), "scan 2 is forgotten\n");
    assert_eq!(program.scans().len(), 1);

    for command in ["show", "retry", "drop"] {
        let said = not_well(&setup.ends(&["queue", command, "2"]), 1);
        assert!(said.contains("There is no scan \"2\""), "{said}");
        not_well(&setup.ends(&["queue", command, "two"]), 2);
    }
    let said = not_well(&setup.ends(&["queue", "list", "--state", "lost"]), 1);
    assert!(said.contains("use one of waiting, running, done, attention"), "{said}");
    not_well(&setup.ends(&["queue", "list", "--limit", "0"]), 2);
    not_well(&setup.ends(&["queue"]), 2);
}

#[test]
fn a_paused_target_is_told_nothing_until_it_is_resumed() {
    let setup = Setup::new("");
    let program = setup.home.serve();
    assert_eq!(well(setup.ends(&["queue", "pause", "plex"])), "plex is paused until resumed\n");
    program.sonarr(&episode("/tv/Show", "Season 01/1.mkv"));
    program.until("the delivery is held", || states(&program) == [("running".to_owned(), "held".to_owned())]);
    let shown = well(setup.ends(&["queue", "show", "1"]));
    assert!(shown.contains("plex\theld\t0\t") && shown.contains("paused"), "{shown}");
    assert!(setup.plex.scans().is_empty());

    assert_eq!(well(setup.ends(&["queue", "resume", "plex"])), "plex is resumed\n");
    program.until("the server was told", || states(&program) == [("done".to_owned(), "sent".to_owned())]);

    let said = well(setup.ends(&["queue", "pause", "--for", "2h"]));
    assert!(said.starts_with("plex is paused until 2"), "{said}");
    well(setup.ends(&["queue", "resume"]));
    let said = not_well(&setup.ends(&["queue", "pause", "plx"]), 1);
    assert!(said.contains("There is no target named \"plx\""), "{said}");
    not_well(&setup.ends(&["queue", "pause", "--for", "soon"]), 1);
}

#[test]
fn libraries_are_listed_and_a_server_that_is_away_is_named() {
    let setup = Setup::new("");
    assert_eq!(
        well(setup.ends(&["libraries", "--paths"])),
        "TARGET\tID\tTITLE\tKIND\tFOLDERS\nplex\t1\tTV\tshow\t/data/tv\nplex\t2\tMovies\tmovie\t/data/movies\n"
    );
    assert_eq!(
        well(setup.ends(&["libraries"])),
        "TARGET\tID\tTITLE\tKIND\nplex\t1\tTV\tshow\nplex\t2\tMovies\tmovie\n"
    );
    let told: Value = serde_json::from_str(&well(setup.ends(&["libraries", "--json"]))).unwrap();
    assert_eq!(told[0]["libraries"][0]["folders"], json!(["/data/tv"]));

    block_on(setup.plex.http.close()).unwrap();
    let ended = setup.ends(&["libraries", "--json"]);
    assert!(not_well(&ended, 1).contains("plex: "), "{ended:?}");
    assert!(ended.json()[0]["error"].as_str().unwrap().contains("refused"), "{ended:?}");
}

#[test]
fn explain_tells_the_journey_and_changes_nothing() {
    let setup = Setup::new("");
    let media = &setup.media;
    let path = "/tv/Show/Season 01/1.mkv";
    let told = well(setup.ends(&["explain", path, "--trigger", "sonarr"]));
    for line in [
        format!("received   {path} (trigger sonarr)"),
        format!("local      {media}/tv/Show/Season 01/1.mkv (by /tv"),
        "on disk    file".to_owned(),
        format!("folder     {media}/tv/Show/Season 01"),
        "anchor     none".to_owned(),
        "plex (plex)".to_owned(),
        format!("  folder   /data/tv/Show/Season 01 (by {media}"),
        "  library  TV (show, /data/tv)".to_owned(),
        format!(
            "  call     GET {}/library/sections/1/refresh?path=%2Fdata%2Ftv%2FShow%2FSeason+01",
            setup.plex.http.url()
        ),
    ] {
        assert!(told.lines().any(|told| told.starts_with(&line)), "{line:?} in\n{told}");
    }
    let told: Value =
        serde_json::from_str(&well(setup.ends(&["explain", path, "--trigger", "sonarr", "--json"]))).unwrap();
    assert_eq!(told["folder"], format!("{media}/tv/Show/Season 01"));
    assert_eq!(told["targets"][0]["folder"], "/data/tv/Show/Season 01");

    let told = well(setup.ends(&["explain", &format!("{media}/tv/Show/gone.mkv")]));
    assert!(told.contains("on disk    missing"), "{told}");
    let ended = setup.ends(&["explain", "/elsewhere/1.mkv", "--trigger", "sonarr"]);
    assert!(ended.code == Some(1) && ended.out.contains("nothing  "), "nobody would be told: {ended:?}");

    let said = not_well(&setup.ends(&["explain", path, "--trigger", "sonar"]), 2);
    assert!(
        said.contains("there is no trigger named \"sonar\"; the config has ") && said.contains("sonarr"),
        "{said}"
    );
    for refused in ["/tv/../etc/passwd", "tv/Show", ""] {
        let said = not_well(&setup.ends(&["explain", refused]), 2);
        assert!(said.contains("autoscan refuses this path"), "{said}");
    }
    assert!(setup.plex.scans().is_empty() && !setup.home.path("autoscan.db").exists());
}

#[test]
fn letters_that_turn_or_hide_text_are_written_out_for_people_and_say_the_same_in_json() {
    let setup = Setup::new("");
    let program = setup.home.serve();
    let name = "\u{202e}gpj.\u{2028}x";
    let folder = format!("{}/tv/{name}", setup.media);
    std::fs::create_dir_all(&folder).unwrap();
    let shown = folder.replace('\u{202e}', "\\u{202e}").replace('\u{2028}', "\\u{2028}");
    let scanned = well(setup.ends(&["scan", &folder, "--wait"]));
    for out in [scanned, well(setup.ends(&["queue", "list"])), well(setup.ends(&["queue", "show", "1"]))] {
        assert!(out.contains(&shown) && !out.contains(['\u{202e}', '\u{2028}']), "{out}");
    }
    for arguments in
        [&["queue", "list", "--json"][..], &["queue", "show", "1", "--json"], &["explain", &folder, "--json"]]
    {
        let ended = setup.ends(arguments);
        assert!(!ended.out.contains(['\u{202e}', '\u{2028}']), "{ended:?}");
        let json = ended.json();
        let scan = if json["scans"].is_array() { &json["scans"][0] } else { &json };
        assert_eq!(scan["folder"], folder.as_str(), "{json}");
    }
    let explained = setup.ends(&["explain", &folder]);
    assert!(explained.out.contains(&shown) && !explained.out.contains('\u{202e}'), "{explained:?}");
    program.stop();
}

#[test]
fn check_is_content_only_when_all_is_well() {
    let setup = Setup::new("anchors: [ANCHOR]\n");
    let anchor = format!("{}/.mounted", setup.media);
    let setup = setup.with("ANCHOR", &anchor);
    setup.home.write("media/.mounted", "");
    let told = well(setup.ends(&["check"]));
    for line in
        ["ok    config: ", "ok    target plex (http://", "ok    trigger sonarr, map to ", "ok    anchor "]
    {
        assert!(told.lines().any(|told| told.starts_with(line)), "{line:?} in\n{told}");
    }
    assert!(told.contains("libraries: TV, Movies"), "{told}");
    let told: Value = serde_json::from_str(&well(setup.ends(&["check", "--json"]))).unwrap();
    assert_eq!((&told["ok"], &told["faults"]), (&json!(true), &json!([])));

    std::fs::remove_file(&anchor).unwrap();
    let ended = setup.ends(&["check"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.contains(&format!("BAD   anchor {anchor}: is missing: nothing under ")), "{ended:?}");
    let ended = setup.ends(&["check", "--json"]);
    assert_eq!((ended.code, &ended.json()["ok"]), (Some(1), &json!(false)));
}

#[test]
fn check_proposes_lines_where_folders_are_not_found_and_says_why() {
    let setup = Setup::new("");
    let tv = format!("{}/tv", setup.media);
    let map = format!("map: {{ {}: /data }}", setup.media);
    assert!(
        !setup.ends(&["check"]).out.contains("SUGGESTED"),
        "what is called the same by the map needs no line"
    );
    let (setup, shows) = (setup.with(&map, "map: {}"), ["Show", "Other", "Third"]);
    for show in shows {
        setup.home.write(&format!("media/tv/{show}/Season 01/1.mkv"), "film");
        setup.plex.put(&format!("/data/tv/{show}/Season 01/{show} - S01E01.mkv"), 4);
    }
    let ended = setup.ends(&["check"]);
    assert_eq!(ended.code, Some(1), "no library of the target is here: {ended:?}");
    let told = ended.out;
    let lines: Vec<&str> = told.lines().skip_while(|line| !line.starts_with("SUGGESTED")).collect();
    let why = format!(
        "plex's /data/tv has 'Other', 'Show' and 'Third'; {tv} here has all 3; both paths end in tv; \
         {tv} is in use: the map of sonarr leads there"
    );
    let row = format!("target plex\t{tv}\t/data/tv\t{why}");
    assert_eq!(lines, ["SUGGESTED MAP OF\tFROM\tTO\tBECAUSE", row.as_str()], "{told}");

    let told = setup.ends(&["check", "--json"]).json();
    let line = &told["suggestions"][0];
    assert_eq!((&line["of"]["target"], &line["to"]), (&json!("plex"), &json!("/data/tv")), "{told}");
    assert_eq!((&told["ok"], told["suggestions"].as_array().unwrap().len()), (&json!(false), 1));

    let setup = setup.with("files: { settle", "files: { check: false, settle");
    assert!(!setup.ends(&["check"]).out.contains("SUGGESTED"), "this machine may not hold the files");
}

#[test]
fn check_names_library_folders_that_are_not_here() {
    let setup = Setup::new("");
    let told = well(setup.ends(&["check"]));
    let lost = format!(
        "target plex, library folder /data/movies: is not on this machine: looked at {}/movies. ",
        setup.media
    );
    assert!(
        told.contains(&lost) && told.contains("Mount the folder here, or add a line to the `map`"),
        "{told}"
    );
    assert!(!told.contains("library folder /data/tv"), "{told}");
    setup.home.write("media/movies/Film/Film.mkv", "film");
    assert!(!well(setup.ends(&["check"])).contains("library folder"), "all are here");

    let map = format!("map: {{ {}: /data }}", setup.media);
    let setup = setup.with(&map, "map: {}");
    let ended = setup.ends(&["check"]);
    assert_eq!(ended.code, Some(1), "none is here: {ended:?}");
    for folder in ["/data/tv", "/data/movies"] {
        let line = format!(
            "BAD   target plex, library folder {folder}: is not on this machine: looked at {folder}. "
        );
        assert!(ended.out.contains(&line), "{line} of {ended:?}");
    }
    let setup = setup.with("files: { settle", "files: { check: false, settle");
    assert!(!well(setup.ends(&["check"])).contains("library folder"), "this machine may not hold the files");
}

#[test]
fn check_names_what_is_wrong_with_servers_and_maps() {
    let setup = Setup::new("").with("token: plex-token", "token: wrong-token");
    let ended = setup.ends(&["check"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let bad = ended.out.lines().find(|line| line.starts_with("BAD   target plex")).unwrap();
    assert!(bad.contains("401") && bad.contains("token"), "{bad}");

    let setup = Setup::new("");
    block_on(setup.plex.http.close()).unwrap();
    let ended = setup.ends(&["check"]);
    assert!(ended.code == Some(1) && ended.out.contains("the connection was refused"), "{ended:?}");

    let setup = Setup::new("").with("map: { /tv: ", "map: { /films: /nowhere/films, /tv: ");
    let ended = setup.ends(&["check"]);
    assert!(
        ended.code == Some(1) && ended.out.contains("map to /nowhere/films: does not exist here"),
        "{ended:?}"
    );

    let ended = Home::new("").ends(&["check"]);
    assert!(
        ended.code == Some(1) && ended.out.contains("none is configured: nobody would be told"),
        "{ended:?}"
    );
}

/// Where the schema describes what, and the keys that must be known there.
const KEYS: [(&str, &str); 12] = [
    ("", "host port base-url database minimum-age maximum-wait scan-delay history"),
    ("", "authentication anchors files triggers targets"),
    ("/properties/authentication", "username password api-key server-pass webhook-secret disabled"),
    ("/properties/files", "check settle give-up ignore"),
    ("/properties/triggers", "manual sonarr radarr lidarr"),
    (
        "/properties/triggers/properties/manual",
        "priority minimum-age map rewrite include exclude targets token",
    ),
    ("/properties/triggers/properties/sonarr/items", TRIGGER),
    ("/properties/triggers/properties/radarr/items", TRIGGER),
    ("/properties/triggers/properties/lidarr/items", TRIGGER),
    ("/properties/targets/properties/plex/items", "name url token map rewrite include exclude scan-delay"),
    ("/properties/targets/properties/jellyfin/items", MEDIA_BROWSER),
    ("/properties/targets/properties/emby/items", MEDIA_BROWSER),
];
const TRIGGER: &str = "name priority minimum-age map rewrite include exclude targets token api";
const MEDIA_BROWSER: &str = "name url token api-key map rewrite include exclude scan-delay";

#[test]
fn the_schema_knows_every_key_of_a_config() {
    let home = Home::bare();
    let schema: Value = serde_json::from_str(&well(home.ends(&["schema"]))).unwrap();
    for (pointer, keys) in KEYS {
        let found = schema.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}"));
        for key in keys.split(' ') {
            assert!(found["properties"].get(key).is_some(), "{pointer} does not know {key}: {found}");
        }
    }
    assert!(well(home.ends(&["schema", "--reference"])).contains("minimum-age"));
}

#[test]
fn completions_name_every_command() {
    let home = Home::bare();
    for shell in ["bash", "zsh", "fish"] {
        let script = well(home.ends(&["completions", shell]));
        for command in [
            "serve",
            "check",
            "explain",
            "scan",
            "queue",
            "libraries",
            "schema",
            "completions",
            "healthcheck",
        ] {
            assert!(script.contains(command), "{shell}: {command}");
        }
        home.write(shell, &script);
        // Where there is no such shell, nobody completes.
        if let Ok(read) = Command::new(shell).arg("-n").arg(home.path(shell)).output() {
            assert!(read.status.success(), "{shell}: {read:?}");
        }
    }
    not_well(&home.ends(&["completions", "tcsh"]), 2);
}

#[test]
fn healthcheck_tells_whether_the_server_runs() {
    let home = Home::new("base-url: /sub/path\n");
    assert!(not_well(&home.ends(&["healthcheck"]), 1).contains("is `autoscan serve` running"));
    let program = home.serve();
    assert_eq!(well(home.ends(&["healthcheck"])), "healthy\n");
    program.stop();
    not_well(&home.ends(&["healthcheck"]), 1);
}

#[test]
fn what_is_typed_wrong_is_a_2() {
    let home = Home::new("");
    for typed in
        [&[][..], &["frob"], &["check", "--fast"], &["explain"], &["queue", "frob"], &["serve", "twice"]]
    {
        let said = not_well(&home.ends(typed), 2);
        assert!(said.contains("Usage: "), "{said}");
    }
    well(home.ends(&["--version"]));
    well(home.ends(&["--help"]));
}
