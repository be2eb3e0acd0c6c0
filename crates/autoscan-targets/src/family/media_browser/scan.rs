//! Tells a batch: items that are known are refreshed, and the rest is reported, one call a library.

use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_core::path::AbsolutePath;
use autoscan_core::ports::{Library, Plan, TargetScan};
use autoscan_http::Request;

use crate::family::media_browser::hold::{May, delay};
use crate::family::media_browser::orders::{Lookups, orders};
use crate::family::media_browser::prove::lies_in;
use crate::family::media_browser::report::{Posts, Told};
use crate::family::media_browser::{Known, MediaBrowser};

/// An item to be refreshed, and the scans that it is for.
struct Refresh {
    item: Known,
    scans: Vec<usize>,
}

/// A batch on its way.
struct Batch<'a, S> {
    server: &'a S,
    scans: &'a [TargetScan],
    results: Vec<Result<(), Fault>>,
    /// What ended the batch.
    stopped: Option<Fault>,
}

/// Tells a batch.
pub(crate) async fn scan(server: &impl MediaBrowser, scans: &[TargetScan]) -> Vec<Result<(), Fault>> {
    let mut batch = Batch { server, scans, results: vec![Ok(()); scans.len()], stopped: None };
    let mut told: Vec<(usize, Told)> = Vec::new();
    let mut open: Vec<usize> = (0..scans.len()).collect();
    // An item that turns out to be gone is forgotten, and its scans are thought over once.
    for is_last in [false, true] {
        let refreshes = match batch.decide(&open, &mut told).await {
            Ok(refreshes) => refreshes,
            // Nothing was told yet, so nothing was accepted.
            Err(fault) => return vec![Err(fault); scans.len()],
        };
        open = batch.refresh(refreshes, is_last).await;
        if open.is_empty() || batch.stopped.is_some() {
            break;
        }
    }
    batch.report(told).await;
    batch.results
}

impl<S: MediaBrowser> Batch<'_, S> {
    /// What is to be done for these scans.
    async fn decide(&mut self, open: &[usize], told: &mut Vec<(usize, Told)>) -> Result<Vec<Refresh>, Fault> {
        let mut refreshes: Vec<Refresh> = Vec::new();
        let mut lookups = Lookups::default();
        for &at in open {
            match orders(self.server, &self.scans[at], &mut lookups).await {
                Ok((_, orders)) => {
                    told.extend(orders.told.into_iter().map(|told| (at, told)));
                    orders.refreshes.into_iter().for_each(|item| take_in(&mut refreshes, item, at));
                }
                Err(fault) if fault.stops_the_lane() => return Err(fault),
                Err(fault) => self.results[at] = Err(fault),
            }
        }
        Ok(refreshes)
    }

    /// Refreshes the items; answers the scans of those that are gone.
    async fn refresh(&mut self, refreshes: Vec<Refresh>, is_last: bool) -> Vec<usize> {
        let mut gone = Vec::new();
        for refresh in refreshes {
            let answer = match &self.stopped {
                Some(fault) => Err(fault.clone()),
                None => tell(self.server, &self.server.refresh(&refresh.item.id)).await,
            };
            match answer {
                Ok(()) => {}
                Err(Fault::Wrong { .. }) if !is_last => {
                    self.server.desk().memory.forget(&refresh.item.path);
                    gone.extend(refresh.scans);
                }
                Err(fault) => self.fail(&refresh.scans, &fault),
            }
        }
        gone.sort_unstable();
        gone.dedup();
        gone
    }

    /// Tells the paths, of the libraries that may be told now.
    async fn report(&mut self, told: Vec<(usize, Told)>) {
        if told.is_empty() {
            return;
        }
        if let Some(fault) = self.stopped.clone() {
            let scans: Vec<usize> = told.iter().map(|(at, _)| *at).collect();
            return self.fail(&scans, &fault);
        }
        let delay = match delay(self.server).await {
            Ok(delay) => delay,
            Err(fault) => {
                let scans: Vec<usize> = told.iter().map(|(at, _)| *at).collect();
                return self.fail(&scans, &fault);
            }
        };
        let holds = &self.server.desk().holds;
        let mut may: Vec<(String, May)> = Vec::new();
        let mut posts = Posts::default();
        for (at, told) in told {
            let known = may.iter().find(|(library, _)| *library == told.library).map(|(_, may)| *may);
            let answer = known.unwrap_or_else(|| {
                let answer = holds.may_tell(&told.library, delay);
                may.push((told.library.clone(), answer));
                answer
            });
            match answer {
                May::Later(after) => self.put_off(at, &told.title, after, delay),
                May::Now | May::Join => posts.add(at, told),
            }
        }
        for post in &posts.0 {
            let joins = may.iter().any(|(library, may)| *library == post.library && *may == May::Join);
            let answer = match &self.stopped {
                Some(fault) => Err(fault.clone()),
                None => tell(self.server, &post.request(self.server, joins)).await,
            };
            match answer {
                Ok(()) => holds.told(&post.library, delay, post.names_a_folder(joins)),
                Err(fault) => self.fail(&post.scans, &fault),
            }
        }
    }

    fn put_off(&mut self, at: usize, library: &str, after: Duration, delay: Duration) {
        if self.results[at].is_err() {
            return;
        }
        let (product, seconds) = (self.server.product(), after.as_secs().max(1));
        let reason = format!(
            "{product} looks at all of the library {library:?} for what is new in it, {} s after the last report: autoscan \
             gathers such reports and makes the next in {seconds} s",
            delay.as_secs()
        );
        self.results[at] = Err(Fault::Later { after, reason });
    }

    fn fail(&mut self, scans: &[usize], fault: &Fault) {
        for &at in scans {
            self.results[at] = Err(fault.clone());
        }
        if fault.stops_the_lane() && self.stopped.is_none() {
            self.stopped = Some(fault.clone());
        }
    }
}

/// Adds an item to those that are refreshed: once, and not when it lies in a folder that is looked at anyway.
fn take_in(refreshes: &mut Vec<Refresh>, item: Known, scan: usize) {
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
    refreshes.push(Refresh { item, scans });
}

fn is_covered(path: &str, folder: &str) -> bool {
    AbsolutePath::parse(folder).is_ok_and(|folder| lies_in(path, &folder))
}

async fn tell(server: &impl MediaBrowser, request: &Request) -> Result<(), Fault> {
    server.ask(request).await?.accepted()
}

/// The calls that [`scan`] would make for one scan alone. Items are looked up for it; nothing is changed.
pub(crate) async fn plan(server: &impl MediaBrowser, scan: &TargetScan) -> Result<Plan, Fault> {
    let (owners, orders) = orders(server, scan, &mut Lookups::default()).await?;
    let mut refreshes: Vec<Refresh> = Vec::new();
    orders.refreshes.into_iter().for_each(|item| take_in(&mut refreshes, item, 0));
    let mut posts = Posts::default();
    orders.told.into_iter().for_each(|told| posts.add(0, told));
    let refreshes = refreshes.iter().map(|refresh| server.refresh(&refresh.item.id).planned());
    let reports = posts.0.iter().map(|post| post.request(server, false).planned());
    Ok(Plan {
        libraries: owners.iter().map(|owner| Library::clone(&owner.library)).collect(),
        calls: refreshes.chain(reports).collect(),
    })
}
