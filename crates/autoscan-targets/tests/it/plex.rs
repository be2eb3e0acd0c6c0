//! How Plex is told, against a pretend Plex.

use crate::support::{
    AWKWARD, as_planned, connect, new_files, random_names, rescan, target, verdict, verdicts,
};
use autoscan_core::fault::Fault;
use autoscan_testkit::{PlexMethod, PlexScan, PretendLibrary, PretendPlex, Trouble};
use serde_json::json;

fn scan_of(section: &str, path: &str) -> PlexScan {
    PlexScan { section: section.to_owned(), path: Some(path.to_owned()) }
}

async fn plex() -> PretendPlex {
    PretendPlex::builder()
        .library(PretendLibrary::new("1", "Everything").at("/data"))
        .library(PretendLibrary::new("2", "TV").at("/data/tv"))
        .library(PretendLibrary::new("3", "TV auf Deutsch").at("/data/tv/").at("/data/other"))
        .library(PretendLibrary::new("4", "TV 4K").at("/data/tv4k"))
        .library(PretendLibrary::new("5", "Movies").of("movie").at("/data/movies"))
        .library(PretendLibrary::new("6", "Windows").at("D:\\Media\\TV"))
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn every_library_that_owns_the_folder_is_scanned_once_and_no_other() {
    for (folder, scans) in [
        ("/data/tv/Show/S01", vec![scan_of("2", "/data/tv/Show/S01"), scan_of("3", "/data/tv/Show/S01")]),
        ("/data/tv4k/Show", vec![scan_of("4", "/data/tv4k/Show")]),
        ("/data/movies", vec![scan_of("5", "/data/movies")]),
        ("/data/music/Artist", vec![scan_of("1", "/data/music/Artist")]),
        ("d:\\media\\tv\\Show", vec![scan_of("6", "D:\\Media\\TV\\Show")]),
    ] {
        let plex = plex().await;
        let server = target("plex", &plex.http.url());
        assert_eq!(verdicts(&server.scan(&[rescan(folder)]).await), ["ok"], "{folder}");
        assert_eq!(plex.scans(), scans, "{folder}");
    }
}

#[tokio::test]
async fn a_season_pack_is_one_call_and_a_folder_given_twice_too() {
    let plex = plex().await;
    let server = target("plex", &plex.http.url());
    let batch = [
        new_files("/data/tv4k/Show/S01", &["1.mkv", "2.mkv", "3.mkv"]),
        rescan("/data/movies/A (1999)"),
        rescan("/data/tv4k/Show/S01"),
    ];
    assert_eq!(verdicts(&server.scan(&batch).await), ["ok", "ok", "ok"]);
    assert_eq!(plex.scans(), [scan_of("4", "/data/tv4k/Show/S01"), scan_of("5", "/data/movies/A (1999)")]);
    assert_eq!(plex.http.calls_to("/library/sections").len(), 1);
}

#[tokio::test]
async fn a_name_arrives_byte_for_byte() {
    let plex = plex().await;
    let server = target("plex", &plex.http.url());
    let names: Vec<String> = AWKWARD.iter().map(|&name| name.to_owned()).chain(random_names(200)).collect();
    let folders: Vec<String> = names.iter().map(|name| format!("/data/movies/{name}")).collect();
    let batch: Vec<_> = folders.iter().map(|folder| rescan(folder)).collect();
    assert!(server.scan(&batch).await.iter().all(Result::is_ok));
    let mut seen = std::collections::HashSet::new();
    let expected: Vec<PlexScan> = folders
        .iter()
        .filter(|folder| seen.insert((*folder).clone()))
        .map(|folder| scan_of("5", folder))
        .collect();
    assert_eq!(plex.scans(), expected);
}

#[tokio::test]
async fn the_query_is_spelled_as_every_plex_client_spells_it() {
    let plex = plex().await;
    let server = target("plex", &plex.http.url());
    server.scan(&[rescan("/data/movies/A & B+C #1 100% d'é 日本 “x”")]).await;
    let call = plex.http.calls_to("/refresh").pop().unwrap();
    assert_eq!(
        call.target,
        "/library/sections/5/refresh?path=%2Fdata%2Fmovies%2FA+%26+B%2BC+%231+100%25+d%27%C3%A9+\
         %E6%97%A5%E6%9C%AC+%E2%80%9Cx%E2%80%9D"
    );
    assert_eq!(call.method, "GET");
    assert_eq!(call.header("x-plex-token"), Some("plex-token"));
    assert_eq!(call.header("accept"), Some("application/json"));
    assert!(call.header("x-plex-client-identifier").is_some());
    assert_eq!(call.header("x-plex-pms-api-version"), None);
    assert_eq!(call.param("force"), None);
}

#[tokio::test]
async fn a_plan_shows_what_a_scan_then_asks() {
    let plex = plex().await;
    let server = target("plex", &plex.http.url());
    let scan = rescan("/data/tv/Show & Tell");
    let plan = server.plan(&scan).await.unwrap();
    assert!(plex.http.calls_to("/refresh").is_empty());
    assert_eq!(plan.libraries.iter().map(|library| library.id.as_str()).collect::<Vec<_>>(), ["2", "3"]);
    server.scan(&[scan]).await;
    let asked: Vec<_> =
        plex.http.calls_to("/refresh").iter().map(|call| as_planned(&plex.http, call)).collect();
    assert_eq!(plan.calls, asked);
}

#[tokio::test]
async fn a_folder_outside_every_library_is_not_ours_until_a_library_is_made() {
    let plex =
        PretendPlex::builder().library(PretendLibrary::new("1", "TV").at("/data/tv")).start().await.unwrap();
    let server = target("plex", &plex.http.url());
    assert_eq!(verdicts(&server.scan(&[rescan("/data/tv/Show")]).await), ["ok"]);
    plex.set_libraries(vec![PretendLibrary::new("9", "Movies").at("/data/movies")]);
    assert_eq!(verdicts(&server.scan(&[rescan("/data/movies/A")]).await), ["ok"]);
    let results = server.scan(&[rescan("/mnt/movies/A"), rescan("/data/movies/B")]).await;
    assert_eq!(verdicts(&results), ["not mine", "ok"]);
    let reason = results[0].as_ref().unwrap_err().to_string();
    assert!(reason.contains("\"/mnt/movies/A\"") && reason.contains("\"/data/movies\""), "{reason}");
    assert_eq!(plex.scans().last(), Some(&scan_of("9", "/data/movies/B")));
}

#[tokio::test]
async fn a_library_that_vanished_makes_the_list_be_read_again_once() {
    let plex = plex().await;
    let server = target("plex", &plex.http.url());
    server.libraries().unwrap().read().await.unwrap();
    plex.set_libraries(vec![PretendLibrary::new("8", "TV again").at("/data/tv")]);
    let results = server.scan(&[rescan("/data/tv/A"), rescan("/data/tv/B"), rescan("/data/movies/C")]).await;
    assert_eq!(verdicts(&results), ["ok", "ok", "not mine"]);
    assert_eq!(plex.scans(), [scan_of("8", "/data/tv/A"), scan_of("8", "/data/tv/B")]);
}

#[tokio::test]
async fn the_method_that_works_is_remembered() {
    for (method, first, then) in [
        (PlexMethod::Both, &["GET"][..], &["GET"][..]),
        (PlexMethod::OnlyGet(405), &["GET"], &["GET"]),
        (PlexMethod::OnlyPost(404), &["GET", "POST"], &["POST"]),
        (PlexMethod::OnlyPost(405), &["GET", "POST"], &["POST"]),
    ] {
        let plex = plex().await;
        plex.set_method(method);
        let server = target("plex", &plex.http.url());
        for expected in [first, then] {
            plex.http.forget_calls();
            assert_eq!(verdicts(&server.scan(&[rescan("/data/tv4k/Show")]).await), ["ok"]);
            let methods: Vec<String> =
                plex.http.calls_to("/refresh").into_iter().map(|call| call.method).collect();
            assert_eq!(methods, expected, "{method:?}");
        }
        plex.set_method(PlexMethod::OnlyGet(405));
        assert_eq!(verdicts(&server.scan(&[rescan("/data/tv4k/Show")]).await), ["ok"], "{method:?}");
    }
}

#[tokio::test]
async fn a_fault_that_stops_the_lane_ends_the_batch() {
    let plex = plex().await;
    let server = target("plex", &plex.http.url());
    server.libraries().unwrap().read().await.unwrap();
    plex.http.forget_calls();
    plex.http.fail_next(1, &Trouble::Slow(std::time::Duration::from_millis(1)));
    plex.http.set_trouble(Some(Trouble::Status(524)));
    let batch: Vec<_> =
        ["a", "b", "c", "d"].iter().map(|name| rescan(&format!("/data/movies/{name}"))).collect();
    assert_eq!(verdicts(&server.scan(&batch).await), ["ok", "away", "away", "away"]);
    assert!(plex.http.call_count() <= 4, "two scans, and what says whose fault it is");
}

#[tokio::test]
async fn what_plex_does_not_understand_concerns_that_scan_alone() {
    let plex = plex().await;
    let server = target("plex", &plex.http.url());
    server.libraries().unwrap().read().await.unwrap();
    plex.http.fail_next(1, &Trouble::Status(400));
    let results = server.scan(&[rescan("/data/tv/Show"), rescan("/data/movies/A")]).await;
    assert_eq!(verdicts(&results), ["wrong", "ok"]);
    assert_eq!(
        plex.scans(),
        [scan_of("3", "/data/tv/Show"), scan_of("5", "/data/movies/A")],
        "each owner is told"
    );
}

#[tokio::test]
async fn plex_under_a_sub_path_with_numbers_as_text_is_plex() {
    let plex = PretendPlex::builder()
        .under("/media/plex")
        .numbers_as_text()
        .library(PretendLibrary::new("12", "TV").at("/tv"))
        .start()
        .await
        .unwrap();
    for url in [plex.http.url(), plex.http.url() + "/"] {
        let server = target("plex", &url);
        assert_eq!(server.probe().await.unwrap().name.unwrap(), "Pretend Plex");
        assert_eq!(server.libraries().unwrap().read().await.unwrap()[0].id, "12");
        assert_eq!(verdicts(&server.scan(&[rescan("/tv/Show")]).await), ["ok"]);
    }
    assert!(plex.http.calls().iter().all(|call| call.path.starts_with("/media/plex/")));
    assert_eq!(plex.scans().len(), 2);
}

#[tokio::test]
async fn a_probe_proves_reachability_and_the_token() {
    let plex = plex().await;
    let server = target("plex", &plex.http.url());
    let identity = server.probe().await.unwrap();
    assert_eq!(
        (identity.product.as_str(), identity.version.as_str()),
        ("Plex Media Server", "1.43.4.10000-abcdef")
    );

    let stranger = connect("plex", &json!({"url": plex.http.url(), "token": "wrong"}));
    let fault = stranger.probe().await.unwrap_err();
    assert!(
        matches!(&fault, Fault::Refused { reason } if reason.contains("token was rejected")),
        "{fault:?}"
    );

    // A server that runs may go on saying that it starts.
    plex.set_start_state(Some("startingPlugins"));
    assert!(server.probe().await.is_ok());
    plex.http.fail_next(1, &Trouble::Slow(std::time::Duration::ZERO));
    plex.http.fail_next(3, &Trouble::Status(400));
    let fault = server.probe().await.unwrap_err();
    assert!(matches!(&fault, Fault::Away { reason } if reason.contains("still starting")), "{fault:?}");
}

#[tokio::test]
async fn start_up_maintenance_is_waited_for() {
    let plex = plex().await;
    let server = target("plex", &plex.http.url());
    server.libraries().unwrap().read().await.unwrap();
    for note in [
        "Plex Media Server is currently running startup maintenance tasks.",
        "Plex Media Server is currently running database migrations.",
    ] {
        plex.set_maintenance(Some(note));
        let fault = server.probe().await.unwrap_err();
        assert!(matches!(&fault, Fault::Away { reason } if reason.contains("maintenance")), "{fault:?}");
        let results = server.scan(&[rescan("/data/tv/Show")]).await;
        assert_eq!(verdict(&results[0]), "away");
    }
    plex.set_maintenance(None);
    assert!(server.probe().await.is_ok());
}

#[tokio::test]
async fn ten_thousand_folders_are_read_once() {
    let mut library = PretendLibrary::new("1", "Many");
    for n in 0..10_000 {
        library = library.at(&format!("/data/a long name of a folder that makes the list long/{n}"));
    }
    let plex = PretendPlex::builder().library(library).start().await.unwrap();
    let server = target("plex", &plex.http.url());
    let batch: Vec<_> = (0..20)
        .map(|n| rescan(&format!("/data/a long name of a folder that makes the list long/{}/x", n * 499)))
        .collect();
    assert!(server.scan(&batch).await.iter().all(Result::is_ok));
    assert_eq!(plex.scans().len(), 20);
    assert_eq!(plex.http.calls_to("/library/sections").len(), 1);
}
