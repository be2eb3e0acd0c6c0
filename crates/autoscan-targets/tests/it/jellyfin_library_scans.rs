//! What is new at a library's top: one scan of the library finds all of it, and the server is left alone meanwhile.

use std::time::Duration;

use crate::media::{all_shown, gone, jellyfin, jellyfin_with, tell, there, wait};
use crate::support::{changed, new_files, path, rescan, verdicts};
use autoscan_core::change::Change;
use autoscan_core::fault::Fault;
use autoscan_core::ports::{Target, TargetScan};
use autoscan_core::proof::{ExpectedFile, Observation};
use autoscan_testkit::{PretendJellyfin, PretendLibrary, Trouble};

/// Time goes by on both sides.
async fn pass(jellyfin: &PretendJellyfin, time: Duration) {
    wait(time).await;
    jellyfin.advance(time);
}

/// A file on its way: what is told of it, and since when it is waited for.
struct Import {
    scan: TargetScan,
    expected: ExpectedFile,
    since: Duration,
    /// When it is told, or asked for after it was told.
    due: Duration,
    told: bool,
    seen: Option<Duration>,
}

impl Import {
    fn new(file: &str, now: Duration) -> Self {
        let (folder, name) = file.rsplit_once('/').unwrap();
        Self::of(new_files(folder, &[name]), file, now)
    }

    fn of(scan: TargetScan, file: &str, now: Duration) -> Self {
        Self { scan, expected: there(file, 7), since: now, due: now, told: false, seen: None }
    }
}

/// One second as the engine spends it: what is due is told in one batch, or asked for.
async fn step(jellyfin: &PretendJellyfin, server: &dyn Target, imports: &mut [Import], now: Duration) {
    let due: Vec<usize> =
        (0..imports.len()).filter(|at| imports[*at].due <= now && !imports[*at].told).collect();
    let batch: Vec<TargetScan> = due.iter().map(|at| imports[*at].scan.clone()).collect();
    if !batch.is_empty() {
        for (at, result) in due.into_iter().zip(server.scan(&batch).await) {
            let import = &mut imports[at];
            match result {
                Ok(()) => (import.told, import.due) = (true, now + Duration::from_secs(2)),
                Err(Fault::Later { after, .. }) => import.due = now + after,
                Err(fault) => assert_eq!(fault.reason(), ""),
            }
        }
    }
    for import in
        imports.iter_mut().filter(|import| import.told && import.due <= now && import.seen.is_none())
    {
        let folder = import.expected.path.parent().unwrap();
        let shown = server.proof().unwrap().find(&folder, std::slice::from_ref(&import.expected)).await;
        if shown.unwrap() == [Observation::Proven] {
            import.seen = Some(now);
        }
        import.due = now + (now.saturating_sub(import.since) / 8).max(Duration::from_secs(1));
    }
    pass(jellyfin, Duration::from_secs(1)).await;
}

#[tokio::test]
async fn fifty_films_at_once_cost_one_scan_and_at_most_a_hundred_requests() {
    let (jellyfin, server) = jellyfin().await;
    jellyfin.holdings.set_walk_takes(Duration::from_secs(6));
    let mut imports = Vec::new();
    for number in 0..50 {
        let file = format!("/media/movies/Film {number} (2000)/Film {number} (2000).mkv");
        jellyfin.holdings.place(&file, 7);
        imports.push(Import::new(&file, Duration::ZERO));
    }
    jellyfin.http.forget_calls();
    for second in 0..20 {
        step(&jellyfin, &*server, &mut imports, Duration::from_secs(second)).await;
    }
    assert!(imports.iter().all(|import| import.seen.is_some()));
    assert_eq!((jellyfin.holdings.walks(), jellyfin.updates().len()), (1, 0));
    let requests = jellyfin.http.call_count();
    assert!(requests <= 100, "{requests} requests");
}

