//! `GET /Items`: which items are answered.

use autoscan_core::media::stem;

use crate::pretend::http_server::Recorded;
use crate::pretend::media_browser::title::{Fit, Title};
use crate::pretend::media_browser::tree::{Kind, Tree};

/// Where items are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Everywhere.
    Root,
    /// In the folders of a library.
    Library(Vec<u32>),
    /// Below one item.
    Item(u32),
}

/// What a call asks for, of its query.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the query")]
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) place: Place,
    pub(crate) recursive: bool,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) folders: Option<bool>,
    pub(crate) search: Option<Title>,
    pub(crate) ids: Option<Vec<u32>>,
    /// Exactly this path, at a server that has such a filter.
    pub(crate) path: Option<String>,
    pub(crate) index: Option<u32>,
    pub(crate) parent_index: Option<u32>,
    /// Changed since, in seconds since the server was made.
    pub(crate) saved_since: Option<u32>,
    /// Only what this artist's albums are.
    pub(crate) artist: Option<u32>,
    pub(crate) newest_first: bool,
    pub(crate) start: usize,
    pub(crate) limit: usize,
    /// Whether all there are without a limit are counted.
    pub(crate) counted: bool,
    /// Whether signs in titles are passed over.
    pub(crate) without_signs: bool,
}

impl Query {
    /// The plain parts of the query; names of the query have no case.
    pub(crate) fn of(call: &Recorded, place: Place) -> Self {
        let number = |name: &str| call.param(name).and_then(|value| value.parse::<usize>().ok());
        let small = |name: &str| number(name).and_then(|value| u32::try_from(value).ok());
        let is =
            |name: &str, value: &str| call.param(name).is_some_and(|given| given.eq_ignore_ascii_case(value));
        let kinds = list(call, "IncludeItemTypes");
        let filters = list(call, "Filters");
        let filtered = |name: &str| filters.iter().any(|filter| filter.eq_ignore_ascii_case(name));
        Self {
            place,
            recursive: is("Recursive", "true"),
            kinds: Kind::ALL
                .into_iter()
                .filter(|kind| kinds.iter().any(|word| word.eq_ignore_ascii_case(kind.word())))
                .collect(),
            folders: match (filtered("IsFolder"), filtered("IsNotFolder")) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            },
            search: call.param("SearchTerm").filter(|term| !term.trim().is_empty()).map(Title::of),
            ids: None,
            path: None,
            index: small("IndexNumber"),
            parent_index: small("ParentIndexNumber"),
            saved_since: None,
            artist: None,
            newest_first: is("SortBy", "DateCreated") && is("SortOrder", "Descending"),
            start: number("StartIndex").unwrap_or(0),
            limit: number("Limit").unwrap_or(usize::MAX),
            counted: !is("EnableTotalRecordCount", "false"),
            without_signs: true,
        }
    }

    /// The items, in order, and how many there would be without a limit, if that is counted.
    pub(crate) fn select(&self, tree: &Tree) -> (Vec<u32>, usize) {
        let all: Vec<u32> = if let Some(ids) = &self.ids {
            ids.iter().copied().filter(|at| self.takes(tree, *at)).collect()
        } else if let Some(path) = &self.path {
            tree.at(path).into_iter().filter(|at| self.takes(tree, *at) && self.holds(tree, *at)).collect()
        } else if let Some(term) = &self.search {
            self.fitting(tree, term)
        } else {
            self.listed(tree)
        };
        let count = all.len();
        (all.into_iter().skip(self.start).take(self.limit).collect(), count)
    }

    fn fitting(&self, tree: &Tree, term: &Title) -> Vec<u32> {
        let kinds = if self.kinds.is_empty() { &Kind::ALL[..] } else { &self.kinds };
        let mut found: Vec<(Fit, u32)> = Vec::new();
        for at in kinds.iter().flat_map(|kind| tree.of_kind(*kind)) {
            let fit = match tree.title(at) {
                Some(title) => title.fits(term, self.without_signs),
                None => Title::of(&tree.name(at)).fits(term, self.without_signs),
            };
            if let Some(fit) = fit
                && self.takes(tree, at)
                && self.holds(tree, at)
            {
                found.push((fit, at));
            }
        }
        found.sort_unstable();
        found.into_iter().map(|(_, at)| at).collect()
    }

    fn listed(&self, tree: &Tree) -> Vec<u32> {
        if self.newest_first
            && !self.counted
            && self.recursive
            && self.limit < usize::MAX
            && !matches!(self.place, Place::Item(_))
        {
            let fitting = tree.newest().filter(|at| self.takes(tree, *at) && self.holds(tree, *at));
            return fitting.take(self.start + self.limit).collect();
        }
        let roots: Vec<u32> = match &self.place {
            Place::Root => {
                tree.of_kind(Kind::Folder).filter(|at| tree.node(*at).parent == super::tree::NONE).collect()
            }
            Place::Library(locations) => locations.clone(),
            Place::Item(at) => vec![*at],
        };
        let near =
            |root: &u32| if self.recursive { tree.below(*root) } else { tree.children(*root).to_vec() };
        let mut found: Vec<u32> = roots.iter().flat_map(near).filter(|at| self.takes(tree, *at)).collect();
        if self.newest_first {
            found.sort_unstable_by(|one, other| other.cmp(one));
        }
        found
    }

    fn holds(&self, tree: &Tree, at: u32) -> bool {
        match &self.place {
            Place::Root => true,
            Place::Library(locations) => locations.iter().any(|location| tree.is_below(at, *location)),
            Place::Item(item) => tree.is_below(at, *item),
        }
    }

    fn takes(&self, tree: &Tree, at: u32) -> bool {
        let node = tree.node(at);
        let (season, episode) = if self.index.is_some() || self.parent_index.is_some() {
            numbers(tree, at)
        } else {
            (None, None)
        };
        (self.kinds.is_empty() || self.kinds.contains(&node.kind))
            && self.folders.is_none_or(|folders| folders == node.kind.is_folder())
            && self.saved_since.is_none_or(|since| node.saved >= since && !node.bare && !node.filled)
            && self.artist.is_none_or(|artist| node.parent == artist && !tree.node(artist).untagged)
            && self.index.is_none_or(|index| episode == Some(index))
            && self.parent_index.is_none_or(|index| season == Some(index))
    }
}

