use std::time::Duration;

use autoscan_core::change::{Change, Subject};
use autoscan_core::proof::ExpectedFile;
use autoscan_http::{Http, Timeouts};
use autoscan_testkit::{KodiContent, PretendKodi, Trouble};
use serde_json::json;

use super::{deleted, found, gone, kodi, scanned};
use crate::media::wait;
use crate::support::{changed, connect_with, new_files, path, rescan, verdict, verdicts};

fn gone_folder(folder: &str) -> ExpectedFile {
    ExpectedFile { subject: Subject::Folder, ..gone(folder) }
}

fn albums(kodi: &PretendKodi) {
    for album in ["A", "B", "C"] {
        let song = format!("/srv/music/Artist/{album}/1.flac");
        kodi.put(&song);
        kodi.know("songs", &song);
    }
}

#[tokio::test]
async fn songs_of_folders_that_are_gone_are_cleaned_out_once_for_many_deletions() {
    let (kodi, server) = kodi().await;
    albums(&kodi);
    let folder_deleted =
        |album: &str| changed("/srv/music/Artist", vec![Change::folder_deleted(path(album))]);
    kodi.take("/srv/music/Artist/A/");
    kodi.take("/srv/music/Artist/B/");
    let (a, b, c) = ("/srv/music/Artist/A", "/srv/music/Artist/B", "/srv/music/Artist/C");
    assert_eq!(found(&*server, "/srv/music/Artist", &[gone_folder(a)]).await, ["not yet"]);
    let batch = [folder_deleted(a), changed("/srv/music/Artist", deleted(b, "1.flac").changes)];
    assert_eq!(verdicts(&server.scan(&batch).await), ["ok", "ok"]);
    let expected = [gone_folder(a), gone_folder(b)];
    assert_eq!(found(&*server, "/srv/music/Artist", &expected).await, ["proven", "proven"]);
    assert_eq!(kodi.cleanings(), 1);
    assert!(kodi.scans().is_empty(), "a scan of what is above them forgets nothing");

    kodi.take("/srv/music/Artist/C/");
    let result = server.scan(&[folder_deleted(c)]).await.remove(0);
    assert!(verdict(&result).starts_with("later"), "{result:?}");
    assert_eq!(kodi.cleanings(), 1, "another one waits for those that come with it");
}

#[tokio::test]
async fn songs_are_cleaned_out_where_only_the_artist_is_named() {
    let (kodi, server) = kodi().await;
    albums(&kodi);
    kodi.take("/srv/music/Artist/B/");
    assert_eq!(scanned(&*server, rescan("/srv/music/Artist")).await, "ok");
    assert!(!kodi.files().contains(&"/srv/music/Artist/B/1.flac".to_owned()));
    assert!(kodi.files().contains(&"/srv/music/Artist/C/1.flac".to_owned()));
    // Nothing is gone any more.
    assert_eq!(scanned(&*server, rescan("/srv/music/Artist")).await, "ok");
    assert_eq!(kodi.cleanings(), 1);
}

#[tokio::test]
async fn a_cleaning_that_takes_longer_than_any_other_call_may_is_waited_for() {
    let (kodi, _) = kodi().await;
    let timeouts = Timeouts { connect: Duration::from_secs(5), total: Duration::from_millis(500) };
    let server = connect_with("kodi", &json!({"url": kodi.http.url()}), &Http::new(timeouts));
    albums(&kodi);
    kodi.take("/srv/music/Artist/A/");
    kodi.http.fail_calls_that_hold("AudioLibrary.Clean", &Trouble::Slow(Duration::from_millis(1200)));
    assert_eq!(scanned(&*server, rescan("/srv/music/Artist")).await, "ok");
    assert_eq!(kodi.cleanings(), 1);
    assert!(!kodi.files().contains(&"/srv/music/Artist/A/1.flac".to_owned()));
}

#[tokio::test]
async fn a_cleaning_that_goes_on_puts_off_music_alone_and_is_not_repeated() {
    let (kodi, server) = kodi().await;
    albums(&kodi);
    kodi.set_cleaning_takes(usize::MAX);
    kodi.take("/srv/music/Artist/A/");
    kodi.take("/srv/music/Artist/B/");
    let deletions = ["A", "B"].map(|album| {
        let folder = format!("/srv/music/Artist/{album}");
        changed("/srv/music/Artist", vec![Change::folder_deleted(path(&folder))])
    });
    for scan in [&deletions[0], &deletions[1], &new_files("/srv/music/Artist/D", &["1.flac"])] {
        let result = server.scan(std::slice::from_ref(scan)).await.remove(0);
        assert_eq!(verdict(&result), "later 10", "{scan:?}");
        assert!(result.unwrap_err().reason().contains("has been cleaning its music library for"));
    }
    kodi.put("/srv/films/New/New.mkv");
    assert_eq!(scanned(&*server, new_files("/srv/films/New", &["New.mkv"])).await, "ok");
    kodi.end_cleaning();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    for scan in deletions {
        assert_eq!(scanned(&*server, scan).await, "ok");
    }
    assert_eq!((kodi.cleanings(), kodi.stopped()), (1, 0));
}

