//! Scans libraries for what is new at their top, gathered, and reports paths to a server that refuses that.

use std::collections::BTreeMap;
use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_core::ports::PlannedCall;

use crate::family::batch::is_suspicious;
use crate::family::library_index::spelled;
use crate::family::media_browser::actions::LibraryChange;
use crate::family::media_browser::answers::{LibraryStatus, VirtualFolder};
use crate::family::media_browser::library_scans::{GATHERS, MayScan};
use crate::family::media_browser::report::{PathReport, ReportCall, ReportCalls};
use crate::family::media_browser::report_holds::{May, delay};
use crate::family::media_browser::scan::{Batch, accepted, send};
use crate::family::media_browser::server::MediaBrowser;

/// What waited for the end of a scan is looked up again after this.
const LOOKED_UP_AGAIN: Duration = Duration::from_millis(100);

/// What one library is to be scanned for, each with the scan of the batch that it is for.
type Changes = Vec<(usize, LibraryChange)>;

impl<S: MediaBrowser> Batch<'_, S> {
    /// Scans the libraries that may be scanned now; the others later.
    pub(crate) async fn scan_libraries(&mut self, mut changes: Changes) {
        changes.retain(|(at, _)| !self.results.has_failed(*at));
        changes.sort_by_key(|(at, _)| *at);
        let mut libraries: Vec<(String, Changes)> = Vec::new();
        for (at, change) in changes {
            let library = &change.owner.library.id;
            match libraries.iter_mut().find(|(known, _)| known == library) {
                Some((_, of_library)) => of_library.push((at, change)),
                None => libraries.push((library.clone(), vec![(at, change)])),
            }
        }
        // A scan waits for each of its libraries; it was counted once.
        for (_, of_library) in &libraries {
            self.waits(&scans_of(of_library));
        }
        let mut all: Vec<usize> = libraries.iter().flat_map(|(_, changes)| scans_of(changes)).collect();
        all.sort_unstable();
        all.dedup();
        self.done(&all);
        if all.is_empty() || self.results.is_stopped() {
            return;
        }
        let gathers = GATHERS.min(delay(self.server).await);
        let mut folders: Option<Vec<VirtualFolder>> = None;
        let mut refused: Changes = Vec::new();
        for (library, changes) in libraries {
            if self.results.is_stopped() {
                return;
            }
            refused.extend(self.scan_library(&library, changes, gathers, &mut folders).await);
        }
        self.report(refused).await;
    }

    /// Scans one library, unless it is scanned already. Answers what the server refuses to scan it for.
    async fn scan_library(
        &mut self,
        library: &str,
        changes: Changes,
        gathers: Duration,
        folders: &mut Option<Vec<VirtualFolder>>,
    ) -> Changes {
        let scans = &self.server.state().scans;
        if scans.is_refused(library) {
            return changes;
        }
        if scans.tells_status(library).is_none()
            && let Err(fault) = self.list_folders(folders).await
        {
            self.results.keep(&scans_of(&changes), &Err(fault));
            return Vec::new();
        }
        let (reported, changes) = reported(self.server, library, changes);
        if changes.is_empty() {
            return reported;
        }
        let mut refused = self.gather_scan(library, changes, gathers, folders).await;
        refused.extend(reported);
        refused
    }

    /// Scans one library now, or later together with what comes meanwhile. Answers what the server refuses to scan it for.
    async fn gather_scan(
        &mut self,
        library: &str,
        changes: Changes,
        gathers: Duration,
        folders: &mut Option<Vec<VirtualFolder>>,
    ) -> Changes {
        let scans = &self.server.state().scans;
        let is_covered =
            |(_, change): &(usize, LibraryChange)| scans.is_covered(library, &change.owner.spelled());
        let (covered, open): (Changes, Changes) = changes.into_iter().partition(is_covered);
        // Of one scan all must be covered.
        self.done(&scans_of_none(&covered, &open));
        if open.is_empty() {
            return Vec::new();
        }
        let mut may = scans.may_scan(library, gathers);
        if may == MayScan::Ask {
            match self.status(library, folders).await {
                Err(fault) => {
                    self.results.keep(&scans_of(&open), &Err(fault));
                    return Vec::new();
                }
                // It lists the library's folder when its turn comes: what is there by now is found.
                Ok(LibraryStatus::Queued) => {
                    self.done(&scans_of(&open));
                    return Vec::new();
                }
                Ok(LibraryStatus::Active(_)) => may = MayScan::Later(scans.goes_on(library)),
                Ok(LibraryStatus::Idle) => {
                    let waits = |(_, change): &(usize, LibraryChange)| {
                        scans.is_waiting(library, &change.owner.spelled())
                    };
                    let waited = open.iter().any(waits);
                    scans.over(library);
                    if waited {
                        // That scan may have found them: they are looked up again before the next.
                        self.put_off(&open, LOOKED_UP_AGAIN);
                        return Vec::new();
                    }
                    may = scans.may_scan(library, gathers);
                }
            }
        }
        if let MayScan::Later(after) = may {
            scans.wait(library, open.iter().map(|(_, change)| change.owner.spelled()));
            self.put_off(&open, after);
            return Vec::new();
        }
        self.send_scan(library, open).await
    }

    /// Asks for the scan of a library. Answers what the server refuses to scan it for.
    async fn send_scan(&mut self, library: &str, changes: Changes) -> Changes {
        let scans = &self.server.state().scans;
        match send(self.server, library).await {
            Ok(()) => {
                let asked_for = changes.iter().map(|(_, change)| change.owner.spelled()).collect();
                self.server.state().scan_sent(library, &asked_for);
                self.done(&scans_of(&changes));
            }
            Err(Fault::Wrong { .. }) => {
                scans.refuse(library);
                return changes;
            }
            Err(fault) => {
                self.results.keep(&scans_of(&changes), &Err(fault));
                self.results.probe_if_due().await;
            }
        }
        Vec::new()
    }

    /// What the server does with the library just now, asked once a batch.
    async fn status(
        &self,
        library: &str,
        folders: &mut Option<Vec<VirtualFolder>>,
    ) -> Result<LibraryStatus, Fault> {
        let known = self.list_folders(folders).await?.iter().find(|folder| folder.is(library));
        Ok(known.map_or(LibraryStatus::Idle, VirtualFolder::status))
    }

    /// The server's list of libraries, asked for once a batch; empty where it does not understand the call.
    async fn list_folders<'f>(
        &self,
        folders: &'f mut Option<Vec<VirtualFolder>>,
    ) -> Result<&'f [VirtualFolder], Fault> {
        if folders.is_none() {
            let listed = match self.server.virtual_folders().await {
                Err(fault) if fault.stops_the_lane() => return Err(fault),
                answer => answer.unwrap_or_default(),
            };
            self.server.state().scans.note_statuses(&listed);
            *folders = Some(listed);
        }
        Ok(folders.as_deref().unwrap_or_default())
    }

    fn put_off(&mut self, changes: &Changes, after: Duration) {
        let (product, seconds) = (self.server.product(), after.as_secs().max(1));
        for (at, change) in changes {
            let reason = format!(
                "{product} finds this only by a scan of the library {:?}: autoscan gathers such changes, and asks for the next \
                 scan in {seconds} s",
                change.owner.library.title
            );
            self.results.keep(&[*at], &Err(Fault::Later { after, reason }));
        }
    }

    /// Reports the paths to a server that refuses to scan a library.
    async fn report(&mut self, changes: Changes) {
        if changes.is_empty() || self.results.is_stopped() {
            return;
        }
        let delay = delay(self.server).await;
        let mut roots: BTreeMap<String, Vec<(usize, PathReport)>> = BTreeMap::new();
        for (at, change) in changes {
            if let Some(report) = PathReport::of(&change.owner, change.what) {
                roots.entry(report.root.clone()).or_default().push((at, report));
                continue;
            }
            let reason = format!(
                "{} refuses to scan the library {:?} alone: start its scan there",
                self.server.product(),
                change.owner.library.title
            );
            self.results.keep(&[at], &Err(Fault::wrong(reason)));
        }
        let mut allowed: Vec<(usize, PathReport)> = Vec::new();
        for (root, mut reports) in roots {
            match self.server.state().holds.may_tell(&root, delay) {
                May::Later(after) => self.put_off_reports(&reports, after, delay),
                May::Now => {
                    self.put_off_a_second_whole_folder(&root, &mut reports, delay);
                    allowed.extend(reports);
                }
            }
        }
        self.report_paths(&allowed, delay).await;
    }

    /// Two paths right in a library's folder make the server wait for the folder itself: while it waits so for one that lies beside,
    /// all but one of these come later.
    fn put_off_a_second_whole_folder(
        &mut self,
        root: &str,
        reports: &mut Vec<(usize, PathReport)>,
        delay: Duration,
    ) {
        let Some((_, first)) = reports.iter().find(|(_, report)| report.is_first_level).cloned() else {
            return;
        };
        let is_another = |report: &PathReport| report.is_first_level && report.path() != first.path();
        if reports.iter().any(|(_, report)| is_another(report))
            && !self.server.state().holds.may_wait_for_root(&first.group, root, delay)
        {
            let later: Vec<(usize, PathReport)> =
                reports.extract_if(.., |(_, report)| is_another(report)).collect();
            self.put_off_reports(&later, delay + delay / 12, delay);
        }
    }

    /// Begins the waits of the folders of libraries that these paths lie in.
    fn note_reported<'r>(&self, reports: impl Iterator<Item = &'r (usize, PathReport)>, delay: Duration) {
        let mut roots: BTreeMap<&str, bool> = BTreeMap::new();
        for (_, report) in reports {
            *roots.entry(&report.root).or_default() |= report.is_first_level;
        }
        for (root, whole) in roots {
            self.server.state().holds.told(root, delay, whole);
        }
    }

    fn put_off_reports(&mut self, reports: &[(usize, PathReport)], after: Duration, delay: Duration) {
        let (product, seconds) = (self.server.product(), after.as_secs().max(1));
        for (at, report) in reports {
            let reason = format!(
                "{product} waits {} s after the last report below {:?} before it looks: autoscan gathers reports, and makes the \
                 next in {seconds} s",
                delay.as_secs(),
                report.root
            );
            self.results.keep(&[*at], &Err(Fault::Later { after, reason }));
        }
    }

    async fn report_paths(&mut self, reports: &[(usize, PathReport)], delay: Duration) {
        let mut calls: Vec<ReportCall> = ReportCalls::of(reports.iter().cloned()).0;
        calls.reverse();
        for call in &calls {
            self.waits(&call.scans);
        }
        let mut scans: Vec<usize> = reports.iter().map(|(at, _)| *at).collect();
        scans.sort_unstable();
        scans.dedup();
        self.done(&scans);
        while let Some(call) = calls.pop().filter(|_| !self.results.is_stopped()) {
            match accepted(self.server, &call.request(self.server)).await {
                Ok(()) => {
                    self.note_reported(reports.iter().filter(|(_, report)| call.holds(report)), delay);
                    self.done(&call.scans);
                }
                // What fails for one path fails for its scan alone.
                Err(fault) if is_suspicious(&fault) && call.scans.len() > 1 => {
                    if !self.results.is_server_well(&call.scans, &fault).await {
                        return;
                    }
                    let (first, second) = call.scans.split_at(call.scans.len() / 2);
                    for half in [second, first] {
                        let of_half = reports.iter().filter(|(at, _)| half.contains(at)).cloned();
                        calls.extend(ReportCalls::of(of_half.filter(|(_, report)| call.holds(report))).0);
                    }
                }
                Err(fault) => {
                    self.results.keep(&call.scans, &Err(fault));
                    self.results.probe_if_due().await;
                }
            }
        }
    }
}

