//! How a pretend Plex reads the names of files.

use autoscan_core::media::stem;
use autoscan_core::path::AbsolutePath;

use crate::pretend::library::PretendLibrary;

/// What a file is taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Placed {
    Movie { title: String },
    Episode { show: String, season: usize, episode: usize },
    Track { artist: String, album: String, title: String },
}

/// The items that a file is part of: none when its name is not one of this library's type, several for a file of
/// several episodes.
pub(super) fn place(library: &PretendLibrary, path: &str) -> Vec<Placed> {
    let Ok(path) = AbsolutePath::parse(path) else { return Vec::new() };
    let roots = library.folders.iter().filter_map(|folder| AbsolutePath::parse(folder).ok());
    let Some(names) = roots.filter_map(|root| path.names_below(&root)).min_by_key(Vec::len) else {
        return Vec::new();
    };
    let Some((file, folders)) = names.split_last() else { return Vec::new() };
    let episodes = episodes(stem(file));
    match library.kind.as_str() {
        "movie" if episodes.is_empty() => {
            let title = folders.first().copied().unwrap_or(stem(file));
            vec![Placed::Movie { title: title.split(" (").next().unwrap_or(title).to_owned() }]
        }
        "show" => {
            let Some(show) = folders.first() else { return Vec::new() };
            let show = show.split(" (").next().unwrap_or(show);
            let episode = |(season, episode)| Placed::Episode { show: show.to_owned(), season, episode };
            episodes.into_iter().map(episode).collect()
        }
        "artist" => match folders {
            [artist, .., album] => vec![Placed::Track {
                artist: (*artist).to_owned(),
                album: (*album).to_owned(),
                title: stem(file).to_owned(),
            }],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// `S01E01`, `S01E01E02` and `S01E01-E02` as season and episode numbers.
fn episodes(name: &str) -> Vec<(usize, usize)> {
    let name = name.to_ascii_lowercase();
    let bytes = name.as_bytes();
    let number = |from: usize| -> Option<(usize, usize)> {
        let digits = bytes.get(from..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
        Some((name.get(from..from + digits)?.parse().ok()?, from + digits))
    };
    for at in 0..bytes.len() {
        if bytes[at] != b's' || (at > 0 && bytes[at - 1].is_ascii_alphanumeric()) {
            continue;
        }
        let Some((season, mut end)) = number(at + 1) else { continue };
        let mut found = Vec::new();
        loop {
            let dash = usize::from(bytes.get(end) == Some(&b'-'));
            if bytes.get(end + dash) != Some(&b'e') {
                break;
            }
            let Some((episode, after)) = number(end + dash + 1) else { break };
            found.push((season, episode));
            end = after;
        }
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_plex_reads_them() {
        for (name, read) in [
            ("Show - S01E02 - Title", vec![(1, 2)]),
            ("show.s10e11e12.720p", vec![(10, 11), (10, 12)]),
            ("Show - S01E01-E02", vec![(1, 1), (1, 2)]),
            ("Class of 1984", vec![]),
            ("Aliens 2", vec![]),
        ] {
            assert_eq!(episodes(name), read, "{name}");
        }
    }
}
