//! A call that fails for one folder harms no other: the rest of its batch is told in the same round.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{connect, connect_with, new_files, rescan, verdicts};
use autoscan_core::ports::{Target, TargetScan};
use autoscan_http::{Http, Timeouts};
use autoscan_testkit::{
    HttpServer, KodiContent, PretendArr, PretendAudiobookshelf, PretendAutoscan, PretendEmby,
    PretendFileFlows, PretendJellyfin, PretendKodi, PretendLibrary, PretendPlex, PretendReceiver,
    PretendTdarr, Trouble,
};
use serde_json::json;

/// A Jellyfin and an Emby with the usual libraries and without a delay, so that they are told at once.
async fn each_media_browser(http: &Http, test: impl AsyncFn(&str, &HttpServer, Arc<dyn Target>)) {
    let (mut jellyfin, mut emby) = (PretendJellyfin::builder(), PretendEmby::builder());
    for library in crate::media::libraries() {
        jellyfin = jellyfin.library(library.clone());
        emby = emby.library(library);
    }
    let jellyfin = jellyfin.delay(Duration::ZERO).start().await.unwrap();
    let emby = emby.delay(Duration::ZERO).start().await.unwrap();
    // So many series that Jellyfin is asked for each folder, and not for all that lies at the library's top.
    for number in 0..2001 {
        jellyfin.holdings.hold(&format!("/media/tv/Old {number}/Season 1/1.mkv"), 5);
    }
    for (kind, pretend) in [("jellyfin", &jellyfin.http), ("emby", &emby.http)] {
        let settings = json!({"url": pretend.url(), "api-key": format!("{kind}-key")});
        let server = connect_with(kind, &settings, http);
        server.libraries().unwrap().read().await.unwrap();
        test(kind, pretend, server).await;
    }
}

fn series(number: usize) -> TargetScan {
    new_files(&format!("/media/tv/Show {number:03}/Season 1"), &["1.mkv"])
}

fn film(number: usize) -> TargetScan {
    new_files(&format!("/media/movies/Film {number:03}"), &[&format!("Film {number:03}.mkv")])
}

/// What is told when one of so many fails.
fn all_but(failing: usize, count: usize) -> Vec<&'static str> {
    (0..count).map(|number| if number == failing { "wrong" } else { "ok" }).collect()
}

#[tokio::test]
async fn one_failing_lookup_of_five_hundred_leaves_499_told() {
    each_media_browser(&Http::default(), async |kind, pretend, server| {
        let batch: Vec<TargetScan> = (0..500).map(series).collect();
        pretend.fail_calls_that_hold("Show 123", &Trouble::Status(500));
        pretend.forget_calls();
        assert_eq!(verdicts(&server.scan(&batch).await), all_but(123, 500), "{kind}");
        assert_eq!(pretend.calls_to("/Items/11/Refresh").len(), 1, "{kind}: one scan of the library");
        assert!(pretend.calls_to("/System/Info").len() <= 2, "{kind}: probes are few");
    })
    .await;
}

#[tokio::test]
async fn whatever_is_wrong_with_the_answer_to_one_lookup_is_that_folders_own() {
    let http = Http::new(Timeouts { total: Duration::from_secs(2), ..Timeouts::default() });
    each_media_browser(&http, async |kind, pretend, server| {
        for trouble in [
            Trouble::Status(500),
            Trouble::Status(403),
            Trouble::WebPage,
            Trouble::CutOff,
            Trouble::Long(5 << 20),
            Trouble::Hang,
        ] {
            pretend.fail_calls_that_hold("Show 000", &trouble);
            let results = server.scan(&(0..12).map(series).collect::<Vec<_>>()).await;
            assert_eq!(verdicts(&results), all_but(0, 12), "{kind} {trouble:?}");
            let fault = results[0].as_ref().unwrap_err();
            assert!(fault.reason().ends_with("the server is well otherwise"), "{kind}: {fault:?}");
            pretend.fail_calls_for_no_text();
        }
    })
    .await;
}

#[tokio::test]
async fn an_item_that_cannot_be_refreshed_is_its_scans_own_trouble() {
    let mut builder = PretendJellyfin::builder();
    for library in crate::media::libraries() {
        builder = builder.library(library);
    }
    let jellyfin = builder.start().await.unwrap();
    for number in 0..5 {
        jellyfin.holdings.hold(&format!("/media/tv/Show {number:03}/Season 1/0.mkv"), 5);
    }
    let server = connect("jellyfin", &json!({"url": jellyfin.http.url(), "api-key": "jellyfin-key"}));
    let batch: Vec<TargetScan> = (0..5).map(series).collect();
    assert_eq!(verdicts(&server.scan(&batch).await), ["ok"; 5]);
    let item = jellyfin.http.calls_to("/Refresh")[2].path.clone();
    let refreshed = jellyfin.holdings.refreshes()[2].path.clone();
    let failing: usize = refreshed.trim_start_matches("/media/tv/Show ")[..3].parse().unwrap();
    jellyfin.http.fail_calls_that_hold(&item, &Trouble::Status(500));
    assert_eq!(verdicts(&server.scan(&batch).await), all_but(failing, 5));
}

