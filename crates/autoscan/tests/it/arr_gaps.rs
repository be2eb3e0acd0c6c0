//! What the arrs leave open, through the real binary: an upgrade's file is gone before the new one is there, and a file that
//! came back is never reported (Sonarr 10.0.0.15072 and Radarr 10.0.0.15633, measured).

use std::fs;
use std::time::Duration;

use autoscan_testkit::{PretendArr, PretendPlex};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::harness::{Home, Program, episode};
use crate::servers;

const FOLDER: &str = "/data/tv/Show/Season 1";

/// A home with television, and a Plex that sees it at `/data`.
fn setup() -> (Home, PretendPlex) {
    let (home, plex) = (Home::new(""), servers::plex());
    let media = home.path("media").to_str().unwrap().to_owned();
    let config = fs::read_to_string(home.path("config.yml")).unwrap();
    let more = format!(
        "files: {{ settle: 0s }}\ntriggers:\n  sonarr: [{{ name: sonarr, map: {{ /tv: {media}/tv }} }}]\n\
         targets:\n  plex: [{{ name: plex, url: '{}', token: plex-token, map: {{ {media}: /data }}, proof: off }}]\n",
        plex.http.url()
    );
    home.write("config.yml", &format!("{config}{more}"));
    home.write("media/tv/Show/Season 1/other.mkv", "film");
    (home, plex)
}

fn folders(plex: &PretendPlex) -> Vec<String> {
    plex.scans().into_iter().filter_map(|scan| scan.path).collect()
}

/// Sonarr deleted a file of the show, for this reason.
fn deleted(file: &str, reason: &str) -> String {
    let body: Value = serde_json::from_str(&episode("/tv/Show", file)).unwrap();
    json!({
        "series": body["series"], "episodes": body["episodes"], "episodeFile": body["episodeFile"],
        "deleteReason": reason, "eventType": "EpisodeFileDelete", "instanceName": "Sonarr",
    })
    .to_string()
}

/// The same home with a Sonarr as the only target, which has the show.
fn setup_with_sonarr_as_target() -> (Home, PretendArr) {
    let home = Home::new("");
    let sonarr = servers::sonarr();
    let media = home.path("media").to_str().unwrap().to_owned();
    let config = fs::read_to_string(home.path("config.yml")).unwrap();
    let more = format!(
        "files: {{ settle: 0s }}\ntriggers:\n  sonarr: [{{ name: sonarr, map: {{ /tv: {media}/tv }} }}]\n\
         targets:\n  sonarr: [{{ name: arr, url: '{}', api-key: {}, map: {{ {media}: /data }} }}]\n",
        sonarr.http.url(),
        servers::KEY
    );
    home.write("config.yml", &format!("{config}{more}"));
    home.write("media/tv/Show/Season 1/other.mkv", "film");
    sonarr.put("/data/tv/Show/Season 1/other.mkv", 4);
    (home, sonarr)
}

fn done(program: &Program, scans: usize) -> bool {
    let all = program.scans();
    all.len() == scans && all.iter().all(|scan| scan["state"] == "done")
}

#[test]
fn an_upgrade_tells_plex_once_the_new_file_is_there_also_over_a_restart() {
    let (home, plex) = setup();
    let program = home.serve();
    program.sonarr(&deleted("Season 1/old.mkv", "upgrade"));
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(folders(&plex), [""; 0], "neither file is on the disk");
    let steps = program.get("/api/v1/scans/1/timeline").to_string();
    assert!(steps.contains("waits for the file that replaces \\\"old.mkv\\\""), "{steps}");
    program.kill();

    let program = home.serve();
    assert_eq!(program.scans()[0]["state"], "waiting");
    home.write("media/tv/Show/Season 1/new.mkv", "film");
    let mut upgrade: Value = serde_json::from_str(&episode("/tv/Show", "Season 1/new.mkv")).unwrap();
    upgrade["isUpgrade"] = json!(true);
    upgrade["deletedFiles"] = json!([{ "relativePath": "Season 1/old.mkv" }]);
    program.sonarr(&upgrade.to_string());
    program.until("the upgrade is done", || done(&program, 1));
    assert_eq!(folders(&plex), [FOLDER]);
    assert_eq!(program.scans()[0]["changes"].as_array().unwrap().len(), 2);
}

#[test]
fn a_file_that_was_missing_and_came_back_is_scanned_though_sonarr_says_nothing() {
    let (home, plex) = setup();
    let program = home.serve();
    program.sonarr(&deleted("Season 1/lost.mkv", "missingFromDisk"));
    program.until("the loss is told", || done(&program, 1));
    program.stop();
    assert!(program.ended().success());
    // Five minutes pass.
    let database = Connection::open(home.path("autoscan.db")).unwrap();
    assert_eq!(database.execute("UPDATE later_look SET next_at = 0", []).unwrap(), 1);
    drop(database);
    home.write("media/tv/Show/Season 1/lost.mkv", "film");

    let program = home.serve();
    program.until("the file is found", || done(&program, 2));

    assert_eq!(folders(&plex), [FOLDER, FOLDER]);
    let changes = &program.scans()[0]["changes"];
    assert_eq!((&changes[0]["kind"], &changes[0]["trigger"]), (&json!("created"), &json!("sonarr")));
}

#[test]
fn a_loss_that_sonarr_reports_because_it_was_told_to_look_makes_no_circle() {
    let (home, sonarr) = setup_with_sonarr_as_target();
    let program = home.serve();
    // A transcoder deleted the file and says so; Sonarr looks, misses it, and reports that to every connection.
    program.sonarr(&deleted("Season 1/gone.mkv", "manual"));
    program.until("Sonarr was told", || done(&program, 1));
    assert_eq!(sonarr.rescans(), [7]);
    program.sonarr(&deleted("Season 1/gone.mkv", "missingFromDisk"));
    program.until("it is told once more", || done(&program, 2));
    std::thread::sleep(Duration::from_secs(2));
    // That look changes nothing at Sonarr, so that it reports nothing.
    assert_eq!((sonarr.rescans(), sonarr.rescans_of_all()), (vec![7, 7], 0));
    assert_eq!(program.scans().len(), 2);
}

#[test]
fn what_a_sender_shows_nobody_is_warned_of_in_the_log_and_on_the_page() {
    let (home, _plex) = setup();
    let program = home.serve();
    let body = episode("/tv/Show", "Season 1/a.mkv");
    assert_eq!(program.ask("POST", "/triggers/sonar", &body).status, 404);
    assert_eq!(program.ask("POST", "/triggers/sonarr", "no webhook").status, 400);
    assert_eq!(
        program.request("POST", "/triggers/sonarr", &["X-Api-Key: wrong"], body.as_bytes()).status,
        401
    );
    let log = program.printed();
    for said in [
        "a request came for a trigger that does not exist; its changes are lost. Check the URL in the sender",
        "a request to this trigger was rejected, and its changes are lost; the sender shows the status alone",
        "The credentials are missing or wrong",
    ] {
        let line = log.lines().find(|line| line.contains(said)).unwrap_or_else(|| panic!("{said}: {log}"));
        assert!(line.contains("WARN"), "{line}");
    }
    let triggers = program.get("/api/v1/triggers");
    assert_eq!(triggers["unknown"][0]["name"], "sonar", "{triggers}");
}
