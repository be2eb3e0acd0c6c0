//! The config as a whole: files and variables in, settings or sentences out.

mod edits;
mod environment;
mod examples;
mod faults;
mod finding;
mod languages;
mod properties;
mod secrets;
mod targets;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::sources::Sources;
use super::{ConfigFaults, KindSchema, Kinds, Loaded, load};

/// Every kind there is.
fn kinds() -> Kinds {
    let trigger =
        |kind: &autoscan_triggers::TriggerKind| KindSchema { name: kind.name, settings: kind.settings };
    let target =
        |kind: &autoscan_targets::TargetKind| KindSchema { name: kind.name, settings: kind.settings };
    Kinds {
        triggers: autoscan_triggers::kinds().iter().map(trigger).collect(),
        targets: autoscan_targets::kinds().iter().map(target).collect(),
    }
}

/// A machine with files and variables: a current folder `here`, a home `home` and a `/config` that need not exist.
struct Machine {
    disk: TempDir,
    sources: Sources,
}

impl Machine {
    fn new() -> Self {
        let disk = tempfile::tempdir().unwrap();
        let current = disk.path().join("here");
        std::fs::create_dir(&current).unwrap();
        let sources = Sources {
            config: None,
            environment: BTreeMap::from([(
                "HOME".to_owned(),
                disk.path().join("home").display().to_string(),
            )]),
            container: disk.path().join("config"),
            current,
        };
        Self { disk, sources }
    }

    /// A machine with this `config.yml` in its current folder.
    fn with_config(text: &str) -> Self {
        Self::new().file("here/config.yml", text)
    }

    fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        self.mode(name, 0o600)
    }

    fn mode(self, name: &str, mode: u32) -> Self {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.sources.environment.insert(name.to_owned(), value.into());
        self
    }

    fn config(mut self, path: &str) -> Self {
        self.sources.config = Some(PathBuf::from(path));
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.disk.path().join(name)
    }

    fn look(&self) -> Result<Loaded, ConfigFaults> {
        load::look(&self.sources, &kinds())
    }

    fn begin(&self) -> Result<Loaded, ConfigFaults> {
        load::begin(&self.sources, &kinds())
    }

    /// The faults, one string each.
    fn faults(&self) -> Vec<String> {
        self.look().expect_err("the config has faults").iter().map(ToString::to_string).collect()
    }
}

/// The settings of a config in the current folder.
fn loaded(config: &str) -> Loaded {
    Machine::with_config(config).look().unwrap_or_else(|faults| panic!("{faults}"))
}

/// The faults of a config in the current folder.
fn faults(config: &str) -> Vec<String> {
    Machine::with_config(config).faults()
}

/// The folder of the whole project.
fn project() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
