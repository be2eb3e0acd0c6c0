//! Secrets that autoscan makes itself, where the config names none.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use autoscan_core::secret::Secret;
use serde::Deserialize;
use serde_json::json;

use super::fault::{ConfigFault, shown_path};

/// The file beside the config, or beside the database, that keeps them.
pub(super) const FILE: &str = "autoscan.secrets.json";

/// Letters that stand in a URL without escaping: 64, so that a random byte has no favourite.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A password and an API key that autoscan made. `serve` shows them once.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Generated {
    /// The password to log in with.
    pub(crate) password: Option<Secret>,
    /// The API key.
    pub(crate) api_key: Option<Secret>,
}

impl Generated {
    /// New random secrets of 32 letters each.
    pub(super) fn new() -> Result<Self, ConfigFault> {
        Ok(Self { password: Some(random()?), api_key: Some(random()?) })
    }

    /// Both in clear, for the file that keeps them.
    pub(super) fn reveal(&self) -> [&str; 2] {
        [&self.password, &self.api_key].map(|secret| secret.as_ref().map(Secret::reveal).unwrap_or_default())
    }
}

fn random() -> Result<Secret, ConfigFault> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| {
        ConfigFault::general(format!("the system gives no random numbers for a password: {error}"))
    })?;
    let text: String = bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte & 63)])).collect();
    Ok(Secret::new(text))
}

/// The secrets that were made before, from the first of `folders` that has them.
pub(super) fn kept(folders: &[PathBuf]) -> Result<Option<Generated>, ConfigFault> {
    for folder in folders {
        let path = folder.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                let message = format!("{}: {}", shown_path(&path), super::fault::why_unreadable(&error));
                return Err(ConfigFault::general(message));
            }
        };
        return serde_json::from_str(&text).map(Some).map_err(|_holds_secrets| {
            ConfigFault::general(format!(
                "{} is broken: delete it, and the next start makes a new password and API key",
                shown_path(&path)
            ))
        });
    }
    Ok(None)
}

/// Makes secrets and keeps them in the first of `folders` that can be written.
pub(super) fn make(folders: &[PathBuf]) -> Result<Generated, ConfigFault> {
    let made = Generated::new()?;
    let [password, api_key] = made.reveal();
    let text = json!({ "password": password, "api-key": api_key }).to_string();
    let mut why = String::new();
    for folder in folders {
        let path = folder.join(FILE);
        match write_new(&path, &text) {
            Ok(()) => return Ok(made),
            Err(error) => why = format!("{} cannot be written: {error}", shown_path(&path)),
        }
    }
    Err(ConfigFault::general(format!(
        "the config names no password, and {why}. Write authentication.password into the config, or make the folder writable"
    )))
}

/// Writes a file that is not there yet, for its owner only.
pub(super) fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a file would be taken for a whole one at the next start.
        std::fs::remove_file(path)?;
    }
    written
}
