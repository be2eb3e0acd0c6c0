//! Secrets of every kind are planted in the config, in variables and files, in URLs and in what servers say; then the whole
//! program is driven, and nothing that comes out of it holds one.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::harness::{Home, Program, episode};
use crate::person::{Person, hidden};
use crate::secrets::{assert_none_of, talkative};
use crate::servers;

/// One for each place. The letters are awkward: each is written otherwise in a URL, in HTML and in JSON.
const PLANTED: [&str; 25] = [
    "pl4nted-Password&1",
    "pl4nted-ServerPass",
    "pl4nted-SecretKey",
    "pl4nted-Fallback",
    "pl4nted-TriggerToken/1+2",
    "pl4nted-Sonarr<Key>",
    "pl4nted-Plex\"Token",
    "pl4nted-Jellyfin",
    "pl4nted-Emby",
    "pl4nted-Kodi",
    "pl4nted-Mpd",
    "pl4nted-HookQuery",
    "pl4nted-HookHeader",
    "pl4nted-TargetSonarr",
    "pl4nted-Audiobookshelf",
    "pl4nted-Tdarr",
    "pl4nted-FileFlows",
    "pl4nted-OtherAutoscan",
    "pl4nted-UrlLogin",
    "pl4nted-EnvironmentKey",
    "pl4nted-FromFile",
    "pl4nted-WebhookSecret",
    "pl4nted-NewPlex",
    "pl4nted-SetupKey",
    "pl4nted-BrokenConfig",
];

/// How many of them stand in the config of the start: servers repeat these.
const AT_FIRST: usize = 21;

/// What nobody planted, and shows what it is by where it stands.
const STRANGE: &str = "S3cret-of-Nobody";

fn config(port: u16, broken: &str, strange: &str, mpd: u16) -> String {
    let with_login = broken.replace("://", "://user:pl4nted-UrlLogin@");
    format!(
        "host: 127.0.0.1\nport: {port}\nminimum-age: 0s\nfiles: {{ check: false }}\nlog: {{ level: trace }}\nauthentication:\n  \
           password: 'pl4nted-Password&1'\n  server-pass: pl4nted-ServerPass\n  \
           secret-key: pl4nted-SecretKey\n  secret-key-fallbacks: [pl4nted-Fallback]\ntriggers:\n  sonarr:\n    \
           - {{ name: sonarr, token: pl4nted-TriggerToken/1+2, api: {{ url: '{with_login}', api-key: 'pl4nted-Sonarr<Key>' }} }}\n\
         targets:\n  plex:\n    - {{ name: plex, url: '{broken}', token: 'pl4nted-Plex\"Token' }}\n  \
           jellyfin: [{{ url: '{strange}', api-key: pl4nted-Jellyfin }}]\n  emby: [{{ url: '{broken}', token: pl4nted-Emby }}]\n  \
           kodi: [{{ url: '{broken}', username: kodi, password: pl4nted-Kodi }}]\n  mpd: [{{ host: 127.0.0.1, port: {mpd}, music-directory: /music, password: pl4nted-Mpd }}]\n  \
           webhook: [{{ name: hook, url: '{strange}/in?token=pl4nted-HookQuery', headers: {{ X-Gotify-Key: pl4nted-HookHeader }} }}]\n  \
           sonarr: [{{ name: sonarr-at-home, url: '{strange}', api-key: pl4nted-TargetSonarr }}]\n  \
           audiobookshelf: [{{ url: '{strange}', api-key: pl4nted-Audiobookshelf }}]\n  tdarr: [{{ url: '{broken}', api-key: pl4nted-Tdarr }}]\n  \
           fileflows: [{{ url: '{broken}', username: me, password: pl4nted-FileFlows }}]\n  \
           autoscan: [{{ name: other, url: '{strange}', username: me, password: pl4nted-OtherAutoscan }}]\n",
    )
}

/// An MPD that refuses everything, and repeats what it was sent.
fn talkative_mpd() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let _gone = stream.write_all(b"OK MPD 0.24.0\n");
                while let Some(Ok(line)) = lines.next() {
                    let said = format!(
                        "ACK [3@0] {{password}} incorrect password: {line} {}\n",
                        PLANTED[..AT_FIRST].join(" ")
                    );
                    let _gone = stream.write_all(said.as_bytes());
                }
            });
        }
    });
    port
}

/// Every page and every answer of the API that looks.
const LOOKED_AT: [&str; 31] = [
    "/",
    "/scans",
    "/scans?state=waiting&text=Show",
    "/scans/1",
    "/scans/1/drop",
    "/manual-scan",
    "/manual-scan/browse",
    "/triggers",
    "/targets",
    "/setup",
    "/log",
    "/log?level=debug",
    "/config",
    "/api/v1",
    "/api/v1/openapi.json",
    "/api/v1/scans",
    "/api/v1/scans/1",
    "/api/v1/scans/1/timeline",
    "/api/v1/stats",
    "/api/v1/stats/hours",
    "/api/v1/targets",
    "/api/v1/libraries",
    "/api/v1/suggestions",
    "/api/v1/triggers",
    "/api/v1/config",
    "/api/v1/log?limit=500",
    "/api/v1/log?level=debug&q=pl4nted",
    "/health",
    "/health/detailed",
    "/ready",
    "/metrics",
];

