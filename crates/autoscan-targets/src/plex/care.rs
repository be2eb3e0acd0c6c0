//! What is done after a scan: match, analyse, empty the trash. Nothing is done while a library is scanned.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use autoscan_core::change::{ChangeKind, Subject};
use autoscan_core::fault::Fault;
use autoscan_core::media::Role;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{Care, CareScan, TargetScan};
use autoscan_core::proof::{ExpectedFile, Presence};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::Plex;
use super::answers::{Item, Section};
use super::matching::MatchCare;
use super::trash::EmptyTrash;
use crate::family::libraries;
use crate::family::library_index::Owner;

/// Which files are analysed after a scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum Analyze {
    /// None.
    Off,
    /// Files whose content changed under their old name.
    #[default]
    Changed,
    /// New files.
    New,
    /// Both.
    All,
}

/// What is analysed of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum AnalyzeScope {
    /// The item of the file.
    #[default]
    Item,
    /// The whole season or album.
    Season,
}

/// What a person wants done.
#[derive(Clone, Debug)]
pub(super) struct CareSettings {
    pub(super) analyze: Analyze,
    pub(super) scope: AnalyzeScope,
    pub(super) empty_trash: Option<EmptyTrash>,
    pub(super) matching: MatchCare,
    pub(super) language: String,
}

/// What was done is not done again for this long: the same files are cared for before and after they are shown.
const DONE_FOR: Duration = Duration::from_hours(1);

/// What is remembered of it at most.
const REMEMBERED: usize = 1000;

/// What was done a short while ago, so that nothing is done in circles.
#[derive(Default)]
pub(super) struct RecentCare(Mutex<HashMap<String, Instant>>);

impl RecentCare {
    fn memory(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When it was done, if it was.
    pub(super) fn at(&self, what: &str) -> Option<Instant> {
        self.memory().get(what).copied().filter(|at| at.elapsed() < DONE_FOR)
    }

    /// It is done now.
    pub(super) fn note(&self, what: String) {
        let mut memory = self.memory();
        memory.retain(|_, at| at.elapsed() < DONE_FOR);
        if memory.len() >= REMEMBERED
            && let Some(oldest) = memory.iter().min_by_key(|(_, at)| **at).map(|(what, _)| what.clone())
        {
            memory.remove(&oldest);
        }
        memory.insert(what, Instant::now());
    }
}

impl CareSettings {
    /// Whether there is anything to do for this scan.
    pub(super) fn concern(&self, scan: &TargetScan) -> bool {
        scan.changes.iter().any(|change| self.analyses(change.kind) && change.subject == Subject::File)
            || self.empty_trash.as_ref().is_some_and(|wish| wish.is_due(scan))
            || self.matches(scan)
    }

    pub(super) fn matches(&self, scan: &TargetScan) -> bool {
        let named = |change: &&autoscan_core::change::Change<TargetPath>| {
            change.kind != ChangeKind::Deleted && !change.ids.is_empty()
        };
        self.matching != MatchCare::Off && scan.changes.iter().any(|change| named(&change))
    }

    fn analyses(&self, kind: ChangeKind) -> bool {
        match kind {
            ChangeKind::Modified => matches!(self.analyze, Analyze::Changed | Analyze::All),
            ChangeKind::Created | ChangeKind::Moved => matches!(self.analyze, Analyze::New | Analyze::All),
            ChangeKind::Deleted | ChangeKind::Rescan => false,
        }
    }
}

impl Plex {
    /// Cares for a scan; puts it off while a library that owns the folder is scanned.
    pub(super) async fn care_for(&self, care: &CareScan) -> Result<Care, Fault> {
        let (_, owners) = libraries::owners(&self.server, &care.scan.folder).await?;
        let sections = self.server.sections().await?;
        let mut places: Vec<(Owner, Section)> = Vec::new();
        for owner in owners {
            let Some(section) = sections.iter().find(|section| section.key == owner.library.id) else {
                continue;
            };
            if !self.sections.rests(&section.key, section.refreshing) {
                return Ok(Care::Later(format!("Plex is scanning its library {:?}", section.title)));
            }
            places.push((owner, section.clone()));
        }
        let mut notes = Vec::new();
        if care.proven && self.wishes.matches(&care.scan) {
            for (_, section) in &places {
                if let Some(reason) = self.care_for_match(care, section, &mut notes).await? {
                    return Ok(Care::Later(reason));
                }
            }
        }
        for (_, section) in &places {
            notes.extend(self.analyse(care, section).await?);
        }
        if care.proven
            && let Some(wish) = self.wishes.empty_trash.as_ref().filter(|wish| wish.is_due(&care.scan))
        {
            for (_, section) in &places {
                notes.extend(self.empty_trash(wish, care, section).await?);
            }
        }
        Ok(Care::Done(notes))
    }

    /// The items of a file in one library.
    pub(super) async fn items_in(&self, path: &TargetPath, section: &Section) -> Result<Vec<Item>, Fault> {
        let (_, owners) = libraries::owners(&self.server, path).await?;
        match owners.iter().find(|owner| owner.library.id == section.key) {
            Some(owner) => self.files.items_of(&self.server, owner).await,
            None => Ok(Vec::new()),
        }
    }

    /// Analyses what changed: Plex notices a new size in a scan, but reads the streams of a file that it knows only then.
    async fn analyse(&self, care: &CareScan, section: &Section) -> Result<Vec<String>, Fault> {
        // Before the files are shown, only a new size may be waiting for it.
        let wanted = care.scan.changes.iter().filter(|change| {
            self.wishes.analyses(change.kind)
                && (care.proven || change.kind == ChangeKind::Modified)
                && change.subject == Subject::File
                && Role::of(&change.path.0) == Role::Media
        });
        let mut analysed: Vec<(String, String)> = Vec::new();
        for change in wanted {
            let done =
                format!("analyse {} {} {:?}", section.key, change.path, size(&care.expected, &change.path));
            if self.recently.at(&done).is_some() {
                continue;
            }
            let items = self.items_in(&change.path, section).await?;
            if items.is_empty() {
                continue;
            }
            for item in items {
                let key = match (self.wishes.scope, &item.parent_rating_key) {
                    (AnalyzeScope::Season, Some(season)) => season.clone(),
                    _ => item.rating_key.clone(),
                };
                if analysed.iter().any(|(known, _)| *known == key) {
                    continue;
                }
                self.server
                    .put(
                        &self
                            .server
                            .request(autoscan_http::Method::PUT, &["library", "metadata", &key, "analyze"]),
                    )
                    .await?;
                analysed.push((key, item.title));
            }
            self.recently.note(done);
        }
        Ok(match analysed.as_slice() {
            [] => Vec::new(),
            [(_, title)] => vec![format!("Plex analyses {title:?} of its library {:?}", section.title)],
            many => vec![format!("Plex analyses {} items of its library {:?}", many.len(), section.title)],
        })
    }
}

/// The size that a file is wanted to have.
fn size(expected: &[ExpectedFile], path: &TargetPath) -> Option<u64> {
    expected.iter().find(|one| one.path == *path).and_then(|one| match one.presence {
        Presence::There { size } => size,
        Presence::Gone => None,
    })
}
