//! What Jellyfin is asked after a scan, and what that costs.

use std::sync::Arc;
use std::time::Duration;

use crate::media::{
    all_shown, cost, folder_gone, gone, jellyfin, jellyfin_from, libraries, shown, there, wait,
};
use crate::support::{new_files, target};
use autoscan_core::ports::Target;
use autoscan_testkit::PretendJellyfin;

/// What asking for one folder may cost.
const REQUESTS: usize = 2;
const BYTES: u64 = 64 * 1024;

async fn jellyfin_of(version: &str) -> (PretendJellyfin, Arc<dyn Target>) {
    jellyfin_from(PretendJellyfin::builder().version(version), &libraries()).await
}

#[tokio::test]
async fn asking_costs_two_small_requests_on_a_server_with_half_a_million_items() {
    let (jellyfin, server) = jellyfin().await;
    jellyfin.holdings.fill(500_000);
    assert!(jellyfin.holdings.len() > 500_000);
    let season = "/media/tv/The Expanse (2015) {tvdb-280619}/Season 02";
    let film = "/media/movies/Spider-Man - Far From Home (2019)/Spider-Man - Far From Home (2019).mkv";
    let song = "/media/music/Boards of Canada/Geogaddi (2002)/01 - Ready Lets Go.flac";
    for number in 1..=22 {
        jellyfin.holdings.hold(&format!("{season}/The Expanse - S02E{number:02} - 1080p.mkv"), 5);
    }
    jellyfin.holdings.hold(film, 5);
    jellyfin.holdings.hold(song, 5);
    let episode = |number: usize| there(&format!("{season}/The Expanse - S02E{number:02} - 1080p.mkv"), 5);
    let known = "/media/tv/Silent River 0 (2001)/Season 03/Silent River 0 - S03E04 - 1080p.mkv";
    for (what, expected) in [
        ("an episode", vec![episode(7)]),
        ("a season", (1..=22).map(episode).collect()),
        ("an episode that is gone", vec![gone(&format!("{season}/The Expanse - S02E01 - 720p.mkv"))]),
        ("a film", vec![there(film, 5)]),
        ("a song", vec![there(song, 5)]),
        ("an old episode", vec![there(known, 1_000_000_000)]),
    ] {
        // The scan comes first, as it always does.
        let folder = expected[0].path.parent().unwrap();
        let name = expected[0].path.0.file_name().unwrap().to_owned();
        let _ = server.scan(&[new_files(folder.as_str(), &[&name])]).await;
        for time in ["first", "second"] {
            let (requests, bytes, shown) = cost(&jellyfin.http, &*server, &expected).await;
            assert!(shown.iter().all(|shown| shown == "proven"), "{what}: {shown:?}");
            assert!(
                requests <= REQUESTS && bytes <= BYTES,
                "{what}, {time}: {requests} requests, {bytes} bytes"
            );
        }
    }
}

