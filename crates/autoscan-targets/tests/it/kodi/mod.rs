//! How Kodi is told and asked, against a pretend Kodi.

mod forgetting;
mod model;
mod scanning;

use std::sync::Arc;

use crate::support::{AWKWARD, as_planned, changed, connect, new_files, path, rescan, verdict, verdicts};
use autoscan_core::change::{Change, Subject};
use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{Target, TargetScan};
use autoscan_core::proof::{ExpectedFile, Observation, Presence};
use autoscan_testkit::{KodiContent, PretendKodi, Trouble};
use serde_json::{Value, json};

async fn kodi() -> (PretendKodi, Arc<dyn Target>) {
    let kodi = PretendKodi::start(None).await.unwrap();
    kodi.source("/srv/films/", KodiContent::Films);
    kodi.source("/srv/shows/", KodiContent::Shows);
    kodi.source("smb://nas/clips/", KodiContent::NotSet);
    kodi.source("/srv/music/", KodiContent::Music);
    kodi.put("/srv/films/Old (1999)/Old.mkv");
    kodi.know("movies", "/srv/films/Old (1999)/Old.mkv");
    kodi.put("/srv/shows/Show/Season 1/1.mkv");
    kodi.know("episodes", "/srv/shows/Show/Season 1/1.mkv");
    kodi.put("/srv/music/Artist/Album/1.flac");
    let server = connect("kodi", &json!({"url": kodi.http.url()}));
    (kodi, server)
}

fn there(text: &str) -> ExpectedFile {
    ExpectedFile { path: path(text), subject: Subject::File, presence: Presence::There { size: None } }
}

fn gone(text: &str) -> ExpectedFile {
    ExpectedFile { presence: Presence::Gone, ..there(text) }
}

fn deleted(folder: &str, name: &str) -> TargetScan {
    changed(folder, vec![Change::deleted(path(&format!("{folder}/{name}")))])
}

async fn found(server: &dyn Target, folder: &str, expected: &[ExpectedFile]) -> Vec<&'static str> {
    let word = |shown: &Observation| match shown {
        Observation::Proven => "proven",
        Observation::NotYet(_) => "not yet",
        Observation::Unknowable(_) => "unknowable",
    };
    server.proof().unwrap().find(&path(folder), expected).await.unwrap().iter().map(word).collect()
}

async fn scanned(server: &dyn Target, scan: TargetScan) -> String {
    verdict(&server.scan(&[scan]).await.remove(0))
}

#[tokio::test]
async fn a_film_is_scanned_by_its_folder_and_an_episode_by_that_of_its_show() {
    let (kodi, server) = kodi().await;
    kodi.put("/srv/films/4K/New (2020)/New.mkv");
    kodi.put("/srv/shows/Show/Season 2/1.mkv");
    kodi.put("/srv/shows/Show/Season 1/2.mkv");
    let batch = [
        new_files("/srv/films/4K/New (2020)", &["New.mkv"]),
        new_files("/srv/shows/Show/Season 2", &["1.mkv"]),
        new_files("/srv/shows/Show/Season 1", &["2.mkv"]),
    ];
    assert_eq!(verdicts(&server.scan(&batch).await), ["ok", "ok", "ok"]);
    assert_eq!(
        kodi.scans(),
        ["/srv/films/4K/New (2020)/", "/srv/shows/Show/"],
        "the show once for both seasons"
    );
    for (folder, name) in [
        ("/srv/films/4K/New (2020)", "New.mkv"),
        ("/srv/shows/Show/Season 2", "1.mkv"),
        ("/srv/shows/Show/Season 1", "2.mkv"),
    ] {
        assert_eq!(
            found(&*server, folder, &[there(&format!("{folder}/{name}"))]).await,
            ["proven"],
            "{folder}"
        );
    }
}

#[tokio::test]
async fn as_long_as_nobody_knows_what_a_source_holds_the_highest_folder_below_it_is_scanned() {
    let kodi = PretendKodi::start(None).await.unwrap();
    kodi.source("/srv/shows/", KodiContent::Shows);
    kodi.put("/srv/shows/First/Season 1/1.mkv");
    let server = connect("kodi", &json!({"url": kodi.http.url()}));
    assert_eq!(scanned(&*server, new_files("/srv/shows/First/Season 1", &["1.mkv"])).await, "ok");
    assert_eq!(kodi.scans(), ["/srv/shows/First/"]);
    assert_eq!(kodi.files(), ["/srv/shows/First/Season 1/1.mkv"]);
}