#[tokio::test]
async fn a_cleaning_that_ends_while_nobody_waits_for_it_is_followed_by_another_for_what_is_gone_since() {
    let (kodi, server) = kodi().await;
    albums(&kodi);
    kodi.set_cleaning_takes(usize::MAX);
    kodi.take("/srv/music/Artist/A/");
    let deletion = |album: &str| {
        let folder = format!("/srv/music/Artist/{album}");
        changed("/srv/music/Artist", vec![Change::folder_deleted(path(&folder))])
    };
    assert_eq!(scanned(&*server, deletion("A")).await, "later 10");
    kodi.end_cleaning();
    kodi.take("/srv/music/Artist/B/");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let result = server.scan(&[deletion("B")]).await.remove(0);
    assert!(verdict(&result).starts_with("later"), "no fault is counted: {result:?}");
    assert_eq!(scanned(&*server, deletion("A")).await, "ok");
}

#[tokio::test]
async fn songs_that_a_cleaning_passes_are_cleaned_out_by_another_and_no_fault_is_counted() {
    let (kodi, server) = kodi().await;
    (0..1500).for_each(|song| kodi.know("songs", &format!("/srv/music/Artist/Gone/{song}.flac")));
    let scan = changed("/srv/music/Artist", vec![Change::folder_deleted(path("/srv/music/Artist/Gone"))]);
    let result = server.scan(std::slice::from_ref(&scan)).await.remove(0);
    assert!(verdict(&result).starts_with("later"), "{result:?}");
    assert!(result.unwrap_err().reason().contains("passed 500 of 1500 songs"));
    wait(Duration::from_secs(31)).await;
    assert_eq!(scanned(&*server, scan).await, "ok");
    assert_eq!((kodi.cleanings(), kodi.files().len()), (2, 2));
}

#[tokio::test]
async fn nothing_is_cleaned_while_a_source_of_music_is_out_of_sight() {
    let (kodi, server) = kodi().await;
    kodi.source("/mnt/more music/", KodiContent::Music);
    albums(&kodi);
    kodi.know("songs", "/mnt/more music/X/Y/1.flac");
    kodi.take("/srv/music/Artist/A/");
    let deletion = Change::folder_deleted(path("/srv/music/Artist/A"));
    let result = server.scan(&[changed("/srv/music/Artist", vec![deletion])]).await.remove(0);
    assert_eq!(verdict(&result), "later 60");
    assert!(result.unwrap_err().reason().contains("/mnt/more music"));
    assert_eq!(kodi.cleanings(), 0);
}

#[tokio::test]
async fn a_show_that_is_gone_is_taken_out_when_no_episode_is_left() {
    let (kodi, server) = kodi().await;
    kodi.put("/srv/shows/Other Show/1.mkv");
    kodi.know("episodes", "/srv/shows/Other Show/1.mkv");
    kodi.take("/srv/shows/Show/Season 1/");
    kodi.keep_folder("/srv/shows/Show/");
    let season = changed("/srv/shows/Show", deleted("/srv/shows/Show/Season 1", "1.mkv").changes);
    assert_eq!(scanned(&*server, season).await, "ok");
    assert_eq!(kodi.shows().len(), 2, "its folder is there");
    kodi.take("/srv/shows/Show/");
    let expected = [gone_folder("/srv/shows/Show")];
    assert_eq!(found(&*server, "/srv/shows", &expected).await, ["not yet"], "it is listed without episodes");
    let deletion = changed("/srv/shows", vec![Change::folder_deleted(path("/srv/shows/Show"))]);
    assert_eq!(scanned(&*server, deletion).await, "ok");
    assert_eq!(found(&*server, "/srv/shows", &expected).await, ["proven"]);
    assert_eq!(kodi.shows(), ["/srv/shows/Other Show/"]);
}

