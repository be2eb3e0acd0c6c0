//! How Audiobookshelf is told, against a pretend Audiobookshelf.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use std::sync::Arc;

use autoscan_core::change::Change;
use autoscan_core::fault::Fault;
use autoscan_core::ports::Target;
use autoscan_testkit::{PretendAudiobookshelf, PretendLibrary, Trouble};
use serde_json::json;
use support::{AWKWARD, as_planned, changed, connect, new_files, path, rescan, verdict, verdicts};

async fn shelf() -> (PretendAudiobookshelf, Arc<dyn Target>) {
    let shelf = PretendAudiobookshelf::start("k3y").await.unwrap();
    shelf.add(PretendLibrary::new("b1", "Books").of("book").at("/books").at("/more books"), true);
    shelf.add(PretendLibrary::new("p1", "Podcasts").of("podcast").at("/books2"), true);
    shelf.add(PretendLibrary::new("u1", "Unwatched").of("book").at("/quiet"), false);
    let server = connect("audiobookshelf", &json!({"url": shelf.http.url(), "api-key": "k3y"}));
    (shelf, server)
}

#[tokio::test]
async fn every_file_is_reported_as_what_happened_to_it() {
    let (shelf, server) = shelf().await;
    let changes = vec![
        Change::created(path("/books/A/T/1.mp3")),
        Change::modified(path("/books/A/T/2.mp3")),
        Change::deleted(path("/books/A/T/3.mp3")),
        Change::moved(path("/books/A/Old/4.mp3"), path("/books/A/T/4.mp3")),
        Change::moved(path("/elsewhere/5.mp3"), path("/books/A/T/5.mp3")),
    ];
    assert_eq!(verdicts(&server.scan(&[changed("/books/A/T", changes)]).await), ["ok"]);
    let mut taken = shelf.taken();
    taken.sort_by_key(ToString::to_string);
    let report = |kind: &str, name: &str| json!({"libraryId": "b1", "path": format!("/books/A/T/{name}.mp3"), "type": kind});
    let mut expected = vec![
        report("add", "1"),
        report("add", "2"),
        report("unlink", "3"),
        json!({"libraryId": "b1", "path": "/books/A/T/4.mp3", "type": "rename", "oldPath": "/books/A/Old/4.mp3"}),
        report("add", "5"),
    ];
    expected.sort_by_key(ToString::to_string);
    assert_eq!(taken, expected);
    assert!(shelf.scans().is_empty());
}

#[tokio::test]
async fn libraries_are_told_apart_by_whole_names() {
    let (shelf, server) = shelf().await;
    let batch =
        [new_files("/books2/Show", &["1.mp3"]), new_files("/more books/A", &["1.m4b"]), rescan("/book")];
    assert_eq!(verdicts(&server.scan(&batch).await), ["ok", "ok", "not mine"]);
    let told: Vec<_> = shelf.taken().iter().map(|report| report["libraryId"].clone()).collect();
    assert_eq!(told, ["p1", "b1"]);
}

#[tokio::test]
async fn where_reports_of_files_would_be_dropped_the_library_is_looked_at_once_a_batch() {
    let (shelf, server) = shelf().await;
    let names: Vec<String> = (0..300).map(|at| format!("{at}.mp3")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let batch = [
        new_files("/quiet/A", &["1.mp3"]),
        new_files("/quiet/B", &["1.mp3"]),
        rescan("/books2/Show"),
        changed("/books", vec![Change::folder_deleted(path("/books/A"))]),
        new_files("/books/B", &names),
    ];
    assert_eq!(verdicts(&server.scan(&batch).await), ["ok"; 5]);
    assert_eq!(shelf.scans(), ["u1", "p1", "b1"]);
    assert!(shelf.taken().is_empty());
    let advice = server.advice().unwrap().advise().await.unwrap();
    assert!(advice.len() == 1 && advice[0].contains("\"Unwatched\""), "{advice:?}");
}

#[tokio::test]
async fn a_name_arrives_byte_for_byte() {
    let (shelf, server) = shelf().await;
    for name in AWKWARD {
        let folder = format!("/books/{name}");
        assert_eq!(verdicts(&server.scan(&[new_files(&folder, &["1.mp3"])]).await), ["ok"], "{name}");
        assert_eq!(shelf.taken().last().unwrap()["path"], format!("{folder}/1.mp3"));
    }
}

#[tokio::test]
async fn a_probe_proves_the_key_and_that_it_is_an_admins() {
    let (shelf, server) = shelf().await;
    let identity = server.probe().await.unwrap();
    assert_eq!((identity.product.as_str(), identity.version.as_str()), ("Audiobookshelf", "2.36.0"));
    assert!(server.proof().is_none());
    let stranger = connect("audiobookshelf", &json!({"url": shelf.http.url(), "api-key": "wrong"}));
    let fault = stranger.probe().await.unwrap_err();
    assert!(matches!(&fault, Fault::Refused { reason } if reason.contains("`api-key`")), "{fault:?}");
    shelf.set_user();
    let fault = server.probe().await.unwrap_err();
    assert!(matches!(&fault, Fault::Refused { reason } if reason.contains("not an admin's")), "{fault:?}");
    assert_eq!(verdicts(&server.scan(&[new_files("/books/A", &["1.mp3"])]).await), ["refused"]);
    assert!(shelf.http.calls().iter().all(|call| !call.target.contains("k3y")));
}

#[tokio::test]
async fn a_plan_shows_what_a_scan_then_asks() {
    let (shelf, server) = shelf().await;
    let scan = new_files("/books/A", &["1.mp3"]);
    let plan = server.plan(&scan).await.unwrap();
    assert!(shelf.taken().is_empty());
    server.scan(&[scan]).await;
    assert_eq!(plan.calls, [as_planned(&shelf.http, &shelf.http.calls_to("/update")[0])]);
}

#[tokio::test]
async fn every_trouble_has_its_consequence() {
    let (shelf, server) = shelf().await;
    server.libraries().unwrap().read().await.unwrap();
    for (trouble, expected) in [
        (Trouble::WebPage, "away"),
        (Trouble::Status(400), "wrong"),
        (Trouble::Status(502), "away"),
        (Trouble::RetryAfter(429, "3".to_owned()), "busy 3"),
    ] {
        shelf.http.set_trouble(Some(trouble.clone()));
        let batch = [new_files("/books/A", &["1.mp3"]), new_files("/books/B", &["1.mp3"])];
        assert_eq!(verdicts(&server.scan(&batch).await)[0], expected, "{trouble:?}");
    }
    shelf.http.set_trouble(None);
    shelf.http.close().await.unwrap();
    assert_eq!(verdict(&server.probe().await.map(drop)), "away");
}
