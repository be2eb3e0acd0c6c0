//! One teller per target: it claims due deliveries, tells the server, and holds by itself while the server is away.
//! Targets are strangers: nothing here waits for another target.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use autoscan_core::delivery::{self, DeliveryState, Outcome, Work};
use autoscan_core::ports::{Settlement, StoreError};
use autoscan_core::step;
use autoscan_core::time::Timestamp;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::Engine;
use crate::bound::BoundTarget;
use crate::bundle::{Bundle, Group, bundle};
use crate::call::{self, Told};
use crate::hush::{self, Company};
use crate::lane::{Lane, LaneState};

/// Deliveries in hand at most. An outage's worth is merged by folder within one such batch.
const BATCH: usize = 500;
/// Longer than telling one batch can take.
const LEASE: Duration = Duration::from_mins(30);
/// However quiet it is, look this often.
const SAFETY_NET: Duration = Duration::from_secs(15);
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Delivers to one target until `stop`; then finishes the calls in hand and puts the rest back.
pub(crate) async fn run(engine: Arc<Engine>, index: usize, stop: CancellationToken) {
    let mut teller = Teller::new(&engine, index, &stop);
    let mut failing = false;
    while !stop.is_cancelled() {
        teller.lane.alarm.arm();
        let pause = match teller.step().await {
            Ok(pause) => {
                failing = false;
                pause
            }
            Err(failure) => {
                if !failing {
                    error!(target = %teller.target.name, %failure, "deliveries cannot be kept; autoscan goes on trying");
                }
                failing = true;
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            Some(told) = teller.running.join_next() => teller.take_in(whole(told)),
            () = teller.lane.alarm.rung() => teller.look = true,
            () = engine.parts.clock.sleep(pause) => teller.look = true,
        }
    }
    teller.end().await;
}

/// A call that broke breaks the teller too: nothing of it may be taken for told.
fn whole(told: Result<Told, JoinError>) -> Told {
    match told {
        Ok(told) => told,
        Err(broken) => std::panic::resume_unwind(broken.into_panic()),
    }
}

struct Teller<'e> {
    engine: &'e Arc<Engine>,
    /// The target's place among all.
    index: usize,
    target: &'e BoundTarget,
    lane: &'e Lane,
    stop: &'e CancellationToken,
    /// Claimed, and not told yet: with the name of the queue of each, as far as it is known.
    parked: VecDeque<(Option<String>, Group)>,
    /// Queues of which a call is under way. None is that of one without a name: what it touches is not known, so nothing is
    /// told beside it.
    busy: HashSet<Option<String>>,
    /// Calls under way, each a task of its own: a call that waits for something must not keep another from it.
    running: JoinSet<Told>,
    /// What became of deliveries and is not in the store yet.
    unsettled: Vec<Settlement>,
    /// Whether there may be something new in the store.
    look: bool,
    /// The next call is not made before this.
    not_before: Timestamp,
    company: Company,
}

impl<'e> Teller<'e> {
    fn new(engine: &'e Arc<Engine>, index: usize, stop: &'e CancellationToken) -> Self {
        Self {
            engine,
            index,
            target: &engine.parts.targets[index],
            lane: &engine.lanes[index],
            stop,
            parked: VecDeque::new(),
            busy: HashSet::new(),
            running: JoinSet::new(),
            unsettled: Vec::new(),
            look: true,
            not_before: Timestamp::default(),
            company: Company::default(),
        }
    }

    fn now(&self) -> Timestamp {
        self.engine.parts.clock.now()
    }

    /// Does what can be done now; answers how long there is nothing more to do.
    async fn step(&mut self) -> Result<Duration, StoreError> {
        self.settle().await?;
        if let Some(until) = self.held().await {
            self.put_back();
            self.settle().await?;
            return Ok(until.since(self.now()));
        }
        if self.look
            && let Some(pause) = self.claim().await?
            && self.parked.is_empty()
        {
            return Ok(pause);
        }
        self.name().await;
        self.call();
        let now = self.now();
        if !self.parked.is_empty() && self.not_before > now && self.running.is_empty() {
            return Ok(self.not_before.since(now));
        }
        Ok(SAFETY_NET)
    }

