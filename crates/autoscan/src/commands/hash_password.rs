//! `autoscan hash-password`: a password becomes what the config may hold without knowing it.

use std::io::{self, BufRead, Read};

use autoscan_core::secret::Secret;

use crate::command_end::CommandEnd;
use crate::output;

/// The longest password, in bytes.
const LONGEST: u64 = 1024;

pub(crate) fn run() -> Result<CommandEnd, String> {
    if io::IsTerminal::is_terminal(&io::stdin()) {
        output::complain("Type the password and press Enter (it is shown as you type):");
    }
    let mut line = String::new();
    let read = io::stdin().lock().take(LONGEST + 2).read_line(&mut line);
    read.map_err(|error| format!("the password cannot be read from standard input: {error}"))?;
    let password = Secret::new(line.trim_end_matches(['\r', '\n']));
    if password.is_empty() {
        return Err("there is no password on standard input: pipe one into this command".to_owned());
    }
    if password.reveal().len() as u64 > LONGEST {
        return Err(format!("the password is longer than {LONGEST} bytes"));
    }
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| format!("the system gives no random numbers: {error}"))?;
    output::line(autoscan_web::hash_password(&password, &salt)?);
    Ok(CommandEnd::Well)
}
