//! What Plex answers. It writes numbers and booleans now as such, now as text.

use autoscan_core::path::AbsolutePath;
use autoscan_core::ports::Library;
use serde::de::{Error, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

#[derive(Deserialize)]
pub(super) struct Container<T> {
    #[serde(rename = "MediaContainer")]
    pub(super) container: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServerJson {
    pub(super) friendly_name: Option<String>,
    pub(super) version: Option<String>,
    pub(super) start_state: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct SectionList {
    #[serde(rename = "Directory", default)]
    pub(super) directory: Vec<Section>,
}

/// A library.
#[derive(Clone, Deserialize)]
pub(super) struct Section {
    #[serde(deserialize_with = "text")]
    pub(super) key: String,
    #[serde(default)]
    pub(super) title: String,
    #[serde(rename = "type", default)]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) agent: String,
    #[serde(default, deserialize_with = "flag")]
    pub(super) refreshing: bool,
    #[serde(rename = "Location", default)]
    pub(super) locations: Vec<Location>,
}

#[derive(Clone, Deserialize)]
pub(super) struct Location {
    pub(super) path: String,
}

impl From<Section> for Library {
    fn from(section: Section) -> Self {
        Self {
            id: section.key,
            title: section.title,
            kind: section.kind,
            folders: section.locations.into_iter().map(|location| location.path).collect(),
        }
    }
}

/// A list of items.
#[derive(Deserialize)]
pub(super) struct Listing {
    #[serde(rename = "totalSize", default, deserialize_with = "maybe_number")]
    pub(super) total: Option<u64>,
    #[serde(rename = "Metadata", default)]
    pub(super) items: Vec<Item>,
}

/// What `/library/search` found.
#[derive(Deserialize)]
pub(super) struct Found {
    #[serde(rename = "SearchResult", default)]
    pub(super) results: Vec<Hit>,
}

#[derive(Deserialize)]
pub(super) struct Hit {
    #[serde(rename = "Metadata")]
    pub(super) item: Option<Item>,
}

/// A film, series, season, episode, artist, album or track.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Item {
    #[serde(deserialize_with = "text")]
    pub(super) rating_key: String,
    #[serde(default, deserialize_with = "maybe_text")]
    pub(super) parent_rating_key: Option<String>,
    #[serde(default, deserialize_with = "maybe_text")]
    pub(super) grandparent_rating_key: Option<String>,
    #[serde(rename = "librarySectionID", default, deserialize_with = "maybe_text")]
    pub(super) section: Option<String>,
    #[serde(rename = "type", default)]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) title: String,
    #[serde(default)]
    pub(super) guid: String,
    #[serde(default, deserialize_with = "maybe_number")]
    pub(super) parent_index: Option<u64>,
    deleted_at: Option<IgnoredAny>,
    #[serde(rename = "Media", default)]
    media: Vec<Media>,
    #[serde(rename = "Guid", default)]
    pub(super) guids: Vec<Guid>,
    #[serde(rename = "Location", default)]
    pub(super) locations: Vec<Location>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Media {
    deleted_at: Option<IgnoredAny>,
    #[serde(rename = "Part", default)]
    parts: Vec<PartJson>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PartJson {
    file: Option<String>,
    #[serde(default, deserialize_with = "maybe_number")]
    size: Option<u64>,
    deleted_at: Option<IgnoredAny>,
}

/// What another database calls an item: `tmdb://603`.
#[derive(Clone, Deserialize)]
pub(super) struct Guid {
    pub(super) id: String,
}

/// A file of an item.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) path: AbsolutePath,
    pub(super) size: Option<u64>,
    pub(super) in_trash: bool,
}

impl Item {
    /// The files of the item. A path that is none is left out.
    pub(super) fn parts(&self) -> Vec<Part> {
        let gone = self.deleted_at.is_some();
        let parts = self.media.iter().flat_map(|media| media.parts.iter().map(move |part| (media, part)));
        let read = parts.filter_map(|(media, part)| {
            let path = AbsolutePath::parse(part.file.as_deref()?).ok()?;
            let in_trash = gone || media.deleted_at.is_some() || part.deleted_at.is_some();
            Some(Part { path, size: part.size, in_trash })
        });
        read.collect()
    }

    /// The item that databases know: the film itself, the series of an episode, the artist of a track.
    pub(super) fn top(&self) -> &str {
        let above = self.grandparent_rating_key.as_deref().or(self.parent_rating_key.as_deref());
        above.unwrap_or(&self.rating_key)
    }
}

/// Candidates for a match.
#[derive(Deserialize)]
pub(super) struct Candidates {
    #[serde(rename = "SearchResult", default)]
    pub(super) results: Vec<Candidate>,
}

#[derive(Clone, Deserialize)]
pub(super) struct Candidate {
    pub(super) guid: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(rename = "Guid", default)]
    pub(super) guids: Vec<Guid>,
}

/// What Plex sees in a folder.
#[derive(Deserialize)]
pub(super) struct Browsed {
    #[serde(rename = "Path", default)]
    folders: Vec<Location>,
    #[serde(rename = "File", default)]
    files: Vec<Location>,
}

impl Browsed {
    pub(super) fn paths(&self) -> Vec<AbsolutePath> {
        let all = self.folders.iter().chain(&self.files);
        all.filter_map(|entry| AbsolutePath::parse(&entry.path).ok()).collect()
    }
}

/// A container of which only the size counts.
#[derive(Deserialize)]
pub(super) struct Counted {
    #[serde(default, deserialize_with = "maybe_number")]
    pub(super) size: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct Prefs {
    #[serde(rename = "Setting", default)]
    pub(super) settings: Vec<Pref>,
}

#[derive(Deserialize)]
pub(super) struct Pref {
    pub(super) id: String,
    #[serde(default)]
    pub(super) value: Value,
}

impl Pref {
    pub(super) fn is_on(&self) -> bool {
        truth(&self.value)
    }
}

fn truth(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_i64() != Some(0),
        Value::String(text) => matches!(text.as_str(), "1" | "true"),
        _ => false,
    }
}

pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Value::deserialize(deserializer).map(|value| truth(&value))
}

pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let value = Value::deserialize(deserializer)?;
    as_text(&value).ok_or_else(|| Error::custom("neither text nor a number"))
}

