//! What was logged last, as the pages see it. The program that logs implements it.

use autoscan_core::time::Timestamp;
use tokio::sync::watch;

/// How important a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// What explains the inside of a case.
    Trace,
    /// What explains one case.
    Debug,
    /// What an owner wants to read the next day.
    Info,
    /// Something is wrong, and autoscan goes on by itself.
    Warn,
    /// A person may have to act.
    Error,
}

impl LogLevel {
    /// Every level, the most important first.
    pub const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// The level of this word.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == word)
    }
}

/// A line of the log: without secrets, and on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Its number: later lines have higher ones.
    pub number: u64,
    /// When it was logged.
    pub at: Timestamp,
    /// How important it is.
    pub level: LogLevel,
    /// What it says, with its fields.
    pub text: String,
}

/// The newest lines of the log.
pub trait LogTail: Send + Sync {
    /// The newest lines of at least this level that hold this text in whatever case, the newest first, at most `limit`.
    fn recent(&self, least: LogLevel, text: &str, limit: usize) -> Vec<LogLine>;

    /// Changes whenever there are new lines of level `info` or above. Those below are not told: to look at a page
    /// is logged among them.
    fn news(&self) -> watch::Receiver<u64>;
}
