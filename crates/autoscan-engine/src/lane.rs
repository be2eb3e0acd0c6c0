//! What a lane is doing: whether its target may be told now, and if not, why and until when.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use autoscan_core::fault::Fault;
use autoscan_core::ports::Identity;
use autoscan_core::retry::Backoff;
use autoscan_core::time::{SteadyTime, Timestamp};
use tracing::{info, warn};

use crate::bound::BoundTarget;
use crate::bus::{Bus, Topic};
use crate::ports::Ports;
use crate::wakeup::Wakeup;

/// What a lane is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LaneState {
    /// Not asked yet.
    Starting,
    /// The server answered the last time.
    Open,
    /// The server did not answer; it is probed again at `until`.
    Away { reason: String, since: Timestamp, failures: u32, until: SteadyTime },
    /// The server rejected the key: a person must act. It is probed again at `until`.
    Misconfigured { reason: String, since: Timestamp, failures: u32, until: SteadyTime },
    /// The server asked us to wait until then.
    Busy { reason: String, until: SteadyTime },
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
    pub(crate) fn until(&self) -> Option<SteadyTime> {
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

/// Why a lane that is well tells nobody now: the hour, or people who watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Suspension {
    pub(crate) reason: String,
    pub(crate) until: Timestamp,
}

/// A target's lane: what its deliverer, its verifier and the rest of the engine share of it.
pub(crate) struct Lane {
    pub(crate) target: Arc<BoundTarget>,
    ports: Arc<Ports>,
    bus: Arc<Bus>,
    /// Wakes the deliverer.
    pub(crate) deliver: Arc<Wakeup>,
    /// Wakes the verifier.
    pub(crate) verify: Arc<Wakeup>,
    inner: Mutex<Inner>,
    /// Held by the one who probes, with what the last probe said.
    probing: tokio::sync::Mutex<LastProbe>,
}

struct Inner {
    state: LaneState,
    pause: Option<Pause>,
    suspension: Option<Suspension>,
    version: Option<String>,
    /// Since when the server answers again after an outage.
    answering_since: Option<Timestamp>,
    /// Probes that were begun.
    probes: u64,
}

#[derive(Default)]
struct LastProbe {
    number: u64,
    found_well: bool,
}

impl Lane {
    pub(crate) fn new(target: BoundTarget, ports: Arc<Ports>, bus: Arc<Bus>) -> Self {
        let inner = Inner {
            state: LaneState::Starting,
            pause: None,
            suspension: None,
            version: None,
            answering_since: None,
            probes: 0,
        };
        Self {
            target: Arc::new(target),
            ports,
            bus,
            deliver: Arc::new(Wakeup::new()),
            verify: Arc::new(Wakeup::new()),
            inner: Mutex::new(inner),
            probing: tokio::sync::Mutex::default(),
        }
    }

    pub(crate) fn state(&self) -> LaneState {
        self.lock().state.clone()
    }

    /// Whether the server is well as far as is known, and no person has paused it: then it may be asked.
    pub(crate) fn is_open(&self) -> bool {
        self.pause().is_none() && matches!(self.lock().state, LaneState::Open)
    }

    pub(crate) fn version(&self) -> Option<String> {
        self.lock().version.clone()
    }

    pub(crate) fn set_version(&self, version: &str) {
        let before = self.lock().version.replace(version.to_owned());
        if before.is_none_or(|before| before != version) {
            self.changed();
        }
    }

    /// The pause in force now.
    pub(crate) fn pause(&self) -> Option<Pause> {
        let now = self.ports.now();
        self.lock().pause.filter(|pause| pause.until.is_none_or(|until| until > now))
    }

    pub(crate) fn set_pause(&self, pause: Option<Pause>) {
        self.lock().pause = pause;
        self.wake();
        self.changed();
    }

    /// A person has looked: a server that is away or rejected the key is probed now.
    pub(crate) fn hurry(&self) {
        let now = self.ports.steady();
        match &mut self.lock().state {
            LaneState::Away { until, .. } | LaneState::Misconfigured { until, .. } => *until = now,
            LaneState::Starting | LaneState::Open | LaneState::Busy { .. } => {}
        }
        self.deliver.wake();
    }

    /// Why a lane that is well tells nobody now.
    pub(crate) fn suspension(&self) -> Option<Suspension> {
        self.lock().suspension.clone()
    }

    pub(crate) fn suspend(&self, suspension: Option<Suspension>) {
        let reason = suspension.as_ref().map(|suspension| suspension.reason.clone());
        let before = std::mem::replace(&mut self.lock().suspension, suspension);
        if before.map(|before| before.reason) != reason {
            self.changed();
        }
    }

    /// Since when the server answers again, when there was an outage since the start.
    pub(crate) fn answering_since(&self) -> Option<Timestamp> {
        self.lock().answering_since
    }

