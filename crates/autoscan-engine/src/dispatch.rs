//! From waiting to running: due scans pass the gate and get a delivery for each of their targets.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use autoscan_core::delivery::{Delivery, DeliveryState};
use autoscan_core::name::Name;
use autoscan_core::ports::{Hold, Start, StoreError};
use autoscan_core::scan::{Scan, ScanId};
use autoscan_core::step::{Step, StepKind};
use autoscan_core::time::Timestamp;
use futures_util::stream::{FuturesUnordered, StreamExt};
use futures_util::{FutureExt, future::BoxFuture};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::Engine;
use crate::gate::Verdict;

/// Scans taken from the store at a time, beside those that the gate is looking at.
const AT_A_TIME: usize = 64;
/// Scans that the gate looks at at once; a mount that hangs takes some of these places, never all for long, because a
/// second look at it does not hang.
const AT_THE_GATE: usize = 1024;
/// However quiet it is, look this often.
const SAFETY_NET: Duration = Duration::from_secs(15);
/// While the gate looks at all that is due, look this often whether more has become due.
const WHILE_LOOKING: Duration = Duration::from_millis(250);
/// After a failure of the store, wait this long.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// A scan that the gate has looked at.
type Looked = (Scan, Verdict);

/// Starts scans until `stop`.
pub(crate) async fn run(engine: Arc<Engine>, stop: CancellationToken) {
    let mut dispatch = Dispatch {
        engine: &engine,
        at_gate: HashSet::new(),
        looking: FuturesUnordered::new(),
        failing: false,
    };
    loop {
        engine.alarm.arm();
        let pause = match dispatch.admit().await {
            Ok(pause) => pause,
            Err(failure) => dispatch.failed(&failure),
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = engine.alarm.rung() => {}
            () = engine.parts.clock.sleep(pause) => {}
            Some(looked) = dispatch.looking.next() => {
                if let Err(failure) = dispatch.let_through(looked).await {
                    let pause = dispatch.failed(&failure);
                    engine.parts.clock.sleep(pause).await;
                }
            }
        }
    }
}

struct Dispatch<'e> {
    engine: &'e Arc<Engine>,
    at_gate: HashSet<ScanId>,
    looking: FuturesUnordered<BoxFuture<'e, Looked>>,
    failing: bool,
}

impl Dispatch<'_> {
    /// Sends due scans to the gate; answers how long there is nothing more to do.
    async fn admit(&mut self) -> Result<Duration, StoreError> {
        let engine = self.engine;
        let now = engine.now();
        if self.at_gate.len() >= AT_THE_GATE {
            return Ok(SAFETY_NET);
        }
        let limit = self.at_gate.len() + AT_A_TIME;
        let due = engine.parts.store.due(now, limit).await?;
        let more = due.len() == limit;
        let mut sent = 0;
        for scan in due {
            if self.at_gate.insert(scan.id) {
                sent += 1;
                self.looking.push(look(engine, scan).boxed());
            }
        }
        if more && sent > 0 {
            return Ok(Duration::ZERO);
        }
        let at = match engine.parts.store.next_due().await? {
            Some(at) if at > now => at.min(now + SAFETY_NET),
            // What is due is at the gate, and hides when the next one is.
            Some(_) => now + WHILE_LOOKING,
            None => now + SAFETY_NET,
        };
        engine.alarm.sleeps_until(at);
        Ok(at.since(now))
    }

    /// Starts or keeps back what the gate has looked at: the given scan and all that are ready with it.
    async fn let_through(&mut self, first: Looked) -> Result<(), StoreError> {
        let mut ready = vec![first];
        while let Some(Some(looked)) = self.looking.next().now_or_never() {
            ready.push(looked);
        }
        let result = self.engine.settle_verdicts(&ready).await;
        for (scan, _) in &ready {
            self.at_gate.remove(&scan.id);
        }
        if result.is_ok() {
            self.recovered();
        }
        result
    }

    fn failed(&mut self, failure: &StoreError) -> Duration {
        if !self.failing {
            error!(%failure, "scans cannot be started; autoscan goes on trying and loses none");
            self.failing = true;
        }
        AFTER_FAILURE
    }

    fn recovered(&mut self) {
        if self.failing {
            info!("the database answers again; scans are started");
            self.failing = false;
        }
    }
}

