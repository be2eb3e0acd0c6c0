//! The document of the API says what the router does.

use std::collections::BTreeSet;

use autoscan_core::delivery::DeliveryState;
use autoscan_core::scan::ScanState;
use autoscan_core::step::StepKind;
use serde_json::{Value, json};

use crate::harness::Harness;

const PLACES: [&str; 2] = [include_str!("../../src/api/mod.rs"), include_str!("../../src/router.rs")];

async fn document() -> Value {
    Harness::new(|_| ()).get("/api/v1/openapi.json").await.json()
}

fn documented(document: &Value) -> BTreeSet<String> {
    document["paths"].as_object().unwrap().keys().cloned().collect()
}

#[tokio::test]
async fn every_route_of_the_router_is_in_the_document_and_the_other_way_round() {
    let routes = PLACES.iter().flat_map(|source| source.split(".route(\"").skip(1));
    let routes = routes.map(|rest| rest.split('"').next().unwrap().to_owned());
    // The same address with a slash at its end is the same.
    let routes: BTreeSet<String> = routes.filter(|route| !route.ends_with('/')).collect();
    assert_eq!(documented(&document().await), routes);
}

#[tokio::test]
async fn every_path_understands_the_methods_that_are_documented_and_no_other() {
    let harness = Harness::new(|_| ());
    let document = document().await;
    for path in documented(&document) {
        let uri = path.replace("{name}", "sonarr").replace("{id}", "1").replace("{token}", "x");
        let reply = harness.ask("PATCH", &uri, &[("x-api-key", crate::harness::API_KEY)], "").await;
        assert_eq!(reply.status, 405, "{path}: {reply:?}");
        let allowed: BTreeSet<String> =
            reply.header("allow").split(',').map(|method| method.trim().to_lowercase()).collect();
        let allowed: BTreeSet<&str> =
            allowed.iter().map(String::as_str).filter(|method| *method != "head").collect();
        let known: BTreeSet<&str> =
            document["paths"][&path].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(known, allowed, "{path}");
    }
}

#[tokio::test]
async fn everything_that_the_document_refers_to_is_in_it() {
    let document = document().await;
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    assert_eq!(document["info"]["version"], "1.2.3");
    assert_eq!(document["servers"][0]["url"], "/");
}

#[tokio::test]
async fn the_words_of_the_document_are_those_of_the_program() {
    let document = document().await;
    let words = |pointer: &str| document.pointer(pointer).cloned().unwrap_or_default();
    let kind = "/paths/~1api~1v1~1scans~1{id}~1timeline/get/responses/200/content/application~1json/schema/properties/steps/items/properties/kind/enum";
    assert_eq!(words("/components/schemas/ScanState/enum"), json!(ScanState::ALL));
    assert_eq!(words("/components/schemas/DeliveryState/enum"), json!(DeliveryState::ALL));
    assert_eq!(words(kind), json!(StepKind::ALL));
}

#[tokio::test]
async fn people_read_the_same_as_a_page() {
    let harness = Harness::new(|_| ());
    let cookie = harness.log_in().await;
    let page = harness.ask("GET", "/api/v1", &[("cookie", &cookie)], "").await;
    assert_eq!(page.status, 200);
    for path in documented(&document().await) {
        assert!(page.body.contains(&path), "{path}");
    }
    assert!(page.body.len() < 60_000, "{}", page.body.len());
}