#[tokio::test]
async fn a_show_goes_with_its_last_episode_and_not_before() {
    let (kodi, server) = kodi().await;
    kodi.put("/srv/shows/Other Show/1.mkv");
    kodi.know("episodes", "/srv/shows/Show/Season 2/1.mkv");
    kodi.take("/srv/shows/Show/");
    for (season, left) in [(1, 1), (2, 0)] {
        let folder = format!("/srv/shows/Show/Season {season}");
        let scan = changed("/srv/shows", deleted(&folder, "1.mkv").changes);
        let planned = server.plan(&scan).await.unwrap().calls;
        let plans_it = planned.iter().any(|call| format!("{call:?}").contains("RemoveTVShow"));
        assert_eq!(plans_it, left == 0);
        assert_eq!(scanned(&*server, scan).await, "ok");
        assert_eq!(kodi.shows().len(), left);
    }
}

#[tokio::test]
async fn what_a_person_asks_for_and_is_gone_is_forgotten() {
    let film = "/srv/films/Old (1999)/Old.mkv";
    let scan_folder = "/srv/films/Old (1999)";
    for (scan, keeps) in [
        // The folder is gone, and the nearest is the source; or the file was asked for.
        (changed("/srv/films", vec![Change::rescan(path(scan_folder))]), None),
        (changed("/srv/films", vec![Change::modified(path(film))]), None),
        (changed(scan_folder, vec![Change::modified(path(film))]), Some("poster.jpg")),
        (rescan(scan_folder), Some("poster.jpg")),
    ] {
        let (kodi, server) = kodi().await;
        kodi.put("/srv/films/Another/Another.mkv");
        kodi.take(film);
        if let Some(name) = keeps {
            kodi.put(&format!("{scan_folder}/{name}"));
        }
        assert_eq!(scanned(&*server, scan.clone()).await, "ok");
        assert!(!kodi.files().contains(&film.to_owned()), "{scan:?}");
    }
}

#[tokio::test]
async fn an_empty_folder_that_a_person_asks_for_makes_kodi_forget_nothing() {
    let (kodi, server) = kodi().await;
    kodi.put("/srv/films/Another/Another.mkv");
    kodi.take("/srv/films/Old (1999)/");
    kodi.keep_folder("/srv/films/Old (1999)/");
    assert_eq!(scanned(&*server, rescan("/srv/films/Old (1999)")).await, "ok");
    assert!(
        kodi.files().contains(&"/srv/films/Old (1999)/Old.mkv".to_owned()),
        "it may be a mount that is gone"
    );
}

#[tokio::test]
async fn what_is_left_of_a_film_of_several_parts_is_scanned() {
    let (kodi, server) = kodi().await;
    let stack = "stack:///srv/films/S/S cd1.avi , /srv/films/S/S cd2.avi";
    kodi.know("movies", stack);
    kodi.put("/srv/films/S/S cd1.avi");
    assert_eq!(scanned(&*server, deleted("/srv/films/S", "S cd2.avi")).await, "ok");
    assert_eq!(kodi.scans(), ["/srv/films/S/"]);
    assert!(!kodi.files().contains(&stack.to_owned()));
    assert!(kodi.files().contains(&"/srv/films/S/S cd1.avi".to_owned()));
}

#[tokio::test]
async fn a_film_that_took_the_number_of_a_deleted_one_stays() {
    let (kodi, server) = kodi().await;
    let (old, new) = ("/srv/films/Old (1999)/Old.mkv", "/srv/films/New/New.mkv");
    kodi.take("/srv/films/Old (1999)/");
    kodi.put(new);
    kodi.exchange_at("Files.GetFileDetails", old, new);
    let scan = changed("/srv/films", deleted("/srv/films/Old (1999)", "Old.mkv").changes);
    assert_eq!(scanned(&*server, scan).await, "ok");
    assert!(kodi.files().contains(&new.to_owned()));
    assert!(!kodi.files().contains(&old.to_owned()));
}

#[tokio::test]
async fn a_new_film_is_listed_after_another_was_deleted() {
    let (kodi, server) = kodi().await;
    kodi.put("/srv/films/Another/Another.mkv");
    kodi.take("/srv/films/Old (1999)/");
    let deletion = changed("/srv/films", deleted("/srv/films/Old (1999)", "Old.mkv").changes);
    assert_eq!(scanned(&*server, deletion).await, "ok");
    kodi.put("/srv/films/New/New.mkv");
    assert_eq!(scanned(&*server, new_files("/srv/films/New", &["New.mkv"])).await, "ok");
    assert!(kodi.files().contains(&"/srv/films/New/New.mkv".to_owned()));
}
