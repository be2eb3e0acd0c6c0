//! The titles that a server makes of names of files and folders, and how it searches them.

use autoscan_core::media::stem;

use crate::pretend::media_browser::tree::Kind;

/// A title, and what of it is searched.
#[derive(Clone, Debug)]
pub(crate) struct Title {
    pub(crate) name: String,
    /// In small letters, as Jellyfin up to 10.11 searches it.
    lower: String,
    /// In small letters without signs, as Jellyfin 12 searches it.
    clean: String,
}

/// How well a title fits a search: less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    Exact,
    Begins,
    Contains,
}

impl Title {
    pub(crate) fn of(name: &str) -> Self {
        let lower = name.to_lowercase();
        Self { name: name.to_owned(), clean: clean(&lower), lower }
    }

    /// How the title fits the words that were searched for.
    pub(crate) fn fits(&self, term: &Title, without_signs: bool) -> Option<Fit> {
        let (own, term) = if without_signs { (&self.clean, &term.clean) } else { (&self.lower, &term.lower) };
        if term.is_empty() {
            return None;
        }
        match own.find(term.as_str())? {
            0 if own.len() == term.len() => Some(Fit::Exact),
            0 => Some(Fit::Begins),
            _ => Some(Fit::Contains),
        }
    }
}

fn clean(lower: &str) -> String {
    let letters: String = lower.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    letters.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The title of an item of this kind at this path: its own name without a year and without braces, of a film the name of
/// its folder if it has one of its own.
pub(crate) fn title_of(kind: Kind, tail: &str) -> String {
    let mut names = tail.split(['/', '\\']).filter(|name| !name.is_empty()).rev();
    let own = names.next().unwrap_or_default();
    let name = match (kind, names.next()) {
        (Kind::Movie, Some(folder)) => folder,
        _ if kind.is_folder() => own,
        _ => stem(own),
    };
    let end = [" (", " [", " {"].iter().filter_map(|sign| name.find(sign)).min();
    name[..end.unwrap_or(name.len())].trim().to_owned()
}
