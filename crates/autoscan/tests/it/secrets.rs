//! No secret of a config leaves: not in what a command prints, not in an answer, not in the log.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use autoscan_testkit::PretendPlex;

use crate::harness::{Ended, Home, base64, episode};
use crate::servers::block_on;

/// Every secret of the config below, and none of the words that it has beside them.
const SECRETS: [&str; 13] = [
    "S3cret-of-Password",
    "S3cret-of-ApiKey",
    "S3cret-of-ServerPass",
    "S3cret-of-SecretKey",
    "S3cret-of-Fallback",
    "S3cret-of-Token/1+2",
    "S3cret-of-Sonarr",
    "S3cret-of-Plex&Co",
    "S3cret-of-Plex2",
    "S3cret-of-Url",
    "S3cret-of-Jellyfin",
    "S3cret-of-Emby",
    "S3cret-of-Environment",
];

fn full_of_secrets(port: u16, plex: &str) -> String {
    format!(
        "host: 127.0.0.1\nport: {port}\nminimum-age: 0s\nfiles: {{ check: false }}\nlog: {{ level: trace }}\n\
         authentication:\n  password: S3cret-of-Password\n  api-key: S3cret-of-ApiKey\n  \
         server-pass: S3cret-of-ServerPass\n  secret-key: S3cret-of-SecretKey\n  \
         secret-key-fallbacks: [S3cret-of-Fallback]\n\
         triggers:\n  sonarr:\n    - token: S3cret-of-Token/1+2\n      \
         api: {{ url: '{plex}', api-key: S3cret-of-Sonarr }}\n\
         targets:\n  plex:\n    - {{ name: good, url: '{plex}', token: 'S3cret-of-Plex&Co' }}\n    \
         - {{ name: wrong, url: '{}', token: S3cret-of-Plex2 }}\n  \
         jellyfin: [{{ url: '{plex}', api-key: S3cret-of-Jellyfin }}]\n  \
         emby: [{{ url: 'http://127.0.0.1:9', token: S3cret-of-Emby }}]\n",
        plex.replace("://", "://user:S3cret-of-Url@"),
    )
}

/// A server that fails at everything, and says in its answer all that it was sent and all that it knows.
pub(crate) fn talkative(status: &'static str, known: &'static [&'static str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            thread::spawn(move || talk(stream, status, known));
        }
    });
    url
}

fn talk(mut stream: TcpStream, status: &str, known: &[&str]) {
    let mut request = vec![0; 8192];
    let read = stream.read(&mut request).unwrap_or_default();
    let request = String::from_utf8_lossy(&request[..read]);
    let body = format!(
        "{{\"apiKey\":\"S3cret-of-Nobody\",\"url\":\"http://a:S3cret-of-Nobody@x/?X-Plex-Token=S3cret-of-Nobody\"}} {} {request}",
        known.join(" ")
    );
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let _gone = stream.write_all(format!("{head}{body}").as_bytes());
}

#[test]
fn no_secret_that_a_server_repeats_is_kept_or_shown() {
    let home = Home::bare();
    let (broken, strange) = (talkative("500 Broken", &SECRETS), talkative("404 Not Here", &SECRETS));
    let config = full_of_secrets(home.port, &broken);
    let more = format!(
        "  audiobookshelf: [{{ url: '{strange}', api-key: S3cret-of-Plex2 }}]\n  \
         webhook: [{{ name: hook, url: '{strange}/?token=S3cret-of-Url', body: '{{}}' }}]\n  \
         radarr: [{{ url: '{strange}', api-key: S3cret-of-Emby }}]\n"
    );
    home.write("config.yml", &format!("{config}{more}"));
    let program = home.serve();
    let key = "X-Api-Key: S3cret-of-ApiKey";
    program.request("POST", "/triggers/sonarr", &[key], episode("/tv/Show", "1.mkv").as_bytes());
    for target in ["good", "wrong", "jellyfin", "emby", "audiobookshelf", "hook", "radarr"] {
        let answer = program.request("POST", &format!("/api/v1/targets/{target}/test"), &[key], b"");
        assert_no_secret(&answer.body, target);
        assert!(!answer.body.contains("S3cret-of-Nobody"), "{}", answer.body);
    }
    program.until("every server was told", || {
        let targets = program.request("GET", "/api/v1/targets", &[key], b"").body;
        targets.matches("\"away\"").count() >= 4
    });
    for path in [
        "/api/v1/scans",
        "/api/v1/targets",
        "/api/v1/log",
        "/api/v1/log?level=debug",
        "/api/v1/libraries",
        "/metrics",
    ] {
        let answer = program.request("GET", path, &[key], b"");
        assert_eq!(answer.status, 200, "{path}");
        assert_no_secret(&answer.body, path);
        assert!(!answer.body.contains("S3cret-of-Nobody"), "{path}: {}", answer.body);
    }
    program.stop();
    program.until("the log is whole", || program.printed().contains("stopped; what waits is stored"));
    assert_no_secret(&program.printed(), "the server");
    for file in ["autoscan.db", "autoscan.db-wal"] {
        let kept = std::fs::read(home.path(file)).unwrap_or_default();
        assert_no_secret(&String::from_utf8_lossy(&kept), file);
    }
}

fn assert_no_secret(text: &str, of: &str) {
    assert_none_of(&SECRETS, text, of);
}

