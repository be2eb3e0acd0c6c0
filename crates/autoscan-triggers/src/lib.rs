//! One file per sender: what its requests say.
//!
//! Every kind of trigger is a file of its own, in the same order: `KIND`, settings, reader, and the sender's JSON
//! (private). To add one, write its file and put its name into the table of [`kinds`].

mod family;
mod folder;
mod kind;
mod lidarr;
mod manual;
mod radarr;
mod recognise;
mod sonarr;

pub use family::arr::{ArrApi, ArrSettings};
pub use family::arr_api::{ArrReport, ArrRoot, ask as ask_arr, ask_roots as ask_arr_roots};
pub use kind::{MakeSource, OpenSource, SourcePorts, TriggerKind};
pub use recognise::recognise;

/// Every kind of trigger, by name.
pub fn kinds() -> &'static [TriggerKind] {
    &[folder::KIND, lidarr::KIND, manual::KIND, radarr::KIND, sonarr::KIND]
}
