//! From waiting to running: due scans pass the gate and get a delivery for each of their targets.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::change::Subject;
use autoscan_core::delivery::{Delivery, DeliveryState};
use autoscan_core::name::Name;
use autoscan_core::path::{LocalPath, TargetPath};
use autoscan_core::ports::{Hold, HoldUntil, Proof, Start, StoreError};
use autoscan_core::proof::{self, ExpectedFile, Observation, Presence};
use autoscan_core::scan::{Scan, ScanId};
use autoscan_core::step::{Step, StepKind};
use autoscan_core::time::Timestamp;
use futures_util::stream::{FuturesUnordered, StreamExt};
use futures_util::{FutureExt, future::BoxFuture};
use tracing::info;

use crate::bundle::to_target;
use crate::bus::Bus;
use crate::gate::{Gate, GateVerdict};
use crate::history::History;
use crate::lane::Lane;
use crate::ports::Ports;
use crate::wakeup::Wakeup;
use crate::worker::{SAFETY_NET, Worker};

/// Scans taken from the store at a time.
const AT_A_TIME: usize = 64;
/// Scans that the gate looks at at once; a mount that hangs takes some of these places, never all for long, because a
/// second look at it does not hang.
const AT_THE_GATE: usize = 1024;
/// While the gate looks at all that is due, look this often whether more has become due.
const WHILE_LOOKING: Duration = Duration::from_millis(250);

/// A scan that the gate has looked at.
type LookedAt = (Scan, GateVerdict);

/// What starting scans takes; shared with those who wake it.
pub(crate) struct Scheduling {
    pub(crate) ports: Arc<Ports>,
    pub(crate) bus: Arc<Bus>,
    pub(crate) history: Arc<History>,
    pub(crate) gate: Arc<Gate>,
    /// One lane a target.
    pub(crate) lanes: Vec<Arc<Lane>>,
    /// Wakes the scheduler.
    pub(crate) wakeup: Arc<Wakeup>,
}

/// Starts due scans.
pub(crate) struct Scheduler {
    with: Arc<Scheduling>,
    at_gate: HashSet<ScanId>,
    looking: FuturesUnordered<BoxFuture<'static, LookedAt>>,
    /// What the gate has looked at and the store does not know yet.
    looked: Vec<LookedAt>,
}

impl Scheduler {
    pub(crate) fn new(with: Arc<Scheduling>) -> Self {
        Self { with, at_gate: HashSet::new(), looking: FuturesUnordered::new(), looked: Vec::new() }
    }

    /// Starts or keeps back what the gate has looked at.
    async fn let_through(&mut self) -> Result<(), StoreError> {
        if self.looked.is_empty() {
            return Ok(());
        }
        self.with.keep(&self.looked).await?;
        for (scan, _) in self.looked.drain(..) {
            self.at_gate.remove(&scan.id);
        }
        Ok(())
    }

    /// Sends due scans to the gate; answers how long there is nothing more to do.
    async fn admit(&mut self) -> Result<Duration, StoreError> {
        let (ports, now) = (&self.with.ports, self.with.ports.now());
        if self.at_gate.len() >= AT_THE_GATE {
            return Ok(SAFETY_NET);
        }
        let in_hand = self.at_gate.iter().copied().collect();
        let due = ports.store.due(now, AT_A_TIME, in_hand).await?;
        let more = due.len() == AT_A_TIME;
        for scan in due {
            self.at_gate.insert(scan.id);
            self.looking.push(look(Arc::clone(&self.with), scan).boxed());
        }
        if more {
            return Ok(Duration::ZERO);
        }
        let pause = match ports.store.next_due().await? {
            Some(at) if at > now => at.since(now).min(SAFETY_NET),
            // What is due is at the gate, and hides when the next one is.
            Some(_) => WHILE_LOOKING,
            None => SAFETY_NET,
        };
        self.with.wakeup.sleeps_until(ports.steady() + pause);
        Ok(pause)
    }
}

