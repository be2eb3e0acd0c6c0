//! What is analysed after a scan.

use std::time::Duration;

use autoscan_core::change::Change;
use autoscan_core::ports::{Care, CareScan};
use autoscan_testkit::PlexSocket;
use serde_json::json;

use super::stand::{care, hurry, plex, put_all, scan, season, shown, target, there, told, words};
use crate::support::{path, rescan};

#[tokio::test]
async fn a_changed_file_is_analysed_and_only_then_shown_with_its_size() {
    let _hurry = hurry(Duration::from_millis(50));
    let plex = plex().await;
    plex.set_sizes_wait_for_analysis(true);
    let target = target(&plex, &json!({}));
    let episode = &season(1)[0];
    plex.put(episode, 7);
    plex.lay(episode, 8);
    told(&target, &plex, "/data/tv/Show/Season 01").await;
    let expected = vec![there(episode, 8)];
    assert_eq!(words(&target, "/data/tv/Show", &expected).await, ["not yet"]);

    let changed = scan("/data/tv/Show/Season 01", vec![Change::modified(path(episode))]);
    assert!(target.aftercare().unwrap().concerns(&changed));
    let before = CareScan { proven: false, ..shown(changed.clone(), expected.clone()) };
    assert_eq!(care(&target, &before).await, ["Plex analyses \"Episode 1\" of its library \"TV\""]);
    assert_eq!(words(&target, "/data/tv/Show", &expected).await, ["proven"]);
    assert_eq!(care(&target, &shown(changed, expected)).await, [""; 0], "what was done is not done again");
    assert_eq!(plex.item(episode).unwrap().analysed, 1);
}

#[tokio::test]
async fn what_is_analysed_is_what_was_wished_for() {
    let _hurry = hurry(Duration::from_millis(50));
    let episodes = season(2);
    for (analyze, scope, changed, new) in [
        ("off", "item", 0, 0),
        ("changed", "item", 1, 0),
        ("new", "item", 0, 1),
        ("all", "item", 1, 1),
        ("all", "season", 1, 1),
    ] {
        let plex = plex().await;
        let target = target(&plex, &json!({"analyze": analyze, "analyze-scope": scope}));
        put_all(&plex, &episodes);
        let scan = scan(
            "/data/tv/Show/Season 01",
            vec![Change::modified(path(&episodes[0])), Change::created(path(&episodes[1]))],
        );
        let expected = episodes.iter().map(|episode| there(episode, 7)).collect();
        assert_eq!(target.aftercare().unwrap().concerns(&scan), analyze != "off");
        care(&target, &shown(scan, expected)).await;
        let analysed: Vec<usize> =
            episodes.iter().map(|episode| plex.item(episode).unwrap().analysed).collect();
        assert_eq!(analysed, [changed, new], "{analyze} {scope}");
        let calls = plex.http.calls_to("/analyze").len();
        assert_eq!(calls, if scope == "season" { 1 } else { changed + new }, "{analyze} {scope}");
    }
}

#[tokio::test]
async fn a_new_file_is_analysed_when_it_is_shown_and_not_before() {
    let _hurry = hurry(Duration::from_millis(50));
    let plex = plex().await;
    let target = target(&plex, &json!({"analyze": "all"}));
    let episode = &season(1)[0];
    let expected = vec![there(episode, 7)];
    let created = scan("/data/tv/Show/Season 01", vec![Change::created(path(episode))]);
    let created = shown(created, expected);
    assert!(care(&target, &CareScan { proven: false, ..created.clone() }).await.is_empty());
    assert!(care(&target, &created).await.is_empty(), "it was lost again");
    plex.put(episode, 7);
    assert!(care(&target, &CareScan { proven: false, ..created.clone() }).await.is_empty());
    assert_eq!(care(&target, &created).await.len(), 1);
    assert_eq!(plex.item(episode).unwrap().analysed, 1);
}

#[tokio::test]
async fn nothing_is_analysed_while_the_library_is_scanned() {
    let _hurry = hurry(Duration::from_millis(50));
    for socket in [PlexSocket::Speaks, PlexSocket::Missing, PlexSocket::Silent] {
        let plex = plex().await;
        plex.set_socket(socket);
        let target = target(&plex, &json!({}));
        let episode = &season(1)[0];
        plex.put(episode, 7);
        plex.set_scan_time(Duration::from_secs(30));
        target.scan(&[rescan("/data/tv/Show")]).await;
        let changed = scan("/data/tv/Show/Season 01", vec![Change::modified(path(episode))]);
        let changed = shown(changed, vec![there(episode, 7)]);
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_secs(3)).await;
            let waits = target.aftercare().unwrap().care(&changed).await.unwrap();
            assert!(matches!(waits, Care::Later(_)), "{socket:?}: {waits:?}");
        }
        assert!(plex.http.calls_to("/analyze").is_empty(), "{socket:?}");
        care(&target, &changed).await;
        assert!(!plex.is_scanning(), "{socket:?}");
        assert_eq!(plex.item(episode).unwrap().analysed, 1, "{socket:?}");
    }
}
