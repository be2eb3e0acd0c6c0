use autoscan_core::secret::Secret;

use crate::harness::{API_KEY, Harness, KEYED, PASSWORD, TOKEN, basic};

const GRAB: &str = r#"{"eventType":"Grab"}"#;

#[tokio::test]
async fn each_way_in_opens_what_it_should() {
    let right = basic(format!("autoscan:{PASSWORD}"));
    let latin: Vec<u8> =
        format!("autoscan:{PASSWORD}").chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let latin = basic(latin);
    let unpadded = right.trim_end_matches('=').to_owned();
    let wrong = basic(format!("autoscan:{PASSWORD}x"));
    let bearer = format!("Bearer {TOKEN}");
    let bearer_key = format!("bearer {API_KEY}");
    let in_path = "/triggers/sonarr/sonarr's%20token";
    for (uri, header, status) in [
        ("/triggers/sonarr", None, 401),
        ("/triggers/sonarr", Some(("authorization", right.as_str())), 200),
        ("/triggers/sonarr", Some(("authorization", &latin)), 200),
        ("/triggers/sonarr", Some(("authorization", &unpadded)), 200),
        ("/triggers/sonarr", Some(("authorization", &wrong)), 401),
        ("/triggers/sonarr", Some(("authorization", "Basic !!!")), 401),
        ("/triggers/sonarr", Some(("authorization", "Basic")), 401),
        ("/triggers/sonarr", Some(("authorization", &bearer)), 200),
        ("/triggers/sonarr", Some(("authorization", &bearer_key)), 200),
        ("/triggers/sonarr", Some(("authorization", "Bearer ")), 401),
        ("/triggers/sonarr", Some(("x-api-key", API_KEY)), 200),
        ("/triggers/sonarr", Some(("x-api-key", TOKEN)), 200),
        ("/triggers/sonarr", Some(("x-api-key", "the-api-kez")), 401),
        ("/triggers/sonarr", Some(("x-api-key", "")), 401),
        ("/triggers/sonarr?token=sonarr%27s%20token", None, 200),
        ("/triggers/sonarr?apikey=sonarr%27s%20token", None, 200),
        ("/triggers/sonarr?apikey=the-api-key", None, 200),
        ("/triggers/sonarr?token=", None, 401),
        ("/triggers/sonarr?token=wrong", Some(("x-api-key", API_KEY)), 200),
        (in_path, None, 200),
        ("/triggers/sonarr/the-api-key", None, 401),
        ("/triggers/sonarr/wrong", None, 401),
        ("/triggers/manual", Some(("x-api-key", TOKEN)), 401),
        ("/triggers/manual?token=sonarr%27s%20token", None, 401),
        ("/triggers/empty?token=", None, 401),
        ("/triggers/empty", Some(("x-api-key", "")), 401),
        ("/triggers/nobody", None, 401),
        ("/triggers/nobody", Some(("x-api-key", API_KEY)), 404),
    ] {
        let headers: Vec<_> = header.into_iter().collect();
        let reply = Harness::new(|_| ()).ask("POST", uri, &headers, GRAB).await;
        assert_eq!(reply.status, status, "{uri} {header:?}: {reply:?}");
        if status == 401 {
            assert_eq!(reply.code(), "UNAUTHORIZED");
            assert_eq!(reply.header("www-authenticate"), "Basic realm=\"autoscan\"");
        }
    }
}

#[tokio::test]
async fn the_api_does_not_look_for_keys_in_the_query() {
    let right = basic(format!("autoscan:{PASSWORD}"));
    let bearer = format!("Bearer {API_KEY}");
    for (uri, header, status) in [
        ("/api/v1/scans", None, 401),
        ("/api/v1/scans?apikey=the-api-key", None, 401),
        ("/api/v1/scans", Some(("authorization", right.as_str())), 200),
        ("/api/v1/scans", Some(("authorization", &bearer)), 200),
        ("/api/v1/scans", Some(("x-api-key", API_KEY)), 200),
        ("/api/v1/scans", Some(("x-api-key", TOKEN)), 401),
        ("/health/detailed", None, 401),
        ("/health/detailed", Some(("x-api-key", API_KEY)), 200),
        ("/health", None, 200),
        ("/ready", None, 200),
        ("/triggers/manual", None, 401),
    ] {
        let headers: Vec<_> = header.into_iter().collect();
        assert_eq!(
            Harness::new(|_| ()).ask("GET", uri, &headers, "").await.status,
            status,
            "{uri} {header:?}"
        );
    }
    assert_eq!(Harness::new(|_| ()).ask("POST", "/scan", &[], "path=/tv").await.status, 401);
}

