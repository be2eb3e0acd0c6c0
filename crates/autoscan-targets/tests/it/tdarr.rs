//! How Tdarr is told, against a pretend Tdarr.

use std::sync::Arc;

use crate::support::{AWKWARD, as_planned, changed, connect, new_files, path, rescan, verdicts};
use autoscan_core::change::Change;
use autoscan_core::fault::Fault;
use autoscan_core::ports::Target;
use autoscan_testkit::{PretendLibrary, PretendTdarr, Trouble};
use serde_json::json;

async fn tdarr() -> (PretendTdarr, Arc<dyn Target>) {
    let tdarr = PretendTdarr::start(Some("k3y")).await.unwrap();
    tdarr.add(PretendLibrary::new("abcTV", "TV").at("/media/tv"));
    tdarr.add(PretendLibrary::new("abc4K", "4K").at("/media/tv4k/"));
    let server = connect("tdarr", &json!({"url": tdarr.http.url(), "api-key": "k3y"}));
    (tdarr, server)
}

#[tokio::test]
async fn the_files_of_a_scan_are_one_request_to_the_library_that_owns_them() {
    let (tdarr, server) = tdarr().await;
    let batch = [
        new_files("/media/tv/Show/S1", &["1.mkv", "2.mkv"]),
        rescan("/media/tv4k/Show"),
        changed(
            "/media/tv/Show/S2",
            vec![
                Change::deleted(path("/media/tv/Show/S2/old.mkv")),
                Change::created(path("/media/tv/Show/S2/new.mkv")),
            ],
        ),
    ];
    assert_eq!(verdicts(&server.scan(&batch).await), ["ok"; 3]);
    let told =
        |id: &str, paths: &[&str]| (id.to_owned(), paths.iter().map(|&path| path.to_owned()).collect());
    assert_eq!(
        tdarr.scans(),
        [
            told("abcTV", &["/media/tv/Show/S1/1.mkv", "/media/tv/Show/S1/2.mkv"]),
            told("abc4K", &["/media/tv4k/Show"]),
            told("abcTV", &["/media/tv/Show/S2/new.mkv"]),
        ]
    );
    assert_eq!(tdarr.http.calls_to("/cruddb").len(), 1);
}

#[tokio::test]
async fn deletions_and_folders_of_nobody_are_not_told() {
    let (tdarr, server) = tdarr().await;
    let deleted = changed("/media/tv/A", vec![Change::deleted(path("/media/tv/A/a.mkv"))]);
    assert_eq!(
        verdicts(&server.scan(&[deleted, rescan("/media/tv5"), rescan("/media")]).await),
        ["not mine"; 3]
    );
    assert!(tdarr.scans().is_empty());
}

#[tokio::test]
async fn a_name_arrives_byte_for_byte() {
    let (tdarr, server) = tdarr().await;
    for name in AWKWARD {
        let folder = format!("/media/tv/{name}");
        assert_eq!(verdicts(&server.scan(&[new_files(&folder, &["a.mkv"])]).await), ["ok"], "{name}");
        assert_eq!(tdarr.scans().last().unwrap().1, [format!("{folder}/a.mkv")]);
    }
}

#[tokio::test]
async fn a_probe_proves_the_key() {
    let (tdarr, server) = tdarr().await;
    assert_eq!(server.probe().await.unwrap().version, "2.45.01");
    assert!(server.proof().is_none());
    let fault = connect("tdarr", &json!({"url": tdarr.http.url()})).probe().await.unwrap_err();
    assert!(matches!(&fault, Fault::Refused { reason } if reason.contains("`api-key`")), "{fault:?}");
    let open = PretendTdarr::start(None).await.unwrap();
    assert!(connect("tdarr", &json!({"url": open.http.url()})).probe().await.is_ok());
}

#[tokio::test]
async fn a_plan_shows_what_a_scan_then_asks() {
    let (tdarr, server) = tdarr().await;
    let scan = new_files("/media/tv/A", &["1.mkv"]);
    let plan = server.plan(&scan).await.unwrap();
    assert!(tdarr.scans().is_empty());
    server.scan(&[scan]).await;
    assert_eq!(plan.calls, [as_planned(&tdarr.http, &tdarr.http.calls_to("/scan-files")[0])]);
}

#[tokio::test]
async fn every_trouble_has_its_consequence() {
    let (tdarr, server) = tdarr().await;
    server.libraries().unwrap().read().await.unwrap();
    for (trouble, expected) in [
        (Trouble::WebPage, "away"),
        (Trouble::Status(400), "wrong"),
        (Trouble::Status(401), "refused"),
        (Trouble::Status(500), "away"),
    ] {
        tdarr.http.set_trouble(Some(trouble.clone()));
        assert_eq!(verdicts(&server.scan(&[rescan("/media/tv/A")]).await), [expected], "{trouble:?}");
    }
}
