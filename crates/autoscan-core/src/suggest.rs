//! Which lines a map may need: folders in other programs' view are compared with folders of this machine, by the names of
//! the folders in them, by how their paths end, and by what is in use already. Nothing is proposed where two answers are
//! about as good: both are told.

mod evidence;
mod lines;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::map::PathMap;
use crate::path::AbsolutePath;

/// A folder and what is known to lie in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where it is.
    pub path: AbsolutePath,
    /// Names of folders directly in it; empty when none is known.
    pub names: BTreeSet<String>,
    /// Whether these are all. Of a folder in another program's view they never have to be.
    pub whole: bool,
}

/// Whose map a line is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Party {
    /// The trigger of this name: from its paths to those here.
    Trigger(String),
    /// The target of this name: from the paths here to its own.
    Target(String),
}

impl Party {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Trigger(name) | Self::Target(name) => name,
        }
    }

    fn orient(&self, theirs: &AbsolutePath, local: &AbsolutePath) -> (AbsolutePath, AbsolutePath) {
        match self {
            Self::Trigger(_) => (theirs.clone(), local.clone()),
            Self::Target(_) => (local.clone(), theirs.clone()),
        }
    }
}

/// Another program with the folders in which it keeps media, in its view.
#[derive(Clone, Debug)]
pub struct ProgramView {
    /// Who it is.
    pub of: Party,
    /// Its map as it stands.
    pub map: PathMap,
    /// Its folders.
    pub folders: Vec<Place>,
}

/// A line for a map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// Whose map.
    pub of: Party,
    /// A whole folder.
    pub from: String,
    /// The same folder in the other program's view.
    pub to: String,
    /// How sure this is, from 1 to 100.
    pub score: u32,
    /// What speaks for it, one sentence each.
    pub evidence: Vec<String>,
}

/// A folder for which no line is proposed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Doubt {
    /// Whose folder.
    pub of: Party,
    /// The folder, in its view.
    pub folder: String,
    /// Why nothing is proposed, in a sentence.
    pub why: String,
    /// What it could be here, each with what speaks for it.
    pub choices: Vec<Choice>,
}

/// One of several answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// A folder here.
    pub folder: String,
    /// What speaks for it, one sentence each.
    pub evidence: Vec<String>,
}

/// A folder that is found here already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fit {
    /// Whose folder.
    pub of: Party,
    /// The folder, in its view.
    pub folder: String,
    /// The folder here.
    pub local: String,
}

/// A folder that a line leads to or from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counterpart {
    /// Whose folder.
    pub of: Party,
    /// The folder, in its view.
    pub folder: String,
    /// The folder here.
    pub local: String,
    /// What speaks for it, one sentence each.
    pub evidence: Vec<String>,
}

/// What came of the comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Suggestions {
    /// Lines that would help.
    pub lines: Vec<Suggestion>,
    /// The single folders for which the lines are: one line may lead several to their place.
    #[serde(skip)]
    pub counterparts: Vec<Counterpart>,
    /// Folders for which a person must say what they are here.
    pub doubts: Vec<Doubt>,
    /// Folders that need nothing.
    pub fits: Vec<Fit>,
}

/// How well a folder here fits one in other view.
#[derive(Clone, Debug)]
struct Match<'a> {
    place: &'a Place,
    /// How many names of the other folder it holds.
    hits: usize,
    /// How many names at the end of both paths agree.
    tail: usize,
    /// Why it is of interest here anyway, in a sentence.
    familiar: Option<&'a str>,
}

/// What is known of one folder in other view.
enum Answer<'a> {
    Fits(AbsolutePath),
    Found(Match<'a>),
    Doubt(String, Vec<Match<'a>>),
}

/// A folder here that is in use, and by whom, in a sentence.
type Familiar = Vec<(AbsolutePath, String)>;

/// Compares the folders of senders and of targets with those of this machine. `disk` should hold every folder to which a
/// map leads already, where it exists, and all that could be meant beside.
pub fn suggest(senders: &[ProgramView], targets: &[ProgramView], disk: &[Place]) -> Suggestions {
    let mut out = Suggestions::default();
    let mut familiar = Familiar::new();
    for view in senders {
        let sentence = format!("the map of {} leads there", view.of.name());
        familiar.extend(view.map.destinations().map(|folder| (folder.clone(), sentence.clone())));
    }
    for view in targets {
        let sentence = format!("{} is told of it", view.of.name());
        familiar.extend(view.map.sources().map(|folder| (folder.clone(), sentence.clone())));
    }
    let mut met = Familiar::new();
    for view in senders {
        let answers = answer_all(view, disk, &familiar);
        let sentence = format!("the paths of {} come out there", view.of.name());
        met.extend(answers.iter().filter_map(|(_, answer)| match answer {
            Answer::Fits(local) => Some((local.clone(), sentence.clone())),
            Answer::Found(found) => Some((found.place.path.clone(), sentence.clone())),
            Answer::Doubt(..) => None,
        }));
        lines::gather(view, answers, &mut out);
    }
    met.extend(familiar);
    for view in targets {
        lines::gather(view, answer_all(view, disk, &met), &mut out);
    }
    out
}

fn answer_all<'a>(
    view: &'a ProgramView,
    disk: &'a [Place],
    familiar: &'a Familiar,
) -> Vec<(&'a Place, Answer<'a>)> {
    let mut answers: Vec<(&Place, Answer<'_>)> = Vec::new();
    for theirs in &view.folders {
        if answers.iter().all(|(known, _)| known.path != theirs.path) {
            answers.push((theirs, answer(view, theirs, disk, familiar)));
        }
    }
    // Two of its folders cannot be one folder here: the better keeps it, and when none is better nobody does.
    let found = |answer: &Answer<'_>| match answer {
        Answer::Found(found) => Some((found.place.path.clone(), found.hits, found.tail)),
        _ => None,
    };
    let claims: Vec<_> = answers.iter().map(|(_, answer)| found(answer)).collect();
    for (at, (_, answer)) in answers.iter_mut().enumerate() {
        let Some((local, hits, tail)) = &claims[at] else { continue };
        let rival = claims.iter().enumerate().find(|(other, claim)| {
            let better = |claim: &&(AbsolutePath, usize, usize)| {
                claim.0 == *local && (claim.1, claim.2) >= (*hits, *tail)
            };
            *other != at && claim.as_ref().is_some_and(|claim| better(&claim))
        });
        if let (Some((rival, _)), Answer::Found(mine)) = (rival, &*answer) {
            let why = format!(
                "another of its folders, {}, looks like the same folder here",
                evidence::shown(view.folders.get(rival).map_or("", |place| place.path.as_str()))
            );
            *answer = Answer::Doubt(why, vec![mine.clone()]);
        }
    }
    answers
}

