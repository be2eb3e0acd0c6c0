//! What somebody tries who does not belong here, and what becomes of it.

use std::sync::Arc;
use std::time::Duration;

use autoscan_core::secret::Secret;
use autoscan_store::MemoryStore;
use autoscan_testkit::FakeClock;
use autoscan_web::hash_password;

use crate::harness::{API_KEY, Harness, KEYED, PASSWORD, Reply, SERVER_PASS, TOKEN, basic};

const GRAB: &str = r#"{"eventType":"Grab"}"#;

const LOGIN: &str = "username=autoscan&password=p%C3%A4ssw%C3%B6rd";

/// The token of the forms of a page, as this browser sees it.
async fn token(harness: &Harness, uri: &str, cookie: &str) -> (String, String) {
    let page = harness.ask("GET", uri, &[("cookie", cookie)], "").await;
    let token = page.body.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    (cookie_of(&page), token.to_owned())
}

fn cookie_of(reply: &Reply) -> String {
    reply.header("set-cookie").split(';').next().unwrap_or_default().to_owned()
}

async fn is_inside(harness: &Harness, cookie: &str) -> bool {
    harness.ask("GET", "/api/v1/stats", &[("cookie", cookie)], "").await.status == 200
}

/// A harness whose sessions are kept here, with this password and these keys.
fn harness_of(store: &Arc<MemoryStore>, password: &str, keys: &[&str]) -> Harness {
    Harness::new(|web| {
        web.sessions = Arc::clone(store) as Arc<_>;
        web.access.password = Some(Secret::new(password));
        web.access.secret_keys = keys.iter().copied().map(Secret::new).collect();
    })
}

#[tokio::test]
async fn a_form_of_another_site_or_without_its_token_does_nothing() {
    let harness = Harness::new(|_| ());
    let cookie = harness.log_in().await;
    let (_, right) = token(&harness, "/", &cookie).await;
    let other_cookie = harness.log_in().await;
    let (_, of_another) = token(&harness, "/", &other_cookie).await;
    assert_ne!(right, of_another);
    harness.log_out(&other_cookie).await;
    for (headers, token) in [
        (&[("origin", "https://evil.example"), ("host", "nas")][..], right.as_str()),
        (&[("origin", "null"), ("host", "nas")], &right),
        (&[("origin", "http://nas:8096"), ("host", "nas:3030")], &right),
        (&[("sec-fetch-site", "cross-site")], &right),
        (&[("sec-fetch-site", "same-site")], &right),
        (&[("sec-fetch-site", "cross-site"), ("origin", "http://nas"), ("host", "nas")], &right),
        (&[("sec-fetch-site", "same-origin")], ""),
        (&[("sec-fetch-site", "same-origin")], &of_another),
        (&[], ""),
        (&[], &right[..42]),
        (&[], &of_another),
    ] {
        let headers: Vec<_> = headers.iter().copied().chain([("cookie", cookie.as_str())]).collect();
        let reply = harness.ask("POST", "/logout", &headers, format!("csrf={token}")).await;
        assert_eq!((reply.status, reply.code().as_str()), (403, "CSRF"), "{headers:?} {token}");
        assert!(is_inside(&harness, &cookie).await);
    }
    let headers = [("cookie", cookie.as_str()), ("origin", "http://nas"), ("host", "nas")];
    assert_eq!(harness.ask("POST", "/logout", &headers, format!("csrf={right}")).await.status, 303);
    assert!(!is_inside(&harness, &cookie).await);
    // The token of a session that is over opens nothing in the next one.
    let next = harness.log_in().await;
    let stale = harness.ask("POST", "/logout", &[("cookie", &next)], format!("csrf={right}")).await;
    assert_eq!(stale.status, 403);
}

