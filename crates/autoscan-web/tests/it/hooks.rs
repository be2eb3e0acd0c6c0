use autoscan_core::ports::StoreError;

use crate::harness::{Harness, KEYED};

#[tokio::test]
async fn a_200_is_given_once_the_change_is_stored() {
    let harness = Harness::new(|_| ());
    for method in ["POST", "PUT"] {
        let reply = harness
            .ask(method, "/triggers/sonarr", &KEYED, r#"{"eventType":"Download","paths":["/tv/Show/S01"]}"#)
            .await;
        assert_eq!((reply.status, reply.message().as_str()), (200, "1 change in 1 folder is stored"));
        assert_eq!(reply.header("content-type"), "application/json");
    }
    assert_eq!(harness.folders().await, ["/mnt/tv/Show/S01"]);
}

#[tokio::test]
async fn a_request_with_all_that_sonarr_sends_along_is_taken_and_never_redirected() {
    // Sonarr 10.0.0.15072: it takes a redirect for a success and does not follow it.
    let harness = Harness::new(|_| ());
    let login = crate::harness::basic(format!("autoscan:{}", crate::harness::PASSWORD));
    let headers = [
        ("authorization", login.as_str()),
        ("connection", "close"),
        ("content-type", "application/json"),
        ("accept", "application/json"),
        ("accept-encoding", "gzip, br"),
        ("user-agent", "Sonarr/10.0.0.15072 (debian 12)"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"),
        ("x-autoscan", "abc"),
    ];
    let body = "{\n  \"eventType\": \"Download\",\n  \"paths\": [\"/tv/It's Größe 🎬\"]\n}";
    for (method, uri) in
        [("POST", "/triggers/sonarr"), ("PUT", "/triggers/sonarr"), ("POST", "/triggers/sonarr/")]
    {
        let reply = harness.ask(method, uri, &headers, body).await;
        assert_eq!(reply.status, 200, "{method} {uri}: {reply:?}");
        assert_eq!(reply.header("content-encoding"), "", "{reply:?}");
    }
    assert_eq!(harness.folders().await, ["/mnt/tv/It's Größe 🎬"]);
    for uri in [
        "//triggers/sonarr",
        "/triggers/Sonarr",
        "/autoscan/triggers/sonarr",
        "/triggers/sonarr?",
        "/triggers",
    ] {
        let status = harness.ask("POST", uri, &headers, body).await.status;
        assert!(!(300..400).contains(&status), "{uri}: {status}");
    }
}

#[tokio::test]
async fn an_event_that_changes_nothing_is_well_received() {
    let harness = Harness::new(|_| ());
    let reply = harness.post("/triggers/sonarr", r#"{"eventType":"Grab"}"#).await;
    assert_eq!((reply.status, reply.message().as_str()), (200, "the event Grab changes no path"));
    let reply = harness.post("/triggers/sonarr/", r#"{"paths":["/tv/.DS_Store"]}"#).await;
    assert_eq!(reply.status, 200);
    assert!(reply.message().starts_with("nothing is to be scanned; left out: "), "{reply:?}");
    assert!(harness.folders().await.is_empty());
}

#[tokio::test]
async fn a_program_gets_200_for_a_refused_path_and_a_person_422() {
    let harness = Harness::new(|_| ());
    let body = r#"{"paths":["/tv/../etc","/tv/Show"]}"#;
    let reply = harness.post("/triggers/sonarr", body).await;
    assert_eq!(reply.status, 200);
    assert!(reply.message().starts_with("1 change in 1 folder is stored; refused: the path \"/tv/../etc\""));
    let reply = harness.post("/triggers/manual", body).await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "PATH_REFUSED"));
    assert!(reply.body.contains("1 change in 1 folder is stored; refused: "), "{reply:?}");
}

#[tokio::test]
async fn every_failure_has_its_status_and_code() {
    let harness = Harness::new(|_| ());
    for (method, uri, headers, body, status, code) in [
        ("POST", "/triggers/sonarr", &[][..], "not JSON", 400, "BAD_REQUEST"),
        ("POST", "/triggers/sonarr?path=%FF", &[], "{}", 400, "BAD_REQUEST"),
        ("POST", "/triggers/nobody", &[], "{}", 404, "NOT_FOUND"),
        ("POST", "/nothing", &[], "{}", 404, "NOT_FOUND"),
        ("GET", "/triggers/sonarr", &[], "", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "/triggers/sonarr", &[], "", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/health", &[], "{}", 405, "METHOD_NOT_ALLOWED"),
        (
            "POST",
            "/triggers/sonarr",
            &[("content-type", "multipart/form-data; boundary=x")],
            "--x",
            415,
            "UNSUPPORTED_MEDIA_TYPE",
        ),
        ("POST", "/triggers/sonarr", &[("content-encoding", "gzip")], "x", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("POST", "/triggers/sonarr", &[], "panic", 500, "INTERNAL"),
    ] {
        let headers: Vec<_> = KEYED.iter().chain(headers).copied().collect();
        let reply = harness.ask(method, uri, &headers, body).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{method} {uri}");
        assert_eq!(reply.header("allow").is_empty(), status != 405, "{reply:?}");
    }
    let reply = harness.post("/triggers/sonarr", "panic").await;
    assert_eq!(reply.body, r#"{"error":"Internal server error","code":"INTERNAL"}"#);
}

#[tokio::test]
async fn a_store_that_fails_is_never_a_200() {
    let harness = Harness::new(|_| ());
    let body = r#"{"paths":["/tv/Show"]}"#;
    for (fault, status, code) in [
        (StoreError::NotWritable("disk full".to_owned()), 503, "STORE"),
        (StoreError::Closed, 503, "STORE"),
        (StoreError::Broken("row 7 is odd".to_owned()), 500, "INTERNAL"),
    ] {
        harness.store.fail(Some(fault));
        let reply = harness.post("/triggers/sonarr", body).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code));
        assert_eq!(reply.header("retry-after").is_empty(), status == 500);
        assert!(!reply.body.contains("disk full") && !reply.body.contains("row 7"), "{reply:?}");
    }
    harness.store.fail(None);
    assert!(harness.folders().await.is_empty());
}

#[tokio::test]
async fn people_scan_by_get_and_see_a_form_without_a_path() {
    let harness = Harness::new(|_| ());
    let form = harness.get("/triggers/manual").await;
    assert_eq!((form.status, form.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(form.body.contains("method=\"post\">") && form.body.contains("name=\"path\""));
    for header in ["content-security-policy", "x-frame-options", "x-content-type-options", "referrer-policy"]
    {
        assert!(!form.header(header).is_empty(), "{header}");
    }
    let probe = harness.ask("HEAD", "/triggers/manual?path=/tv/Show", &KEYED, "").await;
    assert_eq!((probe.status, probe.body.as_str()), (200, ""));
    assert!(harness.folders().await.is_empty());

    let reply = harness.get("/triggers/manual?dir=%2Ftv%2FWill%20%26+Grace&dir=/tv/B").await;
    assert_eq!((reply.status, reply.message().as_str()), (200, "2 changes in 2 folders are stored"));
    assert_eq!(harness.folders().await, ["/mnt/tv/B", "/mnt/tv/Will & Grace"]);
    assert_eq!(harness.get("/triggers/manual?path=tv").await.code(), "PATH_REFUSED");
}

#[tokio::test]
async fn an_empty_post_with_a_query_is_a_scan() {
    let harness = Harness::new(|_| ());
    let headers = [KEYED[0], ("content-type", "application/json")];
    let reply = harness.ask("POST", "/triggers/manual?dir=%2Ftest%2Fone", &headers, "").await;
    assert_eq!(reply.status, 200);
    assert_eq!(harness.folders().await, ["/test/one"]);
}

#[tokio::test]
async fn a_senders_request_id_comes_back() {
    let harness = Harness::new(|_| ());
    for (name, value, kept) in [
        ("x-correlation-id", "abc-123", true),
        ("x-request-id", "abc-123", true),
        ("x-request-id", "two words", false),
        ("x-request-id", &"x".repeat(129), false),
    ] {
        for uri in ["/health", "/nothing", "/triggers/sonarr"] {
            let reply = harness.ask("GET", uri, &[(name, value)], "").await;
            assert_eq!(reply.header("x-request-id") == value, kept, "{uri} {name}: {value}");
        }
    }
}

#[tokio::test]
async fn a_base_url_answers_with_and_without_it() {
    let harness = Harness::new(|web| {
        web.base_url = "/autoscan/".to_owned();
        web.access.server_pass = Some(autoscan_core::secret::Secret::new("the-pass"));
    });
    for base in ["", "/autoscan"] {
        assert_eq!(harness.get(&format!("{base}/health")).await.status, 200);
        let reply = harness.post(&format!("{base}/triggers/sonarr"), r#"{"paths":["/tv/Show"]}"#).await;
        assert_eq!(reply.status, 200, "{base}");
        assert_eq!(harness.get(&format!("{base}/api/v1/scans/1")).await.status, 200, "{base}");
        assert_eq!(harness.get(&format!("{base}/the-pass")).await.status, 200, "{base}");
        assert_eq!(harness.get(&format!("{base}/api/the-pass?cmd=queue_count")).await.status, 200, "{base}");
        assert_eq!(harness.get(&format!("{base}/nothing")).await.code(), "NOT_FOUND");
        let reply = harness.post(&format!("{base}/health"), "").await;
        assert_eq!((reply.status, reply.header("allow")), (405, "GET,HEAD"), "{base}");
    }
    assert_eq!(harness.get("/other/health").await.status, 404);
}
