//! From matches to lines: folders that lie together on both sides share one line.

use super::{
    Answer, Choice, Counterpart, Doubt, Fit, Match, Place, ProgramView, Suggestion, Suggestions, evidence,
};
use crate::path::AbsolutePath;

/// From and to.
type Line = (AbsolutePath, AbsolutePath);

/// A match with every line that would make it, the longest first.
struct Made<'a> {
    theirs: &'a Place,
    found: Match<'a>,
    ways: Vec<Line>,
}

impl Made<'_> {
    fn counterpart(&self, view: &ProgramView, evidence: &[String]) -> Counterpart {
        Counterpart {
            of: view.of.clone(),
            folder: self.theirs.path.to_string(),
            local: self.found.place.path.to_string(),
            evidence: evidence.to_vec(),
        }
    }
}

/// Adds what came of one program's folders.
pub(super) fn gather(view: &ProgramView, answers: Vec<(&Place, Answer<'_>)>, out: &mut Suggestions) {
    let who = view.of.name();
    let mut made = Vec::new();
    let mut fixed: Vec<Line> = Vec::new();
    for (theirs, answer) in answers {
        let folder = theirs.path.to_string();
        match answer {
            Answer::Fits(local) => {
                fixed.push(view.of.orient(&theirs.path, &local));
                out.fits.push(Fit { of: view.of.clone(), folder, local: local.to_string() });
            }
            Answer::Doubt(why, choices) => {
                let choice = |found: &Match<'_>| Choice {
                    folder: found.place.path.to_string(),
                    evidence: evidence::of(who, theirs, found),
                };
                let choices = choices.iter().map(choice).collect();
                out.doubts.push(Doubt { of: view.of.clone(), folder, why, choices });
            }
            Answer::Found(found) => {
                let (from, to) = view.of.orient(&theirs.path, &found.place.path);
                fixed.push((from.clone(), to.clone()));
                made.push(Made { theirs, found, ways: ways(from, to) });
            }
        }
    }
    let taken: Vec<&AbsolutePath> = view.map.sources().collect();
    let mut lines: Vec<(Line, Suggestion)> = Vec::new();
    for one in &made {
        let folder = &one.ways[0].0;
        let is_masked =
            |line: &Line| taken.iter().any(|taken| taken.is_within(&line.0) && folder.is_within(taken));
        let fits = |line: &&Line| !is_masked(line) && fixed.iter().all(|known| agrees(line, known));
        let shared = |line: &Line| made.iter().filter(|other| other.ways.contains(line)).count();
        // The most folders by one line; of lines that make as many, the longest, which claims the least.
        let best = one.ways.iter().filter(fits).rev().max_by_key(|line| shared(line)).unwrap_or(&one.ways[0]);
        let score = evidence::score(&one.found).clamp(1, 100);
        let said = evidence::of(who, one.theirs, &one.found);
        out.counterparts.push(one.counterpart(view, &said));
        if let Some((_, line)) = lines.iter_mut().find(|(line, _)| line == best) {
            line.score = line.score.min(score);
            line.evidence.extend(
                said.into_iter().filter(|sentence| !line.evidence.contains(sentence)).collect::<Vec<_>>(),
            );
        } else {
            let (from, to) = (best.0.to_string(), best.1.to_string());
            lines.push((best.clone(), Suggestion { of: view.of.clone(), from, to, score, evidence: said }));
        }
    }
    out.lines.extend(lines.into_iter().map(|(_, line)| line));
}

/// Every line that maps `from` to `to`, the longest first: while the last names are the same, the folders above do too. Never
/// the whole of a disk.
fn ways(from: AbsolutePath, to: AbsolutePath) -> Vec<Line> {
    let mut ways = vec![(from, to)];
    while let Some((from, to)) = ways.last()
        && from.file_name().is_some()
        && from.file_name() == to.file_name()
        && let (Some(from), Some(to)) = (from.parent(), to.parent())
        && !is_disk(&from)
        && !is_disk(&to)
        && from != to
    {
        ways.push((from, to));
    }
    ways
}

fn is_disk(path: &AbsolutePath) -> bool {
    path.is_root() && !path.as_str().starts_with("\\\\")
}

/// Whether a line leads a folder whose place is known to that place, or does not concern it.
fn agrees((from, to): &Line, known: &Line) -> bool {
    known.0.names_below(from).is_none_or(|names| to.join(names) == known.1)
}
