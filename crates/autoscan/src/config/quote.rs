//! How text is written so that it is read as the same text again.

use std::fmt::Write;

/// Words that other readers of YAML take for no text.
const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

/// The language of a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QuoteStyle {
    /// YAML, on lines of its own.
    Block,
    /// YAML, between brackets.
    Flow,
    /// JSON.
    Json,
}

/// Text as it is written: with quotes where it needs them.
pub(super) fn quoted(text: &str, style: QuoteStyle) -> String {
    if style == QuoteStyle::Json || text.chars().any(is_special) {
        return escaped(text);
    }
    if is_plain(text, style) { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

/// Signs that stand in no quotes without an escape, or would be taken for the end of a line.
fn is_special(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn is_plain(text: &str, style: QuoteStyle) -> bool {
    let first = text.chars().next();
    let is_safe_start = first.is_some_and(|c| c == '/' || c == '_' || c.is_alphabetic()) || is_measure(text);
    let is_word = WORDS.iter().any(|word| text.eq_ignore_ascii_case(word));
    let is_number = text.parse::<f64>().is_ok();
    let brackets: &[char] = if style == QuoteStyle::Flow { &[',', '[', ']', '{', '}'] } else { &[] };
    is_safe_start
        && !is_word
        && !is_number
        && !text.ends_with([' ', ':'])
        && ![": ", " #", "\\", "\"", "'"].iter().any(|sign| text.contains(sign))
        && !text.contains(brackets)
}

/// Digits and letters that no reader takes for a number: `10s`, `0.0.0.0`.
fn is_measure(text: &str) -> bool {
    let starts = text.starts_with(|c: char| c.is_ascii_digit());
    let is_other_number = ["0x", "0o", "0b", "0X", "0O", "0B"].iter().any(|head| text.starts_with(head));
    starts && !is_other_number && text.bytes().all(|sign| sign.is_ascii_alphanumeric() || sign == b'.')
}

/// In double quotes, as JSON and YAML both read it.
fn escaped(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_special(c) => {
                let _written = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
