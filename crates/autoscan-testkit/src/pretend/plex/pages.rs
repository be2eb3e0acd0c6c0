//! What a pretend Plex writes: the shapes of its containers.

use serde_json::{Map, Value, json};

use super::catalogue::{Item, Kind};
use super::state::{NOW, Section};
use super::xml;
use crate::pretend::http_server::{Recorded, Reply};

/// How numbers and booleans are written: it depends on the server's age and on who asks.
#[derive(Clone, Copy)]
pub(super) struct Spelling {
    pub(super) numbers_as_text: bool,
    pub(super) flags_as_numbers: bool,
}

impl Spelling {
    pub(super) fn number(self, number: u64) -> Value {
        if self.numbers_as_text { json!(number.to_string()) } else { json!(number) }
    }

    pub(super) fn size(self, number: usize) -> Value {
        self.number(number as u64)
    }

    pub(super) fn flag(self, flag: bool) -> Value {
        match (self.numbers_as_text, self.flags_as_numbers) {
            (true, _) => json!(if flag { "1" } else { "0" }),
            (false, true) => json!(u8::from(flag)),
            (false, false) => json!(flag),
        }
    }

    /// The key of a section inside an activity.
    pub(super) fn section_id(self, key: &str) -> Value {
        let number = key.parse().ok().filter(|_| self.flags_as_numbers);
        number.map_or_else(|| json!(key), |number: u64| json!(number))
    }
}

/// A container as it is answered: XML unless JSON is asked for.
pub(super) fn container(call: &Recorded, container: &Value) -> Reply {
    if call.header("accept").is_some_and(|accept| accept.contains("application/json")) {
        return Reply::json(&json!({ "MediaContainer": container }));
    }
    Reply::new(200, "text/xml;charset=utf-8", xml::document(container))
}

/// What an item is said to be about: as long as it usually is.
const SUMMARY: &str = "Ninety-seven days after the ship went down, the last of her crew reach a coast that no map \
shows. What they find there is not what they were sent for, and one of them has known it from the beginning. While \
the others argue about the way home, the harbour fills with people who remember a name that nobody has spoken for a \
generation, and the old quarrel between the two families is fought out once more, this time in daylight.";

/// A library in the list of them.
pub(super) fn section(section: &Section, spelling: Spelling) -> Value {
    let library = &section.library;
    let key = match library.id.parse::<u64>() {
        Ok(number) if spelling.numbers_as_text => json!(number),
        _ => json!(library.id),
    };
    let locations: Vec<Value> = library
        .folders
        .iter()
        .enumerate()
        .map(|(id, path)| json!({"id": spelling.size(id + 1), "path": path}))
        .collect();
    json!({
        "key": key,
        "type": library.kind,
        "title": library.title,
        "agent": section.agent,
        "scanner": "Plex TV Series",
        "language": "en-US",
        "refreshing": spelling.flag(section.running.is_some()),
        "scannedAt": spelling.number(NOW),
        "Location": locations,
    })
}

/// What else is known about an item than its place among others.
pub(super) struct Around {
    /// The item above it, if there is one.
    pub(super) parent: Option<Item>,
    /// The item above the parent, if there is one.
    pub(super) grandparent: Option<Item>,
    pub(super) guids: bool,
    /// The folder of a series or an artist.
    pub(super) folder: Option<String>,
}

/// An item as listings and its own page show it.
pub(super) fn item(item: &Item, section: &Section, around: &Around, spelling: Spelling) -> Value {
    let key = item.key.to_string();
    let path = if item.kind.is_leaf() {
        format!("/library/metadata/{key}")
    } else {
        format!("/library/metadata/{key}/children")
    };
    let mut json = json!({
        "ratingKey": key,
        "key": path,
        "guid": item.guid,
        "type": item.kind.word(),
        "title": item.title,
        "librarySectionTitle": section.library.title,
        "librarySectionID": spelling.size(section.library.id.parse().unwrap_or_default()),
        "summary": SUMMARY,
        "addedAt": spelling.number(item.added_at),
        "updatedAt": spelling.number(item.added_at),
        "thumb": format!("/library/metadata/{key}/thumb/{NOW}"),
        "art": format!("/library/metadata/{key}/art/{NOW}"),
    });
    if let Some(index) = item.index {
        json["index"] = spelling.size(index);
    }
    relations(&mut json, around, spelling);
    if around.guids && !item.ids.is_empty() {
        json["Guid"] = item.ids.iter().map(|id| json!({"id": id})).collect();
    }
    if let Some(folder) = &around.folder {
        json["Location"] = json!([{"path": folder}]);
    }
    if item.is_trash() {
        json["deletedAt"] = spelling.number(NOW);
    }
    if item.kind.is_leaf() {
        json["Media"] = media(item, spelling);
        for (list, names) in [("Director", 1), ("Writer", 2), ("Role", 3)] {
            json[list] = (0..names).map(|n| json!({"tag": format!("A Person Named {n}")})).collect();
        }
    } else {
        json["leafCount"] = spelling.number(1);
    }
    json
}

