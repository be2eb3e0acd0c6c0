//! The queue on SQLite, embedded: no server, one file, one process.
//!
//! One thread writes and groups what waits into one transaction; two threads read, each on a connection of its own,
//! one for the dispatcher and one for people, so that a long list keeps no delivery waiting.

mod absorb;
mod clock_set_back;
mod codes;
mod engine_state;
mod errors;
mod file_guard;
mod gate;
mod history;
mod inline_changes;
mod job_queue;
mod later_looks;
mod leases;
mod open;
#[cfg(test)]
mod plan;
mod query;
mod reader;
mod remedies;
mod retention;
mod retry;
mod rows;
mod session;
mod steps;
mod tally;
mod waiting_folders;
mod writer;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::delivery::Work;
use autoscan_core::history::{HourCounts, TriggerCounts};
use autoscan_core::name::Name;
use autoscan_core::path::LocalPath;
use autoscan_core::ports::{
    Batch, Claimed, Clock, Hold, Owner, Page, Receipt, RefusalRecord, ScanFilter, Settled, Settlement, Start,
    Stats, Store, StoreError,
};
use autoscan_core::scan::{Scan, ScanId};
use autoscan_core::step::Step;
use autoscan_core::storm::HeldStorm;
use autoscan_core::time::Timestamp;

pub use self::open::{OpenError, Options};
use self::reader::Reader;
use self::writer::Durability::{PowerLoss, ProcessCrash};
use self::writer::Writer;
use crate::rules::{self, Owners};

/// The queue in one file.
pub struct SqliteStore {
    writer: Writer,
    scheduling: Reader,
    queries: Reader,
    journal_note: Option<String>,
    clock: Arc<dyn Clock>,
    owners: Mutex<Owners>,
}

impl SqliteStore {
    fn owners(&self) -> MutexGuard<'_, Owners> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A sentence for a person when SQLite's write-ahead log could not be used, as on a network filesystem.
    pub fn journal_note(&self) -> Option<String> {
        self.journal_note.clone()
    }

