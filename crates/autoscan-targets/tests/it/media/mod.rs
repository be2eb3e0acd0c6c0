//! What the tests of Jellyfin and Emby share.

use std::sync::Arc;
use std::time::Duration;

use autoscan_core::change::Subject;
use autoscan_core::fault::Fault;
use autoscan_core::ports::{Target, TargetScan};
use autoscan_core::proof::{ExpectedFile, Observation, Presence};
use autoscan_testkit::{Holdings, HttpServer, JellyfinBuilder, PretendJellyfin, PretendLibrary};

use crate::support::{path, target};

/// A Jellyfin with these libraries, and the target that has read them.
pub(crate) async fn jellyfin_from(
    mut builder: JellyfinBuilder,
    libraries: &[PretendLibrary],
) -> (PretendJellyfin, Arc<dyn Target>) {
    for library in libraries {
        builder = builder.library(library.clone());
    }
    let jellyfin = builder.start().await.unwrap();
    let server = target("jellyfin", &jellyfin.http.url());
    server.libraries().unwrap().read().await.unwrap();
    (jellyfin, server)
}

/// A Jellyfin of the newest version with these libraries.
pub(crate) async fn jellyfin_with(libraries: &[PretendLibrary]) -> (PretendJellyfin, Arc<dyn Target>) {
    jellyfin_from(PretendJellyfin::builder(), libraries).await
}

/// A Jellyfin of the newest version with the usual libraries.
pub(crate) async fn jellyfin() -> (PretendJellyfin, Arc<dyn Target>) {
    jellyfin_with(&libraries()).await
}

/// The ids of Jellyfin's libraries look like this; Emby's are numbers.
pub(crate) fn libraries() -> [PretendLibrary; 4] {
    [
        PretendLibrary::new("11", "TV").of("tvshows").at("/media/tv"),
        PretendLibrary::new("12", "Movies").of("movies").at("/media/movies"),
        PretendLibrary::new("13", "Music").of("music").at("/media/music"),
        PretendLibrary::new("14", "Old Movies").of("movies").at("/media/old"),
    ]
}

/// A file that must be there with this size.
pub(crate) fn there(file: &str, size: u64) -> ExpectedFile {
    ExpectedFile { path: path(file), subject: Subject::File, presence: Presence::There { size: Some(size) } }
}

/// A file that must be gone.
pub(crate) fn gone(file: &str) -> ExpectedFile {
    ExpectedFile { path: path(file), subject: Subject::File, presence: Presence::Gone }
}

/// A folder that must be gone.
pub(crate) fn folder_gone(folder: &str) -> ExpectedFile {
    ExpectedFile { path: path(folder), subject: Subject::Folder, presence: Presence::Gone }
}

/// What the server shows of files of one folder: `proven`, or a sentence.
pub(crate) async fn shown(server: &dyn Target, expected: &[ExpectedFile]) -> Vec<String> {
    let folder = expected[0].path.parent().expect("a folder");
    let shown = server.proof().unwrap().find(&folder, expected).await.expect("an answer");
    assert_eq!(shown.len(), expected.len());
    shown
        .into_iter()
        .map(|shown| match shown {
            Observation::Proven => "proven".to_owned(),
            Observation::NotYet(found) => format!("not yet: {found}"),
            Observation::Unknowable(reason) => format!("unknowable: {reason}"),
        })
        .collect()
}

/// Whether all is proven.
pub(crate) async fn all_shown(server: &dyn Target, expected: &[ExpectedFile]) -> bool {
    shown(server, expected).await.iter().all(|shown| shown == "proven")
}

/// What asking costs: requests, and bytes of the answers.
pub(crate) async fn cost(
    pretend: &HttpServer,
    server: &dyn Target,
    expected: &[ExpectedFile],
) -> (usize, u64, Vec<String>) {
    pretend.forget_calls();
    let shown = shown(server, expected).await;
    (pretend.call_count(), pretend.bytes_answered(), shown)
}

/// The clock of the target goes on.
pub(crate) async fn wait(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// Tells a batch as the engine does: what is to come later comes later, on both sides.
pub(crate) async fn tell(server: &dyn Target, holdings: &Holdings, batch: &[TargetScan]) {
    let mut open: Vec<TargetScan> = batch.to_vec();
    for _ in 0..4 {
        let mut later = Duration::ZERO;
        let results = server.scan(&open).await;
        let mut again = Vec::new();
        for (scan, result) in open.into_iter().zip(results) {
            match result {
                Ok(()) => {}
                Err(Fault::Later { after, .. }) => {
                    later = later.max(after);
                    again.push(scan);
                }
                Err(fault) => assert_eq!(fault.reason(), "", "{scan:?}"),
            }
        }
        if again.is_empty() {
            return;
        }
        open = again;
        wait(later).await;
        holdings.advance(later);
    }
    assert!(open.is_empty(), "put off again and again");
}
