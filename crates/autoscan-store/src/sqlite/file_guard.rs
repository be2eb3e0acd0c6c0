//! Whether the file is still the one that was opened. SQLite goes on with a file that was deleted, or that has lost its
//! name to another: what it commits then is gone with the process.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use autoscan_core::ports::StoreError;
use rusqlite::Connection;

/// SQLite's file format: "The Write-Ahead Log" has a header, and one before each page.
const LOG_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;

/// Which file has a name, and how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileLook {
    device: (u32, u32),
    inode: u64,
    length: u64,
}

impl FileLook {
    /// Looks without asking for times. Since Linux 6.13 a file whose times somebody asked for gets a finer time with the next
    /// write, and every commit of a watched log would have that to put on the disk too.
    #[cfg(target_os = "linux")]
    fn at(path: &Path) -> io::Result<Self> {
        use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
        use rustix::io::Errno;

        match statx(CWD, path, AtFlags::empty(), StatxFlags::INO | StatxFlags::SIZE) {
            Ok(found) => Ok(Self {
                device: (found.stx_dev_major, found.stx_dev_minor),
                inode: found.stx_ino,
                length: found.stx_size,
            }),
            // Older containers do not let this call through.
            Err(Errno::NOSYS | Errno::PERM) => Self::by_metadata(path),
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn at(path: &Path) -> io::Result<Self> {
        Self::by_metadata(path)
    }

    fn by_metadata(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt as _;

        let found = path.metadata()?;
        let (high, low) = (found.dev() >> 32, found.dev() & u64::from(u32::MAX));
        let half = |half| u32::try_from(half).unwrap_or_default();
        Ok(Self { device: (half(high), half(low)), inode: found.ino(), length: found.len() })
    }

    fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

/// Watches over the file and its write-ahead log.
#[derive(Debug)]
pub(super) struct FileGuard {
    file: PathBuf,
    log: PathBuf,
    opened: FileLook,
    page_size: u64,
    /// The log as it was before the last transaction: only this process and those that keep to SQLite's rules change it.
    known_log: Option<FileLook>,
    /// Once something is lost it stays so: only a new start finds out what there is.
    loss: Option<StoreError>,
}

impl FileGuard {
    /// Watches over the file that a connection has just opened by this path, and has read from.
    pub(super) fn new(file: &Path, conn: &Connection) -> rusqlite::Result<Self> {
        let cannot = |error: io::Error| rusqlite::Error::ToSqlConversionFailure(error.into());
        let mut log = OsString::from(file);
        log.push("-wal");
        Ok(Self {
            file: file.to_owned(),
            opened: FileLook::at(file).map_err(cannot)?,
            page_size: conn.pragma_query_value(None, "page_size", |row| super::rows::whole_number(row, 0))?,
            known_log: FileLook::at(log.as_ref()).ok(),
            log: log.into(),
            loss: None,
        })
    }

    /// To be asked before a transaction and before a checkpoint: whether what is written reaches the file. One that is taken
    /// away during a transaction is noticed before the next, as one that is taken away right after it.
    pub(super) fn check(&mut self, conn: &Connection) -> Result<(), StoreError> {
        if self.loss.is_none() {
            self.loss = self.loss_now(conn);
        }
        self.loss.clone().map_or(Ok(()), Err)
    }

    fn loss_now(&mut self, conn: &Connection) -> Option<StoreError> {
        let sentence = if self.file_is_another() {
            format!(
                "its file {:?} was deleted or replaced while autoscan was running; put the right file there and start \
                 autoscan again",
                self.file.to_string_lossy()
            )
        } else if self.log_is_broken(conn) {
            format!(
                "its log {:?} was deleted, replaced or cut by another program, and the last that came in may be lost; \
                 start autoscan again",
                self.log.to_string_lossy()
            )
        } else {
            return None;
        };
        tracing::error!("autoscan takes nothing in any more, because of its database: {sentence}");
        Some(StoreError::NotWritable(sentence))
    }

    /// A look that fails in another way says nothing: the transaction will.
    fn file_is_another(&self) -> bool {
        match FileLook::at(&self.file) {
            Ok(now) => !now.is_same_file(&self.opened),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    fn log_is_broken(&mut self, conn: &Connection) -> bool {
        let Some(known) = self.known_log else { return false };
        match FileLook::at(&self.log) {
            Ok(now) => {
                self.known_log = Some(now);
                !now.is_same_file(&known) || (now.length < known.length && self.lacks_pages(conn, now.length))
            }
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
