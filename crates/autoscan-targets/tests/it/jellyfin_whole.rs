//! What counts as shown at Jellyfin: the whole of a file, in whichever library shows it, by the server's own rules.

use std::time::Duration;

use crate::media::{all_shown, gone, jellyfin, jellyfin_with, shown, tell, there, wait};
use crate::support::{new_files, path, rescan};
use autoscan_core::ports::{ServerListing, Target};
use autoscan_testkit::PretendLibrary;

async fn one(server: &dyn Target, file: &str) -> String {
    shown(server, &[there(file, 7)]).await.remove(0)
}

#[tokio::test]
async fn an_item_that_is_listed_bare_is_not_seen_until_it_was_read() {
    let (jellyfin, server) = jellyfin().await;
    let (episode, film) = ("/media/tv/Alpha/Season 1/1.mkv", "/media/movies/Heat/Heat.mkv");
    for file in [episode, film] {
        jellyfin.holdings.hold(file, 7);
        jellyfin.holdings.bare(file);
        for _ in 0..3 {
            let found = one(&*server, file).await;
            assert!(found.starts_with("not yet"), "{found}");
            wait(Duration::from_secs(2)).await;
        }
    }
    let found = one(&*server, episode).await;
    assert!(found.contains("has not read") || found.contains("has read no such new file"), "{found}");
}

#[tokio::test]
async fn while_a_library_is_scanned_a_new_episode_is_not_seen_though_it_is_listed() {
    let (jellyfin, server) = jellyfin().await;
    jellyfin.holdings.set_walk_takes(Duration::from_secs(20));
    let file = "/media/tv/New/Season 1/1.mkv";
    jellyfin.holdings.place(file, 7);
    tell(&*server, &jellyfin.holdings, &[new_files("/media/tv/New/Season 1", &["1.mkv"])]).await;
    let mut seen_at = None;
    for second in 1..40 {
        wait(Duration::from_secs(1)).await;
        jellyfin.advance(Duration::from_secs(1));
        if one(&*server, file).await == "proven" {
            seen_at = Some(second);
            break;
        }
    }
    assert!(seen_at.is_some_and(|second| (20..=22).contains(&second)), "{seen_at:?}: it is read after 20 s");
}

#[tokio::test]
async fn a_damaged_file_has_no_runtime_and_is_shown_all_the_same() {
    let (jellyfin, server) = jellyfin().await;
    let film = "/media/movies/Broken/Broken.mkv";
    jellyfin.holdings.hold(film, 0);
    assert!(all_shown(&*server, &[there(film, 0)]).await);
}

#[tokio::test]
async fn extras_end_as_nothing_to_prove_by_the_servers_own_rules() {
    let (jellyfin, server) = jellyfin().await;
    jellyfin.holdings.hold("/media/movies/Heat/Heat.mkv", 7);
    for name in [
        "Trailers/a.mkv",
        "clips/a.mkv",
        "extra/a.mkv",
        "Heat-clip.mkv",
        "Heat_trailer.mkv",
        "Heat - trailer.mkv",
        "Heat - sample.mkv",
        "theme.mp3",
    ] {
        let file = format!("/media/movies/Heat/{name}");
        jellyfin.holdings.place(&file, 7);
        let found = one(&*server, &file).await;
        assert!(found.starts_with("unknowable: by its name it is an extra"), "{name}: {found}");
        let (folder, own) = file.rsplit_once('/').unwrap();
        tell(&*server, &jellyfin.holdings, &[new_files(folder, &[own])]).await;
        assert_eq!(jellyfin.refreshed().last().unwrap(), "/media/movies/Heat/Heat.mkv", "{name}: its film");
    }
    assert_eq!(jellyfin.holdings.walks(), 0);
    // A series and a film that are called as a folder of extras is.
    for file in ["/media/tv/Extras/Season 1/Extras - S01E01.mkv", "/media/movies/Other/Other.mkv"] {
        jellyfin.holdings.hold(file, 7);
        assert_eq!(one(&*server, file).await, "proven", "{file}");
    }
}

#[tokio::test]
async fn a_lone_second_part_is_an_item_and_one_beside_its_first_is_none() {
    let (jellyfin, server) = jellyfin().await;
    let lone = "/media/movies/Lone/Lone - part 2.mkv";
    let found = one(&*server, lone).await;
    assert!(found.starts_with("not yet"), "{found}");
    jellyfin.holdings.hold(lone, 7);
    assert!(all_shown(&*server, &[there(lone, 7)]).await);
    jellyfin.holdings.hold("/media/movies/Two/Two-cd1.mkv", 7);
    let found = one(&*server, "/media/movies/Two/Two-cd2.mkv").await;
    assert!(found.starts_with("unknowable"), "{found}");
}