/// What one folder in other view is here.
fn answer<'a>(view: &ProgramView, theirs: &Place, disk: &'a [Place], familiar: &'a Familiar) -> Answer<'a> {
    let leads = |place: &&Place| {
        let (from, to) = view.of.orient(&theirs.path, &place.path);
        view.map.apply(&from).is_ok_and(|mapped| mapped.path == to) && !contradicts(theirs, place)
    };
    if let Some(place) = disk.iter().find(leads) {
        return Answer::Fits(place.path.clone());
    }
    let mut found: Vec<Match<'_>> = disk
        .iter()
        .filter(|place| !place.path.is_root() && !contradicts(theirs, place))
        .map(|place| weigh(theirs, place, familiar))
        .filter(|found| is_likely(theirs, found))
        .collect();
    found.sort_by(|one, other| {
        rank(other).cmp(&rank(one)).then_with(|| one.place.path.cmp(&other.place.path))
    });
    let Some(best) = found.first() else {
        return Answer::Doubt("no folder here looks like it".to_owned(), Vec::new());
    };
    let rivals = found.iter().skip(1).filter(|other| is_rival(best, other)).count();
    if rivals > 0 {
        let rivals: Vec<Match<'_>> =
            found.iter().filter(|other| is_rival(best, other)).take(4).cloned().collect();
        let many =
            std::iter::once(best.clone()).chain(rivals.into_iter().filter(|other| other.place != best.place));
        return Answer::Doubt("several folders here look like it about as much".to_owned(), many.collect());
    }
    let best = best.clone();
    let (from, _) = view.of.orient(&theirs.path, &best.place.path);
    if view.map.sources().any(|source| *source == from) {
        let why = format!(
            "its map has a line for {} already, which leads elsewhere",
            evidence::shown(from.as_str())
        );
        return Answer::Doubt(why, vec![best]);
    }
    Answer::Found(best)
}

/// Whether a folder here holds none of what the other is known to hold.
fn contradicts(theirs: &Place, place: &Place) -> bool {
    place.whole && theirs.names.len() > 1 && theirs.names.is_disjoint(&place.names)
}

fn weigh<'a>(theirs: &Place, place: &'a Place, familiar: &'a Familiar) -> Match<'a> {
    let tail = evidence::names(&theirs.path)
        .iter()
        .rev()
        .zip(evidence::names(&place.path).iter().rev())
        .take_while(|(one, other)| one.to_lowercase() == other.to_lowercase())
        .count();
    let used =
        |(folder, _): &&(AbsolutePath, String)| place.path.is_within(folder) || folder.is_within(&place.path);
    Match {
        place,
        hits: theirs.names.intersection(&place.names).count(),
        tail,
        familiar: familiar.iter().find(used).map(|(_, sentence)| sentence.as_str()),
    }
}

/// Whether this is enough to speak of it at all: a good part of the names, or the end of the path where no name is known.
fn is_likely(theirs: &Place, found: &Match<'_>) -> bool {
    let known = theirs.names.len();
    if found.hits == 0 {
        return found.tail > 0;
    }
    found.hits * 3 >= known && (found.hits >= 2 || found.tail > 0 || known == 1)
}

/// What decides, in this order. Without names the end of a path says little: first what is in use.
fn rank(found: &Match<'_>) -> (usize, usize, usize) {
    let familiar = usize::from(found.familiar.is_some());
    if found.hits == 0 { (0, familiar, found.tail) } else { (found.hits, found.tail, familiar) }
}

/// Whether `other` is about as good as the best.
fn is_rival(best: &Match<'_>, other: &Match<'_>) -> bool {
    if best.hits == 0 {
        return rank(best) == rank(other) && best.place != other.place;
    }
    let (_, one, second) = rank(best);
    let (hits, two, third) = rank(other);
    hits * 2 > best.hits && (two, third) >= (one, second) && best.place != other.place
}

#[cfg(test)]
mod tests;
