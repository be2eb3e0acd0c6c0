//! A config without faults, as it was loaded.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use autoscan_core::name::Name;
use serde_json::Value;

use super::fault::ConfigFault;
use super::node::Location;
use super::redact;
use super::secrets::Generated;
use super::settings::Settings;
use super::sources::Sources;

/// A config without faults.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// What it says.
    pub(crate) settings: Settings,
    /// The file; none when the environment alone was enough.
    pub(crate) path: Option<PathBuf>,
    /// The config's folder.
    pub(crate) folder: PathBuf,
    /// What a person should know, in sentences: keys without effect, secrets that others can read.
    pub(crate) notes: Vec<String>,
    /// The secrets that were made just now: to be shown once.
    pub(crate) generated: Option<Generated>,
    /// Everything that is written, in the file or the environment.
    pub(super) written: WrittenConfig,
    /// Where it came from.
    pub(super) sources: Sources,
    /// The variables of the environment, or of `.env`, that were used.
    pub(super) variables: Vec<String>,
    pub(super) triggers_at: HashMap<String, (Location, String)>,
    pub(super) targets_at: HashMap<String, (Location, String)>,
}

/// A config as JSON, secrets and all: it cannot be printed.
pub(super) struct WrittenConfig(pub(super) Value);

impl fmt::Debug for WrittenConfig {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Written(•••)")
    }
}

impl Loaded {
    /// Every secret that it holds, in clear: for what must hide them.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let auth = &self.settings.authentication;
        let made = [&auth.password, &auth.api_key, &auth.server_pass, &auth.webhook_secret];
        let made = made.into_iter().flatten().map(|secret| secret.reveal().to_owned());
        redact::secrets_in(&self.written.0).into_iter().chain(made).collect()
    }

    /// The variables that were used, by name.
    pub(crate) fn variables(&self) -> &[String] {
        &self.variables
    }

    /// That the kind of a trigger refuses its settings, told with their place.
    pub(crate) fn fault_of_trigger(&self, name: &Name, reason: &str) -> ConfigFault {
        fault_of(self.triggers_at.get(name.as_str()), name, reason)
    }

    /// That the kind of a target refuses its settings, told with their place.
    pub(crate) fn fault_of_target(&self, name: &Name, reason: &str) -> ConfigFault {
        fault_of(self.targets_at.get(name.as_str()), name, reason)
    }
}

fn fault_of(written: Option<&(Location, String)>, name: &Name, reason: &str) -> ConfigFault {
    match written {
        Some((place, path)) => ConfigFault::at(place, format!("{path}: {reason}")),
        None => ConfigFault::general(format!("{name}: {reason}")),
    }
}
