use autoscan_core::secret::Secret;

use crate::browser::Browser;
use crate::harness::{Harness, PASSWORD, Reply, SERVER_PASS};

const URI: &str = "/manual-scan";

async fn preview(browser: &Browser<'_>, paths: &str) -> Reply {
    browser.send(URI, &[("paths", paths), ("step", "preview")]).await
}

#[tokio::test]
async fn the_preview_tells_the_way_of_each_path_and_scans_nothing() {
    let harness = Harness::new(|_| ());
    let browser = Browser::inside(&harness).await;
    let page = preview(&browser, "/tv/Show\ntv/relative\n/tv/../etc\n/tv/a/.DS_Store\n/tv/Show/\n\n").await;
    assert_eq!(page.status, 422, "two paths are refused: {page:?}");
    for expected in [
        "<code>/mnt/tv/Show</code>",
        "by the map /tv → /mnt/tv",
        "would be scanned",
        "<span class=\"badge bad\">nothing</span> Broken does not answer.",
        "is not absolute",
        "climbs with &#39;..&#39;",
        "left out",
        "1 line said the same as one before",
        "Scan now",
    ] {
        assert!(page.body.contains(expected), "{expected}: {}", page.body);
    }
    assert_eq!(page.body.matches("<article").count(), 4, "{}", page.body);
    assert!(harness.scans().await.is_empty());
}

#[tokio::test]
async fn what_is_believed_is_sent_and_the_rest_is_said() {
    let harness = Harness::new(|_| ());
    let browser = Browser::inside(&harness).await;
    let fields = [("paths", "/tv/A\n/tv/B\r\n/tv/A\n/tv/../etc"), ("target", "plex"), ("step", "scan")];
    let reply = browser.send(URI, &fields).await;
    assert_eq!((reply.status, reply.header("location")), (303, "/manual-scan?scans=1,2"));
    assert_eq!(harness.folders().await, ["/mnt/tv/B", "/mnt/tv/A"]);
    let targets = harness.scans().await[0].changes[0].targets.clone().unwrap();
    assert_eq!(targets.iter().map(ToString::to_string).collect::<Vec<_>>(), ["plex"]);
    let page = browser.follow(&reply).await;
    for expected in [
        "2 changes in 2 folders are stored; refused",
        "climbs",
        "href=\"/scans/1\"",
        "2 waiting",
        "data-live=\"scan\"",
    ] {
        assert!(page.body.contains(expected), "{expected}: {}", page.body);
    }
}

#[tokio::test]
async fn paths_may_be_those_that_another_trigger_sees() {
    let harness = Harness::new(|_| ());
    let browser = Browser::inside(&harness).await;
    let fields = [("paths", "/tv/A"), ("eyes", "sonarr"), ("step", "scan")];
    assert_eq!(browser.send(URI, &fields).await.status, 303);
    let scan = &harness.scans().await[0];
    assert_eq!((scan.folder.as_str(), scan.changes[0].trigger.as_str()), ("/mnt/tv/A", "manual"));
    let unknown = browser.send(URI, &[("paths", "/tv/B"), ("eyes", "gone"), ("step", "scan")]).await;
    assert_eq!((unknown.status, harness.scans().await.len()), (422, 1));
}

#[tokio::test]
async fn when_nothing_can_be_sent_the_page_says_why_and_keeps_the_text() {
    let harness = Harness::new(|_| ());
    let browser = Browser::inside(&harness).await;
    let many = (0..501).fold(String::new(), |all, number| all + &format!("/tv/{number}\n"));
    for (paths, target, status, expected) in [
        ("tv/relative", "plex", 422, "Nothing is stored; refused"),
        ("/tv/.DS_Store", "plex", 200, "Nothing is to be scanned; left out"),
        (" \n\n", "plex", 422, "Write at least one path"),
        (&many, "plex", 422, "501 paths are too many at once"),
        ("/tv/A", "gone", 422, "There is no target gone"),
    ] {
        let reply = browser.send(URI, &[("paths", paths), ("target", target), ("step", "scan")]).await;
        assert_eq!(reply.status, status, "{expected}");
        assert!(reply.body.contains(expected), "{expected}: {}", reply.body);
        let first = paths.lines().next().unwrap().trim();
        assert!(reply.body.contains(first), "{}", reply.body);
    }
    assert!(harness.scans().await.is_empty());
}

