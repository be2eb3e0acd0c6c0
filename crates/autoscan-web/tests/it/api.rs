use std::time::Duration;

use autoscan_core::delivery::{Delivery, DeliveryState};
use autoscan_core::name::Name;
use autoscan_core::ports::{Start, Store};
use serde_json::{Value, json};

use crate::harness::{Harness, KEYED};

async fn harness_with(paths: &[&str]) -> Harness {
    let harness = Harness::new(|_| ());
    for path in paths {
        let reply = harness.post("/api/v1/scans", &json!({ "paths": [path] }).to_string()).await;
        assert_eq!(reply.status, 202, "{reply:?}");
    }
    harness
}

fn folders(list: &Value) -> Vec<&str> {
    list["scans"].as_array().unwrap().iter().map(|scan| scan["folder"].as_str().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_scan_looks_as_the_contract_says() {
    let harness = harness_with(&["/tv/Show"]).await;
    assert_eq!(
        harness.get("/api/v1/scans/1").await.json(),
        json!({
            "id": 1,
            "folder": "/mnt/tv/Show",
            "state": "waiting",
            "priority": 0,
            "first_seen": "2026-01-01T00:00:00.000Z",
            "due_at": "2026-01-01T00:00:10.000Z",
            "finished_at": null,
            "note": null,
            "changes": [{
                "path": "/mnt/tv/Show",
                "sent_path": "/tv/Show",
                "kind": "rescan",
                "from": null,
                "trigger": "manual",
                "received_at": "2026-01-01T00:00:00.000Z"
            }],
            "deliveries": []
        })
    );
}

/// A scan at `plex` that is at the end of its journey.
async fn delivered(harness: &Harness, state: DeliveryState, seconds: u64) -> Value {
    let reply = harness.post("/api/v1/scans", r#"{"paths":["/tv/Show"]}"#).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    let scan = harness.scans().await.remove(0);
    let seen_at = scan.first_seen + Duration::from_secs(seconds);
    let delivery = Delivery {
        state,
        attempts: 1,
        next_attempt_at: None,
        sent_at: Some(scan.first_seen),
        seen_at: Some(seen_at),
        note: Some("the file was analysed".to_owned()),
        ..Delivery::new(Name::parse("plex").unwrap(), scan.first_seen)
    };
    let (id, generation, tell) = (scan.id, scan.generation, scan.folder);
    let start = Start { scan: id, generation, tell, deliveries: vec![delivery], note: None, steps: vec![] };
    assert_eq!(harness.store.start(vec![start], seen_at).await.unwrap(), [id]);
    harness.get(&format!("/api/v1/scans/{}", id.0)).await.json()
}

#[tokio::test(start_paused = true)]
async fn a_delivery_shows_what_was_done_for_it_and_how_long_its_files_took() {
    let harness = Harness::new(|_| ());
    let seen = delivered(&harness, DeliveryState::Seen, 12).await;
    assert_eq!(
        (&seen["state"], &seen["deliveries"]),
        (
            &json!("done"),
            &json!([{
                "target": "plex",
                "state": "seen",
                "attempts": 1,
                "next_attempt_at": null,
                "sent_at": "2026-01-01T00:00:00.000Z",
                "seen_at": "2026-01-01T00:00:12.000Z",
                "time_to_visible_ms": 12_000,
                "error": null,
                "remedy": null,
                "note": "the file was analysed"
            }])
        )
    );
    let missing = delivered(&harness, DeliveryState::Missing, 12).await;
    assert_eq!(missing["deliveries"][0]["time_to_visible_ms"], Value::Null, "it is not seen");
}

#[tokio::test]
async fn a_list_goes_on_where_its_cursor_says() {
    let harness = harness_with(&["/tv/A", "/tv/B", "/tv/C"]).await;
    let first = harness.get("/api/v1/scans?limit=2").await.json();
    assert_eq!(folders(&first), ["/mnt/tv/C", "/mnt/tv/B"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = harness.get(&format!("/api/v1/scans?limit=2&cursor={cursor}")).await.json();
    assert_eq!((folders(&second), &second["next_cursor"]), (vec!["/mnt/tv/A"], &Value::Null));
    for (query, found) in [
        ("q=tv%2Fb", 1),
        ("state=waiting", 3),
        ("state=done", 0),
        ("trigger=manual", 3),
        ("trigger=sonarr", 0),
        ("state=&q=&target=", 3),
        ("unknown=1", 3),
    ] {
        let list = harness.get(&format!("/api/v1/scans?{query}")).await.json();
        assert_eq!(folders(&list).len(), found, "{query}");
    }
}

#[tokio::test]
async fn what_cannot_be_meant_is_a_400() {
    let harness = Harness::new(|_| ());
    for query in ["state=open", "limit=0", "limit=501", "limit=x", "cursor=x", "target=a/b", "q=%FF"] {
        let reply = harness.get(&format!("/api/v1/scans?{query}")).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "BAD_REQUEST"), "{query}");
    }
    for body in [
        "",
        "[]",
        "{}",
        r#"{"paths":"/tv"}"#,
        r#"{"paths":[]}"#,
        r#"{"paths":["/tv"],"target":"plex"}"#,
        r#"{"paths":["/tv"],"targets":[]}"#,
    ] {
        assert_eq!(harness.post("/api/v1/scans", body).await.code(), "BAD_REQUEST", "{body}");
    }
    assert!(harness.folders().await.is_empty());
}

#[tokio::test]
async fn one_refused_path_stores_nothing() {
    let harness = Harness::new(|_| ());
    let reply = harness.post("/api/v1/scans", r#"{"paths":["/tv/Show","../etc"]}"#).await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "PATH_REFUSED"));
    assert!(reply.body.contains("../etc"), "{reply:?}");
    let many = json!({ "paths": vec!["/tv"; 1001] }).to_string();
    assert_eq!(harness.post("/api/v1/scans", &many).await.code(), "TOO_MANY_PATHS");
    for target in ["nobody", "no/name"] {
        let body = json!({ "paths": ["/tv"], "targets": [target] }).to_string();
        let reply = harness.post("/api/v1/scans", &body).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "UNKNOWN_TARGET"));
    }
    assert!(harness.folders().await.is_empty());
}

#[tokio::test]
async fn a_wish_names_its_scans() {
    let harness = Harness::new(|_| ());
    let reply = harness.post("/api/v1/scans", r#"{"paths":["/tv/A","/tv/B"],"targets":["plex"]}"#).await;
    assert_eq!(reply.status, 202);
    assert_eq!(
        reply.json(),
        json!({ "status": "success", "message": "2 changes in 2 folders are stored", "scans": [1, 2] })
    );
    assert_eq!(harness.scans().await[0].changes[0].targets.as_ref().unwrap()[0].as_str(), "plex");
}

#[tokio::test]
async fn scan_takes_a_form_or_json_in_several_words() {
    for body in [
        "path=/tv/Will+%26+Grace",
        "filepath=%2Ftv%2FWill%20%26%20Grace&eventType=Manual",
        "paths=/tv/Will+%26+Grace\r\n",
        r#"{"path":"/tv/Will & Grace"}"#,
        r#" {"paths":["/tv/Will & Grace"],"extra":1}"#,
        r#"{"filepath":"/tv/Will & Grace","targets":["plex"]}"#,
    ] {
        let harness = Harness::new(|_| ());
        let reply = harness.post("/scan", body).await;
        assert_eq!(reply.status, 202, "{body}: {reply:?}");
        assert_eq!(harness.folders().await, ["/mnt/tv/Will & Grace"]);
    }
    for body in ["", "nothing=1", "{", "path=tv"] {
        assert!(matches!(Harness::new(|_| ()).post("/scan", body).await.status, 400 | 422), "{body}");
    }
}

#[tokio::test]
async fn a_scan_is_tried_again_and_forgotten() {
    let harness = harness_with(&["/tv/A"]).await;
    let reply = harness.post("/api/v1/scans/1/retry", "").await;
    assert_eq!((reply.message().as_str(), &reply.json()["scan"]["id"]), ("scan 1 is tried again", &json!(1)));
    assert_eq!(harness.ask("DELETE", "/api/v1/scans/1", &KEYED, "").await.message(), "scan 1 is forgotten");
    for (method, uri) in [
        ("GET", "/api/v1/scans/1"),
        ("DELETE", "/api/v1/scans/1"),
        ("POST", "/api/v1/scans/1/retry"),
        ("GET", "/api/v1/scans/1/timeline"),
        ("GET", "/api/v1/scans/one/timeline"),
        ("GET", "/api/v1/scans/one"),
        ("GET", "/api/v1/scans/%FF"),
        ("GET", "/api/v1/nothing"),
        ("POST", "/api/v1/targets/nobody/test"),
        ("POST", "/api/v1/targets/nobody/pause"),
        ("POST", "/api/v1/targets/nobody/resume"),
    ] {
        let reply = harness.ask(method, uri, &KEYED, "").await;
        assert_eq!((reply.status, reply.code().as_str()), (404, "NOT_FOUND"), "{method} {uri}");
    }
}

#[tokio::test]
async fn counts_triggers_and_targets_are_shown() {
    let harness = harness_with(&["/tv/A"]).await;
    harness.post("/triggers/sonarr", r#"{"eventType":"Grab"}"#).await;
    assert_eq!(
        harness.get("/api/v1/stats").await.json(),
        json!({ "waiting": 1, "running": 0, "attention": 0, "done": 0 })
    );
    let triggers = harness.get("/api/v1/triggers").await.json();
    let sonarr = &triggers["triggers"][1];
    assert_eq!(
        (&sonarr["name"], &sonarr["events"], &sonarr["last_event"]),
        (&json!("sonarr"), &json!(1), &json!("Grab"))
    );
    assert!(sonarr["last_event_at"].as_str().unwrap().starts_with("2026-01-01T00:00:0"));
    let targets = harness.get("/api/v1/targets").await.json();
    assert_eq!(
        (&targets["targets"][0]["name"], &targets["targets"][0]["url"]),
        (&json!("plex"), &json!("http://plex:32400/"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_timeline_is_shown() {
    let harness = harness_with(&["/tv/Show"]).await;
    let steps = harness.get("/api/v1/scans/1/timeline").await.json();
    let [received, mapped, waiting] = &steps["steps"].as_array().unwrap()[..] else { panic!("{steps}") };
    assert_eq!(
        received,
        &json!({
            "at": "2026-01-01T00:00:00.000Z",
            "target": null,
            "kind": "received",
            "text": "manual reported: rescan \"/tv/Show\""
        })
    );
    assert_eq!((&mapped["kind"], &waiting["kind"]), (&json!("mapped"), &json!("waiting")));
}

#[tokio::test]
async fn the_last_events_of_a_trigger_are_shown_also_those_that_were_turned_away() {
    let harness = harness_with(&[]).await;
    harness.post("/triggers/sonarr", r#"{"eventType":"Grab"}"#).await;
    harness.post("/triggers/sonarr", "not JSON").await;
    for _ in 0..3 {
        harness.ask("POST", "/triggers/sonarr", &[("x-api-key", "wrong")], "{}").await;
    }
    let packed = [KEYED[0], ("content-encoding", "gzip")];
    harness.ask("POST", "/triggers/sonarr", &packed, "x").await;
    let triggers = harness.get("/api/v1/triggers").await.json();
    let sonarr = &triggers["triggers"][1];
    let counted = (&sonarr["events"], &sonarr["changes"], &sonarr["refused"], &sonarr["last_event"]);
    assert_eq!(counted, (&json!(1), &json!(0), &json!(5), &json!("Grab")));
    let recent: Vec<_> = sonarr["recent"].as_array().unwrap().iter().collect();
    assert_eq!(recent.len(), 4, "{recent:#?}");
    let key = recent[1];
    assert_eq!((&key["times"], &key["refused"]), (&json!(3), &json!(true)));
    assert!(key["outcome"].as_str().unwrap().starts_with("The credentials are missing or wrong"), "{key}");
    assert_eq!(recent[3]["outcome"], json!("the event Grab changes no path"));
}

#[tokio::test(start_paused = true)]
async fn every_hour_of_the_last_week_is_shown() {
    let harness = harness_with(&["/tv/Show"]).await;
    let hours = harness.get("/api/v1/stats/hours").await.json();
    let hours = hours["hours"].as_array().unwrap();
    assert_eq!(hours.len(), 168);
    assert_eq!(
        hours[167],
        json!({
            "start": "2026-01-01T00:00:00.000Z",
            "changes": 1,
            "done": 0,
            "attention": 0,
            "seen": 0,
            "visible_median_ms": null,
            "visible_p95_ms": null,
            "visible_slowest_ms": null
        })
    );
}

#[tokio::test(start_paused = true)]
async fn scans_of_a_reason_are_tried_again_together() {
    let harness = Harness::new(|_| ());
    delivered(&harness, DeliveryState::Failed, 12).await;
    let retry = async |wish: &str| harness.post("/api/v1/scans/retry", wish).await;
    let none = retry(r#"{"reason":"another reason"}"#).await;
    assert_eq!((none.status, none.message().as_str()), (200, "0 scans are tried again"));
    let one = retry(r#"{"state":"attention","target":"plex"}"#).await;
    assert_eq!((one.message().as_str(), &one.json()["scans"]), ("1 scan is tried again", &json!(1)));
    assert_eq!(harness.get("/api/v1/stats").await.json()["running"], json!(1));
    for wish in [r#"{"state":"done"}"#, r#"{"target":"a b"}"#, r#"{"all":true}"#, ""] {
        assert_eq!(retry(wish).await.status, 400, "{wish}");
    }
}

#[tokio::test]
async fn a_target_is_tested() {
    let harness = Harness::new(|_| ());
    let reply = harness.post("/api/v1/targets/plex/test", "").await;
    assert_eq!(reply.message(), "Plex Media Server 1.41 answers and has 1 library");
    assert_eq!(reply.json()["libraries"][0]["title"], "Shows");
    let reply = harness.post("/api/v1/targets/broken/test", "").await;
    assert_eq!((reply.status, reply.code().as_str()), (502, "TARGET_AWAY"));
    assert!(reply.body.contains("broken does not answer"));
    let libraries = harness.get("/api/v1/libraries").await.json();
    assert_eq!(libraries["targets"][0]["libraries"][0]["folders"], json!(["/mnt/tv"]));
    assert_eq!(libraries["targets"][1]["error"], "broken does not answer");
}

#[tokio::test(start_paused = true)]
async fn targets_are_paused_and_resumed() {
    let harness = Harness::new(|_| ());
    for (uri, body, message) in [
        ("/api/v1/targets/plex/pause", "", "plex is paused until resumed"),
        ("/api/v1/targets/plex/pause", r#"{"for":"2h"}"#, "plex is paused until 2026-01-01T02:00:00.000Z"),
        ("/api/v1/targets/plex/resume", "", "plex is resumed"),
        ("/api/v1/queue/pause", "{}", "2 targets are paused until resumed: plex, broken"),
        ("/api/v1/queue/resume", "", "2 targets are resumed: plex, broken"),
    ] {
        assert_eq!(harness.post(uri, body).await.message(), message);
        let state = harness.get("/api/v1/targets").await.json()["targets"][0]["state"].clone();
        assert_eq!(state == "paused", message.contains("paused"), "{uri}");
    }
    for body in [r#"{"for":"2"}"#, r#"{"until":"2h"}"#, "2h"] {
        assert_eq!(harness.post("/api/v1/targets/plex/pause", body).await.code(), "BAD_REQUEST", "{body}");
    }
}

#[tokio::test]
async fn a_path_is_explained() {
    let harness = Harness::new(|_| ());
    let explained = harness.post("/api/v1/explain", r#"{"path":"/tv/Show","trigger":"sonarr"}"#).await.json();
    assert_eq!((&explained["trigger"], &explained["local"]), (&json!("sonarr"), &json!("/mnt/tv/Show")));
    for (body, code) in [
        (r#"{"path":"/tv","trigger":"nobody"}"#, "NOT_FOUND"),
        (r#"{"path":"tv"}"#, "PATH_REFUSED"),
        ("{}", "BAD_REQUEST"),
    ] {
        assert_eq!(harness.post("/api/v1/explain", body).await.code(), code, "{body}");
    }
    assert!(harness.folders().await.is_empty());
}
