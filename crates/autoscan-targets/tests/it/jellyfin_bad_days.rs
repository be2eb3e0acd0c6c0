//! A Jellyfin that takes what it is told and does something else.

use std::time::Duration;

use crate::media::{all_shown, jellyfin, shown, tell, there};
use crate::support::{connect, new_files, path, verdicts};
use autoscan_core::fault::Fault;
use autoscan_core::ports::Target;
use autoscan_testkit::{PretendLibrary, Trouble};
use serde_json::json;

const MINUTE: Duration = Duration::from_mins(1);

/// Whether all is proven within some rounds.
async fn shown_at_last(server: &dyn Target, expected: &[autoscan_core::proof::ExpectedFile]) -> bool {
    for _ in 0..3 {
        if all_shown(server, expected).await {
            return true;
        }
        crate::media::wait(Duration::from_secs(1)).await;
    }
    false
}

fn film(number: usize) -> String {
    format!("/media/movies/Movie {number} (2000)/Movie {number} (2000).mkv")
}

#[tokio::test]
async fn a_server_that_drops_one_file_in_ten_is_believed_only_for_the_others() {
    let (jellyfin, server) = jellyfin().await;
    jellyfin.holdings.drops_one_in(Some(10));
    let mut batch = Vec::new();
    for number in 1..=50 {
        jellyfin.holdings.place(&film(number), 7);
        batch.push(new_files(
            &format!("/media/movies/Movie {number} (2000)"),
            &[&format!("Movie {number} (2000).mkv")],
        ));
    }
    tell(&*server, &jellyfin.holdings, &batch).await;
    jellyfin.advance(MINUTE);
    let mut dropped = 0;
    for number in 1..=50 {
        let shown = shown(&*server, &[there(&film(number), 7)]).await.remove(0);
        let has = jellyfin.holdings.has(&film(number));
        assert_eq!(shown == "proven", has, "{number}: {shown}");
        dropped += usize::from(!has);
    }
    assert_eq!(dropped, 5);

    let season = "/media/tv/Alpha/Season 1";
    jellyfin.holdings.hold(&format!("{season}/old.mkv"), 5);
    let names: Vec<String> = (1..=20).map(|number| format!("e{number}.mkv")).collect();
    let files: Vec<_> = names.iter().map(|name| there(&format!("{season}/{name}"), 7)).collect();
    for file in &files {
        jellyfin.holdings.place(file.path.as_str(), 7);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let scan = new_files(season, &names);
    tell(&*server, &jellyfin.holdings, std::slice::from_ref(&scan)).await;
    let shown_now = shown(&*server, &files).await;
    assert_eq!(shown_now.iter().filter(|shown| *shown != "proven").count(), 2, "{shown_now:?}");
    jellyfin.holdings.drops_one_in(None);
    tell(&*server, &jellyfin.holdings, &[scan]).await;
    assert!(all_shown(&*server, &files).await);
}

#[tokio::test]
async fn a_file_that_is_shown_and_lost_again_is_asked_for_again() {
    let (jellyfin, server) = jellyfin().await;
    let files = ["/media/tv/Alpha/Season 1/1.mkv", "/media/tv/Alpha/Season 1/2.mkv"];
    for file in &files {
        jellyfin.holdings.hold(file, 5);
    }
    jellyfin.holdings.lose_after_showing(files[0]);
    let expected = [there(files[0], 5), there(files[1], 5)];
    // It was in the list, but when its size was asked for it was gone.
    let first = shown(&*server, &expected).await;
    let second = shown(&*server, &expected).await;
    assert_eq!(first[1], "proven");
    assert!(second[0].contains("shows 1 file in") && second[1] == "proven", "{second:?}");
    jellyfin.holdings.place(files[0], 5);
    tell(&*server, &jellyfin.holdings, &[new_files("/media/tv/Alpha/Season 1", &["1.mkv"])]).await;
    assert!(all_shown(&*server, &expected).await);
}

#[tokio::test]
async fn a_restart_and_a_scan_of_everything_discard_what_waits() {
    let (jellyfin, server) = jellyfin().await;
    let expected = [there(&film(1), 7)];
    jellyfin.holdings.place(&film(1), 7);
    let scan = new_files("/media/movies/Movie 1 (2000)", &["Movie 1 (2000).mkv"]);

    jellyfin.holdings.set_walk_takes(Duration::from_secs(50));
    tell(&*server, &jellyfin.holdings, std::slice::from_ref(&scan)).await;
    jellyfin.http.close().await.unwrap();
    jellyfin.holdings.restart();
    let fault =
        server.proof().unwrap().find(&expected[0].path.parent().unwrap(), &expected).await.unwrap_err();
    assert!(matches!(fault, Fault::Away { .. }), "an outage proves nothing");
    jellyfin.http.reopen().unwrap();
    jellyfin.advance(MINUTE);
    assert!(!all_shown(&*server, &expected).await);
    assert_eq!(jellyfin.holdings.root_looks(), 0);

    crate::media::wait(MINUTE).await;
    tell(&*server, &jellyfin.holdings, std::slice::from_ref(&scan)).await;
    jellyfin.holdings.restart();
    jellyfin.holdings.set_scanning(true);
    assert!(!all_shown(&*server, &expected).await);
    let cause = server.proof().unwrap().why_missing(&expected[0]).await.unwrap();
    assert!(cause.contains("scans everything just now"), "{cause}");

    crate::media::wait(MINUTE).await;
    tell(&*server, &jellyfin.holdings, &[scan]).await;
    jellyfin.advance(MINUTE);
    assert!(shown_at_last(&*server, &expected).await, "told again, it is there");
}

#[tokio::test]
async fn a_server_in_trouble_proves_nothing() {
    let (jellyfin, server) = jellyfin().await;
    jellyfin.holdings.hold(&film(1), 7);
    server.libraries().unwrap().read().await.unwrap();
    let expected = [there(&film(1), 7)];
    let folder = expected[0].path.parent().unwrap();
    for trouble in [
        Trouble::WebPage,
        Trouble::CutOff,
        Trouble::Status(500),
        Trouble::Status(401),
        Trouble::RetryAfter(503, "5".to_owned()),
    ] {
        jellyfin.http.set_trouble(Some(trouble.clone()));
        let found = server.proof().unwrap().find(&folder, &expected).await;
        assert!(found.is_err_and(|fault| fault.stops_the_lane()), "{trouble:?}");
        jellyfin.http.set_trouble(None);
        assert!(all_shown(&*server, &expected).await, "after {trouble:?}");
    }
    jellyfin.http.set_trouble(Some(Trouble::Status(400)));
    let found = shown(&*server, &[there("/media/tv/A/S1/1.mkv", 1)]).await.remove(0);
    assert!(found.starts_with("not yet"), "{found}");
}

#[tokio::test]
async fn the_likeliest_cause_is_named() {
    let (jellyfin, server) = jellyfin().await;
    jellyfin.holdings.place("/media/movies/A/A.mkv", 1);
    jellyfin.holdings.place("/media/movies/A/A.mp3", 1);
    jellyfin.holdings.place("/media/music/A/A/a.mkv", 1);
    jellyfin.holdings.hold("/media/movies/Old/Old.mkv", 1);
    jellyfin.holdings.place("/media/movies/B/cover.jpg", 1);
    jellyfin.holdings.place("/media/movies/I/I.mkv", 1);
    jellyfin.holdings.place("/media/movies/I/.ignore", 0);
    jellyfin.holdings.place("/media/movies/A/A.nut", 1);
    jellyfin.holdings.place("/media/old/A/A.mkv", 1);
    for (file, part) in [
        ("/media/movies/A/Subs/A.mkv", "\"subs\""),
        ("/media/movies/A/sample/A.mkv", "samples"),
        ("/media/movies/A/A-trailer.mkv", "an extra"),
        ("/media/movies/B/B.mkv", "does not find \"/media/movies/B/B.mkv\" on its disk"),
        ("/media/movies/A/A.mp3", "\"Movies\" is for movies"),
        ("/media/music/A/A/a.mkv", "\"Music\" is for music"),
        ("/media/movies/B/B.mkv", "it sees the folder \"/media/movies/B\", but not \"B.mkv\" in it"),
        ("/media/movies/.hidden/A/A.mkv", "hidden folders: the name \".hidden\""),
        ("/media/movies/I/I.mkv", "a file \".ignore\" lies in \"/media/movies/I\""),
        ("/media/movies/A/A.nut", "the ending \"nut\""),
        ("/media/old/A/A.mkv", "the library \"Old Movies\" lists nothing at all"),
        ("/media/movies/A/A.mkv", "finds the file on its disk and made no item of it"),
    ] {
        let cause = server.proof().unwrap().why_missing(&there(file, 1)).await.unwrap();
        assert!(cause.contains(part), "{file}: {cause}");
    }
    let old = "/media/movies/Old/Old.mkv";
    assert!(all_shown(&*server, &[there(old, 1)]).await);
    let cause = server.proof().unwrap().why_missing(&there(old, 9)).await.unwrap();
    assert!(cause.contains("lists \"Old.mkv\" as the file that lay there before, of 1 bytes"), "{cause}");
    for call in jellyfin.http.calls_to("/Environment/ValidatePath") {
        assert!(!call.body.contains("ValidateWritable"), "that would write a file");
    }
    jellyfin.holdings.hide("/media/movies");
    let cause = server.proof().unwrap().why_missing(&there("/media/movies/A/A.mkv", 1)).await.unwrap();
    assert!(cause.contains("permissions"), "{cause}");
    let cause =
        server.proof().unwrap().why_missing(&crate::media::gone("/media/movies/A/A.mkv")).await.unwrap();
    assert!(cause.contains("keeps an item for it"), "{cause}");
    jellyfin.holdings.set_empty("/media/old", true);
    let cause = server.proof().unwrap().why_missing(&crate::media::gone("/media/old/B/B.mkv")).await.unwrap();
    assert!(cause.contains("the folder \"/media/old\" of the library \"Old Movies\" is empty"), "{cause}");
    jellyfin.holdings.set_walk_takes(Duration::from_secs(40));
    tell(&*server, &jellyfin.holdings, &[new_files("/media/movies/N", &["n.mkv"])]).await;
    jellyfin.advance(Duration::from_secs(10));
    let cause = server.proof().unwrap().why_missing(&crate::media::gone("/media/old/B/B.mkv")).await.unwrap();
    assert!(cause.contains("scans the library \"Movies\" just now (25 % done)"), "{cause}");
}

#[tokio::test]
async fn who_watches_and_what_fights_with_us_is_said() {
    let (jellyfin, server) = jellyfin().await;
    assert_eq!(server.playback().unwrap().playing().await, Ok(0));
    jellyfin.holdings.set_sessions(2, 3);
    assert_eq!(server.playback().unwrap().playing().await, Ok(2), "who has paused does not watch");
    assert_eq!(server.advice().unwrap().advise().await.unwrap(), Vec::<String>::new());

    jellyfin.holdings.set_delay(Duration::from_mins(10));
    jellyfin.holdings.set_scan_every(1);
    jellyfin.set_libraries(vec![
        PretendLibrary::new("1", "TV").of("tvshows").at("/media/tv").watched(),
        PretendLibrary::new("2", "Movies").of("movies").at("/media/movies"),
    ]);
    let advice = server.advice().unwrap().advise().await.unwrap();
    assert_eq!(advice.len(), 3, "{advice:?}");
    assert!(advice[0].contains("600 s") && advice[1].contains("\"TV\"") && advice[2].contains("every 1 h"));
    assert!(!advice[1].contains("Movies"));
}

#[tokio::test]
async fn a_folder_is_told_again_only_below_the_library() {
    let (jellyfin, _) = jellyfin().await;
    let server = connect("jellyfin", &json!({"url": jellyfin.http.url(), "token": "jellyfin-key"}));
    for (folder, is_below) in [
        ("/media/tv/Alpha", true),
        ("/media/tv/Alpha/Season 1", true),
        ("/media/tv", false),
        ("/media", false),
        ("/elsewhere", false),
    ] {
        assert_eq!(server.libraries().unwrap().is_below_a_root(&path(folder)).await, is_below, "{folder}");
    }
    assert!(server.proof().is_some());
    assert_eq!(verdicts(&server.scan(&[new_files("/media/tv/New/S1", &["1.mkv"])]).await), ["later 0"]);
}

#[tokio::test]
async fn a_real_folder_is_seen_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (jellyfin, server) = jellyfin().await;
    jellyfin.holdings.sees("/media/tv", folder.path());
    let season = folder.path().join("Alpha/Season 1");
    std::fs::create_dir_all(&season).unwrap();
    std::fs::write(season.join("1.mkv"), b"12345").unwrap();
    let expected = [there("/media/tv/Alpha/Season 1/1.mkv", 5)];
    let scan = new_files("/media/tv/Alpha/Season 1", &["1.mkv"]);
    tell(&*server, &jellyfin.holdings, std::slice::from_ref(&scan)).await;
    jellyfin.advance(MINUTE);
    assert!(all_shown(&*server, &expected).await);

    std::fs::write(season.join("1.mkv"), b"123456").unwrap();
    std::fs::write(season.join("2.mkv"), b"1").unwrap();
    tell(&*server, &jellyfin.holdings, std::slice::from_ref(&scan)).await;
    let expected = [there("/media/tv/Alpha/Season 1/1.mkv", 6), there("/media/tv/Alpha/Season 1/2.mkv", 1)];
    assert!(all_shown(&*server, &expected).await);

    std::fs::remove_file(season.join("1.mkv")).unwrap();
    tell(&*server, &jellyfin.holdings, &[scan]).await;
    assert!(all_shown(&*server, &[crate::media::gone("/media/tv/Alpha/Season 1/1.mkv")]).await);
    assert!(all_shown(&*server, &expected[1..]).await);

    // A mount that is away takes nothing with it.
    std::fs::remove_dir_all(folder.path().join("Alpha")).unwrap();
    tell(&*server, &jellyfin.holdings, &[crate::support::rescan("/media/tv")]).await;
    jellyfin.advance(MINUTE);
    assert!(all_shown(&*server, &expected[1..]).await);
}

#[tokio::test]
async fn what_a_jellyfin_forgot_by_shutting_down_is_lost_at_once() {
    let (jellyfin, server) = jellyfin().await;
    let scan = new_files("/media/movies/Movie 1 (2000)", &["Movie 1 (2000).mkv"]);
    jellyfin.holdings.set_walk_takes(Duration::from_secs(50));
    tell(&*server, &jellyfin.holdings, std::slice::from_ref(&scan)).await;
    let told = tokio::time::Instant::now();
    let proof = server.proof().unwrap();
    while jellyfin.http.open_sockets() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(proof.lost(&scan, told.elapsed()).await, None);
    jellyfin.shut_down();
    server.server_events().unwrap().next().await;
    let reason = proof.lost(&scan, told.elapsed()).await.unwrap();
    assert!(reason.starts_with("Jellyfin shut down after it was told"), "{reason}");
    assert_eq!(proof.lost(&scan, Duration::ZERO).await, None, "what was told since is not lost");
    assert_eq!(jellyfin.http.open_sockets(), 1);
}
