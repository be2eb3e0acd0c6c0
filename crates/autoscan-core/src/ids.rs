//! What databases of films, television and music call an item, as its sender knows it.

use std::fmt;

/// A database that gives numbers to items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdSource {
    /// themoviedb.org.
    Tmdb,
    /// thetvdb.com.
    Tvdb,
    /// imdb.com; its ids begin with `tt`.
    Imdb,
    /// musicbrainz.org.
    MusicBrainz,
}

impl IdSource {
    /// Every source, the most telling first.
    pub const ALL: [Self; 4] = [Self::Tvdb, Self::Tmdb, Self::Imdb, Self::MusicBrainz];

    /// How servers write it before an id: `tmdb://603`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tmdb => "tmdb",
            Self::Tvdb => "tvdb",
            Self::Imdb => "imdb",
            Self::MusicBrainz => "mbid",
        }
    }
}

/// The ids of one film, series or artist. At most one a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ids(Vec<(IdSource, String)>);

/// Longest id that is believed, in bytes: a `MusicBrainz` id has 36.
const LONGEST: usize = 40;

impl Ids {
    /// Adds an id. One that is empty, `0`, too long or no plain word is left out: senders write `0` for none.
    #[must_use]
    pub fn with(mut self, source: IdSource, id: &str) -> Self {
        let id = id.trim();
        let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !id.is_empty() && id != "0" && id.len() <= LONGEST && plain && self.get(source).is_none() {
            self.0.push((source, id.to_ascii_lowercase()));
            self.0.sort();
        }
        self
    }

    /// The id of a source.
    pub fn get(&self, source: IdSource) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == source).map(|(_, id)| id.as_str())
    }

    /// Every id.
    pub fn iter(&self) -> impl Iterator<Item = (IdSource, &str)> {
        self.0.iter().map(|(source, id)| (*source, id.as_str()))
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads what [`Self::fmt`](fmt::Display) wrote; what it cannot read it leaves out.
    pub fn parse(text: &str) -> Self {
        text.split(' ').filter_map(|one| one.split_once("://")).fold(Self::default(), |ids, (word, id)| {
            match IdSource::ALL.into_iter().find(|source| source.as_str() == word) {
                Some(source) => ids.with(source, id),
                None => ids,
            }
        })
    }
}

impl fmt::Display for Ids {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (source, id)) in self.iter().enumerate() {
            let space = if place == 0 { "" } else { " " };
            write!(out, "{space}{}://{id}", source.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_and_read_back() {
        let ids = Ids::default()
            .with(IdSource::Imdb, " TT0133093 ")
            .with(IdSource::Tmdb, "603")
            .with(IdSource::Tvdb, "0")
            .with(IdSource::MusicBrainz, "a b");
        assert_eq!(ids.to_string(), "tmdb://603 imdb://tt0133093");
        assert_eq!(Ids::parse(&ids.to_string()), ids);
        assert_eq!(Ids::parse("x nonsense://1 tvdb://"), Ids::default());
    }
}
