//! Every reader stands whatever arrives. The long runs are those of the fuzz targets; this is what fits into a test.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use autoscan_core::path::AbsolutePath;
use autoscan_core::ports::Hook;
use autoscan_triggers::{kinds, recognise};
use proptest::prelude::*;
use proptest::sample::Index;

/// Every fixture's text.
static FIXTURES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let files = kinds().iter().flat_map(|kind| fs::read_dir(root.join(kind.name)).unwrap());
    files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
});

/// Reads a request with every kind and checks what holds for any answer.
fn every_reader_stands(query: &[(String, String)], body: &[u8]) -> Result<(), TestCaseError> {
    let hook = Hook { query, content_type: None, body };
    let known = recognise(&hook);
    prop_assert!(known.is_none_or(|known| kinds().iter().any(|kind| kind.name == known)));
    for kind in kinds() {
        let reader = (kind.open)(&serde_json::json!({})).unwrap();
        let said = match reader.read(&hook) {
            Ok(said) => said,
            Err(error) => {
                prop_assert!(!error.0.is_empty() && error.0.len() < 1000, "{}", error.0);
                prop_assert!(!error.0.contains(char::is_control), "{}", error.0);
                continue;
            }
        };
        prop_assert!(said.event.chars().count() <= 64 && !said.event.contains(char::is_control));
        for change in &said.changes {
            let again = AbsolutePath::parse(change.path.as_str());
            prop_assert_eq!(again.as_ref(), Ok(&change.path.0));
        }
        let once: HashSet<_> = said.changes.iter().collect();
        prop_assert_eq!(once.len(), said.changes.len());
        prop_assert_eq!(reader.read(&hook).unwrap(), said, "a reader is pure");
    }
    Ok(())
}

/// One thing that goes wrong with a body on its way.
#[derive(Clone, Debug)]
enum Harm {
    Flip(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Splice(Index, Index, Index),
}

fn harm() -> impl Strategy<Value = Harm> {
    let token = prop::sample::select(vec![
        &b"null"[..],
        b"{}",
        b"[]",
        b"\"\"",
        b"\"..\"",
        b"../",
        b"\\u0000",
        b"\\ud800",
        b"1e999",
        b"-",
        b",",
        b"true",
        b"\"path\":",
        b"\"eventType\":\"Rename\",",
        b"\xEF\xBB\xBF",
        b"\xFF",
        b"&path=/",
        b"%",
        b"%C3",
    ]);
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Harm::Flip(at, byte)),
        any::<Index>().prop_map(Harm::Cut),
        (any::<Index>(), token).prop_map(|(at, token)| Harm::Insert(at, token.to_vec())),
        (any::<Index>(), 1..40_usize).prop_map(|(at, count)| Harm::Remove(at, count)),
        (any::<Index>(), any::<Index>(), any::<Index>())
            .prop_map(|(at, other, from)| Harm::Splice(at, other, from)),
    ]
}

fn harmed(mut body: Vec<u8>, harm: &Harm) -> Vec<u8> {
    if body.is_empty() {
        return body;
    }
    match harm {
        Harm::Flip(at, byte) => *at.get_mut(&mut body) = *byte,
        Harm::Cut(at) => body.truncate(at.index(body.len())),
        Harm::Insert(at, token) => {
            let at = at.index(body.len());
            body.splice(at..at, token.iter().copied());
        }
        Harm::Remove(at, count) => {
            let start = at.index(body.len());
            body.drain(start..(start + count).min(body.len()));
        }
        Harm::Splice(at, other, from) => {
            let other = other.get(&FIXTURES);
            body.truncate(at.index(body.len()));
            body.extend_from_slice(&other[from.index(other.len())..]);
        }
    }
    body
}

/// Values that mean something to a reader.
const WORDS: &str = "Download Rename EpisodeFileDelete MovieDelete Retag Manual upgrade manualOverride /tv/Show C:\\TV \
                     \\\\nas\\tv ../.. a.mkv true";

/// Keys that a reader looks for.
const KEYS: &str = "eventType series movie artist album path folderPath relativePath previousPath previousRelativePath \
                    episodeFile episodeFiles movieFile trackFile trackFiles deletedFiles renamedEpisodeFiles \
                    renamedMovieFiles renamedTrackFiles deleteReason paths dir filepath";

/// A JSON value with the keys that readers look for in places where they do not.
fn odd_json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let word = prop::sample::select(WORDS.split(' ').collect::<Vec<_>>());
    let key = prop::sample::select(KEYS.split(' ').collect::<Vec<_>>());
    let leaf = prop_oneof![
        3 => word.prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(4, 48, 8, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            3 => prop::collection::vec((key.clone(), inner), 0..8)
                .prop_map(|entries| entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..300)) {
        every_reader_stands(&[], &body)?;
    }

    #[test]
    fn any_text_is_read_or_refused(body in "\\PC{0,200}") {
        every_reader_stands(&[], body.as_bytes())?;
    }

    #[test]
    fn any_query_is_read_or_refused(query in prop::collection::vec(("(dir|path|filepath|eventType|\\PC{0,5})", "(/|C:\\\\)?[\\PC\\n]{0,40}"), 0..5)) {
        every_reader_stands(&query, b"")?;
    }

    #[test]
    fn a_harmed_fixture_is_read_or_refused(which in any::<Index>(), harms in prop::collection::vec(harm(), 1..6)) {
        let body = harms.iter().fold(which.get(&FIXTURES).clone(), harmed);
        every_reader_stands(&[], &body)?;
    }

    #[test]
    fn keys_in_odd_places_are_read_or_refused(body in odd_json()) {
        every_reader_stands(&[], body.to_string().as_bytes())?;
    }

    #[test]
    fn a_file_given_by_relative_path_stays_below_its_series(relative in "[a./\\\\ :é]{1,24}", absolute in "/[a./]{0,10}") {
        let body = serde_json::json!({
            "eventType": "Download", "series": { "path": "/tv/Show" },
            "episodeFile": { "relativePath": relative, "path": absolute },
        });
        let reader = kinds().iter().find(|kind| kind.name == "sonarr").unwrap();
        let reader = (reader.open)(&serde_json::json!({})).unwrap();
        let body = body.to_string();
        let said = reader.read(&Hook { query: &[], content_type: None, body: body.as_bytes() }).unwrap();
        let show = AbsolutePath::parse("/tv/Show").unwrap();
        prop_assert_eq!(said.changes.len() + said.refused.len(), 1);
        for change in &said.changes {
            prop_assert!(change.path.0.is_within(&show) && change.path.0 != show, "{}", change.path);
        }
    }
}