#[async_trait]
impl Worker for Scheduler {
    fn wakeup(&self) -> Arc<Wakeup> {
        Arc::clone(&self.with.wakeup)
    }

    fn while_failing(&self) -> String {
        "scans cannot be started".to_owned()
    }

    async fn step(&mut self) -> Result<Duration, StoreError> {
        self.let_through().await?;
        self.admit().await
    }

    async fn progress(&mut self) {
        let Some(first) = self.looking.next().await else { return std::future::pending().await };
        self.looked.push(first);
        while let Some(Some(looked)) = self.looking.next().now_or_never() {
            self.looked.push(looked);
        }
    }
}

async fn look(with: Arc<Scheduling>, scan: Scan) -> LookedAt {
    let mut verdict = with.gate.check(&scan).await;
    if let GateVerdict::Wait { absent, .. } = &verdict
        && with.is_listed(&scan, absent).await
    {
        with.gate.believe_gone(scan.id);
        verdict = with.gate.check(&scan).await;
    }
    (scan, verdict)
}

/// Whether a server lists the file, or anything below the folder: most show no item for a folder itself.
async fn lists(proof: &dyn Proof, path: TargetPath, subject: Subject) -> bool {
    if subject == Subject::Folder {
        let below = proof.list_below(&path, 1).await;
        return below.is_ok_and(|below| below.is_some_and(|below| !below.files.is_empty()));
    }
    let folder = path.0.parent().map_or_else(|| path.clone(), TargetPath);
    let there = ExpectedFile { path, subject, presence: Presence::There { size: None } };
    proof.find(&folder, &[there]).await.is_ok_and(|found| found.contains(&Observation::Proven))
}

/// What the store is told of a scan that the gate has looked at.
#[derive(Default)]
struct Verdicts {
    starts: Vec<Start>,
    holds: Vec<Hold>,
    /// Those that are kept back for another reason than before.
    news: Vec<ScanId>,
}

impl Scheduling {
    async fn keep(&self, looked: &[LookedAt]) -> Result<(), StoreError> {
        let now = self.ports.now();
        let mut kept = Verdicts::default();
        for (scan, verdict) in looked {
            self.sort(scan, verdict, now, &mut kept);
        }
        if !kept.holds.is_empty() {
            self.ports.store.hold(kept.holds).await?;
            self.bus.scans(kept.news);
        }
        if kept.starts.is_empty() {
            return Ok(());
        }
        let started: HashSet<ScanId> = self.ports.store.start(kept.starts, now).await?.into_iter().collect();
        self.bus.scans(started.iter().copied());
        for (scan, verdict) in looked.iter().filter(|(scan, _)| started.contains(&scan.id)) {
            self.gate.forget(scan.id);
            self.announce(scan, verdict);
        }
        let steady = self.ports.steady();
        self.lanes.iter().for_each(|lane| lane.deliver.wake_before(steady));
        Ok(())
    }

    /// Whether a server lists one of these paths: then it was there, and was deleted.
    async fn is_listed(&self, scan: &Scan, absent: &[(LocalPath, Subject)]) -> bool {
        for lane in self.lanes.iter().filter(|lane| is_for(scan, &lane.target.name) && lane.is_open()) {
            let Some((proof, _)) = lane.target.proof() else { continue };
            for (path, subject) in absent {
                let Ok(seen) = to_target(&lane.target, path) else { continue };
                if lists(proof, seen, *subject).await {
                    return true;
                }
            }
        }
        false
    }

