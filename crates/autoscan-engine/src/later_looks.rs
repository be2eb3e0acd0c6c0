//! Looks again for files that a sender missed on the disk: no sender reports that one came back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::change::Change;
use autoscan_core::later_look::LaterLook;
use autoscan_core::path::{LocalPath, TriggerPath};
use autoscan_core::ports::{Look, Reading, StoreError};
use tracing::{debug, info};

use crate::bound::BoundTrigger;
use crate::guards::Guards;
use crate::intake::{Incoming, Intake, to_local};
use crate::ports::Ports;
use crate::wakeup::Wakeup;
use crate::worker::Worker;

/// Looks taken from the store at a time.
const AT_A_TIME: usize = 64;
/// However far the next look is, ask the store for it this often: the time of day can be set.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// Looks again for missing files.
pub(crate) struct LaterLooks {
    ports: Arc<Ports>,
    intake: Arc<Intake>,
    guards: Arc<Guards>,
    triggers: Vec<Arc<BoundTrigger>>,
    /// Prefixes for which scans are held and below which files are back: what is held is looked at again once all that is due
    /// was looked for.
    proven: BTreeSet<LocalPath>,
}

/// What a look says.
enum Found {
    /// The file is there.
    Back(LocalPath),
    /// It is not, or nobody wants to know any more.
    Later(Option<LaterLook>),
}

impl LaterLooks {
    pub(crate) fn new(
        ports: Arc<Ports>,
        intake: Arc<Intake>,
        guards: Arc<Guards>,
        triggers: Vec<Arc<BoundTrigger>>,
    ) -> Self {
        Self { ports, intake, guards, triggers, proven: BTreeSet::new() }
    }

    /// Looks for one file. What is back is in the queue when this ends, and so its look has ended.
    async fn take(&mut self, look: LaterLook) -> Result<Option<LaterLook>, StoreError> {
        let known = self.triggers.iter().find(|trigger| trigger.name == look.trigger).cloned();
        // Since a reload there may be no such trigger, or no look at the disk.
        let Some(trigger) = known.filter(|_| self.intake.rules.files.check) else { return Ok(None) };
        let sent = look.sent_path.clone().unwrap_or_else(|| TriggerPath(look.path.0.clone()));
        match self.find(&trigger, &sent, look).await {
            Found::Later(later) => Ok(later),
            Found::Back(path) => {
                info!(trigger = %trigger.name, path = ?path.as_str(), "a file that was reported missing is back; autoscan scans its folder");
                let incoming = Incoming {
                    trigger: &trigger,
                    mapped_by: &trigger,
                    targets: trigger.targets.clone(),
                    bookmark: None,
                    again: false,
                    counted: false,
                };
                let reading = Reading { changes: vec![Change::created(sent)], ..Reading::default() };
                self.intake.take_changes(incoming, reading).await?;
                let held = self.ports.store.held_prefixes().await?;
                self.proven.extend(held.into_iter().filter(|prefix| path.0.is_within(&prefix.0)));
                Ok(None)
            }
        }
    }

    /// Lets the gate look again at what is held for prefixes below which files are back: so many losses at once were rather a lost
    /// mount. What has no file that is back is held again.
    async fn release(&mut self) -> Result<(), StoreError> {
        while let Some(prefix) = self.proven.first().cloned() {
            self.ports.store.release(&prefix, self.ports.now()).await?;
            self.proven.remove(&prefix);
            self.intake.scheduler.wake();
        }
        Ok(())
    }

    async fn find(&self, trigger: &BoundTrigger, sent: &TriggerPath, look: LaterLook) -> Found {
        let now = self.ports.now();
        let Ok(path) = to_local(&trigger.map, sent) else { return Found::Later(None) };
        let folder = path.parent().unwrap_or_else(|| path.clone());
        if let Some(reason) = self.guards.fallen(&folder).await {
            debug!(path = ?path.as_str(), reason, "a missing file is not looked for yet");
            return Found::Later(look.postponed(now));
        }
        match self.ports.files.look(&path).await {
            Look::File { .. } | Look::Folder => Found::Back(path),
            Look::Missing => Found::Later(look.not_found(now)),
            Look::Unreachable(_) => Found::Later(look.postponed(now)),
        }
    }
}

#[async_trait]
impl Worker for LaterLooks {
    fn wakeup(&self) -> Arc<Wakeup> {
        Arc::clone(&self.intake.later_looks)
    }

    fn while_failing(&self) -> String {
        "missing files cannot be looked for".to_owned()
    }

    async fn step(&mut self) -> Result<Duration, StoreError> {
        let due = self.ports.store.due_later_looks(self.ports.now(), AT_A_TIME).await?;
        let more = due.len() == AT_A_TIME;
        let (mut later, mut over) = (Vec::new(), Vec::new());
        for look in due {
            let path = look.path.clone();
            match self.take(look).await? {
                Some(look) => later.push(look),
                None => over.push(path),
            }
        }
        if !later.is_empty() || !over.is_empty() {
            self.ports.store.change_later_looks(later, over).await?;
        }
        if more {
            return Ok(Duration::ZERO);
        }
        self.release().await?;
        let next = self.ports.store.next_later_look().await?;
        let pause = next.map_or(LONGEST_PAUSE, |at| at.since(self.ports.now()).min(LONGEST_PAUSE));
        self.intake.later_looks.sleeps_until(self.ports.steady() + pause);
        Ok(pause)
    }
}