#[tokio::test]
async fn a_source_that_is_one_show_is_scanned_itself() {
    let (kodi, server) = kodi().await;
    kodi.source("/srv/Columbo/", KodiContent::OneShow);
    kodi.know("episodes", "/srv/Columbo/Season 1/1.mkv");
    kodi.put("/srv/Columbo/Season 2/1.mkv");
    for folder in ["/srv/Columbo/Season 2", "/srv/Columbo/Season 2/Disc 1"] {
        assert_eq!(scanned(&*server, new_files(folder, &["1.mkv"])).await, "ok");
    }
    assert_eq!(kodi.scans(), ["/srv/Columbo/", "/srv/Columbo/"]);
    assert!(kodi.files().contains(&"/srv/Columbo/Season 2/1.mkv".to_owned()));
}

#[tokio::test]
async fn music_is_scanned_by_its_folder_and_forgotten_with_it() {
    let (kodi, server) = kodi().await;
    assert_eq!(scanned(&*server, new_files("/srv/music/Artist/Album", &["1.flac"])).await, "ok");
    let song = "/srv/music/Artist/Album/1.flac";
    assert_eq!(found(&*server, "/srv/music/Artist/Album", &[there(song)]).await, ["proven"]);
    kodi.take(song);
    kodi.put("/srv/music/Artist/Album/cover.jpg");
    assert_eq!(found(&*server, "/srv/music/Artist/Album", &[gone(song)]).await, ["not yet"]);
    assert_eq!(scanned(&*server, deleted("/srv/music/Artist/Album", "1.flac")).await, "ok");
    assert_eq!(found(&*server, "/srv/music/Artist/Album", &[gone(song)]).await, ["proven"]);
    assert_eq!(kodi.scans(), ["/srv/music/Artist/Album/", "/srv/music/Artist/Album/"]);
}

#[tokio::test]
async fn deleted_videos_are_taken_out_one_by_one_and_nothing_is_cleaned() {
    let (kodi, server) = kodi().await;
    let film = "/srv/films/Old (1999)/Old.mkv";
    kodi.take(film);
    kodi.keep_folder("/srv/films/Old (1999)/");
    kodi.know("movies", "/srv/films/Gone elsewhere/x.mkv");
    assert_eq!(scanned(&*server, deleted("/srv/films/Old (1999)", "Old.mkv")).await, "ok");
    assert_eq!(found(&*server, "/srv/films/Old (1999)", &[gone(film)]).await, ["proven"]);
    assert!(kodi.files().contains(&"/srv/films/Gone elsewhere/x.mkv".to_owned()));
    assert!(kodi.scans().is_empty(), "nothing is new");
    assert!(kodi.http.calls().iter().all(|call| !call.body.contains("Clean")));
}

#[tokio::test]
async fn what_kodi_only_remembers_to_have_seen_is_taken_out_too() {
    let (kodi, server) = kodi().await;
    kodi.put("/srv/films/New/New.mkv");
    assert_eq!(scanned(&*server, new_files("/srv/films/New", &["New.mkv"])).await, "ok");
    kodi.take("/srv/films/New/");
    assert_eq!(scanned(&*server, deleted("/srv/films/New", "New.mkv")).await, "ok");
    assert_eq!(found(&*server, "/srv/films/New", &[gone("/srv/films/New/New.mkv")]).await, ["proven"]);
}

#[tokio::test]
async fn an_upgrade_takes_the_old_file_out_and_scans_the_new_one() {
    let (kodi, server) = kodi().await;
    kodi.take("/srv/shows/Show/Season 1/1.mkv");
    kodi.put("/srv/shows/Show/Season 1/1 better.mkv");
    let changes = vec![
        Change::deleted(path("/srv/shows/Show/Season 1/1.mkv")),
        Change::created(path("/srv/shows/Show/Season 1/1 better.mkv")),
    ];
    assert_eq!(scanned(&*server, changed("/srv/shows/Show/Season 1", changes)).await, "ok");
    let expected = [gone("/srv/shows/Show/Season 1/1.mkv"), there("/srv/shows/Show/Season 1/1 better.mkv")];
    assert_eq!(found(&*server, "/srv/shows/Show/Season 1", &expected).await, ["proven", "proven"]);
}

