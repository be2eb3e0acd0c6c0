//! Subtitles, artwork and files of metadata.

use autoscan_core::change::Change;
use autoscan_core::ports::TargetScan;
use serde_json::json;

use super::stand::{plex, put_all, season, target};
use crate::support::{as_planned, path, verdicts};

fn sidecars(folder: &str, changed: &[&str], companions: &[&str]) -> TargetScan {
    TargetScan {
        folder: path(folder),
        changes: changed.iter().map(|name| Change::created(path(&format!("{folder}/{name}")))).collect(),
        companions: companions.iter().map(|name| path(&format!("{folder}/{name}"))).collect(),
    }
}

const SEASON: &str = "/data/tv/Show/Season 01";
const FOLDER: &str = "/data/films/Film (1999)";
const FILM: &str = "Film (1999).mkv";
const FIRST: &str = "Show - S01E01.mkv";

#[tokio::test]
async fn their_item_is_refreshed_and_nothing_is_scanned() {
    let plex = plex().await;
    let target = target(&plex, &json!({}));
    put_all(&plex, &season(6));
    plex.put(&format!("{FOLDER}/{FILM}"), 7);
    let key = |file: &str| plex.item(file).unwrap().key;
    let (film, episode) = (key(&format!("{FOLDER}/{FILM}")), key(&format!("{SEASON}/{FIRST}")));
    let show = plex.top_item(&format!("{SEASON}/{FIRST}")).unwrap().key;
    let all: Vec<String> = (1..=6).map(|n| format!("Show - S01E{n:02}.mkv")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let subtitles: Vec<String> = all.iter().map(|name| name.replace(".mkv", ".en.srt")).collect();
    let subtitles: Vec<&str> = subtitles.iter().map(String::as_str).collect();
    for (scan, keys) in [
        (sidecars(FOLDER, &["Film (1999).en.srt"], &[FILM]), vec![film.clone()]),
        (sidecars(FOLDER, &["poster.jpg", "movie.nfo"], &[FILM]), vec![film]),
        (sidecars(SEASON, &["Show - S01E01.nfo"], &[FIRST]), vec![episode]),
        (sidecars(SEASON, &["season01-poster.jpg"], &[FIRST]), vec![show.clone()]),
        (sidecars("/data/tv/Show", &["tvshow.nfo"], &[]), vec![show]),
    ] {
        plex.http.forget_calls();
        let plan = target.plan(&scan).await.unwrap();
        assert!(plex.http.calls().iter().all(|call| call.method == "GET"), "a plan changes nothing");
        plex.http.forget_calls();
        assert_eq!(verdicts(&target.scan(std::slice::from_ref(&scan)).await), ["ok"]);
        let made: Vec<_> = plex.http.calls().into_iter().filter(|call| call.method == "PUT").collect();
        let wanted: Vec<String> = keys.iter().map(|key| format!("/library/metadata/{key}/refresh")).collect();
        assert_eq!(made.iter().map(|call| call.target.clone()).collect::<Vec<_>>(), wanted, "{scan:?}");
        assert_eq!(plan.calls, made.iter().map(|call| as_planned(&plex.http, call)).collect::<Vec<_>>());
    }
    plex.http.forget_calls();
    target.scan(&[sidecars(SEASON, &subtitles, &all)]).await;
    assert_eq!(plex.http.calls_to("/refresh").len(), 1, "a season at once");
    assert!(plex.scans().is_empty());
}

#[tokio::test]
async fn an_item_that_plex_does_not_show_makes_the_folder_be_scanned() {
    let plex = plex().await;
    let target = target(&plex, &json!({}));
    for scan in [
        sidecars(FOLDER, &["Film (1999).en.srt"], &[FILM]),
        sidecars(FOLDER, &["poster.jpg"], &[]),
        sidecars("/data/tv/Show", &["tvshow.nfo"], &[]),
    ] {
        let before = plex.scans().len();
        assert_eq!(verdicts(&target.scan(std::slice::from_ref(&scan)).await), ["ok"]);
        assert_eq!(plex.scans().len(), before + 1);
        assert_eq!(plex.scans().last().unwrap().path.as_deref(), Some(scan.folder.as_str()));
    }
    // A film beside its subtitles is a film.
    plex.put(&format!("{FOLDER}/{FILM}"), 7);
    let before = plex.scans().len();
    target.scan(&[sidecars(FOLDER, &["Film (1999).en.srt", "New.mkv"], &[FILM])]).await;
    assert_eq!(plex.scans().len(), before + 1);
}
