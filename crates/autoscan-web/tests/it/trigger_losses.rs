//! What was rejected, lost or sent to a wrong name is said on the page and by the API: senders show their person the status
//! alone (measured at Sonarr 10.0.0.15072 and Radarr 10.0.0.15633).

use autoscan_core::ports::StoreError;

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
