//! Radarr's webhook, and Whisparr 3's, which speaks like it.

use std::sync::Arc;

use autoscan_core::guide::{FieldValue, Guide};
use autoscan_core::ids::{IdSource, Ids};
use autoscan_core::ports::{Hook, ReadError, Reading, Trigger};

use crate::family::arr::{self, Deleted, File, Findings};
use crate::family::arr_guide::{self, LEAVE, TICK, UPGRADES};
use crate::family::lenient::{Id, List, Text, objects};
use crate::kind::TriggerKind;

pub(crate) const KIND: TriggerKind = TriggerKind {
    name: "radarr",
    settings: arr::settings,
    open: |settings| arr::open(settings, Arc::new(Radarr)),
    source: None,
    takes_requests: true,
    for_people: false,
    api: Some("v3"),
    marks: &["movie", "remoteMovie", "movieFile"],
    guide: GUIDE,
};

const GUIDE: Guide = Guide {
    place: arr_guide::PLACE,
    fields: &[
        arr_guide::field("On File Import, On File Upgrade", TICK),
        arr_guide::field("On Rename", TICK),
        arr_guide::field("On Movie Delete, On Movie File Delete", TICK),
        arr_guide::field("On Movie File Delete For Upgrade", UPGRADES),
        arr_guide::field(
            "On Grab, On Movie Added, On Health Issue, On Application Update, On Manual Interaction Required",
            LEAVE,
        ),
        arr_guide::URL,
        arr_guide::METHOD,
        arr_guide::USERNAME,
        arr_guide::PASSWORD,
        arr_guide::field("Headers (5.16 and newer), instead of username and password", FieldValue::KeyHeader),
    ],
    test: arr_guide::TEST,
    notes: &[
        "Never reported: a movie that is moved to another folder, files that a disk rescan finds, subtitles and .nfo files, the recycle bin.",
        arr_guide::REDIRECT,
        arr_guide::BLOCKED,
        arr_guide::TAGS,
    ],
    signs: false,
};

/// The reader.
struct Radarr;

impl Trigger for Radarr {
    fn read(&self, hook: &Hook<'_>) -> Result<Reading, ReadError> {
        let said: Body<'_> = arr::body("Radarr", hook)?;
        let mut found = Findings::below(said.movie.as_ref().map(|movie| &movie.folder), said.ids());
        match said.event.get().unwrap_or_default().to_ascii_lowercase().as_str() {
            "download" => found.imported(said.file.0.iter(), &said.deleted),
            "rename" => found.renamed(&said.renamed),
            "moviefiledelete" => found.deleted(said.file.0.iter(), &said.reason),
            "moviedelete" => found.item_deleted(&said.deleted),
            _ => {}
        }
        found.reading(KIND.name, &said.event, said.movie.is_some(), hook)
    }
}

objects! {
    struct Body<'de> {
        event: Text<'de> = "eventType",
        movie: Option<Movie<'de>> = "movie",
        // What the release was said to be; it has the ids where the movie has none.
        remote: Option<Movie<'de>> = "remoteMovie",
        file: List<File<'de>> = "movieFile",
        renamed: List<File<'de>> = "renamedMovieFiles",
        deleted: Deleted<'de> = "deletedFiles",
        reason: Text<'de> = "deleteReason",
    }

    struct Movie<'de> {
        folder: Text<'de> = "folderPath",
        tmdb: Id<'de> = "tmdbId",
        imdb: Id<'de> = "imdbId",
    }
}

impl Body<'_> {
    fn ids(&self) -> Ids {
        let movies = self.movie.iter().chain(&self.remote);
        arr::ids(movies.flat_map(|movie| [(IdSource::Tmdb, &movie.tmdb), (IdSource::Imdb, &movie.imdb)]))
    }
}
