use async_trait::async_trait;
use serde::Serialize;

use crate::change::Change;
use crate::fault::Fault;
use crate::path::TargetPath;
use crate::proof::{ExpectedFile, Observation};

/// A scan in the target's eyes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetScan {
    /// The folder to look at: it exists, or nothing is known of it.
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

/// A server that is told.
#[async_trait]
pub trait Target: Send + Sync {
    /// Asks for version and name with the key, so that a success proves both reachability and the key, and that the
    /// server is ready to scan.
    async fn probe(&self) -> Result<Identity, Fault>;

    /// The libraries, read afresh.
    async fn libraries(&self) -> Result<Vec<Library>, Fault>;

    /// Whether this kind has libraries at all: a command has none, and takes every path.
    fn has_libraries(&self) -> bool {
        true
    }

    /// Whether what is told is passed on to others: another autoscan. It is not told of what another autoscan told us, so
    /// that two that tell each other do not go round for ever.
    fn passes_on(&self) -> bool {
        false
    }

    /// Paths of a few media files in these libraries, in the server's eyes: enough to recognise their folders by what lies
    /// in them. Empty for a kind that cannot say it cheaply, and when it does not answer.
    async fn samples(&self, libraries: &[Library]) -> Vec<String> {
        let _ = libraries;
        Vec::new()
    }

    /// Tells the server of a batch, in as few calls as it allows; one result a scan, in order. After a fault that stops
    /// the lane the rest of the batch gets the same fault without being tried.
    async fn scan(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>>;

    /// Whether [`Self::scan`] tells many folders in one call, so that a batch must not be taken apart: servers that
    /// restart a timer with every report, or look at a whole series or library for each of its folders.
    fn batches(&self) -> bool {
        false
    }

    /// What must be scanned one after the other: scans of one name are, scans of different names may be told at the
    /// same time. Asks nobody. None while that is not known yet: such a scan is told alone, and what waits behind it is named
    /// afresh.
    async fn queue(&self, scan: &TargetScan) -> Option<String> {
        let _ = scan;
        Some(String::new())
    }

    /// What [`Self::scan`] would do for one scan. Changes nothing at the server.
    async fn plan(&self, scan: &TargetScan) -> Result<Plan, Fault>;

    /// Whether this kind can be asked for files after a scan.
    fn proves(&self) -> bool {
        false
    }

    /// Asks for the files of one folder, in as few and as small answers as the server allows; one answer a path, in order.
    /// Never lists a library.
    async fn find(&self, folder: &TargetPath, expected: &[ExpectedFile]) -> Result<Vec<Observation>, Fault> {
        let _ = folder;
        Ok(vec![Observation::Unknowable("this kind of target cannot be asked".to_owned()); expected.len()])
    }

    /// The likeliest cause why a file did not appear, in a sentence without a capital; none when nothing is suspicious.
    /// Asked once, before a file is called missing.
    async fn why_missing(&self, expected: &ExpectedFile) -> Option<String> {
        let _ = expected;
        None
    }

    /// Whether a folder lies below a library's folder and is not that folder itself, so that it may be told instead of one
    /// in it. A whole library is never scanned for one file.
    async fn is_below_a_root(&self, folder: &TargetPath) -> bool {
        let _ = folder;
        false
    }

    /// Whether [`Self::care`] has something to do for this scan.
    fn wants_care(&self, scan: &TargetScan) -> bool {
        let _ = scan;
        false
    }

    /// Does after a scan what people otherwise do by hand: analyse, mend a match, empty the trash. Called again while it
    /// answers [`Care::Later`].
    async fn care(&self, care: &CareScan) -> Result<Care, Fault> {
        let _ = care;
        Ok(Care::Done(Vec::new()))
    }

    /// Ends when the server says by itself that something may have appeared; never for a server that says nothing.
    async fn news(&self) {
        std::future::pending::<()>().await;
    }

    /// How many people are watching or listening.
    async fn playing(&self) -> Result<usize, Fault> {
        Ok(0)
    }

    /// The server's own settings that fight with autoscan, one sentence each.
    async fn advice(&self) -> Result<Vec<String>, Fault> {
        Ok(Vec::new())
    }
}
