//! What targets said of themselves last, kept so that a page about a server that is down is as fast as any other. Their
//! libraries are not kept here: the target itself has the one cache of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_core::path::{AbsolutePath, LocalPath};
use autoscan_core::ports::{Identity, Library, Look};
use autoscan_core::time::{SteadyTime, Timestamp};
use futures_util::future::join_all;
use tokio::sync::OwnedMutexGuard;

use crate::engine::Engine;
use crate::lane::Lane;
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
pub struct ServerStatus {
    /// When it was asked last.
    pub asked_at: Timestamp,
    /// Why it did not answer then, in a sentence.
    pub silent: Option<String>,
    /// What it said when it last answered.
    pub said: Option<ServerAnswer>,
}

/// What a target said of itself, and what its folders are here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAnswer {
    /// When it said so.
    pub at: Timestamp,
    /// What it said.
    pub test: TestView,
    /// Each folder of its libraries, once, as it calls it, with what it is here.
    pub folders: Vec<(String, LocalFolders)>,
}

/// What a folder of a target is on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalFolders {
    /// The folders that its map leads there, each with what the disk says of it.
    At(Vec<(LocalPath, Look)>),
    /// Its map does not say.
    Unsure,
}

/// What is kept of one target.
#[derive(Default)]
pub(crate) struct ServerInfo {
    kept: Mutex<StatusRecord>,
    /// Held by the one who asks.
    asking: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Clone, Default)]
struct StatusRecord {
    asked_at: Option<(SteadyTime, Timestamp)>,
    /// Why it did not answer when it was asked last.
    silent: Option<String>,
    answer: Option<AnswerRecord>,
    /// When its libraries were asked for in vain, and why.
    libraries_silent: Option<(SteadyTime, String)>,
}

#[derive(Clone)]
struct AnswerRecord {
    at: Timestamp,
    identity: Identity,
    advice: Vec<String>,
    folders: Vec<(String, LocalFolders)>,
}

impl ServerInfo {
    fn lock(&self) -> MutexGuard<'_, StatusRecord> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// With the libraries as they are cached now.
    fn known(&self, lane: &Lane) -> Option<ServerStatus> {
        let kept = self.lock().clone();
        let (_, asked_at) = kept.asked_at?;
        let said = kept.answer.map(|answer| ServerAnswer {
            at: answer.at,
            test: TestView {
                identity: answer.identity,
                libraries: lane
                    .target
                    .server
                    .libraries()
                    .map(|its| its.cached().map(|(libraries, _)| libraries.to_vec()).unwrap_or_default()),
                advice: answer.advice,
            },
            folders: answer.folders,
        });
        Some(ServerStatus { asked_at, silent: kept.silent, said })
    }

    /// The libraries of a target, not older than some minutes, and why there are none or only old ones. A server is waited
    /// for no longer than `patience`; one that did not answer is left alone for a while.
    pub(crate) async fn libraries(
        &self,
        lane: &Lane,
        now: SteadyTime,
        patience: Duration,
    ) -> (Option<Arc<[Library]>>, Option<String>) {
        let Some(its) = lane.target.server.libraries() else { return (None, None) };
        let cached = its.cached();
        if let Some((libraries, age)) = &cached
            && *age < FRESH
        {
            return (Some(Arc::clone(libraries)), None);
        }
        let old = cached.map(|(libraries, _)| libraries);
        let silent = self.lock().libraries_silent.clone();
        if let Some((_, why)) = silent.filter(|(at, _)| now.since(*at) < AGAIN) {
            return (old, Some(why));
        }
        let answer = tokio::time::timeout(patience, its.read()).await;
        match answer.unwrap_or_else(|_elapsed| Err(no_answer(patience))) {
            Ok(libraries) => {
                self.lock().libraries_silent = None;
                (Some(libraries.into()), None)
            }
            Err(fault) => {
                self.lock().libraries_silent = Some((now, fault.reason().to_owned()));
                (old, Some(fault.reason().to_owned()))
            }
        }
    }
}