/// No secret stands in the text, in none of the ways in which one is written on its way.
pub(crate) fn assert_none_of(secrets: &[&str], text: &str, of: &str) {
    for secret in secrets {
        let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let basic = base64(format!("autoscan:{secret}").as_bytes());
        for spelling in [(*secret).to_owned(), encoded, base64(secret.as_bytes()), basic] {
            assert!(!text.contains(&spelling), "{spelling} stands in what {of} printed:\n{text}");
        }
    }
}

#[test]
fn no_secret_of_the_config_is_ever_printed() {
    let plex = block_on(PretendPlex::builder().token("S3cret-of-Plex&Co").start()).unwrap();
    let home = Home::bare();
    home.write("config.yml", &full_of_secrets(home.port, &plex.http.url()));
    let every: [&[&str]; 18] = [
        &["check"],
        &["check", "--json"],
        &["explain", "/tv/Show"],
        &["explain", "/tv/Show", "--json", "--trigger", "sonarr"],
        &["libraries", "--paths"],
        &["libraries", "--json"],
        &["schema"],
        &["completions", "bash"],
        &["healthcheck"],
        &["scan", "/tv/Show"],
        &["scan", "/tv/../Show", "--json"],
        &["queue", "list"],
        &["queue", "list", "--json"],
        &["queue", "show", "1"],
        &["queue", "show", "1", "--json"],
        &["queue", "retry", "1"],
        &["queue", "pause"],
        &["queue", "resume"],
    ];
    let all = |when: &str| {
        for command in every {
            let ended = home.ends(command);
            assert_no_secret(&format!("{}{}", ended.out, ended.err), &format!("{command:?} {when}"));
        }
    };
    all("without a server");
    let program = home.serve();
    for (path, header) in [
        ("/triggers/sonarr/S3cret-of-Token%2F1%2B2", "Accept: */*"),
        ("/triggers/sonarr?token=S3cret-of-Token%2F1%2B2", "Accept: */*"),
        ("/triggers/sonarr", "X-Api-Key: S3cret-of-ApiKey"),
        ("/S3cret-of-ServerPass", "Accept: */*"),
        ("/api/S3cret-of-ServerPass", "Accept: */*"),
        ("/triggers/sonarr/S3cret-of-ServerPass", "Authorization: Bearer S3cret-of-Url"),
        ("/S3cret-of-ServerPass/S3cret-of-ApiKey", "Accept: */*"),
    ] {
        let answer = program.request("POST", path, &[header], episode("/tv/Show", "1.mkv").as_bytes());
        assert_no_secret(&answer.body, path);
        program.request("POST", path, &[header], b"S3cret");
    }
    program.until("every server was asked", || {
        let scans = program.scans_with("X-Api-Key: S3cret-of-ApiKey");
        scans.iter().any(|scan| {
            let deliveries = scan["deliveries"].as_array().unwrap();
            deliveries.len() == 4 && deliveries.iter().all(|delivery| delivery["state"] != "waiting")
        })
    });
    all("beside the server");
    for path in ["/api/v1/scans", "/api/v1/targets", "/api/v1/triggers", "/health/detailed"] {
        let answer = program.request("GET", path, &["X-Api-Key: S3cret-of-ApiKey"], b"");
        assert_eq!(answer.status, 200);
        assert_no_secret(&answer.body, path);
    }
    program.stop();
    program.until("the log is whole", || program.printed().contains("stopped; what waits is stored"));
    assert_no_secret(&program.printed(), "the server");
}

#[test]
fn no_secret_is_printed_of_a_broken_config_either() {
    for broken in [
        "authentication: { pasword: S3cret-of-Password }\n",
        "authentication: { password: [S3cret-of-Password, S3cret-of-ApiKey] }\n",
        "authentication: { password: { S3cret-of-Password: 1 } }\n",
        "authentication: { password: S3cret-of-Password\nport: 1\n",
        "authentication: S3cret-of-Password\n",
        "targets: { plex: [{ url: 'S3cret-of-Url', token: S3cret-of-Plex2 }] }\n",
        "targets: { plex: [{ url: 'ftp://a:S3cret-of-Url@plex', token: S3cret-of-Plex2 }] }\n",
        "targets: { plex: [{ url: 'http://a:S3cret-of-Url@plex/?X-Plex-Token=S3cret-of-Plex2', token: x }] }\n",
        "targets: { jellyfin: [{ url: 'http://a:S3cret-of-Url@jellyfin', api-key: S3cret-of-Jellyfin }] }\n",
        "targets: { plex: [{ url: 'http://plex', token: \"S3cret-of-Plex2\\n\" }] }\n",
        "database: 'postgres://a:S3cret-of-Url@host/db'\n",
    ] {
        let home = Home::bare();
        home.write("config.yml", &format!("{broken}prot: 1\n"));
        for command in [&["check"][..], &["check", "--json"], &["serve"], &["queue", "list"]] {
            let ended = home.ends(command);
            assert_eq!(ended.code, Some(2), "{broken}: {ended:?}");
            assert_no_secret(&format!("{}{}", ended.out, ended.err), &format!("{command:?} of {broken}"));
        }
    }
    let home = Home::new("");
    let mut command = home.command(&["check"]);
    command.env("AUTOSCAN__AUTHENTICATION__S3CRET", "S3cret-of-Environment");
    command.env("AUTOSCAN__AUTHENTICATION__PASSWORD", "S3cret-of-Password");
    command.env("AUTOSCAN__AUTHENTICATION__API_KEY_FILE", "/gone/file");
    let ended = Ended::of(command);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert_no_secret(&format!("{}{}", ended.out, ended.err), "check");
}
