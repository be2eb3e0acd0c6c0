//! What can be typed: every command and argument.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

/// Tells Plex, Jellyfin and Emby exactly which folder to scan, when the file is really there.
#[derive(Debug, Parser)]
#[command(name = "autoscan", version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// The config file [default: that of the environment, ./config.yml, ~/.config/autoscan/config.yml or /config/config.yml]
    #[arg(long, short, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: CliCommand,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum CliCommand {
    /// Runs the server; the first run writes a config and prints its secrets once
    Serve,
    /// Checks the config, then asks every target, every arr with an `api`, and looks at every anchor and map
    Check {
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Tells the journey of one path, and changes nothing
    Explain {
        /// The path as the trigger sees it
        path: String,
        /// The trigger whose map and filter are used
        #[arg(long, value_name = "NAME")]
        trigger: Option<String>,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Asks the running server for a scan
    Scan(ScanArgs),
    /// Shows and changes the queue of the running server
    Queue {
        #[command(subcommand)]
        command: QueueCommand,
    },
    /// Lists every target's libraries with their ids
    Libraries {
        /// With their folders
        #[arg(long)]
        paths: bool,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Prints the config as it is read, with its defaults; secrets are dots
    Config {
        /// Hides secrets: so it is always, and the word is here for those who want to be sure
        #[arg(long)]
        redacted: bool,
    },
    /// Prints the JSON Schema of the config
    Schema {
        /// Prints the reference of every key as Markdown instead
        #[arg(long)]
        reference: bool,
    },
    /// Prints completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Reads a password from standard input and prints its argon2 hash, for `authentication.password-hash`
    HashPassword,
    /// Exits with 0 when the running server is healthy; for containers
    Healthcheck,
}

/// What to scan.
#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    /// Folders or files, as the trigger `manual` sees them
    #[arg(required = true)]
    pub(crate) paths: Vec<String>,
    /// Only this target; can be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) target: Vec<String>,
    /// Waits until every target showed the files or will not, and shows how it goes
    #[arg(long)]
    pub(crate) wait: bool,
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What to do with the queue.
#[derive(Debug, Subcommand)]
pub(crate) enum QueueCommand {
    /// Lists scans, newest first
    List {
        /// Only in this state: waiting, running, done or attention
        #[arg(long)]
        state: Option<String>,
        /// Only with a delivery to this target
        #[arg(long, value_name = "NAME")]
        target: Option<String>,
        /// Only with a change of this trigger
        #[arg(long, value_name = "NAME")]
        trigger: Option<String>,
        /// At most this many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=500))]
        limit: u16,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Shows one scan with its changes and deliveries
    Show {
        /// The scan's number
        id: i64,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Tries a scan again, now
    Retry {
        /// The scan's number
        id: i64,
    },
    /// Forgets a scan
    Drop {
        /// The scan's number
        id: i64,
    },
    /// Stops telling a target, or all, until resumed
    Pause {
        /// The target
        target: Option<String>,
        /// Only for so long: 30m, 2h
        #[arg(long = "for", value_name = "DURATION")]
        duration: Option<String>,
    },
    /// Goes on after a pause
    Resume {
        /// The target
        target: Option<String>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
