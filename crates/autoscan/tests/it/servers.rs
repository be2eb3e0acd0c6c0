//! Pretend media servers for a test that is not asynchronous itself.

use std::future::Future;
use std::sync::LazyLock;

use autoscan_testkit::{
    PretendArr, PretendAudiobookshelf, PretendEmby, PretendFileFlows, PretendJellyfin, PretendLibrary,
    PretendPlex, PretendReceiver, PretendTdarr,
};
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
});

/// Runs to the end.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.block_on(future)
}

/// A Plex with television at `/data/tv` and films at `/data/movies`.
pub(crate) fn plex() -> PretendPlex {
    let tv = PretendLibrary::new("1", "TV").of("show").at("/data/tv");
    let movies = PretendLibrary::new("2", "Movies").of("movie").at("/data/movies");
    block_on(PretendPlex::builder().library(tv).library(movies).start()).unwrap()
}

/// A Jellyfin 12 with the same.
pub(crate) fn jellyfin() -> PretendJellyfin {
    let tv = PretendLibrary::new("a1", "TV").of("tvshows").at("/data/tv");
    let movies = PretendLibrary::new("a2", "Movies").of("movies").at("/data/movies");
    block_on(PretendJellyfin::builder().library(tv).library(movies).start()).unwrap()
}

/// An Emby with the same.
pub(crate) fn emby() -> PretendEmby {
    let tv = PretendLibrary::new("3", "TV").of("tvshows").at("/data/tv");
    let movies = PretendLibrary::new("4", "Movies").of("movies").at("/data/movies");
    block_on(PretendEmby::builder().library(tv).library(movies).start()).unwrap()
}

/// The config of all three, told with a map from `root` to `/data`. They see nothing of this machine's disk, so they are not
/// asked for the files: that is `proven`'s to test.
pub(crate) fn targets(
    root: &str,
    plex: &PretendPlex,
    jellyfin: &PretendJellyfin,
    emby: &PretendEmby,
) -> String {
    let map = format!("map: {{ {root}: /data }}, proof: off");
    format!(
        "targets:\n  plex: [{{ name: plex, url: '{}', token: plex-token, {map} }}]\n  jellyfin: [{{ name: jellyfin, url: '{}', api-key: jellyfin-key, {map} }}]\n  emby: [{{ name: emby, url: '{}', api-key: emby-key, {map} }}]\n",
        plex.http.url(),
        jellyfin.http.url(),
        emby.http.url(),
    )
}

/// The key of every server below.
pub(crate) const KEY: &str = "k3y-of-all";

/// A Sonarr with two series.
pub(crate) fn sonarr() -> PretendArr {
    let arr = block_on(PretendArr::sonarr(KEY)).unwrap();
    arr.add(7, "/data/tv/Show", 1);
    arr.add(8, "/data/tv/Other", 2);
    arr
}

/// A Radarr with a film.
pub(crate) fn radarr() -> PretendArr {
    let arr = block_on(PretendArr::radarr(KEY)).unwrap();
    arr.add(9, "/data/movies/Film", 603);
    arr
}

/// A Tdarr with television and films, whose authentication is on.
pub(crate) fn tdarr() -> PretendTdarr {
    let tdarr = block_on(PretendTdarr::start(Some(KEY))).unwrap();
    tdarr.add(PretendLibrary::new("idTV", "TV").at("/data/tv/"));
    tdarr.add(PretendLibrary::new("idFilms", "Films").at("/data/movies"));
    tdarr
}

/// A FileFlows with television, and films that have no flow.
pub(crate) fn fileflows() -> PretendFileFlows {
    let flows = block_on(PretendFileFlows::start(Some(("me", KEY)))).unwrap();
    flows.add(PretendLibrary::new("uid-tv", "TV").at("/data/tv"), Some("flow-tv"), true);
    flows.add(PretendLibrary::new("uid-films", "Films").at("/data/movies"), None, true);
    flows
}

/// An Audiobookshelf with two libraries, of which one has no watcher.
pub(crate) fn audiobookshelf() -> PretendAudiobookshelf {
    let shelf = block_on(PretendAudiobookshelf::start(KEY)).unwrap();
    shelf.add(PretendLibrary::new("books", "Books").of("book").at("/data/tv"), true);
    shelf.add(PretendLibrary::new("quiet", "Quiet").of("book").at("/data/movies"), false);
    shelf
}

/// A server that takes webhooks with the key in a header.
pub(crate) fn receiver() -> PretendReceiver {
    let receiver = block_on(PretendReceiver::start()).unwrap();
    receiver.set_key("x-key", KEY);
    receiver
}
