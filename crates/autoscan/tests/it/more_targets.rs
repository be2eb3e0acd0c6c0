//! Sonarr, Radarr, Tdarr, FileFlows, Audiobookshelf, a webhook and a program as targets, through the real binary.

use autoscan_testkit::{KodiContent, PretendKodi, PretendMpd, PretendTdarr, Recorded};
use serde_json::{Value, json};

use crate::harness::{Home, Program};
use crate::many::{AWKWARD, KINDS, ManySetup, error, states};
use crate::media_setup::{all_done, delivery, film, newest};
use crate::servers::{KEY, block_on};

/// What happens to a file of a series that is deleted.
fn deleted(program: &Program, series: &str, file: &str) {
    let body = json!({
        "eventType": "EpisodeFileDelete", "deleteReason": "manual", "series": { "path": format!("/tv/{series}") },
        "episodeFile": { "relativePath": file },
    });
    program.sonarr(&body.to_string());
}

/// The body of the only call to a path.
fn only_body(calls: &[Recorded]) -> Value {
    assert_eq!(calls.len(), 1, "{calls:?}");
    serde_json::from_str(&calls[0].body).unwrap()
}

#[test]
fn an_import_is_told_to_each_in_its_own_words_with_the_key_where_it_belongs() {
    let setup = ManySetup::new();
    let program = setup.home.serve();
    let file = format!("Season 01/{AWKWARD}.mkv");
    setup.episode(&program, "Show", &file);
    program.until("all are told", || all_done(&program, 1));
    assert_eq!(states(&program), ["seen", "skipped", "sent", "sent", "sent", "sent", "sent"]);
    let (folder, path) = ("/data/tv/Show/Season 01", format!("/data/tv/Show/{file}"));

    let told = only_body(&setup.sonarr.http.calls_to("/api/v3/command"));
    assert_eq!(told, json!({"name": "RescanSeries", "seriesId": 7}));
    let reason = newest(&program, "radarr");
    assert!(error(&reason).contains("no root folder of Radarr holds the folder"), "{reason}");
    let told = only_body(&setup.tdarr.http.calls_to("/api/v2/scan-files"));
    let config = json!({"dbID": "idTV", "arrayOrPath": [path], "mode": "scanFolderWatcher"});
    assert_eq!(told, json!({"data": {"scanConfig": config}}));
    let told = only_body(&setup.fileflows.http.calls_to("/api/library-file/manually-add"));
    assert_eq!(told, json!({"FlowUid": "flow-tv", "Files": [path], "CustomVariables": {}}));
    let told = only_body(&setup.shelf.http.calls_to("/api/watcher/update"));
    assert_eq!(told, json!({"libraryId": "books", "path": path, "type": "add"}));
    let told = json!({"event": "created", "folder": folder, "paths": [path]});
    assert_eq!(setup.receiver.bodies(), [told]);
    assert_eq!(setup.noted(), [format!("--at={folder}\n{folder}\n{path}\n-")]);
    assert_eq!(setup.told(), [1, 0, 1, 1, 1, 1, 1]);

    let bearer = format!("Bearer {KEY}");
    for (pretend, path, header, value) in [
        (&setup.sonarr.http, "/command", "x-api-key", KEY),
        (&setup.tdarr.http, "/scan-files", "x-api-key", KEY),
        (&setup.fileflows.http, "/manually-add", "authorization", "Bearer token-0"),
        (&setup.shelf.http, "/watcher/update", "authorization", bearer.as_str()),
        (&setup.receiver.http, "/hooks/autoscan", "x-key", KEY),
    ] {
        assert_eq!(pretend.calls_to(path).last().and_then(|call| call.header(header)), Some(value), "{path}");
    }
    for (kind, pretend) in setup.servers() {
        assert!(pretend.calls().iter().all(|call| !call.target.contains(KEY)), "{kind}: a key in a URL");
    }
    assert!(!program.printed().contains(KEY), "{}", program.printed());
}

