//! Tells a batch: items that are known are refreshed, and libraries are scanned for the rest.

use std::collections::HashMap;

use autoscan_core::fault::Fault;
use autoscan_core::path::AbsolutePath;
use autoscan_core::ports::{Library, Plan, Target, TargetScan};
use autoscan_http::Request;
use futures_util::StreamExt as _;
use futures_util::stream;

use crate::family::batch::{BatchResults, is_suspicious};
use crate::family::media_browser::actions::{LibraryChange, ScanActions, actions, list_scanned};
use crate::family::media_browser::item_cache::KnownItem;
use crate::family::media_browser::library_tops::list_tops;
use crate::family::media_browser::lookups::BatchLookups;
use crate::family::media_browser::prove::lies_in;
use crate::family::media_browser::scan_libraries::planned;
use crate::family::media_browser::server::MediaBrowser;

/// Questions of one batch at the same time: enough that a bulk does not wait for one answer after the other, and few for a server
/// that plays films meanwhile.
const AT_ONCE: usize = 4;

/// An item to be refreshed, and the scans that it is for.
struct RefreshCall {
    item: KnownItem,
    scans: Vec<usize>,
}

/// A batch on its way.
pub(crate) struct Batch<'a, S> {
    pub(crate) server: &'a S,
    scans: &'a [TargetScan],
    pub(crate) results: BatchResults<'a>,
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
    let mut changes: Vec<(usize, LibraryChange)> = Vec::new();
    let mut pending: Vec<usize> = (0..scans.len()).collect();
    list_scanned(server, scans).await;
    if let Err(fault) = list_tops(server, scans).await {
        tracing::debug!(
            reason = fault.reason(),
            "the top of a library was not listed: each folder is searched for"
        );
    }
    // An item that turns out to be gone is forgotten, and its scans are thought over once.
    for is_last in [false, true] {
        let refreshes = batch.decide(pending, &mut changes).await;
        pending = batch.refresh(refreshes, is_last).await;
        if pending.is_empty() || batch.results.is_stopped() {
            break;
        }
    }
    batch.scan_libraries(changes).await;
    batch.results.end().await
}

impl<S: MediaBrowser> Batch<'_, S> {
    /// What is to be done for these scans, looked up side by side.
    async fn decide(
        &mut self,
        pending: Vec<usize>,
        changes: &mut Vec<(usize, LibraryChange)>,
    ) -> Vec<RefreshCall> {
        let mut found: Vec<(usize, ScanActions)> = Vec::new();
        let mut groups = groups(self.server, self.scans, pending);
        while !groups.is_empty() && !self.results.is_stopped() {
            groups = self.look_up(groups, &mut found).await;
        }
        found.sort_by_key(|(at, _)| *at);
        let mut refreshes: Vec<RefreshCall> = Vec::new();
        for (at, actions) in found {
            self.open[at] += usize::from(!actions.changes.is_empty());
            changes.extend(actions.changes.into_iter().map(|change| (at, change)));
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
        let most = self.results.failures_until_probe();
        let failed = std::sync::atomic::AtomicUsize::new(0);
        let patience = Patience { failed: &failed, most };
        let looks = groups.into_iter().map(|group| look_up_group(self.server, self.scans, group, patience));
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

    /// Refreshes the items one after the other; answers the scans of those that are gone.
    async fn refresh(&mut self, refreshes: Vec<RefreshCall>, is_last: bool) -> Vec<usize> {
        let mut gone = Vec::new();
        for refresh in refreshes {
            if self.results.is_stopped() {
                break;
            }
            match send(self.server, &refresh.item.id).await {
                Ok(()) => self.done(&refresh.scans),
                Err(Fault::Wrong { .. }) if !is_last => {
                    self.server.state().items.forget(&refresh.item.path);
                    refresh.scans.iter().for_each(|scan| self.open[*scan] -= 1);
                    gone.extend(refresh.scans);
                }
                Err(fault) => {
                    self.results.keep(&refresh.scans, &Err(fault));
                    self.results.probe_if_due().await;
                }
            }
        }
        gone.sort_unstable();
        gone.dedup();
        gone
    }

    /// These scans wait for one more call.
    pub(crate) fn waits(&mut self, scans: &[usize]) {
        for &scan in scans {
            self.open[scan] += 1;
        }
    }

    /// A call was made for these scans: those that wait for no other are told.
    pub(crate) fn done(&mut self, scans: &[usize]) {
        for &scan in scans {
            self.open[scan] = self.open[scan].saturating_sub(1);
            if self.open[scan] == 0 {
                self.results.keep(&[scan], &Ok(()));
            }
        }
    }
}

/// How many calls may still fail before it is looked into.
#[derive(Clone, Copy)]
struct Patience<'a> {
    failed: &'a std::sync::atomic::AtomicUsize,
    most: usize,
}

impl Patience<'_> {
    fn is_over(self) -> bool {
        self.failed.load(std::sync::atomic::Ordering::Relaxed) >= self.most
    }

    fn note<T>(self, result: &Result<T, Fault>) {
        match result {
            Err(Fault::Busy { .. }) => self.failed.store(self.most, std::sync::atomic::Ordering::Relaxed),
            Err(fault) if is_suspicious(fault) => {
                self.failed.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
            _ => {}
        }
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
    patience: Patience<'_>,
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

/// Asks for the refresh of an item or a library. These go out one at a time.
pub(crate) async fn send(server: &impl MediaBrowser, id: &str) -> Result<(), Fault> {
    let _one = server.state().scans.sending.lock().await;
    accepted(server, &server.refresh(id)).await
}

pub(crate) async fn accepted(server: &impl MediaBrowser, request: &Request) -> Result<(), Fault> {
    server.ask(request).await?.accepted()
}

/// The calls that [`scan`] would make for one scan alone. Items are looked up for it; nothing is changed.
pub(crate) async fn plan(server: &impl MediaBrowser, scan: &TargetScan) -> Result<Plan, Fault> {
    list_scanned(server, std::slice::from_ref(scan)).await;
    let (owners, actions) = actions(server, scan, &mut BatchLookups::default()).await?;
    let mut refreshes: Vec<RefreshCall> = Vec::new();
    actions.refreshes.into_iter().for_each(|item| take_in(&mut refreshes, item, 0));
    let refreshes = refreshes.iter().map(|refresh| server.refresh(&refresh.item.id).planned());
    Ok(Plan {
        libraries: owners.iter().map(|owner| Library::clone(&owner.library)).collect(),
        calls: refreshes.chain(planned(server, actions.changes)).collect(),
    })
}
