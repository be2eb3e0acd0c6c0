use std::time::Duration;

use async_trait::async_trait;

use super::Reading;

/// What a source found: its changes, and from where on it is read next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceBatch {
    /// The changes, with what was refused.
    pub reading: Reading,
    /// The place behind this batch, in the source's own words. It is kept together with the changes, so that none is lost
    /// or stored twice, however the program ends.
    pub place: String,
}

/// Why a source could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceFault {
    /// It does not answer, or not yet: asked again with growing pauses, without limit.
    #[error("{0}")]
    Away(String),
    /// It asks us to wait.
    #[error("{reason}")]
    Busy {
        /// How long.
        after: Duration,
        /// What it said, in a sentence.
        reason: String,
    },
    /// It rejects our credentials: a person must act; asked again slowly.
    #[error("{0}")]
    Refused(String),
}

/// A source that streams changes: a watched folder, a cloud drive, the history of an arr. It is read from a bookmark on, a
/// batch at a time; what has been read but not stored is read again.
#[async_trait]
pub trait Source: Send + Sync {
    /// The next batch behind `place`, the one of the last batch that was stored; none at the very first. Waits until there is
    /// something to say; an empty batch only moves the place. It may be dropped at any moment, and is asked anew from the same
    /// place then.
    async fn next(&self, place: Option<&str>) -> Result<SourceBatch, SourceFault>;
}
