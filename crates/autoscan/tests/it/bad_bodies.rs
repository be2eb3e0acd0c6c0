//! Bodies and credentials as nobody should send them: the right answer to each, nothing lost beside it, and nobody held up.

use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use autoscan_core::ports::Store;
use autoscan_store::{Options, SqliteStore};
use autoscan_testkit::FakeClock;
use serde_json::{Value, json};

use crate::harness::{Answer, Home, Program, base64, episode, login, read_answer};
use crate::servers::block_on;

const KEY: &str = "X-Api-Key: key-of-the-house";

/// A server whose scans wait, with every way in.
fn setup() -> Home {
    let home = Home::bare();
    home.write(
        "config.yml",
        &format!(
            "host: 127.0.0.1\nport: {}\nminimum-age: 1h\nauthentication:\n  password: correct-horse\n  api-key: \
             key-of-the-house\n  server-pass: single\ntriggers:\n  sonarr: [{{ name: sonarr, token: key-of-sonarr }}]\n  \
             radarr: [{{ name: radarr, token: key-of-radarr }}]\n",
            home.port
        ),
    );
    home
}

fn post(program: &Program, path: &str, body: &[u8]) -> Answer {
    program.request("POST", path, &[KEY], body)
}

fn paths(program: &Program) -> Vec<String> {
    let mut paths: Vec<String> = program
        .scans()
        .iter()
        .flat_map(|scan| scan["changes"].as_array().unwrap())
        .map(|change| change["path"].as_str().unwrap().to_owned())
        .collect();
    paths.sort();
    paths
}

/// Whether the answer is an error of this status and code, with a sentence.
fn is_problem(answer: &Answer, status: u16, code: &str) -> bool {
    let told = answer.json();
    answer.status == status
        && told["code"] == code
        && told["error"].as_str().is_some_and(|error| error.len() > 10)
}

/// Whether the answer is a success; answers its sentence.
fn message(answer: &Answer) -> String {
    assert_eq!((answer.status, answer.json()["status"].as_str()), (200, Some("success")), "{answer:?}");
    answer.json()["message"].as_str().unwrap().to_owned()
}

#[test]
fn what_is_no_webhook_is_a_400_and_changes_nothing() {
    let home = setup();
    let program = home.serve();
    let whole = episode("/tv/Show", "S01E01.mkv");
    let truncated = &whole.as_bytes()[..whole.len() / 2];
    let deep = "[".repeat(10_000);
    let latin1 = b"{\"eventType\":\"Download\",\"series\":{\"path\":\"/tv/\xff\"},\"episodeFile\":{\"path\":\"/tv/\xff/a.mkv\"}}";
    let utf16: Vec<u8> = whole.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (name, body) in [
        ("empty", b"".as_slice()),
        ("spaces", b" \r\n "),
        ("truncated", truncated),
        ("no JSON", b"eventType is Download"),
        ("a list", b"[]"),
        ("text", b"\"Download\""),
        ("null", b"null"),
        ("a number", b"1e999"),
        ("no event", b"{}"),
        ("deep", deep.as_bytes()),
        ("not UTF-8", latin1),
        ("UTF-16", &utf16),
        ("NUL", &[0; 100]),
        ("twice", b"{\"eventType\":\"Test\"}{\"eventType\":\"Test\"}"),
    ] {
        for path in ["/triggers/sonarr", "/single"] {
            let answer = post(&program, path, body);
            assert_eq!(answer.status, 400, "{name} to {path}: {answer:?}");
            let error = answer.json()["error"].as_str().unwrap().to_owned();
            assert!(!error.chars().any(char::is_control) && error.len() < 700, "{name}: {error:?}");
        }
    }
    assert!(is_problem(&post(&program, "/triggers/sonarr", truncated), 400, "BAD_REQUEST"));
    assert_eq!(program.scans(), Vec::<Value>::new());
    assert_eq!(
        message(&post(&program, "/triggers/sonarr", whole.as_bytes())),
        "1 change in 1 folder is stored"
    );
}

