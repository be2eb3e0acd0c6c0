//! What readers do with bodies that no well-behaved sender would write.

use autoscan_core::ports::{Hook, ReadError, Reading};
use autoscan_triggers::{ArrSettings, kinds, recognise};
use serde::Deserialize;

fn read_with(kind: &str, query: &[(&str, &str)], body: &[u8]) -> Result<Reading, ReadError> {
    let query: Vec<_> = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let kind = kinds().iter().find(|known| known.name == kind).unwrap();
    let reader = (kind.open)(&serde_json::json!({})).unwrap();
    reader.read(&Hook { query: &query, content_type: Some("application/json"), body })
}

fn read(kind: &str, body: impl AsRef<[u8]>) -> Result<Reading, ReadError> {
    read_with(kind, &[], body.as_ref())
}

fn changes(reading: &Reading) -> Vec<String> {
    reading.changes.iter().map(|change| format!("{} {}", change.kind.as_str(), change.path)).collect()
}

fn recognised(query: &[(&str, &str)], body: &str) -> Option<&'static str> {
    let query: Vec<_> = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    recognise(&Hook { query: &query, content_type: None, body: body.as_bytes() })
}

const IMPORT: &str =
    r#"{"series":{"path":"/tv/Show"},"episodeFile":{"relativePath":"a.mkv"},"eventType":"Download"}"#;

#[test]
fn what_cannot_be_read_is_an_error_that_says_what_arrived() {
    for (body, says) in [
        (&b""[..], "no body"),
        (b" \r\n", "no body"),
        (b"\xEF\xBB\xBF", "no body"),
        (b"hello", "not JSON"),
        (&IMPORT.as_bytes()[..40], "not JSON (EOF"),
        (b"[]", "no object"),
        (b"\"Download\"", "no object"),
        (b"null", "no object"),
        (b"{} {}", "trailing characters"),
        (b"{\"eventType\":\"Down\xFF\"}", "not UTF-8"),
        (b"{}", "no \"eventType\""),
        (b"{\"eventType\":7}", "no \"eventType\""),
        (b"{\"eventType\":\"Download\"}", "names neither a file nor a folder"),
    ] {
        for kind in ["sonarr", "radarr", "lidarr"] {
            let error = read(kind, body).unwrap_err().0;
            assert!(error.contains(says), "{kind}: {error}");
            assert!(error.len() < 400 && !error.contains(['\n', '\r']), "{error}");
        }
    }
    let long = read("sonarr", format!("<html>{}", "x\n".repeat(5000))).unwrap_err().0;
    assert!(long.contains("\"<html>x\\nx\\n") && long.len() < 400, "{long}");
}

