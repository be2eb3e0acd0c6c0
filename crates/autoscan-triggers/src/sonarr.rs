//! Sonarr's webhook (versions 2 to 5), and what speaks like it: Whisparr 2, Sportarr.

use std::sync::Arc;

use autoscan_core::ports::{Hook, ReadError, Reading, Trigger};

use crate::TriggerKind;
use crate::family::arr::{self, Deleted, File, Findings};
use crate::family::lenient::{List, Text, objects};

pub(crate) const KIND: TriggerKind = TriggerKind {
    name: "sonarr",
    settings: arr::settings,
    open: |settings| arr::open(settings, Arc::new(Sonarr)),
    for_people: false,
    api: Some("v3"),
    marks: &["series", "episodeFile", "episodeFiles"],
};

/// The reader.
struct Sonarr;

impl Trigger for Sonarr {
    fn read(&self, hook: &Hook<'_>) -> Result<Reading, ReadError> {
        let said: Body<'_> = arr::body("Sonarr", hook)?;
        let mut found = Findings::below(said.series.as_ref().map(|series| &series.path));
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
    }
}
