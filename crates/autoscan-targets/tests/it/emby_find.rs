//! How Emby is told of what it knows, what it is asked afterwards, and what that costs.

use std::sync::Arc;

use crate::media::{all_shown, cost, folder_gone, gone, libraries, shown, tell, there};
use crate::support::{changed, new_files, path, target, verdicts};
use autoscan_core::change::Change;
use autoscan_core::ports::{Target, TargetScan};
use autoscan_testkit::PretendEmby;

/// What asking for one folder may cost.
const REQUESTS: usize = 2;
const BYTES: u64 = 64 * 1024;

async fn emby() -> (PretendEmby, Arc<dyn Target>) {
    let mut builder = PretendEmby::builder();
    for library in libraries() {
        builder = builder.library(library);
    }
    let emby = builder.start().await.unwrap();
    let server = target("emby", &(emby.http.url() + "/emby"));
    server.libraries().unwrap().read().await.unwrap();
    (emby, server)
}

#[tokio::test]
async fn asking_costs_two_small_requests_on_a_server_with_half_a_million_items() {
    let (emby, server) = emby().await;
    emby.holdings.fill(500_000);
    let season = "/media/tv/The Expanse (2015) {tvdb-280619}/Season 02";
    let film = "/media/movies/Amélie & Co (2019)/Amélie + Co (2019).mkv";
    for number in 1..=22 {
        emby.holdings.hold(&format!("{season}/The Expanse - S02E{number:02} - 1080p.mkv"), 5);
    }
    emby.holdings.hold(film, 5);
    let episode = |number: usize| there(&format!("{season}/The Expanse - S02E{number:02} - 1080p.mkv"), 5);
    for (what, expected) in [
        ("an episode", vec![episode(7)]),
        ("a season", (1..=22).map(episode).collect()),
        ("an upgrade", vec![episode(7), gone(&format!("{season}/The Expanse - S02E07 - 720p.mkv"))]),
        ("a film", vec![there(film, 5)]),
        ("a film that is gone", vec![gone("/media/movies/Heat (1995)/Heat (1995).mkv")]),
    ] {
        for time in ["cold", "warm"] {
            let (requests, bytes, shown) = cost(&emby.http, &*server, &expected).await;
            assert!(shown.iter().all(|shown| shown == "proven"), "{what}: {shown:?}");
            assert!(
                requests <= REQUESTS && bytes <= BYTES,
                "{what}, {time}: {requests} requests, {bytes} bytes"
            );
        }
    }
    let missing = there("/media/tv/Nowhere/Season 1/1.mkv", 5);
    let (requests, bytes, shown) = cost(&emby.http, &*server, &[missing]).await;
    assert!(requests == 1 && bytes < 200 && shown[0].starts_with("not yet: Emby was asked"), "{shown:?}");
}

#[tokio::test]
async fn an_item_without_a_runtime_is_not_seen_until_emby_has_saved_it_and_a_damaged_file_is() {
    let (emby, server) = emby().await;
    for file in ["/media/tv/Alpha/Season 1/1.mkv", "/media/movies/Heat/Heat.mkv"] {
        emby.holdings.hold(file, 7);
        emby.holdings.bare(file);
        let found = shown(&*server, &[there(file, 7)]).await.remove(0);
        assert!(found.contains("has not read the file yet"), "{found}");
    }
    // An empty file has no runtime for ever.
    let empty = "/media/movies/Empty/Empty.mkv";
    emby.holdings.hold(empty, 0);
    assert!(all_shown(&*server, &[there(empty, 0)]).await);
}

