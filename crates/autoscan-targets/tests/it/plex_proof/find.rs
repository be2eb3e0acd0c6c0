//! What is shown of the files of a scan.

use std::time::Duration;

use autoscan_core::proof::Observation;
use autoscan_testkit::{PlexFileFilter, PretendLibrary, PretendPlex, Trouble};
use serde_json::json;

use super::stand::{folder_gone, gone, plex, put_all, season, target, there, words};
use crate::support::{AWKWARD, path};

const FILM: &str = "/data/films/Film (1999)/Film (1999).mkv";

#[tokio::test]
async fn one_file_is_one_request_and_a_season_two() {
    let plex = plex().await;
    let target = target(&plex, &json!({}));
    plex.put(FILM, 7);
    plex.put("/data/music/Band/Album/01 - Song.flac", 7);
    let episodes = season(24);
    put_all(&plex, &episodes);
    target.libraries().unwrap().read().await.unwrap();
    let season: Vec<_> = episodes.iter().map(|episode| there(episode, 7)).collect();
    for (folder, expected, requests) in [
        ("/data/films/Film (1999)", vec![there(FILM, 7)], 1),
        ("/data/music/Band/Album", vec![there("/data/music/Band/Album/01 - Song.flac", 7)], 1),
        ("/data/tv/Show/Season 01", season[..2].to_vec(), 2),
        ("/data/tv/Show/Season 01", season, 2),
    ] {
        plex.http.forget_calls();
        let shown = vec!["proven"; expected.len()];
        assert_eq!(words(&target, folder, &expected).await, shown, "{folder}");
        assert_eq!(plex.http.call_count(), requests, "{folder}");
        assert!(plex.http.bytes_answered() <= 64 * 1024, "{} bytes", plex.http.bytes_answered());
    }
}

#[tokio::test]
async fn the_asking_ends_at_the_first_file_that_is_not_there() {
    let plex = plex().await;
    let target = target(&plex, &json!({}));
    let episodes = season(10);
    plex.put(&episodes[0], 7);
    assert_eq!(words(&target, "/data/tv/Show", &[there(&episodes[0], 7)]).await, ["proven"]);
    plex.http.forget_calls();
    let missing: Vec<_> = episodes[1..].iter().map(|episode| there(episode, 7)).collect();
    assert_eq!(words(&target, "/data/tv/Show/Season 01", &missing).await, ["not yet"; 9]);
    assert_eq!(plex.http.call_count(), 1);
}

#[tokio::test]
async fn a_file_is_there_with_its_size_and_gone_when_it_is_trash() {
    let plex = plex().await;
    let target = target(&plex, &json!({}));
    plex.put(FILM, 7);
    let shown = target.proof().unwrap().find(&path("/data/films"), &[there(FILM, 8)]).await.unwrap();
    assert!(
        matches!(&shown[0], Observation::NotYet(why) if why.contains("with 7 bytes, and it has 8")),
        "{shown:?}"
    );
    assert_eq!(words(&target, "/data/films", &[gone(FILM)]).await, ["not yet"]);

    plex.take(FILM);
    target.scan(&[crate::support::rescan("/data/films/Film (1999)")]).await;
    assert!(plex.item(FILM).unwrap().trash);
    assert_eq!(words(&target, "/data/films", &[gone(FILM)]).await, ["proven"]);
    let shown = target.proof().unwrap().find(&path("/data/films"), &[there(FILM, 7)]).await.unwrap();
    assert!(matches!(&shown[0], Observation::NotYet(why) if why.contains("trash")), "{shown:?}");

    plex.set_trash_hidden(true);
    assert_eq!(words(&target, "/data/films", &[gone(FILM)]).await, ["proven"]);
    plex.remove(FILM);
    assert_eq!(words(&target, "/data/films", &[gone(FILM)]).await, ["proven"]);
}

