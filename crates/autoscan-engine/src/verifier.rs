//! One verifier per target: it asks for the files of what was told, and does afterwards what people otherwise do by hand.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::delivery::{Delivery, DeliveryState, Work};
use autoscan_core::ports::{Claimed, Owner, StoreError};
use autoscan_core::time::SteadyTime;
use tokio::task::{Id, JoinError, JoinSet};
use tracing::{error, info, warn};

use crate::bundle::LeasedDelivery;
use crate::lane::Lane;
use crate::ports::Ports;
use crate::settler::{PendingSettlement, Settler};
use crate::verifying::Verifying;
use crate::wakeup::Wakeup;
use crate::worker::{SAFETY_NET, Worker};

/// Deliveries in hand at most.
const BATCH: usize = 64;
/// Askings at the same time: few enough that a server goes on serving people…
const AT_A_TIME: usize = 4;
/// … not counting those that take longer than this, so that a slow one delays no others…
const SLOW: Duration = Duration::from_secs(5);
/// … and never more than this with them.
const AT_MOST: usize = 16;

/// Follows what one target was told.
pub(crate) struct Verifier {
    ports: Arc<Ports>,
    lane: Arc<Lane>,
    with: Arc<Verifying>,
    owner: Owner,
    settler: Settler,
    /// Claimed, and not asked for yet.
    parked: VecDeque<Claimed>,
    /// Askings under way.
    running: JoinSet<(Claimed, Delivery)>,
    in_hand: HashMap<Id, (SteadyTime, Claimed)>,
    /// Whether there may be more in the store.
    look: bool,
    /// Whether the loop goes on because an asking has ended.
    after_an_asking: bool,
}

impl Verifier {
    pub(crate) fn new(with: Arc<Verifying>, owner: Owner, settler: Settler) -> Self {
        Self {
            ports: Arc::clone(&with.ports),
            lane: Arc::clone(&with.lane),
            with,
            owner,
            settler,
            parked: VecDeque::new(),
            running: JoinSet::new(),
            in_hand: HashMap::new(),
            look: true,
            after_an_asking: false,
        }
    }

    /// Takes what is due into hand; answers for how long there is nothing when there was nothing.
    async fn claim(&mut self) -> Result<Option<Duration>, StoreError> {
        let free = BATCH.saturating_sub(self.parked.len() + self.running.len());
        if free == 0 {
            return Ok(None);
        }
        let (store, name, now) = (&self.ports.store, &self.lane.target.name, self.ports.now());
        let claimed = store.claim(self.owner, name, Work::Verify, now, free).await?;
        self.look = claimed.len() == free;
        if claimed.is_empty() {
            let next = store.next_attempt(name, Work::Verify).await?;
            let pause = next.map_or(SAFETY_NET, |at| at.since(now).min(SAFETY_NET));
            self.lane.verify.sleeps_until(self.ports.steady() + pause);
            return Ok(Some(pause));
        }
        self.parked.extend(claimed);
        Ok(None)
    }

    /// Starts the askings that may be made now. Answers when there may be another, if only time keeps them back.
    fn ask(&mut self) -> Option<Duration> {
        let now = self.ports.steady();
        while let Some(claim) = self.parked.front() {
            let quick = self.in_hand.values().filter(|(since, _)| now.since(*since) < SLOW).count();
            if self.running.len() >= AT_MOST {
                return None;
            }
            if quick >= AT_A_TIME {
                let begun = self.in_hand.values().map(|(since, _)| *since + SLOW);
                return begun.filter(|at| *at > now).min().map(|at| at.since(now));
            }
            let (with, claim) = (Arc::clone(&self.with), claim.clone());
            let of_task = claim.clone();
            let task = self.running.spawn(async move {
                let delivery = with.follow(&of_task).await;
                (of_task, delivery)
            });
            self.in_hand.insert(task.id(), (now, claim));
            self.parked.pop_front();
        }
        None
    }