#[tokio::test]
async fn a_file_is_proven_by_its_exact_path_and_its_size() {
    let (emby, server) = emby().await;
    let season = "/media/tv/Alpha (2001)/Season 01";
    emby.holdings.hold(&format!("{season}/1.mkv"), 5);
    emby.holdings.hold(&format!("{season}/2.mkv"), 5);
    emby.holdings.hold("/media/movies/Heat (1995)/Heat (1995).mkv", 5);
    emby.holdings.hold("/media/old/Dune (1984)/Dune (1984).mkv", 5);
    emby.holdings.hold("/media/movies/flat.mkv", 5);
    for (files, expected) in [
        (vec![there(&format!("{season}/1.mkv"), 5)], vec!["proven"]),
        (vec![there(&format!("{season}/1.mkv"), 6)], vec!["with 5 bytes"]),
        (vec![there(&format!("{season}/1.MKV"), 5)], vec!["is missing"]),
        (
            vec![there(&format!("{season}/1.mkv"), 5), there(&format!("{season}/2.mkv"), 6)],
            vec!["proven", "with 5 bytes"],
        ),
        (
            vec![there(&format!("{season}/1.mkv"), 5), there(&format!("{season}/3.mkv"), 6)],
            vec!["proven", "but not"],
        ),
        (
            vec![gone(&format!("{season}/1.mkv")), gone(&format!("{season}/3.mkv"))],
            vec!["still shows", "proven"],
        ),
        (vec![there("/media/movies/Heat (1995)/Heat (1995).mkv", 5)], vec!["proven"]),
        (vec![there("/media/movies/Dune (1984)/Dune (1984).mkv", 5)], vec!["is missing"]),
        (vec![there("/media/movies/flat.mkv", 5), gone("/media/movies/x.mkv")], vec!["proven", "proven"]),
        (vec![folder_gone("/media/tv/Beta")], vec!["proven"]),
        (vec![folder_gone(season)], vec!["still shows"]),
    ] {
        for _ in 0..2 {
            let shown = shown(&*server, &files).await;
            for (shown, part) in shown.iter().zip(&expected) {
                assert!(shown.contains(part), "{files:?}: {shown}");
            }
        }
    }
    emby.holdings.forget(season);
    assert!(all_shown(&*server, &[folder_gone(season)]).await);
    assert!(
        !all_shown(&*server, &[there(&format!("{season}/1.mkv"), 5), there(&format!("{season}/2.mkv"), 5)])
            .await
    );
}

#[tokio::test]
async fn what_is_known_is_refreshed_with_everything_said_and_the_rest_is_gathered() {
    let (emby, server) = emby().await;
    let season = "/media/tv/Alpha/Season 1";
    let film = "/media/movies/Heat (1995)/Heat (1995).mkv";
    emby.holdings.hold(&format!("{season}/1.mkv"), 5);
    emby.holdings.hold(film, 5);
    emby.holdings.place(&format!("{season}/2.mkv"), 6);
    emby.holdings.place(film, 9);
    let subtitles = TargetScan {
        companions: vec![path(film)],
        ..new_files("/media/movies/Heat (1995)", &["Heat (1995).en.srt"])
    };
    let batch = [
        new_files(season, &["2.mkv"]),
        changed("/media/movies/Heat (1995)", vec![Change::modified(path(film))]),
        subtitles,
        new_files("/media/movies/Dune (1984)", &["Dune (1984).mkv"]),
        new_files("/media/movies/Alien (1979)", &["Alien (1979).mkv"]),
    ];
    assert_eq!(verdicts(&server.scan(&batch).await), ["ok", "ok", "ok", "later 0", "later 0"]);
    let refreshes = emby.holdings.refreshes();
    assert_eq!(refreshes.iter().map(|refresh| refresh.path.as_str()).collect::<Vec<_>>(), [season, film]);
    for refresh in refreshes {
        for (name, value) in [
            ("Recursive", "true"),
            ("MetadataRefreshMode", "Default"),
            ("ImageRefreshMode", "Default"),
            ("ReplaceAllMetadata", "false"),
            ("ReplaceAllImages", "false"),
        ] {
            assert_eq!(refresh.param(name), Some(value), "{name}");
        }
    }
    assert!(all_shown(&*server, &[there(&format!("{season}/2.mkv"), 6)]).await);
    assert!(all_shown(&*server, &[there(film, 9)]).await);
    tell(&*server, &emby.holdings, &batch[3..]).await;
    assert_eq!((emby.holdings.root_looks(), emby.holdings.walks()), (1, 1));
    assert!(emby.http.calls_to("/Library/Media/Updated").is_empty());
}

#[tokio::test]
async fn the_likeliest_cause_is_named_and_who_watches() {
    let (emby, server) = emby().await;
    emby.holdings.place("/media/movies/A/A.mkv", 1);
    for (file, part) in
        [("/media/movies/B/B.mkv", "does not find"), ("/media/movies/A/A.mkv", "lists nothing at all")]
    {
        let cause = server.proof().unwrap().why_missing(&there(file, 1)).await.unwrap();
        assert!(cause.contains(part), "{file}: {cause}");
    }
    for call in emby.http.calls_to("/Environment/ValidatePath") {
        assert!(!call.body.contains("ValidateWrit"), "that would write a file");
    }
    emby.holdings.set_sessions(1, 1);
    assert_eq!(server.playback().unwrap().playing().await, Ok(1));
    emby.holdings.set_scan_every(2);
    let advice = server.advice().unwrap().advise().await.unwrap();
    assert!(advice.len() == 1 && advice[0].contains("every 2 h"), "{advice:?}");
    assert!(
        server.proof().is_some()
            && server.libraries().unwrap().is_below_a_root(&path("/media/tv/Alpha")).await
    );
}
