//! Why an arr does not list a file: its own page *Manual Import* knows what it made of each (`GET manualimport`, measured at Sonarr
//! 10.0.0.15072).

use autoscan_core::path::{AbsolutePath, TargetPath};
use autoscan_core::proof::{ExpectedFile, Presence};
use serde::Deserialize;

use crate::family::arr::{Arr, LIST};

/// A file that it did not take.
#[derive(Deserialize)]
struct Unimported {
    #[serde(default)]
    path: String,
    /// What Sonarr reads in the name; none for a film.
    episodes: Option<Vec<serde::de::IgnoredAny>>,
    #[serde(default)]
    rejections: Vec<Rejection>,
}

#[derive(Deserialize)]
struct Rejection {
    reason: Option<String>,
}

/// What it says of the file, in a sentence without a capital; none when it does not know the file either, or does not answer.
pub(super) async fn why_missing(arr: &Arr, expected: &ExpectedFile) -> Option<String> {
    if expected.presence == Presence::Gone {
        return None;
    }
    let folder = expected.path.parent()?;
    let id = arr.remembered(&folder).await.ok()?.first()?.to_string();
    let request = arr
        .get("manualimport")
        .query(arr.dialect.id, &id)
        .query("folder", folder.as_str())
        .query("filterExistingFiles", "true")
        .at_most(LIST);
    let seen: Vec<Unimported> = arr.ask(&request).await.ok()?.json().ok()?;
    let is_it = |file: &&Unimported| {
        AbsolutePath::parse(&file.path).is_ok_and(|path| TargetPath(path) == expected.path)
    };
    Some(said(arr.dialect.product, expected, seen.iter().find(is_it)?))
}

fn said(product: &str, expected: &ExpectedFile, file: &Unimported) -> String {
    let reasons: Vec<String> = file
        .rejections
        .iter()
        .filter_map(|rejection| rejection.reason.as_deref())
        .map(|reason| format!("{reason:?}"))
        .collect();
    let name = expected.path.0.file_name().unwrap_or_default();
    let nothing_read = file.episodes.as_ref().is_some_and(Vec::is_empty);
    match (reasons.is_empty(), nothing_read) {
        (false, _) => format!(
            "{product} sees the file and does not take it: {}; look at its page Manual Import",
            reasons.join(", ")
        ),
        (true, true) => format!(
            "{product} sees the file but reads no episode in the name {name:?}; rename it, for example with S01E02"
        ),
        (true, false) => {
            format!("{product} sees the file but has not taken it in; look at its page Manual Import")
        }
    }
}
