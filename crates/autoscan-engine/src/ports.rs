//! What every part of the engine is given from outside.

use std::sync::Arc;

use autoscan_core::ports::{Clock, Files, Store};
use autoscan_core::time::{SteadyTime, Timestamp};

/// The store, the time, the disk and chance.
pub(crate) struct Ports {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) files: Arc<dyn Files>,
    /// Chance, between 0 and 1, for the jitter of pauses.
    pub(crate) jitter: fn() -> f64,
}

impl Ports {
    /// The time of day now.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The moment now, whatever becomes of the clock.
    pub(crate) fn steady(&self) -> SteadyTime {
        self.clock.steady()
    }

    /// The time of day at a moment that lies ahead, as far as anybody can tell.
    pub(crate) fn time_of(&self, moment: SteadyTime) -> Timestamp {
        self.now() + moment.since(self.steady())
    }

    /// The moment at which it will be this time of day, unless the clock is set; now for a time that is over.
    pub(crate) fn moment_of(&self, time: Timestamp) -> SteadyTime {
        self.steady() + time.since(self.now())
    }

    /// Chance for the jitter of a pause.
    pub(crate) fn jitter(&self) -> f64 {
        (self.jitter)()
    }
}