#[test]
fn a_sender_that_was_given_anothers_url_hears_of_it() {
    let radarr =
        r#"{"movie":{"folderPath":"/movies/A"},"movieFile":{"relativePath":"a.mkv"},"eventType":"Test"}"#;
    for (kind, body, other) in [
        ("sonarr", radarr, "kind radarr"),
        ("lidarr", radarr, "kind radarr"),
        ("radarr", IMPORT, "kind sonarr"),
        ("manual", IMPORT, "kind sonarr"),
        ("sonarr", r#"{"path":"/tv/Show"}"#, "kind manual"),
    ] {
        let error = read(kind, body).unwrap_err().0;
        assert!(error.contains(other), "{kind}: {error}");
    }
}

#[test]
fn the_events_of_an_instance_with_another_apps_name_are_still_fine() {
    let body = r#"{"eventType":"Health","message":"m","instanceName":"Not Radarr, but Sonarr"}"#;
    assert_eq!(changes(&read("sonarr", body).unwrap()), [""; 0]);
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_body() {
    for kind in ["sonarr", "manual"] {
        let body = if kind == "sonarr" { IMPORT } else { r#"{"path":"/tv/Show"}"# };
        let marked = [b"\xEF\xBB\xBF", body.as_bytes()].concat();
        assert_eq!(read(kind, marked).unwrap(), read(kind, body).unwrap());
    }
}

#[test]
fn a_key_that_comes_twice_counts_as_last_said() {
    let body = r#"{"series":{"path":"/no"},"eventType":"Test","series":{"path":"/no","path":"/tv/Show"},
        "episodeFile":{"relativePath":"no.mkv","relativePath":"a.mkv"},"eventType":"Download"}"#;
    assert_eq!(changes(&read("sonarr", body).unwrap()), ["created /tv/Show/a.mkv"]);
}

#[test]
fn ids_come_as_numbers_or_words_and_anything_else_is_none() {
    for (kind, item, file, said, ids) in [
        (
            "sonarr",
            "series",
            "episodeFile",
            r#""tvdbId":81189,"tmdbId":"1396","imdbId":"tt0903747""#,
            "tmdb://1396 tvdb://81189 imdb://tt0903747",
        ),
        ("sonarr", "series", "episodeFile", r#""tvdbId":0,"tmdbId":-1,"imdbId":"""#, ""),
        ("sonarr", "series", "episodeFile", r#""tvdbId":[1],"tmdbId":1.5,"imdbId":null"#, ""),
        ("sonarr", "series", "episodeFile", r#""tvdbId":true,"tmdbId":{"a":1},"imdbId":"a b""#, ""),
        (
            "sonarr",
            "series",
            "episodeFile",
            r#""tvdbId":99999999999999999999999,"tmdbId":18446744073709551615"#,
            "tmdb://18446744073709551615",
        ),
        (
            "radarr",
            "movie",
            "movieFile",
            r#""tmdbId":603,"imdbId":" TT0133093 ""#,
            "tmdb://603 imdb://tt0133093",
        ),
        (
            "lidarr",
            "artist",
            "trackFiles",
            r#""mbId":"f59c5520-5f46-4d2c-b2c4-822eabf53419""#,
            "mbid://f59c5520-5f46-4d2c-b2c4-822eabf53419",
        ),
        ("lidarr", "artist", "trackFiles", r#""mbId":null,"foreignArtistId":"F59C5520""#, "mbid://f59c5520"),
    ] {
        let body = format!(
            r#"{{"{item}":{{"path":"/a","folderPath":"/a",{said}}},"{file}":[{{"path":"/a/1"}},{{"path":"/a/2"}}],
                "album":{{"mbId":"other","foreignAlbumId":"other"}},"eventType":"Download"}}"#
        );
        let reading = read(kind, body).unwrap();
        assert_eq!(changes(&reading), ["created /a/1", "created /a/2"], "{kind} {said}");
        assert!(reading.changes.iter().all(|change| change.ids.to_string() == ids), "{said}: {reading:?}");
    }
}

#[test]
fn a_movie_without_ids_has_those_of_the_release() {
    for (movie, remote, ids) in [
        (r#""tmdbId":0"#, r#""tmdbId":603,"imdbId":"tt0133093""#, "tmdb://603 imdb://tt0133093"),
        (r#""tmdbId":603"#, r#""tmdbId":604,"imdbId":"tt0133093""#, "tmdb://603 imdb://tt0133093"),
    ] {
        let body = format!(
            r#"{{"remoteMovie":{{{remote}}},"movie":{{"folderPath":"/a",{movie}}},"movieFile":{{"relativePath":"1"}},
                "eventType":"Download"}}"#
        );
        assert_eq!(read("radarr", body).unwrap().changes[0].ids.to_string(), ids);
    }
}

#[test]
fn a_deep_body_is_read_or_refused_but_never_overflows() {
    for key in ["overview", "episodeFile", "series", "deletedFiles", "eventType"] {
        for (open, close) in [("[", "]"), ("{\"path\":", "}")] {
            let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
            let body = format!("{}\"{key}\":{deep}}}", IMPORT.trim_end_matches('}').to_owned() + ",");
            let _ = read("sonarr", &body);
            let _ = recognised(&[], &body);
            let _ = read("manual", &body);
        }
    }
}

#[test]
fn escapes_in_json_are_the_letters_they_stand_for() {
    let body = r#"{"series":{"path":"\/tv\/Caf\u00e9 \u0026 \ud83d\ude80"},"episodeFile":{"relativePath":"a\u002emkv"},
        "\u0065ventType":"Download"}"#;
    assert_eq!(changes(&read("sonarr", body).unwrap()), ["created /tv/Café & 🚀/a.mkv"]);
}

#[test]
fn the_name_of_an_event_is_safe_to_show() {
    let event = format!("\\u001b[31m\\nA\\u202e{}", "x".repeat(500));
    let body = IMPORT.replace("Download", &event);
    let shown = read("sonarr", body).unwrap().event;
    assert!(shown.starts_with("\\u{1b}[31m\\nA\\u{202e}xxx"), "{shown}");
    assert_eq!(shown.chars().count(), 64);
}

#[test]
fn a_million_empty_files_are_no_change() {
    let body =
        IMPORT.replace(r#"{"relativePath":"a.mkv"}"#, &format!("[{}{{}}]", "{},0,null,".repeat(300_000)));
    assert_eq!(changes(&read("sonarr", body).unwrap()), ["rescan /tv/Show"]);
}

#[test]
fn a_refused_file_does_not_become_a_rescan() {
    let body = IMPORT.replace("a.mkv", "../a.mkv");
    let reading = read("sonarr", body).unwrap();
    assert!(reading.changes.is_empty() && reading.refused.len() == 1, "{reading:?}");
}

#[test]
fn a_manual_request_without_a_path_says_what_to_do() {
    for (query, body) in [
        (&[][..], &b""[..]),
        (&[("dir", "")], b""),
        (&[("token", "x")], b"{}"),
        (&[], b"path="),
        (&[], b"null"),
        (&[], b"eventType=Manual"),
    ] {
        let error = read_with("manual", query, body).unwrap_err().0;
        assert!(error.contains("?dir=") && error.contains("?path="), "{error}");
    }
}

#[test]
fn a_manual_body_is_read_beside_the_query_and_ignored_when_it_is_rubbish() {
    let query = [("dir", "/tv/Show")];
    for body in [&b""[..], b"{}", b"{\"a\":", b"\xFF\xFE", b"<xml/>", b"[1]"] {
        assert_eq!(changes(&read_with("manual", &query, body).unwrap()), ["rescan /tv/Show"], "{body:?}");
    }
    let both = read_with("manual", &query, br#"{"path":"/tv/Show/a.mkv","dir":"/tv/Show"}"#).unwrap();
    assert_eq!(changes(&both), ["rescan /tv/Show", "modified /tv/Show/a.mkv"]);
}

#[test]
fn a_path_that_was_cut_at_a_bare_ampersand_is_not_believed() {
    let query = [("path", "/data/Tom "), (" Jerry", "")];
    for error in [
        read_with("manual", &query, b"").unwrap_err().0,
        read("manual", "path=/data/Tom & Jerry").unwrap_err().0,
        read("manual", "--boundary\r\nContent-Disposition: form-data; name=\"path\"\r\n\r\n/tv")
            .unwrap_err()
            .0,
    ] {
        assert!(error.contains("--data-urlencode"), "{error}");
    }
}

#[test]
fn a_form_keeps_its_bytes_or_is_refused() {
    assert_eq!(changes(&read("manual", "path=/tv/Caf%C3%A9+%2B+1%").unwrap()), ["rescan /tv/Café + 1%"]);
    assert!(read("manual", "path=/tv/%FF%FE").unwrap_err().0.contains("not UTF-8"));
}

#[test]
fn a_refused_manual_path_is_kept_apart_from_the_good_ones() {
    let reading = read_with("manual", &[("dir", "/tv/../x"), ("dir", "/tv")], b"").unwrap();
    assert_eq!((reading.refused.len(), changes(&reading)), (1, vec!["rescan /tv".to_owned()]));
    assert_eq!(read("manual", "path=tv").unwrap().refused.len(), 1);
}

#[test]
fn senders_are_told_apart_by_what_they_send() {
    for (query, body, kind) in [
        (&[][..], IMPORT, Some("sonarr")),
        (&[("dir", "/tv")], "", Some("manual")),
        (&[("path", "/tv")], "{}", Some("manual")),
        (&[("token", "x")], "", None),
        (&[], "eventType=Manual&filepath=%2Ftv", Some("manual")),
        (&[], "eventType=Manual&x=y", None),
        (&[], r#"{"eventType":"manual","filepath":"/tv"}"#, Some("manual")),
        (&[], r#"{"path":"/tv"}"#, Some("manual")),
        (&[], r#"{"eventType":"Download","path":"/tv","remoteMovie":{}}"#, Some("radarr")),
        (&[], r#"{"eventType":"Health","instanceName":"Radarr 4K"}"#, Some("radarr")),
        (&[], r#"{"eventType":"Test","instanceName":"LIDARR"}"#, Some("lidarr")),
        (
            &[],
            r#"{"eventType":"Health","instanceName":"TV","applicationUrl":"http://radarr:7878"}"#,
            Some("radarr"),
        ),
        (&[], r#"{"eventType":"ApplicationUpdate"}"#, Some("sonarr")),
        (&[], r#"{"eventType":"Grab","movie":null,"instanceName":"x"}"#, Some("sonarr")),
        (&[], r#"{"event":"media.play","Metadata":{}}"#, None),
        (&[], r#"{"NotificationType":"ItemAdded"}"#, None),
        (&[], "--x\r\nContent-Disposition: form-data; name=\"payload\"\r\n", None),
        (&[], "[]", None),
        (&[], "", None),
    ] {
        assert_eq!(recognised(query, body), kind, "{query:?} {body}");
    }
}

#[test]
fn settings_leave_other_keys_to_others() {
    let settings = serde_json::json!({
        "name": "tv", "priority": 2, "map": {},
        "api": { "url": "http://sonarr:8989", "api-key": "k", "more": 1 }
    });
    for kind in kinds() {
        assert!((kind.open)(&settings).is_ok(), "{}", kind.name);
    }
    let api = ArrSettings::deserialize(&settings).unwrap().api.unwrap();
    assert_eq!((api.url.as_str(), api.api_key.reveal()), ("http://sonarr:8989", "k"));
    let sonarr = kinds().iter().find(|kind| kind.name == "sonarr").unwrap();
    let error = (sonarr.open)(&serde_json::json!({ "api": { "url": "http://sonarr:8989" } })).err().unwrap();
    assert!(error.to_string().contains("api-key"), "{error}");
}

#[test]
fn the_schema_of_every_kind_is_an_object_with_described_keys() {
    for kind in kinds() {
        let mut generator = schemars::SchemaGenerator::default();
        let schema = (kind.settings)(&mut generator);
        assert_eq!(schema.get("type").unwrap(), "object", "{}", kind.name);
        let keys = schema.get("properties").and_then(|keys| keys.as_object()).cloned().unwrap_or_default();
        assert!(keys.values().all(|key| key["description"].is_string()), "{}: {keys:?}", kind.name);
        assert_eq!(keys.contains_key("api"), kind.api.is_some(), "{}", kind.name);
        assert!(generator.take_definitions(true).is_empty(), "{}: nothing to look up elsewhere", kind.name);
    }
}

#[test]
fn kinds_are_sorted_and_only_people_are_told_of_refusals() {
    let names: Vec<_> = kinds().iter().map(|kind| kind.name).collect();
    assert_eq!(names, ["folder", "lidarr", "manual", "radarr", "sonarr"]);
    assert!(kinds().iter().all(|kind| kind.for_people == (kind.name == "manual")));
}