    fn sort(&self, scan: &Scan, verdict: &GateVerdict, now: Timestamp, kept: &mut Verdicts) {
        match verdict {
            GateVerdict::Pass { tell, note, absent } => {
                let deliveries = self.deliveries(scan, DeliveryState::Waiting, now, None);
                let deliveries =
                    deliveries.into_iter().map(|one| Delivery { absent: *absent, ..one }).collect();
                kept.starts.push(start(scan, tell.clone(), deliveries, note.as_deref(), now));
            }
            GateVerdict::NeverCame { reason } => {
                let deliveries = self.deliveries(scan, DeliveryState::Missing, now, None);
                let missing = deliveries.iter().map(|one| proof::never_came(one, reason.clone(), now));
                kept.starts.push(start(scan, scan.folder.clone(), missing.collect(), Some(reason), now));
            }
            GateVerdict::Wait { until, reason, .. } => {
                self.keep_back(scan, DeliveryState::Waiting, HoldUntil::Time(*until), reason, kept);
            }
            GateVerdict::Hold { until, reason } => {
                self.keep_back(scan, DeliveryState::Held, until.clone(), reason, kept);
            }
        }
    }

    fn announce(&self, scan: &Scan, verdict: &GateVerdict) {
        let waited = self.ports.now().since(scan.first_seen);
        let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        match verdict {
            GateVerdict::Pass { tell, note, .. } => info!(
                scan = scan.id.0,
                folder = ?tell.as_str(),
                changes = scan.changes.len(),
                waited_ms,
                note = note.as_deref(),
                "started"
            ),
            GateVerdict::NeverCame { reason } => {
                let target_count = self.lanes.len();
                tracing::warn!(
                    scan = scan.id.0,
                    folder = ?scan.folder.as_str(),
                    waited_ms,
                    targets = target_count,
                    reason,
                    "no server was told; a person should look"
                );
                let missing = self.lanes.iter().filter(|lane| is_for(scan, &lane.target.name));
                missing.for_each(|lane| self.history.missing(&lane.target.name));
            }
            GateVerdict::Wait { .. } | GateVerdict::Hold { .. } => {}
        }
    }

    fn keep_back(
        &self,
        scan: &Scan,
        state: DeliveryState,
        until: HoldUntil,
        reason: &str,
        kept: &mut Verdicts,
    ) {
        let now = self.ports.now();
        let mut steps = Vec::new();
        if scan.note.as_deref() != Some(reason) {
            info!(scan = scan.id.0, folder = ?scan.folder.as_str(), reason, "kept back for now; nothing is lost");
            let kind = if state == DeliveryState::Held { StepKind::Held } else { StepKind::Waiting };
            steps.push(Step::of_scan(now, kind, reason));
            kept.news.push(scan.id);
        }
        let shown_until = match &until {
            HoldUntil::Time(until) => *until,
            HoldUntil::Released(_) => now,
        };
        kept.holds.push(Hold {
            scan: scan.id,
            generation: scan.generation,
            until,
            deliveries: self.deliveries(scan, state, shown_until, Some(reason)),
            note: Some(reason.to_owned()),
            steps,
        });
    }

    /// One delivery for each target that a change of the scan is for.
    fn deliveries(
        &self,
        scan: &Scan,
        state: DeliveryState,
        at: Timestamp,
        error: Option<&str>,
    ) -> Vec<Delivery> {
        let targets = self.lanes.iter().map(|lane| &lane.target.name).filter(|name| is_for(scan, name));
        targets
            .map(|name| Delivery {
                state,
                error: error.map(str::to_owned),
                ..Delivery::new(name.clone(), at)
            })
            .collect()
    }
}

/// Whether a change of the scan is for this target.
fn is_for(scan: &Scan, target: &Name) -> bool {
    let meant = |names: &Option<Vec<Name>>| names.as_ref().is_none_or(|names| names.contains(target));
    scan.changes.iter().any(|stored| meant(&stored.targets))
}

fn start(
    scan: &Scan,
    tell: autoscan_core::path::LocalPath,
    deliveries: Vec<Delivery>,
    note: Option<&str>,
    now: Timestamp,
) -> Start {
    Start {
        scan: scan.id,
        generation: scan.generation,
        tell,
        deliveries,
        note: note.map(str::to_owned),
        steps: vec![Step::of_scan(now, StepKind::Started, note.unwrap_or_default())],
    }
}
