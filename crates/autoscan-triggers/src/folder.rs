//! A folder of this machine that autoscan reads by itself, now and then: files that are new or changed since the last look.

mod known_files;
mod walk;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::change::{Change, ChangeKind};
use autoscan_core::duration::Span;
use autoscan_core::guide::{Field, FieldValue, Guide};
use autoscan_core::path::{LocalPath, TriggerPath};
use autoscan_core::ports::{
    Clock, Files, Hook, Look, ReadError, Reading, Source, SourceBatch, SourceFault, Trigger,
};
use autoscan_core::time::SteadyTime;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

use crate::kind::{MakeSource, SourcePorts, TriggerKind};
use known_files::{FileStamp, KnownFiles};

pub(crate) const KIND: TriggerKind = TriggerKind {
    name: "folder",
    settings: |generator| FolderSettings::json_schema(generator),
    open: |_settings| Ok(Arc::new(NoRequests) as Arc<dyn Trigger>),
    source: Some(source),
    takes_requests: false,
    for_people: false,
    api: None,
    marks: &[],
    guide: GUIDE,
};

const GUIDE: Guide = Guide {
    place: "autoscan reads these folders by itself. Nothing sends requests here; everything is set in autoscan's config.",
    fields: &[
        Field { name: "paths", value: FieldValue::Text("[/mnt/media]") },
        Field { name: "every", value: FieldValue::Text("10m") },
    ],
    test: "Put a file into one of the folders: after the next look it appears here, and among the scans.",
    notes: &[
        "The first look reports nothing: it only notes which files are there.",
        "Deleted files and folders are not reported.",
    ],
    signs: true,
};

/// The settings that only a watched folder has.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct FolderSettings {
    /// The folders that are read, with all that is in them, as autoscan sees them.
    paths: Vec<FolderPath>,
    /// How often they are read: at least `1s`.
    #[serde(default = "every")]
    every: Span,
}

/// A folder as autoscan sees it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(inline, extend("format" = "path"))]
struct FolderPath(String);

fn every() -> Span {
    Span(Duration::from_mins(10))
}

/// The least pause between two looks.
const LEAST: Duration = Duration::from_secs(1);
/// Folders of one trigger.
const MOST_PATHS: usize = 50;
/// Files that all folders of one trigger remember one by one, in 22 bytes of the bookmark each.
const REMEMBERED: usize = 10_000;
/// Changes of one batch. What is more comes in the next, without a pause.
const BATCH: usize = 2_000;

fn source(settings: &serde_json::Value) -> Result<MakeSource, serde_json::Error> {
    let FolderSettings { paths, every } = FolderSettings::deserialize(settings)?;
    let read = |path: &FolderPath| LocalPath::parse(&path.0).map_err(serde_json::Error::custom);
    let paths = paths.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    if paths.is_empty() || paths.len() > MOST_PATHS {
        return Err(serde_json::Error::custom(format!("`paths` must name 1 to {MOST_PATHS} folders")));
    }
    if every.0 < LEAST {
        return Err(serde_json::Error::custom("`every` must be at least 1s"));
    }
    let bounds = Bounds { batch: BATCH, remembered: REMEMBERED / paths.len(), listed: walk::LISTED };
    Ok(Box::new(move |ports| Arc::new(FolderSource::new(paths, every.0, ports, bounds))))
}

/// Answers whoever sends it something all the same.
struct NoRequests;

impl Trigger for NoRequests {
    fn read(&self, _: &Hook<'_>) -> Result<Reading, ReadError> {
        Err(ReadError(
            "This trigger takes no requests: autoscan reads its folders by itself. Send requests to a trigger of another kind, \
             such as manual."
                .to_owned(),
        ))
    }
}

/// How much is read and remembered.
#[derive(Clone, Copy)]
struct Bounds {
    batch: usize,
    /// For each of the folders.
    remembered: usize,
    listed: usize,
}

/// Reads the folders.
struct FolderSource {
    paths: Vec<LocalPath>,
    every: Duration,
    files: Arc<dyn Files>,
    clock: Arc<dyn Clock>,
    bounds: Bounds,
    /// When all of the folders were read last.
    read_at: Mutex<Option<SteadyTime>>,
}

/// The bookmark: what is known of each folder.
type Place = BTreeMap<String, PlaceInFolder>;

/// What is known of one folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PlaceInFolder {
    /// The deepest mount that it was read on: a folder whose mount is not there yet is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    mount: Option<String>,
    /// Its files, as [`KnownFiles`] writes them.
    files: String,
}

/// What one look at all folders found.
struct FolderLook {
    place: Place,
    changes: Vec<Change<TriggerPath>>,
    /// Whether there was more than a batch takes.
    more: bool,
    /// Why a folder could not be read.
    fault: Option<String>,
}

impl FolderSource {
    fn new(paths: Vec<LocalPath>, every: Duration, ports: SourcePorts, bounds: Bounds) -> Self {
        let SourcePorts { files, clock } = ports;
        Self { paths, every, files, clock, bounds, read_at: Mutex::default() }
    }

