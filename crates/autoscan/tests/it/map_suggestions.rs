//! From folders that nobody mapped to an import that is seen, with nothing but what autoscan proposed.

use std::fs;

use autoscan_testkit::PretendArr;
use serde_json::Value;

use crate::harness::{Answer, Home, PASSWORD, Program};
use crate::media_setup::{imported, newest};
use crate::servers::{self, KEY, block_on};

const SHOWS: [&str; 3] = ["Show A (2001)", "Show B", "Show <C>"];

/// A browser that logged in: its cookie and the token of its forms.
struct Browser<'a> {
    program: &'a Program,
    cookie: String,
    token: String,
}

impl<'a> Browser<'a> {
    fn inside(program: &'a Program) -> Self {
        let page = program.request("GET", "/login", &[], b"");
        let mut browser = Self { program, cookie: cookie_of(&page), token: token_of(&page) };
        let form = format!("username=autoscan&password={PASSWORD}&next=/");
        browser.cookie = cookie_of(&browser.send("/login", &form));
        browser.token = token_of(&browser.get("/targets"));
        browser
    }

    fn get(&self, path: &str) -> Answer {
        self.program.request("GET", path, &[&format!("Cookie: {}", self.cookie)], b"")
    }

    fn send(&self, path: &str, form: &str) -> Answer {
        let headers =
            [&*format!("Cookie: {}", self.cookie), "Content-Type: application/x-www-form-urlencoded"];
        let body = format!("csrf={}&{form}", self.token);
        self.program.request("POST", path, &headers, body.as_bytes())
    }
}

fn header(answer: &Answer, name: &str) -> String {
    let line = answer.head.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("{name} {answer:?}")).trim().to_owned()
}

fn cookie_of(answer: &Answer) -> String {
    header(answer, "set-cookie:").split(';').next().unwrap().to_owned()
}

fn token_of(page: &Answer) -> String {
    let (_, rest) = page.body.split_once("name=\"csrf\" value=\"").unwrap_or_else(|| panic!("{page:?}"));
    rest.split('"').next().unwrap().to_owned()
}

fn lines(found: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of = |line: &Value| format!("{}{}", text(&line["of"]["trigger"]), text(&line["of"]["target"]));
    let lines = found["lines"].as_array().unwrap().iter();
    lines.map(|line| (of(line), text(&line["from"]), text(&line["to"]))).collect()
}

#[test]
fn with_the_maps_that_were_proposed_the_next_import_is_seen() {
    let (plex, sonarr) = (servers::plex(), block_on(PretendArr::sonarr(KEY)).unwrap());
    let home = Home::new("");
    let media = home.path("media");
    for (id, show) in (1..).zip(SHOWS) {
        home.write(&format!("media/tv/{show}/Season 01/S01E01.mkv"), "x");
        sonarr.add(id, &format!("/tv/{show}"), id);
    }
    home.write("media/movies/Film (2001)/Film.mkv", "x");
    plex.sees("/data", &media);
    let (root, usual) = (media.to_str().unwrap(), fs::read_to_string(home.path("config.yml")).unwrap());
    let config = |of_sonarr: &str, of_plex: &str| {
        format!(
            "{usual}files: {{ settle: 0s }}\ntriggers:\n  sonarr: [{{ name: sonarr, api: {{ url: '{}', api-key: {KEY} }}, map: {{ {of_sonarr} }} }}]\n  radarr: [{{ name: radarr, map: {{ /movies: {root}/movies }} }}]\ntargets:\n  plex: [{{ name: plex, url: '{}', token: plex-token, map: {{ {of_plex} }} }}]\n",
            sonarr.http.url(),
            plex.http.url()
        )
    };
    home.write("config.yml", &config("", ""));
    let program = home.serve();
    let answer = program.ask("POST", "/api/v1/suggestions", "");
    let found = answer.json();
    let (tv, whole) = (format!("{root}/tv"), root.to_owned());
    let wanted =
        [("sonarr".into(), "/tv".into(), tv.clone()), ("plex".into(), whole.clone(), "/data".into())];
    assert_eq!(lines(&found), wanted, "{found}");
    let said = found["lines"][0]["evidence"][0].as_str().unwrap();
    assert!(said.contains("'Show A (2001)'") && said.contains("has all 3"), "{said}");
    assert!(!answer.body.contains(KEY), "the key stays here");

    let browser = Browser::inside(&program);
    let page = browser.get("/targets").body;
    assert!(page.contains("Show &#60;C&#62;") && !page.contains("<C>"), "{page}");
    assert!(!page.contains(KEY) && !page.contains("plex-token"), "{page}");
    let begun = browser.send("/targets/map", &format!("of=trigger&name=sonarr&from=/tv&to={tv}"));
    let page = browser.get(&header(&begun, "location:")).body;
    assert!(page.contains("<ins>+") && page.contains(&format!("/tv: {tv}")), "{page}");
    assert!(!page.contains(KEY) && !page.contains("plex-token"), "secrets are dots: {page}");
    assert_eq!(
        fs::read_to_string(home.path("config.yml")).unwrap(),
        config("", ""),
        "nothing is written yet"
    );
    program.stop();

    home.write("config.yml", &config(&format!("/tv: {tv}"), &format!("{whole}: /data")));
    let program = home.serve();
    home.write("media/tv/Show B/Season 01/S01E02.mkv", "xxxxx");
    imported(&program, "Show B", "Season 01/S01E02.mkv");
    program.until("Plex shows it", || newest(&program, "plex")["state"] == "seen");
    let again = program.ask("POST", "/api/v1/suggestions", "").json();
    assert_eq!((lines(&again), again["doubts"].as_array().unwrap().len()), (vec![], 0), "{again}");
}

