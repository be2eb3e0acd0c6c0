//! Pauses of lanes by a person; they survive a restart.

use autoscan_core::name::Name;
use autoscan_core::ports::StoreError;
use autoscan_core::time::Timestamp;
use tracing::info;

use crate::engine::Engine;
use crate::lane::Pause;

impl Engine {
    /// Pauses a target, or all when none is named, until `until` or until resumed. Survives a restart. Answers the
    /// names that were paused; empty when there is no such target.
    pub async fn pause(
        &self,
        target: Option<&str>,
        until: Option<Timestamp>,
    ) -> Result<Vec<Name>, StoreError> {
        let _turn = self.pausing.lock().await;
        let names = self.names(target);
        self.ports.store.pause(names.clone(), until).await?;
        self.set_pauses(&names, Some(Pause { until }));
        Ok(names)
    }

    /// Ends a pause.
    pub async fn resume(&self, target: Option<&str>) -> Result<Vec<Name>, StoreError> {
        let _turn = self.pausing.lock().await;
        let names = self.names(target);
        self.ports.store.resume(names.clone()).await?;
        self.set_pauses(&names, None);
        Ok(names)
    }

    fn names(&self, target: Option<&str>) -> Vec<Name> {
        let names = self.targets_bound().map(|target| target.name.clone());
        names.filter(|name| target.is_none_or(|wanted| name.as_str() == wanted)).collect()
    }

    fn set_pauses(&self, names: &[Name], pause: Option<Pause>) {
        for lane in self.lanes.iter().filter(|lane| names.contains(&lane.target.name)) {
            lane.set_pause(pause);
            info!(target = %lane.target.name, paused = pause.is_some(), "a person paused or resumed the target");
        }
    }
}
