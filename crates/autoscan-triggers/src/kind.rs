//! What a kind of trigger is made of.

use std::sync::Arc;

use autoscan_core::guide::Guide;
use autoscan_core::ports::{Clock, Files, Source, Trigger};

/// Makes a source whose settings were read already.
pub type MakeSource = Box<dyn FnOnce(SourcePorts) -> Arc<dyn Source> + Send>;

/// Reads the settings of a source, and answers what makes it.
pub type OpenSource = fn(&serde_json::Value) -> Result<MakeSource, serde_json::Error>;

/// What a source may use of the machine.
#[derive(Clone)]
pub struct SourcePorts {
    /// The disk.
    pub files: Arc<dyn Files>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// A kind of trigger.
pub struct TriggerKind {
    /// Its name in the config: `sonarr`.
    pub name: &'static str,
    /// The schema of the settings that only this kind has: an object.
    pub settings: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
    /// Reads its settings and makes its reader. Keys it does not know are left to others.
    pub open: fn(&serde_json::Value) -> Result<Arc<dyn Trigger>, serde_json::Error>,
    /// Reads its settings for what streams its changes; none for a kind that waits for requests alone.
    pub source: Option<OpenSource>,
    /// Whether it reads requests. A kind that takes none says so in an error.
    pub takes_requests: bool,
    /// Whether a person or script waits for the answer, who must be told of a refused path.
    pub for_people: bool,
    /// The version of the API that an arr of this kind has: `v3`. None for what is no arr.
    pub api: Option<&'static str>,
    /// How a person sets the sender up.
    pub guide: Guide,
    /// Keys that the body's object has when it is of this kind.
    pub(crate) marks: &'static [&'static str],
}
