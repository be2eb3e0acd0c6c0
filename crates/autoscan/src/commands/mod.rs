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
mod unreached;

use std::path::Path;

use clap::CommandFactory;

use crate::cli::{Cli, CliCommand};
use crate::client::Client;
use crate::command_end::CommandEnd;
use crate::config::{self, ConfigFaults, Loaded};
use crate::reading::ConfigReader;
use crate::{output, wire};

/// Runs what was typed.
pub(crate) async fn run(cli: Cli) -> CommandEnd {
    let config = cli.config.as_deref();
    match cli.command {
        CliCommand::Serve => serve::run(config).await,
        CliCommand::Check { json } => match load(config).await {
            Ok(Ok(loaded)) => check::run(&loaded, json).await,
            Ok(Err(faults)) => check::broken(&faults, json),
            Err(end) => end,
        },
        CliCommand::Explain { path, trigger, json } => match loaded(config).await {
            Ok(loaded) => explain::run(&loaded, &path, trigger.as_deref(), json).await,
            Err(end) => end,
        },
        CliCommand::Libraries { paths, json } => match loaded(config).await {
            Ok(loaded) => libraries::run(&loaded, paths, json).await,
            Err(end) => end,
        },
        CliCommand::Scan(args) => match client(config).await {
            Ok(client) => ended(scan::run(&client, args).await),
            Err(end) => end,
        },
        CliCommand::Queue { command } => match client(config).await {
            Ok(client) => ended(queue::run(&client, command).await),
            Err(end) => end,
        },
        CliCommand::Healthcheck => match client(config).await {
            Ok(client) => ended(healthcheck::run(&client).await),
            Err(end) => end,
        },
        CliCommand::HashPassword => ended(hash_password::run()),
        CliCommand::Config { redacted: _ } => match loaded(config).await {
            Ok(loaded) => {
                output::line(loaded.redacted(&wire::kinds()).trim_end());
                CommandEnd::Well
            }
            Err(end) => end,
        },
        CliCommand::Schema { reference } => schema(reference),
        CliCommand::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "autoscan", &mut script);
            output::document(String::from_utf8_lossy(&script).trim_end());
            CommandEnd::Well
        }
    }
}

fn schema(reference: bool) -> CommandEnd {
    let kinds = wire::kinds();
    if reference {
        output::document(config::reference(&kinds).trim_end());
    } else {
        output::json(&config::schema(&kinds));
    }
    CommandEnd::Well
}

/// The config, for a command that needs one that exists. Its faults are printed, all of them.
async fn loaded(config: Option<&Path>) -> Result<Loaded, CommandEnd> {
    load(config).await?.map_err(|faults| {
        output::complain(faults.to_string());
        CommandEnd::Wrong
    })
}

/// The config, or its faults. A config that cannot be read in time is a failure, which is printed.
async fn load(config: Option<&Path>) -> Result<Result<Loaded, ConfigFaults>, CommandEnd> {
    let config = config.map(Path::to_owned);
    let read = ConfigReader::default().run(move || config::load(config.as_deref(), &wire::kinds())).await;
    read.map_err(|reason| {
        output::complain(reason);
        CommandEnd::Failed
    })
}

/// A client of the server that runs with this config.
async fn client(config: Option<&Path>) -> Result<Client, CommandEnd> {
    let loaded = loaded(config).await?;
    let wrong = |reason: String| {
        output::complain(reason);
        CommandEnd::Wrong
    };
    // What a kind refuses is a broken config for every command, also for one that asks no server.
    wire::open(&loaded).map_err(|faults| wrong(faults.to_string()))?;
    Client::new(&loaded).map_err(wrong)
}

/// A failure is a sentence for a person.
fn ended(result: Result<CommandEnd, String>) -> CommandEnd {
    result.unwrap_or_else(|reason| {
        output::complain(reason);
        CommandEnd::Failed
    })
}
