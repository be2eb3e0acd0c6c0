//! One verifier per target: it asks for the files of what was told, and does afterwards what people otherwise do by hand.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::change::ChangeKind;
use autoscan_core::delivery::{Delivery, DeliveryState, Work, at_fault};
use autoscan_core::fault::Fault;
use autoscan_core::media::Role;
use autoscan_core::ports::{Care, CareScan, Claimed, Guard, Look, Owner, StoreError, TargetScan};
use autoscan_core::proof::{self, ExpectedFile, Observation, Presence, Verification};
use autoscan_core::time::SteadyTime;
use tokio::task::{Id, JoinError, JoinSet};
use tracing::{error, info, warn};

use crate::bound::{BoundTarget, Rules};
use crate::bundle::{LeasedDelivery, target_scan, to_target, wanted};
use crate::call::run_command;
use crate::expected::{Disk, expected};
use crate::gate::Gate;
use crate::lane::Lane;
use crate::ports::Ports;
use crate::settler::{PendingSettlement, Settler};
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
/// A delivery whose asking met an outage is asked again after this, when the server is back.
const AFTER_AN_OUTAGE: Duration = Duration::from_secs(5);
/// Care that must wait is tried again after this…
const CARE_AGAIN: Duration = Duration::from_secs(3);
/// … but not longer than this.
const CARE_WITHIN: Duration = Duration::from_hours(1);

/// What verifying takes.
pub(crate) struct Verifying {
    pub(crate) ports: Arc<Ports>,
    pub(crate) lane: Arc<Lane>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) rules: Arc<Rules>,
}

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

/// What was asked for, for one claimed delivery.
struct VerifyRequest {
    scan: TargetScan,
    expected: Vec<ExpectedFile>,
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
            DeliveryState::Missing | DeliveryState::Failed => {
                warn!(%target, scan, ?folder, error, "{}; a person should look", delivery.state.as_str());
            }
            DeliveryState::Waiting => warn!(%target, scan, ?folder, error, "not seen in time"),
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

impl Verifying {
    fn target(&self) -> &BoundTarget {
        &self.lane.target
    }

    /// Asks for the files of one delivery, or cares for them once they were shown: what becomes of it.
    async fn follow(&self, claim: &Claimed) -> Delivery {
        // A lane that came to hold meanwhile asks nobody; what is claimed goes back as it is.
        if !self.lane.is_open() {
            return claim.delivery.clone();
        }
        let delivery = match self.followed(claim).await {
            Ok(delivery) => Delivery { faults: 0, ..delivery },
            Err(fault) => self.put_off(&claim.delivery, &self.lane.attribute(fault).await),
        };
        if !delivery.is_open() {
            self.closed(claim, &delivery).await;
        }
        delivery
    }

    /// After a call that failed: the server is away, or it always fails for this delivery.
    fn put_off(&self, delivery: &Delivery, fault: &Fault) -> Delivery {
        let (now, error) = (self.ports.now(), Some(fault.reason().to_owned()));
        if fault.stops_the_lane() {
            let next_attempt_at = Some(now + AFTER_AN_OUTAGE);
            return Delivery { next_attempt_at, error, ..delivery.clone() };
        }
        let failed = Delivery { error, ..delivery.clone() };
        let next = at_fault(&failed, delivery.state, now, self.ports.jitter());
        if next.state != DeliveryState::Failed || delivery.state != DeliveryState::Seen {
            return next;
        }
        // What was seen stays seen, whatever fails afterwards.
        let note = noted(delivery.note.as_deref(), &[fault.reason().to_owned()]);
        Delivery { state: DeliveryState::Seen, cared: true, note, error: None, ..next }
    }

    /// After an asking that autoscan itself failed in.
    fn broken(&self, delivery: &Delivery) -> Delivery {
        let reason = "autoscan itself failed while it asked for the files; that is a bug of autoscan, please report it";
        self.put_off(delivery, &Fault::wrong(reason))
    }

    async fn followed(&self, claim: &Claimed) -> Result<Delivery, Fault> {
        let Some((proof, within)) = self.target().proof() else {
            return Ok(Delivery { next_attempt_at: None, error: None, ..claim.delivery.clone() });
        };
        if let Some(reason) = self.still_absent(claim).await {
            let closed = Delivery { next_attempt_at: None, error: Some(reason), ..claim.delivery.clone() };
            return Ok(Delivery { state: DeliveryState::Missing, ..closed });
        }
        let asked = self.asked(claim).await;
        if claim.delivery.state == DeliveryState::Seen {
            return self.care(claim, &asked, true).await;
        }
        let observed = match proof.find(&asked.scan.folder, &asked.expected).await {
            Ok(observed) => observed,
            Err(fault @ Fault::Wrong { .. }) => vec![Observation::NotYet(fault.reason().to_owned())],
            Err(fault) if fault.stops_the_lane() => return Err(fault),
            Err(fault) => vec![Observation::NotYet(fault.reason().to_owned())],
        };
        let (now, verification) = (self.ports.now(), Verification::of(&observed));
        let since = self.lane.answering_since();
        let mut next = proof::next(&claim.delivery, &verification, within, since, now);
        match next.state {
            DeliveryState::Seen if self.wants_care(&claim.delivery, &asked) => {
                next.next_attempt_at = Some(now);
            }
            // A changed file may be shown only after it was analysed. Once: what was done is noted.
            DeliveryState::Sent
                if next.is_open()
                    && next.note.is_none()
                    && asked.scan.changes.iter().any(|change| change.kind == ChangeKind::Modified)
                    && self.wants_care(&claim.delivery, &asked) =>
            {
                next = self.care(&Claimed { delivery: next, ..claim.clone() }, &asked, false).await?;
            }
            DeliveryState::Missing => self.explain(&mut next, &asked, &observed).await,
            _ => {}
        }
        Ok(next)
    }

