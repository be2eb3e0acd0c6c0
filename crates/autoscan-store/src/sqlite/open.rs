//! Opening: every way in which a file can be no queue of ours has its own sentence.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use autoscan_core::ports::Clock;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags, Result as SqlResult, TransactionBehavior};

use super::SqliteStore;
use super::file_guard::FileGuard;
use super::leases::end_leases;
use super::reader::Reader;
use super::tally::Tally;
use super::waiting_folders::WaitingFolders;
use super::writer::Writer;

/// Each brings the schema from the version of its place to the next.
pub(super) const MIGRATIONS: [&str; 8] = [
    include_str!("../../migrations/0001_queue.sql"),
    include_str!("../../migrations/0002_proof.sql"),
    include_str!("../../migrations/0003_session.sql"),
    include_str!("../../migrations/0004_history.sql"),
    include_str!("../../migrations/0005_leases.sql"),
    include_str!("../../migrations/0006_missing.sql"),
    include_str!("../../migrations/0007_arrs.sql"),
    include_str!("../../migrations/0008_remedies.sql"),
];

/// What all of them together lead to, in one step, for a new file.
pub(super) const SCHEMA: &str = include_str!("../../migrations/schema.sql");

/// "ascn": stands in the header of every database of ours, so that no other program's tables are taken for the queue.
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"ascn");

/// Statements that each connection keeps prepared: more than there are.
const STATEMENTS: usize = 128;

/// Page caches in KiB: what is asked every tick touches few pages.
const WRITER_CACHE: i32 = 1024;
const READER_CACHE: i32 = 512;

/// The log is cut to this many bytes after it had to grow for a large transaction.
const LOG_LIMIT: i64 = 8 << 20;

/// Links that are followed, one to the next: as many as Linux does.
const MOST_LINKS: usize = 40;

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The path is a directory.
    #[error("the database {0:?} is a directory: name a file in it, such as {1:?}")]
    Directory(PathBuf, PathBuf),
    /// The folder of the database does not exist.
    #[error(
        "the folder {0:?} of the database does not exist: create it, or name another place for the database"
    )]
    NoFolder(PathBuf),
    /// The folder of the database cannot be written: SQLite keeps its log there.
    #[error("the folder {0:?} of the database cannot be written ({1}): autoscan needs to create files in it")]
    FolderNotWritable(PathBuf, #[source] io::Error),
    /// The file is read-only.
    #[error("the database {0:?} is read-only: make it writable for the user that runs autoscan")]
    ReadOnly(PathBuf),
    /// The file is something else.
    #[error("the file {0:?} is not a database: move it away, or name another file for the database")]
    NotADatabase(PathBuf),
    /// The database belongs to another program.
    #[error(
        "the database {0:?} belongs to another program (such as the Go autoscan): name another file, \
         and autoscan creates it"
    )]
    Foreign(PathBuf),
    /// A second autoscan.
    #[error("the database {0:?} is in use by another autoscan: stop that one, or name another file")]
    InUse(PathBuf),
    /// Another program keeps it locked.
    #[error(
        "the database {0:?} is kept locked by another program: close that program and start autoscan again"
    )]
    Locked(PathBuf),
    /// The database was written by a later autoscan.
    #[error(
        "the database {path:?} comes from a newer autoscan (its version is {found}, this one knows {known}): \
         use that autoscan again, or name another file"
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The version of this program.
        known: usize,
    },
    /// Anything else.
    #[error("the database {0:?} cannot be opened: {1}")]
    Other(PathBuf, String),
}

/// What may be chosen when opening.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long to wait for a lock that another program holds on the file.
    pub busy_timeout: Duration,
    /// The file never grows beyond this many pages of 4 KiB, as if its disk were full. For tests.
    pub page_limit: Option<u32>,
    /// SQLite's name of another way to the disk, such as `unix-dotfile`, which stands for a network filesystem in
    /// tests.
    pub vfs: Option<&'static str>,
}

impl Default for Options {
    fn default() -> Self {
        Self { busy_timeout: Duration::from_secs(5), page_limit: None, vfs: None }
    }
}