#[tokio::test]
async fn a_deleted_folder_takes_out_all_that_was_in_it() {
    let (kodi, server) = kodi().await;
    kodi.know("episodes", "/srv/shows/Show/Season 2/1.mkv");
    kodi.know("episodes", "/srv/shows/Show/Season 2/2.mkv");
    let change = Change::folder_deleted(path("/srv/shows/Show/Season 2"));
    let expected = ExpectedFile { subject: Subject::Folder, ..gone("/srv/shows/Show/Season 2") };
    assert_eq!(found(&*server, "/srv/shows/Show", std::slice::from_ref(&expected)).await, ["not yet"]);
    assert_eq!(scanned(&*server, changed("/srv/shows/Show", vec![change])).await, "ok");
    assert_eq!(found(&*server, "/srv/shows/Show", &[expected]).await, ["proven"]);
    assert!(kodi.files().contains(&"/srv/shows/Show/Season 1/1.mkv".to_owned()));
}

#[tokio::test]
async fn what_kodi_still_sees_is_not_taken_out() {
    let (kodi, server) = kodi().await;
    assert_eq!(scanned(&*server, deleted("/srv/films/Old (1999)", "Old.mkv")).await, "ok");
    let film = "/srv/films/Old (1999)/Old.mkv";
    assert_eq!(found(&*server, "/srv/films/Old (1999)", &[gone(film)]).await, ["not yet"]);
    assert!(server.proof().unwrap().why_missing(&gone(film)).await.unwrap().contains("still sees the file"));
    assert_eq!(kodi.files()[0], film);
}

#[tokio::test]
async fn a_mount_that_is_gone_at_kodi_makes_it_forget_nothing() {
    let (kodi, server) = kodi().await;
    kodi.know("songs", "/srv/music/Artist/Album/1.flac");
    kodi.take("/srv/films/");
    kodi.take("/srv/music/");
    for (folder, name) in [("/srv/films/Old (1999)", "Old.mkv"), ("/srv/music/Artist/Album", "1.flac")] {
        for is_mountpoint in [false, true] {
            if is_mountpoint {
                kodi.keep_folder("/srv/films/");
                kodi.keep_folder("/srv/music/");
            }
            let result = server.scan(&[deleted(folder, name)]).await.remove(0);
            assert_eq!(verdict(&result), "later 60", "{folder}");
            assert!(result.unwrap_err().reason().contains("sees nothing in its source"));
        }
    }
    assert_eq!(kodi.files().len(), 3);
    assert!(kodi.scans().is_empty());
}

#[tokio::test]
async fn a_scan_that_runs_is_never_stopped() {
    let (kodi, server) = kodi().await;
    kodi.set_scanning(3);
    assert_eq!(scanned(&*server, new_files("/srv/films/A", &["A.mkv"])).await, "ok", "it ended meanwhile");
    kodi.set_scanning(1000);
    let results = server.scan(&[new_files("/srv/films/B", &["B.mkv"]), rescan("/srv/music/Artist")]).await;
    assert_eq!(verdicts(&results), ["later 10", "later 10"]);
    assert_eq!((kodi.stopped(), kodi.scans().len()), (0, 1));
}

#[tokio::test]
async fn a_file_counts_as_there_when_the_scan_has_ended() {
    let (kodi, server) = kodi().await;
    let film = there("/srv/films/Old (1999)/Old.mkv");
    kodi.set_scanning(1);
    assert_eq!(found(&*server, "/srv/films/Old (1999)", std::slice::from_ref(&film)).await, ["not yet"]);
    assert_eq!(found(&*server, "/srv/films/Old (1999)", &[film]).await, ["proven"]);
}

#[tokio::test]
async fn a_name_is_asked_for_and_compared_as_it_is() {
    let (kodi, server) = kodi().await;
    let names = AWKWARD.iter().filter(|name| !name.contains('/')).chain(&["100%_x", "o'x"]);
    for name in names {
        let folder = format!("/srv/films/{name}");
        kodi.know("movies", &format!("{folder}/{name}.mkv"));
        kodi.know("movies", &format!("{folder}/not {name}.mkv"));
        let expected = [there(&format!("{folder}/{name}.mkv")), there(&format!("{folder}/other {name}.mkv"))];
        assert_eq!(found(&*server, &folder, &expected).await, ["proven", "not yet"], "{name}");
    }
    kodi.know("movies", "stack:///srv/films/S/S cd1, a.avi , /srv/films/S/S cd2.avi");
    kodi.know("movies", "stack:///srv/films/S/T,, a cd1.avi , /srv/films/S/T cd2.avi");
    let expected =
        [there("/srv/films/S/S cd2.avi"), there("/srv/films/S/T, a cd1.avi"), there("/srv/films/S/cd2.avi")];
    assert_eq!(found(&*server, "/srv/films/S", &expected).await, ["proven", "proven", "not yet"]);
}

