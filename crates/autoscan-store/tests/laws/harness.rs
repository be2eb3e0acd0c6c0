//! Builders for what stores are given, and the two stores.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::change::Change;
use autoscan_core::delivery::{Delivery, DeliveryState, Work};
use autoscan_core::name::Name;
use autoscan_core::path::LocalPath;
use autoscan_core::ports::{
    Absorb, Batch, Claimed, Clock, Hold, HoldUntil, Owner, ScanFilter, Settlement, Start, Store,
};
use autoscan_core::scan::{Quiet, Scan, ScanId, StoredChange};
use autoscan_core::step::{Step, StepKind};
use autoscan_core::time::{SteadyTime, Timestamp};
use autoscan_store::{MemoryStore, OpenError, Options, SqliteStore};
use tempfile::TempDir;

/// Writes each law as a test of each store: one in memory, one in a file, and one in a file without a write-ahead log.
macro_rules! laws {
    ($(async fn $law:ident($store:ident: &dyn Store) $body:block)*) => {
        $(async fn $law($store: &dyn Store) $body)*

        laws!(@for memory: $($law)*);
        laws!(@for sqlite: $($law)*);
        laws!(@for sqlite_without_log: $($law)*);
    };
    (@for $kind:ident: $($law:ident)*) => {
        mod $kind {
            $(#[tokio::test]
            async fn $law() {
                let harness = crate::harness::$kind();
                super::$law(&*harness.store).await;
            })*
        }
    };
}
pub(crate) use laws;

/// Ten seconds of quiet, two minutes at most.
pub(crate) const QUIET: Quiet =
    Quiet { minimum_age: Duration::from_secs(10), maximum_wait: Duration::from_mins(2) };

/// Who claims where it does not matter who does.
pub(crate) const OWNER: Owner = Owner(1);

/// A clock that stands still until it is moved: only its steady time matters to a store.
#[derive(Debug, Default)]
pub(crate) struct ManualClock(AtomicU64);

