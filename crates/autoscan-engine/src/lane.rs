//! What a lane is doing: whether its target may be told now, and if not, why and until when.

use std::sync::{Arc, Mutex, PoisonError};

use autoscan_core::fault::Fault;
use autoscan_core::name::Name;
use autoscan_core::ports::Identity;
use autoscan_core::retry::Backoff;
use autoscan_core::time::Timestamp;
use tracing::{info, warn};

use crate::alarm::Alarm;
use crate::bus::{Bus, Topic};

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

/// Why a lane that is well tells nobody now: the hour, or people who watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hush {
    pub(crate) reason: String,
    pub(crate) until: Timestamp,
}

/// A target's lane, as the rest of the engine sees it.
pub(crate) struct Lane {
    target: Name,
    bus: Arc<Bus>,
    /// Wakes who tells.
    pub(crate) alarm: Alarm,
    /// Wakes who follows what was told.
    pub(crate) follow: Alarm,
    inner: Mutex<Inner>,
}

struct Inner {
    state: LaneState,
    pause: Option<Pause>,
    hush: Option<Hush>,
    version: Option<String>,
    /// Since when the server answers again after an outage.
    answering_since: Option<Timestamp>,
}

impl Lane {
    /// The lane of this target, that tells its changes there.
    pub(crate) fn new(target: Name, bus: Arc<Bus>) -> Self {
        let inner = Inner {
            state: LaneState::Starting,
            pause: None,
            hush: None,
            version: None,
            answering_since: None,
        };
        Self { target, bus, alarm: Alarm::new(), follow: Alarm::new(), inner: Mutex::new(inner) }
    }

    pub(crate) fn state(&self) -> LaneState {
        self.lock().state.clone()
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

    /// The pause in force at `now`.
    pub(crate) fn pause(&self, now: Timestamp) -> Option<Pause> {
        self.lock().pause.filter(|pause| pause.until.is_none_or(|until| until > now))
    }

    pub(crate) fn set_pause(&self, pause: Option<Pause>) {
        self.lock().pause = pause;
        self.alarm.ring();
        self.changed();
    }

    /// A person has looked: a server that is away or rejected the key is probed now.
    pub(crate) fn hurry(&self, now: Timestamp) {
        match &mut self.lock().state {
            LaneState::Away { until, .. } | LaneState::Misconfigured { until, .. } => *until = now,
            LaneState::Starting | LaneState::Open | LaneState::Busy { .. } => {}
        }
        self.alarm.ring();
    }

    /// Why a lane that is well tells nobody now.
    pub(crate) fn hush(&self) -> Option<Hush> {
        self.lock().hush.clone()
    }

    pub(crate) fn set_hush(&self, hush: Option<Hush>) {
        let reason = hush.as_ref().map(|hush| hush.reason.clone());
        let before = std::mem::replace(&mut self.lock().hush, hush);
        if before.map(|before| before.reason) != reason {
            self.changed();
        }
    }

    /// Since when the server answers again, when there was an outage since the start.
    pub(crate) fn answering_since(&self) -> Option<Timestamp> {
        self.lock().answering_since
    }

    /// The server no longer asks us to wait.
    pub(crate) fn busy_no_more(&self) {
        self.lock().state = LaneState::Open;
        self.changed();
    }

    fn changed(&self) {
        self.bus.name(Topic::Target, &self.target);
    }

    /// The server answered a probe.
    pub(crate) fn answered(&self, identity: &Identity, now: Timestamp) {
        let before = {
            let mut inner = self.lock();
            inner.version = Some(identity.version.clone());
            let before = std::mem::replace(&mut inner.state, LaneState::Open);
            if before.failures().1.is_some() {
                inner.answering_since = Some(now);
            }
            before
        };
        let away = before.failures().1.map(|since| now.since(since).as_secs());
        info!(
            target = %self.target,
            product = identity.product,
            version = identity.version,
            away_seconds = away,
            "the server answers"
        );
        self.follow.ring();
        self.changed();
    }

    /// The lane holds because of `fault`.
    pub(crate) fn stopped_by(&self, fault: &Fault, now: Timestamp, jitter: f64) {
        let before = self.state();
        let (failures, since) = before.failures();
        let (failures, since) = (failures.saturating_add(1), since.unwrap_or(now));
        let reason = fault.reason().to_owned();
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
            warn!(target = %self.target, reason = fault.reason(), state = state.word(), "the lane holds; nothing is lost and other targets go on");
        }
        self.lock().state = state;
        self.alarm.ring();
        self.changed();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
