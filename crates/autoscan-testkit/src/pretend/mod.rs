//! Pretend media servers: they answer on a port of this machine as the real ones do, awkwardness included, write down
//! what they are asked, and get into trouble when told to.

mod arr;
mod audiobookshelf;
mod autoscan;
mod emby;
mod fileflows;
mod http_server;
mod jellyfin;
mod kodi;
mod library;
mod media_browser;
mod monitor;
mod mpd;
mod plex;
mod plex_tv;
mod receiver;
mod shelf;
mod tdarr;

pub use arr::PretendArr;
pub use audiobookshelf::PretendAudiobookshelf;
pub use autoscan::PretendAutoscan;
pub use emby::{EmbyBuilder, EmbyLists, PretendEmby};
pub use fileflows::PretendFileFlows;
pub use http_server::{HttpServer, Recorded, Trouble};
pub use jellyfin::{JellyfinBuilder, PretendJellyfin, QuickConnect};
pub use kodi::{KodiContent, PretendKodi};
pub use library::PretendLibrary;
pub use media_browser::{Holdings, ItemRefresh};
pub use mpd::{MpdTrouble, PretendMpd};
pub use plex::{
    PlexBuilder, PlexFileFilter, PlexItem, PlexMethod, PlexScan, PlexSocket, PlexTitle, PretendPlex,
};
pub use plex_tv::PretendPlexTv;
pub use receiver::PretendReceiver;
pub use tdarr::PretendTdarr;
