//! A kind with what is the same for every kind wrapped around it once: its name, map, filter, pace and routing.

use std::sync::Arc;
use std::time::Duration;

use autoscan_core::anchor::Anchors;
use autoscan_core::filter::{Filter, IgnoreList};
use autoscan_core::map::PathMap;
use autoscan_core::name::Name;
use autoscan_core::ports::{Target, Trigger};
use autoscan_core::scan::Quiet;
use autoscan_core::secret::Secret;

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
    /// Least time between two calls.
    pub scan_delay: Duration,
    /// The server itself.
    pub server: Arc<dyn Target>,
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
}
