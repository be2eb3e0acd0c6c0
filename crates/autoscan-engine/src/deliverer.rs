//! One deliverer per target: it claims due deliveries, tells the server, and holds by itself while the server is away.
//! Targets are strangers: nothing here waits for another target.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::delivery::{self, Delivery, DeliveryState, MOST_FAULTS, Outcome, Work};
use autoscan_core::fault::Fault;
use autoscan_core::ports::{Batching, Owner, Settlement, StoreError};
use autoscan_core::time::{SteadyTime, Timestamp};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::bundle::{Bundle, Group, LeasedDelivery, bundle};
use crate::call::{Calling, Delivered};
use crate::gone::know_libraries;
use crate::lane::{Lane, LaneState};
use crate::ports::Ports;
use crate::settler::Settler;
use crate::suspension::{self, Viewers};
use crate::wakeup::Wakeup;
use crate::worker::{SAFETY_NET, Worker};

/// Deliveries in hand at most. An outage's worth is merged by folder within one such batch.
const BATCH: usize = 500;
/// Of so many folders that are told one is the newest, so that one import does not wait behind hundreds.
const ONE_NEWEST_OF: usize = 4;

/// The name of a queue, when it is known: what is told one after the other.
type Queue = Option<String>;

/// A call under way.
struct InHand {
    queue: Queue,
    deliveries: Vec<LeasedDelivery>,
}

/// Delivers to one target.
pub(crate) struct Deliverer {
    ports: Arc<Ports>,
    lane: Arc<Lane>,
    calling: Arc<Calling>,
    owner: Owner,
    stop: CancellationToken,
    settler: Settler,
    /// Claimed, and not told yet: with the name of the queue of each, as far as it is known.
    parked: VecDeque<(Queue, Group)>,
    /// Queues of which a call is under way. None is that of one without a name: what it touches is not known, so nothing is
    /// told beside it.
    busy: HashSet<Queue>,
    /// Calls under way, each a task of its own: a call that waits for something must not keep another from it.
    running: JoinSet<Delivered>,
    in_hand: HashMap<Id, InHand>,
    /// Whether there may be something new in the store.
    look: bool,
    /// Whether the loop goes on because a call has ended.
    after_a_call: bool,
    /// The next call is not made before this.
    not_before: SteadyTime,
    /// How many folders were taken to be told.
    taken: usize,
    viewers: Viewers,
}

impl Deliverer {
    pub(crate) fn new(
        ports: Arc<Ports>,
        calling: Arc<Calling>,
        owner: Owner,
        settler: Settler,
        stop: CancellationToken,
    ) -> Self {
        Self {
            lane: Arc::clone(&calling.lane),
            calling,
            owner,
            stop,
            settler,
            parked: VecDeque::new(),
            busy: HashSet::new(),
            running: JoinSet::new(),
            in_hand: HashMap::new(),
            look: true,
            after_a_call: false,
            not_before: SteadyTime::default(),
            taken: 0,
            viewers: Viewers::new(Arc::clone(&ports)),
            ports,
        }
    }

    /// For how long the target may not be told now; none when it may.
    async fn held(&mut self) -> Option<Duration> {
        let now = self.ports.now();
        if let Some(pause) = self.lane.pause() {
            return Some(pause.until.map_or(SAFETY_NET, |until| until.since(now).min(SAFETY_NET)));
        }
        self.lane.end_of_busy();
        let steady = self.ports.steady();
        match self.lane.state() {
            LaneState::Starting => self.probe().await,
            LaneState::Away { until, .. } | LaneState::Misconfigured { until, .. } if until <= steady => {
                self.probe().await;
            }
            LaneState::Open
            | LaneState::Busy { .. }
            | LaneState::Away { .. }
            | LaneState::Misconfigured { .. } => {}
        }
        match self.lane.state() {
            LaneState::Open => {}
            LaneState::Starting => return Some(SAFETY_NET),
            held => return held.until().map(|until| until.since(self.ports.steady())),
        }
        let minute = self.ports.clock.minute_of_day(now);
        let suspension = suspension::of_the_hour(&self.lane.target, minute, now)?;
        let pause = suspension.until.since(now);
        self.lane.suspend(Some(suspension));
        Some(pause)
    }