/// What an item tells of those above it.
fn relations(json: &mut Value, around: &Around, spelling: Spelling) {
    for (relation, above) in [("parent", &around.parent), ("grandparent", &around.grandparent)] {
        let Some(above) = above else { continue };
        json[format!("{relation}RatingKey")] = json!(above.key.to_string());
        json[format!("{relation}Key")] = json!(format!("/library/metadata/{}", above.key));
        json[format!("{relation}Title")] = json!(above.title);
        json[format!("{relation}Guid")] = json!(above.guid);
    }
    if let Some(index) = around.parent.as_ref().and_then(|parent| parent.index) {
        json["parentIndex"] = spelling.size(index);
    }
}

/// Each file is a version of its own.
fn media(item: &Item, spelling: Spelling) -> Value {
    let version = |(path, part): (&String, &super::catalogue::Part)| {
        let container = path.rsplit('.').next().unwrap_or_default();
        let mut media = json!({
            "id": spelling.number(part.id),
            "duration": spelling.number(5_062_000),
            "bitrate": spelling.number(21_178),
            "width": spelling.number(1920),
            "height": spelling.number(1080),
            "aspectRatio": 1.78,
            "audioChannels": spelling.number(6),
            "audioCodec": "eac3",
            "videoCodec": "h264",
            "videoResolution": "1080",
            "container": container,
            "videoFrameRate": "24p",
            "videoProfile": "high",
            "Part": [{
                "id": spelling.number(part.id),
                "key": format!("/library/parts/{}/{NOW}/file.{container}", part.id),
                "duration": spelling.number(5_062_000),
                "file": path,
                "size": spelling.number(part.size),
                "container": container,
                "videoProfile": "high",
            }],
        });
        if part.deleted_at.is_some() {
            media["deletedAt"] = spelling.number(NOW);
            media["Part"][0]["deletedAt"] = spelling.number(NOW);
        }
        media
    };
    item.parts.iter().map(version).collect()
}

/// Where a page begins in a list, and how long the list is.
pub(super) struct Within {
    pub(super) offset: usize,
    pub(super) total: usize,
}

/// A listing. Only a page that was asked for as such says where it lies.
pub(super) fn listing(
    section: &Section,
    entries: Vec<Value>,
    within: Option<&Within>,
    spelling: Spelling,
) -> Value {
    let mut container = Map::new();
    container.insert("size".to_owned(), spelling.size(entries.len()));
    if let Some(within) = within {
        container.insert("totalSize".to_owned(), spelling.size(within.total));
        container.insert("offset".to_owned(), spelling.size(within.offset));
    }
    container.insert("allowSync".to_owned(), spelling.flag(false));
    container.insert("identifier".to_owned(), json!("com.plexapp.plugins.library"));
    let id = section.library.id.parse().unwrap_or_default();
    container.insert("librarySectionID".to_owned(), spelling.number(id));
    container.insert("librarySectionTitle".to_owned(), json!(section.library.title));
    container.insert("mediaTagPrefix".to_owned(), json!("/system/bundle/media/flags/"));
    if !entries.is_empty() {
        container.insert("Metadata".to_owned(), Value::Array(entries));
    }
    Value::Object(container)
}

/// The type of a number.
pub(super) fn kind_of(number: &str) -> Option<Kind> {
    [Kind::Movie, Kind::Show, Kind::Season, Kind::Episode, Kind::Artist, Kind::Album, Kind::Track]
        .into_iter()
        .find(|kind| (*kind as u64).to_string() == number)
}
