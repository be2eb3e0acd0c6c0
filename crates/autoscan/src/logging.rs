//! What is logged, and how it looks. There is one log in a process, and what it must never show is known to it.

mod repeats;

use std::collections::VecDeque;
use std::io::{self, Write};
use std::panic;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use autoscan_core::ports::Clock;
use autoscan_core::redact::Redaction;
use autoscan_web::{LogLevel, LogLine, LogTail};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::clock::SystemClock;
use crate::output;
use repeats::{Repeats, WithoutRepeats};

/// Lines that are kept for the page.
const LINES: usize = 2000;
/// Bytes that they may take.
const BYTES: usize = 1 << 20;
/// Bytes of one of them.
const LONGEST: usize = 8 << 10;

static LOG: LazyLock<ProcessLog> = LazyLock::new(ProcessLog::default);

#[derive(Default)]
struct ProcessLog {
    redaction: Redaction,
    tail: Arc<Tail>,
    repeats: Repeats,
}

/// What is hidden in everything that this process says.
pub(crate) fn redaction() -> Redaction {
    LOG.redaction.clone()
}

/// The newest lines.
pub(crate) fn tail() -> Arc<dyn LogTail> {
    Arc::clone(&LOG.tail) as _
}

/// Logs to standard error from now on: as text, or one JSON object a line.
pub(crate) fn start(json: bool, level: LevelFilter) {
    let out = fmt::layer().with_target(false).with_writer(Redacting(redaction()));
    let out: Box<dyn Layer<Registry> + Send + Sync> = if json {
        out.json().flatten_event(true).boxed()
    } else {
        out.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).boxed()
    };
    let tail = fmt::layer().with_target(false).with_level(false).with_ansi(false).without_time();
    let tail = tail.with_writer(ToTail(redaction(), Arc::clone(&LOG.tail)));
    let once = WithoutRepeats(&LOG.repeats);
    drop(tracing_subscriber::registry().with(out).with(tail).with(once).with(level).try_init());
    panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(ToString::to_string);
        let reason = panic.payload_as_str().unwrap_or("no reason is known");
        tracing::error!(
            at,
            reason,
            "a part of autoscan broke by a fault of its own; please report this line"
        );
    }));
}

/// How often there is a look for counts that are due.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// Logs what repeats, until `stop`.
pub(crate) async fn report_repeats(stop: CancellationToken) -> Result<(), String> {
    while stop.run_until_cancelled(tokio::time::sleep(REPORT_EVERY)).await.is_some() {
        LOG.repeats.report(false);
    }
    Ok(())
}

/// Logs the counts of what repeated, at the end.
pub(crate) fn report_repeats_now() {
    LOG.repeats.report(true);
}

/// Logs the next warning of every kind, also one that would be a repeat: a person tries something anew.
pub(crate) fn forget_repeats() {
    LOG.repeats.forget();
}

/// Standard error, without secrets.
struct Redacting(Redaction);

impl<'a> MakeWriter<'a> for Redacting {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

/// A line is written in one piece.
impl Write for &Redacting {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        io::stderr().lock().write_all(self.0.hide(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// The newest lines, in memory.
#[derive(Default)]
struct Tail {
    kept: Mutex<KeptLines>,
    /// The number of the last line that is told.
    last: watch::Sender<u64>,
}

#[derive(Default)]
struct KeptLines {
    lines: VecDeque<LogLine>,
    bytes: usize,
    number: u64,
}

impl Tail {
    fn keep(&self, level: LogLevel, text: String) {
        let at = SystemClock.now();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.number += 1;
        kept.bytes += text.len();
        let number = kept.number;
        kept.lines.push_back(LogLine { number, at, level, text });
        while (kept.lines.len() > LINES || kept.bytes > BYTES)
            && let Some(oldest) = kept.lines.pop_front()
        {
            kept.bytes -= oldest.text.len();
        }
        drop(kept);
        if level >= LogLevel::Info {
            self.last.send_replace(number);
        }
    }
}

impl LogTail for Tail {
    fn recent(&self, least: LogLevel, text: &str, limit: usize) -> Vec<LogLine> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = text.to_lowercase();
        let fits = |line: &&LogLine| {
            line.level >= least && (wanted.is_empty() || line.text.to_lowercase().contains(&wanted))
        };
        kept.lines.iter().rev().filter(fits).take(limit).cloned().collect()
    }

    fn news(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }
}

struct ToTail(Redaction, Arc<Tail>);

/// One line on its way into the tail.
struct TailWriter<'a> {
    to: &'a ToTail,
    level: LogLevel,
}

impl<'a> MakeWriter<'a> for ToTail {
    type Writer = TailWriter<'a>;

    fn make_writer(&'a self) -> TailWriter<'a> {
        TailWriter { to: self, level: LogLevel::Info }
    }

    fn make_writer_for(&'a self, of: &Metadata<'_>) -> TailWriter<'a> {
        let level = match *of.level() {
            Level::TRACE => LogLevel::Trace,
            Level::DEBUG => LogLevel::Debug,
            Level::INFO => LogLevel::Info,
            Level::WARN => LogLevel::Warn,
            Level::ERROR => LogLevel::Error,
        };
        TailWriter { to: self, level }
    }
}

/// A line is written in one piece.
impl Write for TailWriter<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let ToTail(redaction, tail) = self.to;
        tail.keep(self.level, on_one_line(&redaction.hide(text.trim_end())));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The beginning of a line, in which nothing begins another one.
fn on_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(LONGEST));
    for letter in text.chars() {
        if line.len() > LONGEST {
            line.push('…');
            break;
        }
        if output::is_unseen(letter) { line.extend(letter.escape_default()) } else { line.push(letter) }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_are_kept_within_a_number_and_a_size() {
        let tail = Tail::default();
        for number in 0..LINES + 10 {
            tail.keep(LogLevel::Info, format!("line {number}"));
        }
        let all = tail.recent(LogLevel::Trace, "", usize::MAX);
        assert_eq!((all.len(), all[0].number), (LINES, 2010));
        for _ in 0..LINES {
            tail.keep(LogLevel::Debug, "x".repeat(LONGEST));
        }
        let all = tail.recent(LogLevel::Trace, "", usize::MAX);
        assert_eq!(all.len(), BYTES / LONGEST);
        assert_eq!(tail.recent(LogLevel::Info, "", 10), []);
    }

    #[test]
    fn lines_are_found_by_level_and_text_in_whatever_case() {
        let tail = Tail::default();
        tail.keep(LogLevel::Warn, "The lane holds".to_owned());
        tail.keep(LogLevel::Debug, "answered".to_owned());
        assert_eq!(tail.recent(LogLevel::Info, "LANE", 10).len(), 1);
        assert_eq!(tail.recent(LogLevel::Error, "lane", 10), []);
        assert_eq!(*tail.news().borrow(), 1, "what is less than info is not told");
    }

    #[test]
    fn a_line_stays_one_line_and_is_cut_when_it_is_long() {
        assert_eq!(on_one_line("a\nb\u{1b}[31m\tc"), "a\\nb\\u{1b}[31m\\tc");
        assert!(on_one_line(&"é".repeat(LONGEST)).len() <= LONGEST + 5);
    }
}