    /// Until when the target may not be told now; none when it may.
    async fn held(&mut self) -> Option<Timestamp> {
        let now = self.now();
        if let Some(pause) = self.lane.pause(now) {
            return Some(pause.until.unwrap_or(now + SAFETY_NET));
        }
        match self.lane.state() {
            LaneState::Open => {}
            LaneState::Busy { until, .. } if until <= now => self.lane.busy_no_more(),
            LaneState::Starting => self.probe().await,
            LaneState::Away { until, .. } | LaneState::Misconfigured { until, .. } if until <= now => {
                self.probe().await;
            }
            held => return Some(held.until().unwrap_or(now + SAFETY_NET)),
        }
        if let Some(until) = self.lane.state().until() {
            return Some(until);
        }
        let minute = self.engine.parts.clock.minute_of_day(now);
        let hush = hush::of_the_hour(self.target, minute, now);
        let until = hush.as_ref().map(|hush| hush.until);
        self.lane.set_hush(hush);
        until
    }

    /// Asks the server who it is: one probe releases the lane.
    async fn probe(&mut self) {
        let answer = tokio::select! {
            answer = self.target.server.probe() => answer,
            () = self.stop.cancelled() => return,
        };
        match answer {
            Ok(identity) => self.lane.answered(&identity, self.now()),
            Err(fault) => self.stopped_by(&fault),
        }
    }

    fn stopped_by(&self, fault: &autoscan_core::fault::Fault) {
        self.lane.stopped_by(fault, self.now(), (self.engine.parts.jitter)());
    }

    /// Takes what is due into hand; answers for how long there is nothing when there was nothing.
    async fn claim(&mut self) -> Result<Option<Duration>, StoreError> {
        let (store, name, now) = (&self.engine.parts.store, &self.target.name, self.now());
        let free = BATCH.saturating_sub(self.parked.len());
        if free == 0 {
            return Ok(None);
        }
        if let Some(pause) = self.wait_for_company(now).await? {
            return Ok(Some(pause));
        }
        let claimed = store.claim(name, Work::Deliver, now, LEASE, free).await?;
        self.look = claimed.len() == free;
        if claimed.is_empty() {
            let next = store.next_attempt(name, Work::Deliver).await?;
            return Ok(Some(self.idle_until(next, now)));
        }
        let Bundle { groups, settled } = bundle(self.target, claimed, now);
        self.log(None, &settled);
        self.unsettled.extend(settled);
        for group in groups {
            let queue = self.target.server.queue(&group.scan).await;
            self.parked.push_back((queue, group));
        }
        self.settle().await?;
        Ok(None)
    }

    /// How long there is nothing to do when the next attempt is then.
    fn idle_until(&self, next: Option<Timestamp>, now: Timestamp) -> Duration {
        let at = next.unwrap_or(now + SAFETY_NET).min(now + SAFETY_NET);
        self.lane.alarm.sleeps_until(at);
        at.since(now)
    }

    /// How long what is due still waits for people to stop watching. Where that matters nothing is claimed before it was
    /// asked, also not what became due just now.
    async fn wait_for_company(&mut self, now: Timestamp) -> Result<Option<Duration>, StoreError> {
        if self.target.pace.only_when_idle.is_none() || !self.parked.is_empty() {
            return Ok(None);
        }
        let next = self.engine.parts.store.next_attempt(&self.target.name, Work::Deliver).await?;
        if next.is_none_or(|at| at > now) {
            self.company.nothing_waits();
            self.look = false;
            return Ok(Some(self.idle_until(next, now)));
        }
        match self.company.hush(self.target, now).await {
            Ok(None) => Ok(None),
            Ok(Some(hush)) => {
                let pause = hush.until.since(now);
                self.lane.set_hush(Some(hush));
                Ok(Some(pause))
            }
            Err(fault) if fault.stops_the_lane() => {
                self.stopped_by(&fault);
                Ok(Some(Duration::ZERO))
            }
            Err(fault) => {
                info!(target = %self.target.name, reason = fault.reason(), "nobody can tell whether somebody is watching; the target is told");
                Ok(None)
            }
        }
    }

    /// Names what could not be named when it was claimed: what is told first makes the names known.
    async fn name(&mut self) {
        if self.busy.contains(&None) {
            return;
        }
        for (queue, group) in self.parked.iter_mut().filter(|(queue, _)| queue.is_none()) {
            *queue = self.target.server.queue(&group.scan).await;
        }
    }

