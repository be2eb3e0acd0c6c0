//! What Jellyfin shows beside an item and not as one: its rules for extras, by folder and by name (19 kinds tried at Jellyfin
//! 12.0.0). Samples are never items.

/// Folders of extras, right below the folder of their item.
const FOLDERS: &[&str] = &[
    "trailers",
    "theme-music",
    "backdrops",
    "extras",
    "extra",
    "other",
    "behind the scenes",
    "deleted scenes",
    "interviews",
    "scenes",
    "samples",
    "shorts",
    "featurettes",
    "clips",
];

/// Whole names without their ending.
const NAMES: &[&str] = &["trailer", "sample", "theme"];

/// Ends of names before the dot.
const ENDS: &[&str] = &[
    "-trailer",
    ".trailer",
    "_trailer",
    "- trailer",
    "-sample",
    ".sample",
    "_sample",
    "- sample",
    "-scene",
    "-clip",
    "-interview",
    "-behindthescenes",
    "-deleted",
    "-deletedscene",
    "-featurette",
    "-short",
    "-extra",
    "-other",
];

/// Whether the file, by its names below the library's folder, is an extra.
pub(crate) fn is_extra(folders: &[&str], name: &str) -> bool {
    let lower = name.to_lowercase();
    let stem = lower.rsplit_once('.').map_or(lower.as_str(), |(stem, _)| stem);
    let in_folder = folders.len() > 1
        && folders.last().is_some_and(|folder| FOLDERS.contains(&folder.to_lowercase().as_str()));
    in_folder || NAMES.contains(&stem) || ENDS.iter().any(|end| stem.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extras_are_known_by_the_nearest_folder_and_by_the_name() {
        for (folders, name, extra) in [
            (&["Film"][..], "Film.mkv", false),
            (&["Film", "Clips"], "a.mkv", true),
            (&["Film"], "Film-clip.mkv", true),
            (&["Film"], "Film - trailer.mkv", true),
            (&["Film"], "theme.mp3", true),
            (&["Extras"], "Extras - S01E01.mkv", false),
            (&["Extras", "Season 1"], "Extras - S01E01.mkv", false),
            (&["Trailer Park"], "Trailer Park.mkv", false),
        ] {
            assert_eq!(is_extra(folders, name), extra, "{folders:?} {name}");
        }
    }
}
