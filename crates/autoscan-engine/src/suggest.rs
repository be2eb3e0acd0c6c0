//! Reads what the rule of [`autoscan_core::suggest`] compares: the folders of senders, of servers and of this machine.

use std::collections::BTreeSet;
use std::time::Duration;

use autoscan_core::map::PathMap;
use autoscan_core::path::{AbsolutePath, LocalPath};
use autoscan_core::ports::{Folders, Library};
use autoscan_core::suggest::{Party, Place, ProgramView, Suggestions, suggest};
use autoscan_core::time::{SteadyTime, Timestamp};
use futures_util::future::join_all;
use serde::Serialize;

use crate::engine::Engine;
use crate::lane::Lane;
use crate::server_info::ServerInfo;

/// How long a server is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the disk is looked through.
const DISK_PATIENCE: Duration = Duration::from_secs(6);
/// How long one folder is waited for: what hangs must not use up the time for the others.
const LOOK_PATIENCE: Duration = Duration::from_secs(2);
/// Folders of this machine that are looked into.
const LOOKED_INTO: usize = 500;
/// Folders that are looked into at the same time.
const AT_A_TIME: usize = 8;
/// How deep below the root of the disk there is a look.
const DEEPEST: usize = 5;
/// How deep below a folder that is named, however deep that lies itself, and below the one it lies in.
const BESIDE: usize = 2;
/// Names that are read of one folder.
const NAMES: usize = 5000;
/// A folder with more folders than this is a library: what lies in it is no library itself.
const CROWD: usize = 60;
/// Names that are compared of one folder of a sender or server.
const SAMPLE: usize = 50;
/// Folders of the system, in which nobody keeps media.
const SYSTEM: [&str; 22] = [
    "bin",
    "boot",
    "dev",
    "etc",
    "lib",
    "lib32",
    "lib64",
    "libx32",
    "lost+found",
    "proc",
    "root",
    "run",
    "sbin",
    "snap",
    "sys",
    "tmp",
    "usr",
    "var",
    "nix",
    "app",
    "defaults",
    "command",
];

/// The folders of a sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderFolders {
    /// The trigger.
    pub trigger: String,
    /// Its folders in its view, each with names of folders in it, as far as they are known; or why they are not known, in a
    /// sentence.
    pub folders: Result<Vec<(String, Vec<String>)>, String>,
}

/// A server that does not stand in the config yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewServer {
    /// The name that it will have.
    pub name: String,
    /// Its libraries.
    pub libraries: Vec<Library>,
    /// Paths of a few files in them.
    pub samples: Vec<String>,
}

/// What was found, and what could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MapAdvice {
    /// When there was a look.
    #[serde(skip)]
    pub at: Timestamp,
    /// What the comparison said.
    #[serde(flatten)]
    pub found: Suggestions,
    /// Who could not be asked, and why, one sentence each.
    pub silent: Vec<String>,
    /// How many folders of this machine were looked into.
    pub looked_into: usize,
}

impl Engine {
    /// Compares the folders of senders and of every target with those of this machine. Takes at most about fifteen seconds
    /// and changes nothing. When `new` is given it is compared in place of the targets, as one without a map: of those that
    /// are there only the maps count, and none is asked.
    pub async fn map_advice(&self, senders: Vec<SenderFolders>, new: Option<NewServer>) -> MapAdvice {
        let mut silent = Vec::new();
        let mut sending = Vec::new();
        for sender in senders {
            let Some(bound) = self.trigger(&sender.trigger) else { continue };
            match sender.folders {
                Ok(folders) => sending.push(ProgramView {
                    of: Party::Trigger(sender.trigger),
                    map: bound.map.clone(),
                    folders: folders.into_iter().filter_map(|(path, names)| place(&path, names)).collect(),
                }),
                Err(reason) => silent.push(format!("{} did not say its folders: {reason}", sender.trigger)),
            }
        }
        // Where the maps of all others lead is in use too.
        for bound in &self.triggers {
            let of = Party::Trigger(bound.name.to_string());
            if sending.iter().all(|view| view.of != of) {
                sending.push(ProgramView { of, map: bound.map.clone(), folders: Vec::new() });
            }
        }
        let lanes = self.servers.iter().zip(&self.lanes);
        let with_libraries = lanes.filter(|(_, lane)| lane.target.server.libraries().is_some());
        let mut told = Vec::new();
        if let Some(new) = new {
            told.extend(
                with_libraries.map(|(_, lane)| view(lane.target.name.as_str(), &lane.target.map, &[], &[])),
            );
            told.push(view(&new.name, &PathMap::default(), &new.libraries, &new.samples));
        } else {
            let now = self.ports.steady();
            for answer in join_all(with_libraries.map(|(info, lane)| ask(info, lane, now))).await {
                match answer {
                    Ok(view) => told.push(view),
                    Err(reason) => silent.push(reason),
                }
            }
        }
        let wanted: BTreeSet<&String> = sending
            .iter()
            .chain(&told)
            .flat_map(|view| &view.folders)
            .flat_map(|place| &place.names)
            .collect();
        let disk = self.look_through(&sending, &told, &wanted).await;
        MapAdvice { at: self.now(), found: suggest(&sending, &told, &disk), silent, looked_into: disk.len() }
    }

    /// Whether the map of a trigger or target leads from a folder to another by now.
    pub fn maps_to(&self, of: &Party, from: &str, to: &str) -> bool {
        let map = match of {
            Party::Trigger(name) => self.trigger(name).map(|trigger| &trigger.map),
            Party::Target(name) => self.lane(name).map(|(_, lane)| &lane.target.map),
        };
        let paths = AbsolutePath::parse(from).and_then(|from| AbsolutePath::parse(to).map(|to| (from, to)));
        map.zip(paths.ok())
            .is_some_and(|(map, (from, to))| map.apply(&from).is_ok_and(|found| found.path == to))
    }