#[tokio::test]
async fn a_replaced_season_needs_no_request_for_each_file() {
    let plex = plex().await;
    let target = target(&plex, &json!({}));
    let episodes = season(12);
    put_all(&plex, &episodes);
    target.proof().unwrap().find(&path("/data/tv/Show"), &[there(&episodes[0], 7)]).await.unwrap();
    plex.http.forget_calls();
    let mut expected: Vec<_> = episodes.iter().map(|new| gone(&new.replace(".mkv", ".avi"))).collect();
    expected.extend(episodes.iter().map(|new| there(new, 7)));
    assert_eq!(words(&target, "/data/tv/Show/Season 01", &expected).await, ["proven"; 24]);
    assert_eq!(plex.http.call_count(), 2);
}

#[tokio::test]
async fn whatever_plex_makes_of_the_filter_the_file_is_found() {
    for filter in [
        PlexFileFilter::Contains,
        PlexFileFilter::Name,
        PlexFileFilter::Ignored,
        PlexFileFilter::Refused(400),
        PlexFileFilter::Refused(404),
        PlexFileFilter::Refused(500),
    ] {
        let plex = plex().await;
        plex.set_file_filter(filter);
        let target = target(&plex, &json!({}));
        let episodes = season(30);
        for (folder, file) in [
            ("/data/films/Film (1999)", FILM),
            ("/data/tv/Show/Season 01", &episodes[29]),
            ("/data/music/Band/Album", "/data/music/Band/Album/01 - Song.flac"),
        ] {
            assert_eq!(words(&target, folder, &[there(file, 7)]).await, ["not yet"], "{filter:?}");
            if file.starts_with("/data/tv") {
                put_all(&plex, &episodes);
            } else {
                plex.put(file, 7);
            }
            assert_eq!(words(&target, folder, &[there(file, 7)]).await, ["proven"], "{filter:?} {file}");
            assert_eq!(words(&target, folder, &[gone(file)]).await, ["not yet"], "{filter:?} {file}");
        }
    }
}

#[tokio::test]
async fn the_filter_is_tried_out_once_with_a_file_that_is_shown() {
    let other = "/data/films/Other (1999)/Other (1999).mkv";
    for (filter, first, then) in [
        (PlexFileFilter::Contains, 3, 1),
        (PlexFileFilter::Name, 3, 1),
        // The search takes its place.
        (PlexFileFilter::Ignored, 2, 1),
        // For one file that proves nothing, so it is asked again each time.
        (PlexFileFilter::Refused(500), 2, 2),
    ] {
        let plex = plex().await;
        plex.set_file_filter(filter);
        let target = target(&plex, &json!({}));
        target.libraries().unwrap().read().await.unwrap();
        plex.http.forget_calls();
        assert_eq!(words(&target, "/data/films", &[there(FILM, 7)]).await, ["not yet"]);
        assert!(plex.http.call_count() <= 2, "an empty library has nothing to try it with");
        plex.put(other, 7);
        for requests in [first, then] {
            plex.http.forget_calls();
            assert_eq!(words(&target, "/data/films", &[there(FILM, 7)]).await, ["not yet"]);
            assert!(plex.http.call_count() <= requests, "{filter:?}: {}", plex.http.call_count());
        }
    }
}

#[tokio::test]
async fn one_failing_question_does_not_end_the_filter() {
    let plex = plex().await;
    let target = target(&plex, &json!({}));
    target.libraries().unwrap().read().await.unwrap();
    let film = |number: usize| format!("/data/films/Film {number:03}/Film {number:03}.mkv");
    let searches = || plex.http.calls_to("/library/search").len();
    let asked = async |number: usize| {
        let path = film(number);
        words(&target, &format!("/data/films/Film {number:03}"), &[there(&path, 7)]).await
    };
    for number in 0..30 {
        plex.put(&film(number), 7);
    }
    for status in [400, 404, 500] {
        // The search finds it.
        plex.http.fail_calls_that_hold("Film 000.mkv", &Trouble::Status(status));
        for _ in 0..5 {
            assert_eq!(asked(0).await, ["proven"], "{status}");
        }
        plex.http.forget_calls();
        for number in 1..30 {
            assert_eq!(asked(number).await, ["proven"]);
        }
        assert_eq!((searches(), plex.http.call_count()), (0, 29), "{status}");
        plex.http.fail_calls_for_no_text();
    }
}

