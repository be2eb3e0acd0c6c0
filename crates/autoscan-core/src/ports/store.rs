use std::time::Duration;

use async_trait::async_trait;

use super::SessionStore;
use crate::delivery::{Delivery, Work};
use crate::name::Name;
use crate::path::LocalPath;
use crate::scan::{Quiet, Scan, ScanId, ScanState, StoredChange};
use crate::step::Step;
use crate::time::Timestamp;

/// Changes of one folder on their way into the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absorb {
    /// The folder.
    pub folder: LocalPath,
    /// Higher goes first; a waiting scan keeps the highest it was given.
    pub priority: i64,
    /// How long the folder must be quiet.
    pub quiet: Quiet,
    /// What happened in it. A path that is known already keeps one entry
    /// ([`ChangeKind::followed_by`](crate::change::ChangeKind::followed_by); the later `from`, `subject`, `awaited`,
    /// trigger and time win; ids are kept when the later change has none; targets are united, and none, which means all,
    /// wins).
    pub changes: Vec<StoredChange>,
}

/// A path that was not believed, for the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalRecord {
    /// The trigger that sent it.
    pub trigger: Name,
    /// Why, with the path escaped.
    pub reason: String,
    /// When.
    pub received_at: Timestamp,
}

/// What one request asks for: stored whole or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// When it came in.
    pub received_at: Timestamp,
    /// Its folders.
    pub folders: Vec<Absorb>,
    /// Its refusals; the store keeps the last thousand.
    pub refusals: Vec<RefusalRecord>,
}

/// What became of a batch: for each folder, in order, the waiting scan that has it now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The scans.
    pub scans: Vec<ScanId>,
}

/// A waiting scan that the gate does not let through yet. It goes on absorbing changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The scan.
    pub scan: ScanId,
    /// Not due before this moment, whatever comes in.
    pub until: Timestamp,
    /// How its deliveries are shown meanwhile: they replace those the scan has.
    pub deliveries: Vec<Delivery>,
    /// What the scan waits for, in a sentence.
    pub note: Option<String>,
    /// Steps that are kept with it.
    pub steps: Vec<Step>,
}

/// A waiting scan that starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The scan.
    pub scan: ScanId,
    /// The generation that the gate saw. A scan that has changed since does not start.
    pub generation: i64,
    /// The folder that targets are told of: the scan's own, or the nearest that exists.
    pub tell: LocalPath,
    /// Its deliveries: they replace those the scan has. When all are closed already the scan is finished at once.
    pub deliveries: Vec<Delivery>,
    /// What a person should know of this start, in a sentence: the file never came, the nearest folder is told.
    pub note: Option<String>,
    /// Steps that are kept with it.
    pub steps: Vec<Step>,
}

/// A delivery that a lane has leased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The scan.
    pub scan: ScanId,
    /// The folder that the target is told of.
    pub folder: LocalPath,
    /// When the scan's first change came in.
    pub first_seen: Timestamp,
    /// The scan's changes.
    pub changes: Vec<StoredChange>,
    /// The delivery as it is.
    pub delivery: Delivery,
}

/// A delivery as it is kept from now on; its lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The scan.
    pub scan: ScanId,
    /// The delivery.
    pub delivery: Delivery,
    /// Steps that are kept with it.
    pub steps: Vec<Step>,
}

/// Which scans are asked for. Newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanFilter {
    /// Only in this state.
    pub state: Option<ScanState>,
    /// Only with a delivery to this target.
    pub target: Option<Name>,
    /// Only with a change of this trigger.
    pub trigger: Option<Name>,
    /// Only where the folder or a changed path holds this text, without regard to (ASCII) case.
    pub text: Option<String>,
    /// Only where the error of a delivery holds this text, without regard to (ASCII) case.
    pub reason: Option<String>,
    /// At most this many.
    pub limit: usize,
    /// Only older than this scan.
    pub before: Option<ScanId>,
}

/// One page of scans.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The scans, with changes and deliveries.
    pub scans: Vec<Scan>,
    /// Where the next page begins: [`ScanFilter::before`]. None at the end. A page looks at a bounded number of scans: where
    /// few fit, it may hold fewer than the limit, even none, and yet have a next one.
    pub next: Option<ScanId>,
}

/// Counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Scans that have not started.
    pub waiting: u64,
    /// Scans whose targets are being told.
    pub running: u64,
    /// Scans that a person should look at.
    pub attention: u64,
    /// Finished scans that are still kept.
    pub done: u64,
}

