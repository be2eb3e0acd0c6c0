//! What every trouble of a server means, for every kind.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{connect_with, rescan, verdict};
use autoscan_core::fault::Fault;
use autoscan_core::ports::Target;
use autoscan_http::{Http, Timeouts};
use autoscan_testkit::{HttpServer, PretendEmby, PretendJellyfin, PretendLibrary, PretendPlex, Trouble};
use serde_json::json;

fn library() -> PretendLibrary {
    PretendLibrary::new("1", "TV").at("/tv")
}

/// Calls `test` with a pretend server of each kind and a target that has read its libraries.
async fn each_kind(http: &Http, test: impl AsyncFn(&str, &HttpServer, Arc<dyn Target>)) {
    let plex = PretendPlex::builder().library(library()).start().await.unwrap();
    // Without a delay of their own they are told at once.
    let jellyfin = PretendJellyfin::builder().library(library()).delay(Duration::ZERO).start().await.unwrap();
    let emby = PretendEmby::builder().library(library()).delay(Duration::ZERO).start().await.unwrap();
    for (kind, pretend, secret) in [
        ("plex", &plex.http, "plex-token"),
        ("jellyfin", &jellyfin.http, "jellyfin-key"),
        ("emby", &emby.http, "emby-key"),
    ] {
        let server = connect_with(kind, &json!({"url": pretend.url(), "token": secret}), http);
        server.libraries().unwrap().read().await.unwrap();
        test(kind, pretend, server).await;
    }
}

async fn probed(server: &dyn Target) -> String {
    verdict(&server.probe().await.map(|_| ()))
}

async fn scanned(server: &dyn Target) -> String {
    verdict(&server.scan(&[rescan("/tv/Show")]).await[0])
}

#[tokio::test]
async fn every_trouble_has_its_consequence() {
    let after = |status, text: &str| Trouble::RetryAfter(status, text.to_owned());
    // Per trouble: what a scan says, and where Jellyfin or Plex read it in their own way.
    let table = [
        (Trouble::WebPage, "away", None),
        (Trouble::CutOff, "away", None),
        (Trouble::Status(301), "away", None),
        (Trouble::Status(400), "wrong", None),
        (Trouble::Status(401), "refused", None),
        (Trouble::Status(403), "refused", None),
        // A Plex that knows none of its calls, not even the list of libraries, is not there.
        (Trouble::Status(404), "wrong", Some(("plex", "away"))),
        (Trouble::Status(405), "wrong", Some(("plex", "away"))),
        (Trouble::Status(429), "busy 30", None),
        (after(429, "7"), "busy 7", None),
        (after(429, "86400"), "busy 600", None),
        (Trouble::Status(500), "away", None),
        (Trouble::Status(502), "away", None),
        // An empty 503 without `Retry-After` is how Jellyfin shuts an address out.
        (Trouble::Status(503), "away", Some(("jellyfin", "refused"))),
        (after(503, "9"), "busy 9", None),
        (Trouble::Status(504), "away", None),
        (Trouble::Status(524), "away", None),
        (Trouble::Slow(Duration::from_millis(20)), "ok", None),
    ];
    each_kind(&Http::default(), async |kind, pretend, server| {
        for (trouble, usual, special) in &table {
            pretend.set_trouble(Some(trouble.clone()));
            let mut expected = special.filter(|(of, _)| *of == kind).map_or(*usual, |(_, own)| own);
            // A Plex that does not understand the scan is asked for its libraries, and does not understand that either.
            if kind == "plex" && expected == "wrong" {
                expected = "away";
            }
            assert_eq!(scanned(&*server).await, expected, "{kind} scans in {trouble:?}");
            // A probe concerns no single scan: what the server does not understand holds the lane.
            let expected = if expected == "wrong" { "away" } else { expected };
            assert_eq!(probed(&*server).await, expected, "{kind} is probed in {trouble:?}");
            pretend.set_trouble(None);
            assert_eq!(scanned(&*server).await, "ok", "{kind} after {trouble:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_server_that_hangs_is_away() {
    let http = Http::new(Timeouts { total: Duration::from_millis(150), ..Timeouts::default() });
    each_kind(&http, async |kind, pretend, server| {
        pretend.set_trouble(Some(Trouble::Hang));
        assert_eq!(scanned(&*server).await, "away", "{kind}");
        pretend.set_trouble(None);
        assert_eq!(scanned(&*server).await, "ok", "{kind}");
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_down_is_away_until_it_is_back() {
    each_kind(&Http::default(), async |kind, pretend, server| {
        pretend.close().await.unwrap();
        let fault = server.scan(&[rescan("/tv/Show")]).await.remove(0).unwrap_err();
        assert!(
            matches!(&fault, Fault::Away { reason } if reason.contains("refused; is the server running")),
            "{kind}: {fault:?}"
        );
        assert_eq!(probed(&*server).await, "away", "{kind}");
        pretend.reopen().unwrap();
        assert_eq!(probed(&*server).await, "ok", "{kind}");
        assert_eq!(scanned(&*server).await, "ok", "{kind}");
    })
    .await;
}

#[tokio::test]
async fn a_server_behind_a_proxy_that_hides_its_version_is_known_by_its_libraries() {
    each_kind(&Http::default(), async |kind, pretend, server| {
        pretend.fail_next(1, &Trouble::Status(404));
        assert_eq!(server.probe().await.unwrap().version, "unknown", "{kind}");
        pretend.set_trouble(Some(Trouble::Status(404)));
        assert_eq!(probed(&*server).await, "away", "{kind}");
        pretend.set_trouble(None);
    })
    .await;
}

#[tokio::test]
async fn a_plex_that_does_not_know_one_call_fails_that_scan_alone() {
    let plex = PretendPlex::builder().library(library()).start().await.unwrap();
    let settings = json!({"url": plex.http.url(), "token": "plex-token"});
    let server = connect_with("plex", &settings, &Http::default());
    server.libraries().unwrap().read().await.unwrap();
    for trouble in [Trouble::Status(404), Trouble::Status(405)] {
        plex.http.fail_next(2, &trouble);
        assert_eq!(scanned(&*server).await, "wrong", "{trouble:?} to GET and POST");
        assert_eq!(scanned(&*server).await, "ok");
    }
}
