//! From an empty folder to a proven scan, by the page alone.

use std::fs;
use std::time::Duration;

use autoscan_testkit::PretendPlexTv;
use serde_json::Value;

use crate::furniture::{Answer, Home, Program, base64, episode};
use crate::servers::{self, block_on};

/// What plex.tv gives and Plex takes.
const TOKEN: &str = "plex-token";

/// A person with a browser that runs no scripts.
struct Person<'a> {
    program: &'a Program,
    cookie: String,
}

impl<'a> Person<'a> {
    fn log_in(program: &'a Program, password: &str) -> Self {
        let page = program.request("GET", "/login", &[], b"");
        let body = format!(
            "csrf={}&username=autoscan&password={}&next=/",
            hidden(&page.body, "csrf"),
            encoded(password)
        );
        let headers = [format!("Cookie: {}", cookie(&page)), FORM.to_owned()];
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let answer = program.request("POST", "/login", &headers, body.as_bytes());
        assert_eq!(answer.status, 303, "{answer:?}");
        Self { program, cookie: cookie(&answer) }
    }

    fn look(&self, path: &str) -> String {
        let answer = self.program.request("GET", path, &[&format!("Cookie: {}", self.cookie)], b"");
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_secretless(&answer);
        answer.body
    }

    /// Sends a form, and looks at the page to which it leads.
    fn send(&self, path: &str, fields: &[(&str, &str)]) -> (String, String) {
        let mut body = format!("csrf={}", hidden(&self.look("/setup"), "csrf"));
        for (name, value) in fields {
            body = body + "&" + name + "=" + &encoded(value);
        }
        let headers = [format!("Cookie: {}", self.cookie), FORM.to_owned()];
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let answer = self.program.request("POST", path, &headers, body.as_bytes());
        assert_eq!(answer.status, 303, "{path}: {answer:?}");
        assert_secretless(&answer);
        let to = header(&answer, "location").unwrap_or_default();
        (self.look(&to), to)
    }
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn header(answer: &Answer, name: &str) -> Option<String> {
    let found = answer.head.lines().filter_map(|line| line.split_once(": "));
    found.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
}

fn cookie(answer: &Answer) -> String {
    let cookie = header(answer, "set-cookie").unwrap_or_default();
    cookie.split(';').next().unwrap().to_owned()
}

fn hidden(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

fn assert_secretless(answer: &Answer) {
    let text = format!("{answer:?}");
    assert!(!text.contains(TOKEN), "{text}");
}

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
        ("AUTOSCAN__PLEX_TV_URL", &plex_tv.stage.url()),
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
    person.send("/setup/address", &[("url", &plex.stage.url()), ("name", "plex")]);
    let (page, _) = person.send("/setup/login", &[]);
    let code = plex_tv.codes().pop().unwrap();
    assert!(page.contains(&code) && page.contains(&format!("{}/link", plex_tv.stage.url())), "{page}");
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
    assert!(written.contains(TOKEN) && written.contains(&plex.stage.url()), "{written}");
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
    for call in plex_tv.stage.calls().iter().chain(&plex.stage.calls()) {
        assert!(!call.target.contains(TOKEN), "{call:?}");
    }
}

#[test]
fn plex_tv_knows_one_autoscan_by_one_name_for_ever() {
    let plex_tv = block_on(PretendPlexTv::start(TOKEN)).unwrap();
    let home = Home::new(&format!("plex-tv-url: {}\n", plex_tv.stage.url()));
    for _ in 0..2 {
        let program = home.serve();
        let person = Person::log_in(&program, crate::furniture::PASSWORD);
        person.send("/setup/kind", &[("kind", "plex")]);
        person.send("/setup/address", &[("url", "http://127.0.0.1:9"), ("name", "plex")]);
        person.send("/setup/login", &[]);
        program.stop();
    }
    let clients: Vec<String> = plex_tv
        .stage
        .calls()
        .iter()
        .map(|call| call.header("x-plex-client-identifier").unwrap().to_owned())
        .collect();
    assert!(clients.len() == 2 && clients[0] == clients[1] && clients[0].len() == 32, "{clients:?}");
}
