//! The log, as a page and as JSON.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use futures_util::StreamExt;
use tower::ServiceExt;

use crate::harness::{API_KEY, FixedLog, Harness};

#[tokio::test]
async fn lines_are_shown_newest_first_by_level_and_text() {
    let harness = Harness::new(|_| ());
    let numbers = async |query: &str| {
        let json = harness.get(&format!("/api/v1/log{query}")).await.json();
        let lines = json["lines"].as_array().unwrap().clone();
        lines.iter().map(|line| line["number"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(numbers("").await, [3, 2, 1]);
    assert_eq!(numbers("?level=info").await, [3, 2]);
    assert_eq!(numbers("?q=lane&level=").await, [3]);
    assert_eq!(numbers("?limit=1").await, [3]);
    for wrong in ["?level=loud", "?limit=0", "?limit=2001", "?limit=x", "?limit=-1"] {
        let reply = harness.get(&format!("/api/v1/log{wrong}")).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "BAD_REQUEST"), "{wrong}");
    }
    let line = &harness.get("/api/v1/log?limit=1").await.json()["lines"][0];
    assert_eq!(line["at"], "2026-01-01T00:00:00.000Z");
    assert_eq!(line["level"], "warn");
    assert_eq!(harness.ask("GET", "/api/v1/log", &[], "").await.status, 401);
}

#[tokio::test]
async fn a_page_shows_no_line_as_anything_but_text() {
    let harness = Harness::new(|_| ());
    let cookie = harness.log_in().await;
    let page = harness.ask("GET", "/log?q=%3Cscript%3E", &[("cookie", &cookie)], "").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("target=&#60;script&#62;plex"), "{}", page.body);
    assert!(!page.body.contains("<script>"), "{}", page.body);
    let page = harness.ask("GET", "/log?level=info", &[("cookie", &cookie)], "").await;
    assert!(page.body.contains("started") && !page.body.contains('\u{202e}'), "{}", page.body);
    assert!(!page.body.contains("answered"), "{}", page.body);
    assert_eq!(harness.ask("GET", "/log", &[], "").await.status, 303);
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_is_told_of_new_lines_once_a_second() {
    let said = Arc::new(FixedLog::new());
    let log = Arc::clone(&said);
    let harness = Harness::new(|web| web.log = log);
    let request = Request::builder().uri("/api/v1/live?log=1").header("x-api-key", API_KEY);
    let answer = harness.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let mut stream = answer.into_body().into_data_stream();
    stream.next().await.unwrap().unwrap();
    let loud = tokio::spawn(async move {
        for number in 1..=100 {
            said.0.send_replace(number);
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    });
    let mut told = 0;
    while let Ok(Some(event)) = tokio::time::timeout(Duration::from_secs(4), stream.next()).await {
        assert_eq!(event.unwrap(), "event: log\ndata: {}\n\n");
        told += 1;
    }
    assert!((3..=5).contains(&told), "{told}");
    loud.await.unwrap();
}