impl ManualClock {
    pub(crate) fn pass(&self, duration: Duration) {
        self.0.fetch_add(u64::try_from(duration.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        at(0)
    }

    fn steady(&self) -> SteadyTime {
        SteadyTime::from_millis(self.0.load(Ordering::Relaxed))
    }

    fn minute_of_day(&self, _at: Timestamp) -> u16 {
        0
    }

    async fn sleep(&self, _duration: Duration) {
        std::future::pending::<()>().await;
    }
}

/// So many seconds after the beginning of the test.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + seconds * 1000)
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

pub(crate) fn path(text: &str) -> LocalPath {
    LocalPath::parse(text).unwrap()
}

/// A change as the trigger `sonarr` reported it, for all targets.
pub(crate) fn stored(change: Change<LocalPath>, now: Timestamp) -> StoredChange {
    StoredChange { change, trigger: name("sonarr"), received_at: now, targets: None, sent_path: None }
}

pub(crate) fn created(file: &str, now: Timestamp) -> StoredChange {
    stored(Change::created(path(file)), now)
}

/// Changes of one folder.
pub(crate) fn absorb(folder: &str, changes: Vec<StoredChange>) -> Absorb {
    Absorb { folder: path(folder), priority: 0, quiet: QUIET, changes }
}

pub(crate) fn batch(now: Timestamp, folders: Vec<Absorb>) -> Batch {
    Batch { received_at: now, folders, ..Batch::default() }
}

/// A new file in a folder comes in.
pub(crate) async fn arrives(store: &dyn Store, folder: &str, file: &str, now: Timestamp) -> ScanId {
    let change = created(&format!("{folder}/{file}"), now);
    store.absorb(batch(now, vec![absorb(folder, vec![change])]).into()).await.unwrap().scans[0]
}

pub(crate) async fn show(store: &dyn Store, id: ScanId) -> Scan {
    store.show(id).await.unwrap().unwrap()
}

/// A start of the scan as it is now, with a delivery to each target.
pub(crate) async fn start_of(store: &dyn Store, id: ScanId, targets: &[&str], now: Timestamp) -> Start {
    let scan = show(store, id).await;
    let deliveries = targets.iter().map(|target| Delivery::new(name(target), now)).collect();
    Start { scan: id, generation: scan.generation, tell: scan.folder, deliveries, note: None, steps: vec![] }
}

/// A new file comes in and its scan starts.
pub(crate) async fn runs(store: &dyn Store, folder: &str, targets: &[&str], now: Timestamp) -> ScanId {
    let id = arrives(store, folder, "a.mkv", now).await;
    let start = start_of(store, id, targets, now).await;
    assert_eq!(store.start(vec![start], now).await.unwrap(), [id]);
    id
}

/// Who claims within the helpers that follow: what a test has claimed stays claimed.
const HELPER: Owner = Owner(-1);

/// All free deliveries to `target` for which this work is left.
pub(crate) async fn claims(store: &dyn Store, target: &str, work: Work, now: Timestamp) -> Vec<Claimed> {
    store.claim(OWNER, &name(target), work, now, usize::MAX).await.unwrap()
}

pub(crate) async fn claimed(store: &dyn Store, target: &str, seconds: i64) -> Vec<ScanId> {
    claims(store, target, Work::Deliver, at(seconds)).await.into_iter().map(|claimed| claimed.scan).collect()
}

pub(crate) async fn verified(store: &dyn Store, target: &str, seconds: i64) -> Vec<ScanId> {
    claims(store, target, Work::Verify, at(seconds)).await.into_iter().map(|claimed| claimed.scan).collect()
}

pub(crate) async fn next_verification(store: &dyn Store, target: &str) -> Option<Timestamp> {
    store.next_attempt(&name(target), Work::Verify).await.unwrap()
}

/// The scan's delivery to `target`, leased; the others that can be claimed are leased too.
pub(crate) async fn claims_one(
    store: &dyn Store,
    id: ScanId,
    target: &str,
    work: Work,
    now: Timestamp,
) -> Claimed {
    let claimed = claims(store, target, work, now).await;
    claimed.into_iter().find(|claimed| claimed.scan == id).expect("the delivery can be claimed")
}

/// The same for a helper, which lets go of the others.
async fn helper_claims(store: &dyn Store, id: ScanId, target: &str, work: Work, now: Timestamp) -> Claimed {
    let claimed = store.claim(HELPER, &name(target), work, now, usize::MAX).await.unwrap();
    claimed.into_iter().find(|claimed| claimed.scan == id).expect("the delivery can be claimed")
}

async fn helper_settles(store: &dyn Store, claimed: &Claimed, delivery: Delivery, now: Timestamp) {
    store.settle(vec![settlement(claimed, delivery)], now).await.unwrap();
    store.retire(HELPER).await.unwrap();
}

/// What is claimed is settled like this.
pub(crate) fn settlement(claimed: &Claimed, delivery: Delivery) -> Settlement {
    Settlement { lease: claimed.lease, scan: claimed.scan, delivery, steps: vec![] }
}

/// Ends the leases of all that [`OWNER`] has claimed.
pub(crate) async fn lets_go(store: &dyn Store) {
    store.retire(OWNER).await.unwrap();
}

/// The scan's delivery to `target` is claimed and settled. What is sent or seen is not verified.
pub(crate) async fn settles(
    store: &dyn Store,
    id: ScanId,
    target: &str,
    state: DeliveryState,
    now: Timestamp,
) {
    let claimed = helper_claims(store, id, target, Work::Deliver, now).await;
    let again = matches!(state, DeliveryState::Waiting | DeliveryState::Held);
    let delivery = Delivery { state, next_attempt_at: again.then_some(now), ..claimed.delivery.clone() };
    helper_settles(store, &claimed, delivery, now).await;
}

/// `target` is told, which is to be asked from `next` on.
pub(crate) async fn is_sent(store: &dyn Store, id: ScanId, target: &str, now: Timestamp, next: Timestamp) {
    let claimed = helper_claims(store, id, target, Work::Deliver, now).await;
    let delivery = Delivery {
        state: DeliveryState::Sent,
        sent_at: Some(now),
        next_attempt_at: Some(next),
        attempts: 1,
        ..claimed.delivery.clone()
    };
    helper_settles(store, &claimed, delivery, now).await;
}

/// `target` shows the files; it is cared for at `next`, if ever.
pub(crate) async fn is_seen(store: &dyn Store, id: ScanId, target: &str, seconds: i64, next: Option<i64>) {
    let claimed = helper_claims(store, id, target, Work::Verify, at(seconds)).await;
    let delivery = Delivery {
        state: DeliveryState::Seen,
        seen_at: Some(at(seconds)),
        next_attempt_at: next.map(at),
        ..claimed.delivery.clone()
    };
    helper_settles(store, &claimed, delivery, at(seconds)).await;
}

pub(crate) fn step(seconds: i64, target: Option<&str>, kind: StepKind, text: &str) -> Step {
    Step { at: at(seconds), target: target.map(name), kind, text: text.into() }
}

/// Plex sees a running scan, which so comes to its end.
pub(crate) async fn settles_with(store: &dyn Store, id: ScanId, now: Timestamp, steps: Vec<Step>) {
    let claimed = helper_claims(store, id, "plex", Work::Deliver, now).await;
    let seen = Delivery { state: DeliveryState::Seen, next_attempt_at: None, ..claimed.delivery.clone() };
    store.settle(vec![Settlement { steps, ..settlement(&claimed, seen) }], now).await.unwrap();
}

pub(crate) fn everything() -> ScanFilter {
    ScanFilter { limit: 100, ..ScanFilter::default() }
}

pub(crate) async fn listed(store: &dyn Store, filter: ScanFilter) -> Vec<ScanId> {
    store.list(filter).await.unwrap().scans.into_iter().map(|scan| scan.id).collect()
}

pub(crate) async fn due(store: &dyn Store, seconds: i64) -> Vec<ScanId> {
    store.due(at(seconds), 100, vec![]).await.unwrap().into_iter().map(|scan| scan.id).collect()
}

/// Keeps the scan back as it is now.
pub(crate) async fn hold(store: &dyn Store, id: ScanId, seconds: i64) -> Hold {
    let generation = show(store, id).await.generation;
    let until = HoldUntil::Time(at(seconds));
    Hold { scan: id, generation, until, deliveries: vec![], note: None, steps: vec![] }
}

/// A scan that finished.
pub(crate) async fn finishes(
    store: &dyn Store,
    folder: &str,
    state: DeliveryState,
    now: Timestamp,
) -> ScanId {
    let id = runs(store, folder, &["plex"], now).await;
    settles(store, id, "plex", state, now).await;
    id
}

/// A store and its clock, in a folder of its own that goes with it.
pub(crate) struct Harness {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<ManualClock>,
    _folder: Option<TempDir>,
}

pub(crate) fn memory() -> Harness {
    let clock = Arc::new(ManualClock::default());
    Harness { store: Arc::new(MemoryStore::new(Arc::clone(&clock) as _)), clock, _folder: None }
}

pub(crate) fn sqlite() -> Harness {
    sqlite_with(Options::default())
}

/// As on a network filesystem: no write-ahead log.
pub(crate) fn sqlite_without_log() -> Harness {
    sqlite_with(Options { vfs: Some("unix-dotfile"), ..Options::default() })
}

fn sqlite_with(options: Options) -> Harness {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::default());
    let path = folder.path().join("autoscan.db");
    let store = SqliteStore::open(&path, options, Arc::clone(&clock) as _).unwrap();
    Harness { store: Arc::new(store), clock, _folder: Some(folder) }
}

/// Opens with what is usual.
pub(crate) fn open(path: &Path) -> SqliteStore {
    open_with(path, Options::default()).unwrap()
}

/// Opens with a clock that stands still.
pub(crate) fn open_with(path: &Path, options: Options) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(path, options, Arc::new(ManualClock::default()))
}
