//! What mends the cause of a missing file, done because a person asked for it. It is the only way by which a whole library is
//! scanned that autoscan would not scan by itself.

use std::sync::Arc;
use std::time::Duration;

use autoscan_core::cause::Remedy;
use autoscan_core::delivery::{Delivery, DeliveryState};
use autoscan_core::fault::Fault;
use autoscan_core::path::{AbsolutePath, LocalPath};
use autoscan_core::ports::{Libraries, StoreError};
use autoscan_core::proof;
use autoscan_core::scan::{Scan, ScanId};
use autoscan_core::step::{Step, StepKind};
use tracing::{info, warn};

use crate::engine::Engine;
use crate::lane::Lane;

/// How long the server is waited for.
const PATIENCE: Duration = Duration::from_secs(40);

/// What became of a person's wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemedyOutcome {
    /// What was asked of the target.
    pub remedy: Remedy,
    /// The scan as it is now.
    pub scan: Scan,
}

/// Why nothing was asked of the target, or what it answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemedyError {
    /// There is no such scan.
    #[error("there is no such scan")]
    NoScan,
    /// The scan has no delivery to such a target, or the target is not in the config any more.
    #[error("there is no delivery of this scan to a target named {0:?}")]
    NoTarget(String),
    /// The delivery has no remedy (any more).
    #[error("{target} was not asked: its delivery is {} now and offers no remedy", .state.as_str())]
    NothingToMend {
        /// The target.
        target: String,
        /// Where its delivery is.
        state: DeliveryState,
    },
    /// The server might forget files that are there.
    #[error("{target} was not asked: {reason}. Try again when this is over")]
    Unsafe {
        /// The target.
        target: String,
        /// What does not stand, in a sentence without a capital.
        reason: String,
    },
    /// The server did not accept it.
    #[error(
        "{target} did not accept it: {fault}. The delivery stays missing; try again, or do it at the server"
    )]
    Server {
        /// The target.
        target: String,
        /// What it answered.
        fault: Fault,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Does once what mends the cause of a missing delivery, and verifies it afterwards as after a telling. `who` asked for it.
    pub async fn remedy(&self, id: ScanId, target: &str, who: &str) -> Result<RemedyOutcome, RemedyError> {
        let scan = self.ports.store.show(id).await?.ok_or(RemedyError::NoScan)?;
        let delivery = scan.deliveries.iter().find(|delivery| delivery.target.as_str() == target);
        let lane = self.lane(target).map(|(_, lane)| lane);
        let (Some(delivery), Some(lane)) = (delivery, lane) else {
            return Err(RemedyError::NoTarget(target.to_owned()));
        };
        let missing = Some(delivery).filter(|delivery| delivery.state == DeliveryState::Missing);
        let Some(remedy) = missing.and_then(|missing| missing.remedy.clone()) else {
            let (target, state) = (target.to_owned(), delivery.state);
            return Err(RemedyError::NothingToMend { target, state });
        };
        if let Some(reason) = self.may_forget_files(lane, &remedy).await {
            return Err(RemedyError::Unsafe { target: target.to_owned(), reason });
        }
        let Remedy::ScanLibrary { library, .. } = &remedy;
        info!(target = %lane.target.name, scan = id.0, library, who, "a person asked for a scan of a whole library");
        if let Err(fault) = apply(lane, &remedy).await {
            warn!(target = %lane.target.name, scan = id.0, library, reason = fault.reason(), "the scan of the library was not accepted");
            return Err(RemedyError::Server { target: target.to_owned(), fault });
        }
        self.keep_remedied(id, delivery, &remedy).await?;
        lane.wake();
        self.bus.scans([id]);
        let scan = self.show(id).await?.ok_or(RemedyError::NoScan)?;
        Ok(RemedyOutcome { remedy, scan })
    }

    /// The delivery is verified from now on, unless it is missing no more.
    async fn keep_remedied(
        &self,
        id: ScanId,
        delivery: &Delivery,
        remedy: &Remedy,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let Remedy::ScanLibrary { library, .. } = remedy;
        let text = format!("a person asked for a scan of the whole library {library:?}");
        let steps = vec![Step::at_target(now, &delivery.target, StepKind::Sent, text)];
        let asked = proof::remedied(delivery, now);
        self.ports.store.keep_remedied(id, asked, steps, now).await.map(drop)
    }

    /// Why a server that looks at the whole library now might take files for gone that are not: a storm of deletions is held, or
    /// what guards a part of it does not stand.
    async fn may_forget_files(&self, lane: &Arc<Lane>, remedy: &Remedy) -> Option<String> {
        if let Some(storm) = self.gate.storms.on() {
            return Some(storm);
        }
        let folders = folders(lane, remedy);
        let overlaps = |prefix: &LocalPath| {
            folders.is_empty()
                || folders.iter().any(|folder| prefix.0.is_within(folder) || folder.is_within(&prefix.0))
        };
        let guards = self.gate.guards.all().await;
        guards.into_iter().filter(|(prefix, _)| overlaps(prefix)).find_map(|(_, fallen)| fallen)
    }
}

/// The library's folders on this machine, as far as they are known.
fn folders(lane: &Lane, Remedy::ScanLibrary { id, .. }: &Remedy) -> Vec<AbsolutePath> {
    let cached = lane.target.server.libraries().and_then(Libraries::cached);
    let Some((libraries, _age)) = cached else { return Vec::new() };
    let its = libraries.iter().filter(|library| library.id == *id).flat_map(|library| &library.folders);
    let here = |folder: &String| AbsolutePath::parse(folder).map(|folder| lane.target.map.origins(&folder));
    its.filter_map(|folder| here(folder).ok()).flatten().collect()
}

async fn apply(lane: &Lane, remedy: &Remedy) -> Result<(), Fault> {
    let Some(its) = lane.target.server.remedies() else {
        return Err(Fault::wrong("this target can do nothing about it"));
    };
    let answer = tokio::time::timeout(PATIENCE, its.apply(remedy)).await;
    answer.unwrap_or_else(|_elapsed| {
        Err(Fault::away(format!("it did not answer within {} s", PATIENCE.as_secs())))
    })
}
