//! What speaks for a match, in sentences for a person.

use std::fmt::Write;

use super::{Match, Place};
use crate::path::AbsolutePath;

/// Names that a sentence shows.
const SHOWN: usize = 3;

/// The names of a path, the share of a Windows server among them.
pub(super) fn names(path: &AbsolutePath) -> Vec<&str> {
    let share = path.as_str().strip_prefix("\\\\").and_then(|rest| rest.split('\\').nth(1));
    share.filter(|share| !share.is_empty()).into_iter().chain(path.components()).collect()
}

/// What speaks for a match.
pub(super) fn of(who: &str, theirs: &Place, found: &Match<'_>) -> Vec<String> {
    let mut sentences = Vec::new();
    let (folder, here) = (shown(theirs.path.as_str()), shown(found.place.path.as_str()));
    if found.hits > 0 {
        let known = theirs.names.len();
        let mut both = theirs.names.intersection(&found.place.names);
        let mut some: Vec<String> =
            both.by_ref().take(SHOWN).map(|name| format!("'{}'", shown(name))).collect();
        let more = both.count();
        some.extend((more > 0).then(|| format!("{more} more")));
        let some = listed(&some);
        let all = match (found.hits, known) {
            (1, 1) => format!("{here} here has it too"),
            (hits, known) if hits == known => format!("{here} here has all {known}"),
            (hits, known) => format!("{here} here has {hits} of the {known} that are known"),
        };
        sentences.push(format!("{who}'s {folder} has {some}; {all}"));
    }
    if found.tail > 0 {
        let all = names(&theirs.path);
        let end = all[all.len() - found.tail..].join("/");
        sentences.push(format!("both paths end in {}", shown(&end)));
    }
    if let Some(familiar) = found.familiar {
        sentences.push(format!("{here} is in use: {familiar}"));
    }
    if found.hits == 0 && theirs.names.is_empty() {
        sentences.push(format!("what {who} has in {folder} is not known, so look twice"));
    }
    sentences
}

/// How sure it is, from 1 to 100.
pub(super) fn score(found: &Match<'_>) -> u32 {
    let points = |count: usize, most: usize, each: u32| u32::try_from(count.min(most)).unwrap_or(0) * each;
    points(found.hits, 5, 12) + points(found.tail, 3, 10) + 10 * u32::from(found.familiar.is_some())
}

fn listed(names: &[String]) -> String {
    match names {
        [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

/// A name for a sentence: what could not be seen in it, or would turn it round, is shown as its code.
pub(super) fn shown(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            let _infallible = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}