const COMMANDS: [&[&str]; 9] = [
    &["check"],
    &["check", "--json"],
    &["config", "--redacted"],
    &["explain", "/tv/Show/1.mkv", "--trigger", "sonarr"],
    &["libraries", "--json"],
    &["scan", "/tv/By hand"],
    &["queue", "list"],
    &["queue", "show", "1", "--json"],
    &["queue", "retry", "1"],
];

/// What came out of the program, each with where it came out.
#[derive(Default)]
struct Out(Vec<(String, String)>);

impl Out {
    fn add(&mut self, of: impl Into<String>, text: impl Into<String>) {
        self.0.push((of.into(), text.into()));
    }

    fn assert_clean(&self) {
        for (of, text) in &self.0 {
            assert_none_of(&PLANTED, text, of);
            assert!(!text.contains(STRANGE), "{STRANGE} stands in {of}:\n{text}");
        }
    }
}

/// Listens to what is told live, in the background.
fn listen(program: &Program) -> Arc<Mutex<Vec<u8>>> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let mut stream = program.connect().unwrap();
    let request = "GET /api/v1/live?log=1 HTTP/1.1\r\nHost: autoscan\r\nX-Api-Key: pl4nted-FromFile\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let kept = Arc::clone(&heard);
    thread::spawn(move || {
        let mut room = [0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut room) {
            kept.lock().unwrap().extend_from_slice(&room[..read]);
        }
    });
    heard
}

/// Sends as senders do that keep their secret in every place where one can stand, right and wrong.
fn send(program: &Program, out: &mut Out) {
    for (path, header) in [
        ("/triggers/sonarr", "X-Api-Key: pl4nted-FromFile"),
        ("/triggers/sonarr", "Authorization: Bearer pl4nted-FromFile"),
        ("/triggers/sonarr/pl4nted-TriggerToken%2F1%2B2", "Accept: */*"),
        ("/triggers/sonarr?token=pl4nted-TriggerToken%2F1%2B2", "Accept: */*"),
        ("/pl4nted-ServerPass", "Accept: */*"),
        ("/api/pl4nted-ServerPass", "Accept: */*"),
        ("/triggers/sonarr/pl4nted-ServerPass", "Authorization: Bearer pl4nted-Plex"),
        ("/pl4nted-ServerPass/pl4nted-Emby", "Referer: http://x/?token=pl4nted-Emby"),
        ("/triggers/pl4nted-Emby", "X-Api-Key: pl4nted-Jellyfin"),
    ] {
        for body in
            [episode("/tv/Show", "1.mkv"), "{ pl4nted".to_owned(), "{\"eventType\":\"Strange\"}".to_owned()]
        {
            let answer = program.request("POST", path, &[header], body.as_bytes());
            out.add(format!("POST {path}"), format!("{answer:?}"));
        }
    }
}

fn look_at_all(person: &Person, program: &Program, out: &mut Out) {
    for path in LOOKED_AT {
        let page = person.look(path);
        assert!(!page.is_empty(), "{path}");
        out.add(path, page);
    }
    for target in ["plex", "jellyfin", "emby", "kodi", "mpd", "hook", "tdarr", "fileflows", "other"] {
        let key = "X-Api-Key: pl4nted-FromFile";
        let answer = program.request("POST", &format!("/api/v1/targets/{target}/test"), &[key], b"");
        out.add(format!("test of {target}"), format!("{answer:?}"));
        out.add(
            format!("test of {target} on the page"),
            person.send(&format!("/targets/{target}/test"), &[]).0,
        );
    }
    let explained = "{\"path\":\"/tv/Show/1.mkv\",\"trigger\":\"sonarr\"}";
    let answer =
        program.request("POST", "/api/v1/explain", &["X-Api-Key: pl4nted-FromFile"], explained.as_bytes());
    out.add("explain", format!("{answer:?}"));
    out.add("suggestions", person.send("/targets/suggest", &[]).0);
    out.add("retry", person.send("/scans/1/retry", &[("back", "/scans")]).0);
}

