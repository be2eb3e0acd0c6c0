//! How Jellyfin is told, against a pretend Jellyfin 12.

use std::time::Duration;

use crate::support::{as_planned, connect, new_files, rescan, target, verdicts};
use autoscan_core::fault::Fault;
use autoscan_core::ports::Batching;
use autoscan_testkit::{PretendJellyfin, PretendLibrary, Trouble};
use serde_json::json;

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
    jellyfin.set_loading(true);
    let fault = server.probe().await.unwrap_err();
    assert!(
        matches!(&fault, Fault::Busy { after, reason } if after.as_secs() == 5 && reason.contains("is starting")),
        "the last seconds of a start: {fault:?}"
    );
    jellyfin.set_loading(false);
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
        (Some(("id-tv/Refresh", 524)), None, ["wrong", "not mine", "ok", "wrong"]),
        (Some(("/Refresh", 500)), None, ["wrong", "not mine", "wrong", "wrong"]),
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
    // Three searches, the settings, and the first of two libraries.
    jellyfin.http.fail_next(5, &Trouble::Slow(Duration::ZERO));
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
    assert!(jellyfin.holdings.refreshes().is_empty());
    server.scan(&[scan]).await;
    let asked: Vec<_> =
        jellyfin.http.calls_to("/Refresh").iter().map(|call| as_planned(&jellyfin.http, call)).collect();
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
