//! Who is logged in.

use async_trait::async_trait;
use autoscan_core::ports::{SessionStore, StoreError};
use autoscan_core::session::{IDLE, KeptSession, LONGEST, MOST, SessionPrint};
use autoscan_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Result, Row};

use super::SqliteStore;
use super::rows::rows;
use super::writer::Durability::{PowerLoss, ProcessCrash};

const ONE: &str = "SELECT print, credentials, begun_at, used_at FROM session WHERE print = ?1";

const KEEP: &str =
    "INSERT OR REPLACE INTO session (print, credentials, begun_at, used_at) VALUES (?1, ?2, ?3, ?4)";

const FORGET_OLDEST: &str = "DELETE FROM session WHERE print IN
     (SELECT print FROM session ORDER BY used_at DESC, print DESC LIMIT -1 OFFSET ?1)";

const USED: &str = "UPDATE session SET used_at = ?2 WHERE print = ?1";

const END: &str = "DELETE FROM session WHERE print = ?1";

const SWEEP: &str = "DELETE FROM session WHERE used_at <= ?1 OR begun_at <= ?2";

fn one(conn: &Connection, print: &SessionPrint) -> Result<Option<KeptSession>> {
    let read = |row: &Row<'_>| {
        Ok(KeptSession {
            print: row.get(0)?,
            credentials: row.get(1)?,
            begun_at: Timestamp::from_millis(row.get(2)?),
            used_at: Timestamp::from_millis(row.get(3)?),
        })
    };
    conn.prepare_cached(ONE)?.query_row([print], read).optional()
}

#[async_trait]
impl SessionStore for SqliteStore {
    async fn session(&self, print: SessionPrint) -> Result<Option<KeptSession>, StoreError> {
        self.queries.ask(move |conn| one(conn, &print)).await
    }

    async fn begin_session(&self, session: KeptSession) -> Result<(), StoreError> {
        let keep = move |write: &mut super::writer::Write<'_>| {
            let KeptSession { print, credentials, begun_at, used_at } = &session;
            let row = (print, credentials, begun_at.as_millis(), used_at.as_millis());
            write.conn.prepare_cached(KEEP)?.execute(row)?;
            write.conn.prepare_cached(FORGET_OLDEST)?.execute([rows(MOST)])?;
            Ok(())
        };
        self.writer.ask(PowerLoss, keep).await
    }

    async fn renew_session(&self, print: SessionPrint, used_at: Timestamp) -> Result<(), StoreError> {
        let used = move |write: &mut super::writer::Write<'_>| {
            write.conn.prepare_cached(USED)?.execute((print, used_at.as_millis()))?;
            Ok(())
        };
        self.writer.ask(ProcessCrash, used).await
    }

    async fn end_session(&self, print: SessionPrint) -> Result<(), StoreError> {
        let end = move |write: &mut super::writer::Write<'_>| {
            write.conn.prepare_cached(END)?.execute([print])?;
            Ok(())
        };
        self.writer.ask(PowerLoss, end).await
    }

    async fn sweep_sessions(&self, now: Timestamp) -> Result<usize, StoreError> {
        let (used, begun) = ((now - IDLE).as_millis(), (now - LONGEST).as_millis());
        self.writer
            .ask(ProcessCrash, move |write| write.conn.prepare_cached(SWEEP)?.execute((used, begun)))
            .await
    }
}
