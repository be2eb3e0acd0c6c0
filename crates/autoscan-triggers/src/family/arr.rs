//! What Sonarr, Radarr and Lidarr share: their settings, their file objects, and what their events mean.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use autoscan_core::change::{Change, Refusal, below};
use autoscan_core::ids::{IdSource, Ids};
use autoscan_core::path::{PathRefusal, TriggerPath};
use autoscan_core::ports::{Hook, ReadError, Reading, Trigger};
use autoscan_core::secret::Secret;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess};

use super::lenient::{self, Id, Lenient, List, Text, objects};
use super::repeats::without_repeats;
use crate::recognise;

/// The settings that only Sonarr, Radarr and Lidarr have.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ArrSettings {
    /// Where its own API is. `check` asks it for its version and its root folders. Not needed to receive its webhooks.
    #[serde(default)]
    pub api: Option<ArrApi>,
}

/// Where the API of a Sonarr, Radarr or Lidarr is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub struct ArrApi {
    /// Its address with its URL base, if it has one: `http://sonarr:8989`.
    pub url: String,
    /// Its API key: Settings → General → Security.
    pub api_key: Secret,
}

/// The schema of [`ArrSettings`].
pub(crate) fn settings(generator: &mut SchemaGenerator) -> Schema {
    ArrSettings::json_schema(generator)
}

/// Checks the settings of an arr, which its reader does not need.
pub(crate) fn open(
    settings: &serde_json::Value,
    reader: Arc<dyn Trigger>,
) -> Result<Arc<dyn Trigger>, serde_json::Error> {
    ArrSettings::deserialize(settings).map(|_| reader)
}

objects! {
    /// A file in an arr's eyes. Before a rename it had its previous paths.
    struct File<'de> {
        relative: Text<'de> = "relativePath",
        absolute: Text<'de> = "path",
        former_relative: Text<'de> = "previousRelativePath",
        former_absolute: Text<'de> = "previousPath",
    }
}

/// `deletedFiles`: which files an upgrade replaced, or whether an item's files were deleted with it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Deleted<'de> {
    pub(crate) files: List<File<'de>>,
    /// Whether all of an item's files were deleted with it; none where that is not said.
    pub(crate) all: Option<bool>,
}

impl<'de> Lenient<'de> for Deleted<'de> {
    fn text(text: Cow<'de, str>) -> Self {
        match &*text.to_ascii_lowercase() {
            "true" => Self::flag(true),
            "false" => Self::flag(false),
            _ => Self::default(),
        }
    }

    fn flag(all: bool) -> Self {
        Self { all: Some(all), ..Self::default() }
    }

    fn list<A: SeqAccess<'de>>(items: A) -> Result<Self, A::Error> {
        Ok(Self { files: List::list(items)?, all: None })
    }

    fn object<A: MapAccess<'de>>(entries: A) -> Result<Self, A::Error> {
        Ok(Self { files: List::object(entries)?, all: None })
    }
}

/// Reads the body of an arr.
pub(crate) fn body<'de, T: Lenient<'de>>(app: &str, hook: &Hook<'de>) -> Result<T, ReadError> {
    lenient::object(hook.body, &format!("{app}'s webhook: a JSON object with an \"eventType\""))
}

/// The ids of a series, movie or artist, by where they are from. The first of a source counts.
pub(crate) fn ids<'a>(named: impl IntoIterator<Item = (IdSource, &'a Id<'a>)>) -> Ids {
    named.into_iter().fold(Ids::default(), |ids, (source, id)| ids.with(source, id.get()))
}

/// What one event says, while it is read.
pub(crate) struct Findings<'a> {
    /// The folder that relative paths lie below: of the series, movie or artist.
    root: Option<&'a str>,
    /// What the series, movie or artist is called elsewhere.
    ids: Ids,
    changes: Vec<Change<TriggerPath>>,
    /// Files that it missed on the disk.
    missing: Vec<TriggerPath>,
    refused: Vec<Refusal>,
    /// The event changes something, but names neither a file nor a folder.
    pathless: bool,
}

impl<'a> Findings<'a> {
    /// Nothing yet, below this folder of the item with these ids.
    pub(crate) fn below(root: Option<&'a Text<'_>>, ids: Ids) -> Self {
        let root = root.and_then(Text::get);
        Self { root, ids, changes: Vec::new(), missing: Vec::new(), refused: Vec::new(), pathless: false }
    }

