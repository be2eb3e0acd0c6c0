//! How pages say things: how long ago, how long it took, in which state, and names as they may be shown.

use std::fmt::{self, Write as _};
use std::time::Duration;

use autoscan_core::delivery::{Delivery, DeliveryState};
use autoscan_core::duration::in_words;
use autoscan_core::scan::ScanState;
use autoscan_core::time::Timestamp;

use crate::moment::Moment;

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How long something took: `350 ms`, `1.2 s`, `12 s`, `3 min 20 s`, `12 min`, `1 h 20 min`, `3 days`.
pub(crate) fn span(duration: Duration) -> String {
    in_words(duration)
}

/// A span in its largest unit alone, for what goes on changing: `12 s`, `3 min`, `2 h`, `3 days`.
pub(crate) fn about(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    match millis {
        0..MINUTE => format!("{} s", millis / SECOND),
        MINUTE..HOUR => format!("{} min", millis / MINUTE),
        HOUR..172_800_000 => format!("{} h", millis / HOUR),
        _ => format!("{} days", millis / DAY),
    }
}

/// Where a moment lies: `just now`, `12 s ago`, `3 days ago`, `in 5 min`.
pub(crate) fn ago(now: Timestamp, at: Timestamp) -> String {
    if at > now + Duration::from_secs(1) {
        return format!("in {}", about(at.since(now)));
    }
    let since = now.since(at);
    if since < Duration::from_secs(2) { "just now".to_owned() } else { format!("{} ago", about(since)) }
}

/// The moment itself, to the second: `2026-01-31 09:05:00 UTC`.
pub(crate) fn moment(at: Timestamp) -> String {
    let text = Moment::from(at).to_string();
    match (text.get(..10), text.get(11..19)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => text,
    }
}

/// A moment in a template: `{{ when }}` writes a `<time>` that says where it lies, with the moment itself as its title.
#[derive(Clone, Copy, Debug)]
pub(crate) struct When {
    at: Timestamp,
    seen_from: SeenFrom,
}

#[derive(Clone, Copy, Debug)]
enum SeenFrom {
    Now(Timestamp),
    Start(Timestamp),
}

/// A moment, seen from now: `3 min ago`.
pub(crate) fn when(now: Timestamp, at: Timestamp) -> When {
    When { at, seen_from: SeenFrom::Now(now) }
}

/// A moment, seen from the one at which everything began: `after 3 min`.
pub(crate) fn after(start: Timestamp, at: Timestamp) -> When {
    When { at, seen_from: SeenFrom::Start(start) }
}

impl fmt::Display for When {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (iso, exact) = (Moment::from(self.at), moment(self.at));
        let text = match self.seen_from {
            SeenFrom::Now(now) => ago(now, self.at),
            SeenFrom::Start(start) => format!("after {}", span(self.at.since(start))),
        };
        write!(out, "<time datetime=\"{iso}\" title=\"{exact}\">{text}</time>")
    }
}

impl askama::filters::HtmlSafe for When {}

/// A state as a badge says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Badge {
    /// The word.
    pub(crate) word: &'static str,
    /// The class of its colour: `good`, `wait`, `bad` or nothing.
    pub(crate) tone: &'static str,
}

impl Badge {
    const fn new(word: &'static str, tone: &'static str) -> Self {
        Self { word, tone }
    }
}

/// The state of a scan.
pub(crate) fn scan_state(state: ScanState) -> Badge {
    match state {
        ScanState::Waiting => Badge::new("waiting", ""),
        ScanState::Running => Badge::new("running", "wait"),
        ScanState::Done => Badge::new("done", "good"),
        ScanState::Attention => Badge::new("needs attention", "bad"),
    }
}

/// The state of a delivery. What was sent and is still looked for is not at its end.
pub(crate) fn delivery_state(delivery: &Delivery) -> Badge {
    match delivery.state {
        DeliveryState::Waiting => Badge::new("waiting", ""),
        DeliveryState::Held => Badge::new("held", "wait"),
        DeliveryState::Sent if delivery.is_open() => Badge::new("sent, looked for", "wait"),
        DeliveryState::Sent => Badge::new("sent", "good"),
        DeliveryState::Seen => Badge::new("seen", "good"),
        DeliveryState::Missing => Badge::new("missing", "bad"),
        DeliveryState::Skipped => Badge::new("skipped", ""),
        DeliveryState::Failed => Badge::new("failed", "bad"),
    }
}