#[test]
fn a_film_is_a_command_for_radarr_and_where_files_cannot_be_told_the_library_is() {
    let setup = ManySetup::new();
    setup.home.write("media/movies/Film/Film.mkv", "film");
    setup.radarr.put("/data/movies/Film/Film.mkv", 4);
    let program = setup.home.serve();
    film(&program, "Film", "Film.mkv", None);
    program.until("FileFlows finds it wrong", || newest(&program, "fileflows")["attempts"] == 1);
    program.until("Radarr has it", || newest(&program, "radarr")["state"] == "seen");
    program.until("the others are told", || {
        ["tdarr", "audiobookshelf", "webhook", "command"]
            .iter()
            .all(|kind| newest(&program, kind)["state"] == "sent")
    });
    let told = only_body(&setup.radarr.http.calls_to("/api/v3/command"));
    assert_eq!(told, json!({"name": "RescanMovie", "movieId": 9}));
    assert_eq!(setup.shelf.scans(), ["quiet"], "its watcher is off, so it would drop a report");
    let flows = newest(&program, "fileflows");
    assert_eq!(flows["state"], "waiting");
    assert!(error(&flows).contains("\"Films\"") && error(&flows).contains("has no flow"), "{flows}");
    assert_eq!(newest(&program, "sonarr")["state"], "skipped");
}

#[test]
fn two_files_of_a_folder_are_one_call_and_two_seasons_of_a_series_one_command() {
    let setup = ManySetup::new();
    setup.change("name: sonarr, map: { /tv", "name: sonarr, minimum-age: 2s, map: { /tv");
    let program = setup.home.serve();
    setup.episode(&program, "Show", "Season 01/1.mkv");
    setup.episode(&program, "Show", "Season 01/2.mkv");
    program.until("all are told", || all_done(&program, 1));
    let (one, two) = ("/data/tv/Show/Season 01/1.mkv", "/data/tv/Show/Season 01/2.mkv");
    assert_eq!(setup.sonarr.rescans(), [7]);
    assert_eq!(setup.tdarr.scans(), [("idTV".to_owned(), vec![one.to_owned(), two.to_owned()])]);
    let told = only_body(&setup.fileflows.http.calls_to("/manually-add"));
    assert_eq!(told["Files"], json!([one, two]));
    let told: Vec<Value> = setup.shelf.taken().iter().map(|report| report["path"].clone()).collect();
    assert_eq!(told, [one], "one report lets Audiobookshelf look at the whole folder");
    assert_eq!(setup.receiver.bodies()[0]["paths"], json!([one, two]));
    assert_eq!((setup.receiver.bodies().len(), setup.noted().len()), (1, 1));
    assert!(setup.noted()[0].contains(&format!("\n{one}\n{two}\n")), "{:?}", setup.noted());

    assert_eq!(program.ask("POST", "/api/v1/targets/sonarr/pause", "{}").status, 200);
    setup.episode(&program, "Other", "Season 01/1.mkv");
    setup.episode(&program, "Other", "Season 02/1.mkv");
    program.until("both wait for Sonarr alone", || {
        let scans = program.scans();
        scans.len() == 3 && scans[..2].iter().all(|scan| delivery(scan, "command")["state"] == "sent")
    });
    assert_eq!(program.ask("POST", "/api/v1/targets/sonarr/resume", "{}").status, 200);
    program.until("Sonarr has them", || all_done(&program, 3));
    assert_eq!(setup.sonarr.rescans(), [7, 8]);
    assert_eq!((setup.sonarr.rescans_of_all(), setup.radarr.rescans_of_all()), (0, 0));
}

#[test]
fn a_library_without_a_watcher_is_looked_at_once_for_all_that_waited() {
    let setup = ManySetup::new();
    let program = setup.home.serve();
    assert_eq!(program.ask("POST", "/api/v1/targets/audiobookshelf/pause", "{}").status, 200);
    for name in ["One", "Two", "Three"] {
        setup.home.write(&format!("media/movies/{name}/1.m4b"), "book");
        film(&program, name, "1.m4b", None);
    }
    let count = |state: &str| {
        let is = |scan: &Value| delivery(scan, "audiobookshelf")["state"] == state;
        program.scans().iter().filter(|scan| is(scan)).count()
    };
    program.until("all three wait", || count("held") == 3);
    assert_eq!(program.ask("POST", "/api/v1/targets/audiobookshelf/resume", "{}").status, 200);
    program.until("it is told of all", || count("sent") == 3);
    assert_eq!(setup.shelf.scans(), ["quiet"]);
}

