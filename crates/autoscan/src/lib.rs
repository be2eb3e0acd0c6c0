//! The program: reads the command line, wires the rooms together and runs. No logic lives here.

mod cli;
mod client;
mod clock;
mod commands;
mod config;
mod control;
mod disk;
mod logging;
mod login;
mod output;
mod reading;
mod senders;
mod server;
mod session_key;
mod supervisor;
mod wire;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;

/// How a command ended.
enum End {
    /// Well: 0.
    Well,
    /// The thing asked for failed: 1.
    Failed,
    /// The command or the config is wrong: 2.
    Wrong,
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        match end {
            End::Well => Self::SUCCESS,
            End::Failed => Self::from(1),
            End::Wrong => Self::from(2),
        }
    }
}

/// Runs a command line, the program's name first, to its end. Help and faults of the command line are printed.
pub async fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match Cli::try_parse_from(arguments) {
        Ok(cli) => commands::run(cli).await.into(),
        Err(told) => {
            let _gone = told.print();
            ExitCode::from(u8::try_from(told.exit_code()).unwrap_or(2))
        }
    }
}
