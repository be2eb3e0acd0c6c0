//! Sessions in memory.

use async_trait::async_trait;
use autoscan_core::ports::{SessionStore, StoreError};
use autoscan_core::session::{KeptSession, MOST, SessionPrint};
use autoscan_core::time::Timestamp;

use super::MemoryStore;

#[async_trait]
impl SessionStore for MemoryStore {
    async fn session(&self, print: SessionPrint) -> Result<Option<KeptSession>, StoreError> {
        Ok(self.rows().sessions.get(&print).cloned())
    }

    async fn begin_session(&self, session: KeptSession) -> Result<(), StoreError> {
        let sessions = &mut self.rows().sessions;
        sessions.insert(session.print, session);
        while sessions.len() > MOST {
            let oldest = sessions.values().min_by_key(|session| (session.used_at, session.print));
            let Some(print) = oldest.map(|session| session.print) else { break };
            sessions.remove(&print);
        }
        Ok(())
    }

    async fn renew_session(&self, print: SessionPrint, used_at: Timestamp) -> Result<(), StoreError> {
        if let Some(session) = self.rows().sessions.get_mut(&print) {
            session.used_at = used_at;
        }
        Ok(())
    }

    async fn end_session(&self, print: SessionPrint) -> Result<(), StoreError> {
        self.rows().sessions.remove(&print);
        Ok(())
    }

    async fn sweep_sessions(&self, now: Timestamp) -> Result<usize, StoreError> {
        let sessions = &mut self.rows().sessions;
        let before = sessions.len();
        sessions.retain(|_print, session| !session.is_over(now));
        Ok(before - sessions.len())
    }
}