impl SqliteStore {
    /// Opens or creates the database, readable for its owner alone, and starts its threads. It blocks for some
    /// milliseconds, however many scans are kept, and for some microseconds more for each that waits. Only the first time after an older autoscan it walks all deliveries once.
    /// `clock` is the store's own time, by which it judges whether an owner of leases lives: those of an earlier process
    /// are over.
    pub fn open(path: &Path, options: Options, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let path = &resolved(path);
        let lock = lock(path)?;
        create(path)?;
        let fault = |error| sql_fault(path, &error);
        let writer = connect(path, options, WRITER_CACHE).map_err(fault)?;
        if writer.is_readonly(MAIN_DB).map_err(fault)? {
            return Err(OpenError::ReadOnly(path.to_owned()));
        }
        let version = version(path, &writer)?;
        let wal = match version {
            0 => begin(&writer),
            _ => choose_journal(&writer),
        }
        .map_err(fault)?;
        let (writer, counted) = prepare_writer(writer, version, wal, options).map_err(fault)?;
        if version == 0 {
            sync(path)?;
        }
        let guard = FileGuard::new(path, &writer).map_err(fault)?;
        let reader = |name| {
            let conn = connect(path, options, READER_CACHE).map_err(fault)?;
            conn.pragma_update(None, "query_only", true).map_err(fault)?;
            Reader::start(name, conn).map_err(|error| OpenError::Other(path.to_owned(), error.to_string()))
        };
        Ok(Self {
            scheduling: reader("store-schedule")?,
            queries: reader("store-queries")?,
            writer: Writer::start(writer, counted, !wal, guard, lock)
                .map_err(|error| OpenError::Other(path.to_owned(), error.to_string()))?,
            journal_note: (!wal).then(|| journal_note(path)),
            clock,
            owners: Mutex::default(),
        })
    }
}

fn journal_note(path: &Path) -> String {
    format!(
        "the place of {:?} does not support SQLite's write-ahead log, as on a network filesystem; autoscan goes on \
         with a rollback journal, which is slower",
        path.to_string_lossy()
    )
}

/// The path of the file itself, so that whoever comes through a link finds the same lock, which lies beside it as SQLite's log does.
fn resolved(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    // A link may lead to a file that is yet to be created.
    for _ in 0..MOST_LINKS {
        let Ok(next) = path.read_link() else { break };
        path = path.parent().unwrap_or(Path::new("/")).join(next);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}

/// Keeps a second autoscan out, for as long as the file is open. SQLite's own exclusive mode would keep our readers
/// out too. `path` is that of the file itself.
fn lock(path: &Path) -> Result<File, OpenError> {
    if path.is_dir() {
        return Err(OpenError::Directory(path.to_owned(), path.join("autoscan.db")));
    }
    if path.metadata().is_ok_and(|about| about.nlink() > 1) {
        tracing::warn!(
            database = ?path,
            "the database has several names (hard links): it breaks if programs open it by different names; keep one name, or copies"
        );
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(OpenError::NoFolder(folder.to_owned()));
    }
    let mut name = path.as_os_str().to_owned();
    name.push("-lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(name);
    let file = file.map_err(|error| OpenError::FolderNotWritable(folder.to_owned(), error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => {
            tracing::warn!(
                database = ?path, %error,
                "the filesystem has no locks: autoscan goes on, but cannot keep a second autoscan off its database"
            );
            Ok(file)
        }
    }
}

/// SQLite would create the file for everybody to read. Its log gets the same permissions.
fn create(path: &Path) -> Result<(), OpenError> {
    if let Ok(known) = path.metadata() {
        let writable = !known.permissions().readonly();
        return writable.then_some(()).ok_or_else(|| OpenError::ReadOnly(path.to_owned()));
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_created) => Ok(()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let folder = path.parent().unwrap_or(path);
            Err(OpenError::FolderNotWritable(folder.to_owned(), error))
        }
        Err(error) => Err(OpenError::Other(path.to_owned(), error.to_string())),
    }
}

fn sql_fault(path: &Path, error: &rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotADatabase(path),
        Some(ErrorCode::ReadOnly) => OpenError::ReadOnly(path),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::Locked(path),
        _ => OpenError::Other(path, error.to_string()),
    }
}

fn connect(path: &Path, options: Options, cache: i32) -> SqlResult<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = match options.vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs)?,
        None => Connection::open_with_flags(path, flags)?,
    };
    conn.busy_timeout(options.busy_timeout)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    // Otherwise a plan is made anew whenever a parameter has another value: every time.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.pragma_update(None, "cache_size", -cache)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(conn)
}

