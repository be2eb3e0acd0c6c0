//! Servers that do not do what they said.

use std::time::Duration;

use autoscan_core::proof::Verification;
use autoscan_testkit::{PretendLibrary, PretendPlex};
use serde_json::json;

use super::stand::{hurry, lay_all, plex, season, target, there, told, words};
use crate::support::{path, rescan};

#[tokio::test]
async fn a_server_that_does_nothing_for_one_in_ten_files_is_not_believed() {
    let plex = plex().await;
    plex.set_drop_every(10);
    let target = target(&plex, &json!({}));
    let films: Vec<String> = (0..30).map(|n| format!("/data/films/Film {n} (1999)/Film {n}.mkv")).collect();
    lay_all(&plex, &films);
    let mut shown = 0;
    for film in &films {
        let folder = film.rsplit_once('/').unwrap().0;
        told(&target, &plex, folder).await;
        shown += usize::from(words(&target, folder, &[there(film, 7)]).await == ["proven"]);
    }
    assert_eq!(shown, 27);

    // A season of which one episode is kept back is not proven, however often the others are shown.
    let episodes = season(12);
    lay_all(&plex, &episodes);
    told(&target, &plex, "/data/tv/Show/Season 01").await;
    let expected: Vec<_> = episodes.iter().map(|episode| there(episode, 7)).collect();
    let shown = target.proof().unwrap().find(&path("/data/tv/Show/Season 01"), &expected).await.unwrap();
    assert!(matches!(Verification::of(&shown), Verification::NotYet(_)), "{shown:?}");
    plex.set_drop_every(0);
    told(&target, &plex, "/data/tv/Show").await;
    assert_eq!(words(&target, "/data/tv/Show/Season 01", &expected).await, ["proven"; 12]);
}

#[tokio::test]
async fn files_that_are_shown_and_lost_again_are_not_proven_together() {
    let plex = plex().await;
    let target = target(&plex, &json!({}));
    let episodes = season(6);
    lay_all(&plex, &episodes);
    plex.set_flickers(true);
    told(&target, &plex, "/data/tv/Show").await;
    // The first asking shows them all, and with that they are lost.
    let expected: Vec<_> = episodes.iter().map(|episode| there(episode, 7)).collect();
    let first = target.proof().unwrap().find(&path("/data/tv/Show/Season 01"), &expected).await.unwrap();
    assert_eq!(words(&target, "/data/tv/Show/Season 01", &expected).await, ["not yet"; 6], "after {first:?}");
}

#[tokio::test]
async fn the_same_file_in_another_library_proves_nothing() {
    let plex = PretendPlex::builder()
        .library(PretendLibrary::new("1", "Films").of("movie").at("/data/films"))
        .library(PretendLibrary::new("2", "Backup").of("movie").at("/data/backup"))
        .start()
        .await
        .unwrap();
    let target = target(&plex, &json!({}));
    plex.put("/data/backup/Film (1999)/Film (1999).mkv", 7);
    let file = "/data/films/Film (1999)/Film (1999).mkv";
    assert_eq!(words(&target, "/data/films/Film (1999)", &[there(file, 7)]).await, ["not yet"]);
}

#[tokio::test]
async fn a_restart_in_the_middle_of_a_scan_loses_it_and_holds_nothing_up() {
    let _hurry = hurry(Duration::from_millis(50));
    let plex = plex().await;
    plex.set_scan_time(Duration::from_secs(5));
    let target = target(&plex, &json!({}));
    let episode = &season(1)[0];
    plex.lay(episode, 7);
    target.scan(&[rescan("/data/tv/Show/Season 01")]).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    plex.restart();
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(words(&target, "/data/tv/Show", &[there(episode, 7)]).await, ["not yet"], "the scan was lost");
    // It is told again, as the engine does with the folder above.
    told(&target, &plex, "/data/tv/Show").await;
    assert_eq!(words(&target, "/data/tv/Show", &[there(episode, 7)]).await, ["proven"]);
    assert_eq!(plex.http.open_sockets(), 1, "it listens again");
}

#[tokio::test]
async fn a_server_that_accepts_and_does_nothing_holds_nothing_up() {
    let _hurry = hurry(Duration::from_millis(50));
    let plex = plex().await;
    plex.set_deaf(true);
    let target = target(&plex, &json!({}));
    let episode = &season(1)[0];
    plex.lay(episode, 7);
    for _ in 0..5 {
        told(&target, &plex, "/data/tv/Show").await;
        assert_eq!(words(&target, "/data/tv/Show", &[there(episode, 7)]).await, ["not yet"]);
    }
    assert_eq!(plex.scans().len(), 5);
}
