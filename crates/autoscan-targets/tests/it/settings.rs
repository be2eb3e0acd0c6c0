//! What a config may say of a target.

use autoscan_http::Http;
use autoscan_targets::kinds;
use serde_json::{Value, json};

fn connect(kind: &str, settings: &Value) -> Result<String, String> {
    let kind = kinds().iter().find(|known| known.name == kind).expect("a kind");
    (kind.connect)(settings, &Http::default()).map(|connected| connected.url)
}

#[test]
fn the_kinds_are_in_order_and_described() {
    let table: [(&str, &[&str], &[&str]); 13] = [
        ("audiobookshelf", &["api-key", "url"], &["url", "api-key"]),
        ("autoscan", &["api-key", "password", "url", "username"], &["url"]),
        ("command", &["argv", "timeout"], &["argv"]),
        ("emby", &["api-key", "token", "url"], &["url"]),
        ("fileflows", &["password", "url", "username"], &["url"]),
        ("jellyfin", &["api-key", "token", "url"], &["url"]),
        ("kodi", &["password", "url", "username"], &["url"]),
        ("mpd", &["host", "music-directory", "password", "port"], &["host", "music-directory"]),
        (
            "plex",
            &["analyze", "analyze-scope", "empty-trash", "match", "match-language", "token", "url"],
            &["url", "token"],
        ),
        ("radarr", &["api-key", "url"], &["url", "api-key"]),
        ("sonarr", &["api-key", "url"], &["url", "api-key"]),
        ("tdarr", &["api-key", "url"], &["url"]),
        ("webhook", &["body", "headers", "method", "url"], &["url"]),
    ];
    let known: Vec<&str> = kinds().iter().map(|kind| kind.name).collect();
    assert_eq!(known, table.map(|(name, ..)| name));
    for (kind, (_, keys, required)) in kinds().iter().zip(table) {
        let schema = (kind.settings)(&mut schemars::SchemaGenerator::default());
        let properties = schema.get("properties").and_then(Value::as_object).expect("properties");
        for (key, property) in properties {
            assert!(property.get("description").is_some(), "{}: {key}", kind.name);
        }
        let mut given: Vec<&str> = properties.keys().map(String::as_str).collect();
        given.sort_unstable();
        assert_eq!(given, keys, "{}", kind.name);
        assert_eq!(schema.get("required"), Some(&json!(required)), "{}", kind.name);
    }
}

#[test]
fn keys_that_every_target_has_are_left_alone() {
    for (kind, key) in [("plex", "token"), ("jellyfin", "api-key"), ("emby", "token")] {
        let settings = json!({
            "name": "n", "map": {"/a": "/b"}, "include": [], "scan-delay": "1s",
            "url": "http://server:1234/sub/", key: "secret",
        });
        assert_eq!(connect(kind, &settings), Ok("http://server:1234/sub".to_owned()), "{kind}");
    }
}

/// Per kind and settings, a part of the sentence that refuses them; none shows a secret.
fn each_is_refused(table: &[(&str, Value, &str)]) {
    for (kind, settings, part) in table {
        let error = connect(kind, settings).expect_err("a fault");
        assert!(error.contains(part), "{kind} {settings}: {error}");
        assert!(!error.contains("ter2") && !error.contains("4815162342"), "{error}");
    }
}

#[test]
fn a_fault_of_the_settings_is_a_sentence_without_the_secret() {
    each_is_refused(&[
        ("plex", json!({"token": "hunter2"}), "missing field `url`"),
        ("plex", json!({"url": "http://plex:32400"}), "missing field `token`"),
        (
            "plex",
            json!({"url": "plex:32400", "token": "hunter2"}),
            "`url`: the URL \"plex:32400\" has no scheme",
        ),
        ("plex", json!({"url": "http://plex", "token": " \n"}), "`token` is empty"),
        ("plex", json!({"url": "http://plex", "token": "hun\nter2"}), "line break"),
        ("plex", json!({"url": "http://plex", "token": 4_815_162_342_u64}), "`token` must be text"),
        ("jellyfin", json!({"url": "http://jellyfin"}), "`api-key` is missing"),
        ("jellyfin", json!({"url": "http://me:hunter2@jellyfin", "token": "hunter2"}), "user and password"),
        ("emby", json!({"url": "http://emby", "api-key": ""}), "`api-key` is empty"),
        ("emby", json!({"url": "ftp://me:hunter2@emby", "api-key": "x"}), "http:// or https://"),
    ]);
}

#[test]
fn a_fault_of_the_other_kinds_is_a_sentence_too() {
    each_is_refused(&[
        ("autoscan", json!({"url": "http://nas", "username": "me"}), "`password` is missing"),
        ("autoscan", json!({"url": "http://nas", "password": "hunter2"}), "`username` is missing"),
        (
            "autoscan",
            json!({"url": "http://nas", "username": "me", "password": "hunter2", "api-key": "x"}),
            "but not both",
        ),
        (
            "autoscan",
            json!({"url": "http://nas", "username": "me", "password": 23}),
            "`password` must be text",
        ),
        ("kodi", json!({"url": "http://kodi", "username": "me"}), "`password` is missing"),
        ("sonarr", json!({"url": "http://sonarr", "api-key": " "}), "`api-key` is empty"),
        ("audiobookshelf", json!({"url": "http://me:hunter2@abs", "api-key": "x"}), "user and password"),
        ("fileflows", json!({"url": "http://ff", "password": "hunter2"}), "`username` is missing"),
        ("tdarr", json!({"url": "http://tdarr", "api-key": ""}), "`api-key` is empty"),
        ("mpd", json!({"host": "mpd://x", "music-directory": "/m"}), "`host` must be the name"),
        (
            "mpd",
            json!({"host": "x", "music-directory": "music"}),
            "`music-directory`: the path \"music\" is not",
        ),
        ("mpd", json!({"host": "x", "music-directory": "/m", "password": " "}), "`password` is empty"),
        ("webhook", json!({"url": "hook/hunter2"}), "must begin with http://"),
        ("webhook", json!({"url": "http://x", "headers": {"a b": "hunter2"}}), "no name of a header"),
        ("webhook", json!({"url": "http://x", "headers": {"key": "hun\nter2"}}), "line break"),
        ("webhook", json!({"url": "http://x", "body": "{\"a\": {{what}}}"}), "{{what}} is unknown"),
        ("command", json!({}), "missing field `argv`"),
        ("command", json!({"argv": []}), "`argv` is empty"),
        ("command", json!({"argv": ["a", "b\u{0}"]}), "NUL"),
        ("command", json!({"argv": ["a"], "timeout": "0s"}), "`timeout` is 0"),
    ]);
}
