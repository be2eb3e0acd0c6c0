//! Music Player Daemon. It is told of a folder below its music directory, and asked for the songs one by one.

mod protocol;

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::change::{Change, ChangeKind, Subject};
use autoscan_core::fault::Fault;
use autoscan_core::media::Role;
use autoscan_core::path::{AbsolutePath, TargetPath};
use autoscan_core::ports::{
    Identity, Libraries, Library, Plan, PlannedCall, Playback, Proof, Target, TargetScan,
};
use autoscan_core::proof::{ExpectedFile, Observation, Presence};
use autoscan_core::secret::Secret;
use autoscan_http::Http;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::family::batch::BatchResults;
use crate::family::settings;
use crate::kind::{Connected, TargetKind};
use crate::mpd::protocol::{Address, Connection, Reply};

pub(crate) const KIND: TargetKind =
    TargetKind { name: "mpd", settings: <Settings as JsonSchema>::json_schema, connect };

/// A Music Player Daemon.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Settings {
    /// The machine on which MPD answers, as this one sees it.
    host: String,
    /// Its port.
    #[serde(default = "usual_port")]
    port: u16,
    /// A password that gives the permissions `read` and `control`, when MPD wants one.
    password: Option<Secret>,
    /// `music_directory` of MPD's configuration: the folder that all its paths are relative to.
    music_directory: String,
}

fn usual_port() -> u16 {
    6600
}

/// How many updates are remembered with their folder.
const REMEMBERED: usize = 1000;

fn connect(given: &Value, _: &Http) -> Result<Connected, String> {
    let given: Settings = settings::read(given)?;
    let host = given.host.trim().trim_start_matches('[').trim_end_matches(']').to_owned();
    if host.is_empty() || host.contains(['/', '@']) {
        return Err("`host` must be the name or address of a machine alone, such as localhost".to_owned());
    }
    let root = AbsolutePath::parse(given.music_directory.trim())
        .map_err(|refusal| format!("`music-directory`: {refusal}"))?;
    let password = given.password.map(|password| settings::trimmed("password", &password)).transpose()?;
    let address = Address { host, port: given.port };
    let url = address.to_string();
    let music = Library {
        id: "music".to_owned(),
        title: "Music".to_owned(),
        kind: "music".to_owned(),
        folders: vec![root.to_string()],
    };
    let libraries = Arc::new([music]);
    let (jobs, endings) = (Mutex::default(), Mutex::default());
    Ok(Connected { server: Arc::new(Mpd { address, password, root, libraries, jobs, endings }), url })
}

struct Mpd {
    address: Address,
    password: Option<Secret>,
    root: AbsolutePath,
    /// All its music is one library.
    libraries: Arc<[Library]>,
    /// The updates that were asked for, by the folder of their scan, the latest last.
    jobs: Mutex<VecDeque<(TargetPath, u32)>>,
    /// The endings of names that it takes for songs, once it was asked.
    endings: Mutex<Option<Arc<HashSet<String>>>>,
}

