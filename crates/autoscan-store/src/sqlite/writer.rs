//! The one thread that writes. It groups: all that waits is committed in one transaction, then all are answered, so
//! that many senders share one wait for the disk. One sender alone waits for nobody.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::thread;

use autoscan_core::ports::{Stats, StoreError};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Result as SqlResult, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::errors::store_error;
use super::file_guard::FileGuard;
use super::job_queue::{JobQueue, Message};
use super::tally::{PublishedCounts, Tally};
use super::waiting_folders::WaitingFolders;

/// Commands that share one transaction at most.
const GROUP: usize = 256;

/// What a commit survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Durability {
    /// The end of the program, however sudden. A power cut may undo it: only for what is harmless to do again.
    ProcessCrash,
    /// A power cut.
    PowerLoss,
}

/// A transaction as its commands see it.
pub(super) struct Write<'a> {
    /// The connection, inside the transaction.
    pub(super) conn: &'a Connection,
    /// The counts; written with the commit.
    pub(super) tally: Tally,
    /// The waiting scan of each folder.
    pub(super) waiting: &'a mut WaitingFolders,
}

/// One command. It may run twice: again alone, when its group failed.
trait Job: Send {
    fn durability(&self) -> Durability;
    fn run(&mut self, write: &mut Write<'_>) -> SqlResult<()>;
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
}

struct Command<T, F> {
    durability: Durability,
    work: F,
    result: Option<T>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, F: Fn(&mut Write<'_>) -> SqlResult<T> + Send> Job for Command<T, F> {
    fn durability(&self) -> Durability {
        self.durability
    }

    fn run(&mut self, write: &mut Write<'_>) -> SqlResult<()> {
        self.result = Some((self.work)(write)?);
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self { result, answer, .. } = *self;
        // Nobody to hear it means that the asker went away.
        answer.send(outcome.and_then(|()| result.ok_or(StoreError::Closed))).ok();
    }
}

/// The runtime's end.
pub(super) struct Writer {
    queue: JobQueue<Box<dyn Job>>,
    published: Arc<PublishedCounts>,
}

impl Writer {
    /// Starts the thread. `always_full` is for a rollback journal, whose commits could otherwise break the file in a
    /// power cut. `lock` is let go when the connection is closed.
    pub(super) fn start(
        conn: Connection,
        (tally, waiting): (Tally, WaitingFolders),
        always_full: bool,
        guard: FileGuard,
        lock: File,
    ) -> io::Result<Self> {
        let published = Arc::new(PublishedCounts::new(&tally));
        let (queue, jobs) = JobQueue::new();
        let synchronous = Durability::PowerLoss;
        let guard = Some(guard);
        let thread = WriterThread {
            conn,
            tally,
            waiting,
            published: Arc::clone(&published),
            synchronous,
            always_full,
            guard,
        };
        thread::Builder::new().name("store-writer".to_owned()).spawn(move || thread.serve(jobs, lock))?;
        Ok(Self { queue, published })
    }

    /// Runs a command in a transaction and answers after the commit.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        durability: Durability,
        work: impl Fn(&mut Write<'_>) -> SqlResult<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.queue.send(Box::new(Command { durability, work, result: None, answer })).await?;
        answered.await.map_err(|_gone| StoreError::Closed)?
    }

    /// How many scans there are in each state, as committed last.
    pub(super) fn stats(&self) -> Stats {
        self.published.stats()
    }

