//! Where the config is.

use std::io;
use std::path::{Path, PathBuf};

use super::fault::{ConfigFault, ConfigFaults, shown_path, why_unreadable};
use super::read::{ENDINGS, Language};
use super::sources::Sources;
use super::variables::Variables;

/// Variables of the older app that are enough without a config file.
const ENOUGH: [&str; 7] = [
    "SERVER_PASS",
    "PLEX_LOCAL_URL",
    "PLEX_TOKEN",
    "JELLYFIN_LOCAL_URL",
    "JELLYFIN_API_KEY",
    "EMBY_LOCAL_URL",
    "EMBY_API_KEY",
];

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FoundConfig {
    /// A config file.
    File(PathBuf),
    /// What a config file might say.
    Text {
        /// The file.
        path: PathBuf,
        /// What it might say.
        text: String,
    },
    /// No config, and the environment says nothing either: `serve` writes one here.
    FirstRun {
        /// The file to write.
        write_to: PathBuf,
    },
    /// No config file, but the environment says enough.
    EnvironmentAlone {
        /// What relative paths count from.
        folder: PathBuf,
    },
}

impl FoundConfig {
    /// The config's file, if there is one.
    pub(super) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::File(path) | Self::Text { path, .. } => Some(path.clone()),
            Self::FirstRun { .. } | Self::EnvironmentAlone { .. } => None,
        }
    }

    /// The folder of the config: relative paths in it count from here.
    pub(super) fn folder(&self) -> PathBuf {
        match self {
            Self::File(path) | Self::Text { path, .. } | Self::FirstRun { write_to: path } => folder_of(path),
            Self::EnvironmentAlone { folder } => folder.clone(),
        }
    }
}

/// Looks at `--config`, `$AUTOSCAN_CONFIG`, the current folder, `$XDG_CONFIG_HOME/autoscan` and `/config`, in this order.
pub(super) fn find(sources: &Sources) -> Result<FoundConfig, ConfigFaults> {
    let named_in_environment = sources.environment.get("AUTOSCAN_CONFIG").filter(|path| !path.is_empty());
    let named = sources.config.clone().or_else(|| named_in_environment.map(PathBuf::from));
    let write_to = match named {
        Some(path) => {
            let path = sources.current.join(path);
            match exists(&path) {
                Ok(true) => return Ok(FoundConfig::File(path)),
                Ok(false) => path,
                Err(error) => {
                    let message = format!("{}: {}", shown_path(&path), why_unreadable(&error));
                    return Err(ConfigFault::general(message).into());
                }
            }
        }
        None => match candidates(sources).find(|path| exists(path).unwrap_or(false)) {
            Some(path) => return Ok(FoundConfig::File(path)),
            None => first_run_folder(sources).join("config.yml"),
        },
    };
    if sources.config.is_none() && environment_is_enough(sources, &folder_of(&write_to)) {
        return Ok(FoundConfig::EnvironmentAlone { folder: folder_of(&write_to) });
    }
    Language::of(&write_to)?;
    Ok(FoundConfig::FirstRun { write_to })
}

/// Every place that is looked at when none is named.
pub(super) fn candidates(sources: &Sources) -> impl Iterator<Item = PathBuf> {
    let variable =
        |name: &str| sources.environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = variable("XDG_CONFIG_HOME").or_else(|| variable("HOME").map(|home| home.join(".config")));
    let folders = [
        Some(sources.current.clone()),
        home.map(|home| home.join("autoscan")),
        Some(sources.container.clone()),
    ];
    folders
        .into_iter()
        .flatten()
        .flat_map(|folder| ENDINGS.map(|ending| folder.join("config").with_extension(ending)))
}

/// Other configs beside the one that is read: nobody should wonder why they do nothing.
pub(super) fn unread_beside(path: &Path) -> Vec<PathBuf> {
    let is_usual = path.file_stem().is_some_and(|stem| stem == "config");
    ENDINGS
        .iter()
        .map(|ending| path.with_extension(ending))
        .filter(|other| is_usual && other != path && other.is_file())
        .collect()
}

fn exists(path: &Path) -> io::Result<bool> {
    match std::fs::metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

fn first_run_folder(sources: &Sources) -> PathBuf {
    let writable = rustix::fs::access(&sources.container, rustix::fs::Access::WRITE_OK).is_ok();
    if writable && sources.container.is_dir() { sources.container.clone() } else { sources.current.clone() }
}

/// Whether the environment, or the `.env` in `folder`, names a target or the older app's password.
fn environment_is_enough(sources: &Sources, folder: &Path) -> bool {
    let variables = Variables::new(&sources.environment, folder, &sources.current, &mut Vec::new());
    variables.layers().any(|mut layer| {
        layer.any(|variable| {
            let name = variable.name.strip_suffix("_FILE").unwrap_or(&variable.name);
            ENOUGH.contains(&name) || variable.name.to_ascii_uppercase().starts_with("AUTOSCAN__TARGETS__")
        })
    })
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().map(Path::to_owned).unwrap_or_default()
}
