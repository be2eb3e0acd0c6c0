//! The button beside a cause, and the same by the API.

use std::time::Duration;

use autoscan_core::cause::Remedy;
use autoscan_core::change::Change;
use autoscan_core::delivery::{Delivery, DeliveryState};
use autoscan_core::name::Name;
use autoscan_core::path::LocalPath;
use autoscan_core::ports::{Absorb, Batch, Start, Store, StoreError};
use autoscan_core::scan::{Quiet, StoredChange};
use autoscan_testkit::START;
use serde_json::json;

use crate::browser::Browser;
use crate::harness::{Harness, KEYED};
use crate::html;

/// What must never reach a page as it is.
const SLY: &str = "<b>Films\u{202e}";
const BUTTON: &str = "action=\"/scans/1/remedy\"";

/// A scan that is missing at both targets, with a remedy; `broken` does not answer.
async fn harness() -> Harness {
    let harness = Harness::new(|_| ());
    let path = |text: &str| LocalPath::parse(text).unwrap();
    let change = StoredChange {
        change: Change::created(path("/mnt/tv/First/a.mkv")),
        trigger: Name::parse("sonarr").unwrap(),
        received_at: START,
        targets: None,
        sent_path: None,
    };
    let quiet = Quiet { minimum_age: Duration::ZERO, maximum_wait: Duration::ZERO };
    let absorb = Absorb { folder: path("/mnt/tv/First"), priority: 0, quiet, changes: vec![change] };
    let batch = Batch { received_at: START, folders: vec![absorb], ..Batch::default() };
    let scan = harness.store.absorb(batch.into()).await.unwrap().scans[0];
    let delivery = |target: &str| Delivery {
        state: DeliveryState::Missing,
        next_attempt_at: None,
        error: Some("it does not show the file; likely cause: the library lists nothing at all".to_owned()),
        remedy: Some(Remedy::ScanLibrary { library: SLY.into(), id: "1".into() }),
        ..Delivery::new(Name::parse(target).unwrap(), START)
    };
    let generation = harness.store.show(scan).await.unwrap().unwrap().generation;
    let deliveries = vec![delivery("plex"), delivery("broken")];
    let start =
        Start { scan, generation, tell: path("/mnt/tv/First"), deliveries, note: None, steps: Vec::new() };
    assert_eq!(harness.store.start(vec![start], START).await.unwrap(), [scan]);
    harness
}

#[tokio::test(start_paused = true)]
async fn a_person_presses_the_button_beside_the_cause_and_is_told_what_happened() {
    let harness = harness().await;
    let browser = Browser::inside(&harness).await;
    let page = browser.get("/scans/1").await.body;
    html::check(&page);
    assert_eq!(page.matches(BUTTON).count(), 2, "{page}");
    assert!(page.contains("Scan the library “&#60;b&#62;Films") && !page.contains(SLY), "{page}");
    assert!(
        page.contains("<input type=\"hidden\" name=\"target\" value=\"plex\">"),
        "without JavaScript: {page}"
    );

    let reply = browser.send("/scans/1/remedy", &[("target", "plex")]).await;
    assert_eq!((reply.status, reply.header("location")), (303, "/scans/1"), "{reply:?}");
    let page = browser.follow(&reply).await.body;
    html::check(&page);
    assert!(page.contains("plex scans the library &#60;b&#62;Films"), "{page}");
    assert!(page.contains("a person asked for a scan of the whole library"), "its timeline says so: {page}");
    assert_eq!(page.matches(BUTTON).count(), 1, "the other is missing still: {page}");
    let again = browser.send("/scans/1/remedy", &[("target", "plex")]).await;
    let page = browser.follow(&again).await.body;
    assert!(page.contains("plex was not asked: its delivery is sent now and offers no remedy."), "{page}");

    let reply = browser.send("/scans/1/remedy", &[("target", "broken")]).await;
    let page = browser.follow(&reply).await.body;
    let said = "broken did not accept it: broken does not answer. The delivery stays missing; try again, or do it at the server.";
    assert!(page.contains(said), "{page}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_scanned_without_the_token_of_the_page() {
    let harness = harness().await;
    let browser = Browser::inside(&harness).await;
    for body in ["target=plex", "csrf=wrong&target=plex"] {
        assert_eq!(browser.send_raw("/scans/1/remedy", body).await.code(), "CSRF");
    }
    let stranger = harness.ask("POST", "/scans/1/remedy", &[], "target=plex").await;
    assert_eq!(stranger.status, 401);
    assert_eq!(browser.send("/scans/9/remedy", &[("target", "plex")]).await.code(), "NOT_FOUND");
    let states: Vec<_> = harness.scans().await[0].deliveries.iter().map(|one| one.state).collect();
    assert_eq!(states, [DeliveryState::Missing; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_program_asks_for_it_by_the_api() {
    let harness = harness().await;
    let deliveries = harness.get("/api/v1/scans/1").await.json()["deliveries"].clone();
    let remedy = json!({"action": "scan-library", "library": SLY, "id": "1"});
    assert_eq!(deliveries[1]["remedy"], remedy);
    let ask = async |body: &str| harness.post("/api/v1/scans/1/remedy", body).await;
    let plex = r#"{"target":"plex"}"#;
    let done = ask(plex).await.json();
    assert_eq!(
        (&done["status"], &done["scan"]["deliveries"][1]["state"]),
        (&json!("success"), &json!("sent"))
    );
    assert_eq!(done["scan"]["deliveries"][1]["remedy"], json!(null));
    for (body, status, code) in [
        (plex, 409, "NOTHING_TO_MEND"),
        (r#"{"target":"broken"}"#, 502, "TARGET_AWAY"),
        (r#"{"target":"emby"}"#, 404, "NOT_FOUND"),
        (r#"{"target":"plex","force":true}"#, 400, "BAD_REQUEST"),
        ("{}", 400, "BAD_REQUEST"),
    ] {
        let reply = ask(body).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{body}");
    }
    assert_eq!(harness.post("/api/v1/scans/9/remedy", plex).await.status, 404);
    assert_eq!(harness.ask("POST", "/api/v1/scans/1/remedy", &[], plex).await.status, 401);
    harness.store.fail(Some(StoreError::NotWritable("disk full".to_owned())));
    let reply = harness.ask("POST", "/api/v1/scans/1/remedy", &KEYED, plex).await;
    assert_eq!(reply.status, 503);
}
