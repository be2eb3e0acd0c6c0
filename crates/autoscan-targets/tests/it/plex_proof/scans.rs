//! One scan of a library at a time.

use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_testkit::PlexSocket;
use serde_json::json;

use super::stand::{hurry, plex, target, there, told, words};
use crate::support::{path, rescan, verdict, verdicts};

#[tokio::test]
async fn the_next_scan_of_a_library_waits_for_the_end_of_the_last() {
    let _hurry = hurry(Duration::from_millis(50));
    for socket in [PlexSocket::Speaks, PlexSocket::Missing, PlexSocket::Silent, PlexSocket::Garbles] {
        let plex = plex().await;
        plex.set_socket(socket);
        plex.set_scan_time(Duration::from_secs(3));
        let target = target(&plex, &json!({}));
        let first = target.scan(&[rescan("/data/tv/A"), rescan("/data/films/B")]).await;
        assert_eq!(verdicts(&first), ["ok", "ok"], "different libraries");
        assert_eq!(plex.scans().len(), 2);
        assert_eq!(verdicts(&target.scan(&[rescan("/data/tv/C")]).await), ["ok"], "{socket:?}");
        assert_eq!(plex.scans().len(), 3);
        assert_eq!(plex.overlapping_scans(), 0, "{socket:?}");
    }
}

#[tokio::test]
async fn a_long_scan_puts_the_next_off_and_an_endless_one_holds_nothing_up() {
    let _hurry = hurry(Duration::from_millis(200));
    for socket in [PlexSocket::Speaks, PlexSocket::Missing] {
        let plex = plex().await;
        plex.set_socket(socket);
        plex.set_scan_time(Duration::from_hours(5));
        let target = target(&plex, &json!({}));
        target.scan(&[rescan("/data/tv/A")]).await;
        let later = target.scan(&[rescan("/data/tv/B")]).await.remove(0);
        assert!(matches!(&later, Err(Fault::Later { reason, .. }) if reason.contains("\"TV\"")), "{later:?}");
        assert_eq!(plex.scans().len(), 1);
        assert_eq!(verdict(&target.scan(&[rescan("/data/films/B")]).await[0]), "ok", "another library");

        let mut put_off = 1;
        while target.scan(&[rescan("/data/tv/B")]).await[0].is_err() {
            put_off += 1;
            tokio::time::sleep(Duration::from_secs(20)).await;
        }
        assert!((10..60).contains(&put_off), "put off {put_off} times");
        assert_eq!((plex.scans().len(), plex.overlapping_scans()), (3, 1), "{socket:?}");
    }
}

#[tokio::test]
async fn a_scan_finds_what_lies_on_the_disk() {
    let _hurry = hurry(Duration::from_millis(50));
    let plex = plex().await;
    plex.set_scan_time(Duration::from_secs(2));
    let target = target(&plex, &json!({}));
    let episode = "/data/tv/Show/Season 01/Show - S01E01.mkv";
    plex.lay(episode, 7);
    target.scan(&[rescan("/data/tv/Show/Season 01")]).await;
    assert_eq!(words(&target, "/data/tv/Show", &[there(episode, 7)]).await, ["not yet"]);
    tokio::time::timeout(Duration::from_secs(10), target.server_events().unwrap().next()).await.unwrap();
    assert_eq!(words(&target, "/data/tv/Show", &[there(episode, 7)]).await, ["proven"]);
    told(&target, &plex, "/data/tv/Show").await;
}

#[tokio::test]
async fn a_queue_is_the_libraries_and_asks_nobody() {
    let plex = plex().await;
    let target = target(&plex, &json!({}));
    assert_eq!(target.queue(&rescan("/data/tv/Show")), None);
    target.libraries().unwrap().read().await.unwrap();
    plex.http.forget_calls();
    assert_eq!(target.queue(&rescan("/data/tv/Show")).as_deref(), Some("1"));
    assert_eq!(target.queue(&rescan("/data/films/Film")).as_deref(), Some("2"));
    assert_eq!(plex.http.call_count(), 0);
}

#[tokio::test]
async fn plex_says_who_watches_and_what_fights_with_us() {
    let plex = plex().await;
    let target = target(&plex, &json!({}));
    assert_eq!(target.playback().unwrap().playing().await.unwrap(), 0);
    plex.set_playing(3);
    assert_eq!(target.playback().unwrap().playing().await.unwrap(), 3);
    assert!(target.advice().unwrap().advise().await.unwrap().is_empty());
    for (id, part) in [
        ("autoEmptyTrash", "empties its trash by itself"),
        ("ScheduledLibraryUpdatesEnabled", "periodically"),
        ("FSEventLibraryUpdatesEnabled", "watches the folders itself"),
        ("ButlerTaskRefreshLibraries", "nightly maintenance"),
    ] {
        plex.set_pref(id, json!(true));
        let advice = target.advice().unwrap().advise().await.unwrap();
        assert!(advice.iter().any(|sentence| sentence.contains(part)), "{id}: {advice:?}");
    }
    assert_eq!(target.advice().unwrap().advise().await.unwrap().len(), 4);
    assert!(target.libraries().unwrap().is_below_a_root(&path("/data/tv/Show")).await);
}
