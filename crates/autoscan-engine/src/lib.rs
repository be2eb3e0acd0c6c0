//! What happens in which order. This crate awaits ports and decides nothing that [`autoscan_core`] could decide.

mod bound;
mod views;

pub use bound::{BoundTarget, BoundTrigger, FileRules, Rules};
pub use views::{ExplainedTarget, Explanation, GateView, TakeError, Taken, TargetView, TriggerView};

use std::sync::Arc;

use autoscan_core::fault::Fault;
use autoscan_core::name::Name;
use autoscan_core::path::TriggerPath;
use autoscan_core::ports::{
    Clock, Files, Hook, Identity, Library, Page, ScanFilter, Stats, Store, StoreError,
};
use autoscan_core::scan::{Scan, ScanId};
use autoscan_core::time::Timestamp;
use tokio_util::sync::CancellationToken;

/// What an engine is made of.
pub struct Parts {
    /// The queue.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The disk.
    pub files: Arc<dyn Files>,
    /// Every trigger; there is one named `manual`.
    pub triggers: Vec<BoundTrigger>,
    /// Every target.
    pub targets: Vec<BoundTarget>,
    /// What holds for all.
    pub rules: Rules,
}

/// The running program, as the web interface and the commands see it.
pub struct Engine {
    parts: Parts,
}

impl Engine {
    /// An engine at rest: nothing happens until [`Self::run`].
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self { parts })
    }

    /// Dispatches, delivers and cleans up until `stop`; then finishes what is being sent and returns.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        stop.cancelled().await;
    }

    /// Takes in one request of a sender: read, map, filter, store. Answers once it is stored.
    pub async fn take(&self, trigger: &Name, hook: &Hook<'_>) -> Result<Taken, TakeError> {
        let _ = (trigger, hook);
        Err(TakeError::UnknownTrigger)
    }

    /// Takes in a scan that a person or script asked for over the API, as the trigger `manual` would.
    pub async fn ask(&self, paths: Vec<TriggerPath>, targets: Option<Vec<Name>>) -> Result<Taken, TakeError> {
        let _ = (paths, targets);
        Err(TakeError::UnknownTrigger)
    }

    /// The trigger of this name.
    pub fn trigger(&self, name: &str) -> Option<&BoundTrigger> {
        self.parts.triggers.iter().find(|trigger| trigger.name.as_str() == name)
    }

    /// The first trigger of this kind.
    pub fn trigger_of_kind(&self, kind: &str) -> Option<&BoundTrigger> {
        self.parts.triggers.iter().find(|trigger| trigger.kind == kind)
    }

    /// One page of scans, newest first. Open deliveries of a lane that is away or paused are shown as held, with the
    /// lane's reason.
    pub async fn list(&self, filter: ScanFilter) -> Result<Page, StoreError> {
        self.parts.store.list(filter).await
    }

    /// One scan.
    pub async fn show(&self, id: ScanId) -> Result<Option<Scan>, StoreError> {
        self.parts.store.show(id).await
    }

    /// Tries a scan again.
    pub async fn retry(&self, id: ScanId) -> Result<Option<Scan>, StoreError> {
        self.parts.store.retry(id, self.parts.clock.now()).await
    }

    /// Forgets a scan.
    pub async fn drop_scan(&self, id: ScanId) -> Result<bool, StoreError> {
        self.parts.store.drop_scan(id).await
    }

    /// Counts of scans by state.
    pub async fn stats(&self) -> Result<Stats, StoreError> {
        self.parts.store.stats().await
    }

    /// Every trigger with what it sent last.
    pub fn triggers(&self) -> Vec<TriggerView> {
        Vec::new()
    }

    /// Every target with the state of its lane.
    pub fn targets(&self) -> Vec<TargetView> {
        Vec::new()
    }

    /// Asks a target who it is, now. None when there is no such target.
    pub async fn test(&self, target: &str) -> Option<Result<(Identity, Vec<Library>), Fault>> {
        let _ = target;
        None
    }

    /// Pauses a target, or all when none is named, until `until` or until resumed. Survives a restart. Answers the
    /// names that were paused; empty when there is no such target.
    pub async fn pause(
        &self,
        target: Option<&str>,
        until: Option<Timestamp>,
    ) -> Result<Vec<Name>, StoreError> {
        let _ = (target, until);
        Ok(Vec::new())
    }

    /// Ends a pause.
    pub async fn resume(&self, target: Option<&str>) -> Result<Vec<Name>, StoreError> {
        let _ = target;
        Ok(Vec::new())
    }

    /// The journey of one path. Changes nothing. None when there is no such trigger (by default `manual`).
    pub async fn explain(&self, path: &TriggerPath, trigger: Option<&str>) -> Option<Explanation> {
        let _ = (path, trigger);
        None
    }

    /// Proves that the store can be written.
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.parts.store.ready().await
    }

    /// The moment now.
    pub fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }
}