#[tokio::test]
async fn a_filter_that_is_refused_for_several_files_is_passed_over_and_tried_again_soon() {
    let plex = plex().await;
    let target = target(&plex, &json!({}));
    target.libraries().unwrap().read().await.unwrap();
    let film = |number: usize| format!("/data/films/Film {number}/Film {number}.mkv");
    (0..9).for_each(|number| plex.put(&film(number), 7));
    plex.set_file_filter(PlexFileFilter::Refused(500));
    for (number, questions) in [(0, 2), (1, 2), (2, 2), (3, 1), (4, 1)] {
        plex.http.forget_calls();
        let folder = format!("/data/films/Film {number}");
        assert_eq!(words(&target, &folder, &[there(&film(number), 7)]).await, ["proven"]);
        assert_eq!(plex.http.call_count(), questions, "{number}");
    }
    plex.set_file_filter(PlexFileFilter::Contains);
    tokio::time::pause();
    tokio::time::advance(Duration::from_mins(10)).await;
    tokio::time::resume();
    plex.http.forget_calls();
    assert_eq!(words(&target, "/data/films/Film 5", &[there(&film(5), 7)]).await, ["proven"]);
    assert!(plex.http.calls_to("/library/search").is_empty());
}

#[tokio::test]
async fn a_file_of_the_same_name_elsewhere_does_not_count() {
    for filter in [PlexFileFilter::Contains, PlexFileFilter::Name] {
        let plex = PretendPlex::builder()
            .library(PretendLibrary::new("1", "Films").of("movie").at("/data/films"))
            .library(PretendLibrary::new("2", "Films 4K").of("movie").at("/data/films4k"))
            .start()
            .await
            .unwrap();
        plex.set_file_filter(filter);
        let target = target(&plex, &json!({}));
        plex.put("/data/films4k/Film (1999)/Film (1999).mkv", 7);
        plex.put("/data/films/Another/Film (1999).mkv", 7);
        assert_eq!(words(&target, "/data/films/Film (1999)", &[there(FILM, 7)]).await, ["not yet"]);
        assert_eq!(words(&target, "/data/films/Film (1999)", &[gone(FILM)]).await, ["proven"]);
        // So many of one name that one answer does not hold them.
        for n in 0..50 {
            plex.put(&format!("/data/films/Copy {n:02}/Film (1999).mkv"), 7);
        }
        plex.put(FILM, 7);
        assert_eq!(
            words(&target, "/data/films/Film (1999)", &[there(FILM, 7)]).await,
            ["proven"],
            "{filter:?}"
        );
    }
}

#[tokio::test]
async fn every_library_that_can_hold_the_file_must_show_it() {
    let plex = PretendPlex::builder()
        .library(PretendLibrary::new("1", "TV").at("/data"))
        .library(PretendLibrary::new("2", "TV auf Deutsch").at("/data"))
        .library(PretendLibrary::new("3", "Films").of("movie").at("/data"))
        .library(PretendLibrary::new("4", "Photos").of("photo").at("/data"))
        .start()
        .await
        .unwrap();
    let target = target(&plex, &json!({}));
    let (episode, film) = ("/data/Show/Show - S01E01.mkv", "/data/Film/Film.mkv");
    plex.put(episode, 7);
    plex.put(film, 7);
    assert_eq!(words(&target, "/data", &[there(episode, 7), there(film, 7)]).await, ["proven", "proven"]);

    plex.set_libraries(vec![
        PretendLibrary::new("1", "TV").at("/data"),
        PretendLibrary::new("5", "TV en français").at("/data"),
    ]);
    target.libraries().unwrap().read().await.unwrap();
    let shown = target.proof().unwrap().find(&path("/data/Show"), &[there(episode, 7)]).await.unwrap();
    assert!(matches!(&shown[0], Observation::NotYet(why) if why.contains("français")), "{shown:?}");
}

