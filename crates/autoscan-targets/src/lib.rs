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
mod kind;
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
pub use kind::{Connected, TargetKind};
pub use login::{Code, KeyLogin};
pub use plex::plex_pin;

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
