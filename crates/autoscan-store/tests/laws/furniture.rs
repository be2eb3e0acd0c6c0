//! Builders for what stores are given, and the two stores.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use autoscan_core::change::Change;
use autoscan_core::delivery::{Delivery, DeliveryState, Work};
use autoscan_core::name::Name;
use autoscan_core::path::LocalPath;
use autoscan_core::ports::{Absorb, Batch, Settlement, Start, Store};
use autoscan_core::scan::{Quiet, Scan, ScanId, StoredChange};
use autoscan_core::time::Timestamp;
use autoscan_store::{MemoryStore, Options, SqliteStore};
use tempfile::TempDir;

/// Ten seconds of quiet, two minutes at most.
pub(crate) const QUIET: Quiet =
    Quiet { minimum_age: Duration::from_secs(10), maximum_wait: Duration::from_mins(2) };

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
    Batch { received_at: now, folders, refusals: vec![] }
}

/// A new file in a folder comes in.
pub(crate) async fn arrives(store: &dyn Store, folder: &str, file: &str, now: Timestamp) -> ScanId {
    let change = created(&format!("{folder}/{file}"), now);
    store.absorb(batch(now, vec![absorb(folder, vec![change])])).await.unwrap().scans[0]
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

/// A lane takes the scan's delivery to `target` and settles it. What is sent or seen is not followed.
pub(crate) async fn settles(
    store: &dyn Store,
    id: ScanId,
    target: &str,
    state: DeliveryState,
    now: Timestamp,
) {
    let target = name(target);
    let claimed = store.claim(&target, Work::Deliver, now, Duration::from_mins(1), usize::MAX).await.unwrap();
    let claimed =
        claimed.into_iter().find(|claimed| claimed.scan == id).expect("the delivery can be claimed");
    let again = matches!(state, DeliveryState::Waiting | DeliveryState::Held);
    let delivery = Delivery { state, next_attempt_at: again.then_some(now), ..claimed.delivery };
    store.settle(vec![Settlement { scan: id, delivery, steps: vec![] }], now).await.unwrap();
}

/// A lane tells `target`, which is to be followed from `next` on.
pub(crate) async fn is_sent(store: &dyn Store, id: ScanId, target: &str, now: Timestamp, next: Timestamp) {
    let target = name(target);
    let claimed = store.claim(&target, Work::Deliver, now, Duration::from_mins(1), usize::MAX).await.unwrap();
    let claimed =
        claimed.into_iter().find(|claimed| claimed.scan == id).expect("the delivery can be claimed");
    let state = DeliveryState::Sent;
    let delivery =
        Delivery { state, sent_at: Some(now), next_attempt_at: Some(next), attempts: 1, ..claimed.delivery };
    store.settle(vec![Settlement { scan: id, delivery, steps: vec![] }], now).await.unwrap();
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

/// A store in a folder of its own that goes with it.
pub(crate) struct Furnished {
    pub(crate) store: Arc<dyn Store>,
    _folder: Option<TempDir>,
}

pub(crate) fn memory() -> Furnished {
    Furnished { store: Arc::new(MemoryStore::new()), _folder: None }
}

pub(crate) fn sqlite() -> Furnished {
    sqlite_with(Options::default())
}

/// As on a network filesystem: no write-ahead log.
pub(crate) fn sqlite_without_log() -> Furnished {
    sqlite_with(Options { vfs: Some("unix-dotfile"), ..Options::default() })
}

fn sqlite_with(options: Options) -> Furnished {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("autoscan.db"), options).unwrap();
    Furnished { store: Arc::new(store), _folder: Some(folder) }
}

/// Opens with what is usual.
pub(crate) fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, Options::default()).unwrap()
}