    /// The folders of this machine that could be meant: those that are named somewhere, what lies beside them, and what is
    /// found from the root of the disk down, the shallow first. Of the names in them only the `wanted` are kept.
    async fn look_through(
        &self,
        sending: &[ProgramView],
        told: &[ProgramView],
        wanted: &BTreeSet<&String>,
    ) -> Vec<Place> {
        let mut named: Vec<AbsolutePath> = Vec::new();
        for view in sending {
            named.extend(view.map.destinations().cloned());
            named
                .extend(view.folders.iter().filter_map(|place| Some(view.map.apply(&place.path).ok()?.path)));
        }
        for view in told {
            named.extend(view.map.sources().cloned());
            named.extend(view.folders.iter().flat_map(|place| view.map.origins(&place.path)));
        }
        named.extend(self.rules.anchors.iter().map(|anchor| anchor.prefix.0.clone()));
        let beside: Vec<AbsolutePath> = named.iter().filter_map(AbsolutePath::parent).collect();
        let root = AbsolutePath::parse("/").into_iter();
        let mut search = Search { met: BTreeSet::new(), queue: Vec::new(), found: Vec::new() };
        for path in named.into_iter().chain(beside).chain(root) {
            let steps = DEEPEST.saturating_sub(path.depth()).max(BESIDE);
            search.add(path, steps);
        }
        let look = async {
            while search.found.len() < LOOKED_INTO && !search.queue.is_empty() {
                let now: Vec<_> = search.queue.drain(..search.queue.len().min(AT_A_TIME)).collect();
                let looks = now.iter().map(|(path, _)| {
                    tokio::time::timeout(LOOK_PATIENCE, self.ports.files.folders_in(path, NAMES))
                });
                let looks = join_all(looks).await;
                let seen =
                    now.into_iter().zip(looks).filter_map(|(step, look)| Some((step, look.ok()?.ok()?)));
                for ((path, steps), folders) in seen {
                    search.take_in(&path, steps, folders, wanted);
                }
            }
        };
        let _cut_short = tokio::time::timeout(DISK_PATIENCE, look).await;
        search.found
    }
}

/// A look through the disk: what was met, what is to be looked into, and what was found.
struct Search {
    met: BTreeSet<LocalPath>,
    /// With how many steps further down there is a look from each.
    queue: Vec<(LocalPath, usize)>,
    found: Vec<Place>,
}

impl Search {
    fn add(&mut self, path: AbsolutePath, steps: usize) {
        let path = LocalPath(path);
        if self.met.insert(path.clone()) {
            self.queue.push((path, steps));
        }
    }

    /// Keeps what is in a folder, and looks further down where it is no library.
    fn take_in(&mut self, path: &LocalPath, steps: usize, folders: Folders, wanted: &BTreeSet<&String>) {
        let names = folders.folders.iter().map(|inside| &inside.name);
        let names: BTreeSet<String> = names.filter(|name| wanted.contains(name)).cloned().collect();
        let is_library = names.len() > 1 || folders.folders.len() > CROWD;
        if !is_library && steps > 0 {
            let below = folders.folders.into_iter().filter(|inside| !inside.is_link);
            let below = below
                .filter(|inside| path.0.depth() > 0 || !SYSTEM.contains(&inside.name.as_str()))
                .filter(|inside| !inside.name.starts_with(['.', '@', '#', '$']))
                .filter_map(|inside| inside.path);
            for path in below {
                self.add(path.0, steps - 1);
            }
        }
        self.found.push(Place { path: path.0.clone(), names, whole: folders.whole });
    }
}

/// The libraries of a target and a sample of what is in them.
async fn ask(info: &ServerInfo, lane: &Lane, now: SteadyTime) -> Result<ProgramView, String> {
    let target = &lane.target;
    let (libraries, silent) = info.libraries(lane, now, PATIENCE).await;
    if let Some(why) = silent {
        return Err(format!("{} did not say its libraries: {why}", target.name));
    }
    let libraries = libraries.unwrap_or_default();
    let samples = match target.server.libraries() {
        Some(its) => tokio::time::timeout(PATIENCE, its.samples(&libraries)).await.unwrap_or_default(),
        None => Vec::new(),
    };
    Ok(view(target.name.as_str(), &target.map, &libraries, &samples))
}

fn view(name: &str, map: &PathMap, libraries: &[Library], samples: &[String]) -> ProgramView {
    let mut folders: Vec<Place> = libraries
        .iter()
        .flat_map(|library| &library.folders)
        .filter_map(|path| place(path, Vec::new()))
        .collect();
    for file in samples.iter().filter_map(|file| AbsolutePath::parse(file).ok()) {
        for folder in &mut folders {
            // A file directly in the library's folder says nothing of the folders in it.
            if let Some([name, _, ..]) = file.names_below(&folder.path).as_deref()
                && folder.names.len() < SAMPLE
            {
                folder.names.insert((*name).to_owned());
            }
        }
    }
    ProgramView { of: Party::Target(name.to_owned()), map: map.clone(), folders }
}

fn place(path: &str, names: Vec<String>) -> Option<Place> {
    let path =
        AbsolutePath::parse(path).ok().filter(|path| !path.is_root() || path.as_str().starts_with("\\\\"))?;
    Some(Place { path, names: names.into_iter().take(SAMPLE).collect(), whole: false })
}
