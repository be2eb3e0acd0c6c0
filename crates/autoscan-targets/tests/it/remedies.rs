//! What Jellyfin and Emby offer beside a cause, and do when a person asks for it. A library whose folder was empty at every scan
//! takes no notice of its first file; one refresh of the library mends that (Jellyfin 12.0.0, measured).

use std::sync::Arc;
use std::time::Duration;

use autoscan_core::cause::Remedy;
use autoscan_core::fault::Fault;
use autoscan_core::ports::Target;
use autoscan_testkit::{Holdings, HttpServer, PretendEmby, PretendJellyfin, PretendPlex, Trouble};
use serde_json::json;

use crate::media::{all_shown, libraries, tell, there};
use crate::support::{connect, new_files, target};

const FILM: &str = "/media/old/First (2000)/First (2000).mkv";

/// A film in a library that was empty at every scan, behind a proxy that lets no scan of it through: it was reported, in vain.
async fn reported_in_vain(server: &dyn Target, holdings: &Holdings, http: &HttpServer) {
    holdings.never_fill("/media/old");
    holdings.place(FILM, 5);
    http.fail_calls_that_hold("/Refresh", &Trouble::Status(400));
    tell(server, holdings, &[new_files("/media/old/First (2000)", &["First (2000).mkv"])]).await;
    assert!(!holdings.updates().is_empty(), "it was reported");
    holdings.advance(Duration::from_mins(3));
    assert!(!all_shown(server, &[there(FILM, 5)]).await);
}

async fn is_mended(server: &dyn Target, holdings: &Holdings, http: &HttpServer) {
    reported_in_vain(server, holdings, http).await;
    let cause = server.proof().unwrap().why_missing(&there(FILM, 5)).await.unwrap();
    assert!(cause.contains("the library \"Old Movies\" lists nothing at all"), "{cause}");
    let remedy = cause.remedy.unwrap();
    let Remedy::ScanLibrary { library, .. } = &remedy;
    assert_eq!(library, "Old Movies");

    let its = server.remedies().unwrap();
    let refused = its.apply(&remedy).await.unwrap_err();
    let sentence = "refuses to scan the library \"Old Movies\" alone";
    assert!(matches!(&refused, Fault::Wrong { reason } if reason.contains(sentence)), "{refused}");
    http.fail_calls_for_no_text();
    let walks = holdings.walks();
    its.apply(&remedy).await.unwrap();
    assert_eq!(holdings.walks(), walks + 1, "once");
    holdings.advance(Duration::from_mins(1));
    assert!(all_shown(server, &[there(FILM, 5)]).await);
    assert_eq!(server.proof().unwrap().why_missing(&there(FILM, 5)).await.unwrap().remedy, None);

    let gone = Remedy::ScanLibrary { library: "Gone".into(), id: "99".into() };
    let refused = its.apply(&gone).await.unwrap_err();
    assert!(refused.reason().contains("has no library \"Gone\" any more"), "{refused}");
    assert_eq!(holdings.walks(), walks + 1);
}

#[tokio::test]
async fn a_library_of_jellyfin_that_was_always_empty_is_scanned_when_a_person_asks() {
    let mut builder = PretendJellyfin::builder();
    for library in libraries() {
        builder = builder.library(library);
    }
    let jellyfin = builder.start().await.unwrap();
    is_mended(&*target("jellyfin", &jellyfin.http.url()), &jellyfin.holdings, &jellyfin.http).await;
}

#[tokio::test]
async fn a_library_of_emby_that_was_always_empty_is_scanned_when_a_person_asks() {
    let mut builder = PretendEmby::builder();
    for library in libraries() {
        builder = builder.library(library);
    }
    let emby = builder.start().await.unwrap();
    is_mended(&*target("emby", &emby.http.url()), &emby.holdings, &emby.http).await;
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_named() {
    let jellyfin = PretendJellyfin::builder().start().await.unwrap();
    let server: Arc<dyn Target> = connect("jellyfin", &json!({"url": jellyfin.http.url(), "token": "wrong"}));
    let remedy = Remedy::ScanLibrary { library: "Old Movies".into(), id: "14".into() };
    let refused = server.remedies().unwrap().apply(&remedy).await.unwrap_err();
    assert!(matches!(refused, Fault::Refused { .. }), "{refused}");
    jellyfin.http.set_trouble(Some(Trouble::Status(502)));
    let away = server.remedies().unwrap().apply(&remedy).await.unwrap_err();
    assert!(matches!(away, Fault::Away { .. }), "{away}");
}

#[tokio::test]
async fn an_ignore_file_that_jellyfin_sees_is_evidence_and_a_kind_names_its_own() {
    let mut builder = PretendJellyfin::builder();
    for library in libraries() {
        builder = builder.library(library);
    }
    let jellyfin = builder.start().await.unwrap();
    let server = target("jellyfin", &jellyfin.http.url());
    jellyfin.holdings.place("/media/movies/I/I.mkv", 1);
    jellyfin.holdings.place("/media/movies/I/.ignore", 0);
    let cause = server.proof().unwrap().why_missing(&there("/media/movies/I/I.mkv", 1)).await.unwrap();
    assert_eq!((cause.evidence.as_deref(), cause.remedy), (Some("/media/movies/I/.ignore"), None));
    let plex = PretendPlex::builder().start().await.unwrap();
    let plex = target("plex", &plex.http.url());
    let name = |server: &dyn Target| server.proof().unwrap().ignore_file().map(|file| file.name);
    assert_eq!((name(&*server), name(&*plex)), (Some(".ignore"), Some(".plexignore")));
    assert!(
        plex.remedies().is_none(),
        "a scan of a whole library of Plex finds no more than one of its folder"
    );
}
