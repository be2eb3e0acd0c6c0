//! What autoscan asks of Jellyfin is what Jellyfin publishes: every call, with its query and its body, and every answer
//! that the pretend Jellyfin gives to it. `SPECS=folder scripts/test --long` names the folder of the documents.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::{changed, new_files, path, rescan, target};
use autoscan_core::change::{Change, Subject};
use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{Care, CareScan, Target, TargetScan};
use autoscan_core::proof::{ExpectedFile, Presence};
use autoscan_testkit::{PretendJellyfin, PretendLibrary, Recorded};
use serde_json::{Map, Value, json};

const SERIES: &str = "a656b907eb3a73532e40e44b968d0225";
const FILMS: &str = "f137a2dd21bbc1b99aa5c0f6bf02a805";

async fn jellyfin(version: &str) -> PretendJellyfin {
    let jellyfin = PretendJellyfin::builder()
        .version(version)
        .library(PretendLibrary::new(SERIES, "Series").of("tvshows").at("/media/tv"))
        .library(PretendLibrary::new(FILMS, "Films").of("movies").at("/media/movies"))
        .start()
        .await
        .unwrap();
    for file in [
        "/media/tv/Known (2001)/Season 01/Known - S01E01.mkv",
        "/media/tv/Known (2001)/Season 01/Known - S01E02.mkv",
        "/media/movies/Known Film (1999)/Known Film (1999).mkv",
    ] {
        jellyfin.holdings.hold(file, 5);
    }
    jellyfin.holdings.set_sessions(1, 1);
    jellyfin
}

/// Scans of every sort: new, changed, deleted and moved files, whole folders, and subtitles only.
fn scans() -> Vec<TargetScan> {
    let season = "/media/tv/Known (2001)/Season 01";
    let episode = |name: &str| path(&format!("{season}/{name}"));
    let subtitle = TargetScan {
        companions: vec![episode("Known - S01E01.mkv")],
        ..new_files(season, &["Known - S01E01.en.srt"])
    };
    vec![
        new_files("/media/tv/New + \"Show\" & <é> (2020)/Season 01", &["S01E01.mkv", "S01E02.mkv"]),
        new_files("/media/movies/New Film (2020)", &["New Film (2020).mkv"]),
        changed(season, vec![Change::modified(episode("Known - S01E01.mkv"))]),
        changed(season, vec![Change::deleted(episode("Known - S01E02.mkv"))]),
        changed(season, vec![Change::moved(episode("Known - S01E02.mkv"), episode("Known - S01E03.mkv"))]),
        changed("/media/movies", vec![Change::folder_deleted(path("/media/movies/Known Film (1999)"))]),
        rescan("/media/tv/Known (2001)"),
        rescan("/media/movies/Unknown Film (1980)"),
        subtitle,
    ]
}

fn expected(scan: &TargetScan) -> Vec<ExpectedFile> {
    let file = |change: &Change<TargetPath>| ExpectedFile {
        path: change.path.clone(),
        subject: Subject::File,
        presence: Presence::There { size: Some(5) },
    };
    let there = scan.changes.iter().map(file);
    there.clone().chain(there.map(|expected| ExpectedFile { presence: Presence::Gone, ..expected })).collect()
}

/// Does with a server all that autoscan ever does; every call that it knows must come of it.
async fn do_everything(jellyfin: &PretendJellyfin) {
    let server = target("jellyfin", &jellyfin.http.url());
    server.probe().await.unwrap();
    let libraries = server.libraries().unwrap().read().await.unwrap();
    assert_eq!(server.libraries().unwrap().samples(&libraries).await.len(), 3);
    server.advice().unwrap().advise().await.unwrap();
    server.playback().unwrap().playing().await.unwrap();
    for round in 0..3 {
        let mut later = Duration::ZERO;
        for scan in scans() {
            server.plan(&scan).await.unwrap();
            server.libraries().unwrap().is_below_a_root(&scan.folder).await;
            for result in server.scan(std::slice::from_ref(&scan)).await {
                if let Err(Fault::Later { after, .. }) = result {
                    later = later.max(after);
                }
            }
            ask(&*server, &scan).await;
        }
        if round == 0 {
            jellyfin.holdings.hold("/media/movies/New Film (2020)/New Film (2020).mkv", 5);
        }
        // What is to come later comes in the next round; time goes by on both sides.
        jellyfin.advance(later);
        tokio::time::pause();
        tokio::time::advance(later).await;
        tokio::time::resume();
    }
    for route in
        ["/Info", "/VirtualFolders", "/DirectoryContents", "/Items", "/Refresh", "/ValidatePath", "/Sessions"]
    {
        assert!(!jellyfin.http.calls_to(route).is_empty(), "{route} was not called");
    }
}

async fn ask(server: &dyn Target, scan: &TargetScan) {
    let expected = expected(scan);
    if expected.is_empty() {
        return;
    }
    server.proof().unwrap().find(&scan.folder, &expected).await.unwrap();
    for one in &expected {
        server.proof().unwrap().why_missing(one).await;
    }
    for proven in [true, false] {
        let care = CareScan {
            scan: scan.clone(),
            expected: expected.clone(),
            proven,
            guards: Vec::new(),
            storm: None,
        };
        let mut calls = 0;
        while let Care::Later(_) = server.aftercare().unwrap().care(&care).await.unwrap() {
            calls += 1;
            if calls == 3 {
                break;
            }
        }
    }
}

/// The calls as the script reads them, each once, without the key.
fn as_json(calls: &[Recorded]) -> Value {
    let headers = |call: &Recorded| -> Map<String, Value> {
        let kept = ["content-type", "authorization"];
        let text = |name: &str| call.header(name).map(|value| (name.to_owned(), json!(value)));
        kept.into_iter().filter_map(text).collect()
    };
    let each: BTreeSet<String> = calls
        .iter()
        .map(|call| {
            let headers = headers(call);
            json!({"method": call.method, "target": call.target, "headers": headers, "body": call.body})
                .to_string()
        })
        .collect();
    each.iter().map(|call| serde_json::from_str::<Value>(call).unwrap()).collect()
}

#[tokio::test]
#[ignore = "needs the reference clients and a folder of specifications: SPECS=folder scripts/test --long"]
async fn what_is_asked_of_jellyfin_is_what_it_publishes() {
    let Some(specifications) = std::env::var_os("SPECS").map(PathBuf::from) else {
        return eprintln!("skipped: SPECS names no folder of specifications");
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join("target/reference-clients/bin/python");
    assert!(python.exists(), "the clients are not installed: run scripts/test --long");
    for version in ["10.10.7", "12.0.0"] {
        let jellyfin = jellyfin(version).await;
        do_everything(&jellyfin).await;
        let calls = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("jellyfin-{version}-calls.json"));
        std::fs::write(&calls, as_json(&jellyfin.http.calls()).to_string()).unwrap();

        let mut command = Command::new(&python);
        command
            .arg("-B")
            .arg(root.join("crates/autoscan-testkit/tests/reference/jellyfin_specification.py"))
            .arg(specifications.join(format!("jellyfin/jellyfin-openapi-{version}.json")))
            .args([jellyfin.http.url().as_str(), "jellyfin-key"])
            .arg(&calls);
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    }
}