    /// Starts the calls that may be made now.
    fn call(&mut self) {
        let pace = &self.target.pace;
        let most = if pace.scan_delay.is_zero() { pace.max_in_flight.max(1) } else { 1 };
        // A person may have paused it since [`Self::held`] looked: a probe and a claim take their time.
        while self.running.len() < most
            && self.now() >= self.not_before
            && self.lane.pause(self.now()).is_none()
        {
            let Some((queue, batch)) = self.next_batch() else { return };
            self.busy.insert(queue.clone());
            self.running.spawn(call::tell(Arc::clone(self.engine), self.index, queue, batch));
        }
    }

    /// The first group of a queue that is free; all of them for a server that takes batches.
    fn next_batch(&mut self) -> Option<(Option<String>, Vec<Group>)> {
        if self.busy.contains(&None) {
            return None;
        }
        let is_free = |queue: &Option<String>| match queue {
            Some(_) => !self.busy.contains(queue),
            None => self.busy.is_empty(),
        };
        let at = self.parked.iter().position(|(queue, _)| is_free(queue))?;
        if !self.target.server.batches() {
            let (queue, group) = self.parked.remove(at)?;
            return Some((queue, vec![group]));
        }
        let queue = self.parked[at].0.clone();
        let (batch, rest) = self.parked.drain(..).partition(|(other, _)| *other == queue);
        self.parked = rest;
        let batch: VecDeque<(Option<String>, Group)> = batch;
        Some((queue, batch.into_iter().map(|(_, group)| group).collect()))
    }

    /// Takes in what became of a call.
    fn take_in(&mut self, told: Told) {
        let now = self.now();
        self.busy.remove(&told.queue);
        self.not_before = now + self.target.pace.scan_delay;
        let mut stopped = None;
        for (group, outcome) in told.groups {
            if let Outcome::Fault(fault) = &outcome
                && fault.stops_the_lane()
            {
                stopped.get_or_insert_with(|| fault.clone());
            }
            let folder = &group.scan.folder;
            let told = told
                .call
                .as_ref()
                .map_or_else(|| format!("told of {folder}"), |call| format!("told of {folder}: {call}"));
            let settled = group.deliveries.into_iter().map(|(scan, delivery)| {
                let next = delivery::next(&delivery, &outcome, now, (self.engine.parts.jitter)());
                let steps = step::steps(&delivery, &next, Some(&told), now);
                Settlement { scan, delivery: next, steps }
            });
            let settled: Vec<_> = settled.collect();
            self.log(Some(group.scan.folder.as_str()), &settled);
            self.unsettled.extend(settled);
        }
        if let Some(fault) = stopped {
            self.stopped_by(&fault);
        }
        self.look |= self.parked.is_empty();
    }

    /// What is parked goes back to the store: its lease ends and nothing else changes.
    fn put_back(&mut self) {
        let deliveries = self.parked.drain(..).flat_map(|(_, group)| group.deliveries);
        self.unsettled.extend(deliveries.map(|(scan, delivery)| Settlement {
            scan,
            delivery,
            steps: Vec::new(),
        }));
        self.look = true;
    }

    /// Brings to the store what became of deliveries.
    async fn settle(&mut self) -> Result<(), StoreError> {
        if self.unsettled.is_empty() {
            return Ok(());
        }
        self.engine.settle(self.unsettled.clone()).await?;
        let asked = self.unsettled.iter().filter(|settled| settled.delivery.work() == Some(Work::Verify));
        if let Some(at) = asked.filter_map(|settled| settled.delivery.next_attempt_at).min() {
            self.lane.follow.ring_before(at);
        }
        self.unsettled.clear();
        Ok(())
    }

    /// Finishes the calls in hand and puts the rest back.
    async fn end(&mut self) {
        while let Some(told) = self.running.join_next().await {
            self.take_in(whole(told));
        }
        self.put_back();
        if let Err(failure) = self.settle().await {
            warn!(target = %self.target.name, %failure, "what became of the last calls could not be kept; they are made again");
        }
    }

    /// `folder` is the one the server was told of, in its eyes.
    fn log(&self, folder: Option<&str>, settlements: &[Settlement]) {
        for Settlement { scan, delivery, .. } in settlements {
            let (target, scan, error) = (&self.target.name, scan.0, delivery.error.as_deref());
            match delivery.state {
                DeliveryState::Failed => warn!(%target, scan, folder, error, "failed; a person should look"),
                DeliveryState::Held => {}
                state => info!(%target, scan, folder, error, "{}", state.as_str()),
            }
        }
    }
}
