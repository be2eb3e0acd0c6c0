//! What Plex takes a film or series for.

use std::time::Duration;

use autoscan_core::change::Change;
use autoscan_core::ids::Ids;
use autoscan_core::ports::CareScan;
use autoscan_testkit::PretendPlex;
use serde_json::json;

use super::stand::{care, hurry, plex, scan, shown, target, there};
use crate::support::path;

const FILM: &str = "/data/films/The Matrix (1999)/The Matrix (1999).mkv";
const OTHER: &str = "/data/films/Armitage (1997)/Armitage (1997).mkv";
const EPISODE: &str = "/data/tv/The 100/Season 01/The 100 - S01E01.mkv";
const RIGHT: &str = "plex://movie/0000000000000000000000a1";
const WRONG: &str = "plex://movie/0000000000000000000000b2";

fn said(file: &str, ids: &str) -> CareScan {
    let folder = file.rsplit_once('/').unwrap().0;
    let change = Change::created(path(file)).with_ids(Ids::parse(ids));
    shown(scan(folder, vec![change]), vec![there(file, 7)])
}

fn matrix() -> CareScan {
    said(FILM, "tmdb://603 imdb://tt0133093")
}

/// A Plex that takes the film for another one, and knows both.
async fn mistaken() -> PretendPlex {
    let plex = plex().await;
    plex.put(FILM, 7);
    plex.knows(RIGHT, "The Matrix", &["tmdb://603", "imdb://tt0133093"]);
    plex.knows(WRONG, "Armitage", &["tmdb://9999"]);
    plex.believes(FILM, WRONG, &["tmdb://9999", "imdb://tt9999"]);
    plex
}

#[tokio::test]
async fn a_mistake_is_passed_over_said_or_mended_as_is_wished() {
    let _hurry = hurry(Duration::from_millis(50));
    for (wish, guid, part) in [
        ("off", WRONG, ""),
        ("report", WRONG, "(tmdb://9999 imdb://tt9999), but it is tmdb://603 imdb://tt0133093"),
        ("fix", RIGHT, "for something else; it is"),
    ] {
        let plex = mistaken().await;
        let target = target(&plex, &json!({"match": wish, "match-language": "de"}));
        assert_eq!(target.aftercare().unwrap().concerns(&matrix().scan), wish != "off");
        let notes = care(&target, &matrix()).await;
        assert_eq!(plex.item(FILM).unwrap().guid, guid, "{wish}");
        assert!(notes.join("").contains(part) && notes.len() == usize::from(wish != "off"), "{notes:?}");
        let asked = plex.http.calls_to("/matches");
        assert_eq!(asked.len(), usize::from(wish == "fix"));
        if let Some(call) = asked.first() {
            assert_eq!(call.param("title"), Some("tmdb-603"));
            assert_eq!(call.param("language"), Some("de"));
            assert_eq!(call.param("agent"), Some("tv.plex.agents.movie"));
        }
    }
}

#[tokio::test]
async fn what_is_right_or_not_known_is_left_alone() {
    let _hurry = hurry(Duration::from_millis(50));
    for (guid, ids) in [
        (RIGHT, &["tmdb://603"][..]),
        ("plex://movie/x", &["tmdb://1", "imdb://tt0133093"]),
        ("plex://movie/x", &[]),
        ("com.plexapp.agents.imdb://tt0133093?lang=en", &[]),
        ("com.plexapp.agents.hama://tvdb-1?lang=en", &[]),
    ] {
        let plex = mistaken().await;
        plex.believes(FILM, guid, ids);
        let target = target(&plex, &json!({"match": "fix"}));
        assert!(care(&target, &matrix()).await.is_empty(), "{guid} {ids:?}");
        assert!(plex.http.calls().iter().all(|call| call.method == "GET"), "{guid}");
    }
}

#[tokio::test]
async fn the_series_of_an_episode_is_what_counts_and_a_legacy_agent_too() {
    let _hurry = hurry(Duration::from_millis(50));
    let right = "com.plexapp.agents.thetvdb://268592?lang=en";
    let plex = plex().await;
    plex.put(EPISODE, 7);
    plex.knows(right, "The 100", &["tvdb://268592"]);
    plex.believes(EPISODE, "com.plexapp.agents.thetvdb://7?lang=en", &[]);
    let target = target(&plex, &json!({"match": "fix"}));
    let notes = care(&target, &said(EPISODE, "tvdb://268592")).await;
    assert_eq!(plex.top_item(EPISODE).unwrap().guid, right, "{notes:?}");
    assert_eq!(plex.top_item(EPISODE).unwrap().kind, "show");
}

#[tokio::test]
async fn a_film_that_was_merged_with_another_is_split_first() {
    let _hurry = hurry(Duration::from_millis(50));
    let plex = mistaken().await;
    plex.put(OTHER, 7);
    plex.believes(OTHER, WRONG, &["tmdb://9999"]);
    plex.merges(OTHER, FILM);
    assert_eq!(plex.item(FILM).unwrap().files.len(), 2);
    let target = target(&plex, &json!({"match": "fix"}));
    let notes = care(&target, &matrix()).await;
    let (film, other) = (plex.item(FILM).unwrap(), plex.item(OTHER).unwrap());
    assert_eq!((film.guid.as_str(), film.files.len()), (RIGHT, 1), "{notes:?}");
    assert_eq!((other.guid.as_str(), other.files.len()), (WRONG, 1));
    assert_eq!(plex.http.calls_to("/split").len(), 1);
}

#[tokio::test]
async fn nothing_is_guessed() {
    let _hurry = hurry(Duration::from_millis(50));
    // Two candidates of which none says its ids, and then none at all.
    let plex = mistaken().await;
    plex.set_guesses(true);
    let server = target(&plex, &json!({"match": "fix"}));
    let notes = care(&server, &matrix()).await;
    assert!(notes[0].contains("none of them is certain"), "{notes:?}");
    assert!(plex.http.calls_to("/match").is_empty());

    let plex = mistaken().await;
    let server = target(&plex, &json!({"match": "fix"}));
    let notes = care(&server, &said(FILM, "tmdb://777")).await;
    assert!(notes[0].contains("knows nothing by these ids"), "{notes:?}");
    assert!(plex.http.calls_to("/match").is_empty());
}

#[tokio::test]
async fn a_match_that_comes_back_wrong_is_tried_once_and_said() {
    let _hurry = hurry(Duration::from_millis(100));
    let plex = mistaken().await;
    plex.set_stubborn_match(true);
    let target = target(&plex, &json!({"match": "fix"}));
    let notes = care(&target, &matrix()).await;
    assert!(notes[0].contains("still shows it so: mend it in Plex by hand"), "{notes:?}");
    for _ in 0..3 {
        care(&target, &matrix()).await;
    }
    assert_eq!(plex.http.calls_to("/match").len(), 1, "it never loops");
}
