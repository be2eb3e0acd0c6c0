//! Looks again when another process changed the queue.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::ports::StoreError;

use crate::bus::Bus;
use crate::lane::Lane;
use crate::ports::Ports;
use crate::wakeup::Wakeup;
use crate::worker::{UNDISTURBED, Worker};

/// Listens to changes that other processes make.
pub(crate) struct Elsewhere {
    ports: Arc<Ports>,
    bus: Arc<Bus>,
    lanes: Vec<Arc<Lane>>,
    /// Wakes whoever starts scans.
    scheduler: Arc<Wakeup>,
    wakeup: Arc<Wakeup>,
}

impl Elsewhere {
    pub(crate) fn new(
        ports: Arc<Ports>,
        bus: Arc<Bus>,
        lanes: Vec<Arc<Lane>>,
        scheduler: Arc<Wakeup>,
    ) -> Self {
        Self { ports, bus, lanes, scheduler, wakeup: Arc::new(Wakeup::new()) }
    }
}

#[async_trait]
impl Worker for Elsewhere {
    fn wakeup(&self) -> Arc<Wakeup> {
        Arc::clone(&self.wakeup)
    }

    fn while_failing(&self) -> String {
        "what other processes change is noticed late".to_owned()
    }

    async fn step(&mut self) -> Result<Duration, StoreError> {
        Ok(UNDISTURBED)
    }

    async fn progress(&mut self) {
        self.ports.store.changed_elsewhere().await;
        self.scheduler.wake();
        self.lanes.iter().for_each(|lane| lane.wake());
        self.bus.many_scans();
    }
}
