//! Reports of paths, for a server that refuses the refresh of a library: it finds out itself what to look at. A library's own
//! folder is never reported: folders of libraries that lie side by side share one wait, which every report below them begins
//! anew.

use std::collections::HashMap;

use autoscan_core::change::{Change, ChangeKind};
use autoscan_core::path::{AbsolutePath, TargetPath};
use autoscan_http::{Method, Request};
use serde::Serialize;

use crate::family::library_index::{Owner, spelled};
use crate::family::media_browser::server::MediaBrowser;

/// Most paths in one call.
const MOST_PATHS: usize = 500;

/// Most bytes of paths in one call, well below the body limit that reverse proxies have.
const MOST_BYTES: usize = 256 * 1024;

/// What happened to a path. Jellyfin ignores it, and nobody outside knows whether Emby does; it is told truthfully.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum UpdateType {
    Created,
    Modified,
    Deleted,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Update {
    path: String,
    update_type: UpdateType,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Updates {
    updates: Vec<Update>,
}

/// A path on its way into a call.
#[derive(Clone)]
pub(crate) struct PathReport {
    /// The folder of the library that it lies in.
    pub(crate) root: String,
    /// What stands above that folder: waits for folders in it are one wait.
    pub(crate) group: String,
    /// Whether it lies right in the library's folder: with a second such path the server waits for the library's folder.
    pub(crate) is_first_level: bool,
    update: Update,
}

impl PathReport {
    /// The path.
    pub(crate) fn path(&self) -> &str {
        &self.update.path
    }

    /// Reports a path, as deep as it is; none for a library's own folder.
    pub(crate) fn of(owner: &Owner, update_type: UpdateType) -> Option<Self> {
        let below = owner.path.depth().checked_sub(owner.root.depth()).filter(|below| *below > 0)?;
        let group = owner.root.parent().as_ref().map(AbsolutePath::as_str).unwrap_or_default().to_owned();
        Some(Self {
            root: spelled(&owner.root).to_owned(),
            group,
            is_first_level: below == 1,
            update: Update { path: owner.spelled(), update_type },
        })
    }
}

/// One call: paths, and the scans of the batch that they are for.
#[derive(Default)]
pub(crate) struct ReportCall {
    updates: Vec<Update>,
    bytes: usize,
    /// Where in `updates` a path is: each is told once.
    places: HashMap<String, usize>,
    pub(crate) scans: Vec<usize>,
}

/// The calls of a batch.
#[derive(Default)]
pub(crate) struct ReportCalls(pub(crate) Vec<ReportCall>);

impl ReportCalls {
    /// The calls for these paths, each with the scan that it is for.
    pub(crate) fn of(reports: impl Iterator<Item = (usize, PathReport)>) -> Self {
        let mut calls = Self::default();
        reports.for_each(|(scan, report)| calls.add(scan, report));
        calls
    }

    /// Adds a path that one scan tells.
    fn add(&mut self, scan: usize, report: PathReport) {
        if let Some(call) = self.0.last_mut().filter(|call| call.takes(&report.update)) {
            return call.add(scan, report);
        }
        let mut call = ReportCall::default();
        call.add(scan, report);
        self.0.push(call);
    }
}

impl ReportCall {
    fn takes(&self, update: &Update) -> bool {
        self.places.contains_key(&update.path)
            || (self.updates.len() < MOST_PATHS && self.bytes + update.path.len() <= MOST_BYTES)
    }

    fn add(&mut self, scan: usize, report: PathReport) {
        if self.scans.last() != Some(&scan) {
            self.scans.push(scan);
        }
        let update = report.update;
        if let Some(at) = self.places.get(&update.path) {
            self.updates[*at] = update;
        } else {
            self.bytes += update.path.len();
            self.places.insert(update.path.clone(), self.updates.len());
            self.updates.push(update);
        }
    }

    /// The call.
    pub(crate) fn request(&self, server: &impl MediaBrowser) -> Request {
        let updates = Updates { updates: self.updates.clone() };
        server.request(Method::POST, &["Library", "Media", "Updated"]).json(&updates)
    }

    /// Whether this path is told by the call.
    pub(crate) fn holds(&self, report: &PathReport) -> bool {
        self.places.contains_key(&report.update.path)
    }
}

/// The paths of a change, and what happened to each.
pub(crate) fn paths(change: &Change<TargetPath>) -> Vec<(&TargetPath, UpdateType)> {
    let mut paths: Vec<(&TargetPath, UpdateType)> =
        change.from.iter().map(|from| (from, UpdateType::Deleted)).collect();
    paths.push((
        &change.path,
        match change.kind {
            ChangeKind::Created | ChangeKind::Moved => UpdateType::Created,
            ChangeKind::Modified | ChangeKind::Rescan => UpdateType::Modified,
            ChangeKind::Deleted => UpdateType::Deleted,
        },
    ));
    paths
}