#[tokio::test]
async fn by_a_session_only_our_own_pages_act() {
    let harness = Harness::new(|_| ());
    let cookie = harness.log_in().await;
    let (_, right) = token(&harness, "/", &cookie).await;
    let visit = token(&harness, "/login", "").await.0;
    let mine = ("cookie", cookie.as_str());
    for (method, headers, status) in [
        ("GET", &[mine][..], 200),
        ("GET", &[mine, ("origin", "https://evil.example"), ("host", "nas")], 200),
        ("GET", &[("cookie", &visit)], 401),
        ("GET", &[("cookie", "autoscan_session=s.made-up.made-up")], 401),
        ("GET", &[mine, ("x-api-key", "wrong")], 401),
        ("POST", &[mine], 403),
        ("POST", &[mine, ("x-csrf-token", "wrong")], 403),
        ("POST", &[mine, ("x-csrf-token", &right), ("sec-fetch-site", "cross-site")], 403),
        ("POST", &[mine, ("x-csrf-token", &right), ("origin", "https://evil.example"), ("host", "nas")], 403),
        ("POST", &[("cookie", &visit), ("x-csrf-token", &right)], 401),
        ("POST", &[mine, ("x-csrf-token", &right)], 200),
        ("POST", &[mine, ("x-csrf-token", &right), ("sec-fetch-site", "same-origin")], 200),
        ("POST", &[mine, ("x-api-key", API_KEY), ("sec-fetch-site", "cross-site")], 200),
    ] {
        let uri = if method == "GET" { "/api/v1/stats" } else { "/api/v1/queue/pause" };
        let reply = harness.ask(method, uri, headers, "").await;
        assert_eq!(reply.status, status, "{method} {headers:?}: {reply:?}");
        assert!(status != 403 || reply.code() == "CSRF");
        let asks = status == 401 && headers.iter().all(|(name, _)| *name != "cookie");
        assert_eq!(reply.header("www-authenticate").is_empty(), !asks, "a page is not interrupted");
    }
    let basic = basic(format!("autoscan:{PASSWORD}"));
    let forged = [("authorization", basic.as_str()), ("origin", "http://evil.example"), ("host", "nas")];
    assert_eq!(harness.ask("POST", "/api/v1/queue/pause", &forged, "").await.status, 403);
    let metrics = Harness::new(|web| web.metrics_need_auth = true);
    let cookie = metrics.log_in().await;
    assert_eq!(metrics.ask("GET", "/metrics", &[("cookie", &cookie)], "").await.status, 200);
    assert_eq!(metrics.ask("GET", "/metrics", &[], "").await.status, 401);
}

#[tokio::test]
async fn a_cookie_that_was_planted_before_the_login_is_worth_nothing_after_it() {
    let harness = Harness::new(|_| ());
    let (planted, csrf) = token(&harness, "/login", "").await;
    let form = format!("csrf={csrf}&{LOGIN}");
    let reply = harness.ask("POST", "/login", &[("cookie", &planted)], form).await;
    assert_eq!(reply.status, 303);
    let set = reply.header("set-cookie");
    assert!(set.ends_with("; HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000"), "{set}");
    assert!(!set.contains("Secure"), "{set}");
    let fresh = cookie_of(&reply);
    assert_ne!(fresh, planted);
    assert!(is_inside(&harness, &fresh).await && !is_inside(&harness, &planted).await);
    // Nor is one that nobody signed, or that was signed for something else.
    for made_up in [fresh.replace("=s.", "=v."), planted.replace("=v.", "=s."), format!("{fresh}x")] {
        assert!(!is_inside(&harness, &made_up).await, "{made_up}");
    }
}

