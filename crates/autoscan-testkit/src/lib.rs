//! Furniture for tests and the demonstration: fake clock, fake files, pretend media servers, builders.

mod clock;
mod files;
mod pretend;

pub use clock::{FakeClock, START};
pub use files::FakeFiles;
pub use pretend::{
    EmbyBuilder, EmbyLists, Holdings, ItemRefresh, JellyfinBuilder, KodiContent, MpdTrouble, PlexBuilder,
    PlexFileFilter, PlexItem, PlexMethod, PlexScan, PlexSocket, PlexTitle, PretendArr, PretendAudiobookshelf,
    PretendAutoscan, PretendEmby, PretendFileFlows, PretendJellyfin, PretendKodi, PretendLibrary, PretendMpd,
    PretendPlex, PretendPlexTv, PretendReceiver, PretendTdarr, QuickConnect, Recorded, Stage, Trouble,
};
