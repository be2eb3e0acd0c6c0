//! One lane per target: it claims due deliveries, tells the server, and holds by itself while the server is away.
//! Targets are strangers: nothing here waits for another lane.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use autoscan_core::delivery::{self, Delivery, DeliveryState, Outcome};
use autoscan_core::fault::Fault;
use autoscan_core::ports::{Claimed, Settlement, StoreError};
use autoscan_core::retry::Backoff;
use autoscan_core::time::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::alarm::Alarm;
use crate::bound::BoundTarget;
use crate::bundle::{Bundle, bundle};
use crate::{Engine, Parts};

/// Deliveries leased at a time. An outage's worth is merged by folder within one such batch.
const BATCH: usize = 500;
/// Longer than telling one batch can take.
const LEASE: Duration = Duration::from_mins(30);
/// However quiet it is, look this often.
const SAFETY_NET: Duration = Duration::from_secs(15);
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// What a lane is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LaneState {
    /// Not asked yet.
    Starting,
    /// The server answered the last time.
    Open,
    /// The server did not answer; it is probed again at `until`.
    Away { reason: String, since: Timestamp, failures: u32, until: Timestamp },
    /// The server rejected the key; it is probed again at `until`.
    Misconfigured { reason: String, since: Timestamp, failures: u32, until: Timestamp },
    /// The server asked us to wait until then.
    Busy { reason: String, until: Timestamp },
}

impl LaneState {
    /// Why the lane holds, in a sentence; none when it does not.
    pub(crate) fn reason(&self) -> Option<&str> {
        match self {
            Self::Starting | Self::Open => None,
            Self::Away { reason, .. } | Self::Misconfigured { reason, .. } | Self::Busy { reason, .. } => {
                Some(reason)
            }
        }
    }

    /// When it goes on, if it holds.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Starting | Self::Open => None,
            Self::Away { until, .. } | Self::Misconfigured { until, .. } | Self::Busy { until, .. } => {
                Some(*until)
            }
        }
    }

    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Open => "open",
            Self::Away { .. } => "away",
            Self::Misconfigured { .. } => "misconfigured",
            Self::Busy { .. } => "busy",
        }
    }

    fn failures(&self) -> (u32, Option<Timestamp>) {
        match self {
            Self::Away { failures, since, .. } | Self::Misconfigured { failures, since, .. } => {
                (*failures, Some(*since))
            }
            _ => (0, None),
        }
    }
}

/// How long a person has stopped a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pause {
    /// Until then, or until it is resumed.
    pub(crate) until: Option<Timestamp>,
}

/// A target's lane, as the rest of the engine sees it.
pub(crate) struct Lane {
    pub(crate) alarm: Alarm,
    inner: Mutex<Inner>,
}

struct Inner {
    state: LaneState,
    pause: Option<Pause>,
    version: Option<String>,
}

impl Lane {
    pub(crate) fn new() -> Self {
        let inner = Inner { state: LaneState::Starting, pause: None, version: None };
        Self { alarm: Alarm::new(), inner: Mutex::new(inner) }
    }

    pub(crate) fn state(&self) -> LaneState {
        self.lock().state.clone()
    }

    pub(crate) fn version(&self) -> Option<String> {
        self.lock().version.clone()
    }

    pub(crate) fn set_version(&self, version: String) {
        self.lock().version = Some(version);
    }

    /// The pause in force at `now`.
    pub(crate) fn pause(&self, now: Timestamp) -> Option<Pause> {
        self.lock().pause.filter(|pause| pause.until.is_none_or(|until| until > now))
    }

    pub(crate) fn set_pause(&self, pause: Option<Pause>) {
        self.lock().pause = pause;
        self.alarm.ring();
    }

