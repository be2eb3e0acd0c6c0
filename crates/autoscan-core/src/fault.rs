//! Faults of a target, named by their consequence.

use std::time::Duration;

/// What went wrong at a target. The variant says what autoscan does next; `reason` is a sentence for a person
/// that never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Refused, timed out, 5xx, starting up: the lane holds and probes; no attempt is counted.
    #[error("{reason}")]
    Away {
        /// What happened.
        reason: String,
    },
    /// 429, or 503 with `Retry-After`: the lane waits that long.
    #[error("{reason}")]
    Busy {
        /// How long the target asked us to wait.
        after: Duration,
        /// What happened.
        reason: String,
    },
    /// The target would be harmed or slowed by this call now: this delivery waits that long, without an attempt counted,
    /// and the lane goes on with others.
    #[error("{reason}")]
    Later {
        /// How long it waits.
        after: Duration,
        /// What it waits for.
        reason: String,
    },
    /// 401 or 403: the lane holds as misconfigured and probes slowly.
    #[error("{reason}")]
    Refused {
        /// What happened.
        reason: String,
    },
    /// No library of the target owns the path, after the list was read afresh once: the delivery is skipped.
    #[error("{reason}")]
    NotMine {
        /// The path and the roots it was compared with.
        reason: String,
    },
    /// 400 or 404 for this one call: this delivery is tried a few times, then fails; the lane goes on.
    #[error("{reason}")]
    Wrong {
        /// What happened.
        reason: String,
    },
}

impl Fault {
    /// A fault that holds the lane until a probe succeeds.
    pub fn away(reason: impl Into<String>) -> Self {
        Self::Away { reason: reason.into() }
    }

    /// A fault of the key or of the permission.
    pub fn refused(reason: impl Into<String>) -> Self {
        Self::Refused { reason: reason.into() }
    }

    /// No library owns the path.
    pub fn not_mine(reason: impl Into<String>) -> Self {
        Self::NotMine { reason: reason.into() }
    }

    /// This one call was not understood.
    pub fn wrong(reason: impl Into<String>) -> Self {
        Self::Wrong { reason: reason.into() }
    }

    /// What happened, in a sentence.
    pub fn reason(&self) -> &str {
        match self {
            Self::Away { reason }
            | Self::Busy { reason, .. }
            | Self::Later { reason, .. }
            | Self::Refused { reason }
            | Self::NotMine { reason }
            | Self::Wrong { reason } => reason,
        }
    }

    /// Whether the whole lane stops, not only this delivery.
    pub fn stops_the_lane(&self) -> bool {
        matches!(self, Self::Away { .. } | Self::Busy { .. } | Self::Refused { .. })
    }
}
