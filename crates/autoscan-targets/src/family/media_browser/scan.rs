//! Tells a batch: items that are known are refreshed, and the rest is reported, one call a library.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_core::path::AbsolutePath;
use autoscan_core::ports::{Library, Plan, Target, TargetScan};
use autoscan_http::Request;
use futures_util::StreamExt as _;
use futures_util::stream;

use crate::family::batch::{BatchResults, is_suspicious};
use crate::family::media_browser::actions::{ScanActions, actions, learn_newest};
use crate::family::media_browser::item_cache::KnownItem;
use crate::family::media_browser::lookups::BatchLookups;
use crate::family::media_browser::prove::lies_in;
use crate::family::media_browser::report::{PathReport, ReportCall, ReportCalls};
use crate::family::media_browser::report_holds::{May, delay};
use crate::family::media_browser::server::MediaBrowser;

/// Calls of one batch at the same time: enough that a bulk does not wait for one answer after the other, and few for a server
/// that plays films meanwhile.
const AT_ONCE: usize = 4;

/// An item to be refreshed, and the scans that it is for.
struct RefreshCall {
    item: KnownItem,
    scans: Vec<usize>,
}

/// A batch on its way.
struct Batch<'a, S> {
    server: &'a S,
    scans: &'a [TargetScan],
    results: BatchResults<'a>,
    /// How many calls each scan still waits for.
    open: Vec<usize>,
}

/// Tells a batch.
pub(crate) async fn scan<S: MediaBrowser + Target>(
    server: &S,
    scans: &[TargetScan],
) -> Vec<Result<(), Fault>> {
    let results = BatchResults::new(server, scans.len());
    let mut batch = Batch { server, scans, results, open: vec![0; scans.len()] };
    let mut reports: Vec<(usize, PathReport)> = Vec::new();
    let mut pending: Vec<usize> = (0..scans.len()).collect();
    learn_newest(server, scans).await;
    // An item that turns out to be gone is forgotten, and its scans are thought over once.
    for is_last in [false, true] {
        let refreshes = batch.decide(pending, &mut reports).await;
        pending = batch.refresh(refreshes, is_last).await;
        if pending.is_empty() || batch.results.is_stopped() {
            break;
        }
    }
    batch.report(reports).await;
    batch.results.end().await
}

/// How many calls may still fail before it is looked into.
struct Patience {
    failed: AtomicUsize,
    most: usize,
}

impl Patience {
    fn new(most: usize) -> Self {
        Self { failed: AtomicUsize::new(0), most }
    }

    fn is_over(&self) -> bool {
        self.failed.load(Ordering::Relaxed) >= self.most
    }