/// The schema's version; 0 for a new file.
fn version(path: &Path, conn: &Connection) -> Result<usize, OpenError> {
    let number = |name| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let fault = |error| sql_fault(path, &error);
    let tables = "SELECT count(*) FROM sqlite_schema";
    let tables: i64 = conn.query_row(tables, [], |row| row.get(0)).map_err(fault)?;
    if tables == 0 {
        return Ok(0);
    }
    if number("application_id").map_err(fault)? != i64::from(APPLICATION_ID) {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    let found = number("user_version").map_err(fault)?;
    match usize::try_from(found) {
        Ok(version) if version <= MIGRATIONS.len() => Ok(version),
        _ => Err(OpenError::Newer { path: path.to_owned(), found, known: MIGRATIONS.len() }),
    }
}

/// Gives a new file its first page. SQLite would wait for the disk at every step of it; one wait at the end is as good,
/// because there is nothing to lose before.
fn begin(conn: &Connection) -> SqlResult<bool> {
    conn.pragma_update(None, "synchronous", "OFF")?;
    choose_journal(conn)
}

/// Waits until a new file and the names in its folder are on the disk. Without its first page SQLite would throw the log
/// away after a power cut.
fn sync(path: &Path) -> Result<(), OpenError> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|error| OpenError::Other(path.to_owned(), error.to_string()))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Not every filesystem can sync a folder; those that cannot keep its entries by other means.
    File::open(folder).and_then(|folder| folder.sync_all()).ok();
    Ok(())
}

/// Answers whether the write-ahead log works here: it needs memory that is shared between connections.
fn choose_journal(conn: &Connection) -> SqlResult<bool> {
    let set =
        |mode: &str| conn.pragma_update_and_check(None, "journal_mode", mode, |row| row.get::<_, String>(0));
    let tried = set("WAL").and_then(|mode| {
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_row| Ok(()))?;
        Ok(mode == "wal")
    });
    match tried {
        Ok(true) => return Ok(true),
        Err(error) if !is_no_shared_memory(&error) => return Err(error),
        Ok(false) | Err(_) => {}
    }
    set("TRUNCATE")?;
    Ok(false)
}

fn is_no_shared_memory(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    code.is_some_and(|code| {
        matches!(
            code,
            ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::FileLockingProtocolFailed
        )
    })
}

/// What the writer keeps in memory.
type Counted = (Tally, WaitingFolders);

fn prepare_writer(
    mut conn: Connection,
    version: usize,
    wal: bool,
    options: Options,
) -> SqlResult<(Connection, Counted)> {
    // SQLite answers some of these with the value: pragma_update would take that for a mistake.
    conn.pragma_update_and_check(None, "journal_size_limit", LOG_LIMIT, |_row| Ok(()))?;
    // In a write-ahead log a migration reaches the disk with the first commit behind it: a power cut until then takes
    // nothing but the migration, and the next start does it again.
    let wait = match (wal, version) {
        (true, 0) => "OFF",
        (true, _) => "NORMAL",
        (false, _) => "FULL",
    };
    conn.pragma_update(None, "synchronous", wait)?;
    if let Some(pages) = options.page_limit {
        conn.pragma_update_and_check(None, "max_page_count", pages, |_row| Ok(()))?;
    }
    if version < MIGRATIONS.len() {
        let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        match version {
            0 => transaction.execute_batch(SCHEMA)?,
            _ => MIGRATIONS[version..].iter().try_for_each(|sql| transaction.execute_batch(sql))?,
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", super::rows::rows(MIGRATIONS.len()))?;
        transaction.commit()?;
    }
    // Where the file cannot be written now, the first heartbeat does it.
    end_leases(&conn, &[]).ok();
    conn.pragma_update(None, "synchronous", "FULL")?;
    let waiting = WaitingFolders::read(&conn)?;
    let tally = Tally::read(&conn, &waiting)?;
    Ok((conn, (tally, waiting)))
}

#[cfg(test)]
mod tests {
    use super::{Connection, MIGRATIONS, SCHEMA};

    /// Every table with its columns, and every index.
    fn shape(steps: &[&str]) -> Vec<String> {
        let conn = Connection::open_in_memory().unwrap();
        for sql in steps {
            conn.execute_batch(sql).unwrap();
        }
        let lines = |sql: &str| -> Vec<String> {
            let mut statement = conn.prepare(sql).unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        };
        let mut shape = lines(
            "SELECT t.name || ': ' || c.cid || ' ' || c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' ||
             coalesce(c.dflt_value, '') || ' ' || c.pk
             FROM pragma_table_list t JOIN pragma_table_xinfo(t.name) c WHERE t.name NOT LIKE 'sqlite%' ORDER BY 1",
        );
        shape.extend(lines(
            "SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name",
        ));
        shape
    }

    #[test]
    fn a_new_file_is_what_the_migrations_lead_to() {
        let new = shape(&[SCHEMA]);
        assert!(
            new.iter().any(|line| line.starts_with("delivery: ") && line.contains(" widened ")),
            "{new:#?}"
        );
        assert_eq!(new, shape(&MIGRATIONS));
    }
}