#[tokio::test]
async fn what_is_not_there_costs_little_too_and_never_the_library() {
    let (jellyfin, server) = jellyfin().await;
    jellyfin.holdings.fill(500_000);
    for file in [
        "/media/movies/Nowhere Near (2020)/Nowhere Near (2020).mkv",
        "/media/tv/Nowhere Near (2020)/Season 01/Nowhere Near - S01E01.mkv",
        // Its season is there, and it is not.
        "/media/tv/Silent River 0 (2001)/Season 03/Silent River 0 - S03E11.mkv",
    ] {
        for _ in 0..12 {
            let (requests, bytes, shown) = cost(&jellyfin.http, &*server, &[there(file, 5)]).await;
            assert!(shown[0].starts_with("not yet: Jellyfin "), "{shown:?}");
            assert!(requests <= 2 && bytes <= BYTES, "{file}: {requests} requests, {bytes} bytes");
            for call in jellyfin.http.calls_to("/Items") {
                assert!(
                    call.param("limit").is_some_and(|limit| limit.parse::<usize>().unwrap() <= 200),
                    "{call:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_file_is_proven_by_its_exact_path_and_its_size() {
    for version in ["10.10.7", "10.11.11", "12.0.0"] {
        let (jellyfin, server) = jellyfin_of(version).await;
        let season = "/media/tv/Alpha (2001)/Season 01";
        jellyfin.holdings.hold(&format!("{season}/Alpha - S01E01.mkv"), 5);
        jellyfin.holdings.hold("/media/tv/Alpha (2001)/flat.mkv", 5);
        jellyfin.holdings.hold("/media/movies/Heat (1995)/Heat (1995) - 1080p.mkv", 5);
        jellyfin.holdings.hold("/media/movies/Heat (1995)/Heat (1995) - 2160p.mkv", 9);
        jellyfin.holdings.hold("/media/movies/Flat Film (1990).mkv", 5);
        // The same names in another library prove nothing.
        jellyfin.holdings.hold("/media/old/Dune (1984)/Dune (1984).mkv", 5);
        jellyfin.holdings.hold("/media/music/Abba/Arrival/01.flac", 5);
        let table = [
            (there(&format!("{season}/Alpha - S01E01.mkv"), 5), "proven"),
            (there(&format!("{season}/Alpha - S01E01.mkv"), 6), "with 5 bytes, but on the disk it has 6"),
            (there(&format!("{season}/alpha - s01e01.mkv"), 5), "shows 1 file in"),
            (there(&format!("{season}/Alpha - S01E02.mkv"), 5), "shows 1 file in"),
            (gone(&format!("{season}/Alpha - S01E01.mkv")), "still shows"),
            (gone(&format!("{season}/Alpha - S01E03.mkv")), "proven"),
            (there("/media/tv/Alpha (2001)/flat.mkv", 5), "proven"),
            (there("/media/tv/Alpha (2001)/Season 09/x.mkv", 5), "shows no file in"),
            (gone("/media/tv/Alpha (2001)/Season 09/x.mkv"), "proven"),
            (there("/media/movies/Heat (1995)/Heat (1995) - 1080p.mkv", 5), "proven"),
            (there("/media/movies/Heat (1995)/Heat (1995) - 2160p.mkv", 9), "proven"),
            (there("/media/movies/Heat (1995)/Heat (1995) - 2160p.mkv", 8), "with 9 bytes"),
            (there("/media/movies/Heat (1995)/Heat (1995) - 480p.mkv", 8), "another file of it"),
            (gone("/media/movies/Heat (1995)/Heat (1995) - 1080p.mkv"), "still shows"),
            (gone("/media/movies/Heat (1995)/Heat (1995) - 480p.mkv"), "proven"),
            (there("/media/movies/Heat (1995)/Heat-cd2.mkv", 8), "but not"),
            (there("/media/movies/Heat (1995)/Heat.en.srt", 8), "unknowable"),
            (there("/media/movies/Flat Film (1990).mkv", 5), "proven"),
            (there("/media/movies/Dune (1984)/Dune (1984).mkv", 5), "shows nothing in"),
            (there("/media/music/Abba/Arrival/01.flac", 5), "proven"),
            (there("/media/music/Abba/Arrival/02.flac", 5), "shows 1 file in"),
            (folder_gone(season), "still shows"),
            (folder_gone("/media/tv/Alpha (2001)"), "still shows"),
            (folder_gone("/media/tv/Alpha (2001)/Season 02"), "proven"),
            (folder_gone("/media/tv/Beta"), "proven"),
            (folder_gone("/media/movies/Heat (1995)"), "still shows"),
            (folder_gone("/media/movies/Cold (1995)"), "proven"),
        ];
        // Cold and with what was learnt before.
        for _ in 0..2 {
            for (expected, part) in &table {
                let shown = shown(&*server, std::slice::from_ref(expected)).await.remove(0);
                // In a later round a folder is asked for rarely, and the list of what is new for all.
                let waits = !part.starts_with("proven") && shown.contains("has read no such new file");
                assert!(shown.contains(part) || waits, "{version}: {expected:?}: {shown}");
            }
        }
    }
}

#[tokio::test]
async fn what_was_learnt_is_forgotten_when_it_is_gone() {
    let (jellyfin, server) = jellyfin().await;
    let season = "/media/tv/Alpha/Season 1";
    let file = there("/media/tv/Alpha/Season 1/1.mkv", 5);
    let movie = there("/media/movies/Heat (1995)/Heat (1995).mkv", 5);
    for _ in 0..3 {
        jellyfin.holdings.hold(file.path.as_str(), 5);
        jellyfin.holdings.hold(movie.path.as_str(), 5);
        wait(Duration::from_secs(1)).await;
        assert!(all_shown(&*server, std::slice::from_ref(&file)).await);
        assert!(all_shown(&*server, std::slice::from_ref(&movie)).await);
        jellyfin.holdings.forget(season);
        jellyfin.holdings.forget(movie.path.as_str());
        assert!(all_shown(&*server, &[folder_gone(season)]).await);
        assert!(all_shown(&*server, &[gone(movie.path.as_str())]).await);
        // What was listed less than a second ago is believed.
        wait(Duration::from_secs(1)).await;
        assert!(!all_shown(&*server, std::slice::from_ref(&file)).await);
        jellyfin.holdings.forget("/media/tv/Alpha");
        assert!(!all_shown(&*server, std::slice::from_ref(&file)).await);
        assert!(!all_shown(&*server, std::slice::from_ref(&movie)).await);
    }
}

#[tokio::test]
async fn an_item_under_another_title_is_found_among_the_newest_or_by_a_word_or_in_the_end_by_its_place() {
    let folder = "/media/movies/Spider-Man Far from Home (2019)";
    let film = format!("{folder}/Spider-Man Far from Home (2019).mkv");
    let show = "/media/tv/Shingeki no Kyojin/Season 1/1.mkv";
    let (jellyfin, server) = jellyfin_of("10.10.7").await;
    jellyfin.holdings.hold(&film, 5);
    jellyfin.holdings.rename(&film, "Spider-Man: Far from Home");
    jellyfin.holdings.hold(show, 5);
    jellyfin.holdings.rename("/media/tv/Shingeki no Kyojin", "Attack on Titan");
    assert!(all_shown(&*server, &[there(&film, 5)]).await, "among the newest");
    assert!(all_shown(&*server, &[there(show, 5)]).await, "among the newest");

    let (jellyfin, _) = jellyfin_of("10.10.7").await;
    jellyfin.holdings.hold(&film, 5);
    jellyfin.holdings.rename(&film, "Spider-Man: Far from Home");
    jellyfin.holdings.hold(show, 5);
    jellyfin.holdings.rename("/media/tv/Shingeki no Kyojin", "Attack on Titan");
    jellyfin.holdings.fill(2000);
    // All of that came long ago.
    jellyfin.advance(Duration::from_hours(1));
    let server = target("jellyfin", &jellyfin.http.url());
    let mut askings = 0;
    while !all_shown(&*server, &[there(&film, 5)]).await {
        askings += 1;
        assert!(askings < 30, "a single word is searched");
    }
    assert!(!all_shown(&*server, &[there(show, 5)]).await);
    wait(Duration::from_mins(4)).await;
    jellyfin.http.forget_calls();
    let mut rounds = 0;
    while !all_shown(&*server, &[there(show, 5)]).await {
        rounds += 1;
        assert!(rounds < 20, "the top of the library is gone through");
    }
    let sweeps = jellyfin.http.calls().iter().filter(|call| call.param("limit") == Some("500")).count();
    assert_eq!(sweeps, 1);
}

#[tokio::test]
async fn a_file_that_changed_in_place_is_known_by_its_size_also_among_many() {
    let (jellyfin, server) = jellyfin().await;
    let season = "/media/tv/Alpha/Season 1";
    let files: Vec<String> = (1..=9).map(|number| format!("{season}/Alpha - S01E0{number}.mkv")).collect();
    for file in &files {
        jellyfin.holdings.hold(file, 5);
    }
    let changes = files
        .iter()
        .map(|file| autoscan_core::change::Change::modified(crate::support::path(file)))
        .collect();
    jellyfin.holdings.set_refresh_takes(Duration::from_secs(30));
    for file in &files {
        jellyfin.holdings.place(file, 6);
    }
    assert!(server.scan(&[crate::support::changed(season, changes)]).await[0].is_ok());
    let expected: Vec<_> = files.iter().map(|file| there(file, 6)).collect();
    assert!(shown(&*server, &expected).await.iter().all(|shown| shown.contains("with 5 bytes")));
    jellyfin.advance(Duration::from_secs(30));
    assert!(all_shown(&*server, &expected).await);
}

#[tokio::test]
async fn files_of_several_folders_are_answered_in_order() {
    let (jellyfin, server) = jellyfin().await;
    for file in ["/media/tv/Alpha/Season 2/b.mkv", "/media/tv/Alpha/Season 1/a.mkv"] {
        jellyfin.holdings.hold(file, 5);
    }
    let expected = [
        there("/media/tv/Alpha/Season 2/b.mkv", 5),
        there("/media/tv/Alpha/Season 1/x.mkv", 5),
        there("/media/tv/Alpha/Season 1/a.mkv", 5),
        gone("/media/tv/Alpha/Season 3/c.mkv"),
    ];
    let shown = shown(&*server, &expected).await;
    let proven: Vec<bool> = shown.iter().map(|shown| shown == "proven").collect();
    assert_eq!(proven, [true, false, true, true], "{shown:?}");
}

#[tokio::test]
async fn a_season_of_a_thousand_episodes_is_gone_through_page_by_page() {
    let (jellyfin, server) = jellyfin().await;
    for number in 0..1000 {
        jellyfin.holdings.hold(&format!("/media/tv/Soap/{number:04}.mkv"), 5);
    }
    assert!(all_shown(&*server, &[there("/media/tv/Soap/0003.mkv", 5)]).await);
    assert!(all_shown(&*server, &[gone("/media/tv/Soap/1000.mkv")]).await);
    let newest = cost(&jellyfin.http, &*server, &[there("/media/tv/Soap/0999.mkv", 5)]).await;
    assert!(newest.0 <= REQUESTS && newest.1 <= BYTES, "{newest:?}");
}
