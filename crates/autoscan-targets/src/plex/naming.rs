//! What Plex takes a file for by its name.

use autoscan_core::media::stem;
use autoscan_core::path::AbsolutePath;

/// Endings of music.
const AUDIO: [&str; 24] = [
    "aac", "aiff", "alac", "ape", "dsf", "flac", "m4a", "m4b", "m4p", "mka", "mp2", "mp3", "mpa", "mpc",
    "oga", "ogg", "opus", "ra", "tak", "tta", "wav", "wma", "wv", "dts",
];

/// Whether the file is music, by its ending.
pub(super) fn is_audio(path: &AbsolutePath) -> bool {
    let ending =
        path.file_name().and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending.to_lowercase());
    ending.is_some_and(|ending| AUDIO.contains(&ending.as_str()))
}

/// The season that an episode's name says: `S01E02` or `1x02`.
pub(super) fn season_of(name: &str) -> Option<u64> {
    let name = stem(name).to_ascii_lowercase();
    let bytes = name.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let begins_word = |at: usize| at == 0 || !bytes[at - 1].is_ascii_alphanumeric();
    (0..bytes.len()).filter(|&at| begins_word(at)).find_map(|at| {
        let from = at + usize::from(bytes[at] == b's');
        let end = from + digits(from);
        let mark = if from > at { b'e' } else { b'x' };
        let episode = end + 1;
        let is_episode = end > from && end - from <= 4 && bytes.get(end) == Some(&mark);
        (is_episode && bytes.len() > episode && digits(episode) > 0).then(|| name[from..end].parse().ok())?
    })
}

/// Whether a library of this kind can hold the file, when libraries of these kinds share its folder.
pub(super) fn can_hold(kind: &str, kinds: &[String], path: &AbsolutePath) -> bool {
    let shared = |with: &str| kinds.iter().any(|other| other == with);
    let is_episode = path.file_name().and_then(season_of).is_some();
    match kind {
        "artist" => is_audio(path),
        "movie" => !(is_audio(path) || is_episode && shared("show")),
        "show" => !is_audio(path) && (is_episode || !shared("movie")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_season_is_read_from_the_name() {
        for (name, season) in [
            ("Show - S01E02 - Title.mkv", Some(1)),
            ("show.s2024e11e12.720p.mkv", Some(2024)),
            ("Show 1x02.mkv", Some(1)),
            ("Show (1999) - S10E100.mkv", Some(10)),
            ("Class of 1984.mkv", None),
            ("Movie 1080x720.mkv", Some(1080)),
            ("x.mkv", None),
            ("Aliens2e3.mkv", None),
            ("日本 s01e01.mkv", Some(1)),
            ("", None),
        ] {
            assert_eq!(season_of(name), season, "{name}");
        }
    }

    #[test]
    fn a_library_holds_what_its_kind_is_for() {
        let path = |name: &str| AbsolutePath::parse(&format!("/data/x/{name}")).unwrap();
        let both = ["movie".to_owned(), "show".to_owned(), "artist".to_owned()];
        for (name, kinds, holding) in [
            ("Film.mkv", &both[..], &["movie"][..]),
            ("Show S01E01.mkv", &both, &["show"]),
            ("Song.FLAC", &both, &["artist"]),
            ("Show S01E01.mkv", &both[..1], &["movie"]),
            ("2024-05-01 News.mkv", &both[1..2], &["show"]),
        ] {
            let can: Vec<&str> =
                kinds.iter().map(String::as_str).filter(|kind| can_hold(kind, kinds, &path(name))).collect();
            assert_eq!(can, holding, "{name}");
        }
    }
}
