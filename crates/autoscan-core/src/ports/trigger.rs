use crate::change::{Change, Refusal};
use crate::path::TriggerPath;

/// One request of a sender, as it came in. The sender was let in already.
#[derive(Clone, Copy, Debug)]
pub struct Hook<'a> {
    /// The query's names and values, decoded, in order.
    pub query: &'a [(String, String)],
    /// The `Content-Type` header, if any.
    pub content_type: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// What a request said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The sender's own name of the event, escaped and shortened for a person; empty when it has none.
    pub event: String,
    /// The changes, in the order of the request. Empty for an event that changes nothing.
    pub changes: Vec<Change<TriggerPath>>,
    /// Files among the deleted ones that the sender missed on the disk, and of whose return it says nothing: they are looked for
    /// again.
    pub missing: Vec<TriggerPath>,
    /// Paths that were not believed.
    pub refused: Vec<Refusal>,
}

/// Why a request could not be read at all: malformed, truncated, empty or not of this kind. A sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReadError(pub String);

/// A reader of one kind of sender's requests. Pure: it knows no disk and no clock.
pub trait Trigger: Send + Sync {
    /// The changes a request reports. Lenient in what it reads (unknown events and fields are fine), not in what it
    /// believes (a bad path is refused, and the rest still counts).
    fn read(&self, hook: &Hook<'_>) -> Result<Reading, ReadError>;
}
