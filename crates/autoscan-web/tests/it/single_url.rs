use autoscan_core::secret::Secret;

use crate::harness::{Harness, SERVER_PASS};

fn harness() -> Harness {
    Harness::new(|web| web.doors.server_pass = Some(Secret::new(SERVER_PASS)))
}

#[tokio::test]
async fn a_sender_is_known_by_its_body() {
    let harness = harness();
    let uri = format!("/{SERVER_PASS}");
    let sonarr = r#"{"eventType":"Download","paths":["/tv/Show"],"instanceName":"Sonarr"}"#;
    let form = "eventType=Manual&filepath=/tv/B";
    for (method, body) in [("POST", sonarr), ("PUT", sonarr), ("POST", form)] {
        let reply = harness.ask(method, &uri, &[], body).await;
        assert_eq!((reply.status, reply.message().as_str()), (200, "1 change in 1 folder is stored"));
    }
    assert_eq!(harness.folders().await, ["/mnt/tv/B", "/mnt/tv/Show"]);
    let triggers: Vec<_> =
        harness.scans().await.iter().map(|scan| scan.changes[0].trigger.to_string()).collect();
    assert_eq!(triggers, ["manual", "sonarr"]);
    let reply = harness.ask("POST", &uri, &[], "filepath=tv").await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "PATH_REFUSED"));
}

#[tokio::test]
async fn an_unknown_sender_is_told_who_is_known() {
    let harness = harness();
    for body in ["{}", r#"{"instanceName":"Radarr"}"#, ""] {
        let reply = harness.ask("POST", &format!("/{SERVER_PASS}"), &[], body).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "UNKNOWN_SENDER"));
        assert!(reply.body.contains("manual, sonarr"), "{reply:?}");
        assert_eq!(reply.body.contains("radarr"), body.contains("Radarr"), "{reply:?}");
    }
}

#[tokio::test]
async fn the_queue_count_and_the_form_are_where_they_were() {
    let harness = harness();
    let count = format!("/api/{SERVER_PASS}?cmd=queue_count");
    assert_eq!(harness.ask("GET", &count, &[], "").await.body, r#"{"queue_count":0}"#);
    harness.ask("POST", &format!("/{SERVER_PASS}"), &[], "filepath=/tv/B").await;
    assert_eq!(harness.ask("GET", &count, &[], "").await.body, r#"{"queue_count":1}"#);
    assert_eq!(harness.ask("GET", &format!("/api/{SERVER_PASS}"), &[], "").await.code(), "BAD_REQUEST");

    let form = harness.ask("GET", &format!("/{SERVER_PASS}"), &[], "").await;
    assert_eq!(form.status, 200);
    assert!(
        form.body.contains("name=\"eventType\" value=\"Manual\"") && form.body.contains("name=\"filepath\"")
    );
    assert_eq!(form.header("referrer-policy"), "same-origin");
    assert_eq!(harness.ask("DELETE", &format!("/{SERVER_PASS}"), &[], "").await.status, 405);
}

#[tokio::test]
async fn a_wrong_secret_looks_like_any_unknown_address() {
    let secretive = harness();
    let plain = Harness::new(|_| ());
    for (method, uri) in
        [("POST", "/wrong"), ("GET", "/wrong"), ("GET", "/api/wrong?cmd=queue_count"), ("GET", "/a/b")]
    {
        let [one, other] = [&secretive, &plain].map(|harness| harness.ask(method, uri, &[], "filepath=/tv"));
        let (one, other) = (one.await, other.await);
        assert_eq!((one.status, &one.body), (404, &other.body), "{method} {uri}");
    }
    let reply = plain.ask("POST", &format!("/{SERVER_PASS}"), &[], "filepath=/tv").await;
    assert_eq!(reply.status, 404);
}

#[tokio::test(start_paused = true)]
async fn guessing_the_secret_is_slowed_down() {
    let harness = harness();
    let secret = format!("/{SERVER_PASS}");
    let mut last = 0;
    for _ in 0..21 {
        last = harness.ask("POST", "/guess", &[], "filepath=/tv").await.status;
    }
    assert_eq!(last, 429);
    assert_eq!(harness.ask("POST", "/not/a/guess", &[], "").await.status, 404);
    assert_eq!(
        harness.ask("POST", &secret, &[], "filepath=/tv").await.status,
        429,
        "it is told apart from no guess"
    );
    tokio::time::advance(std::time::Duration::from_mins(1)).await;
    assert_eq!(harness.ask("POST", &secret, &[], "filepath=/tv").await.status, 200);
}
