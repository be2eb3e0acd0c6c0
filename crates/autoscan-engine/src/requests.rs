//! The ways into the queue, as the web interface and the commands use them.

use autoscan_core::change::Change;
use autoscan_core::name::Name;
use autoscan_core::path::TriggerPath;
use autoscan_core::ports::{Hook, Reading, StoreError};

use tracing::{info, warn};

use crate::MANUAL;
use crate::bound::BoundTrigger;
use crate::bus::Topic;
use crate::engine::Engine;
use crate::intake::Incoming;
use crate::views::{IntakeError, IntakeReport, UnknownTrigger};

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

    /// Remembers that a request was rejected before it was read, at the door or because of its type, and warns of it. It is
    /// counted, and the same again is one event; the trigger is as silent as before.
    pub fn note_refused(&self, trigger: &Name, reason: &str) {
        self.intake.note_rejected(trigger, reason);
    }

    /// Remembers that a request was refused though it was right, because autoscan could not take it in: it is lost, unless it is
    /// caught up with.
    pub fn note_lost(&self, trigger: &BoundTrigger, reason: &str) {
        self.intake.note_lost(trigger, "", reason);
    }

    /// A person knows of the requests of a trigger that are lost: the warning of them is put away until another is lost. Answers
    /// whether there was such a warning; none when there is no such trigger. `who` asked for it.
    pub async fn dismiss_lost(&self, trigger: &str, who: &str) -> Result<Option<bool>, StoreError> {
        let Some(trigger) = self.trigger(trigger) else { return Ok(None) };
        let dismissed = self.history.dismiss_lost(&trigger.name, &self.ports).await?;
        if dismissed {
            info!(trigger = %trigger.name, who, "a person put the warning of lost requests away");
            self.bus.name(Topic::Trigger, &trigger.name);
        }
        Ok(Some(dismissed))
    }

    /// Remembers that a sender that was let in asked for a trigger of a name that there is not, and warns of it.
    pub fn note_unknown_trigger(&self, name: &str) {
        let name = self.history.unknown_trigger(name, self.now());
        warn!(
            name = ?name,
            "a request came for a trigger that does not exist; its changes are lost. Check the URL in the sender"
        );
        self.bus.whole(Topic::Trigger);
    }

    /// The names of triggers that senders asked for and that there are not, the last first.
    pub fn unknown_triggers(&self) -> Vec<UnknownTrigger> {
        self.history.unknown_triggers()
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
        let reading = Reading { changes, ..Reading::default() };
        let incoming = Incoming { trigger, mapped_by, targets, bookmark: None, again: false, counted: true };
        Ok(self.intake.take_changes(incoming, reading).await?)
    }
}
