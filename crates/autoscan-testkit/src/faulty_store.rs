//! A store that fails on demand, around any other.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::delivery::{Delivery, Work};
use autoscan_core::history::{HourCounts, TriggerCounts};
use autoscan_core::later_look::LaterLook;
use autoscan_core::name::Name;
use autoscan_core::path::LocalPath;
use autoscan_core::ports::{
    Batch, Claimed, Hold, LaterLookStore, Owner, Page, Receipt, RefusalRecord, RemedyStore, ScanFilter,
    SessionStore, Settled, Settlement, Start, Stats, Store, StoreError,
};
use autoscan_core::scan::{Scan, ScanId};
use autoscan_core::session::{KeptSession, SessionPrint};
use autoscan_core::step::Step;
use autoscan_core::storm::HeldStorm;
use autoscan_core::time::Timestamp;

type Answer<T> = Result<T, StoreError>;

/// A store that fails on demand.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    plan: Mutex<Plan>,
}

#[derive(Default)]
struct Plan {
    /// What everything fails with.
    down: Option<StoreError>,
    /// Which writes are refused, by their number.
    refused: Range<u64>,
    /// How many writes there were.
    writes: u64,
    /// What every scan that is read is made.
    change: Option<fn(&mut Scan)>,
}

impl FaultyStore {
    /// A store that does what the other does, until it is told to fail.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, plan: Mutex::default() }
    }

    /// From now on everything fails like this, or nothing.
    pub fn fail(&self, fault: Option<StoreError>) {
        self.plan().down = fault;
    }

    /// Refuses these writes, counted from the first.
    pub fn refuse(&self, writes: Range<u64>) {
        self.plan().refused = writes;
    }

    /// How many writes there were, the refused ones among them.
    pub fn writes(&self) -> u64 {
        self.plan().writes
    }

    /// From now on every scan is read as this makes it.
    pub fn pretend(&self, change: fn(&mut Scan)) {
        self.plan().change = Some(change);
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<'a>(&self, scans: impl IntoIterator<Item = &'a mut Scan>) {
        let change = self.plan().change;
        if let Some(change) = change {
            scans.into_iter().for_each(change);
        }
    }

    fn read(&self) -> Answer<&dyn Store> {
        match &self.plan().down {
            Some(fault) => Err(fault.clone()),
            None => Ok(&*self.inner),
        }
    }

    fn write(&self) -> Answer<&dyn Store> {
        let mut plan = self.plan();
        let number = plan.writes;
        plan.writes += 1;
        if plan.refused.contains(&number) {
            return Err(StoreError::NotWritable("the disk is full, as asked".to_owned()));
        }
        drop(plan);
        self.read()
    }
}

#[async_trait]
impl Store for FaultyStore {
    async fn absorb(&self, batch: Arc<Batch>) -> Answer<Receipt> {
        self.write()?.absorb(batch).await
    }

    async fn due(&self, now: Timestamp, limit: usize, in_hand: Vec<ScanId>) -> Answer<Vec<Scan>> {
        let mut scans = self.read()?.due(now, limit, in_hand).await?;
        self.change(&mut scans);
        Ok(scans)
    }

    async fn next_due(&self) -> Answer<Option<Timestamp>> {
        self.read()?.next_due().await
    }

    async fn hold(&self, holds: Vec<Hold>) -> Answer<()> {
        self.write()?.hold(holds).await
    }

    async fn held_prefixes(&self) -> Answer<Vec<LocalPath>> {
        self.read()?.held_prefixes().await
    }

    async fn release(&self, prefix: &LocalPath, now: Timestamp) -> Answer<usize> {
        self.write()?.release(prefix, now).await
    }

    async fn start(&self, starts: Vec<Start>, now: Timestamp) -> Answer<Vec<ScanId>> {
        self.write()?.start(starts, now).await
    }

    async fn reroute(&self, id: ScanId, generation: i64, batch: Batch) -> Answer<Option<Receipt>> {
        self.write()?.reroute(id, generation, batch).await
    }

    async fn claim(
        &self,
        owner: Owner,
        target: &Name,
        work: Work,
        now: Timestamp,
        limit: usize,
    ) -> Answer<Vec<Claimed>> {
        self.write()?.claim(owner, target, work, now, limit).await
    }

    async fn next_attempt(&self, target: &Name, work: Work) -> Answer<Option<Timestamp>> {
        self.read()?.next_attempt(target, work).await
    }

    async fn backlog(&self, target: &Name, work: Work, most: usize) -> Answer<usize> {
        self.read()?.backlog(target, work, most).await
    }

    async fn count_stuck(&self, targets: &[Name], most: usize) -> Answer<usize> {
        self.read()?.count_stuck(targets, most).await
    }

    async fn make_due(&self, target: &Name, now: Timestamp) -> Answer<usize> {
        self.write()?.make_due(target, now).await
    }

    async fn settle(&self, settlements: Vec<Settlement>, now: Timestamp) -> Answer<Settled> {
        self.write()?.settle(settlements, now).await
    }

    async fn heartbeat(&self, owner: Owner, lasts: Duration) -> Answer<usize> {
        self.write()?.heartbeat(owner, lasts).await
    }

    async fn retire(&self, owner: Owner) -> Answer<usize> {
        self.write()?.retire(owner).await
    }

