use async_trait::async_trait;

use super::StoreError;
use crate::session::{KeptSession, SessionPrint};
use crate::time::Timestamp;

/// Who is logged in. What keeps the queue keeps this too, so that a restart logs nobody out.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// A session that was kept, whether over by time or not.
    async fn session(&self, print: SessionPrint) -> Result<Option<KeptSession>, StoreError>;

    /// Keeps a session. When there are more than [`MOST`](crate::session::MOST) then, those that were used longest ago are
    /// forgotten. Durable.
    async fn begin_session(&self, session: KeptSession) -> Result<(), StoreError>;

    /// Writes down that a session was used. One that is not there (any more) stays so. A power cut may undo it.
    async fn renew_session(&self, print: SessionPrint, used_at: Timestamp) -> Result<(), StoreError>;

    /// Forgets a session. Durable.
    async fn end_session(&self, print: SessionPrint) -> Result<(), StoreError>;

    /// Forgets the sessions that are over at `now`; answers how many.
    async fn sweep_sessions(&self, now: Timestamp) -> Result<usize, StoreError>;
}
