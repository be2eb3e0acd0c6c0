//! How Jellyfin is told, against a pretend Jellyfin 12 with a model of its library monitor.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use std::time::Duration;

use autoscan_core::change::Change;
use autoscan_core::fault::Fault;
use autoscan_core::ports::Batching;
use autoscan_testkit::{PretendJellyfin, PretendLibrary, Trouble};
use serde_json::json;
use support::{
    AWKWARD, as_planned, changed, connect, new_files, path, random_names, rescan, target, verdicts,
};

/// A Jellyfin that looks at once, so that it is told at once.
async fn jellyfin() -> PretendJellyfin {
    PretendJellyfin::builder()
        .delay(Duration::ZERO)
        .library(PretendLibrary::new("id-tv", "TV").of("tvshows").at("/media/tv"))
        .library(PretendLibrary::new("id-movies", "Movies").of("movies").at("/media/movies"))
        .library(PretendLibrary::new("id-films", "Films").of("movies").at("/media/movies"))
        .start()
        .await
        .unwrap()
}

fn posts(jellyfin: &PretendJellyfin) -> usize {
    jellyfin.http.calls_to("/Library/Media/Updated").len()
}

fn updates(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|&(path, what)| (path.to_owned(), what.to_owned())).collect()
}

#[tokio::test]
async fn what_happened_is_told_truthfully_and_each_path_once() {
    let jellyfin = jellyfin().await;
    let server = target("jellyfin", &jellyfin.http.url());
    let moved = Change::moved(path("/media/tv/A/S01/old.mkv"), path("/media/tv/A/Season 1/new.mkv"));
    let batch = [
        changed(
            "/media/tv/A/Season 1",
            vec![
                moved.clone(),
                Change::created(path("/media/tv/A/Season 1/1.mkv")),
                Change::modified(path("/media/tv/A/Season 1/2.mkv")),
                Change::deleted(path("/media/tv/A/Season 1/3.mkv")),
            ],
        ),
        changed("/media/tv/A/S01", vec![moved]),
        rescan("/media/tv/B"),
        changed("/media/tv/C", vec![]),
        changed("/media/tv", vec![Change::folder_deleted(path("/media/tv/D"))]),
    ];
    assert!(server.scan(&batch).await.iter().all(Result::is_ok));
    assert_eq!(
        jellyfin.updates(),
        updates(&[
            ("/media/tv/A/S01/old.mkv", "Deleted"),
            ("/media/tv/A/Season 1/new.mkv", "Created"),
            ("/media/tv/A/Season 1/1.mkv", "Created"),
            ("/media/tv/A/Season 1/2.mkv", "Modified"),
            ("/media/tv/A/Season 1/3.mkv", "Deleted"),
            ("/media/tv/B", "Modified"),
            ("/media/tv/C", "Modified"),
            ("/media/tv/D", "Deleted"),
        ])
    );
}

#[tokio::test]
async fn each_library_gets_its_own_call_also_of_a_move_between_them() {
    let jellyfin = jellyfin().await;
    let server = target("jellyfin", &jellyfin.http.url());
    let moved = Change::moved(path("/media/movies/A/a.mkv"), path("/media/tv/A/a.mkv"));
    let lost = Change::moved(path("/elsewhere/b.mkv"), path("/media/tv/A/b.mkv"));
    let results = server.scan(&[changed("/media/tv/A", vec![moved, lost]), rescan("/media/movies/B")]).await;
    assert_eq!(verdicts(&results), ["ok", "ok"]);
    let bodies: Vec<serde_json::Value> = jellyfin
        .http
        .calls_to("/Library/Media/Updated")
        .iter()
        .map(|call| serde_json::from_str(&call.body).unwrap())
        .collect();
    assert_eq!(
        bodies,
        [
            json!({"Updates": [
                {"Path": "/media/movies/A/a.mkv", "UpdateType": "Deleted"},
                {"Path": "/media/movies/B", "UpdateType": "Modified"},
            ]}),
            json!({"Updates": [
                {"Path": "/media/tv/A/a.mkv", "UpdateType": "Created"},
                {"Path": "/media/tv/A/b.mkv", "UpdateType": "Created"},
            ]}),
        ]
    );
}