fn no_answer(patience: Duration) -> Fault {
    Fault::away(format!("it did not answer within {} s", patience.as_secs()))
}

impl Engine {
    /// What every target said of itself last, in the order of [`Self::targets`]. Asks nobody.
    pub fn known(&self) -> Vec<Option<ServerStatus>> {
        self.servers.iter().zip(&self.lanes).map(|(info, lane)| info.known(lane)).collect()
    }

    /// Asks a target who it is, which libraries it has and what in its settings fights with us, now. None when there is no
    /// such target.
    pub async fn test(&self, target: &str) -> Option<Result<TestView, Fault>> {
        let (at, lane) = self.lane(target)?;
        let mine = Arc::clone(&self.servers[at].asking).lock_owned().await;
        let answer = self.learn(at, mine).await;
        if answer.is_ok() {
            lane.hurry();
        }
        Some(answer)
    }

    /// Asks anew, beside, the targets that were not asked for a while. Waits for those that were never asked, and for no
    /// longer than `patience`.
    pub async fn get_to_know(self: &Arc<Self>, patience: Duration) {
        let now = self.ports.steady();
        let mut first = Vec::new();
        for (at, info) in self.servers.iter().enumerate() {
            let kept = info.lock().clone();
            let lasts = if kept.silent.is_some() { AGAIN } else { FRESH };
            if kept.asked_at.is_some_and(|(asked_at, _)| now.since(asked_at) < lasts) {
                continue;
            }
            let Ok(mine) = Arc::clone(&info.asking).try_lock_owned() else { continue };
            let engine = Arc::clone(self);
            let task = tokio::spawn(async move { engine.learn(at, mine).await.map(drop) });
            first.extend(kept.asked_at.is_none().then_some(task));
        }
        let _whatever_was_learned = tokio::time::timeout(patience, join_all(first)).await;
    }

    /// Asks a target for all that it says of itself, and keeps it.
    async fn learn(&self, at: usize, _mine: OwnedMutexGuard<()>) -> Result<TestView, Fault> {
        let lane = &self.lanes[at];
        let answer = tokio::time::timeout(PATIENCE, ask_all(lane)).await;
        let answer = answer.unwrap_or_else(|_elapsed| Err(no_answer(PATIENCE)));
        let asked_at = (self.ports.steady(), self.ports.now());
        let folders = match &answer {
            Ok(test) => self.folders_here(lane, test).await,
            Err(_) => Vec::new(),
        };
        let mut kept = self.servers[at].lock();
        kept.asked_at = Some(asked_at);
        match &answer {
            Ok(test) => {
                lane.set_version(&test.identity.version);
                kept.silent = None;
                kept.answer = Some(AnswerRecord {
                    at: asked_at.1,
                    identity: test.identity.clone(),
                    advice: test.advice.clone(),
                    folders,
                });
            }
            Err(fault) => kept.silent = Some(fault.reason().to_owned()),
        }
        drop(kept);
        answer
    }

    async fn folders_here(&self, lane: &Lane, test: &TestView) -> Vec<(String, LocalFolders)> {
        let map = &lane.target.map;
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
                let look = self.ports.files.look(&local).await;
                (local, look)
            });
            let found = join_all(looks).await;
            (folder.clone(), if found.is_empty() { LocalFolders::Unsure } else { LocalFolders::At(found) })
        });
        join_all(looks).await
    }
}

async fn ask_all(lane: &Lane) -> Result<TestView, Fault> {
    let server = &lane.target.server;
    let identity = server.probe().await?;
    let libraries = match server.libraries() {
        Some(its) => Some(its.read().await?),
        None => None,
    };
    // Advice is a courtesy: a server that refuses it is well all the same.
    let advice = match server.advice() {
        Some(its) => its.advise().await.unwrap_or_default(),
        None => Vec::new(),
    };
    Ok(TestView { identity, libraries, advice })
}