#[test]
fn a_deleted_file_is_told_to_those_who_have_a_use_for_it() {
    let setup = ManySetup::new();
    let program = setup.home.serve();
    for file in ["S01/1.mkv", "S01/2.mkv"] {
        setup.episode(&program, "Show", file);
    }
    program.until("all are told", || program.scans().iter().all(|scan| scan["state"] == "done"));
    let before = program.scans().len();
    std::fs::remove_file(setup.home.path("media/tv/Show/S01/1.mkv")).unwrap();
    setup.sonarr.take("/data/tv/Show/S01/1.mkv");
    deleted(&program, "Show", "S01/1.mkv");
    program.until("all are told of the deletion", || all_done(&program, before + 1));
    assert_eq!(states(&program), ["seen", "skipped", "skipped", "skipped", "sent", "sent", "sent"]);
    for kind in ["tdarr", "fileflows"] {
        assert!(error(&newest(&program, kind)).contains("new and changed files only"), "{kind}");
    }
    let gone = "/data/tv/Show/S01/1.mkv";
    let told = setup.shelf.taken().pop().unwrap();
    assert_eq!((&told["type"], &told["path"]), (&json!("unlink"), &json!(gone)));
    let told = setup.receiver.bodies().pop().unwrap();
    assert_eq!((&told["event"], &told["paths"]), (&json!("deleted"), &json!([gone])));
    assert!(setup.noted().last().unwrap().ends_with(&format!("\n\n-{gone}")), "{:?}", setup.noted());
}

#[test]
fn a_folder_that_nobody_owns_is_skipped_and_the_roots_are_named() {
    let setup = ManySetup::new();
    setup.home.write("media/other/Thing/1.mkv", "film");
    let program = setup.home.serve();
    let body = json!({ "paths": [setup.home.path("media/other/Thing")] }).to_string();
    assert_eq!(program.ask("POST", "/api/v1/scans", &body).status, 202);
    program.until("it is over", || all_done(&program, 1));
    assert_eq!(states(&program), ["skipped", "skipped", "skipped", "skipped", "skipped", "sent", "sent"]);
    for kind in ["tdarr", "fileflows", "audiobookshelf"] {
        let reason = newest(&program, kind);
        assert!(
            error(&reason).contains("/data/other/Thing") && error(&reason).contains("/data/tv"),
            "{reason}"
        );
    }
    assert_eq!(setup.receiver.bodies()[0]["event"], "rescan");
    assert_eq!(setup.told(), [0, 0, 0, 0, 0, 1, 1]);
}

#[test]
fn a_wrong_key_holds_each_with_a_sentence_and_the_right_one_lets_it_go_on() {
    let setup = ManySetup::new();
    setup.change(KEY, "wr0ng-0ne");
    let program = setup.home.serve();
    setup.episode(&program, "Show", "S01/1.mkv");
    let held = ["held", "held", "held", "held", "held", "held", "sent"];
    program.until("all but the program are held", || states(&program) == held);
    for (kind, says) in [
        ("sonarr", "`api-key`"),
        ("radarr", "`api-key`"),
        ("tdarr", "`api-key`"),
        ("fileflows", "`password`"),
        ("audiobookshelf", "`api-key`"),
        ("webhook", "401"),
    ] {
        let delivery = newest(&program, kind);
        assert!(error(&delivery).contains(says) && delivery["attempts"] == 0, "{kind}: {delivery}");
    }
    let targets = program.get("/api/v1/targets").to_string();
    assert_eq!(targets.matches("\"misconfigured\"").count(), 6, "{targets}");
    assert!(!targets.contains("wr0ng") && !program.printed().contains("wr0ng"));
    assert_eq!(setup.told(), [0, 0, 0, 0, 0, 0, 1]);
    program.stop();

    setup.change("wr0ng-0ne", KEY);
    let program = setup.home.serve();
    program.until("all are told", || all_done(&program, 1));
    assert_eq!(states(&program), ["seen", "skipped", "sent", "sent", "sent", "sent", "sent"]);
    assert_eq!(setup.told(), [1, 0, 1, 1, 1, 1, 1]);
}

