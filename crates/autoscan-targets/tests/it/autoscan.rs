//! How another autoscan is told, against a pretend one in Go.

use std::sync::Arc;

use crate::support::{AWKWARD, as_planned, connect, random_names, rescan, verdict, verdicts};
use autoscan_core::fault::Fault;
use autoscan_core::ports::Target;
use autoscan_testkit::{PretendAutoscan, Trouble};
use serde_json::json;

async fn remote() -> (PretendAutoscan, Arc<dyn Target>) {
    let remote = PretendAutoscan::start("me", "hunter+2", "/autoscan").await.unwrap();
    let settings = json!({"url": remote.http.url(), "username": "me", "password": "hunter+2\n"});
    let server = connect("autoscan", &settings);
    (remote, server)
}

#[tokio::test]
async fn every_folder_is_one_call_and_arrives_byte_for_byte() {
    let (remote, server) = remote().await;
    let names: Vec<String> = AWKWARD.iter().map(|&name| name.to_owned()).chain(random_names(100)).collect();
    let folders: Vec<String> = names.iter().map(|name| format!("/mnt/tv/{name}")).collect();
    let batch: Vec<_> = folders.iter().map(|folder| rescan(folder)).collect();
    assert!(server.scan(&batch).await.iter().all(Result::is_ok));
    assert_eq!(remote.folders(), folders);
    let calls = remote.http.calls();
    assert!(calls.iter().all(|call| call.path == "/autoscan/triggers/manual" && call.method == "POST"));
    assert!(calls.iter().all(|call| call.header("x-autoscan-hops") == Some("1") && call.body.is_empty()));
}

#[tokio::test]
async fn a_probe_proves_the_login_and_scans_nothing() {
    let (remote, server) = remote().await;
    assert_eq!(server.probe().await.unwrap().product, "Autoscan");
    assert!(server.libraries().is_none() && server.proof().is_none());
    assert_eq!(remote.http.calls()[0].method, "HEAD");
    for settings in [
        json!({"url": remote.http.url(), "username": "me", "password": "wrong"}),
        json!({"url": remote.http.url(), "api-key": "wrong"}),
        json!({"url": remote.http.url()}),
    ] {
        let stranger = connect("autoscan", &settings);
        let fault = stranger.probe().await.unwrap_err();
        assert!(
            matches!(&fault, Fault::Refused { reason } if reason.contains("login was rejected")),
            "{fault}"
        );
        assert_eq!(
            verdicts(&stranger.scan(&[rescan("/tv/A"), rescan("/tv/B")]).await),
            ["refused", "refused"]
        );
    }
    assert!(remote.folders().is_empty());
}

#[tokio::test]
async fn a_key_lets_in_and_where_nobody_is_asked_none_is_sent() {
    let keyed = PretendAutoscan::with_key("k3y").await.unwrap();
    let server = connect("autoscan", &json!({"url": keyed.http.url(), "api-key": "k3y"}));
    assert_eq!(verdicts(&server.scan(&[rescan("/tv/A")]).await), ["ok"]);
    let open = PretendAutoscan::without_login().await.unwrap();
    let server = connect("autoscan", &json!({"url": open.http.url()}));
    assert_eq!(verdicts(&server.scan(&[rescan("/tv/A")]).await), ["ok"]);
    assert_eq!(open.http.calls()[0].header("authorization"), None);
}

#[tokio::test]
async fn a_plan_shows_what_a_scan_then_asks() {
    let (remote, server) = remote().await;
    let scan = rescan("/tv/Show & Tell");
    let plan = server.plan(&scan).await.unwrap();
    assert!(remote.http.calls().is_empty());
    server.scan(&[scan]).await;
    assert_eq!(plan.calls, [as_planned(&remote.http, &remote.http.calls()[0])]);
}

#[tokio::test]
async fn every_trouble_has_its_consequence() {
    let (remote, server) = remote().await;
    for (trouble, expected) in [
        (Trouble::WebPage, "away"),
        (Trouble::Status(302), "away"),
        (Trouble::Status(404), "wrong"),
        (Trouble::Status(422), "wrong"),
        (Trouble::Status(503), "away"),
        (Trouble::RetryAfter(429, "7".to_owned()), "busy 7"),
    ] {
        remote.http.set_trouble(Some(trouble.clone()));
        assert_eq!(verdicts(&server.scan(&[rescan("/tv/A")]).await), [expected], "{trouble:?}");
    }
    remote.http.set_trouble(Some(Trouble::Status(404)));
    assert_eq!(verdict(&server.probe().await.map(drop)), "away", "another program at this port");
    remote.http.set_trouble(None);
    remote.http.close().await.unwrap();
    assert_eq!(verdict(&server.probe().await.map(drop)), "away");
}
