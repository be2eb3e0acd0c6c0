//! How Sonarr is told and asked, against a pretend Sonarr. What Radarr does otherwise is in its own test.

use std::sync::Arc;

use crate::support::{AWKWARD, as_planned, changed, connect, new_files, path, rescan, verdict, verdicts};
use autoscan_core::change::{Change, Subject};
use autoscan_core::fault::Fault;
use autoscan_core::ids::{IdSource, Ids};
use autoscan_core::ports::Target;
use autoscan_core::proof::{ExpectedFile, Observation, Presence};
use autoscan_testkit::{PretendArr, Trouble};
use serde_json::json;

async fn sonarr() -> (PretendArr, Arc<dyn Target>) {
    let sonarr = PretendArr::sonarr("k3y").await.unwrap();
    sonarr.add(1, "/tv/Show", 101);
    sonarr.add(2, "/tv/Show 2", 102);
    sonarr.add(3, "/tv/Show/Inner", 103);
    let server = connect("sonarr", &json!({"url": sonarr.http.url(), "api-key": "k3y"}));
    (sonarr, server)
}

fn there(text: &str, size: u64) -> ExpectedFile {
    ExpectedFile { path: path(text), subject: Subject::File, presence: Presence::There { size: Some(size) } }
}

fn gone(text: &str) -> ExpectedFile {
    ExpectedFile { presence: Presence::Gone, ..there(text, 0) }
}

async fn found(server: &dyn Target, folder: &str, expected: &[ExpectedFile]) -> Vec<&'static str> {
    let word = |shown: &Observation| match shown {
        Observation::Proven => "proven",
        Observation::NotYet(_) => "not yet",
        Observation::Unknowable(_) => "unknowable",
    };
    server.proof().unwrap().find(&path(folder), expected).await.unwrap().iter().map(word).collect()
}

#[tokio::test]
async fn the_series_of_a_folder_is_looked_at_once_by_whole_names() {
    let (sonarr, server) = sonarr().await;
    let batch = [
        rescan("/tv/Show/Season 1"),
        rescan("/tv/Show/Season 2"),
        rescan("/tv/Show 2"),
        rescan("/tv/Show/Inner/S1"),
    ];
    assert_eq!(verdicts(&server.scan(&batch).await), ["ok"; 4]);
    assert_eq!(sonarr.rescans(), [1, 2, 3]);
    assert_eq!(sonarr.http.calls_to("/series").len(), 1);
}

#[tokio::test]
async fn a_slash_at_the_end_of_a_series_folder_changes_nothing() {
    let (sonarr, server) = sonarr().await;
    // It is kept and sent as it was written (10.0.0.15072, measured).
    sonarr.add(9, "/tv/Slashed/", 109);
    let file = "/tv/Slashed/Season 1/a.mkv";
    sonarr.put(file, 10);
    let ids = Ids::default().with(IdSource::Tvdb, "109");
    let with_id = Change::created(path(file)).with_ids(ids);
    let batch = [rescan("/tv/Slashed"), changed("/tv/Slashed/Season 1", vec![with_id])];
    assert_eq!(verdicts(&server.scan(&batch).await), ["ok"; 2]);
    assert_eq!(sonarr.rescans(), [9], "once");
    assert_eq!(found(&*server, "/tv/Slashed/Season 1", &[there(file, 10)]).await, ["proven"]);
}

#[tokio::test]
async fn what_belongs_to_no_series_never_becomes_a_look_at_all() {
    let (sonarr, server) = sonarr().await;
    let folders = ["/tv", "/tv/Show 3", "/tv/Sho", "/films/A", "C:\\tv\\Show"];
    let batch: Vec<_> = folders.iter().map(|folder| rescan(folder)).collect();
    let results = server.scan(&batch).await;
    assert_eq!(verdicts(&results), ["not mine"; 5]);
    let reason = results[1].as_ref().unwrap_err().to_string();
    assert!(reason.contains("no series of Sonarr has the folder \"/tv/Show 3\""), "{reason}");
    assert!(sonarr.http.calls_to("/command").is_empty());
    assert_eq!(sonarr.rescans_of_all(), 0);
}

