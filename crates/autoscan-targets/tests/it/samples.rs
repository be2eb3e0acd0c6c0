//! The few files by which the folders of a library are recognised: what is asked for them, and what that costs.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::support::target;
use autoscan_core::ports::{Library, Target};
use autoscan_testkit::{
    HttpServer, PretendEmby, PretendJellyfin, PretendLibrary, PretendPlex, Recorded, Trouble,
};

/// What samples of one library may cost.
const REQUESTS: usize = 6;
const BYTES: u64 = 256 * 1024;
/// Files of one library that are enough.
const FILES: usize = 36;

async fn plex() -> PretendPlex {
    PretendPlex::builder()
        .library(PretendLibrary::new("1", "TV").at("/data/tv"))
        .library(PretendLibrary::new("2", "Films").of("movie").at("/data/films"))
        .library(PretendLibrary::new("3", "Music").of("artist").at("/data/music"))
        .library(PretendLibrary::new("4", "Photos").of("photo").at("/data/photos"))
        .start()
        .await
        .unwrap()
}

async fn jellyfin(version: &str) -> PretendJellyfin {
    let [tv, films, music, _] = crate::media::libraries();
    let builder = PretendJellyfin::builder().version(version);
    builder.library(tv).library(films).library(music).start().await.unwrap()
}

async fn emby() -> PretendEmby {
    let [tv, films, music, _] = crate::media::libraries();
    PretendEmby::builder().library(tv).library(films).library(music).start().await.unwrap()
}

/// The libraries, and the samples of them; only the calls for these are recorded afterwards.
async fn samples(server: &Arc<dyn Target>, pretend: &HttpServer) -> (Vec<Library>, Vec<String>) {
    let libraries = server.libraries().unwrap().read().await.unwrap();
    pretend.forget_calls();
    let samples = server.libraries().unwrap().samples(&libraries).await;
    (libraries, samples)
}

/// The folders directly in a library's that have a sample.
fn folders(samples: &[String], root: &str) -> BTreeSet<String> {
    let below = samples.iter().filter_map(|file| file.strip_prefix(root)?.strip_prefix('/'));
    below.map(|rest| rest.split('/').next().unwrap().to_owned()).collect()
}

fn asked(pretend: &HttpServer) -> Vec<String> {
    pretend.calls().iter().map(|call| format!("{} {}", call.method, call.target)).collect()
}

fn keyless(call: &Recorded, key: &str) -> bool {
    !call.target.contains(key)
        && !call.body.contains(key)
        && call.headers.iter().any(|(_, value)| value.contains(key))
}

#[tokio::test]
async fn plex_is_asked_for_files_of_each_type_and_for_no_photos() {
    let plex = plex().await;
    for file in [
        "/data/tv/Show A/Season 01/Show A - S01E01.mkv",
        "/data/tv/Show B/Season 01/Show B - S01E01.mkv",
        "/data/films/Film (2001)/Film (2001).mkv",
        "/data/music/Abba/Arrival/Abba - 01 - 01.flac",
    ] {
        plex.put(file, 7);
    }
    plex.lay("/data/tv/Show C/Season 01/Show C - S01E01.mkv", 7);
    let server = target("plex", &plex.http.url());
    let (_, found) = samples(&server, &plex.http).await;
    assert_eq!(
        found,
        [
            "/data/films/Film (2001)/Film (2001).mkv",
            "/data/music/Abba/Arrival/Abba - 01 - 01.flac",
            "/data/tv/Show A/Season 01/Show A - S01E01.mkv",
            "/data/tv/Show B/Season 01/Show B - S01E01.mkv",
        ]
    );
    let page = "X-Plex-Container-Start=0&X-Plex-Container-Size=6";
    let wanted = [("1", 4), ("2", 1), ("3", 10)];
    let wanted = wanted.map(|(id, leaf)| format!("GET /library/sections/{id}/all?type={leaf}&{page}"));
    assert_eq!(asked(&plex.http), wanted);
    assert!(plex.http.calls().iter().all(|call| call.header("x-plex-token") == Some("plex-token")));
    assert!(plex.http.calls().iter().all(|call| keyless(call, "plex-token")), "{:?}", plex.http.calls());
}

#[tokio::test]
async fn what_lies_in_the_trash_of_plex_is_no_sample() {
    let plex = plex().await;
    for number in 1..=3 {
        plex.put(&format!("/data/films/Film {number} (2001)/Film {number} (2001).mkv"), 7);
    }
    plex.remove("/data/films/Film 2 (2001)/Film 2 (2001).mkv");
    let server = target("plex", &plex.http.url());
    let (_, found) = samples(&server, &plex.http).await;
    assert_eq!(
        folders(&found, "/data/films").into_iter().collect::<Vec<_>>(),
        ["Film 1 (2001)", "Film 3 (2001)"]
    );
}

#[tokio::test]
async fn of_a_large_library_of_plex_the_samples_come_from_many_folders_and_cost_little() {
    let plex = plex().await;
    for section in ["1", "2", "3"] {
        plex.fill(section, 50_000);
    }
    let server = target("plex", &plex.http.url());
    let (_, found) = samples(&server, &plex.http).await;
    assert_eq!(found.len(), 3 * FILES);
    for (root, least) in [("/data/tv", 6), ("/data/films", 36), ("/data/music", 6)] {
        assert!(folders(&found, root).len() >= least, "{root}: {found:?}");
    }
    assert_eq!(plex.http.call_count(), 3 * REQUESTS);
    assert!(plex.http.bytes_answered() <= 3 * BYTES, "{}", plex.http.bytes_answered());
    let first: Vec<String> = asked(&plex.http)[..4].to_vec();
    assert!(first[0].contains("/1/") && first[1].contains("/2/") && first[2].contains("/3/"), "{first:?}");
    assert!(
        first[3].contains("/1/") && first[3].contains("Start=8333&"),
        "the second page comes last: {first:?}"
    );
}

