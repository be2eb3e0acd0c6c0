//! One file per media server: how it is told.
//!
//! A kind is one file and one word in [`kinds`]. Its settings struct is the only truth about its settings; what every
//! target has (name, map, filter, pace) is wrapped around it elsewhere.

mod audiobookshelf;
mod autoscan;
mod command;
mod emby;
mod family;
mod fileflows;
mod jellyfin;
mod kodi;
mod login;
mod mpd;
mod plex;
mod radarr;
mod sonarr;
mod tdarr;
mod webhook;

pub use command::command_hook;
pub use jellyfin::quick_connect;
pub use login::{Code, KeyLogin};
pub use plex::plex_pin;

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

/// Every kind, by name.
pub fn kinds() -> &'static [TargetKind] {
    static KINDS: [TargetKind; 13] = [
        audiobookshelf::KIND,
        autoscan::KIND,
        command::KIND,
        emby::KIND,
        fileflows::KIND,
        jellyfin::KIND,
        kodi::KIND,
        mpd::KIND,
        plex::KIND,
        radarr::KIND,
        sonarr::KIND,
        tdarr::KIND,
        webhook::KIND,
    ];
    &KINDS
}
