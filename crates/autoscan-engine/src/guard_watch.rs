//! Watches what guards folders: notices mounts that are gone for a moment, lets go what was held for something that stands
//! again, and keeps what must survive a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::path::LocalPath;
use autoscan_core::ports::StoreError;
use autoscan_core::storm::HeldStorm;
use autoscan_core::time::SteadyTime;
use tracing::info;

use crate::gate::Gate;
use crate::mounts::Mounts;
use crate::ports::Ports;
use crate::wakeup::Wakeup;
use crate::worker::Worker;

/// How often there is a look at the table of mounts and at what scans are held for.
const EVERY: Duration = Duration::from_secs(5);

/// Watches guards.
pub(crate) struct GuardWatch {
    ports: Arc<Ports>,
    gate: Arc<Gate>,
    mounts: Arc<Mounts>,
    /// Wakes whoever starts scans.
    scheduler: Arc<Wakeup>,
    /// Woken when there is something to keep.
    changed: Arc<Wakeup>,
    /// What the store has.
    kept_mounts: BTreeSet<LocalPath>,
    kept_storms: BTreeMap<LocalPath, HeldStorm>,
    looked_at: Option<SteadyTime>,
}

impl GuardWatch {
    /// What it watches was restored from the store before.
    pub(crate) fn new(
        ports: Arc<Ports>,
        gate: Arc<Gate>,
        mounts: Arc<Mounts>,
        scheduler: Arc<Wakeup>,
        changed: Arc<Wakeup>,
    ) -> Self {
        let kept_mounts = mounts.known().into_iter().collect();
        let kept_storms = by_prefix(gate.storms.held());
        Self { ports, gate, mounts, scheduler, changed, kept_mounts, kept_storms, looked_at: None }
    }

    async fn keep_mounts(&mut self) -> Result<(), StoreError> {
        let known: BTreeSet<LocalPath> = self.mounts.known().into_iter().collect();
        if known == self.kept_mounts {
            return Ok(());
        }
        let seen = known.difference(&self.kept_mounts).cloned().collect();
        let gone = self.kept_mounts.difference(&known).cloned().collect();
        self.ports.store.change_mounts(seen, gone).await?;
        self.kept_mounts = known;
        Ok(())
    }

    async fn keep_storms(&mut self) -> Result<(), StoreError> {
        let held = by_prefix(self.gate.storms.held());
        let is_new = |storm: &&HeldStorm| {
            self.kept_storms.get(&storm.prefix).is_none_or(|kept| kept.deleted != storm.deleted)
        };
        let new: Vec<HeldStorm> = held.values().filter(is_new).cloned().collect();
        let over: Vec<LocalPath> =
            self.kept_storms.keys().filter(|prefix| !held.contains_key(*prefix)).cloned().collect();
        if new.is_empty() && over.is_empty() {
            return Ok(());
        }
        self.ports.store.change_storms(new, over).await?;
        self.kept_storms = held;
        Ok(())
    }

    /// Makes due again what was held for a prefix whose guards stand again.
    async fn release(&self) -> Result<(), StoreError> {
        for prefix in self.ports.store.held_prefixes().await? {
            if self.gate.is_fallen(&prefix).await {
                continue;
            }
            let scans = self.ports.store.release(&prefix, self.ports.now()).await?;
            info!(?prefix, scans, "what was held below this folder goes on");
            self.scheduler.wake();
        }
        Ok(())
    }
}

fn by_prefix(storms: Vec<HeldStorm>) -> BTreeMap<LocalPath, HeldStorm> {
    storms.into_iter().map(|storm| (storm.prefix.clone(), storm)).collect()
}

#[async_trait]
impl Worker for GuardWatch {
    fn wakeup(&self) -> Arc<Wakeup> {
        Arc::clone(&self.changed)
    }

    fn while_failing(&self) -> String {
        "the mounts that were seen, and what is held for them, cannot be kept".to_owned()
    }

    async fn step(&mut self) -> Result<Duration, StoreError> {
        self.keep_mounts().await?;
        self.keep_storms().await?;
        let now = self.ports.steady();
        if let Some(next) = self.looked_at.map(|at| at + EVERY).filter(|next| *next > now) {
            return Ok(next.since(now));
        }
        self.gate.guards.look_at_mounts().await;
        self.release().await?;
        self.looked_at = Some(self.ports.steady());
        Ok(EVERY)
    }
}
