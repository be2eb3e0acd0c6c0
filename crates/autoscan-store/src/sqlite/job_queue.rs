//! A bounded line of jobs to a thread that blocks, so that the runtime does not.

use autoscan_core::ports::StoreError;
use tokio::sync::{mpsc, oneshot};

/// Jobs that may wait; whoever comes then waits for a place.
const BOUND: usize = 1024;

/// What a thread is sent.
pub(super) enum Message<J> {
    /// Something to do.
    Do(J),
    /// Finish what waits, let go of the file, then answer.
    Close(oneshot::Sender<()>),
}

/// The runtime's end of the line.
pub(super) struct JobQueue<J> {
    jobs: mpsc::Sender<Message<J>>,
}

impl<J> JobQueue<J> {
    /// Both ends.
    pub(super) fn new() -> (Self, mpsc::Receiver<Message<J>>) {
        let (jobs, receiver) = mpsc::channel(BOUND);
        (Self { jobs }, receiver)
    }

    /// Queues a job.
    pub(super) async fn send(&self, job: J) -> Result<(), StoreError> {
        self.jobs.send(Message::Do(job)).await.map_err(|_closed| StoreError::Closed)
    }

    /// Waits until the thread has finished all that was queued and has closed its connection.
    pub(super) async fn close(&self) {
        let (answer, closed) = oneshot::channel();
        if self.jobs.send(Message::Close(answer)).await.is_ok() {
            // An error means that the thread is gone already: just as closed.
            closed.await.ok();
        }
    }
}
