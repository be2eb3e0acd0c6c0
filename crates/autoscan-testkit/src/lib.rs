//! What tests and the demonstration are made of: a fake clock, fake files, a store that fails on demand, an engine with
//! scripted targets, pretend media servers, builders.

mod clock;
mod faulty_store;
mod files;
mod pretend;
mod readers;
mod scripted_target;
mod test_engine;

pub use clock::{FakeClock, START};
pub use faulty_store::FaultyStore;
pub use files::FakeFiles;
pub use pretend::{
    EmbyBuilder, EmbyLists, Holdings, HttpServer, ItemRefresh, JellyfinBuilder, KodiContent, MpdTrouble,
    PlexBuilder, PlexFileFilter, PlexItem, PlexMethod, PlexScan, PlexSocket, PlexTitle, PretendArr,
    PretendAudiobookshelf, PretendAutoscan, PretendEmby, PretendFileFlows, PretendJellyfin, PretendKodi,
    PretendLibrary, PretendMpd, PretendPlex, PretendPlexTv, PretendReceiver, PretendTdarr, QuickConnect,
    Recorded, Trouble,
};
pub use readers::{JsonReader, LineReader};
pub use scripted_target::ScriptedTarget;
pub use test_engine::{TestEngine, TestSetup, library, local, name};