#[tokio::test]
async fn five_hundred_paths_are_sent_at_once() {
    let harness = Harness::new(|_| ());
    let browser = Browser::inside(&harness).await;
    let many = (0..500).fold(String::new(), |all, number| all + &format!("/tv/{number}\n"));
    let page = preview(&browser, &many).await;
    assert!(page.body.contains("450 more paths are sent without a look at each"), "{}", page.body);
    let reply = browser.send(URI, &[("paths", &many), ("step", "scan")]).await;
    assert_eq!(reply.status, 303);
    assert_eq!(harness.scans().await.len(), 500);
    let page = browser.follow(&reply).await;
    assert!(page.body.contains("500 waiting") && page.body.contains("400 more are"), "{}", page.body);
}

#[tokio::test]
async fn looking_never_scans_and_a_form_without_its_token_does_nothing() {
    let harness = Harness::new(|_| ());
    let browser = Browser::inside(&harness).await;
    let page = browser.get("/manual-scan?path=/tv/A&paths=/tv/B&step=scan").await;
    assert!(page.status == 200 && page.body.contains(">/tv/A</textarea>"), "{}", page.body);
    let headers = [("cookie", browser.cookie()), ("content-type", "application/x-www-form-urlencoded")];
    for body in ["paths=/tv/A&step=scan", "csrf=&paths=/tv/A&step=scan", "csrf=0000&paths=/tv/A&step=scan"] {
        let reply = harness.ask("POST", URI, &headers, body).await;
        assert_eq!((reply.status, reply.code().as_str()), (403, "CSRF"), "{body}");
    }
    assert_eq!(harness.ask("POST", URI, &[], "paths=/tv/A&step=scan").await.status, 401);
    for page in [URI, "/manual-scan/browse", "/triggers"] {
        let led = harness.ask("GET", page, &[], "").await;
        assert!(led.status == 303 && led.header("location").starts_with("/login?next="), "{led:?}");
    }
    assert!(harness.scans().await.is_empty());
}

#[tokio::test]
async fn names_are_shown_escaped_wherever_they_stand() {
    let harness = Harness::new(|_| ());
    let browser = Browser::inside(&harness).await;
    let sly = "/tv/</textarea><script>alert(1)</script>/\u{202e}gpj.\"onload=x";
    let page = preview(&browser, sly).await;
    assert!(page.body.contains("would be scanned"), "{}", page.body);
    let refused = preview(&browser, "/tv/<script>\u{1b}[31m\u{85}\u{7}").await;
    let reply = browser.send(URI, &[("paths", sly), ("step", "scan")]).await;
    let asked = browser.follow(&reply).await;
    for (what, page) in [("preview", &page), ("refused", &refused), ("asked", &asked)] {
        assert!(!page.body.contains("<script>") && !page.body.contains("\"onload"), "{what}: {}", page.body);
    }
    // The text of the form is kept as it is, or another file would be sent; everywhere else it is shown harmless.
    let shown = page.body.rsplit_once("</textarea>").unwrap().1;
    assert!(!shown.contains('\u{202e}') && shown.contains("\\u{202e}"), "{shown}");
    assert!(!asked.body.contains('\u{202e}') && asked.body.contains("\\u{202e}"), "{}", asked.body);
    let shown = refused.body.rsplit_once("</textarea>").unwrap().1;
    assert!(!shown.chars().any(|each| each.is_control() && each != '\n'), "{shown}");
    assert_eq!(harness.scans().await[0].folder.as_str(), sly.replace("/tv/", "/mnt/tv/"));
}