#[test]
fn a_folder_with_another_name_is_recognised_by_the_servers_own_files() {
    let shows = ["Show A (2001)", "Show B", "Show C", "Show D", "Show E"];
    let mut files: Vec<String> =
        shows.iter().map(|show| format!("/data/tv/{show}/Season 01/{show} - S01E01.mkv")).collect();
    files.extend(["Film (2001)", "Other (2002)"].map(|film| format!("/data/movies/{film}/{film}.mkv")));
    let (plex, jellyfin, emby) = (servers::plex(), servers::jellyfin(), servers::emby());
    for file in &files {
        plex.put(file, 1);
        jellyfin.holdings.hold(file, 1);
        emby.holdings.hold(file, 1);
    }
    for (kind, url, named, key) in [
        ("plex", plex.http.url(), "token", "plex-token"),
        ("jellyfin", jellyfin.http.url(), "api-key", "jellyfin-key"),
        ("emby", emby.http.url(), "api-key", "emby-key"),
    ] {
        let home = Home::new("");
        for file in &files {
            let here = file.replace("/data/tv", "media/serien").replace("/data/movies", "media/filme");
            home.write(&here, "x");
        }
        let media = home.path("media");
        let media = media.to_str().unwrap();
        let usual = fs::read_to_string(home.path("config.yml")).unwrap();
        home.write(
            "config.yml",
            &format!(
                "{usual}anchors: [{media}/.mounted]\ntargets:\n  {kind}: [{{ name: server, url: '{url}', {named}: {key} }}]\n"
            ),
        );
        home.write("media/.mounted", "");
        let program = home.serve();
        let answer = program.ask("POST", "/api/v1/suggestions", "");
        let found = answer.json();
        let line =
            |local: &str, theirs: &str| ("server".to_owned(), format!("{media}/{local}"), theirs.to_owned());
        assert_eq!(
            lines(&found),
            [line("serien", "/data/tv"), line("filme", "/data/movies")],
            "{kind}: {found}"
        );
        let line = &found["lines"][0];
        let said = format!(
            "server's /data/tv has 'Show A (2001)', 'Show B', 'Show C' and 2 more; {media}/serien here has all 5"
        );
        assert_eq!(line["evidence"][0], said.as_str(), "{kind}");
        let page = Browser::inside(&program).get("/targets").body;
        assert!(page.contains("badge good\">sure"), "{kind}: {page}");
        assert!(!answer.body.contains(key) && !page.contains(key), "{kind}");
    }
}
