//! The names that no item is made of.

use autoscan_core::media::{Role, stem};
use autoscan_core::path::AbsolutePath;

use crate::family::media_browser::extras::Extras;

/// Folders that these servers pass by with all that is in them (Jellyfin's `IgnorePatterns`).
const PASSED_BY: &[&str] = &[
    "metadata",
    "ps3_update",
    "ps3_vprm",
    "extrafanart",
    "extrathumbs",
    "lost+found",
    "temprec",
    "tempsbe",
    "eadir",
    "@eadir",
    "#recycle",
    "@recycle",
    "$recycle.bin",
    "system volume information",
    // From Jellyfin 10.11 on.
    "subs",
];

/// Endings of sound.
const SOUND: &[&str] = &[
    "aac", "aiff", "alac", "ape", "dsf", "flac", "m4a", "mka", "mp3", "mpc", "ogg", "opus", "wav", "wma",
    "wv",
];

/// Endings of books.
const BOOKS: &[&str] = &["azw", "azw3", "cb7", "cbr", "cbt", "cbz", "epub", "mobi", "pdf"];

/// Endings of which Jellyfin 12.0.0 made nothing when it was tried.
const NEVER: &[&str] = &["evo", "nut", "part", "rar", "xyz"];

/// The names that no item is made of: of the path below the library's folder.
pub(crate) fn of_its_name(
    product: &str,
    path: &AbsolutePath,
    root: &AbsolutePath,
    library: &str,
) -> Option<String> {
    let names: Vec<String> = path.names_below(root)?.into_iter().map(str::to_lowercase).collect();
    let (own, folders) = names.split_last()?;
    if let Some(name) = folders.iter().find(|name| PASSED_BY.contains(&name.as_str())) {
        return Some(format!("{product} passes by everything in a folder called {name:?}"));
    }
    if let Some(name) = folders.iter().find(|name| name.starts_with('.')) {
        return Some(format!("{product} passes by hidden folders: the name {name:?} begins with a dot"));
    }
    if own.starts_with('.') {
        return Some(format!("{product} passes by names that begin with a dot"));
    }
    let is_sample = |word: &str| {
        let stem = stem(own);
        stem == word || stem.ends_with(&format!(".{word}")) || folders.last().is_some_and(|name| name == word)
    };
    if is_sample("sample") || is_sample("minta") {
        return Some(format!("{product} passes by samples"));
    }
    Extras::is_extra(path, root, library).then(|| {
        format!(
            "by its name it is an extra, such as a trailer, which {product} shows beside a film or series and not as an \
             item of its own"
        )
    })
}

/// Whether the library is for something else, or no library takes such a file.
pub(crate) fn of_its_ending(product: &str, kind: &str, title: &str, path: &AbsolutePath) -> Option<String> {
    let name = path.file_name()?;
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    if ending.is_empty() || NEVER.contains(&ending.as_str()) {
        let what = if ending.is_empty() { "no ending".to_owned() } else { format!("the ending {ending:?}") };
        return Some(format!("{product} makes no item of a file with {what}"));
    }
    let is_sound = SOUND.contains(&ending.as_str());
    let is_book = BOOKS.contains(&ending.as_str());
    let fits = match kind {
        "movies" | "tvshows" | "musicvideos" | "homevideos" => !is_sound && !is_book,
        "music" => is_sound || Role::of(path) != Role::Media,
        "books" => is_sound || is_book,
        _ => true,
    };
    (!fits).then(|| {
        format!("the library {title:?} is for {kind}, and such a file is none of that: put it in a library of its type")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_passed_by_are_known() {
        let root = AbsolutePath::parse("/m").unwrap();
        let of = |path| of_its_name("Jellyfin", &AbsolutePath::parse(path).unwrap(), &root, "movies");
        for (path, part) in [
            ("/m/F/Subs/f.mkv", "\"subs\""),
            ("/m/F/sample/f.mkv", "samples"),
            ("/m/F/f.sample.mkv", "samples"),
            ("/m/F/sample.mkv", "samples"),
            ("/m/F/.f.mkv", "dot"),
            ("/m/.hidden/F/f.mkv", "hidden folders"),
            ("/m/@eaDir/F/f.mkv", "\"@eadir\""),
            ("/m/F/F-trailer.mkv", "an extra"),
            ("/m/F/clips/c.mkv", "an extra"),
        ] {
            let cause = of(path);
            assert!(cause.as_ref().is_some_and(|cause| cause.contains(part)), "{path}: {cause:?}");
        }
        for path in ["/m/F/F.mkv", "/m/The Sample/The Sample.mkv", "/m/Extras/Season 1/A - S01E01.mkv"] {
            assert_eq!(of(path), None, "{path}");
        }
    }

    #[test]
    fn endings_that_a_library_does_not_take_are_known() {
        let of = |kind, name: &str| {
            of_its_ending("Jellyfin", kind, "Library", &AbsolutePath::parse(&format!("/m/F/{name}")).unwrap())
        };
        for (kind, name, part) in [
            ("movies", "f.nut", "the ending \"nut\""),
            ("movies", "f.RAR", "the ending \"rar\""),
            ("movies", "f", "no ending"),
            ("movies", "f.pdf", "is for movies"),
            ("tvshows", "f.mp3", "is for tvshows"),
            ("music", "f.mkv", "is for music"),
            ("books", "f.mkv", "is for books"),
        ] {
            let cause = of(kind, name);
            assert!(cause.as_ref().is_some_and(|cause| cause.contains(part)), "{kind} {name}: {cause:?}");
        }
        for (kind, name) in
            [("movies", "f.iso"), ("movies", "f.strm"), ("music", "f.flac"), ("mixed", "f.pdf")]
        {
            assert_eq!(of(kind, name), None, "{kind} {name}");
        }
    }
}