    /// A person has looked: a server that is away or rejected the key is probed now.
    pub(crate) fn hurry(&self, now: Timestamp) {
        match &mut self.lock().state {
            LaneState::Away { until, .. } | LaneState::Misconfigured { until, .. } => *until = now,
            LaneState::Starting | LaneState::Open | LaneState::Busy { .. } => {}
        }
        self.alarm.ring();
    }

    fn set_state(&self, state: LaneState) -> LaneState {
        std::mem::replace(&mut self.lock().state, state)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Delivers to one target until `stop`.
pub(crate) async fn run(engine: Arc<Engine>, index: usize, stop: CancellationToken) {
    let worker = Worker {
        parts: &engine.parts,
        target: &engine.parts.targets[index],
        lane: &engine.lanes[index],
        stop: &stop,
    };
    let mut failing = false;
    while !stop.is_cancelled() {
        worker.lane.alarm.arm();
        let pause = match worker.step().await {
            Ok(pause) => {
                failing = false;
                pause
            }
            Err(failure) => {
                if !failing {
                    error!(target = %worker.target.name, %failure, "deliveries cannot be kept; autoscan goes on trying");
                }
                failing = true;
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = worker.lane.alarm.rung() => {}
            () = engine.parts.clock.sleep(pause) => {}
        }
    }
}

struct Worker<'e> {
    parts: &'e Parts,
    target: &'e BoundTarget,
    lane: &'e Lane,
    stop: &'e CancellationToken,
}

impl Worker<'_> {
    /// Does what can be done now; answers how long there is nothing more to do.
    async fn step(&self) -> Result<Duration, StoreError> {
        let now = self.parts.clock.now();
        if let Some(pause) = self.lane.pause(now) {
            return Ok(pause.until.map_or(SAFETY_NET, |until| until.since(now)));
        }
        match self.lane.state() {
            LaneState::Open => {}
            LaneState::Busy { until, .. } if until <= now => {
                self.lane.set_state(LaneState::Open);
            }
            LaneState::Starting => return Ok(self.probe().await),
            LaneState::Away { until, .. } | LaneState::Misconfigured { until, .. } if until <= now => {
                return Ok(self.probe().await);
            }
            held => return Ok(held.until().map_or(SAFETY_NET, |until| until.since(now))),
        }
        let claimed = self.parts.store.claim(&self.target.name, now, LEASE, BATCH).await?;
        if claimed.is_empty() {
            let next = self.parts.store.next_attempt(&self.target.name).await?;
            let at = next.unwrap_or(now + SAFETY_NET).min(now + SAFETY_NET);
            self.lane.alarm.sleeps_until(at);
            return Ok(at.since(now));
        }
        self.deliver(claimed).await?;
        Ok(Duration::ZERO)
    }

    /// Asks the server who it is: one probe releases the lane.
    async fn probe(&self) -> Duration {
        let answer = tokio::select! {
            answer = self.target.server.probe() => answer,
            () = self.stop.cancelled() => return Duration::ZERO,
        };
        let now = self.parts.clock.now();
        match answer {
            Ok(identity) => {
                self.lane.set_version(identity.version.clone());
                let before = self.lane.set_state(LaneState::Open);
                let away = before.failures().1.map(|since| now.since(since).as_secs());
                info!(
                    target = %self.target.name,
                    product = identity.product,
                    version = identity.version,
                    away_seconds = away,
                    "the server answers"
                );
                Duration::ZERO
            }
            Err(fault) => self.stopped_by(&fault, now),
        }
    }

    /// The lane holds because of `fault`; answers for how long.
    fn stopped_by(&self, fault: &Fault, now: Timestamp) -> Duration {
        let before = self.lane.state();
        let (failures, since) = before.failures();
        let (failures, since) = (failures.saturating_add(1), since.unwrap_or(now));
        let reason = fault.reason().to_owned();
        let jitter = (self.parts.jitter)();
        let state = match fault {
            Fault::Busy { after, .. } => LaneState::Busy { reason, until: now + *after },
            Fault::Refused { .. } => {
                let until = now + Backoff::REFUSED.pause(failures, jitter);
                LaneState::Misconfigured { reason, since, failures, until }
            }
            _ => LaneState::Away {
                reason,
                since,
                failures,
                until: now + Backoff::AWAY.pause(failures, jitter),
            },
        };
        if state.word() != before.word() {
            warn!(target = %self.target.name, reason = fault.reason(), state = state.word(), "the lane holds; nothing is lost and other targets go on");
        }
        let pause = state.until().map_or(SAFETY_NET, |until| until.since(now));
        self.lane.set_state(state);
        pause
    }

    /// Tells the server of claimed deliveries, merged by folder; what is not told when the lane stops goes back.
    async fn deliver(&self, claimed: Vec<Claimed>) -> Result<(), StoreError> {
        let Bundle { groups, settled } = bundle(self.target, claimed, self.parts.clock.now());
        if !settled.is_empty() {
            self.log(None, &settled);
            self.parts.store.settle(settled, self.parts.clock.now()).await?;
        }
        let size = if self.target.server.batches() { groups.len().max(1) } else { 1 };
        let mut rest = groups.into_iter().peekable();
        let mut stopped: Option<Fault> = None;
        while rest.peek().is_some() && stopped.is_none() && !self.interrupted() {
            let batch: Vec<_> = rest.by_ref().take(size).collect();
            let scans: Vec<_> = batch.iter().map(|group| group.scan.clone()).collect();
            let answers = self.target.server.scan(&scans).await;
            let now = self.parts.clock.now();
            let mut settlements = Vec::new();
            for (group, answer) in batch.into_iter().zip(answers) {
                let outcome = answer.map_or_else(Outcome::Fault, |()| Outcome::Accepted);
                if let Outcome::Fault(fault) = &outcome
                    && fault.stops_the_lane()
                {
                    stopped.get_or_insert_with(|| fault.clone());
                }
                let told = group.deliveries.into_iter().map(|(scan, delivery)| {
                    let delivery = delivery::next(&delivery, &outcome, now, (self.parts.jitter)());
                    Settlement { scan, delivery }
                });
                let told: Vec<_> = told.collect();
                self.log(Some(group.scan.folder.as_str()), &told);
                settlements.extend(told);
            }
            self.parts.store.settle(settlements, now).await?;
            self.pace(rest.peek().is_some()).await;
        }
        if let Some(fault) = &stopped {
            self.stopped_by(fault, self.parts.clock.now());
        }
        let back: Vec<_> = rest.flat_map(|group| group.deliveries).map(untouched).collect();
        if back.is_empty() { Ok(()) } else { self.parts.store.settle(back, self.parts.clock.now()).await }
    }

    fn interrupted(&self) -> bool {
        self.stop.is_cancelled() || self.lane.pause(self.parts.clock.now()).is_some()
    }

    /// The least time between two calls.
    async fn pace(&self, more: bool) {
        if !self.target.scan_delay.is_zero() {
            tokio::select! {
                () = self.parts.clock.sleep(self.target.scan_delay) => {}
                () = self.stop.cancelled() => {}
            }
        } else if more {
            tokio::task::yield_now().await;
        }
    }

    /// `folder` is the one the server was told of, in its eyes.
    fn log(&self, folder: Option<&str>, settlements: &[Settlement]) {
        for Settlement { scan, delivery } in settlements {
            let (target, scan, error) = (&self.target.name, scan.0, delivery.error.as_deref());
            match delivery.state {
                DeliveryState::Failed => warn!(%target, scan, folder, error, "failed; a person should look"),
                DeliveryState::Held => {}
                state => info!(%target, scan, folder, error, "{}", state.as_str()),
            }
        }
    }
}

/// A delivery that was claimed but not tried: its lease ends and nothing else changes.
fn untouched((scan, delivery): (autoscan_core::scan::ScanId, Delivery)) -> Settlement {
    Settlement { scan, delivery }
}
