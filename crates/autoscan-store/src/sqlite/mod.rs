//! The queue on SQLite, embedded: no server, one file, one process.
//!
//! One thread writes and groups what waits into one transaction; two threads read, each on a connection of its own,
//! one for the dispatcher and one for people, so that a long list keeps no delivery waiting.

mod absorb;
mod deliver;
mod errors;
mod keep;
mod line;
mod open;
#[cfg(test)]
mod plan;
mod query;
mod reader;
mod rows;
mod session;
mod steps;
mod tally;
mod writer;

use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::delivery::Work;
use autoscan_core::name::Name;
use autoscan_core::ports::{
    Batch, Claimed, Hold, Page, Receipt, RefusalRecord, ScanFilter, Settlement, Start, Stats, Store,
    StoreError,
};
use autoscan_core::scan::{Scan, ScanId, ScanState};
use autoscan_core::step::Step;
use autoscan_core::time::Timestamp;

pub use self::open::{OpenError, Options};
use self::reader::Reader;
use self::writer::Survives::{Kill, PowerCut};
use self::writer::Writer;
use crate::rules;

/// The queue in one file.
pub struct SqliteStore {
    writer: Writer,
    dispatch: Reader,
    people: Reader,
    journal_note: Option<String>,
}

impl SqliteStore {
    /// A sentence for a person when SQLite's write-ahead log could not be used, as on a network filesystem.
    pub fn journal_note(&self) -> Option<String> {
        self.journal_note.clone()
    }

    /// Finishes what was asked, moves the log into the database, closes it and lets another autoscan open it. Whatever
    /// is asked later is answered with [`StoreError::Closed`].
    pub async fn close(&self) {
        self.dispatch.close().await;
        self.people.close().await;
        self.writer.close().await;
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn absorb(&self, batch: Batch) -> Result<Receipt, StoreError> {
        rules::check_paths(&batch)?;
        self.writer.ask(PowerCut, move |write| absorb::absorb(write, &batch)).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Scan>, StoreError> {
        self.dispatch.ask(move |conn| query::due(conn, now, limit)).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.dispatch.ask(query::next_due).await
    }

    async fn hold(&self, holds: Vec<Hold>) -> Result<(), StoreError> {
        self.writer.ask(Kill, move |write| deliver::hold(write, &holds)).await
    }

    async fn start(&self, starts: Vec<Start>, now: Timestamp) -> Result<Vec<ScanId>, StoreError> {
        self.writer.ask(Kill, move |write| deliver::start(write, &starts, now)).await
    }

    async fn claim(
        &self,
        target: &Name,
        work: Work,
        now: Timestamp,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        let target = target.clone();
        self.writer.ask(Kill, move |write| deliver::claim(write, &target, work, now, lease, limit)).await
    }

    async fn next_attempt(&self, target: &Name, work: Work) -> Result<Option<Timestamp>, StoreError> {
        let target = target.clone();
        self.dispatch.ask(move |conn| query::next_attempt(conn, &target, work)).await
    }

    async fn backlog(&self, target: &Name, work: Work, most: usize) -> Result<usize, StoreError> {
        let target = target.clone();
        self.dispatch.ask(move |conn| query::backlog(conn, &target, work, most)).await
    }

    async fn hurry(&self, target: &Name, now: Timestamp) -> Result<usize, StoreError> {
        let target = target.clone();
        self.writer.ask(Kill, move |write| deliver::hurry(write, &target, now)).await
    }

    async fn settle(
        &self,
        settlements: Vec<Settlement>,
        now: Timestamp,
    ) -> Result<Vec<(ScanId, ScanState)>, StoreError> {
        self.writer.ask(Kill, move |write| deliver::settle(write, &settlements, now)).await
    }

    async fn recover(&self) -> Result<(), StoreError> {
        self.writer.ask(Kill, deliver::recover).await
    }

    async fn list(&self, filter: ScanFilter) -> Result<Page, StoreError> {
        let waiting = self.writer.stats().waiting;
        self.people.ask(move |conn| query::list(conn, &filter, waiting)).await
    }

    async fn show(&self, id: ScanId) -> Result<Option<Scan>, StoreError> {
        self.people.ask(move |conn| rows::show(conn, id)).await
    }

    async fn retry(&self, id: ScanId, now: Timestamp) -> Result<Option<Scan>, StoreError> {
        self.writer.ask(PowerCut, move |write| deliver::retry(write, id, now)).await
    }

    async fn retry_all(&self, ids: Vec<ScanId>, now: Timestamp) -> Result<Vec<ScanId>, StoreError> {
        self.writer.ask(PowerCut, move |write| deliver::retry_all(write, &ids, now)).await
    }

    async fn steps(&self, id: ScanId) -> Result<Vec<Step>, StoreError> {
        self.people.ask(move |conn| steps::steps_of(conn, id)).await
    }

    async fn drop_scan(&self, id: ScanId) -> Result<bool, StoreError> {
        self.writer.ask(PowerCut, move |write| keep::drop_scan(write, id)).await
    }

    async fn stats(&self) -> Result<Stats, StoreError> {
        Ok(self.writer.stats())
    }

    async fn refusals(&self, limit: usize) -> Result<Vec<RefusalRecord>, StoreError> {
        self.people.ask(move |conn| query::refusals(conn, limit)).await
    }

    async fn setting(&self, key: &str) -> Result<Option<String>, StoreError> {
        let key = key.to_owned();
        self.people.ask(move |conn| query::setting(conn, &key)).await
    }

    async fn set_setting(&self, key: &str, value: Option<String>) -> Result<(), StoreError> {
        let key = key.to_owned();
        self.writer.ask(PowerCut, move |write| keep::set_setting(write, &key, value.as_deref())).await
    }

    async fn sweep(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.writer.ask(Kill, move |write| keep::sweep(write, before, limit)).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.writer.ask(Kill, keep::probe).await
    }
}
