//! Lidarr's webhook.

use std::sync::Arc;

use autoscan_core::guide::{FieldValue, Guide};
use autoscan_core::ids::{IdSource, Ids};
use autoscan_core::ports::{Hook, ReadError, Reading, Trigger};

use crate::family::arr::{self, Deleted, File, Findings};
use crate::family::arr_guide::{self, LEAVE, TICK};
use crate::family::lenient::{Id, List, Text, objects};
use crate::kind::TriggerKind;

pub(crate) const KIND: TriggerKind = TriggerKind {
    name: "lidarr",
    settings: arr::settings,
    open: |settings| arr::open(settings, Arc::new(Lidarr)),
    source: None,
    takes_requests: true,
    for_people: false,
    api: Some("v1"),
    marks: &["artist", "album", "albums", "trackFile", "trackFiles"],
    guide: GUIDE,
};

const GUIDE: Guide = Guide {
    place: arr_guide::PLACE,
    fields: &[
        arr_guide::field("On Release Import, On Upgrade", TICK),
        arr_guide::field("On Rename", TICK),
        arr_guide::field(
            "On Track Retag",
            FieldValue::MayTick("tick it if Lidarr writes tags into files that are there already"),
        ),
        arr_guide::field("On Artist Delete, On Album Delete", TICK),
        arr_guide::field(
            "On Grab, On Artist Add, On Download Failure, On Import Failure, On Health Issue, On Application Update",
            LEAVE,
        ),
        arr_guide::URL,
        arr_guide::METHOD,
        arr_guide::USERNAME,
        arr_guide::PASSWORD,
        arr_guide::field(
            "Headers (2.9.4 and newer), instead of username and password",
            FieldValue::KeyHeader,
        ),
    ],
    test: arr_guide::TEST,
    notes: &[
        "Never reported: single tracks that are deleted, an artist that is moved to another folder, files that a disk rescan finds, lyrics and covers.",
        arr_guide::REDIRECT,
        arr_guide::BLOCKED,
        arr_guide::TAGS,
    ],
    signs: false,
};

/// The reader.
struct Lidarr;

impl Trigger for Lidarr {
    fn read(&self, hook: &Hook<'_>) -> Result<Reading, ReadError> {
        let said: Body<'_> = arr::body("Lidarr", hook)?;
        let mut found = Findings::below(said.artist.as_ref().map(|artist| &artist.path), said.ids());
        match said.event.get().unwrap_or_default().to_ascii_lowercase().as_str() {
            "download" => found.imported(said.files.0.iter(), &said.deleted),
            "rename" => found.renamed(&said.renamed),
            "retag" => found.modified(&said.file),
            "artistdelete" => found.item_deleted(&said.deleted),
            // An album has no path of its own.
            "albumdelete" => found.part_deleted(&said.deleted),
            _ => {}
        }
        found.reading(KIND.name, &said.event, said.artist.is_some(), hook)
    }
}

objects! {
    struct Body<'de> {
        event: Text<'de> = "eventType",
        // Left out where Lidarr has no metadata of the artist.
        artist: Option<Artist<'de>> = "artist",
        file: List<File<'de>> = "trackFile",
        files: List<File<'de>> = "trackFiles",
        renamed: List<File<'de>> = "renamedTrackFiles",
        deleted: Deleted<'de> = "deletedFiles",
    }

    struct Artist<'de> {
        path: Text<'de> = "path",
        music_brainz: Id<'de> = "mbId",
        // Lidarr's name for the same id everywhere but in its webhook.
        foreign: Id<'de> = "foreignArtistId",
    }
}

impl Body<'_> {
    /// The artist's: an album's would be wrong for the files of another.
    fn ids(&self) -> Ids {
        let artist = self.artist.iter();
        arr::ids(
            artist
                .flat_map(|artist| [&artist.music_brainz, &artist.foreign])
                .map(|id| (IdSource::MusicBrainz, id)),
        )
    }
}