/// A thread that died while it held the lock has left a whole value behind.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Mpd {
    async fn open(&self) -> Result<Connection, Fault> {
        Connection::open(&self.address, self.password.as_ref()).await
    }

    /// The names of a path below the music directory.
    fn names<'a>(&self, path: &'a TargetPath) -> Result<Vec<&'a str>, Fault> {
        path.0.names_below(&self.root).ok_or_else(|| {
            Fault::not_mine(format!(
                "{:?} does not lie in MPD's music directory {:?}; is the target's `map` missing, or `music-directory` wrong?",
                path.as_str(),
                self.root
            ))
        })
    }

    /// What MPD is asked to update for a scan. An update of a folder two levels below what MPD knows does nothing
    /// (MPD 0.23 looks for its parent in the wrong place), so the highest unknown folder is updated. For files that lie
    /// in the music directory itself, these are, and not all music.
    async fn updates(&self, mpd: &mut Connection, scan: &TargetScan) -> Result<Vec<String>, Fault> {
        let names = self.names(&scan.folder)?;
        if names.is_empty() {
            let is_file = |change: &&_| is_file_change(change);
            let files =
                scan.changes.iter().filter(is_file).filter_map(|change| self.names(&change.path).ok());
            let files: Vec<String> = files.map(|names| names.join("/")).collect();
            let known_files_only = files.len() == scan.changes.len() && !files.is_empty();
            return Ok(if known_files_only { files } else { vec![String::new()] });
        }
        for depth in 1..names.len() {
            let above = names[..depth].join("/");
            if let Reply::Unknown = mpd.ask("count", &["base", &above]).await? {
                return Ok(vec![above]);
            }
        }
        Ok(vec![names.join("/")])
    }

    /// Tells one scan over a connection, which is given back unless it was lost: after half an answer the next one would be
    /// read from its middle.
    async fn tell(
        &self,
        mut mpd: Connection,
        scan: &TargetScan,
    ) -> Result<(Connection, Result<(), Fault>), Fault> {
        match self.update(&mut mpd, scan).await {
            Err(fault @ Fault::Away { .. }) => Err(fault),
            told => Ok((mpd, told)),
        }
    }

    async fn update(&self, mpd: &mut Connection, scan: &TargetScan) -> Result<(), Fault> {
        for path in self.updates(mpd, scan).await? {
            let told = mpd.ask("update", &[&path]).await?.done("update")?;
            let job =
                told.iter().find(|(name, _)| name == "updating_db").and_then(|(_, job)| job.parse().ok());
            if let Some(job) = job {
                self.remember(&scan.folder, job);
            }
        }
        Ok(())
    }

    fn remember(&self, folder: &TargetPath, job: u32) {
        let mut jobs = locked(&self.jobs);
        jobs.retain(|(known, _)| known != folder);
        jobs.push_back((folder.clone(), job));
        if jobs.len() > REMEMBERED {
            jobs.pop_front();
        }
    }

    fn job_of(&self, folder: &TargetPath) -> Option<u32> {
        let jobs = locked(&self.jobs);
        jobs.iter().find(|(known, _)| known == folder).map(|(_, job)| *job)
    }

    /// The update of this folder that has not ended yet.
    async fn unfinished(&self, mpd: &mut Connection, folder: &TargetPath) -> Result<Option<u32>, Fault> {
        let Some(job) = self.job_of(folder) else { return Ok(None) };
        let status = mpd.ask("status", &[]).await?.done("status")?;
        let running = status.iter().find(|(name, _)| name == "updating_db");
        let running = running.and_then(|(_, job)| job.parse().ok());
        Ok(running.filter(|running| !is_over(job, *running)).map(|_| job))
    }

    async fn look(&self, mpd: &mut Connection, expected: &ExpectedFile) -> Result<Observation, Fault> {
        let Ok(names) = self.names(&expected.path) else {
            return Ok(Observation::Unknowable(format!(
                "{:?} is not in the music directory",
                expected.path.as_str()
            )));
        };
        let path = names.join("/");
        let is_known = match mpd.ask("lsinfo", &[&path]).await? {
            Reply::Done(_) => true,
            Reply::Unknown => false,
            Reply::Refused(fault) => return Err(fault),
        };
        Ok(match (expected.presence, is_known) {
            (Presence::There { .. }, true) | (Presence::Gone, false) => Observation::Proven,
            (Presence::Gone, true) => Observation::NotYet(format!("MPD still lists {path:?}")),
            // MPD keeps no folder that holds no song.
            (Presence::There { .. }, false) if expected.subject == Subject::Folder => {
                Observation::Unknowable(format!("MPD lists no folder without songs, such as {path:?} may be"))
            }
            (Presence::There { .. }, false) => {
                Observation::NotYet(format!("MPD was asked for {path:?} and does not list it"))
            }
        })
    }

    /// The endings of names that this MPD takes for songs, in lower case. They are its own, and the same until another
    /// MPD is installed; each probe asks again.
    async fn endings(&self, mpd: &mut Connection) -> Result<Arc<HashSet<String>>, Fault> {
        let known = locked(&self.endings).clone();
        match known {
            Some(endings) => Ok(endings),
            None => self.ask_endings(mpd).await,
        }
    }

    async fn ask_endings(&self, mpd: &mut Connection) -> Result<Arc<HashSet<String>>, Fault> {
        let decoders = mpd.ask("decoders", &[]).await?.done("decoders")?;
        let endings = decoders.into_iter().filter(|(name, _)| name == "suffix");
        let endings = Arc::new(endings.map(|(_, ending)| ending.to_lowercase()).collect());
        *locked(&self.endings) = Some(Arc::clone(&endings));
        Ok(endings)
    }

    /// What MPD's host shows of a file that is missing in its list.
    async fn sees(&self, expected: &ExpectedFile) -> Result<Option<String>, Fault> {
        let (Some(folder), Some(name)) = (expected.path.parent(), expected.path.0.file_name()) else {
            return Ok(None);
        };
        let below = self.names(&folder)?.join("/");
        let mut mpd = self.open().await?;
        let found = match mpd.ask("listfiles", &[&below]).await? {
            Reply::Done(found) => found,
            Reply::Unknown => {
                return Ok(Some(format!(
                    "MPD does not see the folder {below:?} in its music directory: is `music-directory` the one of its \
                     configuration, the mount there, and may MPD's user read it?"
                )));
            }
            Reply::Refused(_) => return Ok(None),
        };
        Ok(Some(if found.iter().any(|(kind, found)| kind == "file" && found == name) {
            format!(
                "MPD sees the file {name:?} but made no song of it: may its user read it, is it whole, and does no \
                 .mpdignore name it?"
            )
        } else {
            format!("MPD does not see the file {name:?} in {below:?} on its own disk")
        }))
    }
}

fn is_file_change(change: &Change<TargetPath>) -> bool {
    change.subject == Subject::File && change.kind != ChangeKind::Rescan
}

