//! How Audiobookshelf is told, against a pretend Audiobookshelf.

use std::time::Duration;

use crate::shelf::{found, gone, gone_folder, shelf, there};
use crate::support::{AWKWARD, as_planned, changed, connect, new_files, path, rescan, verdict, verdicts};
use autoscan_core::change::Change;
use autoscan_core::fault::Fault;
use autoscan_testkit::Trouble;
use serde_json::json;

#[tokio::test]
async fn every_book_is_reported_as_what_happened_to_a_file_of_it() {
    let (shelf, server) = shelf().await;
    let changes = vec![
        Change::created(path("/books/A/One/1.mp3")),
        Change::modified(path("/books/A/Two/2.mp3")),
        Change::deleted(path("/books/A/Three/3.mp3")),
        Change::moved(path("/elsewhere/5.mp3"), path("/books/A/Five/5.mp3")),
        Change::moved(path("/books/A/Six/6.mp3"), path("/elsewhere/6.mp3")),
    ];
    assert_eq!(verdicts(&server.scan(&[changed("/books/A", changes)]).await), ["ok"]);
    let report = |kind: &str, path: &str| json!({"libraryId": "b1", "path": path, "type": kind});
    assert_eq!(
        shelf.taken(),
        [
            report("add", "/books/A/One/1.mp3"),
            report("add", "/books/A/Two/2.mp3"),
            report("unlink", "/books/A/Three/3.mp3"),
            report("add", "/books/A/Five/5.mp3"),
            report("unlink", "/books/A/Six/6.mp3"),
        ]
    );
    assert!(shelf.scans().is_empty());
}

#[tokio::test]
async fn after_a_move_from_one_book_to_another_both_are_looked_at() {
    let (shelf, server) = shelf().await;
    shelf.lay("/books/A/Old/1.mp3", 1);
    shelf.lay("/books/A/Old/2.mp3", 2);
    server.scan(&[new_files("/books/A/Old", &["1.mp3", "2.mp3"])]).await;
    shelf.look();
    shelf.remove("/books/A/Old/2.mp3");
    shelf.lay("/books/A/New/2.mp3", 2);
    let moved = Change::moved(path("/books/A/Old/2.mp3"), path("/books/A/New/2.mp3"));
    server.scan(&[changed("/books/A/New", vec![moved])]).await;
    let renamed = json!({"libraryId": "b1", "path": "/books/A/New/2.mp3", "type": "rename", "oldPath": "/books/A/Old/2.mp3"});
    let left = json!({"libraryId": "b1", "path": "/books/A/Old/2.mp3", "type": "unlink"});
    assert_eq!(shelf.taken()[1..], [renamed, left]);
    shelf.look();
    let gone = gone("/books/A/Old/2.mp3");
    let there = [there("/books/A/New/2.mp3", 2), there("/books/A/Old/1.mp3", 1), gone];
    assert_eq!(found(&*server, "/books/A/New", &there).await, ["proven"; 3]);
}

