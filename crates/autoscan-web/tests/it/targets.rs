use std::sync::Arc;

use autoscan_web::{SenderRoot, SenderRoots};

use crate::browser::Browser;
use crate::edit::Editor;
use crate::harness::{Harness, Reply};

/// A Sonarr whose `/anime` has what is in `/mnt/anime` here, and a Radarr that does not answer.
fn senders() -> Editor {
    let names = ["Frieren", "<b>Bold\u{202e}"].map(str::to_owned).to_vec();
    let roots = vec![SenderRoot { path: "/anime".to_owned(), names }];
    let silent = "it rejected the key <i>x</i>".to_owned();
    Editor {
        roots: vec![
            SenderRoots { trigger: "sonarr".to_owned(), folders: Ok(roots) },
            SenderRoots { trigger: "empty".to_owned(), folders: Err(silent) },
        ],
        ..Editor::default()
    }
}

fn harness() -> Harness {
    Harness::new(|web| web.control = Arc::new(senders()))
}

fn holds(page: &Reply, texts: &[&str]) {
    assert_eq!(page.status, 200, "{page:?}");
    for text in texts {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
}

#[tokio::test]
async fn each_target_is_shown_with_its_state_what_it_has_and_where_that_is_here() {
    let harness = harness();
    let page = Browser::inside(&harness).await.get("/targets").await;
    holds(
        &page,
        &[
            "id=\"target-plex\"",
            "http://plex:32400/",
            "Plex Media Server 1.41 answers and lets autoscan in; it has 1 library.",
            "<td class=\"path\" data-label=\"Its folder\">/mnt/tv</td>",
            "does not exist here",
            "it did not say what it has: broken does not answer",
            "wait to be told",
        ],
    );
    assert!(!page.body.contains("Look again"), "there was no look yet");
}

#[tokio::test]
async fn a_test_a_pause_and_its_end_say_what_became_of_them() {
    let harness = harness();
    let browser = Browser::inside(&harness).await;
    for (uri, fields, said) in [
        ("/targets/plex/test", &[][..], "plex: Plex Media Server 1.41 answers and lets autoscan in"),
        ("/targets/broken/test", &[], "broken: broken does not answer."),
        ("/targets/plex/pause", &[("for", "1h")], "plex is told nothing until 20"),
        ("/targets/plex/pause", &[("for", "")], "plex is told nothing until you resume it"),
        ("/targets/plex/resume", &[], "plex goes on."),
    ] {
        let page = browser.follow(&browser.send(uri, fields).await).await;
        holds(&page, &[said, "role=\"status\""]);
        let is_paused = page.body.contains("a person paused this target");
        assert_eq!(is_paused, uri.ends_with("pause"), "{uri}");
        assert_eq!(page.body.contains("action=\"/targets/plex/resume\""), is_paused, "{uri}");
    }
    for (uri, fields, status) in [
        ("/targets/nobody/test", &[][..], 404),
        ("/targets/nobody/pause", &[], 404),
        ("/targets/nobody/resume", &[], 404),
        ("/targets/plex/pause", &[("for", "ever")], 400),
    ] {
        assert_eq!(browser.send(uri, fields).await.status, status, "{uri}");
    }
}

#[tokio::test]
async fn a_map_is_suggested_with_its_evidence_and_leads_to_the_change() {
    let harness = harness();
    let browser = Browser::inside(&harness).await;
    let page = browser.follow(&browser.send("/targets/suggest", &[]).await).await;
    holds(
        &page,
        &[
            "For the trigger sonarr",
            "<b>/anime</b> → <b>/mnt/anime</b>",
            "sonarr&#39;s /anime has &#39;&#60;b&#62;Bold\\u{202e}&#39; and &#39;Frieren&#39;; /mnt/anime here has all 2",
            "empty did not say its folders: it rejected the key &#60;i&#62;x",
            "broken did not say its libraries",
            "1 line for a map can be proposed",
            "Look again",
        ],
    );
    let form = [("of", "trigger"), ("name", "sonarr"), ("from", "/anime"), ("to", "/mnt/anime")];
    holds(&browser.follow(&browser.send("/targets/map", &form).await).await, &["<ins>+ /anime: /mnt/anime"]);
}

#[tokio::test]
async fn the_api_tells_the_same() {
    let harness = harness();
    let before = harness.get("/api/v1/suggestions").await.json();
    assert!(before["looked_at"].is_null() && before["lines"].as_array().unwrap().is_empty(), "{before}");
    let found = harness.post("/api/v1/suggestions", "").await.json();
    assert_eq!(found["lines"][0]["of"]["trigger"], "sonarr", "{found}");
    assert_eq!(
        (&found["lines"][0]["from"], &found["lines"][0]["to"]),
        (&"/anime".into(), &"/mnt/anime".into())
    );
    assert!(found["lines"][0]["evidence"][0].as_str().unwrap().contains("Frieren"), "{found}");
    assert_eq!(found["silent"].as_array().unwrap().len(), 2, "{found}");
    assert_eq!(harness.get("/api/v1/suggestions").await.json(), found);
    assert_eq!(harness.ask("POST", "/api/v1/suggestions", &[], "").await.status, 401);
}

#[tokio::test]
async fn nobody_looks_or_acts_without_being_inside() {
    let harness = harness();
    assert_eq!(harness.ask("GET", "/targets", &[], "").await.status, 303);
    for uri in [
        "/targets/suggest",
        "/targets/map",
        "/targets/plex/test",
        "/targets/plex/pause",
        "/targets/plex/resume",
    ] {
        assert_eq!(harness.ask("POST", uri, &[], "").await.status, 401, "{uri}");
    }
}
