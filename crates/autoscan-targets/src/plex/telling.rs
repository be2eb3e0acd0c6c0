//! How Plex is told: one scan of a folder in every library that owns it, and no second one of a library before the first
//! has ended. Plex knows no folder of a scan that runs, so two at once could not be told apart.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use super::Plex;
use super::sections::{LONGEST_SCAN, LibraryActivity};
use super::server::RefreshRequest;
use crate::family::libraries;
use crate::family::library_index::Owner;

/// How long a call waits for a library that is scanned; then its delivery is put off, so that nothing is held up.
const WAITS: Duration = Duration::from_secs(5);
/// A delivery that was put off comes again after this.
const COMES_AGAIN: Duration = Duration::from_secs(1);
/// How often a library is looked at meanwhile.
const LOOKS: Duration = Duration::from_secs(1);
/// What comes by time and not by the websocket is noticed within this.
const NOTICES: Duration = Duration::from_millis(50);

/// One at a time for each library.
#[derive(Default)]
pub(super) struct LibraryTurns(Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>);

impl LibraryTurns {
    /// Waits for the turn of all these libraries, always in the same order, so that no two wait for each other.
    async fn take(&self, owners: &[Owner]) -> Vec<OwnedMutexGuard<()>> {
        let turns: BTreeMap<String, Arc<tokio::sync::Mutex<()>>> = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let of = |owner: &Owner| {
                let id = owner.library.id.clone();
                (id.clone(), Arc::clone(all.entry(id).or_default()))
            };
            owners.iter().map(of).collect()
        };
        let mut taken = Vec::with_capacity(turns.len());
        for turn in turns.into_values() {
            taken.push(turn.lock_owned().await);
        }
        taken
    }
}

/// What one batch has told already, and whether it read the libraries again because one had vanished.
#[derive(Default)]
pub(super) struct BatchRequests {
    refreshed: HashMap<RefreshRequest, Result<(), Fault>>,
    read_again: bool,
}

pub(super) fn refresh_of(owner: &Owner) -> RefreshRequest {
    (owner.library.id.clone(), owner.spelled())
}

impl Plex {
    /// Tells every library that owns the folder. A call that Plex does not understand may mean that a library has
    /// vanished, so the list is read again, once a batch.
    pub(super) async fn tell(&self, folder: &TargetPath, told: &mut BatchRequests) -> Result<(), Fault> {
        let (_, owners) = libraries::owners(&self.server, folder).await?;
        let result = self.tell_owners(&owners, told).await;
        if told.read_again || !matches!(result, Err(Fault::Wrong { .. })) {
            return result;
        }
        told.read_again = true;
        libraries::read(&self.server).await?;
        let (_, owners) = libraries::owners(&self.server, folder).await?;
        self.tell_owners(&owners, told).await
    }

    /// Each library once a batch. What one does not understand keeps no other from being told.
    async fn tell_owners(&self, owners: &[Owner], told: &mut BatchRequests) -> Result<(), Fault> {
        let new: Vec<Owner> =
            owners.iter().filter(|owner| !told.refreshed.contains_key(&refresh_of(owner))).cloned().collect();
        let _turns = self.turns.take(&new).await;
        self.wait_until_idle(&new).await?;
        let mut result = Ok(());
        for owner in owners {
            let call = refresh_of(owner);
            let answer = match told.refreshed.get(&call) {
                Some(known) => known.clone(),
                None => self.start(&call).await,
            };
            told.refreshed.insert(call, answer.clone());
            match answer {
                Err(fault) if fault.stops_the_lane() => return Err(fault),
                answer => result = result.and(answer),
            }
        }
        result
    }

    /// A scan may be over before its call is answered, so it is noted before.
    async fn start(&self, call: &RefreshRequest) -> Result<(), Fault> {
        self.sections.tell(&call.0);
        let answer = self.server.start(call).await;
        if answer.is_err() {
            self.sections.ended(&call.0);
        }
        answer
    }

    /// Waits a while until none of the libraries is scanned; puts the delivery off when that takes longer. Nothing is
    /// put off for more than [`LONGEST_SCAN`].
    async fn wait_until_idle(&self, owners: &[Owner]) -> Result<(), Fault> {
        let patience = Instant::now() + WAITS;
        let mut look_at = Instant::now();
        let mut news = self.sections.news();
        while let Some((owner, activity)) = self.first_busy(owners) {
            if activity == LibraryActivity::Ask && Instant::now() >= look_at {
                look_at = Instant::now() + LOOKS;
                // A server that cannot say it will say so to the scan.
                let Ok(sections) = self.server.sections().await else { return Ok(()) };
                for section in sections.iter().filter(|section| !section.refreshing) {
                    self.sections.settle(&section.key);
                }
                continue;
            }
            if Instant::now() >= patience {
                let title = &owner.library.title;
                return Err(Fault::Later {
                    after: COMES_AGAIN,
                    reason: format!(
                        "Plex is still scanning its library {title:?}; the next scan of it waits"
                    ),
                });
            }
            // Whichever comes first, the libraries are looked at again.
            let _ = tokio::time::timeout(NOTICES, news.changed()).await;
        }
        Ok(())
    }

    fn first_busy<'o>(&self, owners: &'o [Owner]) -> Option<(&'o Owner, LibraryActivity)> {
        owners.iter().find_map(|owner| {
            let id = &owner.library.id;
            let endless = self.sections.busy_for(id) >= LONGEST_SCAN;
            let activity = self.sections.activity(id);
            (activity != LibraryActivity::Idle && !endless).then_some((owner, activity))
        })
    }
}
