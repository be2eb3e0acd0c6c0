//! Films as the folders of a disc: the item is the folder that holds the disc, and the files in it have none (Jellyfin's
//! `VideoResolver`).

use autoscan_core::path::AbsolutePath;

/// Folders of a disc.
const FOLDERS: [&str; 3] = ["bdmv", "hvdvd_ts", "video_ts"];

/// The folder that holds the disc on which the file lies; none when it lies on none.
pub(crate) fn disc_above(path: &AbsolutePath) -> Option<AbsolutePath> {
    let above = std::iter::successors(path.parent(), AbsolutePath::parent);
    let is_disc = |folder: &AbsolutePath| {
        folder.file_name().is_some_and(|name| FOLDERS.contains(&name.to_lowercase().as_str()))
    };
    above.into_iter().find(is_disc).and_then(|disc| disc.parent())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_disc_are_known_by_its_folder() {
        for (path, disc) in [
            ("/m/Film/BDMV/STREAM/00001.m2ts", Some("/m/Film")),
            ("/m/Film/VIDEO_TS/VTS_01_1.VOB", Some("/m/Film")),
            ("/m/Film/Film.mkv", None),
            ("/m/BDMV Films/Film.mkv", None),
        ] {
            let found = disc_above(&AbsolutePath::parse(path).unwrap());
            assert_eq!(found.as_ref().map(AbsolutePath::as_str), disc, "{path}");
        }
    }
}