#[test]
fn servers_that_are_down_get_their_own_once_when_they_are_back() {
    let setup = ManySetup::new();
    for (_, pretend) in setup.servers() {
        block_on(pretend.close()).unwrap();
    }
    let program = setup.home.serve();
    setup.episode(&program, "Show", "S01/1.mkv");
    let held = ["held", "held", "held", "held", "held", "held", "sent"];
    program.until("all but the program are held", || states(&program) == held);
    for (kind, _) in setup.servers() {
        let delivery = newest(&program, kind);
        assert!(error(&delivery).contains("refused") && delivery["attempts"] == 0, "{kind}: {delivery}");
    }
    for (_, pretend) in setup.servers() {
        block_on(async { pretend.reopen() }).unwrap();
    }
    for kind in KINDS {
        assert_eq!(program.ask("POST", &format!("/api/v1/targets/{kind}/test"), "{}").status, 200, "{kind}");
    }
    program.until("all are told", || all_done(&program, 1));
    assert_eq!(setup.told(), [1, 0, 1, 1, 1, 1, 1]);
}

#[test]
fn check_says_of_each_who_it_is_and_of_a_key_only_where_one_was_sent() {
    let setup = ManySetup::new();
    let ended = setup.home.ends(&["check"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let says = |kind: &str, says: &str| {
        let line = ended.out.lines().find(|line| line.starts_with(&format!("ok    target {kind} (")));
        assert!(line.is_some_and(|line| line.ends_with(says)), "{kind}: {line:?}");
    };
    says("sonarr", ": Sonarr 4.0.1 accepts the key; libraries: /data/tv");
    says("radarr", ": Radarr 4.0.1 accepts the key; libraries: /data/movies");
    says("tdarr", ": Tdarr 2.45.01 accepts the key; libraries: TV, Films");
    says("fileflows", ": FileFlows 25.1.0.0 accepts the login; libraries: TV, Films");
    says("audiobookshelf", ": Audiobookshelf 2.36.0 accepts the key; libraries: Books, Quiet");
    says("webhook", ": Webhook of unknown version answers");
    says("command", ": Command of your own answers");
    assert!(ended.out.contains("the folder watcher of the library \"Quiet\" is disabled"), "{}", ended.out);
    assert!(!ended.out.contains(KEY) && !ended.out.contains("room=1"), "{}", ended.out);
    assert_eq!(setup.told(), [0; 7]);

    setup.change(KEY, "wr0ng-0ne");
    let ended = setup.home.ends(&["check"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let bad = |kind: &str| ended.out.lines().any(|line| line.starts_with(&format!("BAD   target {kind} (")));
    assert!(KINDS[..5].iter().all(|kind| bad(kind)), "{}", ended.out);
    assert!(!ended.out.contains("wr0ng"), "{}", ended.out);
}

#[test]
fn check_speaks_of_a_login_where_one_was_sent() {
    let kodi = block_on(PretendKodi::start(Some("Basic a29kaTpodW50ZXIy"))).unwrap();
    kodi.source("/srv/films/", KodiContent::Films);
    let home = Home::new(&format!(
        "targets:\n  kodi: [{{ name: kodi, url: '{}', username: kodi, password: hunter2 }}]\n",
        kodi.http.url()
    ));
    let ended = home.ends(&["check"]);
    assert!(ended.out.contains(": Kodi 20.1 accepts the login; libraries: a source"), "{ended:?}");
}

#[test]
fn check_speaks_of_no_key_to_a_server_that_wants_none() {
    let mpd = block_on(PretendMpd::start(None)).unwrap();
    let tdarr = block_on(PretendTdarr::start(None)).unwrap();
    let home = Home::new(&format!(
        "targets:\n  mpd: [{{ name: mpd, host: 127.0.0.1, port: {}, music-directory: /music }}]\n  tdarr: [{{ name: tdarr, url: '{}' }}]\n",
        mpd.port(),
        tdarr.http.url()
    ));
    let ended = home.ends(&["check"]);
    let line = |name: &str| ended.out.lines().find(|line| line.contains(name)).unwrap_or_default();
    assert!(line("target mpd").contains(" answers; libraries: "), "{ended:?}");
    assert!(
        line("target tdarr").starts_with("BAD") && line("target tdarr").contains("shows no library"),
        "{ended:?}"
    );
    assert!(!ended.out.contains("accepts the key"), "{ended:?}");
}

#[test]
fn explain_shows_the_calls_of_each_and_makes_none_of_them() {
    let setup = ManySetup::new();
    setup.home.write(&format!("media/tv/Show/S01/{AWKWARD}.mkv"), "film");
    let path = format!("/tv/Show/S01/{AWKWARD}.mkv");
    let ended = setup.home.ends(&["explain", &path, "--trigger", "sonarr", "--json"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let told = ended.json();
    let target = |kind: &str| {
        let targets = told["targets"].as_array().unwrap();
        targets.iter().find(|target| target["target"] == kind).cloned().unwrap()
    };
    let file = format!("/data/tv/Show/S01/{AWKWARD}.mkv");
    let home = setup.home.path("").to_str().unwrap().trim_end_matches('/').to_owned();
    let scan_files = json!({"dbID": "idTV", "arrayOrPath": [file], "mode": "scanFolderWatcher"});
    for (kind, call, body) in [
        ("sonarr", "/api/v3/command", json!({"name": "RescanSeries", "seriesId": 7})),
        ("tdarr", "/api/v2/scan-files", json!({"data": {"scanConfig": scan_files}})),
        ("fileflows", "/manually-add", json!({"FlowUid": "flow-tv", "Files": [file], "CustomVariables": {}})),
        ("audiobookshelf", "/api/watcher/update", json!({"libraryId": "books", "path": file, "type": "add"})),
        ("webhook", "/•••", json!({"event": "modified", "folder": "/data/tv/Show/S01", "paths": [file]})),
        ("command", "/bin/sh", json!([format!("{home}/note.sh"), home, "--at=/data/tv/Show/S01"])),
    ] {
        let target = target(kind);
        let calls = target["plan"]["calls"].as_array().unwrap_or_else(|| panic!("{kind}: {target}"));
        assert_eq!(calls.len(), 1, "{kind}: {target}");
        assert!(calls[0]["url"].as_str().unwrap().ends_with(call), "{kind}: {target}");
        let shown: Value = serde_json::from_str(calls[0]["body"].as_str().unwrap()).unwrap();
        assert_eq!(shown, body, "{kind}");
    }
    assert!(target("radarr")["error"].as_str().unwrap().contains("no root folder of Radarr"), "{told}");
    let ended = setup.home.ends(&["explain", &path, "--trigger", "sonarr"]);
    assert!(ended.code == Some(0) && !ended.out.contains(KEY), "{ended:?}");
    assert_eq!(setup.told(), [0; 7]);
}

#[test]
fn a_single_file_that_a_person_names_is_told_to_each() {
    let setup = ManySetup::new();
    setup.home.write("media/tv/Show/S01/1.mkv", "film");
    setup.sonarr.put("/data/tv/Show/S01/1.mkv", 4);
    let program = setup.home.serve();
    let body = json!({ "paths": [setup.home.path("media/tv/Show/S01/1.mkv")] }).to_string();
    assert_eq!(program.ask("POST", "/api/v1/scans", &body).status, 202);
    program.until("all are told", || all_done(&program, 1));
    assert_eq!(setup.told(), [1, 0, 1, 1, 1, 1, 1]);
    let file = "/data/tv/Show/S01/1.mkv";
    assert_eq!(setup.tdarr.scans(), [("idTV".to_owned(), vec![file.to_owned()])]);
    assert_eq!(setup.fileflows.added(), [("flow-tv".to_owned(), file.to_owned())]);
    assert_eq!(setup.shelf.taken()[0]["path"], file);
    assert_eq!(setup.receiver.bodies()[0]["paths"], json!([file]));
}
