//! What happens in which order. This crate awaits ports and decides nothing that [`autoscan_core`] could decide.

mod alarm;
mod bound;
mod browse;
mod bundle;
mod bus;
mod call;
mod discreet;
mod dispatch;
mod explain;
mod figures;
mod gate;
mod guards;
mod hours;
mod hush;
mod intake;
mod janitor;
mod known;
mod lane;
mod ledger;
mod mounts;
mod pause;
mod prover;
mod queue;
mod sought;
mod storms;
mod suggest;
mod taken;
mod teller;
mod timeline;
mod views;

pub use bound::{BoundTarget, BoundTrigger, FileRules, Pace, PathPriority, Rules};
pub use browse::{BrowseError, BrowsePart, BrowseRoot, BrowseRoots, Browsed};
pub use bus::{Heard, Listener, News, NewsId, Topic};
pub use discreet::discreet;
pub use figures::{TargetFigures, VISIBLE_WITHIN};
pub use hours::HOURS;
pub use known::{Here, Known, Said};
pub use suggest::{MapAdvice, NewServer, SenderFolders};
pub use views::{
    Backlog, ExplainedTarget, Explanation, GateView, Hour, ReceivedEvent, Retried, RetryFilter, TakeError,
    Taken, TargetView, TestView, TriggerView,
};

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_core::path::LocalPath;
use autoscan_core::ports::{Clock, Files, Store, StoreError};
use autoscan_core::time::Timestamp;
use futures_util::future::BoxFuture;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::alarm::Alarm;
use crate::bus::Bus;
use crate::figures::Figures;
use crate::gate::Gate;
use crate::hours::Hours;
use crate::known::Memory;
use crate::lane::Lane;
use crate::ledger::Ledger;
use crate::mounts::Mounts;
use crate::storms::Storms;

/// The kind of the trigger that people and scripts use; there is always one.
pub const MANUAL: &str = "manual";

/// Where the mounts that were seen are kept.
const MOUNTS: &str = "mounts";
/// Where the storms of deletions that are held are kept.
const STORMS: &str = "storms";
/// How often there is a look at the table of mounts, so that one that is gone for a moment is noticed.
const MOUNTS_EVERY: Duration = Duration::from_secs(5);

/// What is written, in bytes, to see whether requests can be stored again: about what one takes.
const PROBE: usize = 16 * 1024;
const PROBE_KEY: &str = "probe";

/// What a target answered.
type Answers = Vec<Result<(), Fault>>;

/// Waits for a target that is told, and answers with it which calls that took: method, URL without anything secret, status.
/// None are known of what speaks no HTTP.
pub type Overhear = for<'a> fn(BoxFuture<'a, Answers>) -> BoxFuture<'a, (Answers, Vec<String>)>;

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
    /// Every trigger; one is of the kind [`MANUAL`].
    pub triggers: Vec<BoundTrigger>,
    /// Every target.
    pub targets: Vec<BoundTarget>,
    /// What holds for all.
    pub rules: Rules,
}

/// The running program, as the web interface and the commands see it.
pub struct Engine {
    parts: Parts,
    gate: Gate,
    mounts: Arc<Mounts>,
    /// One lane a target, in the order of [`Parts::targets`].
    lanes: Vec<Lane>,
    /// Held while pauses are read or written, so that what is kept and what the lanes do stay one.
    pausing: tokio::sync::Mutex<()>,
    /// What each target said of itself last, in the same order.
    memories: Vec<Memory>,
    alarm: Alarm,
    bus: Arc<Bus>,
    ledger: Ledger,
    figures: Figures,
    hours: Hours,
    shelves: browse::Shelves,
    /// Whether the last request could not be stored: a small write may still fit where a request does not.
    intake_fails: AtomicBool,
}

impl Engine {
    /// An engine at rest: it takes requests in, and nothing else happens until [`Self::run`].
    pub fn new(parts: Parts) -> Arc<Self> {
        let roots = parts.triggers.iter().flat_map(|trigger| trigger.map.destinations());
        let mounts = Arc::new(Mounts::new(roots.cloned().map(LocalPath).collect()));
        let storms = Storms::new(parts.rules.storm, Arc::clone(&parts.files), Arc::clone(&mounts));
        let gate = Gate::new(
            Arc::clone(&parts.clock),
            Arc::clone(&parts.files),
            parts.rules.anchors.clone(),
            parts.rules.files,
            Arc::clone(&mounts),
            storms,
        );
        let bus = Arc::new(Bus::new(run_number(&parts)));
        let lane = |target: &BoundTarget| Lane::new(target.name.clone(), Arc::clone(&bus));
        let lanes = parts.targets.iter().map(lane).collect();
        let memories = parts.targets.iter().map(|_| Memory::default()).collect();
        Arc::new(Self {
            parts,
            gate,
            mounts,
            memories,
            lanes,
            pausing: tokio::sync::Mutex::default(),
            alarm: Alarm::new(),
            bus,
            ledger: Ledger::default(),
            figures: Figures::default(),
            hours: Hours::default(),
            shelves: browse::Shelves::default(),
            intake_fails: AtomicBool::new(false),
        })
    }