#[tokio::test]
async fn a_season_is_proven_by_one_small_request() {
    let (kodi, server) = kodi().await;
    let folder = "/srv/shows/Show/Season 1";
    for at in 0..10_000 {
        kodi.know("episodes", &format!("/srv/shows/Show {}/{at}.mkv", at % 100));
    }
    let files: Vec<String> = (0..24).map(|at| format!("{folder}/{at}.mkv")).collect();
    for file in &files {
        kodi.know("episodes", file);
    }
    server.libraries().unwrap().read().await.unwrap();
    kodi.http.forget_calls();
    let expected: Vec<ExpectedFile> = files.iter().map(|file| there(file)).collect();
    assert_eq!(found(&*server, folder, &expected).await, vec!["proven"; 24]);
    assert_eq!(kodi.http.call_count(), 1);
    assert!(kodi.http.bytes_answered() < 4096, "{}", kodi.http.bytes_answered());
}

#[tokio::test]
async fn what_kodi_makes_no_item_of_is_unknowable() {
    let (_kodi, server) = kodi().await;
    let folder = ExpectedFile { subject: Subject::Folder, ..there("/srv/films/A/Extras") };
    let expected = [
        there("/srv/films/A/A.en.srt"),
        there("/srv/films/A/poster.jpg"),
        there("/srv/films/A/A-trailer.mkv"),
        there("/srv/films/A/VIDEO_TS/VTS_01_1.VOB"),
        there("/srv/films/A/A.pdf"),
        there("/elsewhere/A.mkv"),
        folder,
    ];
    assert_eq!(found(&*server, "/srv/films/A", &expected).await, vec!["unknowable"; expected.len()]);
}

#[tokio::test]
async fn names_of_extras_are_those_of_shows_films_artists_and_albums_too() {
    let (kodi, server) = kodi().await;
    kodi.source("/srv/Shorts/", KodiContent::OneShow);
    kodi.know("episodes", "/srv/Shorts/1.mkv");
    kodi.put("/srv/Shorts/2.mkv");
    assert_eq!(scanned(&*server, new_files("/srv/Shorts", &["2.mkv"])).await, "ok");
    assert_eq!(
        scanned(&*server, rescan("/srv/Shorts/Season 1")).await,
        "ok",
        "which tells that it is one show"
    );
    for (file, shown) in [
        ("/srv/shows/Extras/Season 1/1.mkv", "not yet"),
        ("/srv/films/Trailers/Trailers.mkv", "not yet"),
        ("/srv/music/Other/Trailers/1.flac", "not yet"),
        ("/srv/music/Artist/Scenes/Sample.flac", "not yet"),
        ("/srv/Shorts/2.mkv", "proven"),
        ("/srv/Shorts/Extras/1.mkv", "unknowable"),
        ("/srv/shows/Extras/Extras/1.mkv", "unknowable"),
        ("/srv/films/Trailers/Trailers-trailer.mkv", "unknowable"),
        ("/srv/films/A/Extras/a.mkv", "unknowable"),
    ] {
        assert_eq!(found(&*server, &folder_of(file), &[there(file)]).await, [shown], "{file}");
    }
}

fn folder_of(file: &str) -> String {
    file.rsplit_once('/').unwrap().0.to_owned()
}

#[tokio::test]
async fn why_an_item_is_missing_is_said() {
    let (kodi, server) = kodi().await;
    kodi.put("/srv/films/Odd/Odd.mkv");
    kodi.put("/srv/music/Artist/Album/2.flac");
    kodi.put("smb://nas/clips/A/A.mkv");
    for (file, part) in [
        ("/srv/films/Nowhere/A.mkv", "does not see the folder"),
        ("/srv/films/Old (1999)/B.mkv", "but not this file in it"),
        ("/srv/films/Odd/Odd.mkv", "its scraper found no film"),
        ("/srv/music/Artist/Album/2.flac", "a song needs tags"),
        ("/smb:/nas/clips/A/A.mkv", "is its content set"),
    ] {
        let why = server.proof().unwrap().why_missing(&there(file)).await.unwrap();
        assert!(why.contains(part), "{file}: {why}");
    }
}