#[tokio::test]
async fn what_plex_shows_no_item_for_is_not_asked_for() {
    let plex = plex().await;
    let target = target(&plex, &json!({}));
    plex.put(FILM, 7);
    target.libraries().unwrap().read().await.unwrap();
    plex.http.forget_calls();
    let expected = [
        there("/data/films/Film (1999)/Film (1999).en.srt", 7),
        there("/data/films/Film (1999)/movie.nfo", 7),
        gone("/data/films/Film (1999)/poster.jpg"),
        there("/data/films/Film (1999)/readme.txt", 7),
    ];
    assert_eq!(words(&target, "/data/films/Film (1999)", &expected).await, ["unknowable"; 4]);
    assert_eq!(plex.http.call_count(), 0);
    // A trailer beside the film is shown there, alone it is waited for.
    let trailer = there("/data/films/Film (1999)/Trailers/a.mkv", 7);
    let expected = [there(FILM, 7), trailer.clone()];
    assert_eq!(words(&target, "/data/films/Film (1999)", &expected).await, ["proven", "unknowable"]);
    assert_eq!(words(&target, "/data/films/Film (1999)", &[trailer]).await, ["not yet"]);
}

#[tokio::test]
async fn a_folder_that_is_gone_is_asked_for_where_the_filter_knows_folders() {
    for (filter, before, after) in [
        (PlexFileFilter::Contains, "not yet", "proven"),
        (PlexFileFilter::Name, "not yet", "unknowable"),
        (PlexFileFilter::Refused(500), "not yet", "unknowable"),
    ] {
        let plex = plex().await;
        plex.set_file_filter(filter);
        let target = target(&plex, &json!({}));
        let episodes = season(3);
        put_all(&plex, &episodes);
        plex.put(FILM, 7);
        target.proof().unwrap().find(&path("/data/films"), &[there(FILM, 7)]).await.unwrap();
        for folder in ["/data/tv/Show", "/data/tv/Show/Season 01"] {
            assert_eq!(
                words(&target, "/data/tv", &[folder_gone(folder)]).await,
                [before],
                "{filter:?} {folder}"
            );
        }
        plex.take("/data/tv/Show");
        target.scan(&[crate::support::rescan("/data/tv")]).await;
        assert_eq!(
            words(&target, "/data/tv", &[folder_gone("/data/tv/Show")]).await,
            ["proven"],
            "trash, {filter:?}"
        );
        for episode in &episodes {
            plex.remove(episode);
        }
        assert_eq!(words(&target, "/data/tv", &[folder_gone("/data/tv/Show")]).await, [after], "{filter:?}");
    }
}

#[tokio::test]
async fn names_and_places_of_every_kind_are_found() {
    let plex = PretendPlex::builder()
        .numbers_as_text()
        .library(PretendLibrary::new("1", "TV").at("/data/tv"))
        .library(PretendLibrary::new("2", "Films").of("movie").at("/data/films"))
        .library(PretendLibrary::new("6", "Windows").at("D:\\Media\\TV"))
        .start()
        .await
        .unwrap();
    let target = target(&plex, &json!({}));
    for name in AWKWARD {
        let film = format!("/data/films/{name}/{name}.mkv");
        plex.put(&film, 7);
        assert_eq!(words(&target, "/data/films", &[there(&film, 7)]).await, ["proven"], "{name}");
    }
    plex.put("D:\\Media\\TV\\Show\\S01\\Show - S01E01.mkv", 7);
    let expected = [there("d:\\media\\tv\\show\\s01\\Show - S01E01.mkv", 7)];
    assert_eq!(words(&target, "d:\\media\\tv\\show\\s01", &expected).await, ["proven"]);
    let double = "/data/tv/Show/Season 01/Show - S01E01-E02.mkv";
    plex.put(double, 7);
    assert_eq!(words(&target, "/data/tv/Show/Season 01", &[there(double, 7)]).await, ["proven"]);
    plex.remove(double);
    assert_eq!(words(&target, "/data/tv/Show/Season 01", &[gone(double)]).await, ["proven"]);
}

#[tokio::test]
async fn a_folder_that_no_library_owns_is_a_fault() {
    let plex = plex().await;
    let target = target(&plex, &json!({}));
    assert!(
        target.proof().unwrap().find(&path("/elsewhere"), &[there("/elsewhere/a.mkv", 7)]).await.is_err()
    );
    for (folder, below) in
        [("/data/tv", false), ("/data/tv/Show", true), ("/data", false), ("/elsewhere/a", false)]
    {
        assert_eq!(target.libraries().unwrap().is_below_a_root(&path(folder)).await, below, "{folder}");
    }
    assert!(target.proof().is_some());
}