    /// Dispatches, delivers and cleans up until `stop`; then finishes what is being sent and returns.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        if let Err(failure) = self.take_up().await {
            warn!(%failure, "what was in hand before the restart is taken up late");
        }
        let mut tasks = JoinSet::new();
        tasks.spawn(dispatch::run(Arc::clone(&self), stop.clone()));
        tasks.spawn(janitor::run(Arc::clone(&self), stop.clone()));
        tasks.spawn(bus::run(Arc::clone(&self), stop.clone()));
        tasks.spawn(keep_mounts(Arc::clone(&self), stop.clone()));
        for index in 0..self.lanes.len() {
            tasks.spawn(teller::run(Arc::clone(&self), index, stop.clone()));
            tasks.spawn(prover::run(Arc::clone(&self), index, stop.clone()));
            tasks.spawn(prover::listen(Arc::clone(&self), index, stop.clone()));
        }
        while let Some(ended) = tasks.join_next().await {
            if let Err(failure) = ended {
                warn!(%failure, "a part of autoscan broke; the rest stops so that it is started afresh");
                stop.cancel();
            }
        }
        self.keep_history().await;
    }

    /// Takes up what the last run left.
    async fn take_up(&self) -> Result<(), StoreError> {
        self.parts.store.recover().await?;
        self.take_up_pauses().await?;
        if let Some(lines) = self.parts.store.setting(MOUNTS).await? {
            self.mounts.restore(&lines);
        }
        if let Some(lines) = self.parts.store.setting(STORMS).await? {
            self.gate.storms.restore(&lines, self.now());
        }
        self.restore_history().await?;
        Ok(())
    }

    /// The trigger of this name.
    pub fn trigger(&self, name: &str) -> Option<&BoundTrigger> {
        self.parts.triggers.iter().find(|trigger| trigger.name.as_str() == name)
    }

    /// The first trigger of this kind.
    pub fn trigger_of_kind(&self, kind: &str) -> Option<&BoundTrigger> {
        self.parts.triggers.iter().find(|trigger| trigger.kind == kind)
    }

    /// Every trigger with what it sent last.
    pub fn triggers(&self) -> Vec<TriggerView> {
        let view = |trigger: &BoundTrigger| {
            let entry = self.ledger.of(&trigger.name);
            let (last_event_at, last_event) = entry.last.unzip();
            TriggerView {
                name: trigger.name.clone(),
                kind: trigger.kind,
                events: entry.events,
                changes: entry.changes,
                refused: entry.refused,
                last_event_at,
                last_event,
                recent: entry.recent.into_iter().rev().collect(),
            }
        };
        self.parts.triggers.iter().map(view).collect()
    }

    /// Every target with the state of its lane.
    pub fn targets(&self) -> Vec<TargetView> {
        let now = self.now();
        let view = |(target, lane): (&BoundTarget, &Lane)| {
            let (state, reason, until) = if let Some(pause) = lane.pause(now) {
                ("paused", Some("a person paused this target".to_owned()), pause.until)
            } else if let Some(hush) = lane.hush().filter(|_| lane.state().until().is_none()) {
                ("quiet", Some(hush.reason), Some(hush.until))
            } else {
                let state = lane.state();
                (state.word(), state.reason().map(str::to_owned), state.until())
            };
            TargetView {
                name: target.name.clone(),
                kind: target.kind,
                url: target.url.clone(),
                state,
                reason,
                until,
                version: lane.version(),
                figures: self.figures.of(&target.name),
            }
        };
        self.parts.targets.iter().zip(&self.lanes).map(view).collect()
    }

    /// Asks a target who it is, which libraries it has and what in its settings fights with us, now. None when there is no
    /// such target.
    pub async fn test(&self, target: &str) -> Option<Result<TestView, Fault>> {
        let at = self.parts.targets.iter().position(|bound| bound.name.as_str() == target)?;
        let mine = self.may_ask(at).await;
        let answer = self.learn(at, mine).await;
        if answer.is_ok() {
            self.lanes[at].hurry(self.now());
        }
        Some(answer)
    }

    async fn ask_all(&self, at: usize) -> Result<TestView, Fault> {
        let server = &self.parts.targets[at].server;
        let identity = server.probe().await?;
        let libraries = if server.has_libraries() { Some(server.libraries().await?) } else { None };
        // Advice is a courtesy: a server that refuses it is well all the same.
        let advice = server.advice().await.unwrap_or_default();
        Ok(TestView { identity, libraries, advice })
    }

    /// Proves that the store can be written. After a request that could not be stored it stays unready until the next
    /// one is, or until a probe of that size fits.
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.parts.store.ready().await?;
        if self.intake_fails.load(Ordering::Relaxed) {
            let probe = Some(".".repeat(PROBE));
            self.parts.store.set_setting(PROBE_KEY, probe).await?;
            self.parts.store.set_setting(PROBE_KEY, None).await?;
            self.intake_fails.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The moment now.
    pub fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }
}

/// Another number in every run, so that the news of one are not taken for those of another.
fn run_number(parts: &Parts) -> u64 {
    let chance = Duration::try_from_secs_f64((parts.jitter)()).unwrap_or_default().subsec_nanos();
    parts.clock.now().as_millis().unsigned_abs().rotate_left(20) ^ u64::from(chance)
}

/// Keeps the mounts and the storms when they change, and notices mounts that are gone for a moment.
async fn keep_mounts(engine: Arc<Engine>, stop: CancellationToken) {
    loop {
        let (key, lines) = tokio::select! {
            () = stop.cancelled() => return,
            () = engine.mounts.changed.notified() => (MOUNTS, engine.mounts.lines()),
            () = engine.gate.storms.changed.notified() => (STORMS, engine.gate.storms.lines()),
            () = engine.parts.clock.sleep(MOUNTS_EVERY) => {
                engine.gate.guards.look_at_mounts().await;
                continue;
            }
        };
        if let Err(failure) = engine.parts.store.set_setting(key, Some(lines)).await {
            warn!(%failure, "the {key} that were met could not be written down; they are noticed again with the next scan");
        }
    }
}