#[tokio::test]
async fn a_series_without_a_usable_id_is_never_told() {
    let (sonarr, server) = sonarr().await;
    sonarr.add(0, "/tv/Zero", 7);
    let ids = Ids::default().with(IdSource::Tvdb, "7");
    let change = Change::created(path("/tv/Zero/a.mkv")).with_ids(ids);
    assert_eq!(verdicts(&server.scan(&[changed("/tv/Zero", vec![change])]).await), ["not mine"]);
    assert_eq!(sonarr.rescans_of_all(), 0);
}

#[tokio::test]
async fn with_the_id_of_the_series_the_list_is_not_read() {
    let (sonarr, server) = sonarr().await;
    let of = |folder: &str, id: &str| {
        let ids = Ids::default().with(IdSource::Tvdb, id);
        changed(folder, vec![Change::created(path(&format!("{folder}/a.mkv"))).with_ids(ids)])
    };
    assert_eq!(verdicts(&server.scan(&[of("/tv/Show 2/Season 1", "102")]).await), ["ok"]);
    assert_eq!(sonarr.rescans(), [2]);
    assert_eq!(sonarr.http.calls_to("/series")[0].target, "/api/v3/series?tvdbId=102");
    assert!(sonarr.http.calls().iter().all(|call| !call.target.ends_with("/series")));
    // An id that leads to another folder is not believed.
    assert_eq!(verdicts(&server.scan(&[of("/tv/Show/Season 1", "102")]).await), ["ok"]);
    assert_eq!(sonarr.rescans(), [2, 1]);
}

#[tokio::test]
async fn a_deleted_folder_of_a_series_belongs_to_it() {
    let (sonarr, server) = sonarr().await;
    let scan = changed("/tv", vec![Change::folder_deleted(path("/tv/Show 2"))]);
    assert_eq!(verdicts(&server.scan(&[scan]).await), ["ok"]);
    assert_eq!(sonarr.rescans(), [2]);
}

#[tokio::test]
async fn files_are_proven_by_path_and_size() {
    let (sonarr, server) = sonarr().await;
    let file = "/tv/Show/Season 1/a.mkv";
    sonarr.put(file, 10);
    let scan = new_files("/tv/Show/Season 1", &["a.mkv"]);
    assert_eq!(found(&*server, "/tv/Show/Season 1", &[there(file, 10)]).await, ["not yet"]);
    server.scan(std::slice::from_ref(&scan)).await;
    assert_eq!(
        found(&*server, "/tv/Show/Season 1", &[there(file, 10), there(file, 11)]).await,
        ["proven", "not yet"]
    );
    sonarr.take(file);
    server.scan(&[scan]).await;
    let folder = ExpectedFile { subject: Subject::Folder, ..gone("/tv/Show/Season 1") };
    let files =
        [gone(file), folder, there("/tv/Show/Season 1/a.srt", 1), there("/tv/Show/Trailers/b.mkv", 1)];
    let expected = ["proven", "proven", "unknowable", "unknowable"];
    assert_eq!(found(&*server, "/tv/Show/Season 1", &files).await, expected);
}

#[tokio::test]
async fn awkward_names_are_compared_as_they_are() {
    let (sonarr, server) = sonarr().await;
    for (at, name) in (10..).zip(AWKWARD) {
        sonarr.add(at, &format!("/tv/{name}"), at);
    }
    for (at, name) in (10..).zip(AWKWARD) {
        assert_eq!(
            verdicts(&server.scan(&[rescan(&format!("/tv/{name}/Season 1"))]).await),
            ["ok"],
            "{name}"
        );
        assert_eq!(sonarr.rescans().last(), Some(&at));
    }
}

