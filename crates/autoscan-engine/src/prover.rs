//! One prover per target: it asks for the files of what was told, and cares for them afterwards.

use std::sync::Arc;
use std::time::Duration;

use autoscan_core::change::ChangeKind;
use autoscan_core::delivery::{Delivery, DeliveryState, Work};
use autoscan_core::fault::Fault;
use autoscan_core::media::Role;
use autoscan_core::ports::{Care, CareScan, Claimed, Guard, Settlement, StoreError, TargetScan};
use autoscan_core::proof::{self, ExpectedFile, Observation, Presence, Verification};
use autoscan_core::step;
use autoscan_core::time::Timestamp;
use futures_util::stream::{self, StreamExt};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::Engine;
use crate::bound::BoundTarget;
use crate::bundle::{in_target_eyes, to_target, wanted};
use crate::call::run_command;
use crate::expected::expected;
use crate::lane::{Lane, LaneState};

/// Deliveries followed at a time.
const BATCH: usize = 64;
/// Askings at the same time: few enough that a server goes on serving people.
const AT_A_TIME: usize = 4;
/// Longer than following one batch can take.
const LEASE: Duration = Duration::from_mins(30);
/// However quiet it is, look this often.
const SAFETY_NET: Duration = Duration::from_secs(15);
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// A delivery whose asking met an outage is asked again after this, when the server is back.
const AFTER_AN_OUTAGE: Duration = Duration::from_secs(5);
/// News that come faster than this are one.
const BETWEEN_NEWS: Duration = Duration::from_millis(250);
/// Care that must wait is tried again after this…
const CARE_AGAIN: Duration = Duration::from_secs(3);
/// … but not longer than this.
const CARE_WITHIN: Duration = Duration::from_hours(1);

/// Follows what one target was told, until `stop`.
pub(crate) async fn run(engine: Arc<Engine>, index: usize, stop: CancellationToken) {
    let prover = Prover { engine: &engine, target: &engine.parts.targets[index], lane: &engine.lanes[index] };
    let mut failing = false;
    while !stop.is_cancelled() {
        prover.lane.follow.arm();
        let pause = match prover.step().await {
            Ok(pause) => {
                failing = false;
                pause
            }
            Err(failure) => {
                if !failing {
                    error!(target = %prover.target.name, %failure, "what became of scans cannot be kept; autoscan goes on trying");
                }
                failing = true;
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = prover.lane.follow.rung() => {}
            () = engine.parts.clock.sleep(pause) => {}
        }
    }
}

/// Makes the prover ask at once whenever the server says something by itself.
pub(crate) async fn listen(engine: Arc<Engine>, index: usize, stop: CancellationToken) {
    let (target, lane) = (&engine.parts.targets[index], &engine.lanes[index]);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = target.server.news() => {}
        }
        match engine.parts.store.hurry(&target.name, engine.now()).await {
            Ok(0) => {}
            Ok(_) => lane.follow.ring(),
            // The prover asks by itself, only later.
            Err(failure) => warn!(target = %target.name, %failure, "the server's news come to nothing"),
        }
        engine.parts.clock.sleep(BETWEEN_NEWS).await;
    }
}

struct Prover<'e> {
    engine: &'e Arc<Engine>,
    target: &'e BoundTarget,
    lane: &'e Lane,
}

/// What was asked for, for one claimed delivery.
struct Asked {
    scan: TargetScan,
    expected: Vec<ExpectedFile>,
}