pub(super) fn maybe_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Value::deserialize(deserializer).map(|value| as_text(&value))
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

pub(super) fn maybe_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_and_booleans_are_read_in_every_spelling() {
        for (value, refreshing) in [
            (json!(true), true),
            (json!(1), true),
            (json!("1"), true),
            (json!("true"), true),
            (json!(false), false),
            (json!(0), false),
            (json!("0"), false),
            (json!(null), false),
        ] {
            let section: Section = serde_json::from_value(json!({"key": 7, "refreshing": value})).unwrap();
            assert_eq!((section.key.as_str(), section.refreshing), ("7", refreshing), "{value}");
        }
        let listing: Listing = serde_json::from_value(json!({"totalSize": "12"})).unwrap();
        assert_eq!(listing.total, Some(12));
    }

    #[test]
    fn trash_is_known_at_every_level() {
        let item = |item: Value| -> Item { serde_json::from_value(item).unwrap() };
        let part = json!({"file": "/a/b.mkv", "size": "7"});
        for (json, in_trash) in [
            (json!({"ratingKey": "1", "Media": [{"Part": [part]}]}), false),
            (json!({"ratingKey": 1, "deletedAt": 5, "Media": [{"Part": [part]}]}), true),
            (json!({"ratingKey": "1", "Media": [{"deletedAt": "5", "Part": [part]}]}), true),
            (json!({"ratingKey": "1", "Media": [{"Part": [{"file": "/a/b.mkv", "deletedAt": 5}]}]}), true),
        ] {
            let parts = item(json).parts();
            assert_eq!((parts.len(), parts[0].in_trash), (1, in_trash));
        }
        assert!(item(json!({"ratingKey": "1", "Media": [{"Part": [{"file": "x"}, {}]}]})).parts().is_empty());
    }
}
