//! Files that are looked for again, in memory.

use async_trait::async_trait;
use autoscan_core::later_look::{LaterLook, MOST_LATER_LOOKS};
use autoscan_core::path::LocalPath;
use autoscan_core::ports::{Batch, LaterLookStore, StoreError};
use autoscan_core::time::Timestamp;

use super::MemoryStore;
use super::rows::Rows;

impl Rows {
    /// Ends the looks for what changed, and keeps those that the batch asks for.
    pub(super) fn absorb_later_looks(&mut self, batch: &Batch) {
        for kept in batch.folders.iter().flat_map(|folder| &folder.changes) {
            self.later_looks.remove(&kept.change.path);
        }
        for look in &batch.later_looks {
            self.later_looks.insert(look.path.clone(), look.clone());
        }
        while self.later_looks.len() > MOST_LATER_LOOKS {
            let oldest = self.later_looks.values().min_by_key(|look| (look.reported_at, look.path.clone()));
            let Some(path) = oldest.map(|look| look.path.clone()) else { break };
            self.later_looks.remove(&path);
        }
    }
}

#[async_trait]
impl LaterLookStore for MemoryStore {
    async fn due_later_looks(&self, now: Timestamp, limit: usize) -> Result<Vec<LaterLook>, StoreError> {
        let rows = self.rows();
        let mut due: Vec<_> = rows.later_looks.values().filter(|look| look.next_at <= now).cloned().collect();
        due.sort_by(|one, other| (one.next_at, one.path.as_str()).cmp(&(other.next_at, other.path.as_str())));
        due.truncate(limit);
        Ok(due)
    }

    async fn next_later_look(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.rows().later_looks.values().map(|look| look.next_at).min())
    }

    async fn change_later_looks(
        &self,
        later: Vec<LaterLook>,
        over: Vec<LocalPath>,
    ) -> Result<(), StoreError> {
        let looks = &mut self.rows().later_looks;
        for path in over {
            looks.remove(&path);
        }
        for look in later {
            if let Some(known) = looks.get_mut(&look.path) {
                *known = look;
            }
        }
        Ok(())
    }
}
