//! Where servers are started: the built programs, and a fresh folder for each server.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::server::{Server, free_address};

/// The user that webhooks are posted as.
pub(crate) const USERNAME: &str = "bench";
/// Its password.
pub(crate) const PASSWORD: &str = "a-long-word-for-the-bench";

/// What a measurement changes in autoscan's config.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// How long a folder must be quiet.
    pub(crate) minimum_age: &'static str,
    /// How long a busy folder may be held back.
    pub(crate) maximum_wait: &'static str,
    /// Targets: kind and address.
    pub(crate) targets: Vec<(&'static str, SocketAddr)>,
}

impl Settings {
    /// Nothing becomes due while the bench runs: what is measured is the intake.
    pub(crate) fn intake() -> Self {
        Self { minimum_age: "1h", maximum_wait: "2h", targets: Vec::new() }
    }
}

/// Where the built programs are, and where their databases may stand.
pub(crate) struct Workspace {
    programs: PathBuf,
    folders: TempDir,
}

impl Workspace {
    /// The programs beside this one; databases under the same folder, so that they stand on a real disk and not in
    /// memory.
    pub(crate) fn new() -> Result<Self> {
        let own = std::env::current_exe()?;
        let programs = own.parent().context("this program has no folder")?.to_owned();
        let folders = TempDir::with_prefix_in("bench-", &programs)?;
        Ok(Self { programs, folders })
    }

    /// The folder of all databases.
    pub(crate) fn folder(&self) -> &Path {
        self.folders.path()
    }

    /// A new folder for one server.
    pub(crate) fn fresh(&self) -> Result<TempDir> {
        Ok(TempDir::new_in(self.folders.path())?)
    }

    /// The floor, with its database in `folder`.
    pub(crate) fn floor(&self, folder: &Path) -> Result<Server> {
        let address = free_address()?;
        let mut command = self.command("floor", folder)?;
        command.args(["--port", &address.port().to_string(), "--database", "floor.db"]);
        Server::start(command, address)
    }

    /// `autoscan serve`, with its config, database and log in `folder`.
    pub(crate) fn autoscan(&self, folder: &Path, settings: &Settings) -> Result<Server> {
        let address = free_address()?;
        std::fs::write(folder.join("config.yml"), config(address, settings))?;
        let mut command = self.command("autoscan", folder)?;
        command.args(["serve", "--config", "config.yml"]);
        Server::start(command, address).with_context(|| last_words(folder))
    }

    /// `autoscan serve` with these lines in its config beside where it listens and who may.
    pub(crate) fn autoscan_with(&self, folder: &Path, lines: &str) -> Result<Server> {
        let address = free_address()?;
        std::fs::write(folder.join("config.yml"), general(address) + lines)?;
        let mut command = self.command("autoscan", folder)?;
        command.args(["serve", "--config", "config.yml"]);
        Server::start(command, address).with_context(|| last_words(folder))
    }

    /// A built program.
    pub(crate) fn program(&self, name: &str) -> Result<PathBuf> {
        let path = self.programs.join(name);
        if !path.is_file() {
            bail!("{name} is not built: run scripts/bench, which builds it");
        }
        Ok(path)
    }

    fn command(&self, program: &str, folder: &Path) -> Result<Command> {
        let path = self.program(program)?;
        let log = File::create(folder.join("log"))?;
        let mut command = Command::new(path);
        // Nothing of this shell's environment may change what is measured.
        command.env_clear().current_dir(folder).stdout(Stdio::null()).stderr(log);
        Ok(command)
    }
}

/// Where autoscan listens, and who may ask it.
fn general(address: SocketAddr) -> String {
    format!(
        "host: 127.0.0.1\nport: {}\ndatabase: sqlite:autoscan.db\n\
         authentication: {{ username: {USERNAME}, password: {PASSWORD} }}\n",
        address.port()
    )
}

fn config(address: SocketAddr, settings: &Settings) -> String {
    let Settings { minimum_age, maximum_wait, targets } = settings;
    let targets = targets.iter().fold(String::new(), |text, (kind, address)| {
        text + &format!("  {kind}: [{{ name: {kind}, url: 'http://{address}', token: bench-token }}]\n")
    });
    let targets = if targets.is_empty() { String::new() } else { format!("targets:\n{targets}") };
    let general = general(address);
    format!(
        "{general}minimum-age: {minimum_age}\nmaximum-wait: {maximum_wait}\nscan-delay: 0s\n\
         files: {{ check: false }}\n\
         triggers:\n  sonarr: [{{ name: sonarr }}]\n{targets}"
    )
}

/// The last line that a server wrote before it failed.
fn last_words(folder: &Path) -> String {
    let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    log.lines().last().map_or_else(|| "it wrote nothing".to_owned(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_config_names_its_port_and_its_targets() {
        let address = "127.0.0.1:4711".parse().unwrap();
        let settings = Settings { targets: vec![("plex", address)], ..Settings::intake() };

        let text = config(address, &settings);

        assert!(text.contains("\nport: 4711\n"), "{text}");
        assert!(text.ends_with(
            "targets:\n  plex: [{ name: plex, url: 'http://127.0.0.1:4711', token: bench-token }]\n"
        ));
        assert!(!config(address, &Settings::intake()).contains("targets"));
    }
}
