//! The running program, as the web interface and the commands see it: a thin front over its parts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use autoscan_core::path::LocalPath;
use autoscan_core::ports::{Clock, Files, Owner, Store, StoreError};
use autoscan_core::redact::Redaction;
use autoscan_core::time::Timestamp;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::bound::{BoundTarget, BoundTrigger, Rules};
use crate::bus::{Bus, BusEventId, BusWorker, Listener, Topic};
use crate::call::{Calling, Overhear};
use crate::clock_watch::ClockWatch;
use crate::deliverer::Deliverer;
use crate::elsewhere::Elsewhere;
use crate::event_listener::EventListener;
use crate::gate::Gate;
use crate::guard_watch::GuardWatch;
use crate::guards::Guards;
use crate::heartbeat::Heartbeat;
use crate::history::History;
use crate::intake::Intake;
use crate::janitor::Janitor;
use crate::lane::Lane;
use crate::later_looks::LaterLooks;
use crate::mounts::Mounts;
use crate::ports::Ports;
use crate::protected::protected;
use crate::protected_source::protected_source;
use crate::scheduler::{Scheduler, Scheduling};
use crate::server_info::ServerInfo;
use crate::settler::Settler;
use crate::source::SourceReader;
use crate::storms::Storms;
use crate::verifier::Verifier;
use crate::verifying::Verifying;
use crate::wakeup::Wakeup;
use crate::worker::{self, Worker};

/// What is written, in bytes, to see whether requests can be stored again: about what one takes.
const PROBE: usize = 16 * 1024;
const PROBE_KEY: &str = "probe";

/// What an engine is made of.
pub struct Parts {
    /// The queue.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The disk.
    pub files: Arc<dyn Files>,
    /// Chance, between 0 and 1, for the jitter of pauses.
    pub jitter: fn() -> f64,
    /// Tells which calls a target made while it was told.
    pub overhear: Overhear,
    /// What no word of a target may hold.
    pub redaction: Redaction,
    /// What was counted under the configs before this one.
    pub history: Arc<History>,
    /// Every trigger; one is of the kind [`MANUAL`](crate::MANUAL).
    pub triggers: Vec<BoundTrigger>,
    /// Every target.
    pub targets: Vec<BoundTarget>,
    /// What holds for all.
    pub rules: Rules,
}

/// A loop of the engine broke: what it did is not done any more, so the program must be started afresh.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a part of autoscan broke ({0}); autoscan must be started again")]
pub struct Broken(String);

/// The running program, as the web interface and the commands see it.
pub struct Engine {
    pub(crate) ports: Arc<Ports>,
    pub(crate) owner: Owner,
    overhear: Overhear,
    pub(crate) rules: Arc<Rules>,
    pub(crate) triggers: Vec<Arc<BoundTrigger>>,
    /// One lane a target.
    pub(crate) lanes: Vec<Arc<Lane>>,
    pub(crate) intake: Arc<Intake>,
    pub(crate) scheduling: Arc<Scheduling>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) mounts: Arc<Mounts>,
    /// Woken when mounts or storms changed.
    guards_changed: Arc<Wakeup>,
    pub(crate) history: Arc<History>,
    pub(crate) bus: Arc<Bus>,
    /// What each target said of itself last, in the order of the lanes.
    pub(crate) servers: Vec<ServerInfo>,
    /// Held while pauses are read or written, so that what is kept and what the lanes do stay one.
    pub(crate) pausing: tokio::sync::Mutex<()>,
}

impl Engine {
    /// An engine at rest: it takes requests in, and nothing else happens until [`Self::run`].
    pub fn new(given: Parts) -> Arc<Self> {
        let run = run_number(&given);
        let Parts { store, clock, files, jitter, overhear, redaction, history, triggers, targets, rules } =
            given;
        let ports = Arc::new(Ports { store, clock, files, jitter });
        let rules = Arc::new(rules);
        let bus = Arc::new(Bus::new(run));
        let guards_changed = Arc::new(Wakeup::new());
        let mounts = Arc::new(Mounts::new(mapped_roots(&triggers), Arc::clone(&guards_changed)));
        let gate = gate(&ports, &rules, &mounts, &guards_changed);
        let lane = |target| {
            let target = protect(target, &redaction);
            Arc::new(Lane::new(target, Arc::clone(&ports), Arc::clone(&bus)))
        };
        let lanes: Vec<Arc<Lane>> = targets.into_iter().map(lane).collect();
        let scheduling = Arc::new(Scheduling {
            ports: Arc::clone(&ports),
            bus: Arc::clone(&bus),
            history: Arc::clone(&history),
            gate: Arc::clone(&gate),
            lanes: lanes.clone(),
            wakeup: Arc::new(Wakeup::new()),
        });
        let intake = Arc::new(Intake::new(&scheduling, Arc::clone(&rules)));
        Arc::new(Self {
            owner: Owner(run.cast_signed()),
            overhear,
            triggers: triggers.into_iter().map(|trigger| protect_source(trigger, &redaction)).collect(),
            servers: lanes.iter().map(|_| ServerInfo::default()).collect(),
            pausing: tokio::sync::Mutex::default(),
            ports,
            rules,
            lanes,
            intake,
            scheduling,
            gate,
            mounts,
            guards_changed,
            history,
            bus,
        })
    }