/// The entries of a list with commas.
pub(crate) fn list<'a>(call: &'a Recorded, name: &str) -> Vec<&'a str> {
    let given = call.query.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
    given.flat_map(|(_, value)| value.split(',')).map(str::trim).filter(|value| !value.is_empty()).collect()
}

/// The season and the number of an episode, or those of a season, as its name tells them: `S01E05`, `Season 1`, `Specials`.
pub(crate) fn numbers(tree: &Tree, at: u32) -> (Option<u32>, Option<u32>) {
    let path = tree.path(at);
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    match tree.node(at).kind {
        Kind::Season => (None, season(name)),
        Kind::Episode => {
            let own = episode(stem(name));
            let parent = tree.node(at).parent;
            let above = (tree.node(parent).kind == Kind::Season).then(|| numbers(tree, parent).1).flatten();
            (own.map(|(season, _)| season).or(above), own.map(|(_, number)| number))
        }
        _ => (None, None),
    }
}

fn season(name: &str) -> Option<u32> {
    if name.eq_ignore_ascii_case("specials") {
        return Some(0);
    }
    let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    name[name.len() - digits..].parse().ok()
}

/// The numbers of the first `S01E05` in a name.
fn episode(name: &str) -> Option<(u32, u32)> {
    let lower = name.to_ascii_lowercase();
    lower.match_indices('s').find_map(|(at, _)| {
        let rest = &lower[at + 1..];
        let (season, rest) = rest.split_once('e')?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        Some((season.parse().ok()?, rest[..end].parse().ok()?))
    })
}