async fn look(engine: &Engine, scan: Scan) -> Looked {
    let verdict = engine.gate.check(&scan).await;
    (scan, verdict)
}

/// Whether a scan is kept back for another reason than before.
fn is_news((scan, verdict): &Looked) -> bool {
    match verdict {
        Verdict::Pass { .. } => false,
        Verdict::Wait { reason, .. } | Verdict::Hold { reason, .. } => scan.note.as_deref() != Some(reason),
    }
}

impl Engine {
    async fn settle_verdicts(&self, looked: &[Looked]) -> Result<(), StoreError> {
        let now = self.now();
        let (mut starts, mut holds) = (Vec::new(), Vec::new());
        for (scan, verdict) in looked {
            match verdict {
                Verdict::Pass { tell, note } => starts.push(Start {
                    scan: scan.id,
                    generation: scan.generation,
                    tell: tell.clone(),
                    deliveries: self.deliveries(scan, DeliveryState::Waiting, now, None),
                    note: note.clone(),
                    steps: vec![Step::of_scan(now, StepKind::Started, note.clone().unwrap_or_default())],
                }),
                Verdict::Wait { until, reason } => {
                    holds.push(self.keep_back(scan, DeliveryState::Waiting, *until, reason));
                }
                Verdict::Hold { until, reason } => {
                    holds.push(self.keep_back(scan, DeliveryState::Held, *until, reason));
                }
            }
        }
        if !holds.is_empty() {
            let news: Vec<ScanId> =
                looked.iter().filter(|looked| is_news(looked)).map(|(scan, _)| scan.id).collect();
            self.parts.store.hold(holds).await?;
            self.bus.scans(news);
        }
        if starts.is_empty() {
            return Ok(());
        }
        let started: HashSet<ScanId> = self.parts.store.start(starts, now).await?.into_iter().collect();
        self.bus.scans(started.iter().copied());
        for (scan, verdict) in looked.iter().filter(|(scan, _)| started.contains(&scan.id)) {
            self.announce(scan, verdict);
        }
        for lane in &self.lanes {
            lane.alarm.ring_before(now);
        }
        Ok(())
    }

    fn announce(&self, scan: &Scan, verdict: &Verdict) {
        let Verdict::Pass { tell, note } = verdict else { return };
        info!(
            scan = scan.id.0,
            folder = ?tell.as_str(),
            changes = scan.changes.len(),
            waited_ms = u64::try_from(self.now().since(scan.first_seen).as_millis()).unwrap_or(u64::MAX),
            note = note.as_deref(),
            "started"
        );
    }

    fn keep_back(&self, scan: &Scan, state: DeliveryState, until: Timestamp, reason: &str) -> Hold {
        let mut steps = Vec::new();
        if scan.note.as_deref() != Some(reason) {
            info!(scan = scan.id.0, folder = ?scan.folder.as_str(), reason, "kept back for now; nothing is lost");
            let kind = if state == DeliveryState::Held { StepKind::Held } else { StepKind::Waiting };
            steps.push(Step::of_scan(self.now(), kind, reason));
        }
        Hold {
            scan: scan.id,
            until,
            deliveries: self.deliveries(scan, state, until, Some(reason)),
            note: Some(reason.to_owned()),
            steps,
        }
    }

    /// One delivery for each target that a change of the scan is for.
    fn deliveries(
        &self,
        scan: &Scan,
        state: DeliveryState,
        at: Timestamp,
        error: Option<&str>,
    ) -> Vec<Delivery> {
        let wanted = |target: &Name| {
            scan.changes
                .iter()
                .any(|stored| stored.targets.as_ref().is_none_or(|names| names.contains(target)))
        };
        self.parts
            .targets
            .iter()
            .filter(|target| wanted(&target.name))
            .map(|target| Delivery {
                state,
                error: error.map(str::to_owned),
                ..Delivery::new(target.name.clone(), at)
            })
            .collect()
    }
}