impl Prover<'_> {
    fn now(&self) -> Timestamp {
        self.engine.parts.clock.now()
    }

    /// Follows what is due; answers how long there is nothing more to do.
    async fn step(&self) -> Result<Duration, StoreError> {
        let now = self.now();
        if self.lane.pause(now).is_some() || !matches!(self.lane.state(), LaneState::Open) {
            return Ok(SAFETY_NET);
        }
        let (store, name) = (&self.engine.parts.store, &self.target.name);
        let claimed = store.claim(name, Work::Verify, now, LEASE, BATCH).await?;
        if claimed.is_empty() {
            let next = store.next_attempt(name, Work::Verify).await?;
            let at = next.unwrap_or(now + SAFETY_NET).min(now + SAFETY_NET);
            self.lane.follow.sleeps_until(at);
            return Ok(at.since(now));
        }
        let followed: Vec<Settlement> =
            stream::iter(claimed).map(|claim| self.follow(claim)).buffer_unordered(AT_A_TIME).collect().await;
        let told_again = followed.iter().any(|settled| settled.delivery.work() == Some(Work::Deliver));
        self.engine.settle(followed).await?;
        if told_again {
            self.lane.alarm.ring();
        }
        Ok(Duration::ZERO)
    }

    /// Asks for the files of one delivery, or cares for them once they were shown.
    async fn follow(&self, claim: Claimed) -> Settlement {
        // A lane that came to hold meanwhile asks nobody; what is claimed goes back as it is.
        let delivery = if matches!(self.lane.state(), LaneState::Open) {
            match self.followed(&claim).await {
                Ok(delivery) => delivery,
                Err(fault) => self.put_off(&claim.delivery, &fault),
            }
        } else {
            claim.delivery.clone()
        };
        self.log(&claim, &delivery);
        if !delivery.is_open() {
            self.closed(&claim, &delivery).await;
        }
        let steps = step::steps(&claim.delivery, &delivery, None, self.now());
        Settlement { scan: claim.scan, delivery, steps }
    }

    fn put_off(&self, delivery: &Delivery, fault: &Fault) -> Delivery {
        let now = self.now();
        if fault.stops_the_lane() {
            self.lane.stopped_by(fault, now, (self.engine.parts.jitter)());
        }
        let next_attempt_at = Some(now + AFTER_AN_OUTAGE);
        Delivery { next_attempt_at, error: Some(fault.reason().to_owned()), ..delivery.clone() }
    }

    async fn followed(&self, claim: &Claimed) -> Result<Delivery, Fault> {
        let Some(within) = self.target.proof.filter(|_| self.target.server.proves()) else {
            return Ok(Delivery { next_attempt_at: None, error: None, ..claim.delivery.clone() });
        };
        let asked = self.asked(claim).await;
        if claim.delivery.state == DeliveryState::Seen {
            return self.care(claim, &asked, true).await;
        }
        let shown = match self.target.server.find(&asked.scan.folder, &asked.expected).await {
            Ok(shown) => shown,
            Err(fault) if fault.stops_the_lane() => return Err(fault),
            Err(fault) => vec![Observation::NotYet(fault.reason().to_owned())],
        };
        let (now, sight) = (self.now(), Verification::of(&shown));
        let since = self.lane.answering_since();
        let mut next = proof::next(&claim.delivery, &sight, within, since, now);
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
            DeliveryState::Missing => self.explain(&mut next, &asked, &shown).await,
            _ => {}
        }
        Ok(next)
    }

    fn wants_care(&self, delivery: &Delivery, asked: &Asked) -> bool {
        !delivery.cared && self.target.server.wants_care(&asked.scan)
    }

    /// What the target is asked for, as the disk is now.
    async fn asked(&self, claim: &Claimed) -> Asked {
        let changes = wanted(self.target, &claim.changes).unwrap_or_default();
        let scan =
            in_target_eyes(self.target, &claim.folder, &changes).unwrap_or_else(|_refusal| TargetScan {
                folder: autoscan_core::path::TargetPath(claim.folder.0.clone()),
                changes: Vec::new(),
                companions: Vec::new(),
            });
        let expected = expected(self.engine, self.target, &claim.folder, &changes).await;
        Asked { scan, expected }
    }

    /// Does what is to be done after a scan. While the files are not shown it is only an attempt to bring that about.
    async fn care(&self, claim: &Claimed, asked: &Asked, proven: bool) -> Result<Delivery, Fault> {
        let care = CareScan {
            scan: asked.scan.clone(),
            expected: asked.expected.clone(),
            proven,
            guards: self.guards().await,
            storm: self.engine.gate.storms.on(self.now()),
        };
        let now = self.now();
        let delivery = &claim.delivery;
        let closed = |notes: &[String]| Delivery {
            cared: true,
            note: noted(delivery.note.as_deref(), notes),
            next_attempt_at: None,
            ..delivery.clone()
        };
        match self.target.server.care(&care).await {
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
        for (prefix, fallen) in self.engine.gate.guards.all().await {
            if let Ok(prefix) = to_target(self.target, &prefix) {
                guards.push(Guard { prefix, fallen });
            }
        }
        guards
    }

    /// Says where to look for a file that is missing.
    async fn explain(&self, delivery: &mut Delivery, asked: &Asked, shown: &[Observation]) {
        let missing =
            asked.expected.iter().zip(shown).find(|(_, shown)| matches!(shown, Observation::NotYet(_)));
        let Some((missing, _)) = missing.or_else(|| asked.expected.iter().zip(shown).next()) else { return };
        let cause = match self.target.server.why_missing(missing).await {
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

    fn log(&self, claim: &Claimed, delivery: &Delivery) {
        let (target, scan, folder) = (&self.target.name, claim.scan.0, claim.folder.as_str());
        let (error, note) = (delivery.error.as_deref(), delivery.note.as_deref());
        match delivery.state {
            DeliveryState::Seen if claim.delivery.state != DeliveryState::Seen => {
                let visible = delivery.seen_at.map(|seen| seen.since(claim.first_seen));
                if let Some(visible) = visible {
                    self.engine.figures.seen(&self.target.name, visible);
                    self.engine.hours.seen(visible, self.now());
                }
                let visible_ms = visible.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
                info!(%target, scan, ?folder, visible_ms, "seen");
            }
            DeliveryState::Missing => {
                self.engine.figures.missing(&self.target.name);
                warn!(%target, scan, ?folder, error, "missing; a person should look");
            }
            DeliveryState::Waiting => warn!(%target, scan, ?folder, error, "not seen in time"),
            _ => {}
        }
        if note != claim.delivery.note.as_deref() {
            info!(%target, scan, ?folder, note, "after the scan");
        }
    }

    /// A delivery has come to its end.
    async fn closed(&self, claim: &Claimed, delivery: &Delivery) {
        if delivery.state == DeliveryState::Missing || self.target.after.is_none() {
            return;
        }
        let changes = wanted(self.target, &claim.changes).unwrap_or_default();
        if let Ok(scan) = in_target_eyes(self.target, &claim.folder, &changes) {
            run_command(self.target, self.target.after.as_deref(), &[scan]).await;
        }
    }
}

/// What is known already and what came to it.
fn noted(known: Option<&str>, notes: &[String]) -> Option<String> {
    let all: Vec<&str> = known.into_iter().chain(notes.iter().map(String::as_str)).collect();
    (!all.is_empty()).then(|| all.join("; "))
}
