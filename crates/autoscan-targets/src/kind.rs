//! What a kind of target is.

use std::sync::Arc;

use autoscan_core::ports::Target;
use autoscan_http::Http;
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

/// A kind of target.
pub struct TargetKind {
    /// The word in the config: `plex`.
    pub name: &'static str,
    /// The schema of its own settings: an object whose properties are described for a person.
    pub settings: fn(&mut SchemaGenerator) -> Schema,
    /// Makes a target of its settings; keys that are not its own are ignored. Calls nobody. The error is a sentence for a
    /// person and shows no secret.
    pub connect: fn(&Value, &Http) -> Result<Connected, String>,
}

/// A target that was made of its settings.
#[derive(Clone)]
pub struct Connected {
    /// The server itself.
    pub server: Arc<dyn Target>,
    /// Its URL without anything secret, for a person.
    pub url: String,
}