/// The state of a target's lane, by its word.
pub(crate) fn lane_state(word: &str) -> Badge {
    match word {
        "open" => Badge::new("answers", "good"),
        "starting" => Badge::new("not asked yet", ""),
        "quiet" => Badge::new("quiet", "wait"),
        "busy" => Badge::new("busy", "wait"),
        "paused" => Badge::new("paused", "wait"),
        "away" => Badge::new("away", "bad"),
        "misconfigured" => Badge::new("misconfigured", "bad"),
        _ => Badge::new("unknown", ""),
    }
}

/// A number with its noun: `1 change`, `12 345 changes`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", number_of(number), if number == 1 { one } else { many })
}

/// A number with its thousands apart.
pub(crate) fn number_of(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A text from outside as a page may show it: control characters, and characters that turn the direction of a line or
/// cannot be seen, are written as `\u{…}`. The template escapes the rest.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    text.chars().for_each(|each| push_plain(&mut plain, each));
    plain
}

/// A reason from outside as a sentence of its own: [`plain`], with a capital and a full stop.
pub(crate) fn sentence(reason: &str) -> String {
    let plain = plain(reason);
    let mut chars = plain.chars();
    let Some(first) = chars.next() else { return plain };
    let end = if plain.ends_with(['.', '!', '?', '…']) { "" } else { "." };
    format!("{}{}{end}", first.to_uppercase(), chars.as_str())
}

/// [`plain`], and of a long text only its beginning and its end: at most `most` characters, and one for what is left out.
/// The end is longer, because there paths differ.
pub(crate) fn short(text: &str, most: usize) -> String {
    let plain = plain(text);
    let cost = plain.chars().count().max(weight(&plain) / HEAVIEST);
    if cost <= most {
        return plain;
    }
    let head = take(plain.chars(), most / 3);
    let tail: String = take(plain.chars().rev(), most - most / 3).chars().rev().collect();
    format!("{head}…{tail}")
}

/// What a character of a shortened text weighs at most, on average.
const HEAVIEST: usize = 3;

fn take(text: impl Iterator<Item = char>, most: usize) -> String {
    let mut left = most * HEAVIEST;
    let fits = |each: &char| {
        let fits = left.checked_sub(weight_of(*each));
        left = fits.unwrap_or_default();
        fits.is_some()
    };
    text.take(most).take_while(fits).collect()
}

/// How many bytes of a page a text takes, once the template escaped it.
pub(crate) fn weight(text: &str) -> usize {
    text.chars().map(weight_of).sum()
}

fn weight_of(each: char) -> usize {
    if matches!(each, '<' | '>' | '&' | '"' | '\'') { "&#38;".len() } else { each.len_utf8() }
}

fn push_plain(plain: &mut String, each: char) {
    if is_plain(each) {
        plain.push(each);
    } else {
        // Writing to a string does not fail.
        let _written = write!(plain, "{}", each.escape_unicode());
    }
}

/// Whether a character may be shown as it is.
pub(crate) fn is_plain(each: char) -> bool {
    !each.is_control() && !is_sly(each)
}

