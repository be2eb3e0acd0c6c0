//! Sonarr's webhook (versions 2 to 5), and what speaks like it: Whisparr 2, Sportarr.

use std::sync::Arc;

use autoscan_core::guide::{FieldValue, Guide};
use autoscan_core::ids::{IdSource, Ids};
use autoscan_core::ports::{Hook, ReadError, Reading, Trigger};

use crate::family::arr::{self, Deleted, File, Findings};
use crate::family::arr_guide::{self, LEAVE, TICK, UPGRADES};
use crate::family::lenient::{Id, List, Text, objects};
use crate::kind::TriggerKind;

pub(crate) const KIND: TriggerKind = TriggerKind {
    name: "sonarr",
    settings: arr::settings,
    open: |settings| arr::open(settings, Arc::new(Sonarr)),
    source: None,
    takes_requests: true,
    for_people: false,
    api: Some("v3"),
    marks: &["series", "episodeFile", "episodeFiles"],
    guide: GUIDE,
};

const GUIDE: Guide = Guide {
    place: arr_guide::PLACE,
    fields: &[
        arr_guide::field("On File Import, On File Upgrade", TICK),
        arr_guide::field(
            "On Import Complete",
            FieldValue::MayTick("a file that is reported twice is still one scan"),
        ),
        arr_guide::field("On Rename", TICK),
        arr_guide::field("On Series Delete, On Episode File Delete", TICK),
        arr_guide::field("On Episode File Delete For Upgrade", UPGRADES),
        arr_guide::field(
            "On Grab, On Series Add, On Health Issue, On Application Update, On Manual Interaction Required",
            LEAVE,
        ),
        arr_guide::URL,
        arr_guide::METHOD,
        arr_guide::USERNAME,
        arr_guide::PASSWORD,
        arr_guide::field(
            "Headers (4.0.10 and newer), instead of username and password",
            FieldValue::KeyHeader,
        ),
    ],
    test: arr_guide::TEST,
    notes: &[
        "Never reported: a series that is moved to another folder, files that a disk rescan finds, subtitles and .nfo files, the recycle bin.",
        arr_guide::REDIRECT,
        arr_guide::BLOCKED,
        arr_guide::TAGS,
    ],
    signs: false,
};

/// The reader.
struct Sonarr;

impl Trigger for Sonarr {
    fn read(&self, hook: &Hook<'_>) -> Result<Reading, ReadError> {
        let said: Body<'_> = arr::body("Sonarr", hook)?;
        let mut found = Findings::below(said.series.as_ref().map(|series| &series.path), said.ids());
        match said.event.get().unwrap_or_default().to_ascii_lowercase().as_str() {
            "download" => found.imported(said.file.0.iter().chain(&said.files.0), &said.deleted),
            "rename" => found.renamed(&said.renamed),
            // Sportarr names the file in `deletedFiles`.
            "episodefiledelete" => {
                found.deleted(said.file.0.iter().chain(&said.deleted.files.0), &said.reason);
            }
            "seriesdelete" => found.item_deleted(&said.deleted),
            _ => {}
        }
        found.reading(KIND.name, &said.event, said.series.is_some(), hook)
    }
}

objects! {
    struct Body<'de> {
        event: Text<'de> = "eventType",
        instance: Text<'de> = "instanceName",
        series: Option<Series<'de>> = "series",
        file: List<File<'de>> = "episodeFile",
        // Of the event "On Import Complete", which calls itself Download too.
        files: List<File<'de>> = "episodeFiles",
        renamed: List<File<'de>> = "renamedEpisodeFiles",
        deleted: Deleted<'de> = "deletedFiles",
        reason: Text<'de> = "deleteReason",
    }

    struct Series<'de> {
        path: Text<'de> = "path",
        tvdb: Id<'de> = "tvdbId",
        tmdb: Id<'de> = "tmdbId",
        imdb: Id<'de> = "imdbId",
    }
}

impl Body<'_> {
    /// Whisparr 2 has ids of its own service in the place of `TheTVDB`'s (its `SkyHookProxy` puts the `ForeignId` there).
    fn ids(&self) -> Ids {
        if self.instance.get().is_some_and(|name| name.to_ascii_lowercase().contains("whisparr")) {
            return Ids::default();
        }
        let named = |series: &Series<'_>| {
            arr::ids([
                (IdSource::Tvdb, &series.tvdb),
                (IdSource::Tmdb, &series.tmdb),
                (IdSource::Imdb, &series.imdb),
            ])
        };
        self.series.as_ref().map(named).unwrap_or_default()
    }
}
