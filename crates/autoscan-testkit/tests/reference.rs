//! The pretend servers, seen through the clients that people use with the real ones: what we test against is what these
//! clients understand. `scripts/test --long` installs them into `target/reference-clients`.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use autoscan_testkit::{PretendEmby, PretendJellyfin, PretendLibrary, PretendPlex};
use serde_json::{Value, json};

/// Runs a script of `tests/reference` while the server that it talks to goes on; fails with what it says.
async fn run(script: &str, arguments: &[&str]) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = here.join("../../target/reference-clients/bin/python");
    assert!(python.exists(), "the clients are not installed: run scripts/test --long");
    let mut command = Command::new(python);
    command.arg("-B").arg(here.join("tests/reference").join(script)).args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

/// An empty folder for one test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reference").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[tokio::test]
#[ignore = "needs the reference clients: scripts/test --long"]
async fn plexapi_understands_the_pretend_plex() {
    let plex = PretendPlex::builder()
        .library(PretendLibrary::new("1", "Films").of("movie").at("/media/movies").at("/media/more"))
        .library(PretendLibrary::new("2", "Series").of("show").at("/media/tv"))
        .library(PretendLibrary::new("3", "Music").of("artist").at("/media/music"))
        .library(PretendLibrary::new("4", "Archive").of("movie").at("/archive"))
        .start()
        .await
        .unwrap();
    let folder = folder("plex");
    plex.sees("/media", &folder);
    plex.fill("4", 250);
    plex.set_pref("FSEventLibraryUpdatesEnabled", json!(true));
    plex.set_playing(1);
    plex.knows("plex://movie/5d776825880197001ec90a31", "The Matrix", &["imdb://tt0133093", "tmdb://603"]);
    // A scan is named after a second, and looked at while it runs, however busy this machine is.
    plex.set_scan_time(Duration::from_secs(3));

    run("plex.py", &[&plex.http.url(), "plex-token", &folder.to_string_lossy()]).await;
}

/// How long a pretend Jellyfin or Emby waits before it looks at what was reported.
const SOON: Duration = Duration::from_secs(1);

#[tokio::test]
#[ignore = "needs the reference clients: scripts/test --long"]
async fn jellyfins_client_understands_the_pretend_jellyfin() {
    for version in ["10.10.7", "10.11.0", "12.0.0"] {
        let jellyfin = PretendJellyfin::builder()
            .version(version)
            .library(
                PretendLibrary::new("f137a2dd21bbc1b99aa5c0f6bf02a805", "Films")
                    .of("movies")
                    .at("/media/movies"),
            )
            .library(
                PretendLibrary::new("a656b907eb3a73532e40e44b968d0225", "Series")
                    .of("tvshows")
                    .at("/media/tv"),
            )
            .delay(SOON)
            .start()
            .await
            .unwrap();
        let folder = folder("jellyfin");
        jellyfin.holdings.sees("/media", &folder);
        jellyfin.holdings.set_sessions(1, 1);

        run("jellyfin.py", &[&jellyfin.http.url(), "jellyfin-key", version, &folder.to_string_lossy()]).await;
    }
}

#[tokio::test]
#[ignore = "needs the reference clients: scripts/test --long"]
async fn embys_client_understands_the_pretend_emby() {
    let emby = PretendEmby::builder()
        .library(PretendLibrary::new("4", "Films").of("movies").at("/media/movies"))
        .library(PretendLibrary::new("5", "Series").of("tvshows").at("/media/tv"))
        .delay(SOON)
        .start()
        .await
        .unwrap();
    let folder = folder("emby");
    emby.holdings.sees("/media", &folder);
    emby.holdings.set_sessions(1, 1);

    run("emby.py", &[&emby.http.url(), "emby-key", &folder.to_string_lossy()]).await;
}

/// What people's programs ask of Jellyfin, autoscan among them; how autoscan itself asks is looked at where its target is
/// tested.
fn calls() -> Value {
    let headers = json!({"Authorization": "MediaBrowser Token=x", "Content-Type": "application/json"});
    let film = "/Items?Recursive=true&IncludeItemTypes=Movie,Episode,Series,Season&Limit=50";
    let calls = [
        ("GET", "/System/Info/Public", ""),
        ("GET", "/System/Info", ""),
        ("GET", "/System/Configuration", ""),
        ("GET", "/Library/VirtualFolders", ""),
        ("GET", film, ""),
        ("GET", &format!("{film}&fields=Path,MediaSources,DateCreated,ParentId&sortBy=DateCreated"), ""),
        ("GET", &format!("{film}&enableImages=false&enableUserData=false&searchTerm=Show"), ""),
        ("GET", "/Items?parentId=00000000000000000000000000000000", ""),
        ("GET", "/Sessions", ""),
        ("GET", "/ScheduledTasks", ""),
        ("POST", "/Library/Media/Updated", r#"{"Updates":[{"Path":"/media/tv/x","UpdateType":"Created"}]}"#),
        ("POST", "/Library/Media/Updated", r#"{"Updates":[{"Path":"","UpdateType":"Created"}]}"#),
        ("POST", "/Library/Refresh", ""),
        ("POST", "/Items/a656b907eb3a73532e40e44b968d0225/Refresh?metadataRefreshMode=Default", ""),
        ("POST", "/Items/00000000000000000000000000000000/Refresh?imageRefreshMode=Default", ""),
        ("POST", "/Environment/ValidatePath", r#"{"Path":"/media/tv","IsFile":false}"#),
        ("POST", "/Environment/ValidatePath", r#"{"Path":"/nowhere","IsFile":false}"#),
    ];
    let call = |(method, target, body): &(&str, &str, &str)| json!({"method": method, "target": target, "headers": headers, "body": body});
    calls.iter().map(call).collect()
}

#[tokio::test]
#[ignore = "needs the reference clients and a folder of specifications: SPECS=folder scripts/test --long"]
async fn the_pretend_jellyfin_answers_as_published() {
    let Some(specifications) = std::env::var_os("SPECS").map(PathBuf::from) else {
        return eprintln!("skipped: SPECS names no folder of specifications");
    };
    let calls_made = folder("jellyfin-calls").join("calls.json");
    std::fs::write(&calls_made, calls().to_string()).unwrap();
    for version in ["10.10.7", "12.0.0"] {
        let jellyfin = PretendJellyfin::builder()
            .version(version)
            .library(
                PretendLibrary::new("f137a2dd21bbc1b99aa5c0f6bf02a805", "Films")
                    .of("movies")
                    .at("/media/movies"),
            )
            .library(
                PretendLibrary::new("a656b907eb3a73532e40e44b968d0225", "Series")
                    .of("tvshows")
                    .at("/media/tv"),
            )
            .start()
            .await
            .unwrap();
        jellyfin.holdings.hold("/media/movies/Film (2001)/Film (2001).mkv", 5);
        jellyfin.holdings.hold("/media/tv/Show/Season 1/Show - S01E01.mkv", 5);
        jellyfin.holdings.set_sessions(1, 1);

        let document = specifications.join(format!("jellyfin/jellyfin-openapi-{version}.json"));
        let (url, calls_made) = (jellyfin.http.url(), calls_made.to_string_lossy());
        run("jellyfin_specification.py", &[&document.to_string_lossy(), &url, "jellyfin-key", &calls_made])
            .await;
    }
}