/// Why the store did not do it. Nothing of the request was kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Read-only, full, locked: may pass by itself.
    #[error("the database cannot be written: {0}")]
    NotWritable(String),
    /// The store was closed, because autoscan stops.
    #[error("the database is closed")]
    Closed,
    /// Something that should not happen.
    #[error("the database failed: {0}")]
    Broken(String),
}

/// The queue. Every method is one transaction; what it answered `Ok` survives a power cut where it says so.
#[async_trait]
pub trait Store: SessionStore {
    /// Merges a batch into the waiting scans: one a folder. Durable before it answers.
    async fn absorb(&self, batch: Batch) -> Result<Receipt, StoreError>;

    /// Waiting scans that are due, highest priority first, then longest due; with their changes and deliveries.
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Scan>, StoreError>;

    /// The earliest moment at which a waiting scan is due.
    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Keeps waiting scans back. Scans that started meanwhile are left alone.
    async fn hold(&self, holds: Vec<Hold>) -> Result<(), StoreError>;

    /// Starts those scans that still wait and did not change since; answers which.
    async fn start(&self, starts: Vec<Start>, now: Timestamp) -> Result<Vec<ScanId>, StoreError>;

    /// Leases deliveries of running scans for which this work is left: those due at `now` that nobody holds a lease on.
    /// For telling: highest priority first, then oldest. For following: longest due first.
    async fn claim(
        &self,
        target: &Name,
        work: Work,
        now: Timestamp,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<Claimed>, StoreError>;

    /// The earliest moment at which this work may be done for a delivery of a running scan to this target (its
    /// `next_attempt_at`, or the end of its lease).
    async fn next_attempt(&self, target: &Name, work: Work) -> Result<Option<Timestamp>, StoreError>;

    /// For how many deliveries of running scans to this target this work is left, leased ones among them. Counts no further
    /// than `most`.
    async fn backlog(&self, target: &Name, work: Work, most: usize) -> Result<usize, StoreError>;

    /// Makes deliveries of running scans to this target that wait to be followed due at `now`; those that are leased are
    /// left alone. Answers how many.
    async fn hurry(&self, target: &Name, now: Timestamp) -> Result<usize, StoreError>;

    /// Keeps what became of deliveries and finishes the scans that have none open.
    /// Answers which scans came to their end with that, and in which state.
    async fn settle(
        &self,
        settlements: Vec<Settlement>,
        now: Timestamp,
    ) -> Result<Vec<(ScanId, ScanState)>, StoreError>;

    /// Ends leases that were held when the program died.
    async fn recover(&self) -> Result<(), StoreError>;

    /// One page of scans.
    async fn list(&self, filter: ScanFilter) -> Result<Page, StoreError>;

    /// One scan.
    async fn show(&self, id: ScanId) -> Result<Option<Scan>, StoreError>;

    /// A waiting scan becomes due now; the deliveries of a started one that are not skipped, not seen, and not sent for good
    /// are tried again from the beginning, and the scan runs. Answers the scan, or none when there is no such scan. Durable.
    async fn retry(&self, id: ScanId, now: Timestamp) -> Result<Option<Scan>, StoreError>;

    /// The same for many scans in one transaction. Answers those that there are. Durable.
    async fn retry_all(&self, ids: Vec<ScanId>, now: Timestamp) -> Result<Vec<ScanId>, StoreError>;

    /// The steps that are kept of a scan, oldest first: at most [`MOST_STEPS`](crate::step::MOST_STEPS). A step that says
    /// the same as the one before it at its target is not kept again; where some are left out, one says how many.
    async fn steps(&self, id: ScanId) -> Result<Vec<Step>, StoreError>;

    /// Forgets a scan, whatever its state. Answers whether it was there. Durable.
    async fn drop_scan(&self, id: ScanId) -> Result<bool, StoreError>;

    /// Counts of scans by state.
    async fn stats(&self) -> Result<Stats, StoreError>;

    /// The last refusals, newest first.
    async fn refusals(&self, limit: usize) -> Result<Vec<RefusalRecord>, StoreError>;

    /// A small value kept for the program itself.
    async fn setting(&self, key: &str) -> Result<Option<String>, StoreError>;

    /// Keeps a small value, or forgets it. Durable.
    async fn set_setting(&self, key: &str, value: Option<String>) -> Result<(), StoreError>;

    /// Deletes at most `limit` finished scans (done or attention) that finished before `before`; answers how many.
    async fn sweep(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;

    /// Proves that the store can be written.
    async fn ready(&self) -> Result<(), StoreError>;
}
