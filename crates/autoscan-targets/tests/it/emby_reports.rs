//! What is reported to a server that refuses to scan a library alone.

use std::time::Duration;

use crate::support::{AWKWARD, changed, new_files, path, random_names, rescan, target, verdicts};
use autoscan_core::change::Change;
use autoscan_testkit::{PretendEmby, PretendLibrary, Trouble};
use serde_json::json;

/// An Emby that refuses the refresh of a library, and looks at reports after this.
async fn emby_after(delay: Duration) -> PretendEmby {
    PretendEmby::builder()
        .delay(delay)
        .refuses_walks()
        .library(PretendLibrary::new("1", "TV").of("tvshows").at("/media/tv"))
        .library(PretendLibrary::new("2", "Movies").of("movies").at("/media/movies"))
        .start()
        .await
        .unwrap()
}

async fn emby() -> PretendEmby {
    emby_after(Duration::ZERO).await
}

fn updates(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|&(path, what)| (path.to_owned(), what.to_owned())).collect()
}

#[tokio::test]
async fn what_happened_is_told_truthfully_and_each_path_once() {
    let emby = emby().await;
    let server = target("emby", &emby.http.url());
    let moved = Change::moved(path("/media/tv/A/S01/old.mkv"), path("/media/tv/A/Season 1/new.mkv"));
    let batch = [
        changed(
            "/media/tv/A/Season 1",
            vec![
                moved.clone(),
                Change::created(path("/media/tv/A/Season 1/1.mkv")),
                Change::modified(path("/media/tv/A/Season 1/2.mkv")),
                Change::deleted(path("/media/tv/A/Season 1/3.mkv")),
            ],
        ),
        changed("/media/tv/A/S01", vec![moved]),
        rescan("/media/tv/B"),
        changed("/media/tv/C", vec![]),
        changed("/media/tv", vec![Change::folder_deleted(path("/media/tv/D"))]),
    ];
    assert!(server.scan(&batch).await.iter().all(Result::is_ok));
    assert_eq!(
        emby.updates(),
        updates(&[
            ("/media/tv/A/S01/old.mkv", "Deleted"),
            ("/media/tv/A/Season 1/new.mkv", "Created"),
            ("/media/tv/A/Season 1/1.mkv", "Created"),
            ("/media/tv/A/Season 1/2.mkv", "Modified"),
            ("/media/tv/A/Season 1/3.mkv", "Deleted"),
            ("/media/tv/B", "Modified"),
            ("/media/tv/C", "Modified"),
            ("/media/tv/D", "Deleted"),
        ])
    );
}

#[tokio::test]
async fn libraries_side_by_side_share_a_call_also_for_a_move_between_them() {
    let emby = emby().await;
    let server = target("emby", &emby.http.url());
    let moved = Change::moved(path("/media/movies/A/a.mkv"), path("/media/tv/A/a.mkv"));
    let lost = Change::moved(path("/elsewhere/b.mkv"), path("/media/tv/A/b.mkv"));
    let film = new_files("/media/movies/B", &["b.mkv"]);
    let results = server.scan(&[changed("/media/tv/A", vec![moved, lost]), film]).await;
    assert_eq!(verdicts(&results), ["ok", "ok"]);
    let bodies: Vec<serde_json::Value> = emby
        .http
        .calls_to("/Library/Media/Updated")
        .iter()
        .map(|call| serde_json::from_str(&call.body).unwrap())
        .collect();
    assert_eq!(
        bodies,
        [json!({"Updates": [
            {"Path": "/media/movies/A/a.mkv", "UpdateType": "Deleted"},
            {"Path": "/media/movies/B/b.mkv", "UpdateType": "Created"},
            {"Path": "/media/tv/A/a.mkv", "UpdateType": "Created"},
            {"Path": "/media/tv/A/b.mkv", "UpdateType": "Created"},
        ]})]
    );
}