#[tokio::test]
async fn a_great_batch_is_cut_into_calls_of_five_hundred() {
    let jellyfin = jellyfin().await;
    let server = target("jellyfin", &jellyfin.http.url());
    let names: Vec<String> = (0..1200).map(|n| format!("{n}.mkv")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(verdicts(&server.scan(&[new_files("/media/tv/A/S1", &names)]).await), ["ok"]);
    assert_eq!((posts(&jellyfin), jellyfin.updates().len()), (3, 1200));

    let long: Vec<String> = (0..400).map(|n| format!("{n}{}", "x".repeat(1000))).collect();
    let long: Vec<&str> = long.iter().map(String::as_str).collect();
    assert_eq!(verdicts(&server.scan(&[new_files("/media/tv/A/S2", &long)]).await), ["ok"]);
    assert_eq!((posts(&jellyfin), jellyfin.updates().len()), (5, 1600));
}

#[tokio::test]
async fn a_name_arrives_byte_for_byte() {
    let jellyfin = jellyfin().await;
    let server = target("jellyfin", &jellyfin.http.url());
    let random = random_names(200);
    let names: Vec<&str> = AWKWARD.iter().copied().chain(random.iter().map(String::as_str)).collect();
    assert_eq!(verdicts(&server.scan(&[new_files("/media/tv/A", &names)]).await), ["ok"]);
    let mut seen = std::collections::HashSet::new();
    let expected: Vec<String> =
        names.iter().filter(|name| seen.insert(**name)).map(|name| format!("/media/tv/A/{name}")).collect();
    let told: Vec<String> = jellyfin.updates().into_iter().map(|(path, _)| path).collect();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn the_key_travels_in_the_one_header_that_jellyfin_12_reads() {
    let key = "k\"e+y%20,=é&x";
    let jellyfin = PretendJellyfin::builder().key(key).start().await.unwrap();
    for settings in [
        json!({"url": jellyfin.http.url(), "api-key": key}),
        json!({"url": jellyfin.http.url(), "token": key}),
        json!({"url": jellyfin.http.url(), "token": "other", "api-key": format!("{key}\n")}),
    ] {
        let identity = connect("jellyfin", &settings).probe().await.unwrap();
        assert_eq!((identity.product.as_str(), identity.version.as_str()), ("Jellyfin", "12.0.0"));
    }
    for call in jellyfin.http.calls() {
        let header = call.header("authorization").unwrap();
        assert!(
            header.starts_with("MediaBrowser Token=\"k%22e%2By%2520%2C%3D%C3%A9%26x\", Client=\"autoscan\"")
        );
        assert!(call.query.is_empty() && call.header("x-emby-token").is_none());
    }
}

#[tokio::test]
async fn a_jellyfin_that_starts_is_not_healthy_and_one_that_shuts_us_out_says_why() {
    let jellyfin = jellyfin().await;
    let server = target("jellyfin", &jellyfin.http.url());
    assert!(server.probe().await.is_ok());

    jellyfin.set_starting(true);
    let fault = server.probe().await.unwrap_err();
    assert!(
        matches!(&fault, Fault::Busy { after, reason } if after.as_secs() == 5 && reason.contains("is starting")),
        "{fault:?}"
    );

    jellyfin.set_starting(false);
    jellyfin.set_address_allowed(false);
    let fault = server.probe().await.unwrap_err();
    assert!(matches!(&fault, Fault::Refused { reason } if reason.contains("address")), "{fault:?}");

    jellyfin.set_address_allowed(true);
    let fault = connect("jellyfin", &json!({"url": jellyfin.http.url(), "api-key": "wrong"})).probe().await;
    assert!(matches!(fault, Err(Fault::Refused { reason }) if reason.contains("API key was rejected")));
}

#[tokio::test]
async fn a_fault_of_one_call_concerns_its_scans_and_an_outage_all_that_follow() {
    let jellyfin = jellyfin().await;
    let server = target("jellyfin", &jellyfin.http.url());
    server.libraries().unwrap().read().await.unwrap();
    let batch =
        [rescan("/media/tv/A"), rescan("/nowhere/B"), rescan("/media/movies/C"), rescan("/media/tv/D")];
    // Two series are looked up before anything is told; a film's folder is no item.
    for (of_one, of_all, expected) in [
        (Some(("Updates\":[{\"Path\":\"/media/tv", 400)), None, ["wrong", "not mine", "ok", "wrong"]),
        (Some(("Updates\":[{\"Path\":\"/media/tv/A", 524)), None, ["wrong", "not mine", "ok", "ok"]),
        (Some(("Updates", 400)), None, ["wrong", "not mine", "wrong", "wrong"]),
        (Some(("A", 500)), None, ["wrong", "not mine", "ok", "ok"]),
        (None, Some(500), ["away", "not mine", "away", "away"]),
    ] {
        // The folder that nobody owns makes the list be read first, once in ten seconds.
        let _ = server.scan(&[rescan("/nowhere/B"), rescan("/media/movies/E")]).await;
        if let Some((text, status)) = of_one {
            jellyfin.http.fail_calls_that_hold(text, &Trouble::Status(status));
        }
        jellyfin.http.set_trouble(of_all.map(Trouble::Status));
        assert_eq!(verdicts(&server.scan(&batch).await), expected, "{of_one:?} {of_all:?}");
        jellyfin.http.set_trouble(None);
        jellyfin.http.fail_calls_for_no_text();
    }
}

#[tokio::test]
async fn what_was_accepted_before_an_outage_stays_accepted() {
    let jellyfin = jellyfin().await;
    let server = target("jellyfin", &jellyfin.http.url());
    server.libraries().unwrap().read().await.unwrap();
    // Two searches, the settings, and the first of two reports.
    jellyfin.http.fail_next(4, &Trouble::Slow(Duration::ZERO));
    jellyfin.http.set_trouble(Some(Trouble::Status(502)));
    let results =
        server.scan(&[rescan("/media/tv/A"), rescan("/media/movies/B"), rescan("/media/tv/C")]).await;
    assert_eq!(verdicts(&results), ["ok", "away", "ok"]);
}

#[tokio::test]
async fn a_plan_shows_what_a_scan_then_asks() {
    let jellyfin = PretendJellyfin::builder()
        .under("/jellyfin")
        .delay(Duration::ZERO)
        .library(PretendLibrary::new("1", "TV").at("/tv"))
        .start()
        .await
        .unwrap();
    let server = target("jellyfin", &(jellyfin.http.url() + "/"));
    assert!(matches!(server.batching(), Batching::UpTo(_)));
    let scan = new_files("/tv/A/S1", &["é & +.mkv"]);
    let plan = server.plan(&scan).await.unwrap();
    assert!(jellyfin.updates().is_empty());
    server.scan(&[scan]).await;
    let asked: Vec<_> = jellyfin
        .http
        .calls_to("/Library/Media/Updated")
        .iter()
        .map(|call| as_planned(&jellyfin.http, call))
        .collect();
    assert_eq!(plan.calls, asked);
    assert_eq!(plan.libraries[0].title, "TV");
    assert!(matches!(server.plan(&rescan("/nowhere")).await, Err(Fault::NotMine { .. })));
}

#[tokio::test]
async fn only_libraries_with_folders_count() {
    let jellyfin = jellyfin().await;
    let titles: Vec<String> = target("jellyfin", &jellyfin.http.url())
        .libraries()
        .unwrap()
        .read()
        .await
        .unwrap()
        .into_iter()
        .map(|library| format!("{} {}", library.title, library.kind))
        .collect();
    assert_eq!(titles, ["TV tvshows", "Movies movies", "Films movies"]);
}

#[tokio::test]
async fn ten_thousand_folders_are_read_once() {
    let mut library = PretendLibrary::new("1", "Many");
    for n in 0..10_000 {
        library = library.at(&format!("/data/a long name of a folder that makes the list long/{n}"));
    }
    let jellyfin = PretendJellyfin::builder().library(library).delay(Duration::ZERO).start().await.unwrap();
    let server = target("jellyfin", &jellyfin.http.url());
    let folder = "/data/a long name of a folder that makes the list long";
    let batch = [rescan(&format!("{folder}/4711/x")), rescan(&format!("{folder}/9999"))];
    assert_eq!(verdicts(&server.scan(&batch).await), ["ok", "ok"]);
    assert_eq!(jellyfin.http.calls_to("/VirtualFolders").len(), 1);
}
