//! Forgets what is old, a little at a time.

use std::sync::Arc;
use std::time::Duration;

use autoscan_core::ports::StoreError;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::Engine;

/// How often there is a look for old scans.
const EVERY: Duration = Duration::from_mins(1);
/// How often there is a look for sessions that are over. Nobody can use them meanwhile.
const SESSIONS_EVERY: Duration = Duration::from_hours(1);
/// Scans forgotten in one transaction, so that no sender waits long behind it.
const BATCH: usize = 500;
/// Between two such transactions.
const BREATH: Duration = Duration::from_millis(50);

/// Sweeps until `stop`.
pub(crate) async fn run(engine: Arc<Engine>, stop: CancellationToken) {
    let mut failing = false;
    let mut sessions_swept_at = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = engine.parts.clock.sleep(EVERY) => {}
        }
        engine.gate.tidy();
        engine.keep_history().await;
        if sessions_swept_at.is_none_or(|at| engine.now().since(at) >= SESSIONS_EVERY) {
            sessions_swept_at = Some(engine.now());
            sweep_sessions(&engine).await;
        }
        match sweep(&engine, &stop).await {
            Ok(0) => failing = false,
            Ok(count) => {
                failing = false;
                engine.bus.many_scans();
                info!(scans = count, "forgot finished scans that are older than the history");
            }
            Err(failure) if failing => drop(failure),
            Err(failure) => {
                failing = true;
                warn!(%failure, "old scans cannot be forgotten; autoscan tries again every minute");
            }
        }
    }
}

async fn sweep_sessions(engine: &Engine) {
    match engine.parts.store.sweep_sessions(engine.now()).await {
        Ok(0) => {}
        Ok(count) => debug!(sessions = count, "forgot sessions that are over"),
        Err(failure) => debug!(%failure, "old sessions cannot be forgotten; autoscan tries again in an hour"),
    }
}

async fn sweep(engine: &Engine, stop: &CancellationToken) -> Result<usize, StoreError> {
    let before = engine.now() - engine.parts.rules.history;
    let mut total = 0;
    while !stop.is_cancelled() {
        let count = engine.parts.store.sweep(before, BATCH).await?;
        total += count;
        if count < BATCH {
            break;
        }
        engine.parts.clock.sleep(BREATH).await;
    }
    Ok(total)
}
