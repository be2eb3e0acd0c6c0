//! Watches the clock. When it is set back, whatever was to happen at a time that lies in the future now would wait until the
//! clock catches up: it is brought to now.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::ports::StoreError;
use autoscan_core::time::{SteadyTime, Timestamp};
use tracing::warn;

use crate::lane::Lane;
use crate::ports::Ports;
use crate::wakeup::Wakeup;
use crate::worker::Worker;

/// How often the clock is compared with the time that nobody can set.
const EVERY: Duration = Duration::from_secs(5);
/// A clock that goes after by less than this is only set right.
const TOLERATED: Duration = Duration::from_secs(5);

/// Watches the clock.
pub(crate) struct ClockWatch {
    ports: Arc<Ports>,
    lanes: Vec<Arc<Lane>>,
    /// Wakes whoever starts scans.
    scheduler: Arc<Wakeup>,
    wakeup: Arc<Wakeup>,
    last: (Timestamp, SteadyTime),
    /// Whether what lies in the future is still to be brought to now.
    set_back: bool,
}

impl ClockWatch {
    pub(crate) fn new(ports: Arc<Ports>, lanes: Vec<Arc<Lane>>, scheduler: Arc<Wakeup>) -> Self {
        let (wakeup, last) = (Arc::new(Wakeup::new()), (ports.now(), ports.steady()));
        Self { ports, lanes, scheduler, wakeup, last, set_back: false }
    }
}

/// At the start: when what is kept happened later than now, the clock was set back meanwhile.
pub(crate) async fn at_the_start(ports: &Ports) -> Result<(), StoreError> {
    let now = ports.now();
    match ports.store.newest().await? {
        Some(newest) if newest > now + TOLERATED => bring_to(ports, now, newest.since(now)).await,
        _ => Ok(()),
    }
}

async fn bring_to(ports: &Ports, now: Timestamp, by: Duration) -> Result<(), StoreError> {
    let moved = ports.store.bring_to(now).await?;
    warn!(
        seconds = by.as_secs(),
        moved,
        "the clock of this machine was set back; what was to be done later is done now, so that nothing waits for it"
    );
    Ok(())
}

#[async_trait]
impl Worker for ClockWatch {
    fn wakeup(&self) -> Arc<Wakeup> {
        Arc::clone(&self.wakeup)
    }

    fn while_failing(&self) -> String {
        "the clock was set back, and what waits for it cannot be brought forward".to_owned()
    }

    async fn step(&mut self) -> Result<Duration, StoreError> {
        let (now, steady) = (self.ports.now(), self.ports.steady());
        let expected = self.last.0 + steady.since(self.last.1);
        let by = expected.since(now);
        self.set_back |= by > TOLERATED;
        if self.set_back {
            bring_to(&self.ports, now, by).await?;
            self.set_back = false;
            self.lanes.iter().for_each(|lane| lane.clock_was_set_back(now));
            self.scheduler.wake();
        }
        self.last = (now, steady);
        Ok(EVERY)
    }
}
