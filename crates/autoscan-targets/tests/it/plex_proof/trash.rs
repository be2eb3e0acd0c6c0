//! When a library's trash is emptied, and above all when not.

use std::sync::Arc;
use std::time::Duration;

use autoscan_core::change::Change;
use autoscan_core::ports::{CareScan, Guard, Target};
use autoscan_testkit::PretendPlex;
use serde_json::{Value, json};

use super::stand::{care, gone, hurry, plex, scan, shown, target, told};
use crate::support::path;

const FILM: &str = "/data/films/Old (1999)/Old (1999).mkv";

/// A library of so many films of which the first is in the trash, and a target that may empty it.
async fn with_trash(films: usize, settings: &Value) -> (PretendPlex, Arc<dyn Target>, CareScan) {
    let plex = plex().await;
    let target = target(&plex, settings);
    plex.put(FILM, 7);
    for n in 1..films {
        plex.put(&format!("/data/films/Film {n} (1999)/Film {n}.mkv"), 7);
    }
    plex.take(FILM);
    told(&target, &plex, "/data/films/Old (1999)").await;
    assert!(plex.item(FILM).unwrap().trash);
    let deleted = scan("/data/films/Old (1999)", vec![Change::deleted(path(FILM))]);
    (plex, target, shown(deleted, vec![gone(FILM)]))
}

fn wish(after: &str) -> Value {
    json!({"empty-trash": {"after": after}})
}

#[tokio::test]
async fn it_is_emptied_when_that_is_wished_for_and_everything_is_well() {
    let _hurry = hurry(Duration::from_millis(50));
    for (settings, emptied) in
        [(json!({}), 0), (wish("upgrade"), 0), (wish("delete"), 1), (wish("always"), 1)]
    {
        let (plex, target, deleted) = with_trash(40, &settings).await;
        assert_eq!(target.aftercare().unwrap().concerns(&deleted.scan), emptied > 0, "{settings}");
        let notes = care(&target, &deleted).await;
        assert_eq!(plex.times_emptied("2"), emptied, "{settings}: {notes:?}");
        assert_eq!(plex.item(FILM).is_none(), emptied > 0);
        if emptied > 0 {
            assert_eq!(notes, ["the trash of Plex's library \"Films\" was emptied: 1 of 40 items"]);
            assert!(care(&target, &deleted).await.is_empty(), "empty trash is not emptied");
            assert_eq!(plex.times_emptied("2"), 1);
        }
    }
}

#[tokio::test]
async fn whatever_is_in_doubt_keeps_it() {
    let _hurry = hurry(Duration::from_millis(50));
    let guard = |prefix: &str, fallen: Option<&str>| Guard {
        prefix: path(prefix),
        fallen: fallen.map(str::to_owned),
    };
    let down = Some("the anchor of /data is missing");
    for (films, guards, storm, kept) in [
        (40, vec![guard("/data", None), guard("/other", down)], None, None),
        (40, vec![guard("/data", down)], None, Some("anchor")),
        (40, vec![guard("/data/films", down)], None, Some("anchor")),
        (40, vec![guard("/data/films/Some/Mount", down)], None, Some("anchor")),
        (40, vec![], Some("there are too many deletions"), Some("too many deletions")),
        (10, vec![], None, Some("`max-percent: 5`")),
    ] {
        let (plex, target, deleted) = with_trash(films, &wish("delete")).await;
        let notes = care(&target, &CareScan { guards, storm: storm.map(str::to_owned), ..deleted }).await;
        assert_eq!(plex.times_emptied("2"), usize::from(kept.is_none()), "{notes:?}");
        if let Some(kept) = kept {
            assert!(notes[0].contains("was not emptied") && notes[0].contains(kept), "{notes:?}");
        }
    }
}

#[tokio::test]
async fn five_thousand_items_after_a_mount_went_away_stay() {
    let _hurry = hurry(Duration::from_millis(50));
    let plex = plex().await;
    plex.fill("2", 500_000);
    let target = target(&plex, &wish("always"));
    for n in 0..5_000 {
        plex.put(&format!("/data/films/Film {n} (1999)/Film {n}.mkv"), 7);
    }
    // For ten seconds the mount is gone, and a scan of the whole library sees that.
    plex.take("/data/films");
    plex.lay(FILM, 7);
    told(&target, &plex, "/data/films").await;
    assert!(plex.item("/data/films/Film 4711 (1999)/Film 4711.mkv").unwrap().trash);
    let scan = scan("/data/films/Old (1999)", vec![Change::created(path(FILM))]);
    let notes = care(&target, &shown(scan, vec![super::stand::there(FILM, 7)])).await;
    assert!(notes[0].contains("5000 items, more than `max-items: 100`"), "{notes:?}");
    assert_eq!(plex.times_emptied("2"), 0);
}

#[tokio::test]
async fn nothing_is_emptied_before_the_files_are_shown_or_while_plex_scans() {
    let _hurry = hurry(Duration::from_millis(50));
    let (plex, target, deleted) = with_trash(40, &wish("delete")).await;
    let unproven = CareScan { proven: false, ..deleted.clone() };
    assert!(care(&target, &unproven).await.is_empty());
    assert_eq!(plex.times_emptied("2"), 0);
    plex.set_scan_time(Duration::from_secs(20));
    target.scan(&[crate::support::rescan("/data/films/New")]).await;
    care(&target, &deleted).await;
    assert!(!plex.is_scanning());
    assert_eq!(plex.times_emptied("2"), 1);
}
