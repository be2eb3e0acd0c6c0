//! A server of half a million items.

use serde_json::json;

use super::stand::{plex, target, there, words};
use autoscan_core::proof::{ExpectedFile, Presence};
use autoscan_testkit::PretendPlex;

const ITEMS: usize = 500_000;

/// Files of one folder, as they are on the server.
fn folder_of(plex: &PretendPlex, section: &str, first: usize, count: usize) -> (String, Vec<ExpectedFile>) {
    let files: Vec<String> = (first..first + count).map(|n| plex.filled(section, n).unwrap()).collect();
    let folder = files[0].rsplit_once('/').unwrap().0.to_owned();
    let expected = files.iter().zip(first..).map(|(file, n)| there(file, 1_000_000 + n as u64)).collect();
    (folder, expected)
}

#[tokio::test]
async fn half_a_million_items_cost_two_requests_and_64_kb_a_folder() {
    let plex = plex().await;
    for section in ["1", "2", "3"] {
        plex.fill(section, ITEMS);
    }
    let target = target(&plex, &json!({}));
    target.libraries().unwrap().read().await.unwrap();
    plex.http.forget_calls();
    let mut folders = 0;
    for first in (0..ITEMS).step_by(12 * 500) {
        for (section, count) in [("1", 12), ("2", 1), ("3", 12)] {
            let (folder, expected) = folder_of(&plex, section, first, count);
            plex.http.forget_calls();
            assert_eq!(words(&target, &folder, &expected).await, vec!["proven"; count], "{folder}");
            assert!(plex.http.call_count() <= 2, "{folder}: {} requests", plex.http.call_count());
            assert!(
                plex.http.bytes_answered() <= 64 * 1024,
                "{folder}: {} bytes",
                plex.http.bytes_answered()
            );
            folders += 1;
        }
    }
    assert!(folders > 200);

    // Neither what is missing nor what is gone costs more.
    for wanted in [Presence::There { size: None }, Presence::Gone] {
        let (folder, mut expected) = folder_of(&plex, "1", 0, 1);
        expected[0].path = crate::support::path(&format!("{folder}/Filled 000000 - S01E99.mkv"));
        expected[0].presence = wanted;
        plex.http.forget_calls();
        words(&target, &folder, &expected).await;
        assert_eq!(plex.http.call_count(), 1);
    }
}
