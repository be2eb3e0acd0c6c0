//! What is logged, and how it looks.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt;

/// Logs to standard error from now on: as text, or one JSON object a line.
pub(crate) fn start(json: bool, level: LevelFilter) {
    let builder = fmt().with_writer(io::stderr).with_max_level(level);
    let started = if json {
        builder.json().flatten_event(true).with_target(false).try_init()
    } else {
        builder.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).with_target(false).try_init()
    };
    drop(started);
}
