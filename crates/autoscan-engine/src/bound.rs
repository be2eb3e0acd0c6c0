//! A kind with what is the same for every kind wrapped around it once: its name, map, filter, pace and routing.

use std::sync::Arc;
use std::time::Duration;

use autoscan_core::anchor::Anchors;
use autoscan_core::filter::{Filter, IgnoreList};
use autoscan_core::map::PathMap;
use autoscan_core::name::Name;
use autoscan_core::ports::{Proof, Source, Target, Trigger};
use autoscan_core::quiet_hours::QuietHours;
use autoscan_core::scan::Quiet;
use autoscan_core::secret::Secret;
use autoscan_core::storm::StormRule;

/// A configured trigger.
pub struct BoundTrigger {
    /// Its name: `/triggers/{name}`.
    pub name: Name,
    /// Its kind: `sonarr`, `manual`, ….
    pub kind: &'static str,
    /// The priority of the scans it asks for.
    pub priority: i64,
    /// How long the folders it reports must be quiet.
    pub quiet: Quiet,
    /// Its paths → local paths.
    pub map: PathMap,
    /// Which local paths count.
    pub filter: Filter,
    /// The targets it is for; none means all.
    pub targets: Option<Vec<Name>>,
    /// The secret for `?token=` and `/triggers/{name}/{token}`.
    pub token: Option<Secret>,
    /// What reads its requests.
    pub reader: Arc<dyn Trigger>,
    /// What streams changes by itself; none for a sender that makes requests alone.
    pub source: Option<Arc<dyn Source>>,
}

/// A configured target.
pub struct BoundTarget {
    /// Its name.
    pub name: Name,
    /// Its kind: `plex`, ….
    pub kind: &'static str,
    /// Its URL without anything secret, for a person.
    pub url: String,
    /// Local paths → its paths.
    pub map: PathMap,
    /// Which local paths it is told of.
    pub filter: Filter,
    /// When and how fast it is told.
    pub pace: Pace,
    /// How long a file is waited for after a scan; none when the target is not asked.
    pub proof: Option<Duration>,
    /// Told before each scan; a failure is only warned of.
    pub before: Option<Arc<dyn Target>>,
    /// Told after each scan, and where files are proven after they were; a failure is only warned of.
    pub after: Option<Arc<dyn Target>>,
    /// The server itself.
    pub server: Arc<dyn Target>,
}

impl BoundTarget {
    /// How it is asked for files after a scan, and how long a file is waited for; none when it is not asked.
    pub(crate) fn proof(&self) -> Option<(&dyn Proof, Duration)> {
        self.server.proof().zip(self.proof)
    }
}

/// When and how fast a target is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Least time between two calls.
    pub scan_delay: Duration,
    /// Most calls at the same time.
    pub max_in_flight: usize,
    /// Hours of the day in which it is left alone.
    pub quiet_hours: QuietHours,
    /// It is told only while nobody watches, but work waits no longer than this for that.
    pub only_when_idle: Option<Duration>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            scan_delay: Duration::ZERO,
            max_in_flight: 1,
            quiet_hours: QuietHours::default(),
            only_when_idle: None,
        }
    }
}

/// Scans of paths that hold this text have this priority, whatever their trigger's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPriority {
    /// A part of the path on this machine.
    pub path: String,
    /// Higher goes first.
    pub priority: i64,
}

/// How files are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRules {
    /// Whether the disk is looked at at all.
    pub check: bool,
    /// How long a file's size must stand still.
    pub settle: Duration,
    /// When to stop waiting for a file and tell of the nearest existing folder.
    pub give_up: Duration,
}

/// What holds for every trigger and target.
pub struct Rules {
    /// Names that never matter.
    pub ignore: IgnoreList,
    /// What guards which prefix.
    pub anchors: Anchors,
    /// How files are waited for.
    pub files: FileRules,
    /// How long finished scans are kept.
    pub history: Duration,
    /// Priorities by path; the first that matches wins.
    pub priorities: Vec<PathPriority>,
    /// When deletions are held because there are too many of them; none when they never are.
    pub storm: Option<StormRule>,
}