#[test]
fn odd_json_that_still_says_what_happened_is_read() {
    let home = setup();
    let program = home.serve();
    let nested = |what: &str| {
        format!("{{\"eventType\":\"{what}\",\"x\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000))
    };
    for (body, said) in [
        (nested("Test"), "the event Test changes no path"),
        (nested("Grab"), "the event Grab changes no path"),
        (
            "{\"eventType\":\"FromTheFuture\",\"series\":null}".to_owned(),
            "the event FromTheFuture changes no path",
        ),
        ("\u{feff}{\"eventType\":\"Test\"}".to_owned(), "the event Test changes no path"),
        ("{\"eventType\":\"Test\",\"eventType\":\"Test\"}".to_owned(), "the event Test changes no path"),
    ] {
        for path in ["/triggers/sonarr", "/single"] {
            assert_eq!(message(&post(&program, path, body.as_bytes())), said, "{path}");
        }
    }
    assert_eq!(program.scans(), Vec::<Value>::new(), "none of these changes a path");

    let twice = r#"{"eventType":"Grab","eventType":"Download","series":{"path":"/a"},"series":{"path":"/tv/Show"},
        "episodeFile":{"path":"/tv/Show/1.mkv"},"episodeFile":{"path":"/tv/Show/2.mkv"}}"#;
    post(&program, "/triggers/sonarr", twice.as_bytes());
    assert_eq!(paths(&program), ["/tv/Show/2.mkv"], "of keys that are there twice the last one counts");
}

#[test]
fn a_season_of_150_files_in_one_body_is_one_scan() {
    let home = setup();
    let program = home.serve();
    let files: Vec<Value> =
        (0..150).map(|number| json!({ "path": format!("/tv/Show/Season 01/{number:03}.mkv") })).collect();
    let body = json!({ "eventType": "Download", "series": { "path": "/tv/Show" }, "episodeFiles": files });
    for method in ["POST", "PUT"] {
        let answer = program.request(method, "/triggers/sonarr", &[KEY], body.to_string().as_bytes());
        assert_eq!(message(&answer), "150 changes in 1 folder are stored", "{method}");
    }
    assert_eq!(program.scans().len(), 1);
    assert_eq!(paths(&program).len(), 150, "what is said twice is kept once");
}

