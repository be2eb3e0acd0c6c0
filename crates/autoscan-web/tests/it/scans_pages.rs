//! The overview, the list of scans and one scan, as a browser gets them.

use std::time::Duration;

use autoscan_core::change::Change;
use autoscan_core::delivery::{Delivery, DeliveryState};
use autoscan_core::name::Name;
use autoscan_core::path::{LocalPath, TriggerPath};
use autoscan_core::ports::{Absorb, Batch, Hold, HoldUntil, Start, Store, StoreError};
use autoscan_core::scan::{Quiet, ScanId, ScanState, StoredChange};
use autoscan_core::time::Timestamp;

use crate::browser::{Browser, value_of};
use crate::harness::{Harness, KEYED, Reply};
use crate::html;

/// What a page may weigh, in bytes.
const LARGEST: usize = 60 << 10;
/// What must never reach a page as it is.
const SLY: &str = "<script>alert(1)</script>\"'&\u{202e}\u{7}\u{1b}[31m\u{2066}\u{2028}";

const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// A waiting scan of a folder with changed files, which their sender knows by the paths that the map of the trigger says.
async fn reported(harness: &Harness, folder: &str, files: &[&str], trigger: &str) -> ScanId {
    let sent_folder = folder.replace("/mnt/tv", "/tv");
    let change = |file: &&str| StoredChange {
        change: Change::created(LocalPath::parse(&format!("{folder}/{file}")).unwrap()),
        trigger: name(trigger),
        received_at: START,
        targets: None,
        sent_path: Some(TriggerPath::parse(&format!("{sent_folder}/{file}")).unwrap()),
    };
    let folder = Absorb {
        folder: LocalPath::parse(folder).unwrap(),
        priority: 0,
        quiet: Quiet { minimum_age: Duration::from_secs(10), maximum_wait: Duration::from_mins(2) },
        changes: files.iter().map(change).collect(),
    };
    let batch = Batch { received_at: START, folders: vec![folder], ..Batch::default() };
    harness.store.absorb(batch.into()).await.unwrap().scans[0]
}

/// The scan started, with these deliveries.
async fn started(harness: &Harness, id: ScanId, deliveries: Vec<Delivery>) {
    let scan = harness.store.show(id).await.unwrap().unwrap();
    let start = Start {
        scan: id,
        generation: scan.generation,
        tell: scan.folder,
        deliveries,
        note: None,
        steps: Vec::new(),
    };
    assert_eq!(harness.store.start(vec![start], START + Duration::from_secs(10)).await.unwrap(), [id]);
}

fn delivery(target: &str, state: DeliveryState, error: &str) -> Delivery {
    let seen = state == DeliveryState::Seen;
    Delivery {
        state,
        attempts: 2,
        next_attempt_at: matches!(state, DeliveryState::Waiting | DeliveryState::Held).then_some(START),
        sent_at: Some(START + Duration::from_secs(10)),
        seen_at: seen.then_some(START + Duration::from_secs(22)),
        error: (!error.is_empty()).then(|| error.to_owned()),
        note: seen.then(|| "the file was analysed".to_owned()),
        ..Delivery::new(name(target), START)
    }
}

/// Scans in every state: 1 done, 2 and 3 need attention, 4 runs, 5 is held, 6 waits.
async fn busy_harness() -> Harness {
    let harness = Harness::new(|_| ());
    let done = reported(&harness, "/mnt/tv/Done/Season 01", &["a.mkv", "b.mkv"], "sonarr").await;
    started(&harness, done, vec![delivery("plex", DeliveryState::Seen, "")]).await;
    for folder in ["/mnt/tv/Lost/Season 02", "/mnt/tv/Lost/Season 03"] {
        let lost = reported(&harness, folder, &["a.mkv"], "sonarr").await;
        let error = format!("plex does not show \"{folder}/a.mkv\" after 15m");
        started(&harness, lost, vec![delivery("plex", DeliveryState::Missing, &error)]).await;
    }
    let runs = reported(&harness, "/mnt/tv/Runs", &["a.mkv"], "manual").await;
    started(&harness, runs, vec![delivery("plex", DeliveryState::Waiting, "")]).await;
    let held = reported(&harness, "/mnt/remote/Held", &["a.mkv"], "sonarr").await;
    let reason = "the anchor \"/mnt/remote/.mounted\" is not there";
    let back = Hold {
        scan: held,
        generation: 1,
        until: HoldUntil::Time(START + Duration::from_mins(5)),
        deliveries: vec![delivery("plex", DeliveryState::Held, reason)],
        note: Some(reason.to_owned()),
        steps: Vec::new(),
    };
    harness.store.hold(vec![back]).await.unwrap();
    reported(&harness, "/mnt/tv/Waits", &["a.mkv"], "sonarr").await;
    harness
}