#[tokio::test]
async fn a_session_outlives_a_restart_but_neither_a_logout_nor_a_change_of_the_password_or_the_key() {
    let store = Arc::new(MemoryStore::new(Arc::new(FakeClock::new())));
    let cookie = harness_of(&store, PASSWORD, &["key"]).log_in().await;
    let opens = async |password, keys: &[&str]| is_inside(&harness_of(&store, password, keys), &cookie).await;
    assert!(opens(PASSWORD, &["key"]).await);
    assert!(opens(PASSWORD, &["new", "key"]).await, "an older key is still believed");
    assert!(!opens(PASSWORD, &["new"]).await);
    assert!(opens(PASSWORD, &["key"]).await);
    assert!(!opens("another", &["key"]).await);
    assert!(!opens(PASSWORD, &["key"]).await, "it does not come back with the old password");

    let harness = harness_of(&store, PASSWORD, &["key"]);
    let stolen = harness.log_in().await;
    harness.log_out(&stolen).await;
    assert!(!is_inside(&harness, &stolen).await);
    assert!(!is_inside(&harness_of(&store, PASSWORD, &["key"]), &stolen).await);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_rests_is_over_and_one_that_is_used_goes_on_for_a_month() {
    let (harness, day) = (Harness::new(|_| ()), Duration::from_hours(24));
    let (used, rests) = (harness.log_in().await, harness.log_in().await);
    for _ in 0..4 {
        tokio::time::advance(6 * day).await;
        assert!(is_inside(&harness, &used).await);
    }
    assert!(!is_inside(&harness, &rests).await);
    tokio::time::advance(6 * day).await;
    assert!(!is_inside(&harness, &used).await);
}

#[tokio::test]
async fn a_login_leads_nowhere_else_and_echoes_no_header() {
    let harness = Harness::new(|web| web.base_url = "/scan".to_owned());
    for next in [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "https:evil.example",
        "evil.example",
        "%2F%2Fevil.example",
        "%252F%252Fevil.example",
        "/%09/evil.example",
        "/%0d%0aset-cookie:%20a=b",
        "%0d%0alocation:%20https://evil.example",
        "javascript:alert(1)",
        "/ok%00",
        "",
    ] {
        let (cookie, csrf) = token(&harness, &format!("/login?next={next}"), "").await;
        let form = format!("csrf={csrf}&next={next}&{LOGIN}");
        let reply = harness.ask("POST", "/login", &[("cookie", &cookie), ("host", "nas")], form).await;
        assert_eq!((reply.status, reply.header("location")), (303, "/scan/"), "{next}");
        assert_eq!(reply.headers.get_all("set-cookie").iter().count(), 1, "{next}");
    }
    let (cookie, csrf) = token(&harness, "/login", "").await;
    let form = format!("csrf={csrf}&next=%2Fscans%3Fq%3Da%252Fb&{LOGIN}");
    let reply = harness.ask("POST", "/login", &[("cookie", &cookie)], form).await;
    assert_eq!(reply.header("location"), "/scan/scans?q=a%2Fb");
}

#[tokio::test]
async fn the_host_header_is_believed_by_nobody() {
    let harness = Harness::new(|_| ());
    for host in ["evil.example", "evil.example:80@nas", "\"><script>", ""] {
        let headers = [
            ("host", host),
            ("x-forwarded-host", host),
            ("x-forwarded-proto", "https"),
            ("accept", "text/html"),
        ];
        for uri in ["/", "/login", "/scans/1", "/nothing/here"] {
            let reply = harness.ask("GET", uri, &headers, "").await;
            assert!(
                reply.header("location").is_empty() || reply.header("location").starts_with("/login?next=")
            );
            assert!(host.is_empty() || !reply.body.contains(host), "{uri} {host}");
            assert_eq!(reply.header("strict-transport-security"), "", "nobody trusted said that it was TLS");
            assert!(!reply.header("set-cookie").contains("Secure"));
        }
    }
}

#[tokio::test]
async fn without_a_password_only_own_names_are_answered() {
    let harness = Harness::new(|web| {
        web.access.disabled = true;
        web.own_names = vec!["scan.example.org".to_owned()];
    });
    for (host, is_own) in [
        ("127.0.0.1:3030", true),
        ("[::1]:3030", true),
        ("localhost:3030", true),
        ("nas", true),
        ("nas.local", true),
        ("scan.example.org", true),
        ("evil.example", false),
        ("evil.example:3030", false),
        ("localhost.evil.example", false),
        ("\u{e9}", false),
    ] {
        for (method, uri, body) in [
            ("GET", "/", ""),
            ("GET", "/api/v1/config", ""),
            ("GET", "/health", ""),
            ("GET", "/nothing/here", ""),
            ("POST", "/triggers/sonarr", GRAB),
            ("POST", "/api/v1/queue/pause", ""),
        ] {
            let reply = harness.ask(method, uri, &[("host", host)], body).await;
            assert_eq!(reply.status != 421, is_own, "{method} {uri} {host}: {reply:?}");
            assert!(is_own || (reply.code() == "UNKNOWN_HOST" && reply.body.contains("allowed-hosts")));
        }
    }
    let page = harness.ask("GET", "/", &[("host", "<b>.evil.example"), ("accept", "text/html")], "").await;
    assert!(
        page.status == 421 && page.body.contains("allowed-hosts") && !page.body.contains("<b>"),
        "{page:?}"
    );
    let without_a_name = harness.ask("GET", "/health", &[], "").await;
    assert_eq!(without_a_name.status, 200, "no browser sends such a request");
    let named = Harness::new(|_| ()).ask("GET", "/health", &[("host", "evil.example")], "").await;
    assert_eq!(named.status, 200, "a password is what guards otherwise");
}

#[tokio::test]
async fn every_answer_is_guarded() {
    let harness = Harness::new(|_| ());
    let html = [("accept", "text/html")];
    for (uri, headers) in [
        ("/health", &[][..]),
        ("/login", &[]),
        ("/", &[]),
        ("/api/v1/stats", &[]),
        ("/api/v1/stats", &KEYED),
        ("/nothing", &[]),
        ("/nothing/here", &html),
        ("/triggers/manual", &KEYED),
        ("/metrics", &[]),
        ("/assets/none.css", &[]),
    ] {
        let reply = harness.ask("GET", uri, headers, "").await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
        ] {
            assert_eq!(reply.header(name), value, "{uri} {name}");
        }
        let policy = reply.header("content-security-policy");
        let kind = reply.header("content-type");
        if kind.starts_with("text/html") || kind == "application/json" {
            assert!(
                policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
                "{uri}"
            );
            assert!(!policy.contains("unsafe"), "{uri}: {policy}");
        }
    }
}

