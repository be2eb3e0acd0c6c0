//! Says to the store that this engine lives, so that what it has in hand stays its own, and takes note of what another one
//! left behind.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::ports::{Owner, StoreError};
use tracing::info;

use crate::lane::Lane;
use crate::ports::Ports;
use crate::wakeup::Wakeup;
use crate::worker::Worker;

/// How often.
const EVERY: Duration = Duration::from_secs(10);
/// An engine of which nothing was heard for so long is believed to be gone: longer than the store may be unwritable for a
/// moment, and shorter than a person waits.
const LASTS: Duration = Duration::from_mins(1);

/// Says that an engine lives.
pub(crate) struct Heartbeat {
    ports: Arc<Ports>,
    owner: Owner,
    lanes: Vec<Arc<Lane>>,
    wakeup: Arc<Wakeup>,
}

impl Heartbeat {
    pub(crate) fn new(ports: Arc<Ports>, owner: Owner, lanes: Vec<Arc<Lane>>) -> Self {
        Self { ports, owner, lanes, wakeup: Arc::new(Wakeup::new()) }
    }

    /// Says it once, before anything is claimed.
    pub(crate) async fn first(ports: &Ports, owner: Owner) -> Result<(), StoreError> {
        ports.store.heartbeat(owner, LASTS).await?;
        Ok(())
    }
}

#[async_trait]
impl Worker for Heartbeat {
    fn wakeup(&self) -> Arc<Wakeup> {
        Arc::clone(&self.wakeup)
    }

    fn while_failing(&self) -> String {
        "that this autoscan lives cannot be written down".to_owned()
    }

    async fn step(&mut self) -> Result<Duration, StoreError> {
        let ended = self.ports.store.heartbeat(self.owner, LASTS).await?;
        if ended > 0 {
            info!(deliveries = ended, "what another autoscan had in hand when it ended is taken over");
            self.lanes.iter().for_each(|lane| lane.wake());
        }
        Ok(EVERY)
    }
}
