//! What targets said of themselves last, kept so that a page about a server that is down is as fast as any other.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_core::path::{AbsolutePath, LocalPath};
use autoscan_core::ports::Look;
use autoscan_core::time::Timestamp;
use futures_util::future::join_all;
use tokio::sync::OwnedMutexGuard;

use crate::Engine;
use crate::views::TestView;

/// How long what a server said is believed.
const FRESH: Duration = Duration::from_mins(5);
/// When a server that did not answer is asked again.
const AGAIN: Duration = Duration::from_secs(30);
/// How long a server is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// Folders of one target that are looked for on this machine; the rest is not.
const MOST: usize = 200;

/// What a target said of itself last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// When it was asked last.
    pub asked_at: Timestamp,
    /// Why it did not answer then, in a sentence.
    pub silent: Option<String>,
    /// What it said when it last answered.
    pub said: Option<Said>,
}

/// What a target said of itself, and what its folders are here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// When it said so.
    pub at: Timestamp,
    /// What it said.
    pub test: TestView,
    /// Each folder of its libraries, once, as it calls it, with what it is here.
    pub folders: Vec<(String, Here)>,
}

/// What a folder of a target is on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Here {
    /// The folders that its map leads there, each with what the disk says of it.
    At(Vec<(LocalPath, Look)>),
    /// Its map does not say.
    Unsure,
}

/// The memory of one target.
#[derive(Default)]
pub(crate) struct Memory {
    known: Mutex<Option<Known>>,
    /// Held by the one who asks.
    asking: Arc<tokio::sync::Mutex<()>>,
}

impl Memory {
    fn get(&self) -> Option<Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, known: Known) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
    }
}

impl Engine {
    /// What every target said of itself last, in the order of [`Self::targets`]. Asks nobody.
    pub fn known(&self) -> Vec<Option<Known>> {
        self.memories.iter().map(Memory::get).collect()
    }

    /// Asks anew, beside, the targets that were not asked for a while. Waits for those that were never asked, and for no
    /// longer than `patience`.
    pub async fn get_to_know(self: &Arc<Self>, patience: Duration) {
        let now = self.now();
        let mut first = Vec::new();
        for (at, memory) in self.memories.iter().enumerate() {
            let known = memory.get();
            let lasts = |known: &Known| if known.silent.is_some() { AGAIN } else { FRESH };
            if known.as_ref().is_some_and(|known| now.since(known.asked_at) < lasts(known)) {
                continue;
            }
            let Ok(mine) = Arc::clone(&memory.asking).try_lock_owned() else { continue };
            let engine = Arc::clone(self);
            let task = tokio::spawn(async move { engine.learn(at, mine).await.map(drop) });
            first.extend(known.is_none().then_some(task));
        }
        let _whatever_was_learned = tokio::time::timeout(patience, join_all(first)).await;
    }

    /// Asks a target for all that it says of itself, and remembers it.
    pub(crate) async fn learn(&self, at: usize, _mine: OwnedMutexGuard<()>) -> Result<TestView, Fault> {
        let answer = tokio::time::timeout(PATIENCE, self.ask_all(at)).await;
        let answer = answer.unwrap_or_else(|_elapsed| {
            Err(Fault::away(format!("it did not answer within {} s", PATIENCE.as_secs())))
        });
        let asked_at = self.now();
        let memory = &self.memories[at];
        memory.set(match &answer {
            Ok(test) => {
                self.lanes[at].set_version(&test.identity.version);
                let said =
                    Said { at: asked_at, test: test.clone(), folders: self.folders_here(at, test).await };
                Known { asked_at, silent: None, said: Some(said) }
            }
            Err(fault) => {
                let said = memory.get().and_then(|before| before.said);
                Known { asked_at, silent: Some(fault.reason().to_owned()), said }
            }
        });
        answer
    }

    /// Takes the right to ask a target, once nobody else is asking it.
    pub(crate) async fn may_ask(&self, at: usize) -> OwnedMutexGuard<()> {
        Arc::clone(&self.memories[at].asking).lock_owned().await
    }

    async fn folders_here(&self, at: usize, test: &TestView) -> Vec<(String, Here)> {
        let map = &self.parts.targets[at].map;
        let mut folders: Vec<&String> = Vec::new();
        for folder in test.libraries.iter().flatten().flat_map(|library| &library.folders) {
            if !folders.contains(&folder) && folders.len() < MOST {
                folders.push(folder);
            }
        }
        let looks = folders.into_iter().map(|folder| async move {
            let origins = AbsolutePath::parse(folder).map(|path| map.origins(&path)).unwrap_or_default();
            let looks = origins.into_iter().map(|origin| async {
                let local = LocalPath(origin);
                let look = self.parts.files.look(&local).await;
                (local, look)
            });
            let found = join_all(looks).await;
            (folder.clone(), if found.is_empty() { Here::Unsure } else { Here::At(found) })
        });
        join_all(looks).await
    }
}
