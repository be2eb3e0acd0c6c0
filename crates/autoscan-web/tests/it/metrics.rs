use autoscan_core::ports::StoreError;
use autoscan_core::secret::Secret;

use crate::harness::{API_KEY, Harness, KEYED, PASSWORD, Reply, SERVER_PASS, TOKEN};

/// The value of a figure.
fn figure<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    reply.body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
}

/// Checks the grammar of every line, as far as we use it.
fn assert_readable(text: &str) {
    assert!(text.ends_with('\n'));
    let mut family = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            family = rest.split(' ').next().unwrap();
            assert_eq!(text.matches(&format!("# TYPE {family} ")).count(), 1, "{family} comes once");
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(name, family);
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        assert!(name.starts_with(family), "{line} stands below {family}");
        assert_eq!(name.contains('{'), name.ends_with("\"}"), "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn prometheus_reads_scans_triggers_and_targets() {
    let harness = Harness::new(|_| ());
    harness.post("/api/v1/scans", r#"{"paths":["/tv/A","/tv/B"]}"#).await;
    harness.post("/triggers/sonarr", r#"{"eventType":"Test"}"#).await;
    let reply = harness.ask("GET", "/metrics", &[], "").await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_readable(&reply.body);
    for (name, value) in [
        ("autoscan_build_info{version=\"1.2.3\"}", "1"),
        ("autoscan_start_time_seconds", "1767225600"),
        ("autoscan_scans{state=\"waiting\"}", "2"),
        ("autoscan_scans{state=\"attention\"}", "0"),
        ("autoscan_trigger_events_total{trigger=\"sonarr\",kind=\"sonarr\"}", "1"),
        ("autoscan_target_state{target=\"broken\",kind=\"plex\",state=\"away\"}", "0"),
        ("autoscan_deliveries_total{target=\"plex\",state=\"seen\"}", "0"),
        ("autoscan_deliveries_total{target=\"broken\",state=\"missing\"}", "0"),
        ("autoscan_time_to_visible_seconds_bucket{target=\"plex\",le=\"900\"}", "0"),
        ("autoscan_time_to_visible_seconds_bucket{target=\"plex\",le=\"+Inf\"}", "0"),
        ("autoscan_time_to_visible_seconds_sum{target=\"plex\"}", "0"),
        ("autoscan_time_to_visible_seconds_count{target=\"plex\"}", "0"),
    ] {
        assert_eq!(figure(&reply, name), Some(value), "{name} in\n{}", reply.body);
    }
    let lanes = reply.body.lines().filter(|line| line.starts_with("autoscan_target_state{target=\"plex\""));
    assert_eq!(lanes.filter(|line| line.ends_with(" 1")).count(), 1, "a lane has one state");
    assert_eq!(harness.ask("HEAD", "/metrics", &[], "").await.body, "");
    assert_eq!(harness.ask("POST", "/metrics", &[], "").await.status, 405);
}

#[tokio::test]
async fn a_pause_shows_in_the_figures() {
    let harness = Harness::new(|_| ());
    assert_eq!(harness.post("/api/v1/targets/plex/pause", "").await.status, 200);
    let reply = harness.ask("GET", "/metrics", &[], "").await;
    let paused =
        |target| format!("autoscan_target_state{{target=\"{target}\",kind=\"plex\",state=\"paused\"}}");
    assert_eq!(figure(&reply, &paused("plex")), Some("1"));
    assert_eq!(figure(&reply, &paused("broken")), Some("0"));
}

#[tokio::test]
async fn the_figures_need_credentials_only_when_the_config_says_so() {
    let closed = || Harness::new(|web| web.metrics_need_auth = true);
    for (harness, headers, status) in [
        (Harness::new(|_| ()), &[][..], 200),
        (Harness::new(|_| ()), &[("x-api-key", "wrong")][..], 200),
        (closed(), &[], 401),
        (closed(), &[("x-api-key", "wrong")], 401),
        (closed(), &KEYED, 200),
        (
            Harness::new(|web| {
                web.metrics_need_auth = true;
                web.doors.disabled = true;
            }),
            &[],
            200,
        ),
    ] {
        assert_eq!(harness.ask("GET", "/metrics", headers, "").await.status, status, "{headers:?}");
    }
}

#[tokio::test]
async fn no_secret_and_no_address_stands_in_the_figures() {
    let harness = Harness::new(|web| web.doors.server_pass = Some(Secret::new(SERVER_PASS)));
    let body = harness.ask("GET", "/metrics", &[], "").await.body;
    for secret in [PASSWORD, API_KEY, TOKEN, SERVER_PASS, "http://", "32400"] {
        assert!(!body.contains(secret), "{secret} is in\n{body}");
    }
}

#[tokio::test]
async fn a_database_that_fails_takes_only_its_own_figures_away() {
    let harness = Harness::new(|_| ());
    harness.store.fail(Some(StoreError::NotWritable("full".to_owned())));
    let reply = harness.ask("GET", "/metrics", &[], "").await;
    assert_eq!((reply.status, figure(&reply, "autoscan_scans{state=\"waiting\"}")), (200, None));
    assert!(!reply.body.contains("autoscan_scans"), "{}", reply.body);
    assert_readable(&reply.body);
}
