//! A person at the page: logged in, a look at what would happen, the scan, and what Plex was told.

use crate::harness::{Answer, PASSWORD, Program};
use crate::media_setup::{MediaSetup, newest};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

/// The text between two others.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("no {before}: {text}")).1;
    rest.split_once(after).unwrap_or_else(|| panic!("no {after}: {rest}")).0
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |all, byte| all + &format!("%{byte:02X}"))
}

/// A browser that logged in.
struct Browser<'a> {
    program: &'a Program,
    cookie: String,
}

impl<'a> Browser<'a> {
    fn inside(program: &'a Program) -> Self {
        let page = program.request("GET", "/login", &[], b"");
        let mut browser = Self { program, cookie: cookie_of(&page) };
        let fields = [
            ("username", "autoscan"),
            ("password", PASSWORD),
            ("next", "/"),
            ("csrf", between(&page.body, "name=\"csrf\" value=\"", "\"")),
        ];
        let answer = browser.post("/login", &fields);
        assert_eq!(answer.status, 303, "{answer:?}");
        browser.cookie = cookie_of(&answer);
        browser
    }

    fn get(&self, path: &str) -> Answer {
        self.program.request("GET", path, &[&self.cookie], b"")
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        self.program.request("POST", path, &[&self.cookie, FORM], body.join("&").as_bytes())
    }
}

fn cookie_of(answer: &Answer) -> String {
    let line = answer.head.lines().find(|line| line.to_ascii_lowercase().starts_with("set-cookie:")).unwrap();
    format!("Cookie: {}", between(line, ": ", ";"))
}

#[test]
fn a_folder_that_a_person_chose_is_previewed_sent_and_seen() {
    let setup = MediaSetup::of_plex("");
    setup.put("tv/Harbour Lights/Season 01/Harbour Lights - S01E01.mkv", 1000);
    setup.put("private/letter.txt", 10);
    let program = setup.home.serve();
    let browser = Browser::inside(&program);
    let media = setup.home.path("media");
    let shows = media.join("tv").to_str().unwrap().to_owned();

    let page = browser.get(&format!("/manual-scan/browse?folder={}", encoded(&shows)));
    assert!(page.status == 200 && page.body.contains(">Harbour Lights</a>"), "{page:?}");
    std::os::unix::fs::symlink(setup.home.path("."), media.join("tv/out")).unwrap();
    for outside in
        [format!("{shows}/out"), setup.home.path(".").to_str().unwrap().to_owned(), "/etc".to_owned()]
    {
        let page = browser.get(&format!("/manual-scan/browse?folder={}", encoded(&outside)));
        assert!(matches!(page.status, 403 | 400), "{outside}: {page:?}");
    }

    let folder = format!("{shows}/Harbour Lights/Season 01");
    let csrf = between(&page.body, "name=\"csrf\" value=\"", "\"").to_owned();
    let fields = [("csrf", csrf.as_str()), ("paths", &folder), ("step", "preview")];
    let preview = browser.post("/manual-scan", &fields);
    for expected in
        ["would be scanned", "a folder", "/data/tv/Harbour Lights/Season 01", "refresh?path=", "Scan now"]
    {
        assert!(preview.body.contains(expected), "{expected}: {preview:?}");
    }
    assert!(program.scans().is_empty());

    let sent = browser.post("/manual-scan", &[("csrf", csrf.as_str()), ("paths", &folder), ("step", "scan")]);
    assert_eq!(sent.status, 303, "{sent:?}");
    let location = between(&sent.head.replace("Location", "location"), "location: ", "\r\n").to_owned();
    program.until("Plex shows the episode", || newest(&program, "plex")["state"] == "seen");
    let page = browser.get(&location);
    for expected in ["1 done", "plex <span class=\"badge good\">seen</span>", "Harbour Lights"] {
        assert!(page.body.contains(expected), "{expected}: {page:?}");
    }
    let triggers = browser.get("/triggers");
    assert!(
        triggers.body.contains("/triggers/sonarr</code>") && triggers.body.contains("On Import Complete"),
        "{triggers:?}"
    );
    assert!(!triggers.body.contains(PASSWORD), "{triggers:?}");
}
