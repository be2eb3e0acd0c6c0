//! Takes up what the last run left, before anything is delivered.

use std::time::Duration;

use autoscan_core::ports::StoreError;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::clock_watch;
use crate::engine::Engine;
use crate::heartbeat::Heartbeat;
use crate::lane::Pause;

/// While the store cannot be read at the start, look this often.
const AGAIN: Duration = Duration::from_secs(1);

impl Engine {
    /// Takes up what the last run left. Nobody is told, and nothing is kept, before it was read: it is tried until that
    /// succeeds, or until `stop`. Answers whether it did.
    pub(crate) async fn take_up(&self, stop: &CancellationToken) -> bool {
        let mut failing = false;
        while !stop.is_cancelled() {
            let Err(failure) = self.try_take_up().await else { return true };
            if !std::mem::replace(&mut failing, true) {
                error!(%failure, "what was in hand before the start cannot be read; nobody is told before it is, and requests are stored meanwhile");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.ports.clock.sleep(AGAIN) => {}
            }
        }
        false
    }

    async fn try_take_up(&self) -> Result<(), StoreError> {
        let store = &self.ports.store;
        Heartbeat::first(&self.ports, self.owner).await?;
        clock_watch::at_the_start(&self.ports).await?;
        self.take_up_pauses().await?;
        self.mounts.restore(store.mounts().await?);
        self.gate.storms.restore(store.storms().await?);
        self.history.restore(&self.ports).await?;
        self.reroute_waiting().await
    }

    /// Takes up the pauses that are in force, so that they are seen from the first request on. [`Self::run`] does it once
    /// more: until then they may change through the engine before this one.
    pub async fn take_up_pauses(&self) -> Result<(), StoreError> {
        let _turn = self.pausing.lock().await;
        let pauses = self.ports.store.pauses().await?;
        for lane in &self.lanes {
            let kept = pauses.iter().find(|(name, _)| *name == lane.target.name);
            lane.set_pause(kept.map(|(_, until)| Pause { until: *until }));
        }
        Ok(())
    }
}
