//! Whether the file is still the one that was opened. SQLite goes on with a file that was deleted, or that has lost its
//! name to another: what it commits then is gone with the process.

use std::ffi::OsString;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use autoscan_core::ports::StoreError;
use rusqlite::Connection;

/// SQLite's file format: "The Write-Ahead Log" has a header, and one before each page.
const LOG_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;

/// Which file has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl From<&Metadata> for Identity {
    fn from(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// The write-ahead log as the last commit left it.
#[derive(Clone, Copy, Debug)]
struct Log {
    identity: Identity,
    length: u64,
}

/// Watches over the file and its write-ahead log.
#[derive(Debug)]
pub(super) struct FileGuard {
    file: PathBuf,
    log: PathBuf,
    opened: Identity,
    page_size: u64,
    known_log: Option<Log>,
    /// Once something is lost it stays so: only a new start finds out what there is.
    loss: Option<StoreError>,
}

impl FileGuard {
    /// Watches over the file that a connection has just opened by this path.
    pub(super) fn new(file: &Path, conn: &Connection) -> rusqlite::Result<Self> {
        let cannot = |error: io::Error| rusqlite::Error::ToSqlConversionFailure(error.into());
        let mut log = OsString::from(file);
        log.push("-wal");
        Ok(Self {
            file: file.to_owned(),
            log: log.into(),
            opened: Identity::from(&file.metadata().map_err(cannot)?),
            page_size: conn.pragma_query_value(None, "page_size", |row| super::rows::whole_number(row, 0))?,
            known_log: None,
            loss: None,
        })
    }

    /// To be asked before a transaction and before a checkpoint: whether what is written reaches the file.
    pub(super) fn check(&mut self, conn: &Connection) -> Result<(), StoreError> {
        if self.loss.is_none() {
            self.loss = self.loss_now(conn);
        }
        self.loss.clone().map_or(Ok(()), Err)
    }

    /// To be told after a commit: only this process and those that keep to SQLite's rules change the log. What was
    /// committed while the file was taken away is lost.
    pub(super) fn committed(&mut self, conn: &Connection) -> Result<(), StoreError> {
        self.check(conn)?;
        self.known_log =
            self.log.metadata().ok().map(|log| Log { identity: (&log).into(), length: log.len() });
        Ok(())
    }

    fn loss_now(&self, conn: &Connection) -> Option<StoreError> {
        let sentence = if self.file_is_another() {
            format!(
                "its file {:?} was deleted or replaced while autoscan was running; put the right file there and start \
                 autoscan again",
                self.file
            )
        } else if self.log_is_broken(conn) {
            format!(
                "its log {:?} was deleted, replaced or cut by another program, and the last that came in may be lost; \
                 start autoscan again",
                self.log
            )
        } else {
            return None;
        };
        tracing::error!("autoscan takes nothing in any more, because of its database: {sentence}");
        Some(StoreError::NotWritable(sentence))
    }

    /// A look that fails in another way says nothing: the transaction will.
    fn file_is_another(&self) -> bool {
        match self.file.metadata() {
            Ok(now) => Identity::from(&now) != self.opened,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    fn log_is_broken(&self, conn: &Connection) -> bool {
        let Some(known) = self.known_log else { return false };
        match self.log.metadata() {
            Ok(now) if Identity::from(&now) != known.identity => true,
            Ok(now) if now.len() < known.length => self.lacks_pages(conn, now.len()),
            Ok(_grew) => false,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    /// Whether a log of this length lacks pages that SQLite believes to be in it. Another program may shorten it by a
    /// checkpoint, after which SQLite believes nothing to be in it.
    fn lacks_pages(&self, conn: &Connection, length: u64) -> bool {
        let pages =
            conn.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| super::rows::whole_number(row, 1));
        let pages: u64 = pages.unwrap_or(u64::MAX);
        pages > 0 && length < pages.saturating_mul(FRAME_HEADER + self.page_size).saturating_add(LOG_HEADER)
    }
}