#[tokio::test]
async fn a_server_that_goes_away_during_a_batch_keeps_what_it_accepted() {
    each_media_browser(&Http::default(), async |kind, pretend, server| {
        pretend.set_trouble(Some(Trouble::Status(502)));
        pretend.fail_next(3, &Trouble::Slow(Duration::ZERO));
        let results = server.scan(&(0..40).map(series).collect::<Vec<_>>()).await;
        assert_eq!(verdicts(&results), ["away"; 40], "{kind}: nothing was reported yet");
        pretend.forget_calls();
        assert_eq!(verdicts(&server.scan(&(0..40).map(series).collect::<Vec<_>>()).await), ["away"; 40]);
        assert!(pretend.call_count() <= 12, "{kind}: {} calls", pretend.call_count());
        pretend.set_trouble(None);
        assert_eq!(verdicts(&server.scan(&(0..40).map(series).collect::<Vec<_>>()).await), ["ok"; 40]);
    })
    .await;
}

#[tokio::test]
async fn a_plex_that_fails_at_the_first_folder_scans_the_others() {
    let plex = PretendPlex::builder()
        .library(PretendLibrary::new("1", "TV").at("/media/tv"))
        .library(PretendLibrary::new("2", "Films").of("movie").at("/media/movies"))
        .start()
        .await
        .unwrap();
    let server = connect("plex", &json!({"url": plex.http.url(), "token": "plex-token"}));
    for trouble in [Trouble::Status(500), Trouble::CutOff, Trouble::WebPage] {
        plex.http.fail_calls_that_hold("Film 000", &trouble);
        assert_eq!(verdicts(&server.scan(&[film(0), series(1), film(2)]).await), ["wrong", "ok", "ok"]);
        plex.http.fail_calls_for_no_text();
    }
}

#[tokio::test]
async fn a_plex_token_that_is_not_the_owners_holds_all_and_one_refused_folder_none() {
    let plex =
        PretendPlex::builder().library(PretendLibrary::new("1", "TV").at("/media/tv")).start().await.unwrap();
    let server = connect("plex", &json!({"url": plex.http.url(), "token": "plex-token"}));
    plex.http.fail_calls_that_hold("Show 000", &Trouble::Status(403));
    assert_eq!(verdicts(&server.scan(&[series(0), series(1)]).await), ["wrong", "ok"]);
    plex.http.fail_calls_that_hold("/refresh", &Trouble::Status(403));
    plex.http.fail_calls_that_hold("/:/prefs", &Trouble::Status(403));
    assert_eq!(verdicts(&server.scan(&[series(2), series(3)]).await), ["refused", "refused"]);
    assert!(server.probe().await.is_err(), "until the token is another");
    plex.http.fail_calls_for_no_text();
    assert!(server.probe().await.is_ok());
}

#[tokio::test]
async fn a_list_of_libraries_that_cannot_be_read_is_no_folders_fault() {
    let plex =
        PretendPlex::builder().library(PretendLibrary::new("1", "TV").at("/media/tv")).start().await.unwrap();
    let server = connect("plex", &json!({"url": plex.http.url(), "token": "plex-token"}));
    plex.http.fail_calls_that_hold("/library/sections", &Trouble::Status(500));
    assert_eq!(verdicts(&server.scan(&[series(0), series(1)]).await), ["away", "away"]);
    assert!(server.probe().await.is_err(), "a server that does not say what it has is not ready");
    plex.http.fail_calls_for_no_text();
    assert!(server.probe().await.is_ok());
    assert_eq!(verdicts(&server.scan(&[series(0), series(1)]).await), ["ok", "ok"]);
}

/// Tells three folders, at the first of which the server fails.
async fn told(pretend: &HttpServer, server: &dyn Target, text: &str, scans: [TargetScan; 3]) -> Vec<String> {
    pretend.fail_calls_that_hold(text, &Trouble::Status(500));
    let told = verdicts(&server.scan(&scans).await);
    let mut alone = server.scan(&scans[..1]).await;
    assert_eq!(verdicts(&alone), ["wrong"], "{:?}", alone.remove(0));
    told
}

