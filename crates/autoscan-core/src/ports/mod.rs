//! What the rules need from outside. Each port has two real implementations, or is a clock or a disk.

mod clock;
mod files;
mod session;
mod store;
mod target;
mod trigger;

pub use clock::Clock;
pub use files::{Files, Folders, Inside, Listing, Look, MountedPath};
pub use session::SessionStore;
pub use store::{
    Absorb, Batch, Claimed, Hold, Page, Receipt, RefusalRecord, ScanFilter, Settlement, Start, Stats, Store,
    StoreError,
};
pub use target::{Care, CareScan, Guard, Identity, Library, Plan, PlannedCall, Target, TargetScan};
pub use trigger::{Hook, ReadError, Reading, Trigger};