    /// The clock was set back: nothing happened later than now.
    pub(crate) fn clock_was_set_back(&self, now: Timestamp) {
        let mut inner = self.lock();
        inner.answering_since = inner.answering_since.map(|since| since.min(now));
        match &mut inner.state {
            LaneState::Away { since, .. } | LaneState::Misconfigured { since, .. } => {
                *since = (*since).min(now);
            }
            LaneState::Starting | LaneState::Open | LaneState::Busy { .. } => {}
        }
        drop(inner);
        self.wake();
    }

    /// The time for which a server asked us to wait may be over: then the lane is open again.
    pub(crate) fn end_of_busy(&self) {
        let now = self.ports.steady();
        {
            let mut inner = self.lock();
            match &inner.state {
                LaneState::Busy { until, .. } if *until <= now => inner.state = LaneState::Open,
                _ => return,
            }
        }
        self.verify.wake();
        self.changed();
    }

    /// Asks the server who it is, and opens or holds the lane by the answer. Whoever asks at the same time shares it.
    pub(crate) async fn probe(&self) {
        let begun = self.lock().probes;
        self.probe_after(begun).await;
    }

    /// Whether the server is well, as a probe says that is begun after this many others were.
    async fn probe_after(&self, begun: u64) -> bool {
        let mut last = self.probing.lock().await;
        if last.number > begun {
            return last.found_well;
        }
        let number = {
            let mut inner = self.lock();
            inner.probes += 1;
            inner.probes
        };
        let answer = self.target.server.probe().await;
        let found_well = answer.is_ok();
        match answer {
            Ok(identity) => self.answered(&identity),
            Err(fault) => self.stopped_by(&fault),
        }
        *last = LastProbe { number, found_well };
        found_well
    }

    /// Whose fault it is that a call failed. A call that fails while a probe right after it succeeds fails by its own fault:
    /// it is wrong, and counted against its delivery. Otherwise the lane holds until a probe succeeds.
    pub(crate) async fn attribute(&self, fault: Fault) -> Fault {
        match fault {
            Fault::Away { reason } | Fault::Refused { reason } if self.is_well().await => {
                Fault::wrong(format!("{reason}; the server is well otherwise"))
            }
            Fault::Busy { .. } => {
                self.stopped_by(&fault);
                fault
            }
            other => other,
        }
    }

    async fn is_well(&self) -> bool {
        let begun = self.lock().probes;
        self.probe_after(begun).await
    }

    fn changed(&self) {
        self.bus.name(Topic::Target, &self.target.name);
    }

    /// Wakes whoever works in this lane.
    pub(crate) fn wake(&self) {
        self.deliver.wake();
        self.verify.wake();
    }

    /// The server answered a probe.
    fn answered(&self, identity: &Identity) {
        let (now, before, is_new) = {
            let mut inner = self.lock();
            let now = self.ports.now();
            let known = inner.version.replace(identity.version.clone());
            let before = std::mem::replace(&mut inner.state, LaneState::Open);
            if before.failures().1.is_some() {
                inner.answering_since = Some(now);
            }
            (now, before, known.as_ref() != Some(&identity.version))
        };
        if before == LaneState::Open {
            if is_new {
                self.changed();
            }
            return;
        }
        let away = before.failures().1.map(|since| now.since(since).as_secs());
        info!(
            target = %self.target.name,
            product = identity.product,
            version = identity.version,
            away_seconds = away,
            "the server answers"
        );
        self.wake();
        self.changed();
    }

    /// The lane holds because of `fault`.
    fn stopped_by(&self, fault: &Fault) {
        let (now, steady, jitter) = (self.ports.now(), self.ports.steady(), self.ports.jitter());
        let (before, after) = {
            let mut inner = self.lock();
            let (failures, since) = inner.state.failures();
            let (failures, since) = (failures.saturating_add(1), since.unwrap_or(now));
            let reason = fault.reason().to_owned();
            let after = match fault {
                Fault::Busy { after, .. } => LaneState::Busy { reason, until: steady + *after },
                Fault::Refused { .. } => {
                    let until = steady + Backoff::REFUSED.pause(failures, jitter);
                    LaneState::Misconfigured { reason, since, failures, until }
                }
                _ => LaneState::Away {
                    reason,
                    since,
                    failures,
                    until: steady + Backoff::AWAY.pause(failures, jitter),
                },
            };
            let word = after.word();
            (std::mem::replace(&mut inner.state, after).word(), word)
        };
        if before != after {
            warn!(
                target = %self.target.name,
                reason = fault.reason(),
                state = after,
                "the target is not told for now; its scans are queued, and other targets go on"
            );
        }
        self.deliver.wake();
        self.changed();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
