//! What becomes of one delivery that is to be verified: asked for, cared for, or missing.

use std::sync::Arc;
use std::time::Duration;

use autoscan_core::change::ChangeKind;
use autoscan_core::delivery::{Delivery, DeliveryState, at_fault};
use autoscan_core::fault::Fault;
use autoscan_core::ports::{Care, CareScan, Claimed, Guard, Look, Proof, TargetScan};
use autoscan_core::proof::{self, Circumstances, ExpectedFile, MOST_TELLINGS, Observation, Verification};

use crate::bound::{BoundTarget, Rules};
use crate::bundle::{target_scan, to_target, wanted};
use crate::call::run_command;
use crate::expected::{Disk, Expectation, expected};
use crate::gate::Gate;
use crate::gone::{as_on_disk, told_folder};
use crate::lane::Lane;
use crate::missing_cause::missing_cause;
use crate::ports::Ports;

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

/// What was asked for, for one claimed delivery.
struct VerifyRequest {
    scan: TargetScan,
    expected: Vec<ExpectedFile>,
    /// How much of a folder was compared, when it was not all of it.
    bound: Option<String>,
}

impl Verifying {
    fn target(&self) -> &BoundTarget {
        &self.lane.target
    }

    /// Asks for the files of one delivery, or cares for them once they were shown: what becomes of it.
    pub(crate) async fn follow(&self, claim: &Claimed) -> Delivery {
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
        // What is missing has its reason, and is looked at again.
        if delivery.state == DeliveryState::Missing {
            return proof::still_missing(delivery, delivery.sent_at.unwrap_or(now), now);
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
    pub(crate) fn broken(&self, delivery: &Delivery) -> Delivery {
        let reason = "autoscan itself failed while it asked for the files; that is a bug of autoscan, please report it";
        self.put_off(delivery, &Fault::wrong(reason))
    }

    async fn followed(&self, claim: &Claimed) -> Result<Delivery, Fault> {
        if claim.delivery.absent && claim.delivery.state != DeliveryState::Seen {
            return Ok(self.after_an_absence(claim).await);
        }
        let Some((proof, within)) = self.target().proof() else {
            return Ok(Delivery { next_attempt_at: None, error: None, ..claim.delivery.clone() });
        };
        let asked = self.asked(claim).await?;
        if claim.delivery.state == DeliveryState::Seen {
            return self.care(claim, &asked, true).await;
        }
        let observed = observed(proof, &asked).await?;
        let (now, verification) = (self.ports.now(), Verification::of(&observed));
        let lost = match &verification {
            Verification::NotYet(_) => self.lost(claim, &asked.scan, within).await,
            Verification::Proven | Verification::Unknowable(_) => None,
        };
        let known = Circumstances {
            within,
            answering_since: self.lane.answering_since(),
            lost: lost.as_deref(),
            first_seen: claim.first_seen,
            now,
        };
        let mut next = proof::next(&claim.delivery, &verification, &known);
        match next.state {
            DeliveryState::Seen => {
                next.note = noted(next.note.as_deref(), asked.bound.as_slice());
                if self.wants_care(&claim.delivery, &asked) {
                    next.next_attempt_at = Some(now);
                }
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
            DeliveryState::Missing
                if claim.delivery.state != DeliveryState::Missing || claim.delivery.has_passing_cause() =>
            {
                self.explain(&mut next, &asked, &observed).await;
            }
            _ => {}
        }
        Ok(next)
    }

    /// Why the last telling is believed lost. A server that was away since forgot what it was told.
    async fn lost(&self, claim: &Claimed, scan: &TargetScan, within: Duration) -> Option<String> {
        let (delivery, now) = (&claim.delivery, self.ports.now());
        let sent_at = delivery.sent_at?;
        if delivery.state != DeliveryState::Sent || delivery.tellings >= MOST_TELLINGS {
            return None;
        }
        let name = &self.target().name;
        if self.lane.answering_since().is_some_and(|back| sent_at < back && back.since(sent_at) <= within) {
            return Some(format!("{name} was away after it was told"));
        }
        self.target().server.proof()?.lost(scan, now.since(sent_at)).await
    }

    /// What becomes of a delivery whose scan started without its file: it is told once the file has come, and missing until then.
    async fn after_an_absence(&self, claim: &Claimed) -> Delivery {
        let (delivery, now) = (&claim.delivery, self.ports.now());
        match self.still_absent(claim).await {
            Some(_) if delivery.state == DeliveryState::Missing => {
                proof::still_missing(delivery, claim.first_seen, now)
            }
            Some(reason) => proof::never_came(delivery, reason, now),
            None => {
                let came = Delivery { absent: false, widened: false, tellings: 0, ..delivery.clone() };
                proof::told_again(&came, "the file has come: it is told now".to_owned(), now)
            }
        }
    }

    /// Why a delivery whose scan started without its file is missing: the file is still not there.
    async fn still_absent(&self, claim: &Claimed) -> Option<String> {
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
    async fn asked(&self, claim: &Claimed) -> Result<VerifyRequest, Fault> {
        let target = self.target();
        let folder = told_folder(target, claim);
        let changes = wanted(target, &claim.changes).unwrap_or_default();
        let changes = if self.rules.files.check {
            as_on_disk(self.ports.files.as_ref(), changes).await
        } else {
            changes.into_iter().cloned().collect()
        };
        let borrowed: Vec<_> = changes.iter().collect();
        let scan = target_scan(target, &folder, &borrowed).unwrap_or_else(|_skip| TargetScan {
            folder: autoscan_core::path::TargetPath(folder.0.clone()),
            changes: Vec::new(),
            companions: Vec::new(),
        });
        let disk = Disk {
            files: self.ports.files.as_ref(),
            check: self.rules.files.check,
            ignore: &self.rules.ignore,
        };
        // A folder that is gone is told itself; its files are asked for as those of the folder above it.
        let Expectation { files, bound } = expected(&disk, target, &claim.folder, &changes).await?;
        Ok(VerifyRequest { scan, expected: files, bound })
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

    /// Says what the target shows of a file that is missing, and where to look.
    async fn explain(&self, delivery: &mut Delivery, asked: &VerifyRequest, shown: &[Observation]) {
        let missing = asked.expected.iter().zip(shown).find_map(|(missing, shown)| match shown {
            Observation::NotYet(found) => Some((missing, found)),
            Observation::Proven | Observation::Unknowable(_) => None,
        });
        let Some((missing, found)) = missing else { return };
        let files = self.rules.files.check.then_some(self.ports.files.as_ref());
        let cause = missing_cause(files, self.target(), missing).await;
        delivery.error = Some(format!("{found}; {cause}"));
        (delivery.remedy, delivery.evidence) = (cause.remedy, cause.evidence);
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

/// What the target shows. A call that fails for these files alone is no outage.
async fn observed(proof: &dyn Proof, asked: &VerifyRequest) -> Result<Vec<Observation>, Fault> {
    match proof.find(&asked.scan.folder, &asked.expected).await {
        Ok(observed) => Ok(observed),
        Err(fault) if fault.stops_the_lane() => Err(fault),
        Err(fault) => Ok(vec![Observation::NotYet(fault.reason().to_owned())]),
    }
}

/// What is known already and what came to it.
fn noted(known: Option<&str>, notes: &[String]) -> Option<String> {
    let all: Vec<&str> = known.into_iter().chain(notes.iter().map(String::as_str)).collect();
    (!all.is_empty()).then(|| all.join("; "))
}
