//! How a command ended, and its exit code.

use std::process::ExitCode;

/// How a command ended.
pub(crate) enum CommandEnd {
    /// Well: 0.
    Well,
    /// The thing asked for failed: 1.
    Failed,
    /// The command or the config is wrong: 2.
    Wrong,
}

impl From<CommandEnd> for ExitCode {
    fn from(end: CommandEnd) -> Self {
        match end {
            CommandEnd::Well => Self::SUCCESS,
            CommandEnd::Failed => Self::from(1),
            CommandEnd::Wrong => Self::from(2),
        }
    }
}