#[tokio::test]
async fn the_files_of_a_book_are_one_report_however_many_they_are() {
    let (shelf, server) = shelf().await;
    let names: Vec<String> = (0..230).map(|at| format!("{at}.mp3")).collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.insert(0, "cover.jpg");
    let batch = [
        new_files("/books/A/T", &names),
        new_files("/books/A/T/CD 1", &["1.mp3"]),
        new_files("/books/A/T/CD 2", &["1.mp3"]),
        new_files("/books", &["One.m4b", "Two.m4b"]),
    ];
    assert_eq!(verdicts(&server.scan(&batch).await), ["ok"; 4]);
    let told: Vec<_> = shelf.taken().iter().map(|report| report["path"].clone()).collect();
    assert_eq!(told, ["/books/A/T/0.mp3", "/books/One.m4b", "/books/Two.m4b"], "and one that makes a book");
    assert!(shelf.scans().is_empty());
    assert_eq!(verdicts(&server.scan(&batch[..1]).await), ["ok"]);
    assert_eq!(shelf.taken().len(), 4, "what is told later is reported again");
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
async fn where_reports_would_be_dropped_the_library_is_scanned_once_a_batch() {
    let (shelf, server) = shelf().await;
    let names: Vec<String> = (0..300).map(|at| format!("{at}/1.mp3")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let batch = [
        new_files("/quiet/A", &["1.mp3"]),
        new_files("/quiet/B", &["1.mp3"]),
        rescan("/books2/Show"),
        new_files("/books/B", &names),
    ];
    assert_eq!(verdicts(&server.scan(&batch).await), ["ok"; 4]);
    assert_eq!(shelf.scans(), ["u1", "p1", "b1"]);
    assert!(shelf.taken().is_empty());
    let advice = server.advice().unwrap().advise().await.unwrap();
    assert!(advice.len() == 1 && advice[0].contains("\"Unwatched\""), "{advice:?}");
}

#[tokio::test]
async fn where_the_server_watches_nothing_its_libraries_are_scanned_and_a_person_is_told() {
    let (shelf, server) = shelf().await;
    shelf.set_watcher_off(true);
    shelf.lay("/books/A/T/1.mp3", 1);
    let scan = [new_files("/books/A/T", &["1.mp3"])];
    assert_eq!(verdicts(&server.scan(&scan).await), ["ok"]);
    assert_eq!(shelf.scans(), ["b1"]);
    assert_eq!(found(&*server, "/books/A/T", &[there("/books/A/T/1.mp3", 1)]).await, ["proven"]);
    let advice = server.advice().unwrap().advise().await.unwrap();
    assert!(advice.len() == 1 && advice[0].contains("in the settings of the server"), "{advice:?}");

    shelf.set_watcher_off(false);
    server.libraries().unwrap().read().await.unwrap();
    server.scan(&scan).await;
    assert_eq!((shelf.scans().len(), shelf.taken().len()), (1, 1), "it is watched again");
}

#[tokio::test]
async fn a_server_that_cannot_be_asked_for_its_settings_is_told_as_usual() {
    let (shelf, server) = shelf().await;
    shelf.http.fail_calls_that_hold("authorize", &Trouble::Status(404));
    assert_eq!(verdicts(&server.scan(&[new_files("/books/A/T", &["1.mp3"])]).await), ["ok"]);
    assert_eq!(shelf.taken().len(), 1);
}

#[tokio::test]
async fn while_a_library_is_scanned_another_scan_of_it_waits_for_the_end() {
    let (shelf, server) = shelf().await;
    shelf.begin_scan("p1");
    let batch = [rescan("/books2/Show"), rescan("/books2/Other"), rescan("/books/A")];
    assert_eq!(verdicts(&server.scan(&batch).await), ["later 5", "later 5", "ok"]);
    assert_eq!(shelf.scans(), ["b1"], "nothing was asked for that would be dropped");
    assert_eq!(shelf.http.calls_to("/api/tasks").len(), 1);
    let fault = server.scan(&batch[..1]).await.remove(0).unwrap_err();
    assert!(fault.reason().contains("p1") && fault.reason().contains("again in 5 s"), "{fault:?}");
    shelf.end_scan("p1");
    assert_eq!(verdicts(&server.scan(&batch[..2]).await), ["ok", "ok"]);
    assert_eq!(shelf.scans(), ["b1", "p1"]);
}

#[tokio::test]
async fn a_scan_that_never_ends_is_not_waited_for_without_end() {
    let (shelf, server) = shelf().await;
    shelf.begin_scan("p1");
    let scan = [rescan("/books2/Show")];
    assert_eq!(verdicts(&server.scan(&scan).await), ["later 5"]);
    tokio::time::pause();
    tokio::time::advance(Duration::from_mins(59)).await;
    tokio::time::resume();
    assert_eq!(verdicts(&server.scan(&scan).await), ["later 5"]);
    tokio::time::pause();
    tokio::time::advance(Duration::from_mins(2)).await;
    tokio::time::resume();
    assert_eq!(verdicts(&server.scan(&scan).await), ["ok"]);
}

#[tokio::test]
async fn of_a_folder_that_is_gone_a_file_of_each_book_is_reported_and_no_library_scanned() {
    let (shelf, server) = shelf().await;
    for file in
        ["A/One/1.mp3", "A/One/cover.jpg", "A/Two/CD 1/1.mp3", "A/Two/CD 2/1.mp3", "B/T/1.mp3", "A.m4b"]
    {
        shelf.lay(&format!("/books/{file}"), 1);
    }
    server.scan(&[rescan("/books")]).await;
    assert_eq!(shelf.scans(), ["b1"]);
    shelf.remove("/books/A");
    let artist = changed("/books", vec![Change::folder_deleted(path("/books/A"))]);
    let plan = server.plan(&artist).await.unwrap();
    assert_eq!(verdicts(&server.scan(std::slice::from_ref(&artist)).await), ["ok"]);
    let unlink = |path: &str| json!({"libraryId": "b1", "path": path, "type": "unlink"});
    let mut taken = shelf.taken();
    taken.sort_by_key(ToString::to_string);
    assert_eq!(taken, [unlink("/books/A/One/1.mp3"), unlink("/books/A/Two/1.mp3")]);
    assert_eq!((shelf.scans().len(), plan.calls.len()), (1, 2));
    shelf.look();
    let gone = gone_folder("/books/A");
    assert_eq!(found(&*server, "/books", std::slice::from_ref(&gone)).await, ["proven"]);

    server.scan(&[artist]).await;
    assert_eq!(
        (shelf.taken().len(), shelf.scans().len()),
        (2, 1),
        "what is known to be missing is left alone"
    );
}

#[tokio::test]
async fn of_a_disc_that_is_gone_its_book_is_reported() {
    let (shelf, server) = shelf().await;
    shelf.lay("/books/A/Two/CD 1/1.mp3", 1);
    shelf.lay("/books/A/Two/CD 2/1.mp3", 1);
    server.scan(&[rescan("/books")]).await;
    shelf.remove("/books/A/Two/CD 2");
    let disc = gone_folder("/books/A/Two/CD 2");
    let still = found(&*server, "/books/A/Two", std::slice::from_ref(&disc)).await;
    assert!(still[0].contains("still lists") && still[0].contains("CD 2/1.mp3"), "{still:?}");
    server.scan(&[changed("/books/A/Two", vec![Change::folder_deleted(path("/books/A/Two/CD 2"))])]).await;
    shelf.look();
    let first = there("/books/A/Two/CD 1/1.mp3", 1);
    assert_eq!(found(&*server, "/books/A/Two", &[disc, first]).await, ["proven"; 2]);
    assert_eq!(shelf.scans(), ["b1"]);
}

#[tokio::test]
async fn a_whole_library_that_is_gone_is_scanned() {
    let (shelf, server) = shelf().await;
    server.scan(&[changed("/books", vec![Change::folder_deleted(path("/books"))])]).await;
    assert_eq!(shelf.scans(), ["b1"]);
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