/// Those of the changes that are reported, and the others. A server that does not tell what it does with a library is told of the
/// paths below its folder instead.
fn reported(server: &impl MediaBrowser, library: &str, changes: Changes) -> (Changes, Changes) {
    if server.state().scans.tells_status(library).unwrap_or(true) {
        return (Vec::new(), changes);
    }
    changes.into_iter().partition(|(_, change)| PathReport::of(&change.owner, change.what).is_some())
}

/// The scans of the batch that these are for, each once.
fn scans_of(changes: &Changes) -> Vec<usize> {
    let mut scans: Vec<usize> = changes.iter().map(|(at, _)| *at).collect();
    scans.dedup();
    scans
}

/// Those of the first that are none of the second.
fn scans_of_none(changes: &Changes, others: &Changes) -> Vec<usize> {
    let others = scans_of(others);
    scans_of(changes).into_iter().filter(|at| !others.contains(at)).collect()
}

/// The calls that would be made for these changes of one scan.
pub(crate) fn planned(server: &impl MediaBrowser, changes: Vec<LibraryChange>) -> Vec<PlannedCall> {
    let mut libraries: Vec<String> = Vec::new();
    let mut reports: Vec<(usize, PathReport)> = Vec::new();
    for change in changes {
        let library = &change.owner.library.id;
        let scans = &server.state().scans;
        let report = PathReport::of(&change.owner, change.what);
        let is_reported = report.is_some() && scans.tells_status(library) == Some(false);
        if is_reported || scans.is_refused(library) {
            reports.extend(report.map(|report| (0, report)));
        } else if !libraries.contains(library) {
            tracing::trace!(path = spelled(&change.owner.path), "a scan of its library finds it");
            libraries.push(library.clone());
        }
    }
    let scans = libraries.iter().map(|library| server.refresh(library).planned());
    let reports = ReportCalls::of(reports.into_iter()).0;
    scans.chain(reports.iter().map(|call| call.request(server).planned())).collect()
}