#[tokio::test]
async fn empty_secrets_open_nothing() {
    let harness = Harness::new(|web| {
        web.doors.password = Some(Secret::new(""));
        web.doors.api_key = Some(Secret::new(""));
        web.doors.server_pass = Some(Secret::new(""));
    });
    let empty = basic("autoscan:");
    for headers in
        [&[("authorization", empty.as_str())][..], &[("x-api-key", "")], &[("authorization", "Bearer ")]]
    {
        assert_eq!(harness.ask("GET", "/api/v1/stats", headers, "").await.status, 401, "{headers:?}");
    }
    assert_eq!(
        harness.ask("GET", "/", &[("authorization", &empty)], "").await.header("location"),
        "/login?next=%2F"
    );
    assert_eq!(harness.get("/api/?cmd=queue_count").await.status, 404);
}

#[tokio::test]
async fn disabled_doors_stand_open() {
    let harness = Harness::open();
    for uri in ["/triggers/sonarr", "/triggers/sonarr/anything", "/triggers/sonarr?token=anything"] {
        assert_eq!(harness.ask("POST", uri, &[("x-api-key", "wrong")], GRAB).await.status, 200, "{uri}");
    }
    assert_eq!(harness.ask("GET", "/api/v1/stats", &[], "").await.status, 200);
}

#[tokio::test]
async fn a_page_of_another_site_cannot_use_the_browsers_password() {
    let right = basic(format!("autoscan:{PASSWORD}"));
    let from = |site| [("authorization", right.as_str()), ("sec-fetch-site", site)];
    let harness = Harness::new(|_| ());
    for (method, uri, site, status) in [
        ("POST", "/triggers/manual", "cross-site", 403),
        ("GET", "/triggers/manual?path=/tv", "cross-site", 403),
        ("DELETE", "/api/v1/scans/1", "cross-site", 403),
        ("GET", "/triggers/manual", "cross-site", 200),
        ("GET", "/api/v1/stats", "cross-site", 200),
        ("POST", "/triggers/manual", "same-origin", 200),
        ("GET", "/triggers/manual?path=/tv", "none", 200),
    ] {
        let reply = harness.ask(method, uri, &from(site), "path=/tv").await;
        assert_eq!(reply.status, status, "{method} {uri} {site}");
        assert!(status != 403 || reply.code() == "CSRF");
    }
    let keyed = [KEYED[0], ("sec-fetch-site", "cross-site")];
    assert_eq!(harness.ask("POST", "/triggers/manual", &keyed, "path=/tv").await.status, 200);
    let reply = Harness::open()
        .ask("POST", "/triggers/manual", &[("sec-fetch-site", "cross-site")], "path=/tv")
        .await;
    assert_eq!(reply.status, 403);
}

#[tokio::test(start_paused = true)]
async fn guessing_is_slowed_down_and_the_key_of_a_sender_that_is_known_passes() {
    let harness = Harness::new(|_| ());
    let guess = [("x-api-key", "guess")];
    assert_eq!(harness.post("/triggers/sonarr", GRAB).await.status, 200);
    for _ in 0..20 {
        assert_eq!(harness.ask("POST", "/triggers/sonarr", &guess, GRAB).await.status, 401);
        assert_eq!(harness.ask("POST", "/triggers/sonarr", &[], GRAB).await.status, 401);
    }
    for (uri, wait) in [("/triggers/sonarr", "60"), ("/api/v1/queue/pause", "59")] {
        let reply = harness.ask("POST", uri, &guess, GRAB).await;
        assert_eq!((reply.status, reply.header("retry-after")), (429, wait));
        assert_eq!(reply.code(), "TOO_MANY_FAILURES");
    }
    assert_eq!(harness.ask("POST", "/triggers/sonarr", &[], GRAB).await.status, 401);
    assert_eq!(harness.post("/triggers/sonarr", GRAB).await.status, 200);
    tokio::time::advance(std::time::Duration::from_mins(1)).await;
    assert_eq!(harness.ask("POST", "/triggers/sonarr", &guess, GRAB).await.status, 401);
}
