//! What a command prints: lines, tables and JSON on standard output. A reader that went away (`autoscan … | head`) is no
//! failure.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::logging;

/// Prints a line.
pub(crate) fn line(text: impl AsRef<str>) {
    write(text.as_ref());
}

/// Prints a value as indented JSON.
pub(crate) fn json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => write(&text),
        Err(error) => complain(format!("this cannot be written as JSON: {error}")),
    }
}

/// Prints a sentence for a person on standard error.
pub(crate) fn complain(text: impl AsRef<str>) {
    let _gone = writeln!(io::stderr().lock(), "{}", logging::redaction().hide(text.as_ref()));
}

/// Whether a person watches standard output.
pub(crate) fn is_watched() -> bool {
    io::stdout().is_terminal()
}

/// Replaces the line that was shown last by this one; for a person who watches.
pub(crate) fn progress(text: &str) {
    let mut out = io::stdout().lock();
    let _gone = write!(out, "\r\u{1b}[2K{text}").and_then(|()| out.flush());
}

fn write(text: &str) {
    let mut out = io::stdout().lock();
    let _gone = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Prints rows below headings: aligned for a person who watches, separated by tabs in a pipe.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) {
    let clean =
        |cell: &str| cell.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect::<String>();
    let head: Vec<String> = headings.iter().map(|heading| (*heading).to_owned()).collect();
    let all: Vec<Vec<String>> =
        std::iter::once(&head).chain(rows).map(|row| row.iter().map(|cell| clean(cell)).collect()).collect();
    if !is_watched() {
        for row in &all {
            line(row.join("\t"));
        }
        return;
    }
    let widths: Vec<usize> = (0..headings.len())
        .map(|at| {
            all.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    for row in &all {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        line(cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}
