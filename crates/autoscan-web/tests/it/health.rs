use std::time::Duration;

use autoscan_core::ports::StoreError;
use tokio_util::sync::CancellationToken;

use crate::harness::Harness;

#[tokio::test]
async fn readiness_is_whether_the_store_can_be_written() {
    let harness = Harness::new(|_| ());
    assert_eq!(harness.ask("GET", "/ready", &[], "").await.message(), "ready");
    for fault in [StoreError::NotWritable("full".to_owned()), StoreError::Broken("odd".to_owned())] {
        harness.store.fail(Some(fault));
        let reply = harness.ask("GET", "/ready", &[], "").await;
        assert_eq!((reply.status, reply.code().as_str()), (503, "STORE"));
        assert_eq!(harness.ask("GET", "/health", &[], "").await.message(), "alive");
    }
}

#[tokio::test]
async fn a_program_that_stops_is_not_ready() {
    let stop = CancellationToken::new();
    let harness = Harness::new(|web| web.stop = stop.clone());
    stop.cancel();
    assert_eq!(harness.ask("GET", "/ready", &[], "").await.status, 503);
}

#[tokio::test(start_paused = true)]
async fn the_details_show_store_queue_and_targets() {
    let harness = Harness::new(|_| ());
    tokio::time::advance(Duration::from_secs(90)).await;
    harness.post("/api/v1/scans", r#"{"paths":["/tv/Show"]}"#).await;
    let reply = harness.get("/health/detailed").await;
    let json = reply.json();
    assert_eq!((reply.status, &json["version"], &json["uptime_seconds"]), (200, &"1.2.3".into(), &90.into()));
    assert_eq!((&json["store"]["ok"], &json["queue"]["waiting"]), (&true.into(), &1.into()));
    assert_eq!(json["targets"][0]["name"], "plex");
    assert!(json["targets"][0]["state"].is_string() && json["error"].is_null());

    harness.store.fail(Some(StoreError::NotWritable("disk full".to_owned())));
    let reply = harness.get("/health/detailed").await;
    assert_eq!((reply.status, reply.code().as_str()), (503, "STORE"));
    assert_eq!(reply.json()["status"], "failed");
    assert_eq!(reply.json()["store"]["error"], "the database cannot be written: disk full");
}
