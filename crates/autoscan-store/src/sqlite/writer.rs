//! The one thread that writes. It groups: all that waits is committed in one transaction, then all are answered, so
//! that many senders share one wait for the disk. One sender alone waits for nobody.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::thread;

use autoscan_core::ports::{Stats, StoreError};
use rusqlite::{Connection, Result as SqlResult, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::errors::store_error;
use super::line::{Line, Message};
use super::tally::{Shown, Tally};

/// Commands that share one transaction at most.
const GROUP: usize = 256;

/// What a commit survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Survives {
    /// The end of the program, however sudden. A power cut may undo it: only for what is harmless to do again.
    Kill,
    /// A power cut.
    PowerCut,
}

/// A transaction as its commands see it.
pub(super) struct Write<'a> {
    /// The connection, inside the transaction.
    pub(super) conn: &'a Connection,
    /// The counts; written with the commit.
    pub(super) tally: Tally,
}

/// One command. It may run twice: again alone, when its group failed.
trait Job: Send {
    fn survives(&self) -> Survives;
    fn run(&mut self, write: &mut Write<'_>) -> SqlResult<()>;
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
}

struct Command<T, F> {
    survives: Survives,
    work: F,
    result: Option<T>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, F: Fn(&mut Write<'_>) -> SqlResult<T> + Send> Job for Command<T, F> {
    fn survives(&self) -> Survives {
        self.survives
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
    line: Line<Box<dyn Job>>,
    shown: Arc<Shown>,
}

impl Writer {
    /// Starts the thread. `always_full` is for a rollback journal, whose commits could otherwise break the file in a
    /// power cut. `lock` is let go when the connection is closed.
    pub(super) fn start(conn: Connection, tally: Tally, always_full: bool, lock: File) -> io::Result<Self> {
        let shown = Arc::new(Shown::new(&tally));
        let (line, jobs) = Line::new();
        let synchronous = Survives::PowerCut;
        let desk = Desk { conn, tally, shown: Arc::clone(&shown), synchronous, always_full };
        thread::Builder::new().name("store-writer".to_owned()).spawn(move || desk.serve(jobs, lock))?;
        Ok(Self { line, shown })
    }

    /// Runs a command in a transaction and answers after the commit.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        survives: Survives,
        work: impl Fn(&mut Write<'_>) -> SqlResult<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.line.send(Box::new(Command { survives, work, result: None, answer })).await?;
        answered.await.map_err(|_gone| StoreError::Closed)?
    }

    /// How many scans there are in each state, as committed last.
    pub(super) fn stats(&self) -> Stats {
        self.shown.stats()
    }

    /// Finishes what was asked, moves the log into the database and closes it.
    pub(super) async fn close(&self) {
        self.line.close().await;
    }
}

/// The thread's end.
struct Desk {
    conn: Connection,
    tally: Tally,
    shown: Arc<Shown>,
    synchronous: Survives,
    always_full: bool,
}

impl Desk {
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
        let outcome = self.commit(&mut group);
        if outcome.is_ok() || group.len() == 1 {
            for job in group {
                job.answer(outcome.clone());
            }
            return;
        }
        // One of them spoils it for all: each alone.
        for job in group {
            let mut alone = [job];
            let outcome = self.commit(&mut alone);
            let [job] = alone;
            job.answer(outcome);
        }
    }

    fn commit(&mut self, group: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
        self.try_commit(group).map_err(|error| store_error(&error))
    }

    fn try_commit(&mut self, group: &mut [Box<dyn Job>]) -> SqlResult<()> {
        let Some(survives) = group.iter().map(|job| job.survives()).max() else { return Ok(()) };
        self.set_synchronous(survives)?;
        let transaction = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut write = Write { conn: &transaction, tally: self.tally };
        for job in group {
            job.run(&mut write)?;
        }
        let mut tally = write.tally;
        tally.keep(&transaction)?;
        transaction.commit()?;
        self.tally = tally;
        self.shown.set(&tally);
        Ok(())
    }

    fn set_synchronous(&mut self, survives: Survives) -> SqlResult<()> {
        if survives == self.synchronous || self.always_full {
            return Ok(());
        }
        let level = match survives {
            Survives::Kill => "NORMAL",
            Survives::PowerCut => "FULL",
        };
        self.conn.pragma_update(None, "synchronous", level)?;
        self.synchronous = survives;
        Ok(())
    }

    fn close(self) {
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
    fn job(survives: Survives) -> (Box<dyn Job>, oneshot::Receiver<Result<i64, StoreError>>) {
        let level =
            |write: &mut Write<'_>| write.conn.pragma_query_value(None, "synchronous", |row| row.get(0));
        let (answer, answered) = oneshot::channel();
        (Box::new(Command { survives, work: level, result: None, answer }), answered)
    }

    #[test]
    fn a_group_is_committed_as_safely_as_its_most_careful_command() {
        use Survives::{Kill, PowerCut};
        const NORMAL: i64 = 1;
        const FULL: i64 = 2;
        for (always_full, groups) in [
            (false, vec![(vec![PowerCut], FULL), (vec![Kill, Kill], NORMAL), (vec![Kill, PowerCut], FULL)]),
            (true, vec![(vec![Kill], FULL), (vec![PowerCut], FULL)]),
        ] {
            let conn = queue();
            conn.pragma_update(None, "synchronous", "FULL").unwrap();
            let tally = Tally::read(&conn).unwrap();
            let shown = Arc::new(Shown::new(&tally));
            let mut desk = Desk { conn, tally, shown, synchronous: PowerCut, always_full };
            for (group, level) in groups {
                let (jobs, answers): (Vec<_>, Vec<_>) = group.into_iter().map(job).unzip();
                desk.run(jobs);
                for mut answer in answers {
                    assert_eq!(answer.try_recv().unwrap(), Ok(level));
                }
            }
        }
    }
}