/// A page that is there, sound and not too large.
async fn page(browser: &Browser<'_>, uri: &str) -> String {
    let reply = browser.get(uri).await;
    assert_eq!(reply.status, 200, "{uri}: {reply:?}");
    assert!(reply.body.len() <= LARGEST, "{uri} weighs {}", reply.body.len());
    html::check(&reply.body);
    reply.body
}

/// The numbers of the scans that a page lists, in its order.
fn listed(page: &str) -> Vec<u64> {
    let ids = page.split("/drop\" aria-label=\"Drop scan ").skip(1);
    ids.map(|rest| rest.split('"').next().unwrap().parse().unwrap()).collect()
}

fn holds(page: &str, texts: &[&str]) {
    for text in texts {
        assert!(page.contains(text), "{text:?} is not in {page}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_overview_shows_what_needs_a_person_and_what_is_held() {
    let harness = busy_harness().await;
    let browser = Browser::inside(&harness).await;
    let overview = page(&browser, "/").await;
    holds(
        &overview,
        &[
            "state=attention\"><b>2</b>",
            "state=waiting\"><b>2</b>",
            "state=running\"><b>1</b>",
            "state=done\"><b>1</b>",
            "plex does not show &#34;/mnt/tv/Lost/Season 03/a.mkv&#34; after 15m",
            "aria-label=\"Retry scan 3\"",
            "the anchor &#34;/mnt/remote/.mounted&#34; is not there",
            "<span class=\"above\">/mnt/</span>tv/Runs",
            "<b>sonarr</b>",
            "No events yet",
            "Nothing came in during the last day.",
            "not asked yet",
        ],
    );
    assert!(!overview.contains("No server is told yet") && !overview.contains("All is well"), "{overview}");
    holds(&page(&browser, "/?span=week").await, &["Nothing came in during the last week."]);
}

#[tokio::test(start_paused = true)]
async fn the_overview_says_when_a_sender_was_heard_of_last_and_draws_what_came() {
    let harness = Harness::new(|_| ());
    let event = r#"{"eventType":"Download","paths":["/tv/Show"]}"#;
    assert_eq!(harness.post("/triggers/sonarr", event).await.status, 200);
    let browser = Browser::inside(&harness).await;
    let overview = page(&browser, "/").await;
    holds(
        &overview,
        &[
            "last event <time datetime=\"2026-01-01T00:00:00.000Z\"",
            "(Download)",
            "All is well: nothing is held, and nothing needs you.",
            "<rect x=",
            "<desc id=\"activity-desc\">In the last day: 1 change, 0 scans finished",
            "No file was seen at a target during the last day.",
            "<th scope=\"row\">2026-01-01 00:00</th><td class=\"number\">1</td>",
        ],
    );
    tokio::time::advance(Duration::from_hours(73)).await;
    holds(&page(&browser, "/").await, &["silent for 3 days"]);
}

#[tokio::test(start_paused = true)]
async fn a_program_without_a_server_leads_to_the_setup() {
    let harness = Harness::without_targets();
    let overview = page(&Browser::inside(&harness).await, "/").await;
    holds(&overview, &["No server is told yet", "href=\"/setup\">Add a server</a>"]);
}

#[tokio::test(start_paused = true)]
async fn scans_are_listed_newest_first_and_by_every_filter() {
    let harness = busy_harness().await;
    let browser = Browser::inside(&harness).await;
    for (uri, scans) in [
        ("/scans", vec![6, 5, 4, 3, 2, 1]),
        ("/scans?state=attention", vec![3, 2]),
        ("/scans?state=waiting", vec![6, 5]),
        ("/scans?state=done&target=plex", vec![1]),
        ("/scans?target=broken", vec![]),
        ("/scans?trigger=manual", vec![4]),
        ("/scans?q=season+0", vec![3, 2, 1]),
        ("/scans?q=%3Cb%3E", vec![]),
        ("/scans?reason=does+not+show", vec![3, 2]),
        ("/scans?before=3", vec![2, 1]),
        ("/scans?state=nonsense&target=%00&before=x&unknown=1", vec![6, 5, 4, 3, 2, 1]),
    ] {
        assert_eq!(listed(&page(&browser, uri).await), scans, "{uri}");
    }
    let all = page(&browser, "/scans").await;
    holds(
        &all,
        &[
            "<span class=\"badge bad\">needs attention</span>",
            "plex <b>seen</b>",
            "<td data-label=\"Visible after\">22 s</td>",
            "2 changes · sonarr",
            "the anchor &#34;/mnt/remote/.mounted&#34; is not there",
        ],
    );
    holds(&page(&browser, "/scans?q=%3Cb%3E").await, &["value=\"&#60;b&#62;\"", "No scan fits."]);
}

#[tokio::test(start_paused = true)]
async fn pages_of_scans_follow_each_other_and_keep_the_filter() {
    let harness = Harness::new(|_| ());
    for folder in 0..120 {
        reported(&harness, &format!("/mnt/tv/Show {folder}"), &["a.mkv"], "sonarr").await;
    }
    let browser = Browser::inside(&harness).await;
    let (mut uri, mut seen) = ("/scans?q=show".to_owned(), Vec::new());
    loop {
        let found = page(&browser, &uri).await;
        seen.extend(listed(&found));
        let Some((before, _)) = found.split_once("\" rel=\"next\"") else { break };
        uri = before.rsplit('"').next().unwrap().replace("&#38;", "&");
        assert!(uri.contains("q=show") && uri.contains("before="), "{uri}");
    }
    assert_eq!(seen, (1..=120).rev().collect::<Vec<_>>());
    holds(&page(&browser, &uri).await, &["href=\"/scans?q=show\">Newest</a>"]);
}

#[tokio::test(start_paused = true)]
async fn one_scan_shows_its_way_its_changes_and_its_deliveries() {
    let harness = busy_harness().await;
    let browser = Browser::inside(&harness).await;
    let done = page(&browser, "/scans/1").await;
    holds(
        &done,
        &[
            "<h1>Scan 1</h1>",
            "/mnt/tv/Done/Season 01",
            "<b>received</b>",
            "/tv/Done/Season 01/a.mkv",
            "<b>mapped</b>",
            "<b>sent to</b> <b>plex</b>",
            "<b>seen at</b> <b>plex</b>",
            "the file was analysed",
            "<td data-label=\"Visible after\">22 s</td>",
            "<td data-label=\"Trigger\">sonarr</td>",
        ],
    );
    assert!(!done.contains("/scans/1/retry"), "what is done is not tried again: {done}");
    holds(&page(&browser, "/scans/2").await, &["<b>missing at</b> <b>plex</b>", "/scans/2/retry"]);
    holds(&page(&browser, "/scans/5").await, &["the anchor &#34;/mnt/remote/.mounted&#34; is not there"]);
}

#[tokio::test(start_paused = true)]
async fn a_scan_is_tried_again_and_the_page_says_so_where_the_button_was() {
    let harness = busy_harness().await;
    let browser = Browser::inside(&harness).await;
    let reply = browser.send("/scans/2/retry", &[("back", "/scans?state=attention")]).await;
    assert_eq!(reply.header("location"), "/scans?state=attention");
    let list = browser.follow(&reply).await.body;
    holds(&list, &["Scan 2 of /mnt/tv/Lost/Season 02 is tried again."]);
    assert_eq!(listed(&list), [3]);
    assert_eq!(browser.send("/scans/99/retry", &[]).await.status, 404);
    assert_eq!(browser.send("/scans/2/retry", &[("back", "//evil.example")]).await.header("location"), "/");
}

#[tokio::test(start_paused = true)]
async fn all_scans_of_one_reason_are_tried_again_at_once() {
    let harness = busy_harness().await;
    let other = reported(&harness, "/mnt/tv/Other", &["a.mkv"], "sonarr").await;
    started(&harness, other, vec![delivery("plex", DeliveryState::Failed, "the key was rejected")]).await;
    let browser = Browser::inside(&harness).await;
    let list = page(&browser, "/scans?state=attention").await;
    holds(&list, &["<b>2 scans</b>", "<b>1 scan</b>", "the key was rejected"]);
    let reason = value_of(&list, "reason");
    assert_eq!(reason, "plex does not show");
    let fields = [("reason", reason.as_str()), ("of", "plex"), ("back", "/scans?state=attention")];
    let reply = browser.send("/scans/retry", &fields).await;
    let list = browser.follow(&reply).await.body;
    holds(&list, &["2 scans are tried again."]);
    assert_eq!(listed(&list), [7]);
    let again = browser.send("/scans/retry", &fields).await;
    holds(&browser.follow(&again).await.body, &["No such scan needs attention any more."]);
    let all = browser.send("/scans/retry", &[("back", "/scans?q=other")]).await;
    holds(&browser.follow(&all).await.body, &["1 scan is tried again."]);
}

#[tokio::test(start_paused = true)]
async fn a_scan_is_dropped_only_after_a_second_question() {
    let harness = busy_harness().await;
    let browser = Browser::inside(&harness).await;
    let question = page(&browser, "/scans/6/drop").await;
    holds(&question, &["Drop scan 6?", "/mnt/tv/Waits", "It is not finished", "Keep it"]);
    holds(&page(&browser, "/scans/1/drop").await, &["It leaves the history."]);
    assert_eq!(harness.scans().await.len(), 6, "a look at the question changes nothing");
    let reply = browser.send("/scans/6/drop", &[("back", "/scans")]).await;
    let list = browser.follow(&reply).await.body;
    holds(&list, &["Scan 6 is forgotten."]);
    assert_eq!(listed(&list), [5, 4, 3, 2, 1]);
    assert_eq!(browser.send("/scans/6/drop", &[]).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_tried_again_or_dropped_without_the_token_of_the_session() {
    let harness = busy_harness().await;
    let browser = Browser::inside(&harness).await;
    for uri in ["/scans/2/retry", "/scans/2/drop", "/scans/retry"] {
        assert_eq!(browser.send_raw(uri, "csrf=guess&back=/").await.status, 403, "{uri}");
    }
    for uri in ["/", "/scans", "/scans/1", "/scans/1/drop"] {
        assert_eq!(harness.ask("GET", uri, &[], "").await.status, 303, "{uri}");
    }
    assert_eq!(harness.scans().await.len(), 6);
}

/// Nothing of [`SLY`] may stand in a page as it is.
fn is_tame(page: &str) {
    assert!(!page.contains("<script>alert"), "{page}");
    for sly in ["\u{202e}", "\u{7}", "\u{1b}", "\u{2066}", "\u{2028}"] {
        assert!(!page.contains(sly), "{sly:?} is in {page}");
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_comes_from_outside_is_shown_and_does_nothing() {
    let harness = Harness::new(|_| ());
    // Paths hold no control characters: they are refused at the door.
    let folder = format!("/mnt/{}", SLY.replace(char::is_control, "").replace('/', "|"));
    let lost = reported(&harness, &folder, &["a\u{202e}<b>.mkv"], "sonarr").await;
    started(
        &harness,
        lost,
        vec![Delivery {
            note: Some(format!("note {SLY}")),
            ..delivery("plex", DeliveryState::Failed, &format!("error {SLY}"))
        }],
    )
    .await;
    let held = reported(&harness, &format!("{folder}2"), &["b.mkv"], "sonarr").await;
    let back = Hold {
        scan: held,
        generation: 1,
        until: HoldUntil::Time(START + Duration::from_mins(5)),
        deliveries: vec![delivery("plex", DeliveryState::Held, &format!("held {SLY}"))],
        note: Some(format!("reason {SLY}")),
        steps: Vec::new(),
    };
    harness.store.hold(vec![back]).await.unwrap();
    let event = serde_json::json!({ "eventType": SLY, "paths": ["/tv/x"] });
    assert_eq!(harness.post("/triggers/sonarr", &event.to_string()).await.status, 200);
    let browser = Browser::inside(&harness).await;
    for uri in
        ["/", "/scans", "/scans?state=attention", "/scans/1", "/scans/2", "/scans/1/drop", "/scans/2/drop"]
    {
        let shown = page(&browser, uri).await;
        is_tame(&shown);
        holds(&shown, &["&#60;script&#62;alert(1)", "\\u{202e}"]);
    }
    holds(&page(&browser, "/scans/1").await, &["error &#60;script", "note &#60;script", "\\u{1b}[31m"]);
    let reply = browser.send("/scans/1/retry", &[("back", "/scans")]).await;
    let said = browser.follow(&reply).await.body;
    is_tame(&said);
    holds(&said, &["is tried again."]);
}

#[tokio::test(start_paused = true)]
async fn a_page_full_of_the_longest_names_stays_small() {
    let harness = Harness::new(|_| ());
    let targets: Vec<String> = (0..8).map(|at| format!("{at}{}", "中".repeat(63))).collect();
    for at in 0..60 {
        let folder = format!("/mnt/{at}{}", "/&<\"'中".repeat(440));
        let files: Vec<String> = (0..30).map(|file| format!("{file}{}", "&".repeat(200))).collect();
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let id = reported(&harness, &folder, &files, &"s".repeat(64)).await;
        let error = "\"&<>".repeat(2000);
        let failed = |target: &String| delivery(target, DeliveryState::Failed, &error);
        started(&harness, id, targets.iter().map(failed).collect()).await;
    }
    let browser = Browser::inside(&harness).await;
    assert_eq!(listed(&page(&browser, "/scans").await).len(), 50);
    for uri in ["/", "/?span=week", "/scans?state=attention", "/scans/60", "/scans/60/drop"] {
        page(&browser, uri).await;
    }
}

/// What a browser says that it understands.
const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

async fn ask(harness: &Harness, uri: &str, header: (&str, &str)) -> Reply {
    harness.ask("GET", uri, &[header, KEYED[0]], "").await
}

#[tokio::test(start_paused = true)]
async fn a_browser_gets_a_page_of_what_is_not_there_and_a_program_gets_json() {
    let harness = Harness::open();
    let browser = Browser::let_in(&harness).await;
    for uri in ["/scans/99", "/scans/x", "/scans/1/2/3", "/targets/nothing/here"] {
        let reply = browser.get_with(uri, BROWSER).await;
        assert_eq!((reply.status, reply.header("content-type")), (404, "text/html; charset=utf-8"), "{uri}");
        html::check(&reply.body);
        holds(&reply.body, &["<h1>Nothing here</h1>", "To the overview"]);
        assert!(reply.header("content-security-policy").contains("default-src 'none'"), "{reply:?}");
        assert_eq!(browser.get(uri).await.code(), "NOT_FOUND", "{uri}");
    }
    for uri in ["/nothing", "/api/v1/nothing", "/api/v1/scans/99", "/scans2/a"] {
        assert_eq!(ask(&harness, uri, BROWSER).await.code(), "NOT_FOUND", "{uri}");
    }
    is_tame(&browser.get_with("/scans/%3Cscript%3Ealert(1)%3C%2Fscript%3E%E2%80%AE", BROWSER).await.body);
}

#[tokio::test(start_paused = true)]
async fn a_browser_sees_a_failure_in_words_and_no_more_than_a_program_does() {
    let harness = Harness::open();
    let browser = Browser::let_in(&harness).await;
    harness.store.fail(Some(StoreError::Broken("secret detail".to_owned())));
    for uri in ["/", "/scans", "/scans/1"] {
        let reply = browser.get_with(uri, BROWSER).await;
        assert_eq!(reply.status, 500, "{uri}");
        html::check(&reply.body);
        holds(&reply.body, &["<h1>Something broke</h1>", "Internal server error."]);
        assert!(!reply.body.contains("secret detail"), "{reply:?}");
        assert_eq!(browser.get(uri).await.code(), "INTERNAL", "{uri}");
    }
    harness.store.fail(Some(StoreError::Closed));
    let reply = browser.get_with("/scans", BROWSER).await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, "10"), "{reply:?}");
}

/// A harness with two scans that reached nobody: one that its targets skipped, and one that no target takes. Their state is
/// pretended: what makes it is the store's.
async fn harness_that_reached_nobody() -> Harness {
    let harness = Harness::new(|_| ());
    let skipped = reported(&harness, "/mnt/books/New", &["a.epub"], "sonarr").await;
    let error = "no library of plex contains \"/mnt/books/New\"; compared with \"/mnt/tv\"";
    started(&harness, skipped, vec![delivery("plex", DeliveryState::Skipped, error)]).await;
    let unwanted = reported(&harness, "/mnt/other/New", &["a.iso"], "manual").await;
    started(&harness, unwanted, Vec::new()).await;
    harness.store.pretend(|scan| scan.state = ScanState::Attention);
    harness
}

#[tokio::test(start_paused = true)]
async fn a_scan_that_reached_nobody_says_so_wherever_it_is_shown() {
    let harness = harness_that_reached_nobody().await;
    let browser = Browser::inside(&harness).await;
    let why = "No server was told: plex: no library of plex contains &#34;/mnt/books/New&#34;";
    let unwanted = "No server was told: no target takes this folder";
    holds(&page(&browser, "/").await, &[why, unwanted]);
    assert!(!page(&browser, "/").await.contains("All is well"));
    holds(
        &page(&browser, "/scans?state=attention").await,
        &[why, unwanted, "Retry all of this reason", "No server was told: <b>plex:</b>"],
    );
    let skipped = page(&browser, "/scans/1").await;
    holds(
        &skipped,
        &[
            "<b>No server was told.</b> No library of your servers contains",
            ">Retry<",
            "Ignore this folder from now on",
            "sonarr",
        ],
    );
    holds(
        &page(&browser, "/scans/2").await,
        &["<b>No server was told.</b> No target takes", ">Retry<", "Ignore this folder from now on"],
    );

    let health = harness.get("/health/detailed").await.json();
    assert_eq!((&health["status"], &health["no_server_told"]), (&"degraded".into(), &2.into()));
    let figures = harness.ask("GET", "/metrics", &[], "").await.body;
    holds(&figures, &["\nautoscan_scans_no_server_told 2\n"]);
}

#[tokio::test(start_paused = true)]
async fn a_scan_that_one_server_has_is_no_scan_that_reached_nobody() {
    let harness = busy_harness().await;
    let browser = Browser::inside(&harness).await;
    for scan in 1..=6 {
        assert!(!page(&browser, &format!("/scans/{scan}")).await.contains("No server was told"), "{scan}");
    }
    let health = harness.get("/health/detailed").await.json();
    assert_eq!((&health["status"], &health["no_server_told"]), (&"healthy".into(), &0.into()));
}

#[tokio::test(start_paused = true)]
async fn a_trigger_whose_last_request_was_refused_says_so_and_is_not_silent() {
    let harness = Harness::new(|_| ());
    let browser = Browser::inside(&harness).await;
    harness.ask("POST", "/triggers/sonarr", &[("x-api-key", "wrong")], "{}").await;
    for uri in ["/", "/triggers"] {
        let shown = page(&browser, uri).await;
        holds(&shown, &[">rejected</span>", "The credentials are missing or wrong"]);
    }
    let trigger = |json: serde_json::Value| json["triggers"][1].clone();
    let refused = trigger(harness.get("/api/v1/triggers").await.json());
    assert!(refused["last_refused_at"].is_string() && refused["last_event_at"].is_null(), "{refused}");
    assert!(refused["last_refusal"].as_str().unwrap().starts_with("The credentials are"), "{refused}");

    tokio::time::advance(Duration::from_secs(1)).await;
    harness.post("/triggers/sonarr", r#"{"eventType":"Test"}"#).await;
    assert!(!page(&browser, "/").await.contains("rejected"), "the last request was taken");
    tokio::time::advance(Duration::from_secs(1)).await;
    harness.ask("POST", "/triggers/sonarr", &[("x-api-key", "wrong")], "{}").await;
    holds(&page(&browser, "/").await, &[">rejected</span>"]);
}
