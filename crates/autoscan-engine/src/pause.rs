//! Pauses of lanes by a person; they survive a restart.

use autoscan_core::name::Name;
use autoscan_core::ports::StoreError;
use autoscan_core::time::Timestamp;
use tracing::info;

use crate::Engine;
use crate::lane::Pause;

/// Kept for a pause without an end.
const FOR_EVER: &str = "for ever";

fn key(target: &Name) -> String {
    format!("paused:{target}")
}

impl Engine {
    /// Pauses a target, or all when none is named, until `until` or until resumed. Survives a restart. Answers the
    /// names that were paused; empty when there is no such target.
    pub async fn pause(
        &self,
        target: Option<&str>,
        until: Option<Timestamp>,
    ) -> Result<Vec<Name>, StoreError> {
        let kept = until.map_or_else(|| FOR_EVER.to_owned(), |until| until.as_millis().to_string());
        self.set_pauses(target, Some(Pause { until }), Some(kept)).await
    }

    /// Ends a pause.
    pub async fn resume(&self, target: Option<&str>) -> Result<Vec<Name>, StoreError> {
        self.set_pauses(target, None, None).await
    }

    async fn set_pauses(
        &self,
        target: Option<&str>,
        pause: Option<Pause>,
        kept: Option<String>,
    ) -> Result<Vec<Name>, StoreError> {
        let _turn = self.pausing.lock().await;
        let mut names = Vec::new();
        for (bound, lane) in self.parts.targets.iter().zip(&self.lanes) {
            if target.is_none_or(|name| bound.name.as_str() == name) {
                self.parts.store.set_setting(&key(&bound.name), kept.clone()).await?;
                lane.set_pause(pause);
                info!(target = %bound.name, paused = pause.is_some(), "a person paused or resumed the target");
                names.push(bound.name.clone());
            }
        }
        Ok(names)
    }

    /// Takes up the pauses that are in force, so that they are seen from the first request on. [`Self::run`] does it once
    /// more: until then they may change through the engine before this one.
    pub async fn take_up_pauses(&self) -> Result<(), StoreError> {
        let _turn = self.pausing.lock().await;
        for (bound, lane) in self.parts.targets.iter().zip(&self.lanes) {
            let kept = self.parts.store.setting(&key(&bound.name)).await?;
            lane.set_pause(kept.map(|kept| Pause { until: kept.parse().ok().map(Timestamp::from_millis) }));
        }
        Ok(())
    }
}
