//! How Jellyfin is told of what it knows and of what it does not, on the model of its queue of refreshes.

use std::time::Duration;

use crate::media::{all_shown, jellyfin, tell, there, wait};
use crate::support::{changed, new_files, path, rescan, verdicts};
use autoscan_core::change::{Change, ChangeKind};
use autoscan_core::fault::Fault;
use autoscan_core::ports::TargetScan;
use autoscan_testkit::PretendJellyfin;

fn reports(jellyfin: &PretendJellyfin) -> usize {
    jellyfin.http.calls_to("/Library/Media/Updated").len()
}

fn refreshed(jellyfin: &PretendJellyfin) -> Vec<String> {
    jellyfin.holdings.refreshes().into_iter().map(|refresh| refresh.path).collect()
}

fn film(number: usize) -> TargetScan {
    new_files(&format!("/media/movies/Movie {number} (2000)"), &[&format!("Movie {number} (2000).mkv")])
}

fn film_file(number: usize) -> String {
    format!("/media/movies/Movie {number} (2000)/Movie {number} (2000).mkv")
}

#[tokio::test]
async fn fifty_new_movies_are_one_scan_of_their_library() {
    let (jellyfin, server) = jellyfin().await;
    let batch: Vec<_> = (1..=50).map(film).collect();
    for number in 1..=50 {
        jellyfin.holdings.place(&film_file(number), 7);
    }
    assert_eq!(verdicts(&server.scan(&batch[..20]).await), ["later 0"; 20]);
    wait(Duration::from_millis(200)).await;
    assert_eq!(verdicts(&server.scan(&batch[20..]).await), ["later 0"; 30]);
    wait(Duration::from_secs(2)).await;
    assert!(server.scan(&batch).await.iter().all(Result::is_ok));
    assert_eq!((reports(&jellyfin), jellyfin.holdings.walks()), (0, 1));
    assert_eq!((refreshed(&jellyfin), jellyfin.holdings.root_looks()), (vec!["Movies".to_owned()], 1));
    for number in 1..=50 {
        assert!(all_shown(&*server, &[there(&film_file(number), 7)]).await, "{number}");
    }
}

#[tokio::test]
async fn movies_that_come_back_a_moment_apart_are_still_one_look() {
    let (jellyfin, server) = jellyfin().await;
    assert_eq!(verdicts(&server.scan(&[film(1), film(2), film(3)]).await), ["later 0"; 3]);
    wait(Duration::from_millis(2500)).await;
    for number in 1..=3 {
        assert_eq!(verdicts(&server.scan(&[film(number)]).await), ["ok"]);
        wait(Duration::from_millis(100)).await;
    }
    assert_eq!((jellyfin.refreshed(), jellyfin.holdings.walks()), (vec!["/media/movies".to_owned()], 1));
}

#[tokio::test]
async fn a_stream_of_movies_leaves_the_server_time_for_others_and_starves_nobody() {
    let (jellyfin, server) = jellyfin().await;
    jellyfin.holdings.set_walk_takes(Duration::from_secs(20));
    let step = Duration::from_secs(5);
    let mut waiting: Vec<(usize, Duration)> = Vec::new();
    let mut now = Duration::ZERO;
    let mut number = 0;
    // Five minutes of a movie every five seconds, and then until nothing waits.
    while now < Duration::from_mins(5) || !waiting.is_empty() {
        if now < Duration::from_mins(5) {
            number += 1;
            jellyfin.holdings.place(&film_file(number), 7);
            waiting.push((number, now));
        }
        let due: Vec<usize> =
            waiting.iter().filter(|(_, at)| *at <= now).map(|(number, _)| *number).collect();
        waiting.retain(|(_, at)| *at > now);
        let batch: Vec<TargetScan> = due.iter().map(|number| film(*number)).collect();
        for (number, result) in due.into_iter().zip(server.scan(&batch).await) {
            match result {
                Ok(()) => {}
                Err(Fault::Later { after, .. }) => waiting.push((number, now + after)),
                Err(fault) => assert_eq!(fault.reason(), ""),
            }
        }
        wait(step).await;
        jellyfin.advance(step);
        now += step;
    }
    jellyfin.advance(Duration::from_mins(1));
    assert!(now < Duration::from_mins(6), "{now:?}");
    let walks = jellyfin.holdings.walks();
    assert!((5..=13).contains(&walks), "{walks} scans of the library, of 20 s each, in five minutes");
    for number in 1..=number {
        assert!(jellyfin.holdings.has(&film_file(number)), "{number}");
    }
}

