use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{LaterLookStore, RemedyStore, SessionStore};
use crate::delivery::{Delivery, Work};
use crate::history::{HourCounts, TriggerCounts};
use crate::later_look::LaterLook;
use crate::name::Name;
use crate::path::LocalPath;
use crate::scan::{Quiet, Scan, ScanId, ScanState, StoredChange};
use crate::step::Step;
use crate::storm::HeldStorm;
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

/// How far a source that streams was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bookmark {
    /// The trigger whose source it is.
    pub trigger: Name,
    /// The place, in the source's own words.
    pub place: String,
}

/// What one request, or one batch of a source that streams, asks for: stored whole or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// When it came in.
    pub received_at: Timestamp,
    /// Its folders.
    pub folders: Vec<Absorb>,
    /// Its refusals; the store keeps the last thousand.
    pub refusals: Vec<RefusalRecord>,
    /// From where on its source is read next; kept in the same transaction, also when there is nothing else.
    pub bookmark: Option<Bookmark>,
    /// Files that are looked for again later.
    pub later_looks: Vec<LaterLook>,
}

/// What became of a batch: for each folder, in order, the waiting scan that has it now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The scans.
    pub scans: Vec<ScanId>,
}

/// How long a waiting scan is kept back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HoldUntil {
    /// Not due before this time, whatever comes in.
    Time(Timestamp),
    /// Not due until this prefix, at or above its folder, is [released](Store::release): what guards it has fallen.
    Released(LocalPath),
}

/// A waiting scan that the gate does not let through yet. It goes on absorbing changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The scan.
    pub scan: ScanId,
    /// The generation that the gate saw. A scan that has changed since is not kept back: the gate looks at it again.
    pub generation: i64,
    /// How long.
    pub until: HoldUntil,
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

/// Who leases deliveries: one run of one engine. Its number is drawn by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(pub i64);

/// The right to say what becomes of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who has it.
    pub owner: Owner,
    /// Grows with every claim of the delivery, so that an answer of an earlier claim is told from that of the last.
    pub number: i64,
}

/// A delivery that is leased to who claimed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The lease. It ends with the settlement that names it, when the owner is not [heard of](Store::heartbeat) any more, and
    /// when a person retries the scan.
    pub lease: Lease,
    /// The scan.
    pub scan: ScanId,
    /// The folder that the target is told of.
    pub folder: LocalPath,
    /// The scan's own folder: the same, or one below it that is not there.
    pub scan_folder: LocalPath,
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
    /// The lease under which it was worked on. When it is over, nothing is kept.
    pub lease: Lease,
    /// The scan.
    pub scan: ScanId,
    /// The delivery.
    pub delivery: Delivery,
    /// Steps that are kept with it.
    pub steps: Vec<Step>,
}

/// What became of settlements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// The scans that came to their end, and in which state.
    pub finished: Vec<(ScanId, ScanState)>,
    /// The deliveries of which nothing was kept, because their lease was over.
    pub late: Vec<(ScanId, Name)>,
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
    /// Targets at which a person must act before anything goes on: a running scan with an open delivery of
    /// [`Work::Deliver`] to one of them counts as one that needs attention, and not as running.
    pub stuck_targets: Vec<Name>,
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
    /// Read-only or full: may pass by itself.
    #[error("the database cannot be written: {0}")]
    NotWritable(String),
    /// Another program keeps it locked, for longer than the store waits by itself.
    #[error(
        "the database cannot be written: another program keeps it locked; autoscan goes on by itself once that program lets go"
    )]
    Locked,
    /// The store was closed, because autoscan stops.
    #[error("the database is closed")]
    Closed,
    /// Something that should not happen.
    #[error("the database failed: {0}")]
    Broken(String),
}

/// The queue. Every method is one transaction; what it answered `Ok` survives a power cut where it says so.
#[async_trait]
pub trait Store: SessionStore + LaterLookStore + RemedyStore {
    /// Merges a batch into the waiting scans: one a folder. Durable before it answers. Whoever asks may keep the batch to ask
    /// again.
    async fn absorb(&self, batch: Arc<Batch>) -> Result<Receipt, StoreError>;

    /// Waiting scans that are due, highest priority first, then longest due; with their changes and deliveries. Those that
    /// the caller has in hand already are left out, before anything of them is read.
    async fn due(&self, now: Timestamp, limit: usize, in_hand: Vec<ScanId>) -> Result<Vec<Scan>, StoreError>;

    /// The earliest moment at which a waiting scan is due.
    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Keeps waiting scans back. Scans that started or changed meanwhile are left alone. A scan that is kept back until its
    /// prefix is released is not due, costs nothing and goes on absorbing changes.
    async fn hold(&self, holds: Vec<Hold>) -> Result<(), StoreError>;

    /// The prefixes for whose release waiting scans are kept back.
    async fn held_prefixes(&self) -> Result<Vec<LocalPath>, StoreError>;

    /// Makes the scans that are kept back for this prefix due again: at `now`, or when they would be anyway. Answers how many.
    async fn release(&self, prefix: &LocalPath, now: Timestamp) -> Result<usize, StoreError>;

    /// Starts those scans that still wait and did not change since; answers which.
    async fn start(&self, starts: Vec<Start>, now: Timestamp) -> Result<Vec<ScanId>, StoreError>;

    /// Forgets a scan, whatever its state, and merges what it asked for anew, because its paths are others on this machine
    /// now. Does nothing, and answers none, when there is no such scan or it has another generation. Durable.
    async fn reroute(&self, id: ScanId, generation: i64, batch: Batch)
    -> Result<Option<Receipt>, StoreError>;