#[test]
fn a_body_of_5_mib_is_refused_in_a_way_that_its_sender_sees() {
    let home = setup();
    let program = home.serve();
    let huge = vec![b' '; 5 << 20];
    for path in ["/triggers/sonarr", "/triggers/manual", "/single", "/api/v1/scans", "/scan"] {
        let answer = post(&program, path, &huge);
        assert!(is_problem(&answer, 413, "TOO_LARGE"), "{path}: {answer:?}");
    }
    let chunked = [KEY, "Transfer-Encoding: chunked"];
    let mut stream = program.connect().unwrap();
    let head = format!(
        "POST /triggers/sonarr HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{}\r\n\r\n",
        chunked.join("\r\n")
    );
    stream.write_all(head.as_bytes()).unwrap();
    for _ in 0..5 {
        stream.write_all(b"100000\r\n").unwrap();
        stream.write_all(&huge[..1 << 20]).unwrap();
        stream.write_all(b"\r\n").unwrap();
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    assert!(is_problem(&read_answer(&mut stream).unwrap(), 413, "TOO_LARGE"));
    assert_eq!(post(&program, "/triggers/sonarr", episode("/tv/Show", "1.mkv").as_bytes()).status, 200);
}

#[test]
fn a_body_that_comes_a_byte_a_second_is_cut_off_and_holds_nobody_up() {
    let home = setup();
    let program = home.serve();
    let (done, stop) = mpsc::channel::<()>();
    let mut stream = program.connect().unwrap();
    let head = format!("POST /triggers/sonarr HTTP/1.1\r\nHost: x\r\n{KEY}\r\nContent-Length: 1000\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut writer = stream.try_clone().unwrap();
    let dripping = thread::spawn(move || {
        while stop.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
            if writer.write_all(b"{").is_err() {
                break;
            }
        }
    });
    for number in 0..50 {
        program.sonarr(&episode("/tv/Show", &format!("{number}.mkv")));
    }
    assert!(!dripping.is_finished(), "it still drips while the others are served");
    let answer = read_answer(&mut stream).unwrap();
    assert!(is_problem(&answer, 408, "TOO_SLOW"), "{answer:?}");
    drop(done);
    dripping.join().unwrap();
    assert_eq!(paths(&program).len(), 50);
}

/// Paths that nobody may believe, as JSON text.
const EVIL: [&str; 7] = [
    "/tv/Show/../../etc/passwd",
    "/tv/Show/a\0.mkv",
    "/tv/Show/\u{1b}[31mred\u{7}.mkv",
    "/tv/Show/a\nWARN forged line.mkv",
    "tv/Show/a.mkv",
    "..",
    "C:..\\Windows\\a.mkv",
];

#[test]
fn a_path_that_nobody_may_believe_is_refused_to_an_arr_with_a_200_and_kept_on_record() {
    let home = setup();
    let program = home.serve();
    let mut expected = 0;
    for evil in EVIL {
        let body = json!({
            "eventType": "Download",
            "series": { "path": "/tv/Show" },
            "episodeFiles": [{ "path": evil }, { "path": "/tv/Show/good.mkv" }],
        });
        for path in ["/triggers/sonarr", "/single"] {
            let told = message(&post(&program, path, body.to_string().as_bytes()));
            assert!(
                told.starts_with("1 change in 1 folder is stored; refused: the path "),
                "{evil:?}: {told:?}"
            );
            assert!(!told.chars().any(char::is_control), "{told:?}");
            expected += 1;
        }
        let alone = json!({ "eventType": "Download", "series": { "path": "/tv/Show" }, "episodeFile": { "path": evil } });
        let told = message(&post(&program, "/triggers/sonarr", alone.to_string().as_bytes()));
        assert!(told.starts_with("nothing is stored; refused: "), "{told:?}");
        expected += 1;
    }
    assert_eq!(paths(&program), ["/tv/Show/good.mkv"]);

    program.until("every refusal is logged, and one that comes again is counted", || {
        program.printed().matches("a path is refused").count() == EVIL.len()
    });
    for line in program.printed().lines() {
        assert!(!line.chars().any(char::is_control), "unescaped: {line:?}");
        assert!(!line.starts_with("WARN forged"), "{line:?}");
    }
    program.kill();
    let records = block_on(async {
        let store =
            SqliteStore::open(&home.path("autoscan.db"), Options::default(), Arc::new(FakeClock::new()))
                .unwrap();
        store.refusals(100).await.unwrap()
    });
    assert_eq!(records.len(), expected, "the record survives a power cut");
    assert!(records.iter().all(|record| record.trigger.as_str() == "sonarr"));
    let traversal = r#"the path "/tv/Show/../../etc/passwd" climbs with '..'"#;
    assert_eq!(records.iter().filter(|record| record.reason == traversal).count(), 3, "{records:?}");
}

#[test]
fn a_path_that_nobody_may_believe_is_a_422_to_a_person_or_script() {
    let home = setup();
    let program = home.serve();
    let encoded = |path: &str| url::form_urlencoded::byte_serialize(path.as_bytes()).collect::<String>();
    for evil in EVIL {
        let query = format!("/triggers/manual?path={}", encoded(evil));
        let folder = format!("/triggers/manual?dir={}", encoded(evil));
        let form = format!("eventType=Manual&filepath={}", encoded(evil));
        let wish = json!({ "paths": ["/tv/good", evil] }).to_string();
        let question = json!({ "path": evil }).to_string();
        for (path, body) in [
            (query.as_str(), ""),
            (&folder, ""),
            ("/triggers/manual", &form),
            ("/single", &form),
            ("/api/v1/scans", &wish),
            ("/scan", &wish),
            ("/api/v1/explain", &question),
        ] {
            let answer = post(&program, path, body.as_bytes());
            assert!(is_problem(&answer, 422, "PATH_REFUSED"), "{evil:?} to {path}: {answer:?}");
            let error = answer.json()["error"].as_str().unwrap().to_owned();
            assert!(!error.chars().any(char::is_control), "{error:?}");
        }
    }
    assert_eq!(program.scans(), Vec::<Value>::new(), "not even the good path beside it is stored");
    assert!(!program.printed().contains(['\u{1b}', '\0', '\u{7}']), "{:?}", program.printed());
}

#[test]
fn every_way_to_show_a_credential_opens_and_a_wrong_one_does_not() {
    let home = Home::new("triggers: { sonarr: [{ token: 'tök en/1' }], radarr: [{ token: other }] }\n");
    let config = std::fs::read_to_string(home.path("config.yml")).unwrap();
    home.write(
        "config.yml",
        &config.replace("password: correct-horse", "password: 'pässwörd: 1', api-key: house-key"),
    );
    let program = home.serve();
    let utf8 = base64("autoscan:pässwörd: 1".as_bytes());
    let latin1 = base64(b"autoscan:p\xe4ssw\xf6rd: 1");
    let wrong = base64(b"autoscan:passwort: 1");
    let ways = [
        ("/triggers/sonarr", format!("Authorization: Basic {utf8}"), 200),
        ("/triggers/sonarr", format!("Authorization: Basic {latin1}"), 200),
        ("/triggers/sonarr", format!("authorization: basic {}", latin1.trim_end_matches('=')), 200),
        ("/triggers/sonarr", "X-Api-Key: house-key".to_owned(), 200),
        ("/triggers/sonarr", "Authorization: Bearer house-key".to_owned(), 200),
        ("/triggers/sonarr?apikey=house-key", "Accept: */*".to_owned(), 200),
        ("/triggers/sonarr?token=t%C3%B6k+en%2F1", "Accept: */*".to_owned(), 200),
        ("/triggers/sonarr/t%C3%B6k%20en%2F1", "Accept: */*".to_owned(), 200),
        ("/triggers/sonarr", "X-Api-Key: t\u{f6}k en/1".to_owned(), 200),
        ("/triggers/sonarr", "Accept: */*".to_owned(), 401),
        ("/triggers/sonarr", format!("Authorization: Basic {wrong}"), 401),
        ("/triggers/sonarr", "Authorization: Basic !!!".to_owned(), 401),
        ("/triggers/sonarr", "Authorization: Digest house-key".to_owned(), 401),
        ("/triggers/sonarr", "Authorization: Bearer other".to_owned(), 401),
        ("/triggers/sonarr?token=other", "Accept: */*".to_owned(), 401),
        ("/triggers/sonarr?token=", "Accept: */*".to_owned(), 401),
        ("/triggers/sonarr/other", "Accept: */*".to_owned(), 401),
        ("/triggers/nobody", "Accept: */*".to_owned(), 401),
        ("/triggers/nobody", "X-Api-Key: house-key".to_owned(), 404),
        ("/api/v1/stats?token=t%C3%B6k+en%2F1", "Accept: */*".to_owned(), 401),
    ];
    for (path, header, status) in ways {
        let method = if path.starts_with("/api") { "GET" } else { "POST" };
        let answer = program.request(method, path, &[&header], b"{\"eventType\":\"Test\"}");
        assert_eq!(answer.status, status, "{path} {header}: {answer:?}");
        if status == 401 {
            assert!(is_problem(&answer, 401, "UNAUTHORIZED"), "{answer:?}");
        }
    }
}

#[test]
fn wrong_passwords_are_slowed_down_and_ones_that_were_right_before_never() {
    let home = setup();
    let program = home.serve();
    for header in [KEY.to_owned(), login()] {
        assert_eq!(program.request("POST", "/triggers/sonarr", &[&header], b"{}").status, 400);
    }
    let statuses: Vec<u16> = (0..30)
        .map(|_| program.request("POST", "/triggers/sonarr", &["X-Api-Key: guess"], b"{}").status)
        .collect();
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429)), "{statuses:?}");
    assert_eq!((statuses[0], statuses[29]), (401, 429), "guessing is made slow");
    let guess = program.request("POST", "/triggers/sonarr", &["X-Api-Key: guess"], b"{}");
    assert!(is_problem(&guess, 429, "TOO_MANY_FAILURES"), "{guess:?}");
    for number in 0..300 {
        let header = if number % 2 == 0 { KEY.to_owned() } else { login() };
        let body = episode(&format!("/tv/Show {number}"), "1.mkv");
        let answer = program.request("POST", "/triggers/sonarr", &[&header], body.as_bytes());
        assert_eq!(answer.status, 200, "{number}: {answer:?}");
    }
    assert_eq!(program.scans().len(), 300);
}
