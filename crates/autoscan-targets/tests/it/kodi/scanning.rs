use autoscan_core::change::Change;
use autoscan_core::ports::TargetScan;

use super::{found, kodi, scanned, there};
use crate::support::{changed, new_files, path, rescan, verdicts};

#[tokio::test]
async fn a_new_folder_is_scanned_although_the_one_above_it_was_listed_before_it_came() {
    let (kodi, server) = kodi().await;
    for (listed, folder, name) in [
        ("/srv/films/", "/srv/films/New (2020)", "New.mkv"),
        ("/srv/shows/", "/srv/shows/New Show", "1.mkv"),
        ("/srv/music/Artist/", "/srv/music/Artist/New Album", "1.flac"),
    ] {
        kodi.browse(listed);
        let file = format!("{folder}/{name}");
        kodi.put(&file);
        assert_eq!(scanned(&*server, new_files(folder, &[name])).await, "ok");
        assert_eq!(found(&*server, folder, &[there(&file)]).await, ["proven"], "{file}");
    }
}

#[tokio::test]
async fn twenty_films_at_once_are_all_listed_however_late_kodi_shows_that_it_scans() {
    for (unseen, seen) in [(0, 0), (1, 1), (3, 2), (2, 0)] {
        let (kodi, server) = kodi().await;
        kodi.set_pace(unseen, seen);
        let scans: Vec<TargetScan> =
            (0..20).map(|at| new_files(&format!("/srv/films/{at}"), &["x.mkv"])).collect();
        (0..20).for_each(|at| kodi.put(&format!("/srv/films/{at}/x.mkv")));
        // One batch, and deliveries that are told at the same time.
        assert_eq!(verdicts(&server.scan(&scans[..5]).await), vec!["ok"; 5]);
        let told = scans[5..].iter().map(|scan| scanned(&*server, scan.clone()));
        assert_eq!(futures_util::future::join_all(told).await, vec!["ok"; 15]);
        assert_eq!((kodi.stopped(), kodi.scans().len()), (0, 20), "{unseen} {seen}");
        assert_eq!(kodi.files().len(), 22, "{unseen} {seen}");
    }
}

#[tokio::test]
async fn a_scan_of_music_is_waited_for_as_well() {
    let (kodi, server) = kodi().await;
    kodi.set_pace(2, 1);
    let scans: Vec<TargetScan> =
        (0..5).map(|at| new_files(&format!("/srv/music/Artist/{at}"), &["x.flac"])).collect();
    (0..5).for_each(|at| kodi.put(&format!("/srv/music/Artist/{at}/x.flac")));
    let told = scans.into_iter().map(|scan| scanned(&*server, scan));
    assert_eq!(futures_util::future::join_all(told).await, vec!["ok"; 5]);
    assert_eq!((kodi.stopped(), kodi.files().len()), (0, 7));
}

#[tokio::test]
async fn a_scan_that_shows_nothing_is_not_waited_for_without_end() {
    let (kodi, server) = kodi().await;
    kodi.set_pace(usize::MAX, 0);
    assert_eq!(scanned(&*server, new_files("/srv/films/Nothing", &["x.mkv"])).await, "ok");
    assert_eq!(kodi.scans(), ["/srv/films/Nothing/"]);
}

#[tokio::test]
async fn new_content_under_an_old_name_is_read_anew() {
    let (kodi, server) = kodi().await;
    for (folder, name) in [("/srv/films/Old (1999)", "Old.mkv"), ("/srv/shows/Show/Season 1", "1.mkv")] {
        let file = format!("{folder}/{name}");
        kodi.put_lasting(&file, 7200);
        assert_eq!(kodi.runtime(&file), Some(0), "what it was read with");
        let change = Change::modified(path(&file));
        assert_eq!(scanned(&*server, changed(folder, vec![change])).await, "ok");
        assert_eq!(kodi.runtime(&file), Some(7200));
    }
    assert!(kodi.scans().is_empty(), "a scan changes nothing of what is listed");
    let new = "/srv/films/New/New.mkv";
    kodi.put_lasting(new, 60);
    let change = Change::modified(path(new));
    assert_eq!(scanned(&*server, changed("/srv/films/New", vec![change])).await, "ok");
    assert_eq!(kodi.runtime(new), Some(60), "what is not listed is scanned");
}

#[tokio::test]
async fn a_source_is_not_scanned_in_the_place_of_a_folder_in_it_that_is_gone() {
    let (kodi, server) = kodi().await;
    let old = "/srv/films/Old (1999)/Old.mkv";
    kodi.take("/srv/films/Old (1999)/");
    let new = "/srv/films/Old, renamed (1999)/Old.mkv";
    kodi.put(new);
    let moved = || vec![Change::moved(path(old), path(new))];
    assert_eq!(scanned(&*server, changed("/srv/films/Old, renamed (1999)", moved())).await, "ok");
    assert_eq!(scanned(&*server, changed("/srv/films", moved())).await, "ok");
    for (source, gone) in [("/srv/films", "/srv/films/A"), ("/srv/music", "/srv/music/B")] {
        for change in [Change::rescan(path(gone)), Change::folder_deleted(path(gone))] {
            assert_eq!(scanned(&*server, changed(source, vec![change])).await, "ok", "{gone}");
        }
        let change = Change::deleted(path(&format!("{gone}/1.mkv")));
        assert_eq!(scanned(&*server, changed(source, vec![change])).await, "ok", "{gone}");
    }
    assert_eq!(kodi.scans(), ["/srv/films/Old, renamed (1999)/"]);
    assert!(!kodi.files().contains(&old.to_owned()), "the old name is forgotten all the same");

    kodi.put("/srv/films/Flat.mkv");
    for scan in [new_files("/srv/films", &["Flat.mkv"]), rescan("/srv/films")] {
        assert_eq!(scanned(&*server, scan).await, "ok");
    }
    assert_eq!(kodi.scans()[1..], ["/srv/films/", "/srv/films/"], "what lies in it, or was asked for");
}
