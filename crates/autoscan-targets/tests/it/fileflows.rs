//! How FileFlows is told, against a pretend FileFlows.

use std::sync::Arc;

use crate::support::{AWKWARD, as_planned, changed, connect, new_files, path, rescan, verdicts};
use autoscan_core::change::Change;
use autoscan_core::fault::Fault;
use autoscan_core::ports::Target;
use autoscan_testkit::{PretendFileFlows, PretendLibrary, Trouble};
use serde_json::json;

async fn flows() -> (PretendFileFlows, Arc<dyn Target>) {
    let flows = PretendFileFlows::start(Some(("me", "hunter2"))).await.unwrap();
    flows.add(PretendLibrary::new("tv", "TV").at("/media/tv"), Some("flow-1"), true);
    flows.add(PretendLibrary::new("raw", "Raw").at("/media/raw"), None, true);
    flows.add(PretendLibrary::new("off", "Off").at("/media/off"), Some("flow-2"), false);
    let settings = json!({"url": flows.http.url(), "username": "me", "password": "hunter2"});
    let server = connect("fileflows", &settings);
    (flows, server)
}

#[tokio::test]
async fn new_files_go_to_the_flow_of_their_library_and_known_ones_go_through_it_again() {
    let (flows, server) = flows().await;
    flows.know("/media/tv/Show/2.mkv");
    flows.know("/media/tv/Show/1.mkv.bak");
    let scan = new_files("/media/tv/Show", &["1.mkv", "2.mkv"]);
    assert_eq!(verdicts(&server.scan(&[scan]).await), ["ok"]);
    assert_eq!(flows.added(), [("flow-1".to_owned(), "/media/tv/Show/1.mkv".to_owned())]);
    assert_eq!(flows.again(), ["/media/tv/Show/2.mkv"]);
    assert!(flows.looks().is_empty());
}

#[tokio::test]
async fn a_folder_of_which_no_file_is_named_makes_its_library_be_looked_at() {
    let (flows, server) = flows().await;
    assert_eq!(verdicts(&server.scan(&[rescan("/media/tv/Show")]).await), ["ok"]);
    assert_eq!(flows.looks(), ["tv"]);
    assert!(flows.added().is_empty());
}

#[tokio::test]
async fn deletions_and_libraries_that_take_nothing_are_not_told() {
    let (flows, server) = flows().await;
    let deleted = changed("/media/tv/A", vec![Change::deleted(path("/media/tv/A/a.mkv"))]);
    let batch = [deleted, new_files("/media/off/A", &["a.mkv"]), new_files("/media/raw/A", &["a.mkv"])];
    let results = server.scan(&batch).await;
    assert_eq!(verdicts(&results), ["not mine", "not mine", "wrong"]);
    assert!(results[2].as_ref().unwrap_err().reason().contains("\"Raw\" of FileFlows has no flow"));
    assert!(flows.added().is_empty() && flows.again().is_empty());
}

#[tokio::test]
async fn a_name_arrives_byte_for_byte() {
    let (flows, server) = flows().await;
    for name in AWKWARD {
        let folder = format!("/media/tv/{name}");
        assert_eq!(verdicts(&server.scan(&[new_files(&folder, &["a.mkv"])]).await), ["ok"], "{name}");
        assert_eq!(flows.added().last().unwrap().1, format!("{folder}/a.mkv"));
    }
}

#[tokio::test]
async fn a_login_is_made_when_it_is_wanted_and_again_when_it_is_over() {
    let (flows, server) = flows().await;
    assert_eq!(server.probe().await.unwrap().version, "25.1.0.0");
    server.scan(&[rescan("/media/tv/A")]).await;
    assert_eq!(flows.http.calls_to("/authorize").len(), 1);
    flows.forget_logins();
    assert_eq!(verdicts(&server.scan(&[rescan("/media/tv/B")]).await), ["ok"]);
    assert_eq!(flows.http.calls_to("/authorize").len(), 2);
    for settings in [
        json!({"url": flows.http.url(), "username": "me", "password": "wr0ng-one"}),
        json!({"url": flows.http.url()}),
    ] {
        let fault = connect("fileflows", &settings).probe().await.unwrap_err();
        assert!(matches!(&fault, Fault::Refused { reason } if reason.contains("`password`")), "{fault:?}");
        assert!(!fault.reason().contains("wr0ng"));
    }
    let open = PretendFileFlows::start(None).await.unwrap();
    assert!(connect("fileflows", &json!({"url": open.http.url()})).probe().await.is_ok());
}

#[tokio::test]
async fn a_plan_shows_what_a_scan_then_asks() {
    let (flows, server) = flows().await;
    let scan = new_files("/media/tv/A", &["1.mkv"]);
    let plan = server.plan(&scan).await.unwrap();
    assert!(flows.added().is_empty());
    server.scan(&[scan]).await;
    assert_eq!(plan.calls, [as_planned(&flows.http, &flows.http.calls_to("/manually-add")[0])]);
    assert!(!format!("{plan:?}").contains("token-0"));
}

#[tokio::test]
async fn every_trouble_has_its_consequence() {
    let (flows, server) = flows().await;
    server.libraries().unwrap().read().await.unwrap();
    for (trouble, expected) in [
        (Trouble::WebPage, "away"),
        (Trouble::Status(400), "wrong"),
        (Trouble::Status(403), "refused"),
        (Trouble::Status(500), "away"),
    ] {
        flows.http.set_trouble(Some(trouble.clone()));
        assert_eq!(verdicts(&server.scan(&[rescan("/media/tv/A")]).await), [expected], "{trouble:?}");
    }
}
