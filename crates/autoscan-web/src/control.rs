//! What the pages ask of the program around them: its config, and servers that do not stand in it yet. The program
//! implements it; nothing of files of settings or of outward requests lies in this crate.

use std::fmt;

use async_trait::async_trait;
use autoscan_core::path::LocalPath;
use autoscan_core::secret::Secret;
use autoscan_engine::{SenderFolders, TestView};

/// The program around the web interface.
#[async_trait]
pub trait Control: Send + Sync {
    /// What was loaded, and from where. Secrets are dots in it.
    fn config(&self) -> ConfigView;

    /// Reads the config again and runs by it, or changes nothing. Answers what is different now, or every fault, one
    /// sentence each.
    async fn reload(&self) -> Result<String, Vec<String>>;

    /// What an edit would change in the config's file. Writes nothing. The error is a sentence.
    async fn propose(&self, edit: &Edit) -> Result<Proposal, String>;

    /// Writes an edit into the config's file and reloads; when the reload fails the file is as it was. `basis` is that of
    /// the [`Proposal`] that a person saw: a file that changed since then is left alone. Answers as [`Self::reload`].
    async fn apply(&self, edit: &Edit, basis: &str) -> Result<String, Vec<String>>;

    /// Asks a server that does not stand in the config who it is and what it has. The error is a sentence.
    async fn try_server(&self, server: &NewTarget) -> Result<TriedServer, String>;

    /// Begins to ask a server, or plex.tv, for a key by a code that a person confirms there. `url` is the server's. The
    /// error is a sentence.
    async fn begin_login(&self, kind: LoginKind, url: &str) -> Result<PendingLogin, String>;

    /// Asks whether the person confirmed: the key, once they did. The error is a sentence; the login may be asked about
    /// again all the same, as a server that was away for a moment may have it still.
    async fn finish_login(&self, pending: &PendingLogin) -> Result<Option<Secret>, String>;

    /// The folders in which each sender keeps its media, as it sees them: of those whose `api` is set.
    async fn root_folders(&self) -> Vec<SenderRoots>;
}

/// The config as it was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigView {
    /// The file; none when the environment alone was enough.
    pub file: Option<String>,
    /// The variables of the environment that were used, by name: never their values.
    pub variables: Vec<String>,
    /// The whole config with its defaults, as YAML; secrets are dots.
    pub text: String,
    /// What a person should know, one sentence each.
    pub notes: Vec<String>,
}

/// A change to the config's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// One more target.
    AddTarget(NewTarget),
    /// Lines for the `map` of a trigger or a target that stands there.
    AddMap {
        /// Whose map.
        of: MapOf,
        /// From and to, whole folders.
        lines: Vec<(String, String)>,
    },
    /// A folder of this machine that some triggers are not to report any more: a line for the `exclude` of each.
    Exclude {
        /// The triggers, by name.
        triggers: Vec<String>,
        /// The folder.
        folder: LocalPath,
    },
}

/// Whose map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MapOf {
    /// The trigger of this name.
    Trigger(String),
    /// The target of this name.
    Target(String),
}

/// A target that does not stand in the config yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTarget {
    /// Its kind: `plex`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its address.
    pub url: String,
    /// Its key or token.
    pub key: Secret,
    /// The lines of its map, from and to.
    pub map: Vec<(String, String)>,
}

/// What a server said that does not stand in the config yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriedServer {
    /// Who it is and what it has.
    pub test: TestView,
    /// Paths of a few files in its libraries, by its own paths.
    pub samples: Vec<String>,
}

/// What an edit would do to the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The file.
    pub file: String,
    /// The lines that come and go, with some around them; secrets are dots.
    pub diff: Vec<DiffLine>,
    /// A fingerprint of the file that this was made from.
    pub basis: String,
}

/// A line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffLine {
    /// Whether it comes, goes or stays.
    pub sign: Sign,
    /// The line.
    pub text: String,
}

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It comes.
    Added,
    /// It goes.
    Removed,
    /// It stays.
    Kept,
}

/// How a key is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginKind {
    /// plex.tv's PIN.
    PlexPin,
    /// Jellyfin's Quick Connect.
    QuickConnect,
}

/// A login that a person has to confirm elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub struct PendingLogin {
    /// How it is asked for.
    pub kind: LoginKind,
    /// The server's address.
    pub url: String,
    /// The code that the person types there.
    pub code: String,
    /// The page on which it is confirmed, if there is one.
    pub page: Option<String>,
    /// What the server knows this login by. Nobody is shown it.
    pub secret: Secret,
}

impl fmt::Debug for PendingLogin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PendingLogin")
            .field("kind", &self.kind)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// The folders of a sender, by its own paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderRoots {
    /// The trigger.
    pub trigger: String,
    /// Its folders, or why they are not known, in a sentence.
    pub folders: Result<Vec<SenderRoot>, String>,
}

/// A folder of a sender, by its own paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderRoot {
    /// The folder.
    pub path: String,
    /// Names of some folders in it, as far as they are cheap to get.
    pub names: Vec<String>,
}

impl From<SenderRoots> for SenderFolders {
    fn from(SenderRoots { trigger, folders }: SenderRoots) -> Self {
        let named =
            |folders: Vec<SenderRoot>| folders.into_iter().map(|SenderRoot { path, names }| (path, names));
        Self { trigger, folders: folders.map(|folders| named(folders).collect()) }
    }
}
