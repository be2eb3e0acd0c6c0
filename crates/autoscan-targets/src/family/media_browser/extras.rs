//! Trailers, samples and other extras, by the rules of these servers: they are shown with a film or a series, and not as items
//! of their own; samples not at all.

use autoscan_core::media::stem;
use autoscan_core::path::AbsolutePath;

/// Folders of extras, right below the folder of a film or a series (Jellyfin's `NamingOptions`; tried at 12.0.0).
const FOLDERS: &[&str] = &[
    "backdrops",
    "behind the scenes",
    "clips",
    "deleted scenes",
    "extra",
    "extras",
    "featurettes",
    "interviews",
    "other",
    "samples",
    "scenes",
    "shorts",
    "theme-music",
    "trailers",
];

/// Whole names, without their ending.
const NAMES: &[&str] = &["sample", "theme", "trailer"];

/// Ends of names before the dot.
const ENDS: &[&str] = &[
    "-behindthescenes",
    "-clip",
    "-deleted",
    "-deletedscene",
    "-extra",
    "-featurette",
    "-interview",
    "-other",
    "-sample",
    ".sample",
    "_sample",
    "- sample",
    "-scene",
    "-short",
    "-trailer",
    ".trailer",
    "_trailer",
    "- trailer",
];

/// The rules for extras.
pub(crate) struct Extras;

impl Extras {
    /// Whether the file is an extra in a library of this type whose folder is `root`. The nearest folder counts, and no other:
    /// a series may be called *Extras*. Music and books have none.
    pub(crate) fn is_extra(path: &AbsolutePath, root: &AbsolutePath, library: &str) -> bool {
        let Some(name) = path.file_name().filter(|_| !matches!(library, "music" | "books")) else {
            return false;
        };
        let stem = stem(name).to_lowercase();
        Self::is_in_folder(path, root)
            || NAMES.contains(&stem.as_str())
            || ENDS.iter().any(|end| stem.ends_with(end))
    }

    /// The folder of the film or series that the extra belongs to; none when the file is no extra.
    pub(crate) fn item_folder(
        path: &AbsolutePath,
        root: &AbsolutePath,
        library: &str,
    ) -> Option<AbsolutePath> {
        if !Self::is_extra(path, root, library) {
            return None;
        }
        let folder = path.parent()?;
        if Self::is_in_folder(path, root) { folder.parent() } else { Some(folder) }
    }

    /// Whether the file lies in a folder of extras: one that lies in the folder of a film or a series.
    fn is_in_folder(path: &AbsolutePath, root: &AbsolutePath) -> bool {
        let folder = path.parent().filter(|folder| folder.depth() > root.depth() + 1);
        let name = folder.and_then(|folder| folder.file_name().map(str::to_lowercase));
        name.is_some_and(|name| FOLDERS.contains(&name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extras_are_known_by_the_nearest_folder_and_by_the_name() {
        for (path, of) in [
            ("/m/F/F.mkv", None),
            ("/m/F/Trailers/a.mkv", Some("/m/F")),
            ("/m/F/clips/a.mkv", Some("/m/F")),
            ("/m/F/extra/a.mkv", Some("/m/F")),
            ("/m/F/F-clip.mkv", Some("/m/F")),
            ("/m/F/F_trailer.mkv", Some("/m/F")),
            ("/m/F/F - trailer.mkv", Some("/m/F")),
            ("/m/F/F - sample.mkv", Some("/m/F")),
            ("/m/F/theme.mp3", Some("/m/F")),
            ("/m/Extras/Extras.mkv", None),
            ("/m/Extras/Season 1/e.mkv", None),
            ("/m/Trailer Park Boys/S01/e.mkv", None),
            ("/m/The Sample/The Sample.mkv", None),
        ] {
            let (path, root) = (AbsolutePath::parse(path).unwrap(), AbsolutePath::parse("/m").unwrap());
            assert!(!Extras::is_extra(&path, &root, "music"), "{path:?}");
            let folder = Extras::item_folder(&path, &root, "movies");
            assert_eq!(folder.as_ref().map(AbsolutePath::as_str), of, "{path:?}");
        }
    }
}