    fn take_in(&mut self, ended: Result<(Id, (Claimed, Delivery)), JoinError>) {
        self.look |= self.parked.is_empty();
        let (claim, delivery) = match ended {
            Ok((id, answer)) => {
                self.in_hand.remove(&id);
                answer
            }
            Err(broken) => {
                let Some((_, claim)) = self.in_hand.remove(&broken.id()) else { return };
                error!(target = %self.lane.target.name, scan = claim.scan.0, failure = %broken, "asking for files failed inside autoscan; it is tried again");
                let delivery = self.with.broken(&claim.delivery);
                (claim, delivery)
            }
        };
        let now = self.ports.now();
        let is_new = claim.delivery.state != DeliveryState::Seen && delivery.state == DeliveryState::Seen;
        let visible = delivery.seen_at.filter(|_| is_new).map(|seen| seen.since(claim.first_seen));
        self.log(&claim, &delivery, visible);
        let settlement = leased(claim).settled(delivery, None, now);
        self.settler.add(PendingSettlement { settlement, visible });
    }

    /// What is in hand goes back to the store as it is.
    fn put_back(&mut self) {
        let in_hand = self.in_hand.drain().map(|(_, (_, claim))| claim);
        for claim in self.parked.drain(..).chain(in_hand) {
            self.settler.add(leased(claim).put_back());
        }
        self.look = true;
    }

    fn log(&self, claim: &Claimed, delivery: &Delivery, visible: Option<Duration>) {
        let (target, scan, folder) = (&self.lane.target.name, claim.scan.0, claim.folder.as_str());
        let (error, note) = (delivery.error.as_deref(), delivery.note.as_deref());
        match delivery.state {
            DeliveryState::Seen => {
                if let Some(visible) = visible {
                    let visible_ms = u64::try_from(visible.as_millis()).unwrap_or(u64::MAX);
                    info!(%target, scan, ?folder, visible_ms, "seen");
                }
            }
            // It was said when it became so.
            DeliveryState::Missing if claim.delivery.state == DeliveryState::Missing => {}
            DeliveryState::Missing | DeliveryState::Failed => {
                warn!(%target, scan, ?folder, error, "{}; a person should look", delivery.state.as_str());
            }
            DeliveryState::Waiting => warn!(%target, scan, ?folder, error, "not seen yet: telling it again"),
            _ => {}
        }
        if note != claim.delivery.note.as_deref() {
            info!(%target, scan, ?folder, note, "after the scan");
        }
    }
}

fn leased(claim: Claimed) -> LeasedDelivery {
    LeasedDelivery { lease: claim.lease, scan: claim.scan, delivery: claim.delivery }
}

#[async_trait]
impl Worker for Verifier {
    fn wakeup(&self) -> Arc<Wakeup> {
        Arc::clone(&self.lane.verify)
    }

    fn while_failing(&self) -> String {
        format!("what {} shows cannot be kept", self.lane.target.name)
    }

    fn settler(&mut self) -> Option<&mut Settler> {
        Some(&mut self.settler)
    }

    async fn step(&mut self) -> Result<Duration, StoreError> {
        self.look |= !std::mem::take(&mut self.after_an_asking);
        if !self.lane.is_open() {
            return Ok(SAFETY_NET);
        }
        if self.look
            && let Some(pause) = self.claim().await?
            && self.parked.is_empty()
        {
            return Ok(pause);
        }
        Ok(self.ask().unwrap_or(SAFETY_NET))
    }

    async fn progress(&mut self) {
        match self.running.join_next_with_id().await {
            Some(ended) => {
                self.take_in(ended);
                self.after_an_asking = true;
            }
            None => std::future::pending().await,
        }
    }

    /// Waits for no answer: what is asked for now is asked for again after the start.
    async fn finish(&mut self) {
        self.running.shutdown().await;
        self.put_back();
    }
}
