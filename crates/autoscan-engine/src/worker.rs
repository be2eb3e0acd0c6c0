//! The one loop of the engine: arm, step, wait, stop. Whoever works in it says what a step is.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::ports::StoreError;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::ports::Ports;
use crate::settler::Settler;
use crate::wakeup::Wakeup;

/// However quiet it is, look this often.
pub(crate) const SAFETY_NET: Duration = Duration::from_secs(15);
/// For a worker whose [`Worker::progress`] must not be begun anew every few seconds.
pub(crate) const UNDISTURBED: Duration = Duration::from_hours(24);
/// After the store failed, wait this long.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Something that is done again and again until the engine stops.
#[async_trait]
pub(crate) trait Worker: Send {
    /// What wakes it before its pause is over.
    fn wakeup(&self) -> Arc<Wakeup>;

    /// What is not done while the store fails, in a sentence for the log.
    fn while_failing(&self) -> String;

    /// Does what can be done now; answers how long there is nothing more to do. What it cannot keep stays with it, and the
    /// next step tries to keep it again.
    async fn step(&mut self) -> Result<Duration, StoreError>;

    /// Ends when work that is under way came to a result, and takes it in. It may be dropped at any moment.
    async fn progress(&mut self) {
        std::future::pending::<()>().await;
    }

    /// Where the results of its work wait to be kept.
    fn settler(&mut self) -> Option<&mut Settler> {
        None
    }

    /// After the last step: finishes or gives back what is in hand.
    async fn finish(&mut self) {}
}

/// Lets a worker work until `stop`. The results of its work are kept before every step, and once more at the end.
pub(crate) async fn run(mut worker: impl Worker, ports: Arc<Ports>, stop: CancellationToken) {
    let wakeup = worker.wakeup();
    let mut failing = false;
    while !stop.is_cancelled() {
        wakeup.arm();
        let pause = match step(&mut worker).await {
            Ok(pause) => {
                if std::mem::take(&mut failing) {
                    info!("{}: the database can be written again", worker.while_failing());
                }
                pause
            }
            Err(failure) => {
                if !std::mem::replace(&mut failing, true) {
                    error!(%failure, "{}; autoscan goes on trying, and nothing is lost", worker.while_failing());
                }
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = worker.progress() => {}
            () = wakeup.woken() => {}
            () = ports.clock.sleep(pause) => {}
        }
    }
    worker.finish().await;
    if let Some(Err(failure)) = flush(&mut worker).await {
        error!(%failure, "{} at the stop; what was done last is done again after the start", worker.while_failing());
    }
}

async fn step(worker: &mut impl Worker) -> Result<Duration, StoreError> {
    if let Some(kept) = flush(worker).await {
        kept?;
    }
    let pause = worker.step().await?;
    match flush(worker).await {
        Some(kept) => kept.map(|()| pause),
        None => Ok(pause),
    }
}

async fn flush(worker: &mut impl Worker) -> Option<Result<(), StoreError>> {
    Some(worker.settler()?.flush().await)
}
