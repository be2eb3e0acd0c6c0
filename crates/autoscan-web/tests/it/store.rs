//! A queue that can be broken.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::delivery::Work;
use autoscan_core::name::Name;
use autoscan_core::ports::{
    Batch, Claimed, Hold, Page, Receipt, RefusalRecord, ScanFilter, SessionStore, Settlement, Start, Stats,
    Store, StoreError,
};
use autoscan_core::scan::{Scan, ScanId, ScanState};
use autoscan_core::session::{KeptSession, SessionPrint};
use autoscan_core::step::Step;
use autoscan_core::time::Timestamp;
use autoscan_store::MemoryStore;

type Answer<T> = Result<T, StoreError>;

/// A queue in memory that fails on demand.
#[derive(Default)]
pub(crate) struct Breakable {
    inner: MemoryStore,
    fault: Mutex<Option<StoreError>>,
    pretence: Mutex<Option<fn(&mut Scan)>>,
}

impl Breakable {
    /// From now on everything fails like this, or nothing.
    pub(crate) fn fail(&self, fault: Option<StoreError>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// From now on every scan is shown as this makes it.
    pub(crate) fn pretend(&self, change: fn(&mut Scan)) {
        *self.pretence.lock().unwrap_or_else(PoisonError::into_inner) = Some(change);
    }

    fn shown<'a>(&self, scans: impl IntoIterator<Item = &'a mut Scan>) {
        if let Some(change) = *self.pretence.lock().unwrap_or_else(PoisonError::into_inner) {
            scans.into_iter().for_each(change);
        }
    }

    fn check(&self) -> Answer<&MemoryStore> {
        match &*self.fault.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(fault) => Err(fault.clone()),
            None => Ok(&self.inner),
        }
    }
}

#[async_trait]
impl Store for Breakable {
    async fn absorb(&self, batch: Batch) -> Answer<Receipt> {
        self.check()?.absorb(batch).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Answer<Vec<Scan>> {
        self.check()?.due(now, limit).await
    }

    async fn next_due(&self) -> Answer<Option<Timestamp>> {
        self.check()?.next_due().await
    }

    async fn hold(&self, holds: Vec<Hold>) -> Answer<()> {
        self.check()?.hold(holds).await
    }

    async fn start(&self, starts: Vec<Start>, now: Timestamp) -> Answer<Vec<ScanId>> {
        self.check()?.start(starts, now).await
    }

    async fn claim(
        &self,
        target: &Name,
        work: Work,
        now: Timestamp,
        lease: Duration,
        limit: usize,
    ) -> Answer<Vec<Claimed>> {
        self.check()?.claim(target, work, now, lease, limit).await
    }

    async fn next_attempt(&self, target: &Name, work: Work) -> Answer<Option<Timestamp>> {
        self.check()?.next_attempt(target, work).await
    }

    async fn backlog(&self, target: &Name, work: Work, most: usize) -> Answer<usize> {
        self.check()?.backlog(target, work, most).await
    }

    async fn hurry(&self, target: &Name, now: Timestamp) -> Answer<usize> {
        self.check()?.hurry(target, now).await
    }

    async fn settle(&self, settlements: Vec<Settlement>, now: Timestamp) -> Answer<Vec<(ScanId, ScanState)>> {
        self.check()?.settle(settlements, now).await
    }

    async fn recover(&self) -> Answer<()> {
        self.check()?.recover().await
    }

    async fn list(&self, filter: ScanFilter) -> Answer<Page> {
        let state = filter.state;
        let pretends = self.pretence.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let filter = ScanFilter { state: state.filter(|_| !pretends), ..filter };
        let mut page = self.check()?.list(filter).await?;
        self.shown(&mut page.scans);
        page.scans.retain(|scan| state.is_none_or(|state| scan.state == state));
        Ok(page)
    }

    async fn show(&self, id: ScanId) -> Answer<Option<Scan>> {
        let mut scan = self.check()?.show(id).await?;
        self.shown(&mut scan);
        Ok(scan)
    }

    async fn retry(&self, id: ScanId, now: Timestamp) -> Answer<Option<Scan>> {
        self.check()?.retry(id, now).await
    }

    async fn retry_all(&self, ids: Vec<ScanId>, now: Timestamp) -> Answer<Vec<ScanId>> {
        self.check()?.retry_all(ids, now).await
    }

    async fn steps(&self, id: ScanId) -> Answer<Vec<Step>> {
        self.check()?.steps(id).await
    }

    async fn drop_scan(&self, id: ScanId) -> Answer<bool> {
        self.check()?.drop_scan(id).await
    }

    async fn stats(&self) -> Answer<Stats> {
        self.check()?.stats().await
    }

    async fn refusals(&self, limit: usize) -> Answer<Vec<RefusalRecord>> {
        self.check()?.refusals(limit).await
    }

    async fn setting(&self, key: &str) -> Answer<Option<String>> {
        self.check()?.setting(key).await
    }

    async fn set_setting(&self, key: &str, value: Option<String>) -> Answer<()> {
        self.check()?.set_setting(key, value).await
    }

    async fn sweep(&self, before: Timestamp, limit: usize) -> Answer<usize> {
        self.check()?.sweep(before, limit).await
    }

    async fn ready(&self) -> Answer<()> {
        self.check()?.ready().await
    }
}

#[async_trait]
impl SessionStore for Breakable {
    async fn session(&self, print: SessionPrint) -> Answer<Option<KeptSession>> {
        self.check()?.session(print).await
    }

    async fn begin_session(&self, session: KeptSession) -> Answer<()> {
        self.check()?.begin_session(session).await
    }

    async fn renew_session(&self, print: SessionPrint, used_at: Timestamp) -> Answer<()> {
        self.check()?.renew_session(print, used_at).await
    }

    async fn end_session(&self, print: SessionPrint) -> Answer<()> {
        self.check()?.end_session(print).await
    }

    async fn sweep_sessions(&self, now: Timestamp) -> Answer<usize> {
        self.check()?.sweep_sessions(now).await
    }
}
