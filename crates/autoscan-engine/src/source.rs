//! Reads the sources that stream, one loop a trigger: a batch is stored together with the place behind it, so that none is
//! lost or stored twice.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::ports::{Bookmark, Source, SourceBatch, SourceFault, StoreError};
use autoscan_core::retry::Backoff;
use autoscan_core::time::SteadyTime;
use tracing::{info, warn};

use crate::bound::BoundTrigger;
use crate::intake::{Incoming, Intake};
use crate::ports::Ports;
use crate::wakeup::Wakeup;
use crate::worker::{UNDISTURBED, Worker};

/// Where the last batch that is stored ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum SourceBookmark {
    /// It was not looked up yet.
    Unread,
    /// None was stored yet.
    Start,
    /// Behind this place.
    At(String),
}

/// Reads the source of one trigger.
pub(crate) struct SourceReader {
    ports: Arc<Ports>,
    intake: Arc<Intake>,
    trigger: Arc<BoundTrigger>,
    source: Arc<dyn Source>,
    wakeup: Arc<Wakeup>,
    bookmark: SourceBookmark,
    /// What was read and is not stored yet.
    read: Option<SourceBatch>,
    /// Whether storing that was tried before.
    again: bool,
    /// After a fault it is left alone until then.
    not_before: SteadyTime,
    /// Faults in a row.
    failures: u32,
}

impl SourceReader {
    pub(crate) fn new(
        ports: Arc<Ports>,
        intake: Arc<Intake>,
        trigger: Arc<BoundTrigger>,
        source: Arc<dyn Source>,
    ) -> Self {
        let wakeup = Arc::new(Wakeup::new());
        Self {
            ports,
            intake,
            trigger,
            source,
            wakeup,
            bookmark: SourceBookmark::Unread,
            read: None,
            again: false,
            not_before: SteadyTime::default(),
            failures: 0,
        }
    }

    async fn store(&mut self, batch: SourceBatch) -> Result<(), StoreError> {
        let place = batch.place.clone();
        let bookmark = Bookmark { trigger: self.trigger.name.clone(), place: place.clone() };
        let incoming = Incoming {
            trigger: &self.trigger,
            mapped_by: &self.trigger,
            targets: self.trigger.targets.clone(),
            bookmark: Some(bookmark),
            again: std::mem::replace(&mut self.again, true),
            counted: true,
        };
        self.intake.take_changes(incoming, batch.reading).await?;
        self.again = false;
        self.bookmark = SourceBookmark::At(place);
        Ok(())
    }

    fn failed(&mut self, fault: &SourceFault) {
        let (trigger, is_first) = (&self.trigger.name, self.failures == 0);
        self.failures = self.failures.saturating_add(1);
        let pause = match fault {
            SourceFault::Busy { after, .. } => *after,
            SourceFault::Away(_) => Backoff::AWAY.pause(self.failures, self.ports.jitter()),
            SourceFault::Refused(_) => Backoff::REFUSED.pause(self.failures, self.ports.jitter()),
        };
        if is_first {
            warn!(%trigger, reason = %fault, "the source of this trigger cannot be read; autoscan goes on trying");
            self.intake.note_refused(&self.trigger.name, &fault.to_string());
        }
        self.not_before = self.ports.steady() + pause;
    }
}

#[async_trait]
impl Worker for SourceReader {
    fn wakeup(&self) -> Arc<Wakeup> {
        Arc::clone(&self.wakeup)
    }

    fn while_failing(&self) -> String {
        format!("what {} reports cannot be stored", self.trigger.name)
    }

    async fn step(&mut self) -> Result<Duration, StoreError> {
        if self.bookmark == SourceBookmark::Unread {
            let kept = self.ports.store.bookmark(&self.trigger.name).await?;
            self.bookmark = kept.map_or(SourceBookmark::Start, SourceBookmark::At);
        }
        if let Some(batch) = self.read.clone() {
            self.store(batch).await?;
            self.read = None;
        }
        Ok(UNDISTURBED)
    }

    async fn progress(&mut self) {
        // What is read must be stored first, and after a fault the source rests for a while.
        let place = match (&self.bookmark, &self.read) {
            (SourceBookmark::Start, None) => None,
            (SourceBookmark::At(place), None) => Some(place.as_str()),
            (SourceBookmark::Unread, _) | (_, Some(_)) => return std::future::pending().await,
        };
        self.ports.clock.sleep(self.not_before.since(self.ports.steady())).await;
        match self.source.next(place).await {
            Ok(batch) => {
                if self.failures > 0 {
                    info!(trigger = %self.trigger.name, "the source of this trigger is read again");
                }
                self.failures = 0;
                self.read = Some(batch);
            }
            Err(fault) => self.failed(&fault),
        }
    }
}
