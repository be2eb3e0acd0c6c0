//! The commands, one file each.

mod check;
mod explain;
mod hash_password;
mod healthcheck;
mod libraries;
mod queue;
mod scan;
mod serve;
mod suggested_maps;

use std::path::Path;

use clap::CommandFactory;

use crate::cli::{Cli, Command};
use crate::client::Client;
use crate::config::{self, Loaded};
use crate::{End, output, wire};

/// Runs what was typed.
pub(crate) async fn run(cli: Cli) -> End {
    let config = cli.config.as_deref();
    match cli.command {
        Command::Serve => serve::run(config).await,
        Command::Check { json } => match config::load(config, &wire::kinds()) {
            Ok(loaded) => check::run(&loaded, json).await,
            Err(faults) => check::broken(&faults, json),
        },
        Command::Explain { path, trigger, json } => match loaded(config) {
            Ok(loaded) => explain::run(&loaded, &path, trigger.as_deref(), json).await,
            Err(end) => end,
        },
        Command::Libraries { paths, json } => match loaded(config) {
            Ok(loaded) => libraries::run(&loaded, paths, json).await,
            Err(end) => end,
        },
        Command::Scan(args) => match client(config) {
            Ok(client) => ended(scan::run(&client, args).await),
            Err(end) => end,
        },
        Command::Queue { command } => match client(config) {
            Ok(client) => ended(queue::run(&client, command).await),
            Err(end) => end,
        },
        Command::Healthcheck => match client(config) {
            Ok(client) => ended(healthcheck::run(&client).await),
            Err(end) => end,
        },
        Command::HashPassword => ended(hash_password::run()),
        Command::Config { redacted: _ } => match loaded(config) {
            Ok(loaded) => {
                output::line(loaded.redacted(&wire::kinds()).trim_end());
                End::Well
            }
            Err(end) => end,
        },
        Command::Schema { reference } => schema(reference),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "autoscan", &mut script);
            output::line(String::from_utf8_lossy(&script).trim_end());
            End::Well
        }
    }
}

fn schema(reference: bool) -> End {
    let kinds = wire::kinds();
    if reference {
        output::line(config::reference(&kinds).trim_end());
    } else {
        output::json(&config::schema(&kinds));
    }
    End::Well
}

/// The config, for a command that needs one that exists. Its faults are printed, all of them.
fn loaded(config: Option<&Path>) -> Result<Loaded, End> {
    config::load(config, &wire::kinds()).map_err(|faults| {
        output::complain(faults.to_string());
        End::Wrong
    })
}

/// A client of the server that runs with this config.
fn client(config: Option<&Path>) -> Result<Client, End> {
    let loaded = loaded(config)?;
    let wrong = |reason: String| {
        output::complain(reason);
        End::Wrong
    };
    // What a kind refuses is a broken config for every command, also for one that asks no server.
    wire::open(&loaded).map_err(|faults| wrong(faults.to_string()))?;
    Client::new(&loaded).map_err(wrong)
}

/// A failure is a sentence for a person.
fn ended(result: Result<End, String>) -> End {
    result.unwrap_or_else(|reason| {
        output::complain(reason);
        End::Failed
    })
}
