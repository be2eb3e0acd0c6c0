//! Databases that cannot be used: the start is refused with a sentence, and a server that runs lives on and says so.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::json;

use crate::harness::{Answer, Home, Program, episode};

/// Where SQLite keeps the version of the schema (`user_version`) and the program's own number (`application_id`), each as
/// four bytes, the highest first (SQLite's file format, "The Database Header").
const USER_VERSION: usize = 60;
const APPLICATION_ID: usize = 68;

/// Starts the server on a database that it must refuse; answers what it said.
fn refused(database: &str, prepare: impl FnOnce(&Home)) -> String {
    let home = Home::new(&format!("database: {database}\n"));
    prepare(&home);
    let ended = home.ends(&["serve"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.err.trim().lines().count(), 1, "one sentence: {ended:?}");
    assert!(ended.err.contains("the database") || ended.err.contains("the file"), "{ended:?}");
    ended.err
}

/// A database that a server made, with one scan in it.
fn database(home: &Home) -> Vec<u8> {
    let program = home.serve();
    assert_eq!(program.ask("POST", "/triggers/manual?path=/tv/Show", "").status, 200);
    program.stop();
    fs::read(home.path("autoscan.db")).unwrap()
}

#[test]
fn what_is_no_database_is_refused_and_left_as_it_is() {
    let garbage = "this is not a database ".repeat(1000);
    let said = refused("sqlite:notes.txt", |home| home.write("notes.txt", &garbage));
    assert!(said.contains("/notes.txt\" is not a database: move it away"), "{said}");

    let home = Home::new("database: notes.txt\n");
    home.write("notes.txt", &garbage);
    home.ends(&["serve"]);
    assert_eq!(fs::read_to_string(home.path("notes.txt")).unwrap(), garbage);
}

#[test]
fn a_directory_is_no_database() {
    let said = refused("sqlite:folder.db", |home| home.write("folder.db/file", ""));
    assert!(said.contains("/folder.db\" is a directory: name a file in it"), "{said}");
}

#[test]
fn a_folder_that_does_not_exist_is_named() {
    let said = refused("sqlite:gone/autoscan.db", |_| ());
    assert!(said.contains("/gone\" of the database does not exist: create it"), "{said}");
}

#[test]
fn a_read_only_file_is_refused() {
    let said = refused("old.db", |home| {
        home.write("old.db", "");
        fs::set_permissions(home.path("old.db"), fs::Permissions::from_mode(0o444)).unwrap();
    });
    assert!(said.contains("/old.db\" is read-only: make it writable"), "{said}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_read_only_folder_is_refused() {
    // Not even root can create a file here.
    let said = refused("sqlite:/proc/autoscan.db", |_| ());
    assert!(said.contains("cannot be written"), "{said}");
}

#[test]
fn a_second_server_keeps_its_hands_off_the_database_of_the_first() {
    let first = Home::new("");
    let running = first.serve();
    let database = first.path("autoscan.db");
    let second = Home::new(&format!("database: {}\n", database.display()));
    let ended = second.ends(&["serve"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("is in use by another autoscan"), "{ended:?}");
    assert_eq!(
        running.ask("POST", "/triggers/manual?path=/tv/Show", "").status,
        200,
        "the first one goes on"
    );

    running.stop();
    let running = second.serve();
    assert_eq!(running.scans().len(), 1, "and the second may have it afterwards");
}

#[test]
fn a_second_server_is_refused_by_whatever_name_it_calls_the_database() {
    let home = Home::new("");
    let program = home.serve();
    let real = home.path("autoscan.db");
    for (link, to, database) in [
        ("link.db", real.clone(), "link.db"),
        ("folder", home.path(""), "folder/autoscan.db"),
        ("twice.db", home.path("link.db"), "twice.db"),
    ] {
        std::os::unix::fs::symlink(to, home.path(link)).unwrap();
        let second = Home::new(&format!("database: '{}'\n", home.path(database).display()));
        let ended = second.ends(&["serve"]);
        assert!(
            ended.code == Some(1) && ended.err.contains("in use by another autoscan"),
            "{database}: {ended:?}"
        );
    }
    program.stop();
}

#[test]
fn a_database_from_a_newer_version_is_left_alone() {
    let home = Home::new("");
    let mut bytes = database(&home);
    let known = u32::from_be_bytes(bytes[USER_VERSION..][..4].try_into().unwrap());
    bytes[USER_VERSION..][..4].copy_from_slice(&(known + 1).to_be_bytes());
    fs::write(home.path("autoscan.db"), &bytes).unwrap();
    let ended = home.ends(&["serve"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let versions =
        format!("comes from a newer autoscan (its version is {}, this one knows {known})", known + 1);
    assert!(ended.err.contains(&versions), "{ended:?}");
    assert_eq!(fs::read(home.path("autoscan.db")).unwrap(), bytes);
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let home = Home::new("");
    let mut bytes = database(&home);
    bytes[APPLICATION_ID..][..4].fill(0);
    fs::write(home.path("autoscan.db"), &bytes).unwrap();
    let ended = home.ends(&["serve"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("belongs to another program"), "{ended:?}");
    assert_eq!(fs::read(home.path("autoscan.db")).unwrap(), bytes);
}

#[test]
fn a_postgres_server_is_refused_without_its_password() {
    let home = Home::new("database: 'postgres://user:geheim@host/db'\n");
    let ended = home.ends(&["serve"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("this version has SQLite only") && !ended.err.contains("geheim"), "{ended:?}");
}

/// Whether the answer says that the database cannot be written, and when to come again.
fn is_put_off(answer: &Answer) -> bool {
    let is_store = || answer.json()["code"] == json!("STORE");
    answer.status == 503 && is_store() && answer.head.to_lowercase().contains("retry-after: ")
}

fn import(program: &Program, number: usize) -> Answer {
    let series = format!("/tv/Show {number}");
    program.ask("POST", "/triggers/sonarr", &episode(&series, "Season 01/S01E01.mkv"))
}

/// The folders of all scans, sorted.
fn folders(program: &Program) -> Vec<String> {
    let mut folders: Vec<String> =
        program.scans().iter().map(|scan| scan["folder"].as_str().unwrap().to_owned()).collect();
    folders.sort();
    folders
}

/// The folders of these imports, sorted.
fn folders_of(imports: &BTreeSet<usize>) -> Vec<String> {
    let mut folders: Vec<String> =
        imports.iter().map(|number| format!("/tv/Show {number}/Season 01")).collect();
    folders.sort();
    folders
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_whose_disk_is_full_says_so_and_goes_on_when_there_is_room() {
    let home = Home::new("triggers: { sonarr: [{}] }\n");
    // Where files may not grow beyond a size, writing fails as on a full disk. The signal that comes with it ends
    // programs, unless it is ignored.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -S -f 400; exec \"$0\" serve", env!("CARGO_BIN_EXE_autoscan")]);
    command.current_dir(home.path("")).env_clear().env("HOME", home.path("")).env("PATH", "/usr/bin:/bin");
    let program = home.serve_by(command);

    let mut stored = 0;
    let refused = loop {
        let answer = import(&program, stored);
        if answer.status != 200 {
            break answer;
        }
        stored += 1;
        assert!(stored < 1000, "the disk is never full");
    };
    assert!(stored > 0 && is_put_off(&refused), "{stored}: {refused:?}");
    // The log of the database begins anew when it was moved into the file, which may make room for a few more.
    let mut accepted: BTreeSet<usize> = (0..stored).collect();
    let mut import_or_put_off = |number| {
        let answer = import(&program, number);
        if answer.status == 200 {
            accepted.insert(number);
        } else {
            assert!(is_put_off(&answer), "{answer:?}");
        }
    };
    import_or_put_off(stored);
    // What is left may be too little for an import and enough for the row that this writes.
    program.until("it is not ready", || is_put_off(&program.request("GET", "/ready", &[], b"")));
    assert_eq!(program.request("GET", "/health", &[], b"").status, 200);
    assert_eq!(home.ends(&["healthcheck"]).code, Some(1), "a container is told to wait");
    program.until("the log says why", || program.printed().contains("a request was not stored"));
    (0..200).for_each(|number| import_or_put_off(stored + number));
    assert!(accepted.len() < stored + 20, "{stored} and then {}", accepted.len());
    let printed = program.printed();
    let warnings = printed.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).count();
    assert!(warnings < 20, "one failure that goes on is not a line for each request:\n{printed}");

    let roomy =
        Command::new("prlimit").args(["--fsize=unlimited:", "--pid", &program.id().to_string()]).status();
    assert!(roomy.unwrap().success());
    program.until("it takes webhooks again", || import(&program, stored).status == 200);
    accepted.insert(stored);
    assert_eq!(program.request("GET", "/ready", &[], b"").status, 200);
    assert_eq!(home.ends(&["healthcheck"]).code, Some(0));

    assert_eq!(folders(&program), folders_of(&accepted), "every 200 is there, and nothing else");
    program.stop();
    let printed = program.printed();
    assert!(
        printed.contains("repeated: a request was not stored"),
        "how often is said at the end:\n{printed}"
    );
}

#[test]
fn a_server_whose_database_was_taken_away_takes_nothing_more_and_says_why() {
    for (taken, said) in
        [("autoscan.db", "was deleted or replaced"), ("autoscan.db-wal", "was deleted, replaced or cut")]
    {
        let home = Home::new("triggers: { sonarr: [{}] }\n");
        let program = home.serve();
        assert_eq!(import(&program, 1).status, 200);
        fs::rename(home.path(taken), home.path("elsewhere")).unwrap();
        assert!(is_put_off(&import(&program, 2)), "{taken}");
        assert!(is_put_off(&program.request("GET", "/ready", &[], b"")), "{taken}");
        assert!(is_put_off(&import(&program, 3)), "it stays so: {taken}");
        assert_eq!(program.request("GET", "/health", &[], b"").status, 200);
        program.until("the log says what happened and what to do", || {
            let printed = program.printed();
            printed.contains(said) && printed.contains("start autoscan again")
        });
        let told = |line: &&str| line.contains("autoscan takes nothing in any more");
        assert_eq!(program.printed().lines().filter(told).count(), 1, "{taken}: {}", program.printed());
        program.stop();
        assert!(!home.path(taken).exists(), "what has the name is not touched: {taken}");
    }
}

#[test]
fn a_webhook_waits_for_another_program_that_keeps_the_database_locked() {
    let home = Home::new("triggers: { sonarr: [{}] }\n");
    let program = home.serve();
    let other = Connection::open(home.path("autoscan.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    thread::scope(|scope| {
        let sent = scope.spawn(|| import(&program, 1));
        // Longer than SQLite waits by itself for a write that came before, and for this one.
        thread::sleep(Duration::from_secs(12));
        assert!(!sent.is_finished(), "it is neither refused nor answered 200");
        other.execute_batch("COMMIT").unwrap();
        assert_eq!(sent.join().unwrap().status, 200);
    });
    assert_eq!(folders(&program), ["/tv/Show 1/Season 01"]);
    let printed = program.printed();
    assert!(printed.contains("another program keeps the database locked; requests wait"), "{printed}");
}