    fn note<T>(&self, result: &Result<T, Fault>) {
        match result {
            Err(Fault::Busy { .. }) => self.failed.store(self.most, Ordering::Relaxed),
            Err(fault) if is_suspicious(fault) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

impl<S: MediaBrowser> Batch<'_, S> {
    /// What is to be done for these scans, looked up side by side.
    async fn decide(
        &mut self,
        pending: Vec<usize>,
        reports: &mut Vec<(usize, PathReport)>,
    ) -> Vec<RefreshCall> {
        let mut found: Vec<(usize, ScanActions)> = Vec::new();
        let mut groups = groups(self.server, self.scans, pending);
        while !groups.is_empty() && !self.results.is_stopped() {
            groups = self.look_up(groups, &mut found).await;
        }
        found.sort_by_key(|(at, _)| *at);
        let mut refreshes: Vec<RefreshCall> = Vec::new();
        for (at, actions) in found {
            self.open[at] += usize::from(!actions.reports.is_empty());
            reports.extend(actions.reports.into_iter().map(|report| (at, report)));
            actions.refreshes.into_iter().for_each(|item| take_in(&mut refreshes, item, at));
        }
        for &scan in refreshes.iter().flat_map(|refresh| &refresh.scans) {
            self.open[scan] += 1;
        }
        refreshes
    }

    /// Looks up group by group until so much failed that it is to be looked into; answers what is left.
    async fn look_up(
        &mut self,
        groups: Vec<Vec<usize>>,
        found: &mut Vec<(usize, ScanActions)>,
    ) -> Vec<Vec<usize>> {
        let patience = Patience::new(self.results.failures_until_probe());
        let looks = groups.into_iter().map(|group| look_up_group(self.server, self.scans, group, &patience));
        let mut looked = stream::iter(looks).buffer_unordered(AT_ONCE);
        let (mut answers, mut left) = (Vec::new(), Vec::new());
        while let Some((of_group, rest)) = looked.next().await {
            answers.extend(of_group);
            left.extend(Some(rest).filter(|rest| !rest.is_empty()));
        }
        drop(looked);
        for (at, answer) in answers {
            match answer {
                Ok(actions) => found.push((at, actions)),
                Err(fault) => self.results.keep(&[at], &Err(fault)),
            }
        }
        self.results.probe_if_due().await;
        left
    }

    /// Refreshes the items side by side; answers the scans of those that are gone.
    async fn refresh(&mut self, mut refreshes: Vec<RefreshCall>, is_last: bool) -> Vec<usize> {
        let mut gone = Vec::new();
        while !refreshes.is_empty() && !self.results.is_stopped() {
            let patience = Patience::new(self.results.failures_until_probe());
            let calls = refreshes.into_iter().map(|refresh| refresh_one(self.server, refresh, &patience));
            let mut made = stream::iter(calls).buffer_unordered(AT_ONCE);
            let (mut answers, mut left) = (Vec::new(), Vec::new());
            while let Some((refresh, answer)) = made.next().await {
                match answer {
                    Some(answer) => answers.push((refresh, answer)),
                    None => left.push(refresh),
                }
            }
            drop(made);
            for (refresh, answer) in answers {
                match answer {
                    Ok(()) => self.done(&refresh.scans),
                    Err(Fault::Wrong { .. }) if !is_last => {
                        self.server.state().items.forget(&refresh.item.path);
                        refresh.scans.iter().for_each(|scan| self.open[*scan] -= 1);
                        gone.extend(refresh.scans);
                    }
                    Err(fault) => self.results.keep(&refresh.scans, &Err(fault)),
                }
            }
            self.results.probe_if_due().await;
            refreshes = left;
        }
        gone.sort_unstable();
        gone.dedup();
        gone
    }

    /// A call was made for these scans: those that wait for no other are told.
    fn done(&mut self, scans: &[usize]) {
        for &scan in scans {
            self.open[scan] = self.open[scan].saturating_sub(1);
            if self.open[scan] == 0 {
                self.results.keep(&[scan], &Ok(()));
            }
        }
    }

    /// Reports the paths of the libraries that may be told now.
    async fn report(&mut self, mut reports: Vec<(usize, PathReport)>) {
        reports.retain(|(at, _)| !self.results.has_failed(*at));
        reports.sort_by_key(|(at, _)| *at);
        if reports.is_empty() || self.results.is_stopped() {
            return;
        }
        let delay = delay(self.server).await;
        let mut libraries: Vec<(String, Vec<(usize, PathReport)>)> = Vec::new();
        for (at, report) in reports {
            match libraries.iter_mut().find(|(library, _)| *library == report.library) {
                Some((_, of_library)) => of_library.push((at, report)),
                None => libraries.push((report.library.clone(), vec![(at, report)])),
            }
        }
        for (library, reports) in libraries {
            match self.server.state().holds.may_tell(&library, delay) {
                May::Later(after) => {
                    for (at, report) in reports {
                        self.put_off(at, &report.title, after, delay);
                    }
                }
                may => self.report_library(&library, &reports, delay, may == May::Join).await,
            }
        }
    }

    /// Reports the paths of one library. A call that fails while the server is there is made anew by halves, so that what fails
    /// for one path fails for its scan alone.
    async fn report_library(
        &mut self,
        library: &str,
        reports: &[(usize, PathReport)],
        delay: Duration,
        joins: bool,
    ) {
        let mut calls: Vec<ReportCall> = ReportCalls::of(reports.iter().cloned()).0;
        calls.reverse();
        for &scan in calls.iter().flat_map(|call| &call.scans) {
            self.open[scan] += 1;
        }
        let mut scans: Vec<usize> = reports.iter().map(|(at, _)| *at).collect();
        scans.dedup();
        self.done(&scans);
        while let Some(call) = calls.pop().filter(|_| !self.results.is_stopped()) {
            match accepted(self.server, &call.request(self.server, joins)).await {
                Ok(()) => {
                    self.server.state().holds.told(library, delay, call.names_a_folder(joins));
                    self.done(&call.scans);
                }
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

    fn put_off(&mut self, at: usize, library: &str, after: Duration, delay: Duration) {
        let (product, seconds) = (self.server.product(), after.as_secs().max(1));
        let reason = format!(
            "{product} looks at all of the library {library:?} for what is new in it, {} s after the last report: autoscan \
             gathers such reports and makes the next in {seconds} s",
            delay.as_secs()
        );
        self.results.keep(&[at], &Err(Fault::Later { after, reason }));
    }
}

/// The scans by the first folder of their library that they lie in: what is looked up for one of a series is known for the others
/// of it.
fn groups(server: &impl MediaBrowser, scans: &[TargetScan], pending: Vec<usize>) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut places: HashMap<AbsolutePath, usize> = HashMap::new();
    for at in pending {
        let owner = server.library_cache().owners(&scans[at].folder).into_iter().flatten().next();
        let top = owner
            .map(|owner| owner.root.join(owner.path.names_below(&owner.root).into_iter().flatten().take(1)));
        let place = *places.entry(top.unwrap_or_else(|| scans[at].folder.0.clone())).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(at);
    }
    groups
}

/// What is to be done for the scans of a group, one after the other, and those that were left out because enough had failed.
async fn look_up_group(
    server: &impl MediaBrowser,
    scans: &[TargetScan],
    group: Vec<usize>,
    patience: &Patience,
) -> (Vec<(usize, Result<ScanActions, Fault>)>, Vec<usize>) {
    let mut lookups = BatchLookups::default();
    let mut found = Vec::with_capacity(group.len());
    for (looked_up, &at) in group.iter().enumerate() {
        if patience.is_over() {
            return (found, group[looked_up..].to_vec());
        }
        let answer = actions(server, &scans[at], &mut lookups).await;
        patience.note(&answer);
        found.push((at, answer.map(|(_, actions)| actions)));
    }
    (found, Vec::new())
}

/// Refreshes one item, unless enough has failed.
async fn refresh_one(
    server: &impl MediaBrowser,
    refresh: RefreshCall,
    patience: &Patience,
) -> (RefreshCall, Option<Result<(), Fault>>) {
    if patience.is_over() {
        return (refresh, None);
    }
    let answer = accepted(server, &server.refresh(&refresh.item.id)).await;
    patience.note(&answer);
    (refresh, Some(answer))
}

/// Adds an item to those that are refreshed: once, and not when it lies in a folder that is looked at anyway.
fn take_in(refreshes: &mut Vec<RefreshCall>, item: KnownItem, scan: usize) {
    if let Some(known) = refreshes.iter_mut().find(|known| is_covered(&item.path, &known.item.path)) {
        if !known.scans.contains(&scan) {
            known.scans.push(scan);
        }
        return;
    }
    let mut scans = vec![scan];
    for covered in refreshes.extract_if(.., |known| is_covered(&known.item.path, &item.path)) {
        scans.extend(covered.scans);
    }
    scans.sort_unstable();
    scans.dedup();
    refreshes.push(RefreshCall { item, scans });
}

fn is_covered(path: &str, folder: &str) -> bool {
    AbsolutePath::parse(folder).is_ok_and(|folder| lies_in(path, &folder))
}

async fn accepted(server: &impl MediaBrowser, request: &Request) -> Result<(), Fault> {
    server.ask(request).await?.accepted()
}

/// The calls that [`scan`] would make for one scan alone. Items are looked up for it; nothing is changed.
pub(crate) async fn plan(server: &impl MediaBrowser, scan: &TargetScan) -> Result<Plan, Fault> {
    learn_newest(server, std::slice::from_ref(scan)).await;
    let (owners, actions) = actions(server, scan, &mut BatchLookups::default()).await?;
    let mut refreshes: Vec<RefreshCall> = Vec::new();
    actions.refreshes.into_iter().for_each(|item| take_in(&mut refreshes, item, 0));
    let reports = ReportCalls::of(actions.reports.into_iter().map(|report| (0, report)));
    let refreshes = refreshes.iter().map(|refresh| server.refresh(&refresh.item.id).planned());
    let reports = reports.0.iter().map(|call| call.request(server, false).planned());
    Ok(Plan {
        libraries: owners.iter().map(|owner| Library::clone(&owner.library)).collect(),
        calls: refreshes.chain(reports).collect(),
    })
}