#[tokio::test]
async fn a_plan_shows_what_a_scan_then_asks() {
    let (sonarr, server) = sonarr().await;
    let scan = rescan("/tv/Show 2/Season 1");
    let plan = server.plan(&scan).await.unwrap();
    assert!(sonarr.rescans().is_empty());
    server.scan(&[scan]).await;
    assert_eq!(plan.calls, [as_planned(&sonarr.http, &sonarr.http.calls_to("/command")[0])]);
    assert_eq!(plan.calls[0].body.as_deref(), Some(r#"{"name":"RescanSeries","seriesId":2}"#));
}

#[tokio::test]
async fn a_probe_proves_the_key_and_the_product() {
    let (sonarr, server) = sonarr().await;
    let identity = server.probe().await.unwrap();
    assert_eq!((identity.product.as_str(), identity.version.as_str()), ("Sonarr", "4.0.1"));
    let roots = server.libraries().unwrap().read().await.unwrap();
    assert_eq!(roots.iter().map(|root| root.title.as_str()).collect::<Vec<_>>(), ["/tv", "/tv/Show"]);
    let stranger = connect("sonarr", &json!({"url": sonarr.http.url(), "api-key": "wrong"}));
    let fault = stranger.probe().await.unwrap_err();
    assert!(matches!(&fault, Fault::Refused { reason } if reason.contains("`api-key`")), "{fault:?}");
    let other = connect("radarr", &json!({"url": sonarr.http.url(), "api-key": "k3y"}));
    let fault = other.probe().await.unwrap_err();
    assert!(fault.reason().contains("this is \"Sonarr\" and not Radarr"), "{fault:?}");
    assert!(sonarr.http.calls().iter().all(|call| !call.target.contains("k3y")));
}

#[tokio::test]
async fn every_trouble_has_its_consequence() {
    let (sonarr, server) = sonarr().await;
    server.scan(&[rescan("/tv/Show")]).await;
    for (trouble, expected) in [
        (Trouble::WebPage, "away"),
        (Trouble::Status(400), "wrong"),
        (Trouble::Status(401), "refused"),
        (Trouble::Status(503), "away"),
        (Trouble::RetryAfter(429, "3".to_owned()), "busy 3"),
    ] {
        sonarr.http.set_trouble(Some(trouble.clone()));
        assert_eq!(verdicts(&server.scan(&[rescan("/tv/Show")]).await), [expected], "{trouble:?}");
    }
    sonarr.http.set_trouble(Some(Trouble::Status(404)));
    assert_eq!(verdict(&server.probe().await.map(drop)), "away", "another program at this port");
}

#[tokio::test]
async fn what_lies_in_no_root_folder_costs_no_question_about_series() {
    let (sonarr, server) = sonarr().await;
    let ids = Ids::default().with(IdSource::Tvdb, "101");
    let film = Change::created(path("/films/A (1999)/A.mkv")).with_ids(ids);
    let result = server.scan(&[changed("/films/A (1999)", vec![film])]).await;
    assert_eq!(verdicts(&result), ["not mine"]);
    let reason = result[0].as_ref().unwrap_err().to_string();
    assert!(reason.contains("no root folder of Sonarr holds the folder \"/films/A (1999)\""), "{reason}");
    let asked: Vec<String> = sonarr.http.calls().into_iter().map(|call| call.target).collect();
    assert!(asked.iter().all(|target| target == "/api/v3/rootfolder"), "{asked:?}");
}

#[tokio::test]
async fn a_missing_file_is_explained_by_what_sonarr_made_of_it() {
    let (sonarr, server) = sonarr().await;
    let folder = "/tv/Show/Season 1";
    sonarr.put_unreadable("/tv/Show/Season 1/whatever.mkv");
    sonarr.put_rejected("/tv/Show/Season 1/S01E01-sample.mkv", "Sample");
    sonarr.put_rejected("/tv/Show/Season 1/Other S01E01.mkv", "Unknown Series");
    sonarr.put("/tv/Show/Season 1/S01E09.mkv", 1);
    let why = async |file: &str| {
        server.proof().unwrap().why_missing(&there(file, 1)).await.unwrap_or_default().sentence
    };
    for (file, expected) in [
        ("whatever.mkv", "reads no episode in the name \"whatever.mkv\""),
        ("S01E01-sample.mkv", "does not take it: \"Sample\""),
        ("Other S01E01.mkv", "does not take it: \"Unknown Series\""),
        ("S01E09.mkv", "has not taken it in"),
    ] {
        let said = why(&format!("{folder}/{file}")).await;
        assert!(said.starts_with("Sonarr sees the file") && said.contains(expected), "{file}: {said}");
    }
    assert_eq!(why("/tv/Show/Season 1/nowhere.mkv").await, "");
    assert_eq!(server.proof().unwrap().why_missing(&gone("/tv/Show/Season 1/whatever.mkv")).await, None);
    let asked = &sonarr.http.calls_to("/manualimport")[0].target;
    assert!(asked.contains("seriesId=1") && asked.contains("filterExistingFiles=true"), "{asked}");
}
