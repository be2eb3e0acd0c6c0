//! The lines that an edit changes, with some around them.

use autoscan_web::{DiffLine, Sign};

/// Lines that are shown before and after a change.
const AROUND: usize = 3;

/// The difference of two texts, of which other ones of as many lines are shown. What lies between the first and the last
/// line that differs is one change.
pub(super) fn diff(before: &str, after: &str, shown_before: &str, shown_after: &str) -> Vec<DiffLine> {
    let (old, new) = (lines(before), lines(after));
    let same = |pair: &(&&str, &&str)| pair.0 == pair.1;
    let head = old.iter().zip(&new).take_while(same).count();
    let most = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(most).take_while(same).count();
    let (shown_old, shown_new) = (lines(shown_before), lines(shown_after));
    let part = |lines: &[&str], from: usize, to: usize, sign: Sign| {
        let part = lines.iter().take(to).skip(from);
        part.map(|text| DiffLine { sign, text: (*text).to_owned() }).collect::<Vec<_>>()
    };
    let end = old.len() - tail;
    let mut out = part(&shown_old, head.saturating_sub(AROUND), head, Sign::Kept);
    out.extend(part(&shown_old, head, end, Sign::Removed));
    out.extend(part(&shown_new, head, new.len() - tail, Sign::Added));
    out.extend(part(&shown_old, end, (end + AROUND).min(old.len()), Sign::Kept));
    out
}

/// The lines without their breaks.
fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}