/// Whether an update has ended while `running` goes on. Numbers begin again after 32768 (`src/db/update/Service.cxx`), so the
/// nearer side counts.
fn is_over(job: u32, running: u32) -> bool {
    const NUMBERS: u32 = 1 << 15;
    let ahead = (running % NUMBERS + NUMBERS - job % NUMBERS) % NUMBERS;
    ahead != 0 && ahead < NUMBERS / 2
}

/// The ending of a name, in lower case.
fn ending(path: &TargetPath) -> Option<String> {
    path.0.file_name().and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending.to_lowercase())
}

#[async_trait]
impl Target for Mpd {
    async fn probe(&self) -> Result<Identity, Fault> {
        let mut mpd = self.open().await?;
        let allowed = mpd.ask("commands", &[]).await?.done("commands")?;
        for needed in ["status", "update", "lsinfo"] {
            if !allowed.iter().any(|(_, command)| command == needed) {
                return Err(Fault::refused(format!(
                    "{}: {needed:?} is not allowed; give a `password` that has MPD's permissions `read` and `control`",
                    self.address
                )));
            }
        }
        self.ask_endings(&mut mpd).await?;
        Ok(Identity { product: "MPD".to_owned(), name: None, version: mpd.version })
    }

    async fn scan(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>> {
        let mut results = BatchResults::new(self, batch.len());
        let mut open = None;
        for (at, scan) in batch.iter().enumerate() {
            if results.is_stopped() {
                break;
            }
            let told = match open.take() {
                Some(mpd) => self.tell(mpd, scan).await,
                None => match self.open().await {
                    Ok(mpd) => self.tell(mpd, scan).await,
                    Err(fault) => Err(fault),
                },
            };
            let told = told.map(|(mpd, told)| {
                open = Some(mpd);
                told
            });
            results.add(at, told.flatten()).await;
        }
        results.end().await
    }

    async fn plan(&self, scan: &TargetScan) -> Result<Plan, Fault> {
        let mut mpd = self.open().await?;
        let call = |path: String| PlannedCall {
            method: "MPD".to_owned(),
            url: self.address.to_string(),
            body: Some(format!("update {path:?}")),
        };
        let calls = self.updates(&mut mpd, scan).await?.into_iter().map(call).collect();
        Ok(Plan { libraries: self.libraries.to_vec(), calls })
    }

    fn libraries(&self) -> Option<&dyn Libraries> {
        Some(self)
    }

    fn proof(&self) -> Option<&dyn Proof> {
        Some(self)
    }

    fn playback(&self) -> Option<&dyn Playback> {
        Some(self)
    }
}

#[async_trait]
impl Libraries for Mpd {
    async fn read(&self) -> Result<Vec<Library>, Fault> {
        Ok(self.libraries.to_vec())
    }

    /// It stands in the settings, so it is never old.
    fn cached(&self) -> Option<(Arc<[Library]>, Duration)> {
        Some((Arc::clone(&self.libraries), Duration::ZERO))
    }

    async fn is_below_a_root(&self, folder: &TargetPath) -> bool {
        self.names(folder).is_ok_and(|names| !names.is_empty())
    }
}

#[async_trait]
impl Proof for Mpd {
    /// A song that was changed in place looks as before until the update has ended, so its end is waited for.
    async fn find(&self, folder: &TargetPath, expected: &[ExpectedFile]) -> Result<Vec<Observation>, Fault> {
        let mut mpd = self.open().await?;
        let waits = self.unfinished(&mut mpd, folder).await?;
        let endings = self.endings(&mut mpd).await?;
        let mut shown = Vec::with_capacity(expected.len());
        for one in expected {
            let is_song = ending(&one.path).is_some_and(|ending| endings.contains(&ending));
            let is_file = one.subject == Subject::File;
            shown.push(if is_file && (Role::of(&one.path.0) == Role::Sidecar || !is_song) {
                Observation::Unknowable(format!(
                    "MPD makes no song of {:?}",
                    one.path.0.file_name().unwrap_or_default()
                ))
            } else if let Some(job) = waits {
                Observation::NotYet(format!("MPD has not ended its update number {job} of this folder"))
            } else {
                self.look(&mut mpd, one).await?
            });
        }
        Ok(shown)
    }

    async fn why_missing(&self, expected: &ExpectedFile) -> Option<String> {
        self.sees(expected).await.ok().flatten()
    }
}

#[async_trait]
impl Playback for Mpd {
    async fn playing(&self) -> Result<usize, Fault> {
        let status = self.open().await?.ask("status", &[]).await?.done("status")?;
        Ok(usize::from(status.iter().any(|(name, value)| name == "state" && value == "play")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_is_over_when_a_later_one_runs() {
        for (job, running, over) in [
            (5, 5, false),
            (5, 6, true),
            (6, 5, false),
            (32_768, 1, true),
            (32_767, 3, true),
            (1, 32_768, false),
            (2, 32_767, false),
            // No MPD counts so far, but somebody may answer so.
            (7, u32::MAX, false),
            (u32::MAX, 7, true),
        ] {
            assert_eq!(is_over(job, running), over, "{job} while {running} runs");
        }
    }
}