#[tokio::test]
async fn folders_are_shown_below_the_roots_and_lead_to_the_preview() {
    let harness = Harness::new(|_| ());
    for folder in ["/mnt/tv/Show 10", "/mnt/tv/Show 2", "/mnt/tv/<b>\u{202e}&\"", "/mnt/tv/Show 2/Season 1"] {
        harness.files.make_folder(folder);
    }
    harness.files.make_odd_folder("/mnt/tv", "caf\u{fffd}\u{7}");
    let browser = Browser::inside(&harness).await;
    let roots = browser.get("/manual-scan/browse").await;
    for expected in [
        "href=\"?folder=%2Fmnt%2Ftv\"",
        "the map of manual",
        "&#34;Shows&#34; of plex",
        "Broken did not say its libraries",
    ] {
        assert!(roots.body.contains(expected), "{expected}: {}", roots.body);
    }
    let page = browser.get("/manual-scan/browse?folder=%2Fmnt%2Ftv").await;
    let at = |text: &str| page.body.find(text).unwrap_or_else(|| panic!("{text}: {}", page.body));
    assert!(at("value=\"/mnt/tv/Show 2\"") < at("value=\"/mnt/tv/Show 10\""));
    at(
        "<a class=\"path\" href=\"?folder=%2Fmnt%2Ftv%2F%3Cb%3E%E2%80%AE%26%22\">&#60;b&#62;\\u{202e}&#38;&#34;</a>",
    );
    at("caf\u{fffd}\\u{7}</span> <span class=\"muted small\">its name is no text");
    let filtered = browser.get("/manual-scan/browse?folder=/mnt/tv&q=show&from=1").await;
    assert!(
        filtered.body.contains("2 to 2 of 2") && !filtered.body.contains("Show 2\""),
        "{}",
        filtered.body
    );
    let chosen = browser.send(URI, &[("paths", "/mnt/tv/Show 2")]).await;
    assert!(chosen.body.contains("would be scanned") && harness.scans().await.is_empty(), "{}", chosen.body);
}

#[tokio::test]
async fn no_address_leads_out_of_the_roots() {
    let harness = Harness::new(|_| ());
    for folder in ["/mnt/tv/Show", "/mnt/tv2/private", "/etc/secret"] {
        harness.files.make_folder(folder);
    }
    harness.files.link("/mnt/tv/out", "/etc");
    let browser = Browser::inside(&harness).await;
    let long = format!("/mnt/tv/{}", "x".repeat(5000));
    for (folder, status) in [
        ("/", 403),
        ("/etc", 403),
        ("/mnt", 403),
        ("/mnt/tv2", 403),
        ("/mnt/tv2/private", 403),
        ("/mnt/tv/out", 403),
        ("/mnt/tv/out/secret", 403),
        ("%2Fetc%2Fsecret", 403),
        ("/mnt/tv/%252e%252e/%252e%252e/etc", 404),
        ("/mnt/tv/..", 400),
        ("/mnt/tv/../../etc", 400),
        ("/mnt/tv/%2e%2e/tv2", 400),
        ("/mnt/tv/%2e%2e%2ftv2", 400),
        ("..", 400),
        ("etc", 400),
        ("file:///etc", 400),
        ("/mnt/tv%00/etc", 400),
        ("/mnt/tv/%0a/etc", 400),
        ("C:%5Cmnt%5Ctv", 403),
        ("%5C%5Chost%5Cshare", 403),
        ("/mnt/tv/%ff", 400),
        (&long, 400),
        ("/mnt/tv/Show", 200),
        ("//mnt//tv/./Show/", 200),
    ] {
        let reply = browser.get(&format!("/manual-scan/browse?folder={folder}")).await;
        assert_eq!(reply.status, status, "{folder}: {}", reply.body);
        assert!(!reply.body.contains("private") || folder.contains("private"), "{folder}");
        assert!(!reply.body.contains("value=\"/etc"), "{folder}");
    }
}