#[tokio::test]
async fn fifty_films_asked_for_by_hand_cost_one_scan_and_at_most_a_hundred_requests() {
    let (jellyfin, server) = jellyfin().await;
    jellyfin.holdings.fill(1000);
    jellyfin.holdings.set_walk_takes(Duration::from_secs(6));
    let mut imports = Vec::new();
    for number in 0..50 {
        let folder = format!("/media/movies/Film {number} (2000)");
        let file = format!("{folder}/Film {number} (2000).mkv");
        jellyfin.holdings.place(&file, 7);
        imports.push(Import::of(rescan(&folder), &file, Duration::ZERO));
    }
    jellyfin.http.forget_calls();
    for second in 0..20 {
        step(&jellyfin, &*server, &mut imports, Duration::from_secs(second)).await;
    }
    assert!(imports.iter().all(|import| import.seen.is_some()));
    assert_eq!(jellyfin.holdings.walks(), 1);
    let requests = jellyfin.http.call_count();
    assert!(requests <= 30, "{requests} requests");
}

#[tokio::test]
async fn many_folders_of_known_films_are_found_by_one_list_and_no_scan_of_the_library() {
    let (jellyfin, server) = jellyfin().await;
    let folder = |number: usize| format!("/media/movies/Film {number} (2000)");
    let batch: Vec<TargetScan> = (0..20).map(|number| rescan(&folder(number))).collect();
    for number in 0..20 {
        jellyfin.holdings.hold(&format!("{}/Film {number} (2000).mkv", folder(number)), 7);
    }
    jellyfin.http.forget_calls();
    assert!(server.scan(&batch).await.iter().all(Result::is_ok));
    assert_eq!((jellyfin.refreshed().len(), jellyfin.holdings.walks()), (20, 0));
    assert_eq!(jellyfin.http.calls_to("/Items").len(), 1);
}

#[tokio::test]
async fn known_files_of_a_library_of_home_videos_are_refreshed_however_many_come_at_once() {
    let library = PretendLibrary::new("5", "Home").of("homevideos").at("/media/home");
    let (jellyfin, server) = jellyfin_with(&[library]).await;
    let file = |number: usize| format!("/media/home/Day {number}.mp4");
    (0..6).for_each(|number| jellyfin.holdings.hold(&file(number), 7));
    let batch: Vec<TargetScan> =
        (0..6).map(|number| changed("/media/home", vec![Change::modified(path(&file(number)))])).collect();
    assert!(server.scan(&batch).await.iter().all(Result::is_ok));
    assert_eq!((jellyfin.refreshed().len(), jellyfin.holdings.walks()), (6, 0));
}

#[tokio::test]
async fn the_folders_of_a_great_library_are_searched_one_by_one() {
    let (jellyfin, server) = jellyfin().await;
    jellyfin.holdings.fill(50_000);
    let batch: Vec<TargetScan> =
        (0..6).map(|number| rescan(&format!("/media/movies/Film {number} (2000)"))).collect();
    for _ in 0..2 {
        jellyfin.http.forget_calls();
        assert!(server.scan(&batch).await.iter().all(|result| matches!(result, Err(Fault::Later { .. }))));
    }
    assert_eq!(jellyfin.http.calls_to("/Items").len(), 0, "what waits is not looked up again");
    pass(&jellyfin, Duration::from_secs(3)).await;
    assert!(server.scan(&batch).await.iter().all(Result::is_ok));
    assert_eq!((jellyfin.http.calls_to("/Items").len(), jellyfin.holdings.walks()), (0, 1));
}

#[tokio::test]
async fn a_numbered_episode_is_asked_for_alone_and_then_otherwise_where_the_server_counts_in_its_own_way() {
    let (jellyfin, server) = jellyfin().await;
    let season = "/media/tv/Alpha/Season 1";
    for number in 1..=70 {
        jellyfin.holdings.hold(&format!("{season}/Alpha - S01E{number:02}.mkv"), 7);
    }
    let episode = |name: &str| there(&format!("{season}/{name}.mkv"), 7);
    assert!(all_shown(&*server, &[episode("Alpha - S01E01")]).await);
    jellyfin.http.forget_calls();
    assert!(all_shown(&*server, &[episode("Alpha - S01E70")]).await);
    let calls = jellyfin.http.calls_to("/Items");
    assert_eq!((calls.len(), calls[0].param("IndexNumber")), (1, Some("70")));

    // Its name says another number to autoscan than to the server.
    jellyfin.holdings.hold(&format!("{season}/Alpha 1x05 - s01e71.mkv"), 7);
    let odd = episode("Alpha 1x05 - s01e71");
    assert!(!all_shown(&*server, std::slice::from_ref(&odd)).await);
    assert!(all_shown(&*server, &[odd]).await);
}

