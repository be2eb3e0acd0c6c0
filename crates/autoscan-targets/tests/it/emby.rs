//! How Emby is told, against a pretend Emby.

use std::time::Duration;

use crate::support::{connect, new_files, rescan, target, verdicts};
use autoscan_core::fault::Fault;
use autoscan_core::ports::Batching;
use autoscan_testkit::{EmbyBuilder, EmbyLists, PretendEmby, PretendLibrary};
use serde_json::json;

/// An Emby that looks at once, so that it is told at once.
fn emby() -> EmbyBuilder {
    PretendEmby::builder()
        .delay(Duration::ZERO)
        .library(PretendLibrary::new("3", "TV").of("tvshows").at("/media/tv").at("\\\\nas\\tv"))
        .library(PretendLibrary::new("4", "Movies").of("movies").at("/media/movies"))
}

#[tokio::test]
async fn every_list_of_libraries_that_an_emby_has_will_do() {
    for (lists, kind) in
        [(EmbyLists::Documented, "tvshows"), (EmbyLists::Selectable, "unknown"), (EmbyLists::Old, "tvshows")]
    {
        let emby = emby().lists(lists).start().await.unwrap();
        let server = target("emby", &emby.http.url());
        let libraries = server.libraries().unwrap().read().await.unwrap();
        let found: Vec<_> =
            libraries.iter().map(|library| (library.id.as_str(), library.title.as_str())).collect();
        assert_eq!(found, [("3", "TV"), ("4", "Movies")], "{lists:?}");
        assert_eq!(libraries[0].kind, kind);
        assert_eq!(verdicts(&server.scan(&[rescan("\\\\NAS\\TV\\Show")]).await), ["ok"], "{lists:?}");
        assert_eq!(emby.http.calls_to("/Items/3/Refresh").len(), 1, "{lists:?}");
    }
}

#[tokio::test]
async fn a_batch_is_one_call_a_library_with_the_key_in_its_header() {
    let emby = emby().start().await.unwrap();
    let server = target("emby", &emby.http.url());
    let batch = [
        new_files("/media/tv/A/S1", &["1.mkv", "2.mkv"]),
        rescan("/media/movies/B"),
        new_files("/media/tv/C/S1", &["1.mkv"]),
    ];
    assert_eq!(verdicts(&server.scan(&batch).await), ["ok", "ok", "ok"]);
    let calls = emby.http.calls_to("/Refresh");
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].header("x-emby-token"), Some("emby-key"));
    assert!(emby.updates().is_empty());
    assert!(matches!(server.batching(), Batching::UpTo(_)));
}

#[tokio::test]
async fn the_path_of_the_url_is_kept_with_and_without_emby() {
    let emby = emby().under("/proxy").start().await.unwrap();
    for end in ["", "/", "/emby", "/emby/"] {
        let server = target("emby", &(emby.http.url() + end));
        let identity = server.probe().await.unwrap();
        assert_eq!((identity.product.as_str(), identity.version.as_str()), ("Emby Server", "4.9.1.90"));
        assert_eq!(verdicts(&server.scan(&[rescan("/media/tv/A")]).await), ["ok"], "{end}");
    }
    assert_eq!(emby.holdings.walks(), 4);
}

#[tokio::test]
async fn a_probe_proves_the_key_and_waits_for_maintenance() {
    let emby = emby().start().await.unwrap();
    let fault = connect("emby", &json!({"url": emby.http.url(), "api-key": "wrong"})).probe().await;
    assert!(matches!(fault, Err(Fault::Refused { reason }) if reason.contains("API key was rejected")));
    emby.set_maintenance(true);
    let fault = target("emby", &emby.http.url()).probe().await;
    assert!(matches!(fault, Err(Fault::Away { reason }) if reason.contains("maintenance mode")));
}
