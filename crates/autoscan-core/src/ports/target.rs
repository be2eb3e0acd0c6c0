use async_trait::async_trait;
use serde::Serialize;

use crate::change::Change;
use crate::fault::Fault;
use crate::path::TargetPath;

/// A scan in the target's eyes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetScan {
    /// The folder to look at: it exists, or nothing is known of it.
    pub folder: TargetPath,
    /// What happened in it.
    pub changes: Vec<Change<TargetPath>>,
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

/// A server that is told.
#[async_trait]
pub trait Target: Send + Sync {
    /// Asks for version and name with the key, so that a success proves both reachability and the key, and that the
    /// server is ready to scan.
    async fn probe(&self) -> Result<Identity, Fault>;

    /// The libraries, read afresh.
    async fn libraries(&self) -> Result<Vec<Library>, Fault>;

    /// Tells the server of a batch, in as few calls as it allows; one result a scan, in order. After a fault that stops
    /// the lane the rest of the batch gets the same fault without being tried.
    async fn scan(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>>;

    /// Whether [`Self::scan`] tells many folders in one call, so that a batch must not be taken apart: servers that
    /// restart a timer with every report.
    fn batches(&self) -> bool {
        false
    }

    /// What [`Self::scan`] would do for one scan. Changes nothing at the server.
    async fn plan(&self, scan: &TargetScan) -> Result<Plan, Fault>;
}
