//! What databases call an item of Plex.

use autoscan_core::ids::{IdSource, Ids};

use super::answers::{Guid, Item};

/// How what Plex takes an item for compares with what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum MatchVerdict {
    /// It is the same.
    Right,
    /// It is another; what Plex takes it for.
    Wrong(String),
    /// Plex has matched it with nothing.
    Unmatched,
    /// Plex does not say enough.
    Unknown,
}

/// Compares an item with the ids that it should have.
pub(super) fn judge(item: &Item, expected: &Ids) -> MatchVerdict {
    if item.guid.starts_with("local://") || item.guid.starts_with("com.plexapp.agents.none://") {
        return MatchVerdict::Unmatched;
    }
    compare(&known(&item.guid, &item.guids), expected)
}

/// Compares known ids with expected ones. One that is the same is enough: databases take ids back and give new ones.
pub(super) fn compare(known: &Ids, expected: &Ids) -> MatchVerdict {
    let mut differs = false;
    for (source, id) in known.iter() {
        match expected.get(source) {
            Some(other) if other == id => return MatchVerdict::Right,
            Some(_) => differs = true,
            None => {}
        }
    }
    if differs { MatchVerdict::Wrong(known.to_string()) } else { MatchVerdict::Unknown }
}

/// The ids of an item: those that are listed, or the one in a legacy agent's guid.
pub(super) fn known(guid: &str, guids: &[Guid]) -> Ids {
    let listed = guids.iter().filter_map(|guid| {
        let (word, id) = guid.id.split_once("://")?;
        Some((IdSource::ALL.into_iter().find(|source| source.as_str() == word)?, id))
    });
    listed.chain(legacy(guid)).fold(Ids::default(), |ids, (source, id)| ids.with(source, id))
}

/// The id in a legacy agent's guid: `com.plexapp.agents.thetvdb://268592/1/1?lang=en` is episode 1 of season 1 of series
/// 268592. Other agents, such as hama, number in their own way and are not judged.
fn legacy(guid: &str) -> Option<(IdSource, &str)> {
    let (agent, rest) = guid.strip_prefix("com.plexapp.agents.")?.split_once("://")?;
    let source = match agent {
        "imdb" => IdSource::Imdb,
        "themoviedb" => IdSource::Tmdb,
        "thetvdb" => IdSource::Tvdb,
        _ => return None,
    };
    let id = rest.split(['/', '?']).next().filter(|id| !id.is_empty())?;
    // The agent for films of imdb.com kept ids of themoviedb.org where it had no other.
    let source = if source == IdSource::Imdb && !id.starts_with("tt") { IdSource::Tmdb } else { source };
    Some((source, id))
}

/// How a candidate is asked for by an id: `imdb-tt0133093` (python-plexapi's `matches`).
pub(super) fn question(source: IdSource, id: &str) -> Option<String> {
    (source != IdSource::MusicBrainz).then(|| format!("{}-{id}", source.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn item(guid: &str, ids: &[&str]) -> Item {
        let guids: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
        serde_json::from_value(json!({"ratingKey": "1", "guid": guid, "Guid": guids})).unwrap()
    }

    #[test]
    fn an_item_is_judged_by_what_it_says() {
        let expected = Ids::parse("tvdb://268592 tmdb://603 imdb://tt0133093");
        let wrong = |ids: &str| MatchVerdict::Wrong(ids.to_owned());
        for (guid, ids, verdict) in [
            ("plex://movie/5d77", &["imdb://tt0133093", "tmdb://9"][..], MatchVerdict::Right),
            ("plex://movie/5d77", &["imdb://tt1", "tmdb://9"], wrong("tmdb://9 imdb://tt1")),
            ("plex://movie/5d77", &[], MatchVerdict::Unknown),
            ("plex://artist/5d77", &["mbid://x-1"], MatchVerdict::Unknown),
            ("com.plexapp.agents.imdb://tt0133093?lang=en", &[], MatchVerdict::Right),
            ("com.plexapp.agents.imdb://603?lang=de", &[], MatchVerdict::Right),
            ("com.plexapp.agents.themoviedb://604?lang=en", &[], wrong("tmdb://604")),
            ("com.plexapp.agents.thetvdb://268592/1/1?lang=en", &[], MatchVerdict::Right),
            ("com.plexapp.agents.thetvdb://7?lang=en", &[], wrong("tvdb://7")),
            ("com.plexapp.agents.hama://tvdb-7?lang=en", &[], MatchVerdict::Unknown),
            ("com.plexapp.agents.none://abc?lang=xn", &[], MatchVerdict::Unmatched),
            ("local://4711", &[], MatchVerdict::Unmatched),
            ("", &[], MatchVerdict::Unknown),
        ] {
            assert_eq!(judge(&item(guid, ids), &expected), verdict, "{guid} {ids:?}");
        }
    }
}