#[tokio::test]
async fn new_episodes_of_known_seasons_are_refreshes_of_the_seasons_alone() {
    let (jellyfin, server) = jellyfin().await;
    let mut batch = Vec::new();
    let mut seasons = Vec::new();
    for show in ["Alpha (2001)", "Mr. Beta", "Gamma {tvdb-1}"] {
        for season in ["Season 01", "Specials"] {
            let folder = format!("/media/tv/{show}/{season}");
            jellyfin.holdings.hold(&format!("{folder}/old.mkv"), 5);
            jellyfin.holdings.place(&format!("{folder}/e1.mkv"), 6);
            batch.push(new_files(&folder, &["e1.mkv", "e2.mkv"]));
            seasons.push(folder);
        }
    }
    assert!(server.scan(&batch).await.iter().all(Result::is_ok));
    assert_eq!((reports(&jellyfin), jellyfin.holdings.root_looks()), (0, 0));
    assert_eq!(refreshed(&jellyfin), seasons);
    assert_eq!(jellyfin.refreshed(), seasons);
    for refresh in jellyfin.holdings.refreshes() {
        assert_eq!(refresh.param("metadataRefreshMode"), Some("Default"));
        assert_eq!(refresh.param("imageRefreshMode"), Some("Default"));
        assert!(refresh.query.iter().all(|(name, _)| !name.to_lowercase().starts_with("replace")));
    }
    for folder in &seasons {
        assert!(all_shown(&*server, &[there(&format!("{folder}/e1.mkv"), 6)]).await, "{folder}");
    }
}

#[tokio::test]
async fn what_is_told_fits_what_happened() {
    let old = "/media/tv/Alpha/Season 1/Alpha - S01E01.mkv";
    let film = "/media/movies/Heat (1995)/Heat (1995).mkv";
    let song = "/media/music/Abba/Arrival/01.flac";
    let one = |folder: &str, change: Change<_>| changed(folder, vec![change]);
    let season = "/media/tv/Alpha/Season 1";
    let table = [
        (one(season, Change::created(path("/media/tv/Alpha/Season 1/2.mkv"))), vec![season], vec![]),
        (one(season, Change::deleted(path(old))), vec![season], vec![]),
        (one(season, Change::modified(path(old))), vec![old], vec![]),
        (one("/media/tv/Alpha", Change::deleted(path(old))), vec!["/media/tv/Alpha"], vec![]),
        (one(season, Change::folder_deleted(path(season))), vec!["/media/tv/Alpha"], vec![]),
        (new_files("/media/tv/Alpha/Season 2", &["1.mkv"]), vec!["/media/tv/Alpha"], vec![]),
        (new_files("/media/tv/Beta/Season 1", &["1.mkv"]), vec![], vec!["TV"]),
        (one("/media/tv/Alpha", Change::folder_deleted(path("/media/tv/Alpha"))), vec![], vec!["TV"]),
        (rescan(season), vec![season], vec![]),
        (rescan("/media/tv/Alpha"), vec!["/media/tv/Alpha"], vec![]),
        (rescan("/media/tv"), vec![], vec!["TV"]),
        (rescan("/media/movies/Heat (1995)"), vec![film], vec![]),
        (one("/media/movies/Heat (1995)", Change::modified(path(film))), vec![film], vec![]),
        (one("/media/movies/Heat (1995)", Change::deleted(path(film))), vec![], vec!["Movies"]),
        (new_files("/media/music/Abba/Ring Ring", &["1.flac"]), vec!["/media/music/Abba"], vec![]),
        (new_files("/media/music/Abba/Arrival", &["2.flac"]), vec!["/media/music/Abba/Arrival"], vec![]),
        (one("/media/music/Abba/Arrival", Change::modified(path(song))), vec![song], vec![]),
        (new_files("/media/music/Queen/Jazz", &["1.flac"]), vec![], vec!["Music"]),
    ];
    for (scan, refreshes, scanned) in table {
        let (jellyfin, server) = jellyfin().await;
        for file in [old, film, song] {
            jellyfin.holdings.hold(file, 5);
        }
        let deleted = scan.changes.iter().filter(|change| change.kind == ChangeKind::Deleted);
        for change in deleted {
            jellyfin.holdings.lose(change.path.as_str());
        }
        let plan = server.plan(&scan).await.unwrap();
        assert_eq!(plan.calls.len(), refreshes.len() + scanned.len(), "{scan:?}");
        assert!(jellyfin.holdings.refreshes().is_empty() && jellyfin.updates().is_empty());
        tell(&*server, &jellyfin.holdings, std::slice::from_ref(&scan)).await;
        let wide = scanned.len();
        assert_eq!(refreshed(&jellyfin), [refreshes, scanned].concat(), "{scan:?}");
        assert!(jellyfin.updates().is_empty(), "nothing is reported");
        assert_eq!(jellyfin.holdings.root_looks(), wide, "{scan:?}");
    }
}