#[tokio::test]
async fn a_great_batch_is_cut_into_calls_of_five_hundred() {
    let emby = emby().await;
    let server = target("emby", &emby.http.url());
    let names: Vec<String> = (0..1200).map(|n| format!("{n}.mkv")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(verdicts(&server.scan(&[new_files("/media/tv/A/S1", &names)]).await), ["ok"]);
    assert_eq!((emby.http.calls_to("/Library/Media/Updated").len(), emby.updates().len()), (3, 1200));

    let long: Vec<String> = (0..400).map(|n| format!("{n}{}", "x".repeat(1000))).collect();
    let long: Vec<&str> = long.iter().map(String::as_str).collect();
    assert_eq!(verdicts(&server.scan(&[new_files("/media/tv/A/S2", &long)]).await), ["ok"]);
    assert_eq!((emby.http.calls_to("/Library/Media/Updated").len(), emby.updates().len()), (5, 1600));
}

#[tokio::test]
async fn a_name_arrives_byte_for_byte() {
    let emby = emby().await;
    let server = target("emby", &emby.http.url());
    let random = random_names(200);
    let names: Vec<&str> = AWKWARD.iter().copied().chain(random.iter().map(String::as_str)).collect();
    assert_eq!(verdicts(&server.scan(&[new_files("/media/tv/A", &names)]).await), ["ok"]);
    let mut seen = std::collections::HashSet::new();
    let expected: Vec<String> =
        names.iter().filter(|name| seen.insert(**name)).map(|name| format!("/media/tv/A/{name}")).collect();
    let told: Vec<String> = emby.updates().into_iter().map(|(path, _)| path).collect();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn no_librarys_folder_is_ever_reported_nor_two_that_share_a_wait() {
    let emby = emby().await;
    let server = target("emby", &emby.http.url());
    let mut results = server.scan(&[rescan("/media/tv"), rescan("/media/movies/B")]).await;
    let fault = results.remove(0).unwrap_err();
    assert!(fault.reason().contains("refuses to scan the library \"TV\" alone"), "{fault:?}");
    assert_eq!(verdicts(&results), ["ok"]);

    let emby = emby_after(Duration::from_mins(1)).await;
    let server = target("emby", &emby.http.url());
    let batch = [rescan("/media/tv/A"), rescan("/media/movies/B"), rescan("/media/tv/C")];
    // Scans of a library are gathered, and then the reports, as it refuses those.
    for gathered in ["later 0", "later 2"] {
        assert_eq!(verdicts(&server.scan(&batch).await), [gathered; 3]);
        tokio::time::pause();
        tokio::time::advance(Duration::from_millis(2500)).await;
        tokio::time::resume();
    }
    // The server waits for the whole folder of the shows, and beside that for one film.
    assert_eq!(verdicts(&server.scan(&batch).await), ["ok"; 3]);
    assert_eq!(emby.updates().len(), 3);
    let later = server.scan(&[new_files("/media/movies/D", &["d.mkv"])]).await;
    assert_eq!(verdicts(&later)[0][..6], *"later ", "what joins a wait begins it anew");
}

#[tokio::test]
async fn a_server_is_never_made_to_wait_for_two_whole_folders_that_lie_side_by_side() {
    let emby = emby_after(Duration::from_mins(1)).await;
    let server = target("emby", &emby.http.url());
    let batch =
        ["/media/tv/A", "/media/tv/B", "/media/movies/A", "/media/movies/B", "/media/movies/C"].map(rescan);
    for _ in 0..2 {
        assert!(server.scan(&batch).await.iter().all(Result::is_err), "gathered");
        tokio::time::pause();
        tokio::time::advance(Duration::from_millis(2500)).await;
        tokio::time::resume();
    }
    // All of the films, and the first show.
    assert_eq!(verdicts(&server.scan(&batch).await), ["ok", "later 65", "ok", "ok", "ok"]);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(65)).await;
    tokio::time::resume();
    assert_eq!(verdicts(&server.scan(&batch[1..2]).await), ["ok"]);
    assert_eq!(emby.updates().len(), 5);
}

/// An Emby that does not say what it does with its libraries.
#[tokio::test]
async fn a_server_that_tells_no_status_of_its_libraries_is_told_of_paths() {
    let emby = PretendEmby::builder()
        .delay(Duration::ZERO)
        .tells_no_status()
        .library(PretendLibrary::new("1", "TV").of("tvshows").at("/media/tv"))
        .start()
        .await
        .unwrap();
    let server = target("emby", &emby.http.url());
    let scan = new_files("/media/tv/A/Season 1", &["1.mkv"]);
    assert_eq!(server.plan(&scan).await.unwrap().calls[0].method, "POST");
    assert_eq!(verdicts(&server.scan(&[scan]).await), ["ok"]);
    assert_eq!(emby.updates(), updates(&[("/media/tv/A/Season 1/1.mkv", "Created")]));
    // A whole library cannot be reported.
    assert_eq!(verdicts(&server.scan(&[rescan("/media/tv")]).await), ["ok"]);
    assert_eq!((emby.updates().len(), emby.holdings.walks()), (1, 1));
}

#[tokio::test]
async fn a_path_at_which_a_report_fails_is_found_among_the_others_of_its_call() {
    let emby = emby().await;
    let server = target("emby", &emby.http.url());
    emby.http.fail_calls_that_hold("Film 013.mkv", &Trouble::Status(500));
    let film = |number: usize| {
        new_files(&format!("/media/movies/Film {number:03}"), &[&format!("Film {number:03}.mkv")])
    };
    let results = server.scan(&(0..40).map(film).collect::<Vec<_>>()).await;
    let expected: Vec<&str> = (0..40).map(|number| if number == 13 { "wrong" } else { "ok" }).collect();
    assert_eq!(verdicts(&results), expected);
    assert!(emby.http.calls_to("/Library/Media/Updated").len() <= 13, "halves of halves");
}
