//! The config that the first start writes.

use std::path::Path;

use super::fault::{ConfigFault, shown_path};
use super::read::Language;
use super::secrets::{Generated, write_new};

/// The config with every key explained; `{password}` and `{api-key}` stand for secrets.
pub(super) const TEMPLATE: &str = include_str!("first_run.yml");

/// Writes the first config to `path`, for its owner only. Never overwrites.
pub(super) fn write(path: &Path) -> Result<Generated, ConfigFault> {
    if Language::of(path)? != Language::Yaml {
        return Err(ConfigFault::general(format!(
            "{}: there is no such file, and the first config is written as YAML: name it config.yml",
            shown_path(path)
        )));
    }
    let made = Generated::new()?;
    let [password, api_key] = made.reveal();
    let text = TEMPLATE.replace("{password}", password).replace("{api-key}", api_key);
    write_new(path, &text).map_err(|error| {
        ConfigFault::general(format!(
            "there is no config yet, and {} cannot be written: {error}. Make the folder writable for user {}, or name a config with --config",
            shown_path(path),
            rustix::process::geteuid().as_raw()
        ))
    })?;
    Ok(made)
}
