//! What a command prints: lines, tables and JSON on standard output. A reader that went away (`autoscan … | head`) is no
//! failure.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::logging;

/// Prints lines for a person.
pub(crate) fn line(text: impl AsRef<str>) {
    write(&visible(text.as_ref()));
}

/// Prints a text of our own as it is: a script, a schema.
pub(crate) fn document(text: &str) {
    write(text);
}

/// Prints a value as indented JSON.
pub(crate) fn json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => write(&ascii_escapes(&text)),
        Err(error) => complain(format!("this cannot be written as JSON: {error}")),
    }
}

/// Prints a sentence for a person on standard error.
pub(crate) fn complain(text: impl AsRef<str>) {
    let _gone = writeln!(io::stderr().lock(), "{}", visible(&logging::redaction().hide(text.as_ref())));
}

/// Whether a person watches standard output.
pub(crate) fn is_watched() -> bool {
    io::stdout().is_terminal()
}

/// Replaces the line that was shown last by this one; for a person who watches.
pub(crate) fn progress(text: &str) {
    let mut out = io::stdout().lock();
    let _gone = write!(out, "\r\u{1b}[2K{}", visible(text)).and_then(|()| out.flush());
}

fn write(text: &str) {
    let mut out = io::stdout().lock();
    let _gone = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Whether a letter is not seen, or changes what is seen beside it: a control character, a mark that turns the direction of
/// text, a line separator, a letter without width.
pub(crate) fn is_unseen(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// The text with what is not seen written out: `\u{202e}`. Line breaks and tabs are seen.
fn visible(text: &str) -> Cow<'_, str> {
    let is_unseen = |letter: char| is_unseen(letter) && letter != '\n' && letter != '\t';
    if !text.contains(is_unseen) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_unseen(letter) { out.extend(letter.escape_unicode()) } else { out.push(letter) }
    }
    Cow::Owned(out)
}

/// The text of one cell: nothing in it begins another cell or line.
fn cell_text(cell: &str) -> String {
    visible(cell).chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// JSON that says the same, with what is not seen as escapes of JSON. Such letters stand in JSON only within a text.
fn ascii_escapes(json: &str) -> Cow<'_, str> {
    let is_unseen = |letter: char| is_unseen(letter) && letter != '\n';
    if !json.contains(is_unseen) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    for letter in json.chars() {
        if is_unseen(letter) {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                // Writing into a text never fails.
                let _written = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(letter);
        }
    }
    Cow::Owned(out)
}

/// Prints rows below headings: aligned for a person who watches, separated by tabs in a pipe.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) {
    let head: Vec<String> = headings.iter().map(|heading| (*heading).to_owned()).collect();
    let all: Vec<Vec<String>> = std::iter::once(&head)
        .chain(rows)
        .map(|row| row.iter().map(|cell| cell_text(cell)).collect())
        .collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_hide_or_turn_text_are_written_out() {
        for (text, shown) in [
            ("/tv/\u{202e}gpj.exe", "/tv/\\u{202e}gpj.exe"),
            ("a\u{2028}b\u{7f}\u{1b}[2J", "a\\u{2028}b\\u{7f}\\u{1b}[2J"),
            ("Pok\u{e9}mon \u{1f3ac}\tx\ny", "Pok\u{e9}mon \u{1f3ac}\tx\ny"),
        ] {
            assert_eq!(visible(text), shown);
        }
        assert_eq!(cell_text("a\tb\nc\u{2066}"), "a b c\\u{2066}");
    }

    #[test]
    fn json_says_the_same_with_escapes() {
        let value = serde_json::json!({ "path": "/tv/\u{202e}a\u{e0041}\u{1f3ac}\n" });
        let text = serde_json::to_string_pretty(&value).unwrap();
        let escaped = ascii_escapes(&text);
        assert!(!escaped.contains(['\u{202e}', '\u{e0041}']) && escaped.contains("\\u202e"), "{escaped}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), value);
    }
}
