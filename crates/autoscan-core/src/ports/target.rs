use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use crate::cause::{IgnoreFile, MissingCause, Remedy};
use crate::change::Change;
use crate::fault::Fault;
use crate::path::TargetPath;
use crate::proof::{ExpectedFile, Observation};

/// A scan in the target's eyes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetScan {
    /// The folder to look at. Mostly it exists; where the nearest folder that does is a whole library, it is the one in it that
    /// is gone.
    pub folder: TargetPath,
    /// What happened in it.
    pub changes: Vec<Change<TargetPath>>,
    /// When nothing but sidecars changed (subtitles, artwork, metadata): the media files on the disk that they belong
    /// to. Empty otherwise, and when none is known.
    pub companions: Vec<TargetPath>,
}

/// Who answered a probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// The product, such as `Plex Media Server`.
    pub product: String,
    /// The server's own name, if it has one.
    pub name: Option<String>,
    /// Its version.
    pub version: String,
}

/// A library of a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Library {
    /// The server's id of it.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its type in the server's words: `movie`, `tvshows`, … .
    pub kind: String,
    /// Its folders, in the server's eyes.
    pub folders: Vec<String>,
}

/// A request that would be made, without anything secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedCall {
    /// `GET`, `POST`, ….
    pub method: String,
    /// The URL as it would be requested.
    pub url: String,
    /// The body, if any.
    pub body: Option<String>,
}

/// What a target would do for a scan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The libraries that own the folder.
    pub libraries: Vec<Library>,
    /// The calls that would be made, in order.
    pub calls: Vec<PlannedCall>,
}

/// Something that must stand before a target may be made to forget files: an anchor, or a mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// What it guards, in the target's eyes.
    pub prefix: TargetPath,
    /// Why it does not stand, or did not a short while ago, in a sentence without a capital; none when all is well.
    pub fallen: Option<String>,
}

/// A scan that was told, and what must be known to care for it afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CareScan {
    /// What the target was told.
    pub scan: TargetScan,
    /// What it was asked for.
    pub expected: Vec<ExpectedFile>,
    /// Whether the target showed all of it. While it did not, only what may bring it about is to be done: a changed file
    /// may have to be analysed before its new size is shown.
    pub proven: bool,
    /// Every anchor and every mount, in the target's eyes.
    pub guards: Vec<Guard>,
    /// Deletions that are held because there are too many of them, in a sentence; none when there is no such storm.
    pub storm: Option<String>,
}

/// What became of the care.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Care {
    /// It is over: what was done, and what was left alone and why, in sentences.
    Done(Vec<String>),
    /// Not now: what is waited for, in a sentence without a capital.
    Later(String),
}

/// How many folders one call of [`Target::scan`] takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batching {
    /// One: each folder is a call of its own.
    One,
    /// As many as wait, up to this many: servers that restart a timer with every report, or look at a whole series or
    /// library for each of its folders.
    UpTo(usize),
}

/// A server, or a program, that is told of changed folders. What every kind has; the rest are capabilities, and a kind names
/// those that it has.
#[async_trait]
pub trait Target: Send + Sync {
    /// Asks for version and name with the key, so that a success proves both reachability and the key, and that the
    /// server is ready to scan. After a call that failed this tells a server that is away from a call that always fails.
    async fn probe(&self) -> Result<Identity, Fault>;

    /// Tells the server of a batch, in as few calls as it allows; one result a scan, in order. What fails for one scan is
    /// that scan's alone. Only when the server as a whole does not answer, which a [probe](Self::probe) proves where a
    /// status does not say so, the rest of the batch gets the same fault without being tried.
    async fn scan(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>>;

    /// What [`Self::scan`] would do for one scan. Changes nothing at the server.
    async fn plan(&self, scan: &TargetScan) -> Result<Plan, Fault>;

    /// How many folders one call takes.
    fn batching(&self) -> Batching {
        Batching::One
    }

    /// What must be scanned one after the other: scans of one name are, scans of different names may be told at the
    /// same time. Asks nobody and waits for nothing. None while that is not known yet: such a scan is told alone, and what
    /// waits behind it is named afresh.
    fn queue(&self, scan: &TargetScan) -> Option<String> {
        let _ = scan;
        Some(String::new())
    }

    /// Whether what is told is passed on to others: another autoscan. It is not told of what another autoscan told us, so
    /// that two that tell each other do not go round for ever.
    fn passes_on(&self) -> bool {
        false
    }

    /// Its libraries: none for a program or a webhook, which take every path.
    fn libraries(&self) -> Option<&dyn Libraries> {
        None
    }

    /// How it is asked for files after a scan.
    fn proof(&self) -> Option<&dyn Proof> {
        None
    }

    /// What is done after a scan.
    fn aftercare(&self) -> Option<&dyn Aftercare> {
        None
    }

    /// What it does to mend the cause of a missing file, when a person asks for it.
    fn remedies(&self) -> Option<&dyn Remedies> {
        None
    }

    /// What it says by itself.
    fn server_events(&self) -> Option<&dyn ServerEvents> {
        None
    }

    /// Who is watching.
    fn playback(&self) -> Option<&dyn Playback> {
        None
    }

    /// What in its own settings fights with autoscan.
    fn advice(&self) -> Option<&dyn Advice> {
        None
    }
}

/// The libraries of a target.
#[async_trait]
pub trait Libraries: Send + Sync {
    /// The libraries, read afresh; [`Self::cached`] has them from then on.
    async fn read(&self) -> Result<Vec<Library>, Fault>;