    /// Finishes what was asked, moves the log into the database and closes it.
    pub(super) async fn close(&self) {
        self.queue.close().await;
    }
}

/// Why a group was not committed.
struct Failure {
    error: StoreError,
    /// Whether it was one command that failed: without it the others may succeed. Otherwise all would fail again, and
    /// each would wait for the same lock.
    of_a_command: bool,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self { error, of_a_command: false }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        store_error(&error).into()
    }
}

fn answer(jobs: impl IntoIterator<Item = Box<dyn Job>>, outcome: &Result<(), StoreError>) {
    jobs.into_iter().for_each(|job| job.answer(outcome.clone()));
}

/// The thread's end.
struct WriterThread {
    conn: Connection,
    tally: Tally,
    waiting: WaitingFolders,
    published: Arc<PublishedCounts>,
    synchronous: Durability,
    always_full: bool,
    /// None for a queue without a file, in tests.
    guard: Option<FileGuard>,
}

impl WriterThread {
    fn serve(mut self, mut jobs: mpsc::Receiver<Message<Box<dyn Job>>>, lock: File) {
        let mut closing = None;
        let mut group = Vec::new();
        while let Some(first) = jobs.blocking_recv() {
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Do(job) => group.push(job),
                    Message::Close(answer) => {
                        jobs.close();
                        closing = Some(answer);
                    }
                }
                next = if group.len() < GROUP { jobs.try_recv().ok() } else { None };
            }
            self.run(std::mem::take(&mut group));
        }
        self.close();
        drop(lock);
        if let Some(answer) = closing {
            answer.send(()).ok();
        }
    }

    fn run(&mut self, mut group: Vec<Box<dyn Job>>) {
        match self.commit(&mut group) {
            Err(Failure { of_a_command: true, .. }) if group.len() > 1 => self.run_alone(group),
            outcome => answer(group, &outcome.map_err(|failure| failure.error)),
        }
    }

    /// One of the group spoils it for all: each is tried alone, until something fails that would fail for all that follow.
    fn run_alone(&mut self, group: Vec<Box<dyn Job>>) {
        let mut jobs = group.into_iter();
        while let Some(job) = jobs.next() {
            let mut alone = [job];
            let outcome = self.commit(&mut alone);
            let for_all = outcome.as_ref().is_err_and(|failure| !failure.of_a_command);
            let outcome = outcome.map_err(|failure| failure.error);
            answer(alone, &outcome);
            if for_all {
                answer(jobs.by_ref(), &outcome);
            }
        }
    }

    fn commit(&mut self, group: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        let outcome = self.try_commit(group);
        if outcome.is_ok() {
            self.waiting.commit();
        } else {
            self.waiting.roll_back();
        }
        outcome
    }

    fn try_commit(&mut self, group: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        let Some(durability) = group.iter().map(|job| job.durability()).max() else { return Ok(()) };
        if let Some(guard) = &mut self.guard {
            guard.check(&self.conn)?;
        }
        self.set_synchronous(durability)?;
        let transaction = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut write = Write { conn: &transaction, tally: self.tally, waiting: &mut self.waiting };
        for job in group {
            job.run(&mut write)
                .map_err(|error| Failure { of_a_command: true, error: store_error(&error) })?;
        }
        let mut tally = write.tally;
        tally.keep(&transaction)?;
        transaction.commit()?;
        self.tally = tally;
        self.published.set(&tally);
        Ok(())
    }

    fn set_synchronous(&mut self, durability: Durability) -> SqlResult<()> {
        if durability == self.synchronous || self.always_full {
            return Ok(());
        }
        let level = match durability {
            Durability::ProcessCrash => "NORMAL",
            Durability::PowerLoss => "FULL",
        };
        self.conn.pragma_update(None, "synchronous", level)?;
        self.synchronous = durability;
        Ok(())
    }

    fn close(mut self) {
        let lost = self.guard.as_mut().is_some_and(|guard| guard.check(&self.conn).is_err());
        if lost {
            // The files that have the names now are somebody else's: SQLite must neither write nor delete them.
            self.conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).ok();
            return;
        }
        let checkpoint = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_row| Ok(()));
        let closed = checkpoint.and_then(|()| self.conn.close().map_err(|(_conn, error)| error));
        if let Err(error) = closed {
            tracing::warn!(%error, "the database was not tidied at the end; nothing is lost, the next start does it");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::plan::queue;

    /// A command that tells the level of safety it is committed with.
    fn job(durability: Durability) -> (Box<dyn Job>, oneshot::Receiver<Result<i64, StoreError>>) {
        let level =
            |write: &mut Write<'_>| write.conn.pragma_query_value(None, "synchronous", |row| row.get(0));
        let (answer, answered) = oneshot::channel();
        (Box::new(Command { durability, work: level, result: None, answer }), answered)
    }

    #[test]
    fn a_group_is_committed_as_safely_as_its_most_careful_command() {
        use Durability::{PowerLoss, ProcessCrash};
        const NORMAL: i64 = 1;
        const FULL: i64 = 2;
        for (always_full, groups) in [
            (
                false,
                vec![
                    (vec![PowerLoss], FULL),
                    (vec![ProcessCrash, ProcessCrash], NORMAL),
                    (vec![ProcessCrash, PowerLoss], FULL),
                ],
            ),
            (true, vec![(vec![ProcessCrash], FULL), (vec![PowerLoss], FULL)]),
        ] {
            let conn = queue();
            conn.pragma_update(None, "synchronous", "FULL").unwrap();
            let waiting = WaitingFolders::read(&conn).unwrap();
            let tally = Tally::read(&conn, &waiting).unwrap();
            let published = Arc::new(PublishedCounts::new(&tally));
            let mut thread = WriterThread {
                conn,
                tally,
                waiting,
                published,
                synchronous: PowerLoss,
                always_full,
                guard: None,
            };
            for (group, level) in groups {
                let (jobs, answers): (Vec<_>, Vec<_>) = group.into_iter().map(job).unzip();
                thread.run(jobs);
                for mut answer in answers {
                    assert_eq!(answer.try_recv().unwrap(), Ok(level));
                }
            }
        }
    }

    /// How often SQLite met a lock of another program. A thread has its own.
    mod waits {
        use std::cell::Cell;

        thread_local!(static WAITS: Cell<usize> = const { Cell::new(0) });

        /// Does not wait, so that no test does.
        pub(super) fn counted(_times: i32) -> bool {
            WAITS.with(|waits| waits.set(waits.get() + 1));
            false
        }

        pub(super) fn take() -> usize {
            WAITS.with(Cell::take)
        }
    }

    /// A queue in a file with this journal, and another program's connection to it.
    fn two_connections(folder: &tempfile::TempDir, journal: &str) -> (WriterThread, Connection) {
        let path = folder.path().join("autoscan.db");
        let mut conn = Connection::open(&path).unwrap();
        conn.pragma_update_and_check(None, "journal_mode", journal, |_row| Ok(())).unwrap();
        conn.execute_batch(crate::sqlite::open::SCHEMA).unwrap();
        conn.busy_handler(Some(waits::counted)).unwrap();
        let waiting = WaitingFolders::read(&conn).unwrap();
        let tally = Tally::read(&conn, &waiting).unwrap();
        let published = Arc::new(PublishedCounts::new(&tally));
        let thread = WriterThread {
            conn,
            tally,
            waiting,
            published,
            synchronous: Durability::PowerLoss,
            always_full: true,
            guard: None,
        };
        (thread, Connection::open(&path).unwrap())
    }

    fn setting(key: &str) -> (Box<dyn Job>, oneshot::Receiver<Result<(), StoreError>>) {
        let key = key.to_owned();
        let set =
            move |write: &mut Write<'_>| crate::sqlite::retention::set_setting(write, &key, Some("value"));
        let (answer, answered) = oneshot::channel();
        (Box::new(Command { durability: Durability::PowerLoss, work: set, result: None, answer }), answered)
    }

    #[test]
    fn a_lock_of_another_program_is_waited_for_once_by_a_whole_group() {
        for (journal, lock) in [
            // BEGIN is refused, and COMMIT is: a rollback journal waits for whoever reads.
            ("WAL", "BEGIN IMMEDIATE"),
            ("DELETE", "BEGIN; SELECT count(*) FROM setting"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let (mut thread, other) = two_connections(&folder, journal);
            other.execute_batch(lock).unwrap();
            waits::take();
            let (jobs, answers): (Vec<_>, Vec<_>) = (0..50).map(|key| setting(&key.to_string())).unzip();
            thread.run(jobs);
            assert_eq!(waits::take(), 1, "{journal}");
            for mut answer in answers {
                let answer = answer.try_recv().unwrap();
                assert!(matches!(&answer, Err(StoreError::Locked)), "{answer:?}");
            }
            other.execute_batch("ROLLBACK").unwrap();
            let (job, mut answer) = setting("after");
            thread.run(vec![job]);
            assert_eq!(answer.try_recv().unwrap(), Ok(()));
        }
    }

    /// A command after whose answer another program locks the database.
    struct LocksAfterwards {
        other: Connection,
        locked: std::sync::mpsc::Sender<Connection>,
    }

    impl Job for LocksAfterwards {
        fn durability(&self) -> Durability {
            Durability::PowerLoss
        }

        fn run(&mut self, _write: &mut Write<'_>) -> SqlResult<()> {
            Ok(())
        }

        fn answer(self: Box<Self>, outcome: Result<(), StoreError>) {
            assert_eq!(outcome, Ok(()));
            self.other.execute_batch("BEGIN IMMEDIATE").unwrap();
            self.locked.send(self.other).unwrap();
        }
    }

    #[test]
    fn those_that_are_tried_alone_wait_for_a_lock_once_too() {
        let folder = tempfile::tempdir().unwrap();
        let (mut thread, other) = two_connections(&folder, "WAL");
        let (mut jobs, mut answers): (Vec<_>, Vec<_>) = (0..9).map(|key| setting(&key.to_string())).unzip();
        let fails = |_write: &mut Write<'_>| Err::<(), _>(rusqlite::Error::InvalidQuery);
        let (answer, mut failed) = oneshot::channel();
        jobs.push(Box::new(Command { durability: Durability::PowerLoss, work: fails, result: None, answer }));
        let (locked, _other) = std::sync::mpsc::channel();
        jobs.insert(3, Box::new(LocksAfterwards { other, locked }));
        waits::take();
        thread.run(jobs);
        assert_eq!(waits::take(), 1);
        let kept: Vec<_> = answers.iter_mut().map(|answer| answer.try_recv().unwrap().is_ok()).collect();
        assert_eq!(kept, [true, true, true, false, false, false, false, false, false]);
        assert!(failed.try_recv().unwrap().is_err());
    }
}
