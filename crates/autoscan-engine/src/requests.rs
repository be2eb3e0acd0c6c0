//! The ways into the queue, as the web interface and the commands use them.

use autoscan_core::change::Change;
use autoscan_core::name::Name;
use autoscan_core::path::TriggerPath;
use autoscan_core::ports::{Hook, Reading};

use crate::MANUAL;
use crate::engine::Engine;
use crate::intake::Incoming;
use crate::views::{IntakeError, IntakeReport};

impl Engine {
    /// Takes in one request of a sender: read, map, filter, store. Answers once it is stored.
    pub async fn take(&self, trigger: &Name, hook: &Hook<'_>) -> Result<IntakeReport, IntakeError> {
        let bound = self.trigger(trigger.as_str()).ok_or(IntakeError::UnknownTrigger)?;
        self.intake.take(bound, bound.targets.clone(), hook).await
    }

    /// The same for a request that another autoscan passed on: it is passed on no further.
    pub async fn take_passed_on(&self, trigger: &Name, hook: &Hook<'_>) -> Result<IntakeReport, IntakeError> {
        let bound = self.trigger(trigger.as_str()).ok_or(IntakeError::UnknownTrigger)?;
        let meant = |name: &Name| bound.targets.as_ref().is_none_or(|names| names.contains(name));
        let ends = self.targets_bound().filter(|target| !target.server.passes_on());
        let targets = ends.map(|target| target.name.clone()).filter(meant).collect();
        self.intake.take(bound, Some(targets), hook).await
    }

    /// Remembers that a request was refused before it was read: at the door, or because of its type. It is counted, and
    /// the same again is one event; the trigger is as silent as before.
    pub fn note_refused(&self, trigger: &Name, reason: &str) {
        self.intake.note_refused(trigger, reason);
    }

    /// Takes in a scan that a person or script asked for over the API: a file, when its name says so, else a folder.
    pub async fn ask(
        &self,
        paths: Vec<TriggerPath>,
        targets: Option<Vec<Name>>,
    ) -> Result<IntakeReport, IntakeError> {
        self.ask_as(paths, targets, MANUAL).await
    }

    /// The same for paths as this trigger's sender sees them: its map and its filter count. [`MANUAL`] stands for the
    /// trigger of that kind, whatever its name.
    pub async fn ask_as(
        &self,
        paths: Vec<TriggerPath>,
        targets: Option<Vec<Name>>,
        mapped_by: &str,
    ) -> Result<IntakeReport, IntakeError> {
        let trigger = self.trigger_of_kind(MANUAL).ok_or(IntakeError::UnknownTrigger)?;
        let mapped_by = if mapped_by == MANUAL {
            trigger
        } else {
            self.trigger(mapped_by).ok_or(IntakeError::UnknownTrigger)?
        };
        for name in targets.iter().flatten() {
            if self.lane(name.as_str()).is_none() {
                return Err(IntakeError::UnknownTarget(name.to_string()));
            }
        }
        let targets = targets.or_else(|| mapped_by.targets.clone());
        let mut changes: Vec<Change<TriggerPath>> = Vec::new();
        for path in paths {
            let text = path.to_string();
            let change = Change::asked(path, &text);
            if !changes.contains(&change) {
                changes.push(change);
            }
        }
        let reading = Reading { event: String::new(), changes, refused: Vec::new() };
        let incoming = Incoming { trigger, mapped_by, targets, bookmark: None, again: false };
        Ok(self.intake.take_changes(incoming, reading).await?)
    }
}
