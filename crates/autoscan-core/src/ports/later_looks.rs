use async_trait::async_trait;

use super::StoreError;
use crate::later_look::LaterLook;
use crate::path::LocalPath;
use crate::time::Timestamp;

/// Files that are looked for again. They are kept with the [batch](super::Batch::later_looks) that reports them missing, one a
/// path, at most [`MOST_LATER_LOOKS`](crate::later_look::MOST_LATER_LOOKS); any later change of the path ends them.
#[async_trait]
pub trait LaterLookStore: Send + Sync {
    /// The looks that are due, longest due first.
    async fn due_later_looks(&self, now: Timestamp, limit: usize) -> Result<Vec<LaterLook>, StoreError>;

    /// When the next look is due.
    async fn next_later_look(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Keeps what became of looks, and forgets those of other paths. One that ended meanwhile stays so.
    async fn change_later_looks(&self, later: Vec<LaterLook>, over: Vec<LocalPath>)
    -> Result<(), StoreError>;
}