/// Whether an address is locked out: the credential was not looked at.
const LOCKED_OUT: u16 = 429;

/// A password, once written as it is and once as its hash.
fn both_kinds_of_password() -> [Harness; 2] {
    let hash = hash_password(&Secret::new(PASSWORD), &[7; 16]).unwrap();
    let hashed = Harness::new(|web| {
        web.access.password = None;
        web.access.password_hash = Some(Secret::new(hash));
    });
    [Harness::new(|_| ()), hashed]
}

/// Guesses with wrong keys until the address is locked out.
async fn be_locked_out(harness: &Harness) {
    for _ in 0..20 {
        assert_eq!(harness.ask("GET", "/api/v1/stats", &[("x-api-key", "guess")], "").await.status, 401);
    }
    assert_eq!(harness.ask("GET", "/api/v1/stats", &[("x-api-key", "guess")], "").await.status, LOCKED_OUT);
}

#[tokio::test(start_paused = true)]
async fn a_guesser_of_a_password_learns_nothing_while_it_is_locked_out_however_the_password_is_kept() {
    for harness in both_kinds_of_password() {
        let right = basic(format!("autoscan:{PASSWORD}"));
        let ask = async || harness.ask("GET", "/api/v1/stats", &[("authorization", &right)], "").await;
        be_locked_out(&harness).await;
        let refused = ask().await;
        assert_eq!((refused.status, refused.code().as_str()), (LOCKED_OUT, "TOO_MANY_FAILURES"));
        let (cookie, csrf) = token(&harness, "/login", "").await;
        let form = format!("csrf={csrf}&{LOGIN}");
        let refused = harness.ask("POST", "/login", &[("cookie", &cookie)], form.clone()).await;
        assert_eq!(refused.status, LOCKED_OUT);
        assert!(refused.body.contains("wait a minute") && refused.header("www-authenticate").is_empty());
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(harness.ask("POST", "/login", &[("cookie", &cookie)], form).await.status, 303);
        assert_eq!(ask().await.status, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn a_password_that_was_right_before_from_an_address_goes_on_opening_while_others_there_guess() {
    for harness in both_kinds_of_password() {
        let right = basic(format!("autoscan:{PASSWORD}"));
        let ask = async |basic: &str| {
            harness.ask("GET", "/api/v1/stats", &[("authorization", basic)], "").await.status
        };
        assert_eq!(ask(&right).await, 200);
        assert_eq!(ask(&basic(format!("nobody:{PASSWORD}"))).await, 401);
        assert!(is_inside(&harness, &harness.log_in().await).await);
        for _ in 0..19 {
            assert_eq!(ask(&basic("autoscan:guess")).await, 401);
        }
        assert_eq!(ask(&basic("autoscan:guess")).await, LOCKED_OUT);
        assert_eq!(ask(&right).await, 200);
        assert!(is_inside(&harness, &harness.log_in().await).await, "at the form too");
    }
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_credential_is_guessed_as_slowly_as_a_password() {
    let right = basic(format!("autoscan:{PASSWORD}"));
    let bearer = format!("Bearer {TOKEN}");
    for (method, uri, header) in [
        ("POST", "/triggers/sonarr", Some(("authorization", right.as_str()))),
        ("POST", "/triggers/sonarr", Some(("authorization", &bearer))),
        ("POST", "/triggers/sonarr", Some(("x-api-key", TOKEN))),
        ("POST", "/triggers/sonarr", Some(("x-api-key", API_KEY))),
        ("POST", "/triggers/sonarr?token=sonarr%27s%20token", None),
        ("POST", "/triggers/sonarr?apikey=the-api-key", None),
        ("POST", "/triggers/sonarr/sonarr%27s%20token", None),
        ("GET", "/api/v1/stats", Some(("x-api-key", API_KEY))),
        ("GET", "/0c1fa3c9", None),
        ("GET", "/api/0c1fa3c9?cmd=queue_count", None),
    ] {
        let headers: Vec<_> = header.into_iter().collect();
        let harness = || Harness::new(|web| web.access.server_pass = Some(Secret::new(SERVER_PASS)));
        let ask = async |harness: &Harness| harness.ask(method, uri, &headers, GRAB).await.status;
        let guessed = harness();
        be_locked_out(&guessed).await;
        assert_eq!(ask(&guessed).await, LOCKED_OUT, "{method} {uri} {header:?}");
        let known = harness();
        assert_eq!(ask(&known).await, 200, "{method} {uri} {header:?}");
        be_locked_out(&known).await;
        assert_eq!(ask(&known).await, 200, "{method} {uri} {header:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_locked_out_guesses_once_a_second_on_a_connection() {
    let harness = Harness::new(|_| ());
    be_locked_out(&harness).await;
    let start = tokio::time::Instant::now();
    for guess in 0..30 {
        let wrong = basic(format!("autoscan:{guess}"));
        let reply = harness.ask("GET", "/api/v1/stats", &[("authorization", &wrong)], "").await;
        assert_eq!(reply.status, LOCKED_OUT);
        let pause: u64 = reply.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&pause));
    }
    assert_eq!(start.elapsed(), Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn nobody_guesses_by_the_thousand_with_one_request() {
    let harness = Harness::new(|_| ());
    let many = (0..1000).fold(String::new(), |all, guess| format!("{all}token={guess}&"));
    let guesses = harness.ask("POST", &format!("/triggers/sonarr?{many}apikey=the-api-key"), &[], GRAB).await;
    assert_ne!(guesses.status, 200);
    assert_eq!(harness.ask("POST", "/triggers/sonarr?token=x", &[], GRAB).await.status, LOCKED_OUT);
}

#[tokio::test(start_paused = true)]
async fn what_browsers_ask_for_by_themselves_is_no_guess_of_the_server_pass() {
    let harness = Harness::new(|web| web.access.server_pass = Some(Secret::new(SERVER_PASS)));
    for _ in 0..30 {
        for uri in ["/favicon.ico", "/robots.txt", "/apple-touch-icon-precomposed.png"] {
            assert_eq!(harness.ask("GET", uri, &[], "").await.status, 404, "{uri}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_a_day_prolongs_no_lock_out() {
    let clock = FakeClock::new();
    let harness = Harness::with_clock(clock.clone());
    be_locked_out(&harness).await;
    clock.set_back(Duration::from_hours(24));
    assert_eq!(harness.ask("GET", "/api/v1/stats", &[("x-api-key", "guess")], "").await.status, LOCKED_OUT);
    tokio::time::advance(Duration::from_mins(1)).await;
    assert_eq!(harness.ask("GET", "/api/v1/stats", &[("x-api-key", "guess")], "").await.status, 401);
    assert_eq!(harness.get("/api/v1/stats").await.status, 200);
}

#[tokio::test]
async fn json_that_is_deep_or_says_a_thing_twice_breaks_nothing() {
    let harness = Harness::new(|_| ());
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(10_000), close.repeat(10_000));
    for uri in [
        "/triggers/sonarr",
        "/triggers/manual",
        "/api/v1/scans",
        "/api/v1/explain",
        "/scan",
        "/api/v1/targets/plex/pause",
        "/api/v1/queue/pause",
    ] {
        for body in [
            deep("[", "]"),
            format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000)),
            format!("{{\"paths\":{}}}", deep("[", "]")),
            "[".repeat(10_000),
            r#"{"paths":["/tv/A"],"paths":["/etc"]}"#.to_owned(),
            r#"{"path":"/tv/A","path":"/etc"}"#.to_owned(),
        ] {
            let headers = [KEYED[0], ("content-type", "application/json")];
            let reply = harness.ask("POST", uri, &headers, body.clone()).await;
            assert!(reply.status < 500, "{uri} {}: {reply:?}", &body[..40.min(body.len())]);
        }
    }
    assert_eq!(harness.get("/api/v1/stats").await.status, 200);
}

#[tokio::test]
async fn a_path_that_climbs_is_refused_wherever_it_is_named() {
    let harness = Harness::new(|_| ());
    for path in ["/tv/../etc", "/tv/..", "../etc", "..", "/tv/a\u{0}b", "tv", "", "/tv/\n/../x"] {
        let json = serde_json::json!({ "paths": [path] }).to_string();
        let one = serde_json::json!({ "path": path }).to_string();
        for (uri, body) in
            [("/api/v1/scans", &json), ("/scan", &json), ("/scan", &one), ("/api/v1/explain", &one)]
        {
            let reply = harness.post(uri, body).await;
            assert!([400, 422].contains(&reply.status), "{uri} {path:?}: {reply:?}");
        }
        let form = percent(path);
        for uri in [format!("/triggers/manual?path={form}"), format!("/triggers/manual?dir={form}")] {
            let reply = harness.post(&uri, "").await;
            assert!([400, 422].contains(&reply.status), "{uri}: {reply:?}");
        }
    }
    assert_eq!(harness.folders().await, Vec::<String>::new());
    for uri in ["/assets/../login", "/assets/%2e%2e%2flogin", "/api/v1/scans/%2e%2e", "/api/v1/scans/..%2f1"]
    {
        let status = harness.get(uri).await.status;
        assert!([400, 404].contains(&status), "{uri}: {status}");
    }
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |all, byte| all + &format!("%{byte:02x}"))
}
