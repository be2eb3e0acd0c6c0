//! What was rejected, lost or sent to a wrong name is said on the page and by the API: senders show their person the status
//! alone (measured at Sonarr 10.0.0.15072 and Radarr 10.0.0.15633).

use autoscan_core::ports::{Store, StoreError};

use crate::browser::Browser;
use crate::harness::Harness;

const IMPORT: &str = r#"{"eventType":"Download","paths":["/tv/Show"]}"#;

/// What the page says.
async fn page(harness: &Harness) -> String {
    Browser::inside(harness).await.get("/triggers").await.body
}

#[tokio::test]
async fn a_request_that_could_not_be_stored_is_lost_and_that_is_said_everywhere() {
    let harness = Harness::new(|_| ());
    harness.store.fail(Some(StoreError::NotWritable("disk full".to_owned())));
    assert_eq!(harness.post("/triggers/sonarr", IMPORT).await.status, 503);
    assert_eq!(harness.post("/triggers/sonarr", IMPORT).await.status, 503);
    harness.store.fail(None);

    let triggers = harness.get("/api/v1/triggers").await.json()["triggers"].clone();
    let sonarr = triggers.as_array().unwrap().iter().find(|trigger| trigger["name"] == "sonarr").unwrap();
    assert_eq!(sonarr["lost"], 2);
    assert!(sonarr["lost_since"].is_string(), "{sonarr}");
    let refusal = sonarr["last_refusal"].as_str().unwrap();
    assert!(refusal.starts_with("lost unless caught up: the database cannot be written"), "{refusal}");
    let body = page(&harness).await;
    assert!(
        body.contains("2 requests could not be stored") && body.contains("lost unless caught up"),
        "{body}"
    );
}

/// How many requests of Sonarr are lost, and how many of them nobody has put away.
async fn lost(harness: &Harness) -> (u64, u64) {
    let triggers = harness.get("/api/v1/triggers").await.json()["triggers"].clone();
    let sonarr = triggers.as_array().unwrap().iter().find(|trigger| trigger["name"] == "sonarr").unwrap();
    assert_eq!(sonarr["lost_unseen"] == 0, sonarr["lost_since"].is_null(), "{sonarr}");
    (sonarr["lost"].as_u64().unwrap(), sonarr["lost_unseen"].as_u64().unwrap())
}

async fn lose(harness: &Harness) {
    harness.store.fail(Some(StoreError::NotWritable("disk full".to_owned())));
    assert_eq!(harness.post("/triggers/sonarr", IMPORT).await.status, 503);
    harness.store.fail(None);
}

#[tokio::test]
async fn a_person_puts_the_warning_away_and_it_comes_back_when_another_is_lost() {
    let harness = Harness::new(|_| ());
    lose(&harness).await;
    lose(&harness).await;
    let browser = Browser::inside(&harness).await;
    let form = "action=\"/lost-requests/sonarr/dismiss\"";
    let before = browser.get("/triggers").await.body;
    crate::html::check(&before);
    assert!(before.contains(form) && before.contains(">Dismiss</button>"), "{before}");
    assert_eq!(browser.send_raw("/lost-requests/sonarr/dismiss", "csrf=wrong").await.code(), "CSRF");
    assert_eq!(lost(&harness).await, (2, 2));

    let reply = browser.send("/lost-requests/sonarr/dismiss", &[]).await;
    let after = browser.follow(&reply).await.body;
    assert!(after.contains("The warning of sonarr is put away."), "{after}");
    assert!(!after.contains(form) && !after.contains("could not be stored, the first"), "{after}");
    assert_eq!(lost(&harness).await, (2, 0));
    let kept = harness.store.trigger_counts().await.unwrap();
    assert!(
        kept.iter().any(|counts| (counts.lost, counts.dismissed) == (2, 2)),
        "it outlives a restart: {kept:?}"
    );
    let figures = harness.ask("GET", "/metrics", &[], "").await.body;
    assert!(figures.contains("autoscan_trigger_lost_requests_total{trigger=\"sonarr\",kind=\"sonarr\"} 2\n"));

    lose(&harness).await;
    assert_eq!(lost(&harness).await, (3, 1));
    assert!(browser.get("/triggers").await.body.contains("1 request could not be stored, the first"));

    assert_eq!(
        harness.post("/api/v1/triggers/sonarr/dismiss-lost", "").await.message(),
        "the warning of sonarr is put away until another request is lost"
    );
    assert_eq!(lost(&harness).await, (3, 0));
    let again = harness.post("/api/v1/triggers/sonarr/dismiss-lost", "").await.message();
    assert_eq!(again, "sonarr has no such warning");
    assert_eq!(harness.post("/api/v1/triggers/nobody/dismiss-lost", "").await.status, 404);
    assert_eq!(browser.send("/lost-requests/nobody/dismiss", &[]).await.code(), "NOT_FOUND");
    assert_eq!(harness.ask("POST", "/api/v1/triggers/sonarr/dismiss-lost", &[], "").await.status, 401);
}

#[tokio::test]
async fn a_name_that_no_trigger_has_is_said_once_its_sender_was_let_in() {
    let harness = Harness::new(|_| ());
    for _ in 0..2 {
        assert_eq!(harness.post("/triggers/sonar%3Cb%3E", IMPORT).await.status, 404);
    }
    let wrong = [("x-api-key", "wrong")];
    assert_eq!(harness.ask("POST", "/triggers/stranger", &wrong, IMPORT).await.status, 401);

    let unknown = harness.get("/api/v1/triggers").await.json()["unknown"].clone();
    assert_eq!((&unknown[0]["name"], &unknown[0]["times"]), (&"sonar<b>".into(), &2.into()));
    assert_eq!(unknown.as_array().unwrap().len(), 1, "strangers fill no page: {unknown}");
    let body = page(&harness).await;
    assert!(
        body.contains("/triggers/sonar&#60;b&#62;") && body.contains("Check the URL in the sender"),
        "{body}"
    );
}
