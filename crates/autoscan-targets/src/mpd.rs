//! Music Player Daemon. It is told of a folder below its music directory, and asked for the songs one by one.

mod address;
mod commands;
mod protocol;
mod prove;
mod told;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::cause::MissingCause;
use autoscan_core::fault::Fault;
use autoscan_core::path::{AbsolutePath, TargetPath};
use autoscan_core::ports::{
    Identity, Libraries, Library, Plan, PlannedCall, Playback, Proof, ServerListing, Target, TargetScan,
};
use autoscan_core::proof::{ExpectedFile, Observation};
use autoscan_core::secret::Secret;
use autoscan_http::Http;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::family::batch::BatchResults;
use crate::family::settings;
use crate::kind::{Connected, TargetKind};
use crate::mpd::address::Address;
use crate::mpd::commands::Command;
use crate::mpd::protocol::{Connection, number};
use crate::mpd::told::ToldFolders;

pub(crate) const KIND: TargetKind =
    TargetKind { name: "mpd", settings: <Settings as JsonSchema>::json_schema, connect };

/// A Music Player Daemon.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Settings {
    /// The machine on which MPD answers, as this one sees it, or the path of its socket on this machine.
    host: String,
    /// Its port; of no use with a socket.
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

fn connect(given: &Value, _: &Http) -> Result<Connected, String> {
    let given: Settings = settings::read(given)?;
    let address = Address::parse(&given.host, given.port)?;
    let root = AbsolutePath::parse(given.music_directory.trim())
        .map_err(|refusal| format!("`music-directory`: {refusal}"))?;
    let password = given.password.map(|password| settings::trimmed("password", &password)).transpose()?;
    let url = address.to_string();
    let music = Library {
        id: "music".to_owned(),
        title: "Music".to_owned(),
        kind: "music".to_owned(),
        folders: vec![root.to_string()],
    };
    let libraries = Arc::new([music]);
    let (told, endings) = (Mutex::default(), Mutex::default());
    Ok(Connected { server: Arc::new(Mpd { address, password, root, libraries, told, endings }), url })
}

struct Mpd {
    address: Address,
    password: Option<Secret>,
    root: AbsolutePath,
    /// All its music is one library.
    libraries: Arc<[Library]>,
    told: Mutex<ToldFolders>,
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

    /// The path of a song; none for one that is no path, such as a stream of a playlist.
    fn path(&self, song: &str) -> Option<TargetPath> {
        TargetPath::parse(&format!("{}/{song}", self.root)).ok()
    }

    fn told(&self) -> MutexGuard<'_, ToldFolders> {
        locked(&self.told)
    }

    /// What MPD is told for a scan; nothing where it knows nothing of what is gone.
    async fn commands(&self, mpd: &mut Connection, scan: &TargetScan) -> Result<Vec<Command>, Fault> {
        self.names(&scan.folder)?;
        let endings = self.endings(mpd).await?;
        let wishes = commands::wishes(&self.root, scan, |path| is_song(&endings, path));
        if wishes.is_empty() {
            return Err(Fault::not_mine(format!(
                "the scan names nothing below MPD's music directory {:?}, and all music is updated only when a person asks for \
                 a scan of that folder",
                self.root
            )));
        }
        commands::commands(mpd, &wishes).await
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
        for command in self.commands(mpd, scan).await? {
            self.send(mpd, &scan.folder, &command).await?;
        }
        Ok(())
    }

    /// Sends a command for the folder of a scan, and remembers it with the number that MPD gave to it.
    async fn send(&self, mpd: &mut Connection, folder: &TargetPath, command: &Command) -> Result<(), Fault> {
        let (at, word) = (Instant::now(), command.verb.word());
        let answer = mpd.ask(word, &[&command.path]).await?.done(word)?;
        if let Some(job) = number(&answer, "updating_db") {
            self.told().add(folder, command, job, at);
        }
        Ok(())
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
}

/// The ending of a name, in lower case.
fn ending(path: &TargetPath) -> Option<String> {
    path.0.file_name().and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending.to_lowercase())
}

/// Whether MPD takes the file for a song, by its name.
fn is_song(endings: &HashSet<String>, path: &TargetPath) -> bool {
    ending(path).is_some_and(|ending| endings.contains(&ending))
}

#[async_trait]
impl Target for Mpd {
    async fn probe(&self) -> Result<Identity, Fault> {
        let mut mpd = self.open().await?;
        let allowed = mpd.ask("commands", &[]).await?.done("commands")?;
        for needed in ["status", "update", "rescan", "lsinfo"] {
            if !allowed.iter().any(|(_, command)| command == needed) {
                return Err(Fault::refused(format!(
                    "{}: {needed:?} is not allowed; give a `password` that has MPD's permissions `read` and `control`",
                    self.address
                )));
            }
        }
        self.ask_endings(&mut mpd).await?;
        let version = format!("protocol {}", mpd.protocol);
        Ok(Identity { product: "MPD".to_owned(), name: None, version })
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
        let call = |command: Command| PlannedCall {
            method: "MPD".to_owned(),
            url: self.address.to_string(),
            body: Some(format!("{} {:?}", command.verb.word(), command.path)),
        };
        let calls = self.commands(&mut mpd, scan).await?.into_iter().map(call).collect();
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
    async fn find(&self, folder: &TargetPath, expected: &[ExpectedFile]) -> Result<Vec<Observation>, Fault> {
        prove::find(self, folder, expected).await
    }

    async fn list_below(&self, folder: &TargetPath, most: usize) -> Result<Option<ServerListing>, Fault> {
        prove::list_below(self, folder, most).await
    }

    async fn lost(&self, _: &TargetScan, told_ago: Duration) -> Option<String> {
        prove::why_lost(self, told_ago).await
    }

    async fn why_missing(&self, expected: &ExpectedFile) -> Option<MissingCause> {
        prove::why_missing(self, expected).await.map(MissingCause::from)
    }
}

#[async_trait]
impl Playback for Mpd {
    async fn playing(&self) -> Result<usize, Fault> {
        let status = self.open().await?.ask("status", &[]).await?.done("status")?;
        Ok(usize::from(status.iter().any(|(name, value)| name == "state" && value == "play")))
    }
}
