//! Makes the verifier ask at once whenever the server says something by itself.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::ports::StoreError;

use crate::lane::Lane;
use crate::ports::Ports;
use crate::wakeup::Wakeup;
use crate::worker::{UNDISTURBED, Worker};

/// Events that come faster than this are one.
const BETWEEN_EVENTS: Duration = Duration::from_millis(250);

/// Listens to one target.
pub(crate) struct EventListener {
    ports: Arc<Ports>,
    lane: Arc<Lane>,
    wakeup: Arc<Wakeup>,
    /// Whether it said something that was not acted upon yet.
    heard: bool,
}

impl EventListener {
    pub(crate) fn new(ports: Arc<Ports>, lane: Arc<Lane>) -> Self {
        Self { ports, lane, wakeup: Arc::new(Wakeup::new()), heard: false }
    }
}

#[async_trait]
impl Worker for EventListener {
    fn wakeup(&self) -> Arc<Wakeup> {
        Arc::clone(&self.wakeup)
    }

    fn while_failing(&self) -> String {
        format!("the events of {} come to nothing", self.lane.target.name)
    }

    async fn step(&mut self) -> Result<Duration, StoreError> {
        if self.heard {
            let made_due = self.ports.store.make_due(&self.lane.target.name, self.ports.now()).await?;
            self.heard = false;
            if made_due > 0 {
                self.lane.verify.wake();
            }
            self.ports.clock.sleep(BETWEEN_EVENTS).await;
        }
        Ok(UNDISTURBED)
    }

    async fn progress(&mut self) {
        match self.lane.target.server.server_events() {
            Some(events) => events.next().await,
            None => std::future::pending().await,
        }
        self.heard = true;
    }
}
