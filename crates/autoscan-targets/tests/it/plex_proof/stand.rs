//! What these tests stand on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use autoscan_core::change::{Change, Subject};
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{Care, CareScan, Target, TargetScan};
use autoscan_core::proof::{ExpectedFile, Observation, Presence};
use autoscan_testkit::{PretendLibrary, PretendPlex};
use serde_json::{Value, json};

use crate::support::{connect, path};

/// A Plex with a library of each kind.
pub(crate) async fn plex() -> PretendPlex {
    PretendPlex::builder()
        .library(PretendLibrary::new("1", "TV").at("/data/tv"))
        .library(PretendLibrary::new("2", "Films").of("movie").at("/data/films"))
        .library(PretendLibrary::new("3", "Music").of("artist").at("/data/music"))
        .start()
        .await
        .unwrap()
}

/// The target with these settings beside address and token.
pub(crate) fn target(plex: &PretendPlex, settings: &Value) -> Arc<dyn Target> {
    let mut all = json!({"url": plex.http.url(), "token": "plex-token"});
    for (key, value) in settings.as_object().unwrap() {
        all[key] = value.clone();
    }
    connect("plex", &all)
}

pub(crate) fn there(file: &str, size: u64) -> ExpectedFile {
    ExpectedFile { path: path(file), subject: Subject::File, presence: Presence::There { size: Some(size) } }
}

pub(crate) fn gone(file: &str) -> ExpectedFile {
    ExpectedFile { path: path(file), subject: Subject::File, presence: Presence::Gone }
}

pub(crate) fn folder_gone(folder: &str) -> ExpectedFile {
    ExpectedFile { subject: Subject::Folder, ..gone(folder) }
}

/// What the target shows, one word a path.
pub(crate) async fn words(
    target: &Arc<dyn Target>,
    folder: &str,
    expected: &[ExpectedFile],
) -> Vec<&'static str> {
    target.proof().unwrap().find(&path(folder), expected).await.unwrap().iter().map(word).collect()
}

pub(crate) fn word(shown: &Observation) -> &'static str {
    match shown {
        Observation::Proven => "proven",
        Observation::NotYet(_) => "not yet",
        Observation::Unknowable(_) => "unknowable",
    }
}

/// Shows every one of these files, seven bytes long.
pub(crate) fn put_all(plex: &PretendPlex, files: &[String]) {
    for file in files {
        plex.put(file, 7);
    }
}

/// Lays every one of these files, seven bytes long, for a scan to find.
pub(crate) fn lay_all(plex: &PretendPlex, files: &[String]) {
    for file in files {
        plex.lay(file, 7);
    }
}

/// The episodes of a season.
pub(crate) fn season(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("/data/tv/Show/Season 01/Show - S01E{n:02}.mkv")).collect()
}

/// A scan that was shown, with nothing in the way of caring for it.
pub(crate) fn shown(scan: TargetScan, expected: Vec<ExpectedFile>) -> CareScan {
    CareScan { scan, expected, proven: true, guards: Vec::new(), storm: None }
}

/// Cares until it is over, with the clock in a hurry; answers what was said.
pub(crate) async fn care(target: &Arc<dyn Target>, scan: &CareScan) -> Vec<String> {
    for _ in 0..100 {
        match target.aftercare().unwrap().care(scan).await.unwrap() {
            Care::Done(notes) => return notes,
            Care::Later(_) => tokio::time::sleep(Duration::from_secs(3)).await,
        }
    }
    unreachable!("the care has no end")
}

pub(crate) fn scan(folder: &str, changes: Vec<Change<TargetPath>>) -> TargetScan {
    TargetScan { folder: path(folder), changes, companions: Vec::new() }
}

/// Scans one folder and waits until the pretend Plex is done with it.
pub(crate) async fn told(target: &Arc<dyn Target>, plex: &PretendPlex, folder: &str) {
    assert!(target.scan(&[crate::support::rescan(folder)]).await[0].is_ok());
    while plex.is_scanning() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Lets the clock run by itself, far faster than it does, while sockets are waited for in earnest. A paused clock alone
/// would leap over every answer that is on its way.
pub(crate) struct Hurry {
    over: Arc<AtomicBool>,
}

/// One step of the clock for each turn of the runtime, at most one a millisecond.
pub(crate) fn hurry(step: Duration) -> Hurry {
    tokio::time::pause();
    let over = Arc::new(AtomicBool::new(false));
    let (tick, mut ticks) = tokio::sync::mpsc::channel(1);
    let seen = Arc::clone(&over);
    // While something blocks, the clock does not leap.
    tokio::task::spawn_blocking(move || {
        while !seen.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
            // One tick waits at most: a slow machine makes the clock slow.
            let _ = tick.try_send(());
        }
    });
    tokio::spawn(async move {
        while ticks.recv().await.is_some() {
            tokio::time::advance(step).await;
        }
    });
    Hurry { over }
}

impl Drop for Hurry {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}
