//! The thread that reads.

use std::io;
use std::thread;

use autoscan_core::ports::StoreError;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::errors::store_error;
use super::job_queue::{JobQueue, Message};

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// Reads on a connection and a thread of its own. Each job sees one state of the database.
pub(super) struct Reader {
    queue: JobQueue<Job>,
}

impl Reader {
    /// Starts the thread.
    pub(super) fn start(name: &str, conn: Connection) -> io::Result<Self> {
        let (queue, jobs) = JobQueue::new();
        thread::Builder::new().name(name.to_owned()).spawn(move || serve(conn, jobs))?;
        Ok(Self { queue })
    }

    /// Reads.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job = move |conn: &Connection| {
            let found = conn.unchecked_transaction().and_then(|snapshot| read(&snapshot));
            // Nobody to hear it means that the asker went away.
            answer.send(found.map_err(|error| store_error(&error))).ok();
        };
        self.queue.send(Box::new(job)).await?;
        answered.await.map_err(|_gone| StoreError::Closed)?
    }

    /// Finishes what was asked and closes the connection.
    pub(super) async fn close(&self) {
        self.queue.close().await;
    }
}

fn serve(conn: Connection, mut jobs: mpsc::Receiver<Message<Job>>) {
    let mut closing = None;
    while let Some(message) = jobs.blocking_recv() {
        match message {
            Message::Do(job) => job(&conn),
            Message::Close(answer) => {
                jobs.close();
                closing = Some(answer);
            }
        }
    }
    drop(conn);
    if let Some(answer) = closing {
        answer.send(()).ok();
    }
}