#[tokio::test]
async fn no_other_kind_lets_one_folder_harm_the_next() {
    let expected = ["wrong", "ok", "ok"];
    let of = |root: &str| ["Bad", "B", "C"].map(|name| new_files(&format!("{root}/{name}"), &["1.mp3"]));

    let shelf = PretendAudiobookshelf::start("k3y").await.unwrap();
    shelf.add(PretendLibrary::new("b1", "Books").of("book").at("/books"), true);
    let server = connect("audiobookshelf", &json!({"url": shelf.http.url(), "api-key": "k3y"}));
    assert_eq!(told(&shelf.http, &*server, "/books/Bad", of("/books")).await, expected, "Audiobookshelf");

    let tdarr = PretendTdarr::start(None).await.unwrap();
    tdarr.add(PretendLibrary::new("1", "TV").at("/tv"));
    let server = connect("tdarr", &json!({"url": tdarr.http.url()}));
    assert_eq!(told(&tdarr.http, &*server, "/tv/Bad", of("/tv")).await, expected, "Tdarr");

    let flows = PretendFileFlows::start(None).await.unwrap();
    flows.add(PretendLibrary::new("tv", "TV").at("/tv"), Some("flow-1"), true);
    let server = connect("fileflows", &json!({"url": flows.http.url()}));
    assert_eq!(told(&flows.http, &*server, "/tv/Bad", of("/tv")).await, expected, "FileFlows");

    let kodi = PretendKodi::start(None).await.unwrap();
    kodi.source("/films/", KodiContent::Films);
    kodi.put("/films/Old/Old.mkv");
    let server = connect("kodi", &json!({"url": kodi.http.url()}));
    assert_eq!(told(&kodi.http, &*server, "/films/Bad", of("/films")).await, expected, "Kodi");

    let sonarr = PretendArr::sonarr("k3y").await.unwrap();
    for (id, name) in [(1, "Bad"), (2, "B"), (3, "C")] {
        sonarr.add(id, &format!("/tv/{name}"), 100 + id);
    }
    let server = connect("sonarr", &json!({"url": sonarr.http.url(), "api-key": "k3y"}));
    assert_eq!(told(&sonarr.http, &*server, "\"seriesId\":1", of("/tv")).await, expected, "Sonarr");

    let remote = PretendAutoscan::start("me", "pass", "").await.unwrap();
    let settings = json!({"url": remote.http.url(), "username": "me", "password": "pass"});
    let server = connect("autoscan", &settings);
    assert_eq!(told(&remote.http, &*server, "/tv/Bad", of("/tv")).await, expected, "autoscan");

    let receiver = PretendReceiver::start().await.unwrap();
    let server = connect("webhook", &json!({"url": receiver.http.url()}));
    assert_eq!(told(&receiver.http, &*server, "/tv/Bad", of("/tv")).await, expected, "webhook");
}

#[tokio::test]
async fn a_bulk_is_looked_up_side_by_side_with_few_questions() {
    each_media_browser(&Http::default(), async |kind, pretend, server| {
        // Ten series of five seasons each.
        let batch: Vec<TargetScan> = (0..50)
            .map(|n| new_files(&format!("/media/tv/Show {:03}/Season {}", n / 5, n % 5), &["1.mkv"]))
            .collect();
        pretend.set_trouble(Some(Trouble::Slow(Duration::from_millis(20))));
        pretend.forget_calls();
        assert!(server.scan(&batch).await.iter().all(Result::is_ok), "{kind}");
        let (questions, at_once) = (pretend.call_count(), pretend.most_at_once());
        assert_eq!(at_once, 4, "{kind}: as many questions at once as the server is to have");
        // Jellyfin: one that counts its series, and a search a series. Emby, which finds by path: one a season and one a series.
        let most = if kind == "jellyfin" { 10 } else { 60 };
        assert!(questions <= most + 5, "{kind}: {questions} questions and reports for 50 folders");

        // What was told a while ago may have come by itself: that is one question for all.
        pretend.forget_calls();
        assert!(server.scan(&(0..40).map(film).collect::<Vec<_>>()).await.iter().all(Result::is_ok));
        assert!(server.scan(&(40..80).map(film).collect::<Vec<_>>()).await.iter().all(Result::is_ok));
        assert!(pretend.call_count() <= 6, "{kind}: {} calls for 80 films", pretend.call_count());
        pretend.set_trouble(None);
    })
    .await;
}

#[tokio::test]
async fn a_webhook_whose_key_is_rejected_is_held_and_one_refused_folder_is_not() {
    let receiver = PretendReceiver::start().await.unwrap();
    let server = connect("webhook", &json!({"url": receiver.http.url()}));
    let scans = ["/tv/Bad", "/tv/B", "/tv/C"].map(rescan);
    for trouble in [Trouble::Status(401), Trouble::Status(302)] {
        receiver.http.set_trouble(Some(trouble.clone()));
        assert_eq!(verdicts(&server.scan(&scans).await), ["refused"; 3], "{trouble:?}: never accepted");
        assert!(server.probe().await.is_err(), "{trouble:?}");
        receiver.http.set_trouble(None);
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(3)).await;
        tokio::time::resume();
        assert!(server.probe().await.is_ok(), "it is tried again");
    }
    assert_eq!(verdicts(&server.scan(&scans).await), ["ok"; 3]);
    receiver.http.fail_calls_that_hold("/tv/Bad", &Trouble::Status(403));
    assert_eq!(verdicts(&server.scan(&scans).await), ["wrong", "ok", "ok"]);
    receiver.http.set_trouble(Some(Trouble::Status(401)));
    assert_eq!(verdicts(&server.scan(&scans[1..]).await)[1], "refused");
}