    async fn newest(&self) -> Answer<Option<Timestamp>> {
        self.read()?.newest().await
    }

    async fn bring_to(&self, now: Timestamp) -> Answer<usize> {
        self.write()?.bring_to(now).await
    }

    async fn changed_elsewhere(&self) {
        self.inner.changed_elsewhere().await;
    }

    async fn list(&self, filter: ScanFilter) -> Answer<Page> {
        let mut page = self.read()?.list(filter).await?;
        self.change(&mut page.scans);
        Ok(page)
    }

    async fn show(&self, id: ScanId) -> Answer<Option<Scan>> {
        let mut scan = self.read()?.show(id).await?;
        self.change(&mut scan);
        Ok(scan)
    }

    async fn retry(&self, id: ScanId, now: Timestamp) -> Answer<Option<Scan>> {
        self.write()?.retry(id, now).await
    }

    async fn retry_all(&self, ids: Vec<ScanId>, now: Timestamp) -> Answer<Vec<ScanId>> {
        self.write()?.retry_all(ids, now).await
    }

    async fn steps(&self, id: ScanId) -> Answer<Vec<Step>> {
        self.read()?.steps(id).await
    }

    async fn drop_scan(&self, id: ScanId) -> Answer<bool> {
        self.write()?.drop_scan(id).await
    }

    async fn stats(&self) -> Answer<Stats> {
        self.read()?.stats().await
    }

    async fn refusals(&self, limit: usize) -> Answer<Vec<RefusalRecord>> {
        self.read()?.refusals(limit).await
    }

    async fn bookmark(&self, trigger: &Name) -> Answer<Option<String>> {
        self.read()?.bookmark(trigger).await
    }

    async fn pauses(&self) -> Answer<Vec<(Name, Option<Timestamp>)>> {
        self.read()?.pauses().await
    }

    async fn pause(&self, targets: Vec<Name>, until: Option<Timestamp>) -> Answer<()> {
        self.write()?.pause(targets, until).await
    }

    async fn resume(&self, targets: Vec<Name>) -> Answer<()> {
        self.write()?.resume(targets).await
    }

    async fn mounts(&self) -> Answer<Vec<LocalPath>> {
        self.read()?.mounts().await
    }

    async fn change_mounts(&self, seen: Vec<LocalPath>, gone: Vec<LocalPath>) -> Answer<()> {
        self.write()?.change_mounts(seen, gone).await
    }

    async fn storms(&self) -> Answer<Vec<HeldStorm>> {
        self.read()?.storms().await
    }

    async fn change_storms(&self, held: Vec<HeldStorm>, over: Vec<LocalPath>) -> Answer<()> {
        self.write()?.change_storms(held, over).await
    }

    async fn trigger_counts(&self) -> Answer<Vec<TriggerCounts>> {
        self.read()?.trigger_counts().await
    }

    async fn add_trigger_counts(&self, more: Vec<TriggerCounts>) -> Answer<()> {
        self.write()?.add_trigger_counts(more).await
    }

    async fn hours(&self, from: i64) -> Answer<Vec<HourCounts>> {
        self.read()?.hours(from).await
    }

    async fn add_hours(&self, more: Vec<HourCounts>, from: i64) -> Answer<()> {
        self.write()?.add_hours(more, from).await
    }

    async fn setting(&self, key: &str) -> Answer<Option<String>> {
        self.read()?.setting(key).await
    }

    async fn set_setting(&self, key: &str, value: Option<String>) -> Answer<()> {
        self.write()?.set_setting(key, value).await
    }

    async fn sweep(&self, before: Timestamp, limit: usize) -> Answer<usize> {
        self.write()?.sweep(before, limit).await
    }

    async fn ready(&self) -> Answer<()> {
        self.write()?.ready().await
    }
}

#[async_trait]
impl LaterLookStore for FaultyStore {
    async fn due_later_looks(&self, now: Timestamp, limit: usize) -> Answer<Vec<LaterLook>> {
        self.read()?.due_later_looks(now, limit).await
    }

    async fn next_later_look(&self) -> Answer<Option<Timestamp>> {
        self.read()?.next_later_look().await
    }

    async fn change_later_looks(&self, later: Vec<LaterLook>, over: Vec<LocalPath>) -> Answer<()> {
        self.write()?.change_later_looks(later, over).await
    }
}

#[async_trait]
impl RemedyStore for FaultyStore {
    async fn keep_remedied(
        &self,
        scan: ScanId,
        delivery: Delivery,
        steps: Vec<Step>,
        now: Timestamp,
    ) -> Answer<bool> {
        self.write()?.keep_remedied(scan, delivery, steps, now).await
    }
}

#[async_trait]
impl SessionStore for FaultyStore {
    async fn session(&self, print: SessionPrint) -> Answer<Option<KeptSession>> {
        self.read()?.session(print).await
    }

    async fn begin_session(&self, session: KeptSession) -> Answer<()> {
        self.write()?.begin_session(session).await
    }

    async fn renew_session(&self, print: SessionPrint, used_at: Timestamp) -> Answer<()> {
        self.write()?.renew_session(print, used_at).await
    }

    async fn end_session(&self, print: SessionPrint) -> Answer<()> {
        self.write()?.end_session(print).await
    }

    async fn sweep_sessions(&self, now: Timestamp) -> Answer<usize> {
        self.write()?.sweep_sessions(now).await
    }
}