    /// Why a delivery whose scan started without its file is missing: the file is still not there.
    async fn still_absent(&self, claim: &Claimed) -> Option<String> {
        if !claim.delivery.absent {
            return None;
        }
        for stored in &claim.changes {
            let change = &stored.change;
            let awaited = change.awaited || change.kind == ChangeKind::Rescan;
            if awaited && self.ports.files.look(&change.path).await == Look::Missing {
                return Some(crate::absence::after_the_fallback(stored, &claim.folder));
            }
        }
        None
    }

    fn wants_care(&self, delivery: &Delivery, asked: &VerifyRequest) -> bool {
        let aftercare = self.target().server.aftercare();
        !delivery.cared && aftercare.is_some_and(|aftercare| aftercare.concerns(&asked.scan))
    }

    /// What the target is asked for, as the disk is now.
    async fn asked(&self, claim: &Claimed) -> VerifyRequest {
        let target = self.target();
        let changes = wanted(target, &claim.changes).unwrap_or_default();
        let scan = target_scan(target, &claim.folder, &changes).unwrap_or_else(|_skip| TargetScan {
            folder: autoscan_core::path::TargetPath(claim.folder.0.clone()),
            changes: Vec::new(),
            companions: Vec::new(),
        });
        let disk = Disk {
            files: self.ports.files.as_ref(),
            check: self.rules.files.check,
            ignore: &self.rules.ignore,
        };
        let expected = expected(&disk, target, &claim.folder, &changes).await;
        VerifyRequest { scan, expected }
    }

    /// Does what is to be done after a scan. While the files are not shown it is only an attempt to bring that about.
    async fn care(&self, claim: &Claimed, asked: &VerifyRequest, proven: bool) -> Result<Delivery, Fault> {
        let Some(aftercare) = self.target().server.aftercare() else { return Ok(claim.delivery.clone()) };
        let care = CareScan {
            scan: asked.scan.clone(),
            expected: asked.expected.clone(),
            proven,
            guards: self.guards().await,
            storm: self.gate.storms.on(),
        };
        let now = self.ports.now();
        let delivery = &claim.delivery;
        let closed = |notes: &[String]| Delivery {
            cared: true,
            note: noted(delivery.note.as_deref(), notes),
            next_attempt_at: None,
            ..delivery.clone()
        };
        match aftercare.care(&care).await {
            Err(fault) if fault.stops_the_lane() => Err(fault),
            Ok(Care::Done(notes)) if proven => Ok(closed(&notes)),
            Err(fault) if proven => Ok(closed(&[fault.reason().to_owned()])),
            Ok(Care::Later(reason)) if proven => {
                if now.since(delivery.seen_at.unwrap_or(now)) >= CARE_WITHIN {
                    return Ok(closed(&[format!("nothing more was done after the scan: {reason}")]));
                }
                Ok(Delivery { next_attempt_at: Some(now + CARE_AGAIN), ..delivery.clone() })
            }
            Ok(Care::Done(notes)) => {
                let note = noted(delivery.note.as_deref(), &notes);
                Ok(Delivery { note, ..delivery.clone() })
            }
            Ok(Care::Later(_)) | Err(_) => Ok(delivery.clone()),
        }
    }

    /// Anchors and mounts, in the target's eyes.
    async fn guards(&self) -> Vec<Guard> {
        let mut guards = Vec::new();
        for (prefix, fallen) in self.gate.guards.all().await {
            if let Ok(prefix) = to_target(self.target(), &prefix) {
                guards.push(Guard { prefix, fallen });
            }
        }
        guards
    }

    /// Says where to look for a file that is missing.
    async fn explain(&self, delivery: &mut Delivery, asked: &VerifyRequest, shown: &[Observation]) {
        let missing =
            asked.expected.iter().zip(shown).find(|(_, shown)| matches!(shown, Observation::NotYet(_)));
        let Some((missing, _)) = missing.or_else(|| asked.expected.iter().zip(shown).next()) else { return };
        let cause = match self.target().server.proof() {
            Some(proof) => proof.why_missing(missing).await,
            None => None,
        };
        let cause = match cause {
            Some(cause) => format!("likely cause: {cause}"),
            None if missing.presence == Presence::Gone => {
                "the server still shows what is gone from the disk; does it scan at all?".to_owned()
            }
            None if Role::of(&missing.path.0) == Role::Other => {
                "servers show no files with such an ending".to_owned()
            }
            None => "no cause is known; look into the server's own log".to_owned(),
        };
        let found = delivery.error.take().unwrap_or_default();
        delivery.error = Some(format!("{found}; {cause}"));
    }

    /// A delivery has come to its end.
    async fn closed(&self, claim: &Claimed, delivery: &Delivery) {
        let target = self.target();
        if matches!(delivery.state, DeliveryState::Missing | DeliveryState::Failed) || target.after.is_none()
        {
            return;
        }
        let changes = wanted(target, &claim.changes).unwrap_or_default();
        if let Ok(scan) = target_scan(target, &claim.folder, &changes) {
            run_command(target, target.after.as_deref(), &[scan]).await;
        }
    }
}

/// What is known already and what came to it.
fn noted(known: Option<&str>, notes: &[String]) -> Option<String> {
    let all: Vec<&str> = known.into_iter().chain(notes.iter().map(String::as_str)).collect();
    (!all.is_empty()).then(|| all.join("; "))
}