#[tokio::test]
async fn a_disc_is_shown_by_the_folder_that_holds_it() {
    let (jellyfin, server) = jellyfin().await;
    let file = "/media/movies/Heat (1995)/BDMV/STREAM/00001.m2ts";
    assert!(one(&*server, file).await.contains("shows nothing of"));
    jellyfin.holdings.place(file, 7);
    tell(
        &*server,
        &jellyfin.holdings,
        &[new_files("/media/movies/Heat (1995)/BDMV/STREAM", &["00001.m2ts"])],
    )
    .await;
    assert!(jellyfin.holdings.has("/media/movies/Heat (1995)") && !jellyfin.holdings.has(file));
    assert_eq!(one(&*server, file).await, "proven");
}

#[tokio::test]
async fn where_libraries_lie_in_one_another_the_outer_one_shows_the_file() {
    let (jellyfin, server) = jellyfin_with(&[
        PretendLibrary::new("2", "TV").of("tvshows").at("/media/all/tv"),
        PretendLibrary::new("1", "All").of("mixed").at("/media/all"),
    ])
    .await;
    let file = "/media/all/tv/Alpha/1.mkv";
    jellyfin.holdings.place(file, 7);
    tell(&*server, &jellyfin.holdings, &[new_files("/media/all/tv/Alpha", &["1.mkv"])]).await;
    assert!(jellyfin.holdings.has(file));
    let mut found = String::new();
    for _ in 0..3 {
        found = one(&*server, file).await;
        wait(Duration::from_secs(1)).await;
    }
    assert_eq!(found, "proven");
    assert!(shown(&*server, &[gone(file)]).await[0].contains("still shows"));
}

#[tokio::test]
async fn what_is_listed_below_a_folder_is_told() {
    let (jellyfin, server) = jellyfin().await;
    let season = "/media/tv/Alpha/Season 1";
    for number in 1..=100 {
        jellyfin.holdings.hold(&format!("{season}/{number:03}.mkv"), 7);
    }
    jellyfin.holdings.hold("/media/tv/Alpha/Season 2/1.mkv", 7);
    for version in ["1080p", "4k"] {
        jellyfin.holdings.hold(&format!("/media/movies/Heat (1995)/Heat (1995) - {version}.mkv"), 7);
    }
    let proof = server.proof().unwrap();
    let listed = async |folder: &str, most| proof.list_below(&path(folder), most).await.unwrap();
    let all: ServerListing = listed(season, 1000).await.unwrap();
    assert_eq!((all.files.len(), all.complete), (100, true));
    assert_eq!(listed("/media/tv/Alpha", 1000).await.unwrap().files.len(), 101);
    let some = listed(season, 90).await.unwrap();
    assert_eq!((some.files.len(), some.complete), (90, false));
    let film = listed("/media/movies/Heat (1995)", 100).await.unwrap();
    assert_eq!(film.files.len(), 2, "a further version stands only in the sources of the first");
    assert_eq!(listed("/media/tv/Nobody", 100).await, None);
    assert_eq!(listed("/elsewhere", 100).await, None);
}

#[tokio::test]
async fn a_film_whose_folder_is_looked_at_is_refreshed_and_its_library_only_when_that_was_in_vain() {
    let (jellyfin, server) = jellyfin().await;
    let folder = "/media/movies/Heat (1995)";
    let (old, new) = (format!("{folder}/Heat (1995) - 1080p.mkv"), format!("{folder}/Heat (1995) - 4k.mkv"));
    jellyfin.holdings.hold(&old, 7);
    jellyfin.holdings.place(&new, 7);
    tell(&*server, &jellyfin.holdings, &[rescan(folder)]).await;
    assert_eq!((jellyfin.refreshed(), jellyfin.holdings.walks()), (vec![old.clone()], 0));
    assert!(!all_shown(&*server, &[there(&old, 7), there(&new, 7)]).await);
    tell(&*server, &jellyfin.holdings, &[rescan(folder)]).await;
    assert_eq!(jellyfin.holdings.walks(), 1);
    assert!(all_shown(&*server, &[there(&old, 7), there(&new, 7)]).await);
}

#[tokio::test]
async fn what_an_idle_jellyfin_does_not_show_is_lost_after_a_minute_and_not_while_it_scans() {
    let (jellyfin, server) = jellyfin().await;
    jellyfin.holdings.set_walk_takes(Duration::from_mins(5));
    let file = "/media/tv/New/Season 1/1.mkv";
    jellyfin.holdings.place(file, 7);
    let scan = new_files("/media/tv/New/Season 1", &["1.mkv"]);
    tell(&*server, &jellyfin.holdings, std::slice::from_ref(&scan)).await;
    let lost = async |seconds| server.proof().unwrap().lost(&scan, Duration::from_secs(seconds)).await;
    assert_eq!(lost(59).await, None, "it is early");
    assert_eq!(lost(90).await, None, "it scans the library");
    jellyfin.holdings.restart();
    let reason = lost(90).await.unwrap();
    assert_eq!(reason, "Jellyfin scans nothing now and still does not show it");
}