#[tokio::test]
async fn eight_shows_in_a_burst_are_at_most_two_scans_of_a_great_library() {
    let (jellyfin, server) = jellyfin().await;
    jellyfin.holdings.set_walk_takes(Duration::from_secs(15));
    let mut imports = Vec::new();
    for second in 0..60 {
        let now = Duration::from_secs(second);
        // Two every second.
        if second < 4 {
            for one in 0..2 {
                let show = format!("/media/tv/Show {}/Season 1/1.mkv", second * 2 + one);
                jellyfin.holdings.place(&show, 7);
                imports.push(Import::new(&show, now));
            }
        }
        step(&jellyfin, &*server, &mut imports, now).await;
    }
    assert!(imports.iter().all(|import| import.seen.is_some()));
    assert!(jellyfin.holdings.walks() <= 2, "{}", jellyfin.holdings.walks());
}

#[tokio::test]
async fn a_steady_stream_into_four_libraries_side_by_side_is_shown_within_fifteen_seconds() {
    let of =
        |id: &str, title: &str, kind: &str, folder: &str| PretendLibrary::new(id, title).of(kind).at(folder);
    let (jellyfin, server) = jellyfin_with(&[
        of("1", "TV", "tvshows", "/media/tv"),
        of("2", "TV 4K", "tvshows", "/media/tv4k"),
        of("3", "Movies", "movies", "/media/movies"),
        of("4", "Movies 4K", "movies", "/media/movies4k"),
    ])
    .await;
    jellyfin.holdings.set_walk_takes(Duration::from_secs(1));
    let (mut imports, mut number): (Vec<Import>, u64) = (Vec::new(), 0);
    for second in 0..630 {
        let now = Duration::from_secs(second);
        // One every 4.5 s, for ten minutes.
        if second < 600 && number * 9 <= second * 2 {
            let file = match number % 4 {
                0 => format!("/media/tv/Show {number}/Season 1/1.mkv"),
                1 => format!("/media/movies/Film {number}/Film {number}.mkv"),
                2 => format!("/media/tv4k/Show {number}/Season 1/1.mkv"),
                _ => format!("/media/movies4k/Film {number}/Film {number}.mkv"),
            };
            jellyfin.holdings.place(&file, 7);
            imports.push(Import::new(&file, now));
            number += 1;
        }
        step(&jellyfin, &*server, &mut imports, now).await;
    }
    let took = |import: &Import| import.seen.map(|seen| seen.saturating_sub(import.since));
    let slowest = imports.iter().map(|import| took(import).unwrap_or(Duration::MAX)).max().unwrap();
    assert!(imports.len() > 130 && slowest <= Duration::from_secs(15), "{slowest:?}");
    assert!(jellyfin.updates().is_empty(), "no library's folder is named by a report");
}

#[tokio::test]
async fn a_new_episode_of_a_known_season_is_at_most_three_requests() {
    let (jellyfin, server) = jellyfin().await;
    let season = "/media/tv/Alpha/Season 1";
    jellyfin.holdings.hold(&format!("{season}/1.mkv"), 7);
    assert!(all_shown(&*server, &[there(&format!("{season}/1.mkv"), 7)]).await);
    jellyfin.holdings.place(&format!("{season}/2.mkv"), 7);
    jellyfin.http.forget_calls();
    assert_eq!(verdicts(&server.scan(&[new_files(season, &["2.mkv"])]).await), ["ok"]);
    assert!(all_shown(&*server, &[there(&format!("{season}/2.mkv"), 7)]).await);
    assert!(jellyfin.http.call_count() <= 3, "{}", jellyfin.http.call_count());
    assert_eq!(jellyfin.holdings.walks(), 0);
}

