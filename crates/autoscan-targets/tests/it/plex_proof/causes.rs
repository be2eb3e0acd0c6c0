//! Why a file does not appear.

use std::time::Duration;

use autoscan_testkit::{PretendLibrary, PretendPlex};
use serde_json::json;

use super::stand::{gone, plex, target, there};
use crate::support::rescan;

#[tokio::test]
async fn the_cause_is_what_plex_sees_and_then_the_name() {
    let plex = plex().await;
    let target = target(&plex, &json!({}));
    for (file, laid, part) in [
        ("/data/tv/Show/Show - S01E01.mkv", "/elsewhere/a.mkv", "cannot see the folder \"/data/tv/Show\""),
        ("/data/tv/Show/Show - S01E01.mkv", "/data/tv/Show/Show - S01E02.mkv", "but not the file"),
        ("/data/tv/Show/Show - S01E01.mkv", "/data/tv/Show/show - s01e01.mkv", "upper and lower case"),
        ("/data/films/A/Sample/a.mkv", "/data/films/A/Sample/a.mkv", "samples, trailers or other extras"),
        ("/data/films/.hidden/a.mkv", "/data/films/.hidden/a.mkv", "begin with a dot"),
        ("/data/films/Show/Show S01E01.mkv", "/data/films/Show/Show S01E01.mkv", "named as an episode"),
        ("/data/tv/Show/Show.mkv", "/data/tv/Show/Show.mkv", "no season and episode"),
        ("/data/tv/Show/Song.flac", "/data/tv/Show/Song.flac", "the file is music"),
        ("/data/music/Film/Film.mkv", "/data/music/Film/Film.mkv", "is for music"),
        ("/data/films/A/a.mkv", "/data/films/A/a.mkv", "a .plexignore"),
    ] {
        plex.take("/");
        plex.lay(laid, 7);
        let cause = target.proof().unwrap().why_missing(&there(file, 7)).await.unwrap();
        assert!(cause.contains(part), "{file}: {cause}");
    }
    let folder = "/data/tv/Show";
    plex.lay("/data/tv/Show/Show - S01E01.mkv", 7);
    plex.forbid(folder, true);
    let cause =
        target.proof().unwrap().why_missing(&there("/data/tv/Show/Show - S01E01.mkv", 7)).await.unwrap();
    assert!(cause.contains("permission"), "{cause}");
    assert_eq!(target.proof().unwrap().why_missing(&gone("/data/tv/Show/Show - S01E01.mkv")).await, None);
    assert_eq!(target.proof().unwrap().why_missing(&there("/elsewhere/a.mkv", 7)).await, None);
}

#[tokio::test]
async fn a_scan_that_goes_on_is_a_cause_in_every_spelling() {
    let builders = [
        PretendPlex::builder(),
        PretendPlex::builder().numbers_as_text(),
        PretendPlex::builder().flags_as_numbers(),
    ];
    for builder in builders {
        let plex = builder.library(PretendLibrary::new("1", "TV").at("/data/tv")).start().await.unwrap();
        plex.set_scan_time(Duration::from_mins(1));
        let target = target(&plex, &json!({}));
        target.scan(&[rescan("/data/tv/Show")]).await;
        let cause =
            target.proof().unwrap().why_missing(&there("/data/tv/Show/Show - S01E01.mkv", 7)).await.unwrap();
        assert!(cause.contains("still scanning its library \"TV\""), "{cause}");
    }
}