    /// New files came in place of old ones. A new file under an old one's name has new content.
    pub(crate) fn imported<'f>(&mut self, new: impl Iterator<Item = &'f File<'f>>, old: &Deleted<'_>) {
        let new: Vec<_> = new.filter_map(|file| self.place(file)).collect();
        if new.is_empty() && self.refused.is_empty() {
            self.look_at_root();
        }
        let old: Vec<_> = old.files.0.iter().filter_map(|file| self.place(file)).collect();
        let replaced: HashSet<_> = old.iter().collect();
        let kept: HashSet<_> = new.iter().collect();
        let created = new.iter().map(|path| {
            if replaced.contains(path) {
                Change::modified(path.clone())
            } else {
                Change::created(path.clone())
            }
        });
        let deleted = old.iter().filter(|path| !kept.contains(path)).cloned().map(Change::deleted);
        self.changes.extend(created.chain(deleted));
    }

    /// Files have new names. Old versions name no file: the folder is all that is known.
    pub(crate) fn renamed(&mut self, files: &List<File<'_>>) {
        for file in &files.0 {
            let change = match (self.former_place(file), self.place(file)) {
                (Some(from), Some(to)) if from == to => Change::modified(to),
                (Some(from), Some(to)) => Change::moved(from, to),
                (Some(from), None) => Change::deleted(from),
                (None, Some(to)) => Change::created(to),
                (None, None) => continue,
            };
            self.changes.push(change);
        }
        self.look_at_root_if_empty();
    }

    /// Files are gone, for this reason. After an upgrade the new file may have the old one's name; after a manual
    /// override the file was never touched.
    pub(crate) fn deleted<'f>(&mut self, files: impl Iterator<Item = &'f File<'f>>, reason: &Text<'_>) {
        let is = |word| reason.get().is_some_and(|reason| reason.eq_ignore_ascii_case(word));
        if is("manualOverride") {
            return;
        }
        let change = if is("upgrade") { Change::replaced } else { Change::deleted };
        for file in files {
            let path = self.place(file);
            if is("missingFromDisk") {
                self.missing.extend(path.clone());
            }
            self.changes.extend(path.map(change));
        }
        self.look_at_root_if_empty();
    }

    /// Files have new content.
    pub(crate) fn modified(&mut self, files: &List<File<'_>>) {
        for file in &files.0 {
            let path = self.place(file);
            self.changes.extend(path.map(Change::modified));
        }
        self.look_at_root_if_empty();
    }

    /// The series, movie or artist was removed, perhaps with its folder: where that is not said, somebody must look.
    pub(crate) fn item_deleted(&mut self, deleted: &Deleted<'_>) {
        match deleted.all {
            Some(true) => self.root_is(Change::folder_deleted),
            Some(false) => {}
            None => self.root_is(Change::rescan),
        }
    }

    /// A part of the item was removed, perhaps with its files, which are not named.
    pub(crate) fn part_deleted(&mut self, deleted: &Deleted<'_>) {
        if deleted.all != Some(false) {
            self.root_is(Change::rescan);
        }
    }

    /// The reading, if this can be a request of `kind` at all: a sender that was given another's URL must hear of it.
    /// `known` says whether the series, movie or artist was there.
    pub(crate) fn reading(
        self,
        kind: &'static str,
        event: &Text<'_>,
        known: bool,
        hook: &Hook<'_>,
    ) -> Result<Reading, ReadError> {
        let event = lenient::event_name(event.get().unwrap_or_default());
        if !known && self.is_empty() {
            self.check_kind(kind, &event, hook)?;
        }
        let changes = without_repeats(self.changes).into_iter();
        let changes = changes.map(|change| change.with_ids(self.ids.clone())).collect();
        Ok(Reading { event, changes, missing: self.missing, refused: self.refused })
    }

    fn check_kind(&self, kind: &'static str, event: &str, hook: &Hook<'_>) -> Result<(), ReadError> {
        if let Some(error) = recognise::of_another_kind(kind, hook.body) {
            return Err(error);
        }
        let fault = match event {
            "" => "The JSON has no \"eventType\"".to_owned(),
            event if self.pathless => format!("The event \"{event}\" names neither a file nor a folder"),
            _ => return Ok(()),
        };
        let begins = lenient::beginning(hook.body);
        Err(ReadError(format!("{fault}, so it is no webhook of {kind}. It begins with {begins}.")))
    }

    fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.refused.is_empty()
    }

    fn look_at_root_if_empty(&mut self) {
        if self.is_empty() {
            self.look_at_root();
        }
    }

    fn look_at_root(&mut self) {
        self.pathless = self.root.is_none();
        self.root_is(Change::rescan);
    }

    fn root_is(&mut self, change: fn(TriggerPath) -> Change<TriggerPath>) {
        let root = self.root.map(TriggerPath::parse);
        let path = root.and_then(|root| self.believed(root));
        self.changes.extend(path.map(change));
    }

    /// Where a file is. The relative path is asked first: in some versions the absolute one is that of the download
    /// (Sonarr before 4.0.9, Radarr before 5.10.1, Whisparr 2).
    fn place(&mut self, file: &File<'_>) -> Option<TriggerPath> {
        let path = match (self.root, file.relative.get(), file.absolute.get()) {
            (Some(root), Some(relative), _) => below(root, relative).map(TriggerPath),
            (_, _, Some(absolute)) => TriggerPath::parse(absolute),
            _ => return None,
        };
        self.believed(path)
    }

    /// Where a file was. The absolute path is asked first: the item's folder may have been another then.
    fn former_place(&mut self, file: &File<'_>) -> Option<TriggerPath> {
        let path = match (file.former_absolute.get(), self.root, file.former_relative.get()) {
            (Some(absolute), _, _) => TriggerPath::parse(absolute),
            (None, Some(root), Some(relative)) => below(root, relative).map(TriggerPath),
            _ => return None,
        };
        self.believed(path)
    }

    fn believed(&mut self, path: Result<TriggerPath, PathRefusal>) -> Option<TriggerPath> {
        path.map_err(|reason| self.refused.push(Refusal { reason })).ok()
    }
}
