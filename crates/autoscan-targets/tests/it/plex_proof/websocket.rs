//! What Plex tells by itself: heard where it can be had, and never needed.

use std::time::Duration;

use autoscan_testkit::PlexSocket;
use serde_json::json;

use super::stand::{hurry, plex, target, there, told, words};
use crate::support::{rescan, verdicts};

const EPISODE: &str = "/data/tv/Show/Season 01/Show - S01E01.mkv";

#[tokio::test]
async fn it_is_opened_before_the_first_scan_with_the_token_in_a_header() {
    let plex = plex().await;
    let target = target(&plex, &json!({}));
    target.libraries().unwrap().read().await.unwrap();
    assert!(plex.http.socket_calls().is_empty(), "not before it is needed");
    target.scan(&[rescan("/data/tv/Show")]).await;
    target.scan(&[rescan("/data/films/Film")]).await;
    let calls = plex.http.socket_calls();
    assert_eq!((calls.len(), plex.http.open_sockets()), (1, 1));
    assert_eq!(calls[0].target, "/:/websockets/notifications");
    assert_eq!(calls[0].header("x-plex-token"), Some("plex-token"));
}

#[tokio::test]
async fn news_come_with_the_end_of_a_scan_and_no_more_than_one_a_second() {
    let _hurry = hurry(Duration::from_millis(50));
    let plex = plex().await;
    let target = target(&plex, &json!({}));
    assert!(
        tokio::time::timeout(Duration::from_secs(5), target.server_events().unwrap().next()).await.is_err(),
        "nothing was told"
    );
    target.scan(&[rescan("/data/tv/Show")]).await;
    tokio::time::timeout(Duration::from_secs(5), target.server_events().unwrap().next()).await.unwrap();
    let began = tokio::time::Instant::now();
    for n in 0..50 {
        plex.lay(&format!("/data/tv/Show/Season 01/Show - S01E{n:02}.mkv"), 7);
    }
    told(&target, &plex, "/data/tv/Show").await;
    tokio::time::timeout(Duration::from_secs(5), target.server_events().unwrap().next()).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
    assert!(
        tokio::time::timeout(Duration::from_secs(5), target.server_events().unwrap().next()).await.is_err(),
        "fifty items are one news"
    );
}

#[tokio::test]
async fn everything_works_with_a_websocket_that_is_of_no_use() {
    let _hurry = hurry(Duration::from_millis(50));
    for socket in [
        PlexSocket::Speaks,
        PlexSocket::Missing,
        PlexSocket::Silent,
        PlexSocket::Chatters,
        PlexSocket::Garbles,
        PlexSocket::Floods,
        PlexSocket::Drops,
    ] {
        let plex = plex().await;
        plex.set_socket(socket);
        plex.set_scan_time(Duration::from_secs(2));
        plex.lay(EPISODE, 7);
        let target = target(&plex, &json!({}));
        for folder in ["/data/tv/Show", "/data/tv/Show/Season 01", "/data/tv/Another"] {
            assert_eq!(verdicts(&target.scan(&[rescan(folder)]).await), ["ok"], "{socket:?}");
        }
        assert_eq!(plex.scans().len(), 3, "{socket:?}");
        assert_eq!(words(&target, "/data/tv/Show", &[there(EPISODE, 7)]).await, ["proven"], "{socket:?}");
    }
}

#[tokio::test]
async fn a_hundred_lost_connections_leave_one_and_none_when_the_target_is_gone() {
    let _hurry = hurry(Duration::from_secs(1));
    let plex = plex().await;
    let target = target(&plex, &json!({}));
    target.scan(&[rescan("/data/tv/Show")]).await;
    for lost in 1..=100 {
        while plex.http.open_sockets() == 0 {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        assert_eq!(plex.http.open_sockets(), 1, "after {lost} losses");
        // A connection that stood for a while is opened again soon.
        tokio::time::sleep(Duration::from_secs(31)).await;
        plex.http.cut_sockets();
    }
    assert!(plex.http.socket_calls().len() >= 100);
    drop(target);
    let connected = plex.http.socket_calls().len();
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!((plex.http.open_sockets(), plex.http.socket_calls().len()), (0, connected));
}

#[tokio::test]
async fn a_websocket_that_drops_every_connection_is_tried_ever_more_rarely() {
    let _hurry = hurry(Duration::from_millis(500));
    let plex = plex().await;
    plex.set_socket(PlexSocket::Drops);
    let target = target(&plex, &json!({}));
    target.scan(&[rescan("/data/tv/Show")]).await;
    tokio::time::sleep(Duration::from_mins(30)).await;
    let calls = plex.http.socket_calls().len();
    assert!((20..45).contains(&calls), "{calls} attempts in half an hour");
    plex.set_socket(PlexSocket::Speaks);
    while plex.http.open_sockets() == 0 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    target.scan(&[rescan("/data/films/Film")]).await;
    tokio::time::timeout(Duration::from_secs(5), target.server_events().unwrap().next()).await.unwrap();
}

#[tokio::test]
async fn a_websocket_that_falls_silent_is_opened_again() {
    let _hurry = hurry(Duration::from_millis(500));
    let plex = plex().await;
    plex.set_socket(PlexSocket::Silent);
    let target = target(&plex, &json!({}));
    target.scan(&[rescan("/data/tv/Show")]).await;
    tokio::time::sleep(Duration::from_mins(25)).await;
    assert_eq!((plex.http.socket_calls().len(), plex.http.open_sockets()), (3, 1));
}
