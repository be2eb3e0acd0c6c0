//! What the rules need from outside. Each port has two real implementations, or is a clock or a disk.

mod clock;
mod files;
mod later_looks;
mod remedies;
mod session;
mod source;
mod store;
mod target;
mod trigger;

pub use clock::Clock;
pub use files::{Files, Folders, Listing, Look, MountedPath, Subfolder};
pub use later_looks::LaterLookStore;
pub use remedies::RemedyStore;
pub use session::SessionStore;
pub use source::{Source, SourceBatch, SourceFault};
pub use store::{
    Absorb, Batch, Bookmark, Claimed, Hold, HoldUntil, Lease, Owner, Page, Receipt, RefusalRecord,
    ScanFilter, Settled, Settlement, Start, Stats, Store, StoreError,
};
pub use target::{
    Advice, Aftercare, Batching, Care, CareScan, Guard, Identity, Libraries, Library, Plan, PlannedCall,
    Playback, Proof, Remedies, ServerEvents, ServerListing, Target, TargetScan,
};
pub use trigger::{Hook, ReadError, Reading, Trigger};
