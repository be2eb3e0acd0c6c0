//! A pretend Audiobookshelf with its libraries, and how it is asked for files.

use std::sync::Arc;

use autoscan_core::change::Subject;
use autoscan_core::ports::Target;
use autoscan_core::proof::{ExpectedFile, Observation, Presence};
use autoscan_testkit::{PretendAudiobookshelf, PretendLibrary};
use serde_json::json;

use crate::support::{connect, path};

/// An Audiobookshelf with books, podcasts and books whose library is not watched, and the target that tells it.
pub(crate) async fn shelf() -> (PretendAudiobookshelf, Arc<dyn Target>) {
    let shelf = PretendAudiobookshelf::start("k3y").await.expect("a port");
    shelf.add(PretendLibrary::new("b1", "Books").of("book").at("/books").at("/more books"), true);
    shelf.add(PretendLibrary::new("p1", "Podcasts").of("podcast").at("/books2"), true);
    shelf.add(PretendLibrary::new("u1", "Unwatched").of("book").at("/quiet"), false);
    let server = connect("audiobookshelf", &json!({"url": shelf.http.url(), "api-key": "k3y"}));
    (shelf, server)
}

/// A file that must be shown with this size.
pub(crate) fn there(text: &str, size: u64) -> ExpectedFile {
    let presence = Presence::There { size: Some(size) };
    ExpectedFile { path: path(text), subject: Subject::File, presence }
}

/// A file that must not be shown.
pub(crate) fn gone(text: &str) -> ExpectedFile {
    ExpectedFile { path: path(text), subject: Subject::File, presence: Presence::Gone }
}

/// A folder of which nothing may be shown.
pub(crate) fn gone_folder(text: &str) -> ExpectedFile {
    ExpectedFile { subject: Subject::Folder, ..gone(text) }
}

/// What the target shows of these, each as `proven`, or as `not yet: ` or `unknowable: ` with the reason.
pub(crate) async fn found(server: &dyn Target, folder: &str, expected: &[ExpectedFile]) -> Vec<String> {
    let proof = server.proof().expect("a target that can be asked");
    let shown = proof.find(&path(folder), expected).await.expect("an answer");
    let word = |one| match one {
        Observation::Proven => "proven".to_owned(),
        Observation::NotYet(reason) => format!("not yet: {reason}"),
        Observation::Unknowable(reason) => format!("unknowable: {reason}"),
    };
    shown.into_iter().map(word).collect()
}