/// Adds a server at the page, as far as the difference that would be written.
fn set_up(person: &Person, url: &str, out: &mut Out) {
    person.send("/setup/kind", &[("kind", "plex")]);
    person.send("/setup/address", &[("url", url), ("name", "new")]);
    let (page, at) = person.send("/setup/key", &[("key", "pl4nted-SetupKey")]);
    out.add("a key that is refused", page);
    assert_eq!(at, "/setup");
    let (page, _) = person.send("/setup/key", &[("key", "plex-token")]);
    assert!(page.contains("/data/movies"), "{page}");
    let (page, at) =
        person.send("/setup/folders", &[("here", "/data/tv"), ("here", "/data/movies"), ("insist", "1")]);
    assert!(page.contains("Write and reload"), "{page}");
    out.add("the difference", page.clone());
    out.add("what was written", person.send(&at, &[("basis", &hidden(&page, "basis"))]).0);
}

fn commands(serve: impl Fn(&[&str]) -> std::process::Command, when: &str, out: &mut Out) {
    for command in COMMANDS {
        let ended = crate::harness::Ended::of(serve(command));
        out.add(format!("{command:?} {when}"), format!("{}{}", ended.out, ended.err));
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a walk through everything, step by step")]
fn nothing_that_comes_out_of_the_whole_program_holds_a_secret() {
    let home = Home::bare();
    let (broken, strange) =
        (talkative("500 Broken", &PLANTED[..AT_FIRST]), talkative("404 Not Here", &PLANTED[..AT_FIRST]));
    let text = config(home.port, &broken, &strange, talkative_mpd());
    home.write("config.yml", &text);
    home.write("key", "pl4nted-FromFile\n");
    let key_file = home.path("key");
    let command = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        command.env("AUTOSCAN__AUTHENTICATION__API_KEY_FILE", &key_file);
        command.env("JELLYFIN_API_KEY", "pl4nted-EnvironmentKey");
        command
    };
    let mut out = Out::default();
    let ended = crate::harness::Ended::of(command(&["config", "--redacted"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    commands(command, "without a server", &mut out);

    let program = home.serve_by(command(&["serve"]));
    let heard = listen(&program);
    send(&program, &mut out);
    program.until("servers failed", || {
        let targets = program.request("GET", "/api/v1/targets", &["X-Api-Key: pl4nted-FromFile"], b"").body;
        targets.matches("\"away\"").count() >= 4
    });
    let person = Person::log_in(&program, "pl4nted-Password&1");
    look_at_all(&person, &program, &mut out);
    commands(command, "beside the server", &mut out);
    for (name, password) in [("autoscan", "pl4nted-Emby"), ("pl4nted-Emby", "pl4nted-Password&1")] {
        let page = program.request("GET", "/login", &[], b"");
        let form = format!("csrf={}&username={name}&password={password}", hidden(&page.body, "csrf"));
        let answer = program.request("POST", "/login?next=/pl4nted", &[], form.as_bytes());
        out.add("a wrong login", answer.body);
    }

    // A config that cannot be, one with other secrets, and one that the page writes.
    home.write("config.yml", &format!("{text}authentication2: {{ password: pl4nted-BrokenConfig }}\n"));
    program.signal("HUP");
    let (status, page) = person.fail("/config/reload", &[]);
    assert_eq!(status, 422, "{page}");
    out.add("a broken reload", page);
    let answer = program.request("POST", "/api/v1/config/reload", &["X-Api-Key: pl4nted-FromFile"], b"");
    assert_eq!(answer.status, 422, "{answer:?}");
    out.add("a broken reload by the API", format!("{answer:?}"));
    home.write(
        "config.yml",
        &text
            .replace("authentication:\n", "authentication:\n  webhook-secret: pl4nted-WebhookSecret\n")
            .replace("pl4nted-Plex\"Token", "pl4nted-NewPlex"),
    );
    program.signal("HUP");
    program.until("the config was read again", || program.printed().contains("The config was read again"));
    send(&program, &mut out);
    let plex = servers::plex();
    set_up(&person, &plex.http.url(), &mut out);
    look_at_all(&person, &program, &mut out);

    program.kill();
    out.add("the first run", program.printed());
    let program = home.serve_by(command(&["serve"]));
    let person_again = Person::log_in(&program, "pl4nted-Password&1");
    send(&program, &mut out);
    look_at_all(&person_again, &program, &mut out);
    thread::sleep(Duration::from_millis(500));
    program.stop();
    program.until("the log is whole", || program.printed().contains("stopped; what waits is stored"));
    out.add("the second run", program.printed());

    for page in person.saw.take().into_iter().chain(person_again.saw.take()) {
        out.add("a page", page);
    }
    let heard = String::from_utf8_lossy(&heard.lock().unwrap()).into_owned();
    assert!(heard.contains("event: log") && heard.contains("event: target"), "{heard}");
    out.add("live", heard);
    for file in ["autoscan.db", "autoscan.db-wal"] {
        let kept = fs::read(home.path(file)).unwrap_or_default();
        out.add(file, String::from_utf8_lossy(&kept).into_owned());
    }
    assert!(out.0.len() > 200, "only {} things came out", out.0.len());
    out.assert_clean();
}
