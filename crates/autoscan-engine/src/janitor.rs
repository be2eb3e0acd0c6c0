//! Forgets what is old, a little at a time, and keeps what was counted.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::ports::StoreError;
use autoscan_core::time::SteadyTime;
use tracing::{debug, info, warn};

use crate::bus::Bus;
use crate::gate::Gate;
use crate::history::History;
use crate::ports::Ports;
use crate::wakeup::Wakeup;
use crate::worker::Worker;

/// How often there is a look for sessions that are over. Nobody can use them meanwhile.
const SESSIONS_EVERY: Duration = Duration::from_hours(1);
/// Scans forgotten in one transaction, so that no sender waits long behind it.
const BATCH: usize = 500;
/// Between two such transactions.
const BREATH: Duration = Duration::from_millis(50);

/// Tidies up.
pub(crate) struct Janitor {
    pub(crate) ports: Arc<Ports>,
    pub(crate) bus: Arc<Bus>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) history: Arc<History>,
    /// How long finished scans are kept.
    pub(crate) keep_scans: Duration,
    pub(crate) wakeup: Arc<Wakeup>,
    /// When it tidies next.
    pub(crate) next: SteadyTime,
    pub(crate) sessions_next: SteadyTime,
}

impl Janitor {
    /// How often there is a look for old scans.
    pub(crate) const EVERY: Duration = Duration::from_mins(1);

    async fn sweep_sessions(&self) {
        match self.ports.store.sweep_sessions(self.ports.now()).await {
            Ok(0) => {}
            Ok(count) => debug!(sessions = count, "forgot sessions that are over"),
            Err(failure) => {
                debug!(%failure, "old sessions cannot be forgotten; autoscan tries again in an hour");
            }
        }
    }
}

#[async_trait]
impl Worker for Janitor {
    fn wakeup(&self) -> Arc<Wakeup> {
        Arc::clone(&self.wakeup)
    }

    fn while_failing(&self) -> String {
        "what is counted cannot be kept, and old scans cannot be forgotten".to_owned()
    }

    async fn step(&mut self) -> Result<Duration, StoreError> {
        let now = self.ports.steady();
        if self.next > now {
            return Ok(self.next.since(now));
        }
        self.gate.tidy();
        self.history.keep(&self.ports).await?;
        if self.sessions_next <= now {
            self.sessions_next = now + SESSIONS_EVERY;
            self.sweep_sessions().await;
        }
        let forgotten = self.ports.store.sweep(self.ports.now() - self.keep_scans, BATCH).await?;
        if forgotten > 0 {
            self.bus.many_scans();
            info!(scans = forgotten, "forgot finished scans that are older than the history");
        }
        if forgotten == BATCH {
            return Ok(BREATH);
        }
        self.next = now + Self::EVERY;
        Ok(Self::EVERY)
    }

    async fn finish(&mut self) {
        if let Err(failure) = self.history.keep(&self.ports).await {
            warn!(%failure, "what was counted last could not be kept");
        }
    }
}