    /// The libraries as they were read last, and how long ago; none while they were never read. Asks nobody and waits for
    /// nothing: this is the one cache of them.
    fn cached(&self) -> Option<(Arc<[Library]>, Duration)>;

    /// Whether a folder lies below a library's folder and is not that folder itself, so that it may be told instead of one
    /// in it. A whole library is never scanned for one file.
    async fn is_below_a_root(&self, folder: &TargetPath) -> bool;

    /// Paths of a few media files in these libraries, in the server's eyes: enough to recognise their folders by what lies
    /// in them. Empty for a kind that cannot say it cheaply, and when it does not answer.
    async fn samples(&self, libraries: &[Library]) -> Vec<String> {
        let _ = libraries;
        Vec::new()
    }
}

/// What a server lists below a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerListing {
    /// The media files that it lists there, in any depth, in the target's eyes.
    pub files: Vec<TargetPath>,
    /// Whether these are all of them.
    pub complete: bool,
}

/// A target that can be asked whether it has files.
#[async_trait]
pub trait Proof: Send + Sync {
    /// Asks for the files of one folder, in as few and as small answers as the server allows; one answer a path, in order.
    /// Never lists a library.
    async fn find(&self, folder: &TargetPath, expected: &[ExpectedFile]) -> Result<Vec<Observation>, Fault>;

    /// The media files that the server lists below a folder, at most so many, by the listing that finding them uses: what is
    /// listed there and no longer on the disk is not gone yet. None where the server has no such listing, or knows no item
    /// for the folder.
    async fn list_below(&self, folder: &TargetPath, most: usize) -> Result<Option<ServerListing>, Fault> {
        let _ = (folder, most);
        Ok(None)
    }

    /// Why what was told so long ago and is not shown is believed lost, in a sentence without a capital: the server's own delay
    /// has passed twice, and it reads nothing of these libraries now; or it was restarted since, and keeps what it was told in
    /// memory alone. None while the telling may still be carried out, and where the server does not say what it does.
    async fn lost(&self, scan: &TargetScan, told_ago: Duration) -> Option<String> {
        let _ = (scan, told_ago);
        None
    }

    /// The likeliest cause why a file did not appear; none when nothing is suspicious. Asked when a file comes to be called
    /// missing, and again when it is looked at again while the cause is one that may have passed.
    async fn why_missing(&self, expected: &ExpectedFile) -> Option<MissingCause> {
        let _ = expected;
        None
    }

    /// The files by which a person keeps others out of this server; none where it knows no such files, or nobody here knows how
    /// it reads them. The engine finds them on this machine's disk.
    fn ignore_file(&self) -> Option<IgnoreFile> {
        None
    }
}

/// A target that can do, when a person asks for it, what mends the cause of a missing file.
#[async_trait]
pub trait Remedies: Send + Sync {
    /// Does it, once. Answers when the target accepted it.
    async fn apply(&self, remedy: &Remedy) -> Result<(), Fault>;
}

/// What people otherwise do by hand after a scan: analyse, mend a match, empty the trash.
#[async_trait]
pub trait Aftercare: Send + Sync {
    /// Whether there is something to do for this scan.
    fn concerns(&self, scan: &TargetScan) -> bool;

    /// Does it. Called again while it answers [`Care::Later`].
    async fn care(&self, care: &CareScan) -> Result<Care, Fault>;
}

/// A server that says by itself when something happened.
#[async_trait]
pub trait ServerEvents: Send + Sync {
    /// Ends when the server says that something may have appeared.
    async fn next(&self);
}

/// A server that knows who is watching.
#[async_trait]
pub trait Playback: Send + Sync {
    /// How many people are watching or listening.
    async fn playing(&self) -> Result<usize, Fault>;
}

/// A server whose own settings can be read.
#[async_trait]
pub trait Advice: Send + Sync {
    /// The server's own settings that fight with autoscan, one sentence each.
    async fn advise(&self) -> Result<Vec<String>, Fault>;
}