#[tokio::test]
async fn what_comes_while_a_scan_waits_in_the_servers_queue_needs_no_other() {
    let (jellyfin, server) = jellyfin().await;
    jellyfin.holdings.set_walk_takes(Duration::from_secs(30));
    tell(&*server, &jellyfin.holdings, &[new_files("/media/tv/A/Season 1", &["1.mkv"])]).await;
    tell(&*server, &jellyfin.holdings, &[new_files("/media/movies/B", &["b.mkv"])]).await;
    pass(&jellyfin, Duration::from_secs(1)).await;
    // The television is scanned, and the films wait behind it.
    jellyfin.holdings.place("/media/movies/C/c.mkv", 7);
    assert_eq!(verdicts(&server.scan(&[new_files("/media/movies/C", &["c.mkv"])]).await), ["ok"]);
    let later = server.scan(&[new_files("/media/tv/D/Season 1", &["1.mkv"])]).await;
    assert_eq!(verdicts(&later)[0][..5], *"later");
    assert_eq!(jellyfin.holdings.walks(), 2);
    pass(&jellyfin, Duration::from_mins(1)).await;
    assert!(jellyfin.holdings.has("/media/movies/C/c.mkv"));
}

#[tokio::test]
async fn refreshes_go_out_one_at_a_time() {
    let (jellyfin, server) = jellyfin().await;
    let mut batch = Vec::new();
    for number in 0..6 {
        let season = format!("/media/tv/Show {number}/Season 1");
        jellyfin.holdings.hold(&format!("{season}/1.mkv"), 7);
        assert!(all_shown(&*server, &[there(&format!("{season}/1.mkv"), 7)]).await);
        batch.push(new_files(&season, &["2.mkv"]));
    }
    jellyfin.http.set_trouble(Some(Trouble::Slow(Duration::from_millis(20))));
    jellyfin.http.forget_calls();
    let both = tokio::join!(server.scan(&batch[..3]), server.scan(&batch[3..]));
    assert!(both.0.iter().chain(&both.1).all(Result::is_ok));
    assert_eq!((jellyfin.http.call_count(), jellyfin.http.most_at_once()), (6, 1));
}

#[tokio::test]
async fn the_first_film_of_a_library_that_was_never_filled_is_found() {
    let (jellyfin, server) = jellyfin().await;
    jellyfin.holdings.never_fill("/media/movies");
    let film = "/media/movies/First/First.mkv";
    jellyfin.holdings.place(film, 7);
    tell(&*server, &jellyfin.holdings, &[new_files("/media/movies/First", &["First.mkv"])]).await;
    assert!(jellyfin.holdings.has(film));
}

#[tokio::test]
async fn an_album_of_an_artist_that_no_tags_name_is_found_by_a_scan_of_the_library() {
    let (jellyfin, server) = jellyfin().await;
    for artist in ["Tagged", "Various"] {
        jellyfin.holdings.hold(&format!("/media/music/{artist}/One/1.flac"), 7);
    }
    jellyfin.holdings.untag("/media/music/Various");
    for (artist, walks) in [("Tagged", 0), ("Various", 1)] {
        let song = format!("/media/music/{artist}/Two/1.flac");
        jellyfin.holdings.place(&song, 7);
        tell(&*server, &jellyfin.holdings, &[new_files(&format!("/media/music/{artist}/Two"), &["1.flac"])])
            .await;
        assert!(jellyfin.holdings.has(&song), "{artist}");
        assert_eq!(jellyfin.holdings.walks(), walks, "{artist}");
    }
    let track = "/media/music/Various/One/2.flac";
    jellyfin.holdings.place(track, 7);
    tell(&*server, &jellyfin.holdings, &[new_files("/media/music/Various/One", &["2.flac"])]).await;
    assert!(jellyfin.holdings.has(track) && jellyfin.holdings.walks() == 1, "a known album is refreshed");
}

