//! The program: reads the command line, wires the crates together and runs. No logic lives here.

mod cli;
mod client;
mod clock;
mod command_end;
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

/// Runs a command line, the program's name first, to its end. Help and faults of the command line are printed.
pub async fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match Cli::try_parse_from(arguments) {
        Ok(cli) => commands::run(cli).await.into(),
        Err(help_or_fault) => {
            let _gone = help_or_fault.print();
            ExitCode::from(u8::try_from(help_or_fault.exit_code()).unwrap_or(2))
        }
    }
}
