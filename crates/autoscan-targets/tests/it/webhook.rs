//! How any HTTP server is told.

use crate::support::{AWKWARD, connect, new_files, random_names, rescan, verdict, verdicts};
use autoscan_http::Http;
use autoscan_targets::kinds;
use autoscan_testkit::{PretendReceiver, Trouble};
use serde_json::{Value, json};

fn show(what: impl std::fmt::Debug) -> String {
    format!("{what:?}")
}

#[tokio::test]
async fn a_season_pack_is_one_request_and_a_single_file_is_named() {
    let receiver = PretendReceiver::start().await.unwrap();
    let url = format!("{}/hooks/abc?room=1", receiver.http.url());
    let body = r#"{"path": {{path}}, "n": {{paths}}, "what": {{event}}}"#;
    let server = connect("webhook", &json!({"url": url, "method": "PUT", "body": body}));
    let batch =
        [new_files("/tv/S", &["1.mkv", "2.mkv"]), new_files("/films/A", &["A.mkv"]), rescan("/films/B")];
    assert_eq!(verdicts(&server.scan(&batch).await), ["ok", "ok", "ok"]);
    assert_eq!(
        receiver.bodies(),
        [
            json!({"path": "/tv/S", "n": ["/tv/S/1.mkv", "/tv/S/2.mkv"], "what": "created"}),
            json!({"path": "/films/A/A.mkv", "n": ["/films/A/A.mkv"], "what": "created"}),
            json!({"path": "/films/B", "n": ["/films/B"], "what": "rescan"}),
        ]
    );
    let call = &receiver.http.calls()[0];
    assert_eq!((call.method.as_str(), call.target.as_str()), ("PUT", "/hooks/abc?room=1"));
    assert_eq!(call.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn without_a_body_of_its_own_the_usual_one_is_sent_byte_for_byte() {
    let receiver = PretendReceiver::start().await.unwrap();
    let server = connect("webhook", &json!({"url": receiver.http.url()}));
    let names: Vec<String> = AWKWARD.iter().map(|&name| name.to_owned()).chain(random_names(100)).collect();
    let batch: Vec<_> = names.iter().map(|name| rescan(&format!("/tv/{name}"))).collect();
    assert!(server.scan(&batch).await.iter().all(Result::is_ok));
    let told: Vec<Value> = receiver.bodies().iter().map(|body| body["folder"].clone()).collect();
    let expected: Vec<Value> = names.iter().map(|name| json!(format!("/tv/{name}"))).collect();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn headers_are_sent_and_neither_they_nor_the_path_of_the_url_are_shown() {
    let receiver = PretendReceiver::start().await.unwrap();
    let url = format!("{}/services/T0KEN-of-ours?key=s3cr3t-key", receiver.http.url());
    let settings = json!({
        "url": url.replace("//", "//me:s3cr3t-login@"),
        "headers": {"X-Gotify-Key": "s3cr3t-header", "Content-Type": "application/vnd.x+json"},
        "body": r#"{"p": {{path}}}"#,
    });
    let kind = kinds().iter().find(|kind| kind.name == "webhook").unwrap();
    let connected = (kind.connect)(&settings, &Http::default()).unwrap();
    let mut shown = connected.url;
    for trouble in [None, Some(Trouble::Status(400)), Some(Trouble::Status(401)), Some(Trouble::CutOff)] {
        receiver.http.set_trouble(trouble);
        shown.push_str(&show(connected.server.probe().await));
        shown.push_str(&show(connected.server.scan(&[rescan("/tv/A")]).await));
        shown.push_str(&show(connected.server.plan(&rescan("/tv/A")).await));
    }
    let call = receiver.http.calls().into_iter().find(|call| call.method == "POST").unwrap();
    assert_eq!(call.header("x-gotify-key"), Some("s3cr3t-header"));
    assert_eq!(call.header("content-type"), Some("application/vnd.x+json"));
    assert!(call.target.ends_with("?key=s3cr3t-key"));
    receiver.http.close().await.unwrap();
    shown.push_str(&show(connected.server.scan(&[rescan("/tv/A")]).await));
    assert!(shown.contains("/•••") && shown.contains("refused"), "{shown}");
    for part in ["s3cr3t", "T0KEN"] {
        assert!(!shown.contains(part), "{shown}");
    }
}

#[tokio::test]
async fn a_probe_shows_that_somebody_is_there_and_sends_no_webhook() {
    let receiver = PretendReceiver::start().await.unwrap();
    let server = connect("webhook", &json!({"url": receiver.http.url()}));
    for (trouble, expected) in [
        (None, "ok"),
        (Some(Trouble::Status(403)), "ok"),
        (Some(Trouble::Status(501)), "ok"),
        (Some(Trouble::Status(502)), "away"),
        (Some(Trouble::RetryAfter(429, "9".to_owned())), "busy 9"),
    ] {
        receiver.http.set_trouble(trouble.clone());
        assert_eq!(verdict(&server.probe().await.map(drop)), expected, "{trouble:?}");
    }
    assert!(receiver.bodies().is_empty());
    assert!(receiver.http.calls().iter().all(|call| call.method == "HEAD"));
}

#[tokio::test]
async fn every_trouble_has_its_consequence() {
    let receiver = PretendReceiver::start().await.unwrap();
    let server = connect("webhook", &json!({"url": receiver.http.url()}));
    for (trouble, expected) in [
        (Trouble::Status(404), "wrong"),
        (Trouble::Status(401), "refused"),
        (Trouble::Status(302), "refused"),
        (Trouble::Status(500), "away"),
    ] {
        receiver.http.set_trouble(Some(trouble.clone()));
        assert_eq!(verdicts(&server.scan(&[rescan("/tv/A")]).await), [expected], "{trouble:?}");
    }
}

#[tokio::test]
async fn a_call_that_fails_while_the_server_is_there_is_wrong_and_harms_no_other() {
    let receiver = PretendReceiver::start().await.unwrap();
    let server = connect("webhook", &json!({"url": receiver.http.url()}));
    receiver.set_stumbles_over(Some("/tv/Bad"));
    let results = server.scan(&[rescan("/tv/Bad"), rescan("/tv/Good")]).await;
    assert_eq!(verdicts(&results), ["wrong", "ok"]);
    assert!(results[0].as_ref().unwrap_err().reason().contains("500"), "{results:?}");
    receiver.set_stumbles_over(None);
    assert_eq!(verdicts(&server.scan(&[rescan("/tv/Bad")]).await), ["ok"]);
    receiver.http.close().await.unwrap();
    assert_eq!(verdicts(&server.scan(&[rescan("/tv/Bad")]).await), ["away"]);
}