#[tokio::test]
async fn subtitles_and_metadata_are_one_refresh_of_their_item_and_no_report() {
    let (jellyfin, server) = jellyfin().await;
    let episode = "/media/tv/Alpha/Season 1/Alpha - S01E01.mkv";
    let film = "/media/movies/Heat (1995)/Heat (1995).mkv";
    jellyfin.holdings.hold(episode, 5);
    jellyfin.holdings.hold("/media/tv/Alpha/Season 1/Alpha - S01E02.mkv", 5);
    jellyfin.holdings.hold(film, 5);
    let sidecars = |folder: &str, names: &[&str], companions: &[&str]| TargetScan {
        companions: companions.iter().map(|file| path(file)).collect(),
        ..new_files(folder, names)
    };
    let season = "/media/tv/Alpha/Season 1";
    for (scan, item) in [
        (sidecars(season, &["Alpha - S01E01.en.srt"], &[episode]), episode),
        (
            sidecars(
                season,
                &["Alpha - S01E01.srt", "Alpha - S01E02.srt"],
                &[episode, "/media/tv/Alpha/Season 1/b.mkv"],
            ),
            season,
        ),
        (sidecars("/media/tv/Alpha", &["tvshow.nfo"], &[]), "/media/tv/Alpha"),
        (sidecars("/media/movies/Heat (1995)", &["Heat (1995).nfo"], &[film]), film),
    ] {
        let before = refreshed(&jellyfin).len();
        assert_eq!(verdicts(&server.scan(std::slice::from_ref(&scan)).await), ["ok"]);
        assert_eq!(refreshed(&jellyfin)[before..], [item], "{scan:?}");
    }
    assert_eq!(reports(&jellyfin), 0);
}

#[tokio::test]
async fn an_item_that_vanished_is_forgotten_and_its_change_told_otherwise() {
    let (jellyfin, server) = jellyfin().await;
    let file = "/media/tv/Alpha/Season 1/1.mkv";
    jellyfin.holdings.hold(file, 5);
    let scan = new_files("/media/tv/Alpha/Season 1", &["2.mkv"]);
    assert_eq!(verdicts(&server.scan(std::slice::from_ref(&scan)).await), ["ok"]);
    jellyfin.holdings.forget("/media/tv/Alpha/Season 1");
    assert_eq!(verdicts(&server.scan(std::slice::from_ref(&scan)).await), ["ok"]);
    assert_eq!(refreshed(&jellyfin), ["/media/tv/Alpha/Season 1", "/media/tv/Alpha"]);
    jellyfin.holdings.forget("/media/tv/Alpha");
    tell(&*server, &jellyfin.holdings, &[scan]).await;
    assert_eq!(refreshed(&jellyfin).last().unwrap(), "TV");
}

#[tokio::test]
async fn many_files_that_changed_in_one_season_are_one_refresh() {
    let (jellyfin, server) = jellyfin().await;
    let season = "/media/tv/Alpha/Season 1";
    let files: Vec<String> = (1..=9).map(|number| format!("{season}/Alpha - S01E0{number}.mkv")).collect();
    for file in &files {
        jellyfin.holdings.hold(file, 5);
    }
    let changes = files.iter().map(|file| Change::modified(path(file))).collect();
    assert_eq!(verdicts(&server.scan(&[changed(season, changes)]).await), ["ok"]);
    assert_eq!(refreshed(&jellyfin), [season]);
}

#[tokio::test]
async fn a_library_that_is_being_scanned_is_waited_for() {
    let (jellyfin, server) = jellyfin().await;
    jellyfin.holdings.set_walk_takes(Duration::from_secs(30));
    tell(&*server, &jellyfin.holdings, &[film(1), film(3)]).await;
    for time in [12, 8] {
        wait(Duration::from_secs(time)).await;
        jellyfin.advance(Duration::from_secs(time));
        let fault = server.scan(&[film(2)]).await.remove(0).unwrap_err();
        assert!(
            matches!(&fault, Fault::Later { after, reason }
                if (3..=5).contains(&after.as_secs()) && reason.contains("\"Movies\"")),
            "{fault:?}"
        );
    }
    assert_eq!(jellyfin.http.calls_to("/Library/VirtualFolders").len(), 3, "one question a batch");
    wait(Duration::from_secs(10)).await;
    jellyfin.advance(Duration::from_secs(10));
    tell(&*server, &jellyfin.holdings, &[film(2)]).await;
    assert_eq!(jellyfin.holdings.walks(), 2);
}