    /// Waits until the folders are to be read again.
    async fn pause(&self) {
        let read_at = *self.read_at.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read_at) = read_at {
            let passed = self.clock.steady().since(read_at);
            self.clock.sleep(self.every.saturating_sub(passed)).await;
        }
    }

    async fn look(&self, kept: &Place) -> FolderLook {
        let mut look = FolderLook { place: Place::new(), changes: vec![], more: false, fault: None };
        for path in &self.paths {
            let before = kept.get(path.as_str());
            let now = match self.look_at(path, before, &mut look).await {
                Ok(now) => Some(now),
                Err(reason) => {
                    look.fault.get_or_insert(reason);
                    before.cloned()
                }
            };
            look.place.extend(now.map(|now| (path.to_string(), now)));
        }
        look
    }

    /// Reads one folder. The error is a sentence: it could not be read.
    async fn look_at(
        &self,
        path: &LocalPath,
        before: Option<&PlaceInFolder>,
        look: &mut FolderLook,
    ) -> Result<PlaceInFolder, String> {
        match self.files.look(path).await {
            Look::Folder => {}
            Look::Unreachable(reason) => return Err(format!("{path:?} cannot be read: {reason}")),
            Look::Missing => return Err(format!("{path:?} does not exist")),
            Look::File { .. } => return Err(format!("{path:?} is a file, not a folder")),
        }
        let mount = self.files.mount_of(path).await.map(|at| at.mount);
        let kept_mount = before.and_then(|before| LocalPath::parse(before.mount.as_deref()?).ok());
        let (is_new, fell) = match (&kept_mount, &mount) {
            (Some(kept), Some(mount)) if kept != mount => {
                (mount.0.is_within(&kept.0), kept.0.is_within(&mount.0))
            }
            _ => (false, false),
        };
        let known = before.filter(|_| !is_new).and_then(|before| KnownFiles::decode(&before.files));
        let mut reader = FolderReader {
            bounds: self.bounds,
            known,
            found: vec![],
            learned: KnownFiles::default(),
            any: false,
        };
        walk::walk(&*self.files, path, self.bounds.listed, |file, changed_at| {
            reader.read(file, FileStamp::new(file, changed_at));
        })
        .await;
        if let Some(kept) = kept_mount.as_ref().filter(|_| fell && !reader.any) {
            return Err(format!("{path:?} is empty, and the mount {kept:?} on which it was is gone"));
        }
        let mount = if is_new || before.is_none() { mount } else { kept_mount };
        let files = reader.finish(look).encode();
        Ok(PlaceInFolder { mount: mount.map(|mount| mount.to_string()), files })
    }
}

/// Compares the files of one folder with those that are known.
struct FolderReader {
    bounds: Bounds,
    /// None at a first look, which only learns what is there.
    known: Option<KnownFiles>,
    /// What is new or changed: not much more than a batch takes.
    found: Vec<(FileStamp, ChangeKind, TriggerPath)>,
    learned: KnownFiles,
    any: bool,
}

impl FolderReader {
    fn read(&mut self, path: &LocalPath, file: FileStamp) {
        self.any = true;
        let Some(known) = &self.known else {
            self.learned.learn(file);
            if self.learned.len() >= 2 * self.bounds.remembered {
                self.learned.keep_newest(self.bounds.remembered);
            }
            return;
        };
        if let Some(kind) = known.change(file) {
            self.found.push((file, kind, TriggerPath(path.0.clone())));
            if self.found.len() >= 2 * self.bounds.batch + 2 {
                self.found.sort_unstable_by_key(|(file, ..)| *file);
                self.found.truncate(self.bounds.batch + 1);
            }
        }
    }

    /// Adds the oldest changes that fit to the batch, and answers what is known with them. What does not fit is newer than all
    /// that is reported, and so it is still new at the next look.
    fn finish(mut self, look: &mut FolderLook) -> KnownFiles {
        let mut known = self.known.take().unwrap_or(self.learned);
        let room = self.bounds.batch.saturating_sub(look.changes.len());
        self.found.sort_unstable_by_key(|(file, ..)| *file);
        look.more |= self.found.len() > room;
        for (file, kind, path) in self.found.into_iter().take(room) {
            known.learn(file);
            look.changes.push(match kind {
                ChangeKind::Modified => Change::modified(path),
                _ => Change::created(path),
            });
        }
        known.keep_newest(self.bounds.remembered);
        known
    }
}

#[async_trait]
impl Source for FolderSource {
    async fn next(&self, place: Option<&str>) -> Result<SourceBatch, SourceFault> {
        let kept: Place = place.and_then(|place| serde_json::from_str(place).ok()).unwrap_or_default();
        loop {
            self.pause().await;
            let look = self.look(&kept).await;
            if !look.more {
                *self.read_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.clock.steady());
            }
            if !look.changes.is_empty() || look.place != kept {
                let place = serde_json::to_string(&look.place)
                    .map_err(|failure| SourceFault::Away(failure.to_string()))?;
                let reading = Reading { changes: look.changes, ..Reading::default() };
                return Ok(SourceBatch { reading, place });
            }
            if let Some(reason) = look.fault {
                return Err(SourceFault::Away(reason));
            }
        }
    }
}