/// The request of a page, as both servers of the family understand it.
fn items(library: &str, kind: &str, start: usize, counts: bool) -> String {
    format!(
        "GET /Items?Fields=Path&EnableImages=false&EnableUserData=false&EnableTotalRecordCount={counts}&Recursive=true\
         &ParentId={library}&IncludeItemTypes={kind}&CollapseBoxSetItems=false&SortBy=DateCreated&SortOrder=Descending\
         &StartIndex={start}&Limit=6"
    )
}

#[tokio::test]
async fn jellyfin_of_every_version_is_asked_for_the_files_of_each_library() {
    for version in ["10.10.7", "10.11.11", "12.0.0"] {
        let jellyfin = jellyfin(version).await;
        for number in 1..=8 {
            jellyfin
                .holdings
                .hold(&format!("/media/tv/Show {number}/Season 01/Show {number} - S01E01.mkv"), 5);
        }
        jellyfin.holdings.hold("/media/movies/Heat (1995)/Heat (1995).mkv", 5);
        let server = target("jellyfin", &jellyfin.http.url());
        let (_, found) = samples(&server, &jellyfin.http).await;
        assert_eq!((folders(&found, "/media/tv").len(), found.len()), (8, 9), "{found:?}");
        let wanted = [
            items("11", "Episode", 0, true),
            items("12", "Movie", 0, true),
            items("13", "Audio", 0, true),
            items("11", "Episode", 4, false),
        ];
        assert_eq!(asked(&jellyfin.http), wanted, "{version}");
        for call in jellyfin.http.calls() {
            assert!(
                call.header("authorization").unwrap().starts_with("MediaBrowser Token=\"jellyfin-key\", ")
            );
            assert!(keyless(&call, "jellyfin-key"), "{call:?}");
        }
    }
}

#[tokio::test]
async fn emby_is_asked_alike_with_its_own_header() {
    let emby = emby().await;
    emby.holdings.hold("/media/tv/Show/Season 01/Show - S01E01.mkv", 5);
    emby.holdings.hold("/media/music/Abba/Arrival/01.flac", 5);
    let server = target("emby", &emby.http.url());
    let (_, found) = samples(&server, &emby.http).await;
    assert_eq!(found, ["/media/music/Abba/Arrival/01.flac", "/media/tv/Show/Season 01/Show - S01E01.mkv"]);
    let wanted = [("11", "Episode"), ("12", "Movie"), ("13", "Audio")];
    assert_eq!(asked(&emby.http), wanted.map(|(library, kind)| items(library, kind, 0, true)));
    for call in emby.http.calls() {
        assert_eq!(call.header("x-emby-token"), Some("emby-key"));
        assert!(keyless(&call, "emby-key"), "{call:?}");
    }
}

#[tokio::test]
async fn of_a_large_library_of_jellyfin_and_emby_the_samples_come_from_many_folders_and_cost_little() {
    let (jellyfin, emby) = (jellyfin("12.0.0").await, emby().await);
    for (kind, pretend, holdings) in
        [("jellyfin", &jellyfin.http, &jellyfin.holdings), ("emby", &emby.http, &emby.holdings)]
    {
        holdings.fill(20_000);
        let (_, found) = samples(&target(kind, &pretend.url()), pretend).await;
        assert_eq!(found.len(), 2 * FILES, "{kind}");
        for root in ["/media/tv", "/media/movies"] {
            assert!(folders(&found, root).len() >= 6, "{kind} {root}: {found:?}");
        }
        assert_eq!(
            pretend.call_count(),
            2 * REQUESTS + 1,
            "{kind}: one more for the music that is not there"
        );
        assert!(pretend.bytes_answered() <= 2 * BYTES, "{kind}: {}", pretend.bytes_answered());
    }
}

#[tokio::test]
async fn no_fault_hurts() {
    let (plex, jellyfin, emby) = (plex().await, jellyfin("12.0.0").await, emby().await);
    plex.put("/data/films/Film (2001)/Film (2001).mkv", 7);
    jellyfin.holdings.hold("/media/movies/Heat (1995)/Heat (1995).mkv", 5);
    emby.holdings.hold("/media/movies/Heat (1995)/Heat (1995).mkv", 5);
    for (kind, pretend) in [("plex", &plex.http), ("jellyfin", &jellyfin.http), ("emby", &emby.http)] {
        let server = target(kind, &pretend.url());
        let libraries = server.libraries().unwrap().read().await.unwrap();
        for (trouble, calls) in [
            (Trouble::Status(500), 1),
            (Trouble::Status(401), 1),
            (Trouble::Status(404), 3),
            (Trouble::WebPage, 1),
            (Trouble::CutOff, 1),
        ] {
            pretend.forget_calls();
            pretend.set_trouble(Some(trouble.clone()));
            assert_eq!(server.libraries().unwrap().samples(&libraries).await, [""; 0], "{kind} {trouble:?}");
            assert!(
                pretend.call_count() >= calls && pretend.call_count() <= 3,
                "{kind} {trouble:?}: {}",
                pretend.call_count()
            );
        }
        // A library that is not understood costs the others nothing.
        pretend.set_trouble(None);
        pretend.fail_next(1, &Trouble::Status(404));
        assert_eq!(server.libraries().unwrap().samples(&libraries).await.len(), 1, "{kind}");
    }
}