#[tokio::test]
async fn sources_are_libraries_also_those_that_are_urls_or_several_folders() {
    let (kodi, server) = kodi().await;
    kodi.source("multipath://%2fsrv%2fa%2f/smb%3a%2f%2fnas%2fb%2f/", KodiContent::NotSet);
    kodi.source("special://profile/playlists/", KodiContent::Music);
    let folders: Vec<Vec<String>> = server
        .libraries()
        .unwrap()
        .read()
        .await
        .unwrap()
        .into_iter()
        .map(|library| library.folders)
        .collect();
    assert_eq!(
        folders,
        [
            vec!["/srv/films"],
            vec!["/srv/shows"],
            vec!["/smb:/nas/clips"],
            vec!["/srv/a", "/smb:/nas/b"],
            vec!["/srv/music"],
        ]
    );
    assert_eq!(scanned(&*server, rescan("/smb:/nas/b/A & B")).await, "ok");
    assert_eq!(kodi.scans(), ["smb://nas/b/A & B/"]);
    assert_eq!(scanned(&*server, rescan("/elsewhere")).await, "not mine");
    for (folder, below) in [("/srv/films/A", true), ("/srv/films", false), ("/elsewhere", false)] {
        assert_eq!(server.libraries().unwrap().is_below_a_root(&path(folder)).await, below, "{folder}");
    }
}

#[tokio::test]
async fn a_plan_shows_what_a_scan_then_asks() {
    let (kodi, server) = kodi().await;
    let scan = new_files("/srv/shows/Show/Season 3", &["1.mkv"]);
    let plan = server.plan(&scan).await.unwrap();
    assert!(kodi.scans().is_empty());
    server.scan(&[scan]).await;
    let told: Vec<_> =
        kodi.http.calls().into_iter().filter(|call| call.body.contains("VideoLibrary.Scan")).collect();
    assert_eq!(plan.calls, [as_planned(&kodi.http, &told[0])]);
    let body: Value = serde_json::from_str(&told[0].body).unwrap();
    assert_eq!(body["params"], json!({"directory": "/srv/shows/Show/", "showdialogs": false}));
}

#[tokio::test]
async fn a_probe_proves_the_login() {
    let kodi = PretendKodi::start(Some("Basic a29kaTpodW50ZXIy")).await.unwrap();
    let settings = |password: &str| json!({"url": kodi.http.url(), "username": "kodi", "password": password});
    let server = connect("kodi", &settings("hunter2"));
    let identity = server.probe().await.unwrap();
    assert_eq!((identity.product.as_str(), identity.version.as_str()), ("Kodi", "20.1"));
    let fault = connect("kodi", &settings("wrong")).probe().await.unwrap_err();
    assert!(
        matches!(&fault, Fault::Refused { reason } if reason.contains("login was rejected")),
        "{fault:?}"
    );
    assert_eq!(server.playback().unwrap().playing().await, Ok(0));
    kodi.set_players(2);
    assert_eq!(server.playback().unwrap().playing().await, Ok(2));
}

#[tokio::test]
async fn every_trouble_has_its_consequence() {
    let (kodi, server) = kodi().await;
    server.libraries().unwrap().read().await.unwrap();
    for (trouble, expected) in [
        (Trouble::WebPage, "away"),
        (Trouble::CutOff, "away"),
        (Trouble::Status(404), "away"),
        (Trouble::Status(415), "wrong"),
        (Trouble::Status(500), "away"),
    ] {
        kodi.http.set_trouble(Some(trouble.clone()));
        assert_eq!(scanned(&*server, rescan("/srv/films/A")).await, expected, "{trouble:?}");
        let found: Result<_, Fault> = server
            .proof()
            .unwrap()
            .find(&TargetPath::parse("/srv/films/A").unwrap(), &[there("/srv/films/A/A.mkv")])
            .await;
        assert!(found.is_err());
    }
    kodi.http.set_trouble(None);
    kodi.http.close().await.unwrap();
    assert_eq!(verdict(&server.probe().await.map(drop)), "away");
}