    /// Leases deliveries of running scans for which this work is left: those due at `now` that nobody holds a lease on.
    /// To deliver: highest priority first, then longest due, then oldest, so that what failed goes behind what was not tried.
    /// To verify: longest due first.
    async fn claim(
        &self,
        owner: Owner,
        target: &Name,
        work: Work,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Claimed>, StoreError>;

    /// The earliest moment at which this work may be done for a delivery of a started scan to this target that is not
    /// leased.
    async fn next_attempt(&self, target: &Name, work: Work) -> Result<Option<Timestamp>, StoreError>;

    /// For how many deliveries of running scans to this target this work is left, leased ones among them, and not those that
    /// are missing. Counts no further than `most`.
    async fn backlog(&self, target: &Name, work: Work, most: usize) -> Result<usize, StoreError>;

    /// How many running scans have an open delivery of [`Work::Deliver`] to one of these targets. Counts no further than
    /// `most`.
    async fn count_stuck(&self, targets: &[Name], most: usize) -> Result<usize, StoreError>;

    /// Makes deliveries of running scans to this target that wait to be verified due at `now`; those that are leased or
    /// missing are left alone. Answers how many.
    async fn make_due(&self, target: &Name, now: Timestamp) -> Result<usize, StoreError>;

    /// Keeps what became of deliveries whose lease is still the one that is named, and brings their scans to the state that
    /// follows: one that has none open comes to its end, and one whose missing file is to be told runs again.
    async fn settle(&self, settlements: Vec<Settlement>, now: Timestamp) -> Result<Settled, StoreError>;

    /// Says that an owner lives and is believed to for as long as this, by the store's own time, and ends the leases of all
    /// others whose time is over or who never said so: an owner speaks before it claims. Answers how many leases that were.
    async fn heartbeat(&self, owner: Owner, lasts: Duration) -> Result<usize, StoreError>;

    /// An owner ends: so do its leases. Answers how many they were.
    async fn retire(&self, owner: Owner) -> Result<usize, StoreError>;

    /// The newest time at which something is kept to have happened: to a scan that waits or runs, the end of a scan, a
    /// refusal, an event of a trigger, a storm's last deletion. None when nothing is.
    async fn newest(&self) -> Result<Option<Timestamp>, StoreError>;

    /// The clock was set back: whatever lies after `now` is brought to `now`: when scans are due and held until, when
    /// deliveries are tried, and all in which [`newest`](Self::newest) looks. Answers how many scans that wait or run, and how
    /// many of their deliveries, that were.
    async fn bring_to(&self, now: Timestamp) -> Result<usize, StoreError>;

    /// Ends when another process changed something; never for a store that has one process alone.
    async fn changed_elsewhere(&self) {
        std::future::pending::<()>().await;
    }

    /// One page of scans.
    async fn list(&self, filter: ScanFilter) -> Result<Page, StoreError>;

    /// One scan.
    async fn show(&self, id: ScanId) -> Result<Option<Scan>, StoreError>;

    /// A waiting scan becomes due now, also one that is kept back until a prefix is released; the deliveries of a started one that are not skipped, not seen, and not sent for good
    /// are tried again from the beginning, whoever has a lease on them, and the scan runs. Answers the scan, or none when there is no such scan. Durable.
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

    /// How far a trigger's source was read.
    async fn bookmark(&self, trigger: &Name) -> Result<Option<String>, StoreError>;

    /// The targets that a person has paused, each until when; none is until it is resumed.
    async fn pauses(&self) -> Result<Vec<(Name, Option<Timestamp>)>, StoreError>;

    /// Pauses targets until then (none: until they are resumed). Durable.
    async fn pause(&self, targets: Vec<Name>, until: Option<Timestamp>) -> Result<(), StoreError>;

    /// Ends the pauses of targets. Durable.
    async fn resume(&self, targets: Vec<Name>) -> Result<(), StoreError>;

    /// The mounts that scanned folders were seen on.
    async fn mounts(&self) -> Result<Vec<LocalPath>, StoreError>;

    /// Keeps and forgets mounts.
    async fn change_mounts(&self, seen: Vec<LocalPath>, gone: Vec<LocalPath>) -> Result<(), StoreError>;

    /// The storms of deletions that are held.
    async fn storms(&self) -> Result<Vec<HeldStorm>, StoreError>;

    /// Keeps storms (one a prefix: the later wins) and forgets those of other prefixes.
    async fn change_storms(&self, held: Vec<HeldStorm>, over: Vec<LocalPath>) -> Result<(), StoreError>;

    /// What each trigger sent.
    async fn trigger_counts(&self) -> Result<Vec<TriggerCounts>, StoreError>;

    /// Adds to what triggers sent: counts are added, the last event replaces the one before it, and of the recent events the
    /// last [`RECENT_EVENTS`](crate::history::RECENT_EVENTS) are kept.
    async fn add_trigger_counts(&self, more: Vec<TriggerCounts>) -> Result<(), StoreError>;

    /// What was counted in the hours from this one on.
    async fn hours(&self, from: i64) -> Result<Vec<HourCounts>, StoreError>;

    /// Adds to what was counted in hours, and forgets the hours before `from`.
    async fn add_hours(&self, more: Vec<HourCounts>, from: i64) -> Result<(), StoreError>;

    /// A small value kept for the program itself.
    async fn setting(&self, key: &str) -> Result<Option<String>, StoreError>;

    /// Keeps a small value, or forgets it. Durable.
    async fn set_setting(&self, key: &str, value: Option<String>) -> Result<(), StoreError>;

    /// Deletes at most `limit` finished scans (done or attention) that finished before `before`; answers how many.
    async fn sweep(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;

    /// Proves that the store can be written.
    async fn ready(&self) -> Result<(), StoreError>;
}