    /// Asks the server who it is: one probe releases the lane. A stop does not wait for it.
    async fn probe(&self) {
        tokio::select! {
            () = self.lane.probe() => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// Takes what is due into hand; answers for how long there is nothing when there was nothing.
    async fn claim(&mut self) -> Result<Option<Duration>, StoreError> {
        let free = BATCH.saturating_sub(self.parked.len());
        if free == 0 {
            return Ok(None);
        }
        if let Some(pause) = self.wait_for_viewers().await? {
            return Ok(Some(pause));
        }
        let (store, name, now) = (&self.ports.store, &self.lane.target.name, self.ports.now());
        let claimed = store.claim(self.owner, name, Work::Deliver, now, free).await?;
        self.look = claimed.len() == free;
        if claimed.is_empty() {
            let next = store.next_attempt(name, Work::Deliver).await?;
            return Ok(Some(self.idle_until(next, now)));
        }
        self.stop.run_until_cancelled(know_libraries(&self.lane.target, &claimed)).await;
        let Bundle { groups, settled } = bundle(&self.lane.target, claimed, now);
        for settlement in settled {
            self.log(None, &settlement);
            self.settler.add(settlement);
        }
        for group in groups {
            let queue = self.lane.target.server.queue(&group.scan);
            self.parked.push_back((queue, group));
        }
        Ok(None)
    }

    /// How long there is nothing to do when the next attempt is then.
    fn idle_until(&self, next: Option<Timestamp>, now: Timestamp) -> Duration {
        let pause = next.map_or(SAFETY_NET, |at| at.since(now).min(SAFETY_NET));
        self.lane.deliver.sleeps_until(self.ports.steady() + pause);
        pause
    }

    /// How long what is due still waits for people to stop watching. Where that matters nothing is claimed before it was
    /// asked, also not what became due just now.
    async fn wait_for_viewers(&mut self) -> Result<Option<Duration>, StoreError> {
        let (target, now) = (Arc::clone(&self.lane.target), self.ports.now());
        if target.pace.only_when_idle.is_none() || !self.parked.is_empty() {
            self.lane.suspend(None);
            return Ok(None);
        }
        let next = self.ports.store.next_attempt(&target.name, Work::Deliver).await?;
        if next.is_none_or(|at| at > now) {
            self.viewers.nothing_waits();
            self.lane.suspend(None);
            self.look = false;
            return Ok(Some(self.idle_until(next, now)));
        }
        match self.viewers.suspension(&target).await {
            Ok(None) => {
                self.lane.suspend(None);
                Ok(None)
            }
            Ok(Some(suspension)) => {
                let pause = suspension.until.since(now);
                self.lane.suspend(Some(suspension));
                Ok(Some(pause))
            }
            Err(fault) => {
                let fault = self.lane.attribute(fault).await;
                if fault.stops_the_lane() && !matches!(self.lane.state(), LaneState::Open) {
                    return Ok(Some(Duration::ZERO));
                }
                info!(target = %target.name, reason = fault.reason(), "nobody can tell whether somebody is watching; the target is told");
                self.lane.suspend(None);
                Ok(None)
            }
        }
    }

    /// Names what could not be named when it was claimed: what is told first makes the names known.
    fn name(&mut self) {
        if self.busy.contains(&None) {
            return;
        }
        for (queue, group) in self.parked.iter_mut().filter(|(queue, _)| queue.is_none()) {
            *queue = self.lane.target.server.queue(&group.scan);
        }
    }

    /// Starts the calls that may be made now.
    fn call(&mut self) {
        let pace = &self.lane.target.pace;
        let most = if pace.scan_delay.is_zero() { pace.max_in_flight.max(1) } else { 1 };
        // A person may have paused it since [`Self::held`] looked: a probe and a claim take their time.
        while self.running.len() < most
            && self.ports.steady() >= self.not_before
            && self.lane.pause().is_none()
        {
            let Some((queue, batch)) = self.next_batch() else { return };
            self.busy.insert(queue.clone());
            let deliveries = batch.iter().flat_map(|group| group.deliveries.iter().cloned()).collect();
            let calling = Arc::clone(&self.calling);
            let task = self.running.spawn(async move { calling.tell(batch).await });
            self.in_hand.insert(task.id(), InHand { queue, deliveries });
        }
    }

    /// What is told next, of a queue that is free: one folder, or as many as the server takes.
    fn next_batch(&mut self) -> Option<(Queue, Vec<Group>)> {
        if self.busy.contains(&None) {
            return None;
        }
        let is_free = |queue: &Queue| match queue {
            Some(_) => !self.busy.contains(queue),
            None => self.busy.is_empty(),
        };
        let mut free = (0..self.parked.len()).filter(|at| is_free(&self.parked[*at].0));
        let batching = self.lane.target.server.batching();
        let newest = batching == Batching::One && self.taken % ONE_NEWEST_OF == ONE_NEWEST_OF - 1;
        let first = if newest { free.next_back() } else { free.next() }?;
        let queue = self.parked[first].0.clone();
        let places = match batching {
            Batching::One => vec![first],
            Batching::UpTo(most) => {
                let of_queue = (0..self.parked.len()).filter(|at| self.parked[*at].0 == queue).collect();
                oldest_and_newest(of_queue, most.max(1))
            }
        };
        self.taken += places.len();
        let mut batch = VecDeque::with_capacity(places.len());
        for at in places.into_iter().rev() {
            let (_, group) = self.parked.remove(at)?;
            batch.push_front(group);
        }
        Some((queue, batch.into()))
    }

    /// Takes in what became of a call.
    fn take_in(&mut self, ended: Result<(Id, Delivered), JoinError>) {
        self.not_before = self.ports.steady() + self.lane.target.pace.scan_delay;
        self.look |= self.parked.is_empty();
        match ended {
            Ok((id, delivered)) => {
                if let Some(in_hand) = self.in_hand.remove(&id) {
                    self.busy.remove(&in_hand.queue);
                }
                self.keep(delivered);
            }
            Err(broken) => self.keep_broken(&broken),
        }
    }

    fn keep(&mut self, delivered: Delivered) {
        let (now, call) = (self.ports.now(), delivered.call);
        for (group, outcome) in delivered.groups {
            let folder = &group.scan.folder;
            let told = call
                .as_ref()
                .map_or_else(|| format!("told of {folder}"), |call| format!("told of {folder}: {call}"));
            for leased in &group.deliveries {
                let next = delivery::next(&leased.delivery, &outcome, now, self.ports.jitter());
                let settlement = leased.settled(next, Some(&told), now);
                self.log(Some(group.scan.folder.as_str()), &settlement);
                self.settler.add(settlement);
            }
        }
    }

    /// A call ended without an answer, because autoscan itself failed in it: a counted fault of its deliveries.
    fn keep_broken(&mut self, broken: &JoinError) {
        let Some(InHand { queue, deliveries }) = self.in_hand.remove(&broken.id()) else { return };
        self.busy.remove(&queue);
        error!(target = %self.lane.target.name, scans = ?deliveries.iter().map(|one| one.scan.0).collect::<Vec<_>>(), failure = %broken, "a call failed inside autoscan; its scans are tried again");
        let reason = "autoscan itself failed in this call; that is a bug of autoscan, please report it";
        let (now, outcome) = (self.ports.now(), Outcome::Fault(Fault::wrong(reason)));
        for leased in deliveries {
            let next = delivery::next(&leased.delivery, &outcome, now, self.ports.jitter());
            self.settler.add(leased.settled(next, None, now));
        }
    }

    /// What is parked goes back to the store: its lease ends and nothing else changes.
    fn put_back(&mut self) {
        let groups = self.parked.drain(..).flat_map(|(_, group)| group.deliveries);
        for leased in groups {
            self.settler.add(leased.put_back());
        }
        self.look = true;
    }

    /// `folder` is the one the server was told of, in its eyes.
    fn log(&self, folder: Option<&str>, Settlement { scan, delivery, .. }: &Settlement) {
        let Delivery { error, faults, .. } = delivery;
        let (target, scan, error) = (&self.lane.target.name, scan.0, error.as_deref());
        match delivery.state {
            DeliveryState::Failed | DeliveryState::Missing => {
                warn!(%target, scan, folder, error, "{}; a person should look", delivery.state.as_str());
            }
            DeliveryState::Waiting if *faults > 0 => {
                warn!(%target, scan, folder, error, "attempt {faults} of {MOST_FAULTS} failed");
            }
            DeliveryState::Held => {}
            state => info!(%target, scan, folder, error, "{}", state.as_str()),
        }
    }
}

/// At most so many of these: the first, and of the last as many as [`ONE_NEWEST_OF`] says.
fn oldest_and_newest(mut places: Vec<usize>, most: usize) -> Vec<usize> {
    if places.len() > most {
        let newest = most / ONE_NEWEST_OF;
        places.drain(most - newest..places.len() - newest);
    }
    places
}

#[async_trait]
impl Worker for Deliverer {
    fn wakeup(&self) -> Arc<Wakeup> {
        Arc::clone(&self.lane.deliver)
    }

    fn while_failing(&self) -> String {
        format!("deliveries to {} cannot be kept", self.lane.target.name)
    }

    fn settler(&mut self) -> Option<&mut Settler> {
        Some(&mut self.settler)
    }

    async fn step(&mut self) -> Result<Duration, StoreError> {
        // Woken, or after a pause, there may be something new; after a call only when nothing is left in hand.
        self.look |= !std::mem::take(&mut self.after_a_call);
        if let Some(pause) = self.held().await {
            self.put_back();
            return Ok(pause);
        }
        if self.look
            && let Some(pause) = self.claim().await?
            && self.parked.is_empty()
        {
            return Ok(pause);
        }
        self.name();
        self.call();
        let now = self.ports.steady();
        if !self.parked.is_empty() && self.not_before > now && self.running.is_empty() {
            return Ok(self.not_before.since(now));
        }
        Ok(SAFETY_NET)
    }

    async fn progress(&mut self) {
        match self.running.join_next_with_id().await {
            Some(ended) => {
                self.take_in(ended);
                self.after_a_call = true;
            }
            None => std::future::pending().await,
        }
    }

    /// Finishes the calls in hand and puts the rest back.
    async fn finish(&mut self) {
        while let Some(ended) = self.running.join_next_with_id().await {
            self.take_in(ended);
        }
        self.put_back();
    }
}

#[cfg(test)]
mod tests {
    use super::oldest_and_newest;

    #[test]
    fn a_batch_is_the_oldest_and_some_of_the_newest() {
        for (waiting, most, expected) in [
            (0..3, 8, vec![0, 1, 2]),
            (0..8, 8, vec![0, 1, 2, 3, 4, 5, 6, 7]),
            (0..100, 8, vec![0, 1, 2, 3, 4, 5, 98, 99]),
            (0..3, 1, vec![0]),
        ] {
            assert_eq!(oldest_and_newest(waiting.collect(), most), expected);
        }
    }
}