    /// Finishes what was asked, moves the log into the database, closes it and lets another autoscan open it. Whatever
    /// is asked later is answered with [`StoreError::Closed`].
    pub async fn close(&self) {
        self.scheduling.close().await;
        self.queries.close().await;
        self.writer.close().await;
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn absorb(&self, batch: Arc<Batch>) -> Result<Receipt, StoreError> {
        rules::check_paths(&batch)?;
        self.writer.ask(PowerLoss, move |write| absorb::absorb(write, &batch)).await
    }

    async fn due(&self, now: Timestamp, limit: usize, in_hand: Vec<ScanId>) -> Result<Vec<Scan>, StoreError> {
        let in_hand = in_hand.into_iter().collect();
        self.scheduling.ask(move |conn| query::due(conn, now, limit, &in_hand)).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.scheduling.ask(query::next_due).await
    }

    async fn hold(&self, holds: Vec<Hold>) -> Result<(), StoreError> {
        self.writer.ask(ProcessCrash, move |write| gate::hold(write, &holds)).await
    }

    async fn held_prefixes(&self) -> Result<Vec<LocalPath>, StoreError> {
        self.scheduling.ask(gate::held_prefixes).await
    }

    async fn release(&self, prefix: &LocalPath, now: Timestamp) -> Result<usize, StoreError> {
        let prefix = prefix.clone();
        self.writer.ask(ProcessCrash, move |write| gate::release(write, &prefix, now)).await
    }

    async fn start(&self, starts: Vec<Start>, now: Timestamp) -> Result<Vec<ScanId>, StoreError> {
        self.writer.ask(ProcessCrash, move |write| gate::start(write, &starts, now)).await
    }

    async fn reroute(
        &self,
        id: ScanId,
        generation: i64,
        batch: Batch,
    ) -> Result<Option<Receipt>, StoreError> {
        rules::check_paths(&batch)?;
        self.writer.ask(PowerLoss, move |write| gate::reroute(write, id, generation, &batch)).await
    }

    async fn claim(
        &self,
        owner: Owner,
        target: &Name,
        work: Work,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        let target = target.clone();
        self.writer
            .ask(ProcessCrash, move |write| leases::claim(write, owner, &target, work, now, limit))
            .await
    }

    async fn next_attempt(&self, target: &Name, work: Work) -> Result<Option<Timestamp>, StoreError> {
        let target = target.clone();
        self.scheduling.ask(move |conn| leases::next_attempt(conn, &target, work)).await
    }

    async fn backlog(&self, target: &Name, work: Work, most: usize) -> Result<usize, StoreError> {
        let target = target.clone();
        self.scheduling.ask(move |conn| leases::backlog(conn, &target, work, most)).await
    }

    async fn count_stuck(&self, targets: &[Name], most: usize) -> Result<usize, StoreError> {
        let targets = targets.to_vec();
        self.queries.ask(move |conn| leases::count_stuck(conn, &targets, most)).await
    }

    async fn make_due(&self, target: &Name, now: Timestamp) -> Result<usize, StoreError> {
        let target = target.clone();
        self.writer.ask(ProcessCrash, move |write| leases::make_due(write, &target, now)).await
    }

    async fn settle(&self, settlements: Vec<Settlement>, now: Timestamp) -> Result<Settled, StoreError> {
        self.writer.ask(ProcessCrash, move |write| leases::settle(write, &settlements, now)).await
    }

    async fn heartbeat(&self, owner: Owner, lasts: Duration) -> Result<usize, StoreError> {
        let live = self.owners().heard(owner, self.clock.steady(), lasts);
        self.writer.ask(ProcessCrash, move |write| leases::end_leases(write.conn, &live)).await
    }

    async fn retire(&self, owner: Owner) -> Result<usize, StoreError> {
        self.owners().retire(owner);
        self.writer.ask(ProcessCrash, move |write| leases::end_leases_of(write.conn, owner)).await
    }

    async fn newest(&self) -> Result<Option<Timestamp>, StoreError> {
        self.queries.ask(clock_set_back::newest).await
    }

    async fn bring_to(&self, now: Timestamp) -> Result<usize, StoreError> {
        self.writer.ask(ProcessCrash, move |write| clock_set_back::bring_to(write, now)).await
    }

    async fn list(&self, filter: ScanFilter) -> Result<Page, StoreError> {
        let waiting = self.writer.stats().waiting;
        self.queries.ask(move |conn| query::list(conn, &filter, waiting)).await
    }

    async fn show(&self, id: ScanId) -> Result<Option<Scan>, StoreError> {
        self.queries.ask(move |conn| rows::show(conn, id)).await
    }

    async fn retry(&self, id: ScanId, now: Timestamp) -> Result<Option<Scan>, StoreError> {
        self.writer.ask(PowerLoss, move |write| retry::retry(write, id, now)).await
    }

    async fn retry_all(&self, ids: Vec<ScanId>, now: Timestamp) -> Result<Vec<ScanId>, StoreError> {
        self.writer.ask(PowerLoss, move |write| retry::retry_all(write, &ids, now)).await
    }

    async fn steps(&self, id: ScanId) -> Result<Vec<Step>, StoreError> {
        self.queries.ask(move |conn| steps::steps_of(conn, id)).await
    }

    async fn drop_scan(&self, id: ScanId) -> Result<bool, StoreError> {
        self.writer.ask(PowerLoss, move |write| retention::drop_scan(write, id)).await
    }

    async fn stats(&self) -> Result<Stats, StoreError> {
        Ok(self.writer.stats())
    }

    async fn refusals(&self, limit: usize) -> Result<Vec<RefusalRecord>, StoreError> {
        self.queries.ask(move |conn| query::refusals(conn, limit)).await
    }

    async fn bookmark(&self, trigger: &Name) -> Result<Option<String>, StoreError> {
        let trigger = trigger.clone();
        self.queries.ask(move |conn| engine_state::bookmark(conn, &trigger)).await
    }

    async fn pauses(&self) -> Result<Vec<(Name, Option<Timestamp>)>, StoreError> {
        self.queries.ask(engine_state::pauses).await
    }

    async fn pause(&self, targets: Vec<Name>, until: Option<Timestamp>) -> Result<(), StoreError> {
        self.writer.ask(PowerLoss, move |write| engine_state::pause(write, &targets, until)).await
    }

    async fn resume(&self, targets: Vec<Name>) -> Result<(), StoreError> {
        self.writer.ask(PowerLoss, move |write| engine_state::resume(write, &targets)).await
    }

    async fn mounts(&self) -> Result<Vec<LocalPath>, StoreError> {
        self.queries.ask(engine_state::mounts).await
    }

    async fn change_mounts(&self, seen: Vec<LocalPath>, gone: Vec<LocalPath>) -> Result<(), StoreError> {
        self.writer.ask(PowerLoss, move |write| engine_state::change_mounts(write, &seen, &gone)).await
    }

    async fn storms(&self) -> Result<Vec<HeldStorm>, StoreError> {
        self.queries.ask(engine_state::storms).await
    }

    async fn change_storms(&self, held: Vec<HeldStorm>, over: Vec<LocalPath>) -> Result<(), StoreError> {
        self.writer.ask(PowerLoss, move |write| engine_state::change_storms(write, &held, &over)).await
    }

    async fn trigger_counts(&self) -> Result<Vec<TriggerCounts>, StoreError> {
        self.queries.ask(history::trigger_counts).await
    }

    async fn add_trigger_counts(&self, more: Vec<TriggerCounts>) -> Result<(), StoreError> {
        self.writer.ask(ProcessCrash, move |write| history::add_trigger_counts(write, &more)).await
    }

    async fn hours(&self, from: i64) -> Result<Vec<HourCounts>, StoreError> {
        self.queries.ask(move |conn| history::hours(conn, from)).await
    }

    async fn add_hours(&self, more: Vec<HourCounts>, from: i64) -> Result<(), StoreError> {
        self.writer.ask(ProcessCrash, move |write| history::add_hours(write, &more, from)).await
    }

    async fn setting(&self, key: &str) -> Result<Option<String>, StoreError> {
        let key = key.to_owned();
        self.queries.ask(move |conn| query::setting(conn, &key)).await
    }

    async fn set_setting(&self, key: &str, value: Option<String>) -> Result<(), StoreError> {
        let key = key.to_owned();
        self.writer.ask(PowerLoss, move |write| retention::set_setting(write, &key, value.as_deref())).await
    }

    async fn sweep(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.writer.ask(ProcessCrash, move |write| retention::sweep(write, before, limit)).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.writer.ask(ProcessCrash, retention::probe).await
    }
}