#[tokio::test]
async fn a_file_that_is_gone_is_seen_from_above_though_only_its_path_was_named() {
    let (jellyfin, server) = jellyfin().await;
    let episode = "/media/tv/Alpha/Season 1/1.mkv";
    let film = "/media/movies/Heat (1995)/Heat (1995).mkv";
    for file in [episode, film] {
        jellyfin.holdings.hold(file, 7);
        assert!(all_shown(&*server, &[there(file, 7)]).await);
        jellyfin.holdings.lose(file);
        let folder = path(file).parent().unwrap();
        let asked = changed(folder.as_str(), vec![Change::modified(path(file))]);
        tell(&*server, &jellyfin.holdings, &[asked]).await;
        assert!(all_shown(&*server, &[gone(file)]).await, "{file}");
    }
}

#[tokio::test]
async fn a_photo_is_an_item_of_its_own_among_home_videos() {
    let home = PretendLibrary::new("5", "Home").of("homevideos").at("/media/home");
    let (jellyfin, server) = jellyfin_with(&[home]).await;
    jellyfin.holdings.hold("/media/home/Summer/a.mp4", 7);
    let photo = "/media/home/Summer/b.jpg";
    jellyfin.holdings.place(photo, 7);
    let scan = TargetScan {
        companions: vec![path("/media/home/Summer/a.mp4")],
        ..new_files("/media/home/Summer", &["b.jpg"])
    };
    tell(&*server, &jellyfin.holdings, &[scan]).await;
    assert!(jellyfin.holdings.has(photo));
    assert!(all_shown(&*server, &[there(photo, 7)]).await);
    assert!(!all_shown(&*server, &[there("/media/home/Summer/c.jpg", 7)]).await, "that is missing");
}

#[tokio::test]
async fn what_a_running_scan_of_the_library_finds_costs_no_other_when_it_changes_again() {
    let (jellyfin, server) = jellyfin().await;
    jellyfin.holdings.set_walk_takes(Duration::from_secs(1));
    let episode = "/media/tv/B/Season 1/1.mkv";
    jellyfin.holdings.place("/media/tv/A/Season 1/1.mkv", 7);
    tell(&*server, &jellyfin.holdings, &[new_files("/media/tv/A/Season 1", &["1.mkv"])]).await;
    jellyfin.holdings.place(episode, 7);
    let created = new_files("/media/tv/B/Season 1", &["1.mkv"]);
    assert_eq!(verdicts(&server.scan(std::slice::from_ref(&created)).await)[0][..5], *"later");
    pass(&jellyfin, Duration::from_secs(3)).await;
    tell(&*server, &jellyfin.holdings, &[created]).await;
    let walks = jellyfin.holdings.walks();
    pass(&jellyfin, Duration::from_secs(3)).await;
    assert!(jellyfin.holdings.has(episode));
    for scan in [
        changed("/media/tv/B/Season 1", vec![Change::modified(path(episode))]),
        rescan("/media/tv/B/Season 1"),
    ] {
        tell(&*server, &jellyfin.holdings, &[scan]).await;
    }
    assert_eq!(jellyfin.holdings.walks(), walks);
}

#[tokio::test]
async fn an_album_whose_artist_lost_its_tags_meanwhile_is_found_when_it_is_told_again() {
    let (jellyfin, server) = jellyfin().await;
    jellyfin.holdings.hold("/media/music/Abba/Arrival/1.flac", 7);
    let first = new_files("/media/music/Abba/Ring Ring", &["1.flac"]);
    assert_eq!(verdicts(&server.scan(&[first]).await), ["ok"]);
    jellyfin.holdings.untag("/media/music/Abba");
    let song = "/media/music/Abba/Waterloo/1.flac";
    jellyfin.holdings.place(song, 7);
    let scan = new_files("/media/music/Abba/Waterloo", &["1.flac"]);
    tell(&*server, &jellyfin.holdings, std::slice::from_ref(&scan)).await;
    pass(&jellyfin, Duration::from_secs(2)).await;
    assert!(!all_shown(&*server, &[there(song, 7)]).await);
    tell(&*server, &jellyfin.holdings, &[scan]).await;
    pass(&jellyfin, Duration::from_secs(2)).await;
    assert!(all_shown(&*server, &[there(song, 7)]).await);
}