    /// Starts, delivers, verifies and cleans up until `stop`; then finishes what is being sent and returns. The error says
    /// that a loop broke, so that the program must not go on.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) -> Result<(), Broken> {
        if !self.take_up(&stop).await {
            return Ok(());
        }
        let mut tasks = JoinSet::new();
        self.spawn(&mut tasks, &stop);
        let mut broken = Ok(());
        while let Some(ended) = tasks.join_next().await {
            if let Err(failure) = ended {
                error!(%failure, "a part of autoscan broke; the rest stops, so that autoscan is started afresh");
                broken = Err(Broken(failure.to_string()));
                stop.cancel();
            }
        }
        if let Err(failure) = self.ports.store.retire(self.owner).await {
            warn!(%failure, "what was in hand at the stop goes on a minute late");
        }
        broken
    }

    fn spawn(&self, tasks: &mut JoinSet<()>, stop: &CancellationToken) {
        let (ports, scheduler) = (&self.ports, &self.scheduling.wakeup);
        self.work(tasks, stop, Scheduler::new(Arc::clone(&self.scheduling)));
        self.work(tasks, stop, self.janitor());
        self.work(tasks, stop, BusWorker::new(Arc::clone(&self.bus), Arc::clone(ports)));
        self.work(tasks, stop, Heartbeat::new(Arc::clone(ports), self.owner, self.lanes.clone()));
        self.work(tasks, stop, ClockWatch::new(Arc::clone(ports), self.lanes.clone(), Arc::clone(scheduler)));
        let guard_watch = GuardWatch::new(
            Arc::clone(ports),
            Arc::clone(&self.gate),
            Arc::clone(&self.mounts),
            Arc::clone(scheduler),
            Arc::clone(&self.guards_changed),
        );
        self.work(tasks, stop, guard_watch);
        let (bus, lanes) = (Arc::clone(&self.bus), self.lanes.clone());
        self.work(tasks, stop, Elsewhere::new(Arc::clone(ports), bus, lanes, Arc::clone(scheduler)));
        let (intake, guards) = (Arc::clone(&self.intake), Arc::clone(&self.gate.guards));
        self.work(tasks, stop, LaterLooks::new(Arc::clone(ports), intake, guards, self.triggers.clone()));
        for lane in &self.lanes {
            self.work(tasks, stop, self.deliverer(lane, stop));
            self.work(tasks, stop, self.verifier(lane));
            self.work(tasks, stop, EventListener::new(Arc::clone(ports), Arc::clone(lane)));
        }
        for trigger in &self.triggers {
            let Some(source) = trigger.source.clone() else { continue };
            let (intake, trigger) = (Arc::clone(&self.intake), Arc::clone(trigger));
            self.work(tasks, stop, SourceReader::new(Arc::clone(ports), intake, trigger, source));
        }
    }

    fn work(&self, tasks: &mut JoinSet<()>, stop: &CancellationToken, worker: impl Worker + 'static) {
        tasks.spawn(worker::run(worker, Arc::clone(&self.ports), stop.clone()));
    }

    fn janitor(&self) -> Janitor {
        Janitor {
            ports: Arc::clone(&self.ports),
            bus: Arc::clone(&self.bus),
            gate: Arc::clone(&self.gate),
            history: Arc::clone(&self.history),
            keep_scans: self.rules.history,
            wakeup: Arc::new(Wakeup::new()),
            next: self.ports.steady() + Janitor::EVERY,
            sessions_next: self.ports.steady(),
        }
    }

    fn settler(&self, lane: &Arc<Lane>) -> Settler {
        let (bus, history) = (Arc::clone(&self.bus), Arc::clone(&self.history));
        Settler::new(Arc::clone(&self.ports), bus, history, Arc::clone(lane))
    }

    fn deliverer(&self, lane: &Arc<Lane>, stop: &CancellationToken) -> Deliverer {
        let calling = Arc::new(Calling {
            ports: Arc::clone(&self.ports),
            guards: Arc::clone(&self.gate.guards),
            lane: Arc::clone(lane),
            overhear: self.overhear,
            check_files: self.rules.files.check,
        });
        Deliverer::new(Arc::clone(&self.ports), calling, self.owner, self.settler(lane), stop.clone())
    }

    fn verifier(&self, lane: &Arc<Lane>) -> Verifier {
        let verifying = Arc::new(Verifying {
            ports: Arc::clone(&self.ports),
            lane: Arc::clone(lane),
            gate: Arc::clone(&self.gate),
            rules: Arc::clone(&self.rules),
        });
        Verifier::new(verifying, self.owner, self.settler(lane))
    }

    /// The trigger of this name.
    pub fn trigger(&self, name: &str) -> Option<&BoundTrigger> {
        self.triggers.iter().find(|trigger| trigger.name.as_str() == name).map(Arc::as_ref)
    }

    /// The first trigger of this kind.
    pub fn trigger_of_kind(&self, kind: &str) -> Option<&BoundTrigger> {
        self.triggers.iter().find(|trigger| trigger.kind == kind).map(Arc::as_ref)
    }

    /// The configured targets.
    pub(crate) fn targets_bound(&self) -> impl Iterator<Item = &BoundTarget> {
        self.lanes.iter().map(|lane| &*lane.target)
    }

    /// Proves that the store can be written. After a request that could not be stored it stays unready until the next
    /// one is, or until a probe of that size fits.
    pub async fn ready(&self) -> Result<(), StoreError> {
        let store = &self.ports.store;
        store.ready().await?;
        if self.intake.fails.load(Ordering::Relaxed) {
            let probe = Some(".".repeat(PROBE));
            store.set_setting(PROBE_KEY, probe).await?;
            store.set_setting(PROBE_KEY, None).await?;
            self.intake.fails.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Listens to events: those after `since`, or from now on. A number that is too old, or of another run, begins with a
    /// gap.
    pub fn subscribe(&self, since: Option<BusEventId>) -> Listener {
        self.bus.listen(since)
    }

    /// The number of the last event: whoever looks things up now, and listens from there on, misses nothing.
    pub fn last_event(&self) -> BusEventId {
        self.bus.last()
    }

    /// The config was read anew, or its file changed.
    pub fn config_changed(&self) {
        self.bus.whole(Topic::Config);
    }

    /// The time of day now.
    pub fn now(&self) -> Timestamp {
        self.ports.now()
    }

    /// The lane of a target.
    pub(crate) fn lane(&self, target: &str) -> Option<(usize, &Arc<Lane>)> {
        self.lanes.iter().enumerate().find(|(_, lane)| lane.target.name.as_str() == target)
    }
}

fn gate(ports: &Arc<Ports>, rules: &Arc<Rules>, mounts: &Arc<Mounts>, changed: &Arc<Wakeup>) -> Arc<Gate> {
    let (check, anchors) = (rules.files.check, rules.anchors.clone());
    let guards = Arc::new(Guards::new(Arc::clone(ports), anchors, Arc::clone(mounts), check));
    let storms = Storms::new(rules.storm, Arc::clone(ports), Arc::clone(mounts), Arc::clone(changed));
    Arc::new(Gate::new(Arc::clone(ports), rules.files, Arc::clone(mounts), guards, Arc::new(storms)))
}

/// The folders to which triggers map their paths.
fn mapped_roots(triggers: &[BoundTrigger]) -> Vec<LocalPath> {
    triggers.iter().flat_map(|trigger| trigger.map.destinations()).cloned().map(LocalPath).collect()
}

fn protect(target: BoundTarget, redaction: &Redaction) -> BoundTarget {
    let protect = |server| protected(server, redaction.clone());
    BoundTarget {
        server: protect(target.server),
        before: target.before.map(protect),
        after: target.after.map(protect),
        ..target
    }
}

fn protect_source(trigger: BoundTrigger, redaction: &Redaction) -> Arc<BoundTrigger> {
    let source = trigger.source.map(|source| protected_source(source, redaction.clone()));
    Arc::new(BoundTrigger { source, ..trigger })
}

/// Another number in every run, so that the events of one are not taken for those of another.
fn run_number(parts: &Parts) -> u64 {
    static ENGINES: AtomicU64 = AtomicU64::new(0);
    let engines = ENGINES.fetch_add(1, Ordering::Relaxed);
    let chance = Duration::try_from_secs_f64((parts.jitter)()).unwrap_or_default().subsec_nanos();
    parts.clock.now().as_millis().unsigned_abs().rotate_left(20) ^ u64::from(chance) ^ engines.rotate_right(8)
}
