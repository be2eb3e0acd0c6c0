//! Every kind has fixtures: bodies (`.json`, `.form`) or queries (`.query`) as its sender writes them, and beside each
//! an `.expected` with the event's name, one line for every change and refusal, and the ids that every change has.

#![expect(clippy::panic, reason = "a test that cannot go on stops there")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use autoscan_core::change::{Change, ChangeKind, Subject};
use autoscan_core::path::TriggerPath;
use autoscan_core::ports::{Hook, Reading, Trigger};
use autoscan_triggers::{kinds, recognise};

fn reader(kind: &str) -> Arc<dyn Trigger> {
    let kind = kinds().iter().find(|known| known.name == kind).unwrap();
    (kind.open)(&serde_json::json!({ "name": "any" })).unwrap()
}

/// The requests of a kind: each with the file of what it should say.
fn fixtures(kind: &str) -> Vec<(PathBuf, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(kind);
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let requests = files.filter(|file| file.extension().is_some_and(|extension| extension != "expected"));
    requests.map(|file| (file.clone(), file.with_extension("expected"))).collect()
}

/// The query and body that a file stands for.
fn request(file: &Path) -> (Vec<(String, String)>, Vec<u8>) {
    let bytes = fs::read(file).unwrap();
    if file.extension().is_none_or(|extension| extension != "query") {
        return (Vec::new(), bytes);
    }
    let text = String::from_utf8(bytes).unwrap();
    let decode = |part: &str| {
        percent_encoding::percent_decode_str(&part.replace('+', " ")).decode_utf8().unwrap().into_owned()
    };
    let pairs = text.split('&').map(|pair| pair.split_once('=').unwrap());
    (pairs.map(|(name, value)| (decode(name), decode(value))).collect(), Vec::new())
}

fn line(change: &Change<TriggerPath>) -> String {
    let word = match (change.kind, change.subject, change.awaited) {
        (ChangeKind::Created, Subject::File, true) => "created",
        (ChangeKind::Modified, Subject::File, true) => "modified",
        (ChangeKind::Modified, Subject::File, false) => "replaced",
        (ChangeKind::Moved, Subject::File, true) => "moved",
        (ChangeKind::Deleted, Subject::File, false) => "deleted",
        (ChangeKind::Deleted, Subject::Folder, false) => "deleted-folder",
        (ChangeKind::Rescan, Subject::Folder, false) => "rescan",
        other => panic!("{other:?} is no change of a sender"),
    };
    match &change.from {
        Some(from) => format!("{word} {from} => {}", change.path),
        None => format!("{word} {}", change.path),
    }
}

fn lines(reading: &Reading) -> String {
    let mut lines = format!("event {}\n", reading.event);
    for change in &reading.changes {
        writeln!(lines, "{}", line(change)).unwrap();
    }
    for path in &reading.missing {
        writeln!(lines, "look again {path}").unwrap();
    }
    for refusal in &reading.refused {
        writeln!(lines, "refused {}", refusal.reason).unwrap();
    }
    let ids: BTreeSet<_> = reading.changes.iter().map(|change| change.ids.to_string()).collect();
    for ids in ids.into_iter().filter(|ids| !ids.is_empty()) {
        writeln!(lines, "ids {ids}").unwrap();
    }
    lines
}

#[test]
fn every_fixture_says_what_is_expected_of_it() {
    let mut faults = String::new();
    for kind in kinds() {
        let fixtures = fixtures(kind.name);
        assert!(!fixtures.is_empty(), "{} has no fixtures", kind.name);
        for (file, expected) in fixtures {
            let (query, body) = request(&file);
            let hook = Hook { query: &query, content_type: None, body: &body };
            let said =
                reader(kind.name).read(&hook).map_or_else(|error| error.to_string(), |said| lines(&said));
            let expected = fs::read_to_string(&expected).unwrap_or_default();
            if said != expected {
                writeln!(faults, "{}\nexpected:\n{expected}said:\n{said}", file.display()).unwrap();
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn every_fixture_is_recognised_at_the_url_that_all_share() {
    for kind in kinds().iter().filter(|kind| kind.takes_requests) {
        for (file, _) in fixtures(kind.name) {
            let (query, body) = request(&file);
            let hook = Hook { query: &query, content_type: None, body: &body };
            assert_eq!(recognise(&hook), Some(kind.name), "{}", file.display());
        }
    }
}

#[test]
fn no_expectation_is_without_its_request() {
    for kind in kinds() {
        let count = fixtures(kind.name).len();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(kind.name);
        assert_eq!(fs::read_dir(folder).unwrap().count(), 2 * count, "{}", kind.name);
    }
}
