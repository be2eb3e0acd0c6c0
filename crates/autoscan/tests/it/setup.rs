//! From an empty folder to a proven scan, by the page alone.

use std::fs;
use std::time::Duration;

use autoscan_testkit::PretendPlexTv;
use serde_json::Value;

use crate::harness::{Home, base64, episode};
use crate::person::{Person, hidden};
use crate::servers::{self, block_on};

/// What plex.tv gives and Plex takes.
const TOKEN: &str = "plex-token";

#[test]
#[expect(clippy::too_many_lines, reason = "a walk, step by step")]
fn from_an_empty_folder_to_a_proven_scan_by_the_page_alone() {
    let (plex_tv, plex) = (block_on(PretendPlexTv::start(TOKEN)).unwrap(), servers::plex());
    let home = Home::bare();
    let media = home.path("media");
    fs::create_dir_all(media.join("tv")).unwrap();
    fs::create_dir_all(media.join("movies")).unwrap();
    plex.sees("/data", &media);
    let mut command = home.command(&["serve"]);
    for (name, value) in [
        ("AUTOSCAN__HOST", "127.0.0.1"),
        ("AUTOSCAN__PORT", &home.port.to_string()),
        ("AUTOSCAN__PLEX_TV_URL", &plex_tv.http.url()),
        ("AUTOSCAN__MINIMUM_AGE", "0s"),
        ("AUTOSCAN__FILES__SETTLE", "0s"),
        ("AUTOSCAN__LOG__LEVEL", "trace"),
    ] {
        command.env(name, value);
    }
    let program = home.serve_by(command);
    program.until("the secrets are shown", || program.printed().contains("/triggers/lidarr"));
    let printed = program.printed();
    assert!(printed.contains(&format!(":{}/setup", home.port)), "the first start names the page: {printed}");
    let password = printed.lines().find_map(|line| line.trim().strip_prefix("password")).unwrap().trim();
    let first = fs::read_to_string(home.path("config.yml")).unwrap();

    let person = Person::log_in(&program, password);
    person.send("/setup/kind", &[("kind", "plex")]);
    person.send("/setup/address", &[("url", &plex.http.url()), ("name", "plex")]);
    let (page, _) = person.send("/setup/login", &[]);
    let code = plex_tv.codes().pop().unwrap();
    assert!(page.contains(&code) && page.contains(&format!("{}/link", plex_tv.http.url())), "{page}");
    let (page, _) = person.send("/setup/confirm", &[]);
    assert!(page.contains("not confirmed yet"), "{page}");
    plex_tv.confirm(&code);
    let (page, _) = person.send("/setup/confirm", &[]);
    assert!(page.contains("Plex Media Server") && page.contains("/data/movies"), "{page}");

    let here = |name: &str| media.join(name).to_str().unwrap().to_owned();
    let folders: Vec<(&str, String)> = ["/data/tv", "/data/movies"]
        .iter()
        .map(|folder| ("here", here(folder.rsplit('/').next().unwrap())))
        .collect();
    let folders: Vec<(&str, &str)> = folders.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (page, at) = person.send("/setup/folders", &folders);
    assert!(page.contains("Write and reload") && page.contains(&here("tv")), "{page}");
    assert_eq!(fs::read_to_string(home.path("config.yml")).unwrap(), first, "nothing is written yet");
    let (page, to) = person.send(&at, &[("basis", &hidden(&page, "basis"))]);
    assert_eq!(to, "/setup");
    assert!(page.contains("plex is told from now on") && page.contains("/triggers/sonarr"), "{page}");

    let written = fs::read_to_string(home.path("config.yml")).unwrap();
    assert!(written.contains(TOKEN) && written.contains(&plex.http.url()), "{written}");
    for line in first.lines().filter(|line| line.trim_start().starts_with('#')) {
        assert!(written.contains(line), "a comment is gone: {line}\n{written}");
    }

    home.write("media/tv/Show/Season 01/Show - S01E01.mkv", "film");
    let basic = format!("Authorization: Basic {}", base64(format!("autoscan:{password}").as_bytes()));
    let body = episode(&here("tv/Show"), "Season 01/Show - S01E01.mkv");
    let answer = program.request("POST", "/triggers/sonarr", &[&basic], body.as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    program.until_within(Duration::from_mins(1), "the scan is seen", || {
        let scans = program.scans_with(&basic);
        let state = |scan: &Value| scan["deliveries"][0]["state"].clone();
        scans.first().is_some_and(|scan| state(scan) == "seen")
    });
    assert!(!program.printed().contains(TOKEN), "{}", program.printed());
    for page in person.saw.take() {
        assert!(!page.contains(TOKEN), "{page}");
    }
    for call in plex_tv.http.calls().iter().chain(&plex.http.calls()) {
        assert!(!call.target.contains(TOKEN), "{call:?}");
    }
}

#[test]
fn a_map_that_the_page_filled_in_by_itself_proves_the_next_import() {
    let plex = servers::plex();
    let home = Home::new("");
    let shows = home.path("media/serien");
    let here = shows.to_str().unwrap();
    for show in ["Show A", "Show B", "Show C"] {
        home.write(&format!("media/serien/{show}/Season 01/{show} - S01E01.mkv"), "film");
        plex.put(&format!("/data/tv/{show}/Season 01/{show} - S01E01.mkv"), 4);
    }
    plex.sees("/data/tv", &shows);
    let usual = fs::read_to_string(home.path("config.yml")).unwrap();
    let more = format!(
        "files: {{ settle: 0s }}\ntriggers:\n  sonarr: [{{ name: sonarr, map: {{ /tv: {here} }} }}]\n"
    );
    home.write("config.yml", &(usual + &more));
    let program = home.serve();
    let person = Person::log_in(&program, crate::harness::PASSWORD);
    person.send("/setup/kind", &[("kind", "plex")]);
    person.send("/setup/address", &[("url", &plex.http.url()), ("name", "plex")]);
    let (page, _) = person.send("/setup/key", &[("key", TOKEN)]);
    let filled: Vec<&str> =
        page.split("name=\"here\" value=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(filled, [here, ""], "of the films nothing is known: {page}");
    assert!(page.contains("This is proposed") && page.contains(&format!("{here} here has all 3.")), "{page}");
    assert!(page.contains("is in use: the map of sonarr leads there"), "{page}");

    let (page, at) = person.send("/setup/folders", &[("here", filled[0]), ("here", filled[1])]);
    assert!(page.contains("<ins>+") && page.contains(&format!("{here}: /data/tv")), "{page}");
    let (page, _) = person.send(&at, &[("basis", &hidden(&page, "basis"))]);
    assert!(page.contains("plex is told from now on"), "{page}");

    home.write("media/serien/Show B/Season 01/Show B - S01E02.mkv", "film");
    program.sonarr(&episode("/tv/Show B", "Season 01/Show B - S01E02.mkv"));
    program.until("Plex shows it", || program.scans()[0]["deliveries"][0]["state"] == "seen");
    for call in plex.http.calls() {
        assert!(!call.target.contains(TOKEN), "{call:?}");
    }
}

#[test]
fn plex_tv_knows_one_autoscan_by_one_name_for_ever() {
    let plex_tv = block_on(PretendPlexTv::start(TOKEN)).unwrap();
    let home = Home::new(&format!("plex-tv-url: {}\n", plex_tv.http.url()));
    for _ in 0..2 {
        let program = home.serve();
        let person = Person::log_in(&program, crate::harness::PASSWORD);
        person.send("/setup/kind", &[("kind", "plex")]);
        person.send("/setup/address", &[("url", "http://127.0.0.1:9"), ("name", "plex")]);
        person.send("/setup/login", &[]);
        program.stop();
    }
    let clients: Vec<String> = plex_tv
        .http
        .calls()
        .iter()
        .map(|call| call.header("x-plex-client-identifier").unwrap().to_owned())
        .collect();
    assert!(clients.len() == 2 && clients[0] == clients[1] && clients[0].len() == 32, "{clients:?}");
}
