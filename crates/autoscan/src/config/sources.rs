//! Where a config may come from: an argument, the environment, folders.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use super::fault::{ConfigFault, ConfigFaults};

/// Where a config may come from. Handed in, so that a test needs no process of its own.
#[derive(Clone)]
pub(super) struct Sources {
    /// `--config`.
    pub(super) config: Option<PathBuf>,
    /// Every variable of the environment.
    pub(super) environment: BTreeMap<String, String>,
    /// The current folder.
    pub(super) current: PathBuf,
    /// The folder that containers mount for settings: `/config`.
    pub(super) container: PathBuf,
}

/// The environment may hold secrets.
impl fmt::Debug for Sources {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Sources").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Sources {
    /// Those of this process. Variables that are not UTF-8 are none of ours.
    pub(super) fn of_process(config: Option<&Path>) -> Result<Self, ConfigFaults> {
        let text =
            |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        let current = std::env::current_dir().map_err(|error| {
            ConfigFault::general(format!("the current folder is gone or closed to autoscan: {error}"))
        })?;
        Ok(Self {
            config: config.map(Path::to_owned),
            environment: std::env::vars_os().filter_map(text).collect(),
            current,
            container: PathBuf::from("/config"),
        })
    }
}