/// Whether a character is not seen itself but changes how others look, or ends the line. The joiners of scripts and of
/// emoji are left alone.
fn is_sly(each: char) -> bool {
    matches!(each,
        '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use autoscan_core::name::Name;

    #[test]
    fn spans_read_as_a_person_would_say_them() {
        for (millis, text) in [
            (0, "0 s"),
            (350, "350 ms"),
            (1000, "1 s"),
            (1240, "1.2 s"),
            (9_999, "9.9 s"),
            (12_900, "12 s"),
            (60_000, "1 min"),
            (200_000, "3 min 20 s"),
            (725_000, "12 min"),
            (3_600_000, "1 h"),
            (4_800_000, "1 h 20 min"),
            (40_000_000, "11 h"),
            (172_800_000, "2 days"),
            (300_000_000, "3 days"),
        ] {
            assert_eq!(span(Duration::from_millis(millis)), text, "{millis}");
        }
    }

    #[test]
    fn a_moment_lies_behind_or_ahead() {
        let now = Timestamp::from_millis(1_000_000_000);
        for (millis, text) in [
            (0, "just now"),
            (-1_500, "just now"),
            (-12_000, "12 s ago"),
            (-200_000, "3 min ago"),
            (-7_300_000, "2 h ago"),
            (-90_000_000, "25 h ago"),
            (-300_000_000, "3 days ago"),
            (900, "just now"),
            (5_000, "in 5 s"),
            (300_000, "in 5 min"),
        ] {
            assert_eq!(ago(now, Timestamp::from_millis(now.as_millis() + millis)), text, "{millis}");
        }
    }

    #[test]
    fn a_time_element_says_both() {
        let at = Timestamp::from_millis(1_767_225_600_000);
        assert_eq!(
            when(at + Duration::from_mins(3), at).to_string(),
            "<time datetime=\"2026-01-01T00:00:00.000Z\" title=\"2026-01-01 00:00:00 UTC\">3 min ago</time>"
        );
        let later = after(at, at + Duration::from_secs(12)).to_string();
        assert!(later.ends_with("00:00:12 UTC\">after 12 s</time>"), "{later}");
    }

    #[test]
    fn every_state_has_a_word_and_no_two_share_one() {
        let at = Timestamp::from_millis(0);
        let deliveries: Vec<_> = DeliveryState::ALL
            .into_iter()
            .map(|state| {
                delivery_state(&Delivery { state, ..Delivery::new(Name::parse("plex").unwrap(), at) }).word
            })
            .collect();
        let scans: Vec<_> = ScanState::ALL.into_iter().map(|state| scan_state(state).word).collect();
        let lanes: Vec<_> = ["starting", "open", "quiet", "away", "busy", "misconfigured", "paused"]
            .into_iter()
            .map(|word| lane_state(word).word)
            .collect();
        for words in [deliveries, scans, lanes] {
            let mut apart = words.clone();
            apart.sort_unstable();
            apart.dedup();
            assert_eq!(apart.len(), words.len(), "{words:?}");
            assert!(!words.contains(&"unknown"), "{words:?}");
        }
    }

    #[test]
    fn what_was_sent_and_is_asked_for_no_more_is_at_its_end() {
        let delivery = Delivery {
            state: DeliveryState::Sent,
            ..Delivery::new(Name::parse("plex").unwrap(), Timestamp::from_millis(0))
        };
        assert_eq!(delivery_state(&delivery), Badge::new("sent, looked for", "wait"));
        assert_eq!(
            delivery_state(&Delivery { next_attempt_at: None, ..delivery }),
            Badge::new("sent", "good")
        );
    }

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        for (text, shown) in [
            ("/tv/Will & Grace", "/tv/Will & Grace"),
            ("/tv/a\nb\u{7}\u{1b}[31m", "/tv/a\\u{a}b\\u{7}\\u{1b}[31m"),
            ("/tv/\u{202e}gpj.exe", "/tv/\\u{202e}gpj.exe"),
            (
                "/tv/\u{2066}x\u{2069}\u{feff}\u{200b}\u{85}",
                "/tv/\\u{2066}x\\u{2069}\\u{feff}\\u{200b}\\u{85}",
            ),
            ("/tv/Café 東京 👩‍🚀 עברית", "/tv/Café 東京 👩‍🚀 עברית"),
        ] {
            assert_eq!(plain(text), shown);
        }
    }

    #[test]
    fn a_long_text_keeps_its_beginning_and_its_end() {
        assert_eq!(short("/mnt/media/TV/Show/Season 01", 12), "/mnt…eason 01");
        assert_eq!(short("/mnt/media", 10), "/mnt/media");
        assert_eq!(short(&"é".repeat(5000), 90).chars().count(), 91);
        assert!(weight(&short(&"&".repeat(5000), 90)) <= 90 * HEAVIEST + "…".len());
        assert_eq!(weight("<a>&é"), 5 + 1 + 5 + 5 + 2);
    }

    #[test]
    fn numbers_keep_their_thousands_apart() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1000, "1\u{202f}000"), (1_234_567, "1\u{202f}234\u{202f}567")]
        {
            assert_eq!(number_of(number), text);
        }
        assert_eq!(count(1, "change", "changes"), "1 change");
        assert_eq!(count(2, "change", "changes"), "2 changes");
    }
}