#[tokio::test]
async fn the_triggers_page_says_what_to_paste_and_keeps_every_secret() {
    let harness = Harness::new(|web| web.base_url = "/autoscan".to_owned());
    let browser = Browser::inside(&harness).await;
    harness
        .ask(
            "POST",
            "/triggers/sonarr",
            &[("x-api-key", crate::harness::API_KEY)],
            "{\"eventType\":\"<i>Test\"}",
        )
        .await;
    let page = browser.get("/triggers").await;
    for expected in [
        "http://&#60;this machine&#62;:3030/autoscan/triggers/sonarr</code>",
        "http://&#60;this machine&#62;:3030/autoscan/triggers/sonarr/…</code>",
        "Settings → &#60;Connect&#62;",
        "curl -d &#39;&#39; http://&#60;this machine&#62;:3030/autoscan/triggers/sonarr",
        "&#60;i&#62;Test",
        "changes no path",
        "Press Test.",
        "Last heard <time",
        ">autoscan</code>",
    ] {
        assert!(page.body.contains(expected), "{expected}: {}", page.body);
    }
    for secret in [PASSWORD, crate::harness::API_KEY, crate::harness::TOKEN] {
        assert!(!page.body.contains(secret), "{}", page.body);
    }
    assert!(!page.body.contains("/triggers/empty/…"), "an empty token opens nothing");
    let forged =
        harness.ask("GET", "/triggers", &[("cookie", browser.cookie()), ("host", "evil.example")], "").await;
    assert!(forged.status == 200 && !forged.body.contains("evil.example"), "{}", forged.body);
}

#[tokio::test]
async fn the_older_addresses_show_a_form_and_answer_a_browser_in_words() {
    let harness = Harness::new(|web| web.doors.server_pass = Some(Secret::new(SERVER_PASS)));
    let uri = format!("/{SERVER_PASS}");
    let form = harness.ask("GET", &uri, &[], "").await;
    assert!(form.body.contains("name=\"filepath\"") && form.body.contains("/assets/style"), "{}", form.body);
    assert!(!form.body.contains(SERVER_PASS) && !form.body.contains("Log out"), "{}", form.body);
    assert_eq!(form.header("referrer-policy"), "same-origin");
    let browser = [
        ("accept", "text/html,application/xhtml+xml"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let sent = harness.ask("POST", &uri, &browser, "eventType=Manual&filepath=/tv/A").await;
    assert!(sent.status == 200 && sent.body.contains("1 change in 1 folder is stored."), "{sent:?}");
    let refused = harness.ask("POST", &uri, &browser, "eventType=Manual&filepath=<b>").await;
    assert!(refused.status == 422 && refused.body.contains("&#60;b&#62;"), "{refused:?}");
    let program = harness.ask("POST", &uri, &[browser[1]], "eventType=Manual&filepath=/tv/B").await;
    assert_eq!(program.message(), "1 change in 1 folder is stored");
    let manual = harness.get("/triggers/manual").await;
    assert!(manual.body.contains("name=\"path\"") && !manual.body.contains("eventType"), "{}", manual.body);
    assert_eq!(harness.scans().await.len(), 2);
}

#[tokio::test]
async fn a_path_that_is_refused_is_answered_422_by_the_form() {
    let harness = Harness::new(|_| ());
    let browser = Browser::inside(&harness).await;
    for path in ["/tv/../etc", "../etc", "tv", "/tv/a\u{7}b"] {
        for step in ["", "scan"] {
            let page = browser.send("/manual-scan", &[("paths", path), ("step", step)]).await;
            assert_eq!(page.status, 422, "{path:?} {step}: {page:?}");
        }
    }
    let mixed = browser.send("/manual-scan", &[("paths", "/tv/A\n/tv/../etc"), ("step", "")]).await;
    assert!(mixed.status == 422 && mixed.body.contains("/tv/A"), "{mixed:?}");
    assert_eq!(harness.folders().await, Vec::<String>::new());
    assert_eq!(browser.send("/manual-scan", &[("paths", "/tv/A"), ("step", "")]).await.status, 200);
}
