//! The files `.ignore` by which a person keeps others out of Jellyfin and Emby: the nearest above a path counts. An empty one keeps
//! out everything in its folder, any other is read as git reads its `.gitignore`.

use autoscan_core::cause::{IgnoreFile, KeptOutBy};
use autoscan_core::filter::glob;

use crate::family::globs::matches_path;

/// How these servers read their ignore files.
pub(crate) const IGNORE_FILE: IgnoreFile = IgnoreFile { name: ".ignore", only_the_nearest: true, keeps_out };

/// What in the text keeps a path out: the last line that speaks of it decides, or of a folder above it.
fn keeps_out(text: &str, below: &str) -> Option<KeptOutBy> {
    if text.trim_start_matches('\u{feff}').trim().is_empty() {
        return Some(KeptOutBy::BeingEmpty);
    }
    let ends = below.match_indices('/').map(|(at, _)| (&below[..at], true)).chain([(below, false)]);
    // What lies in a folder that is kept out is not looked at.
    ends.into_iter().find_map(|(path, is_folder)| decided(text, path, is_folder))
}

/// The line by which one path is kept out.
fn decided(text: &str, path: &str, is_folder: bool) -> Option<KeptOutBy> {
    let mut by = None;
    for line in text.trim_start_matches('\u{feff}').lines() {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (keeps, pattern) = line.strip_prefix('!').map_or((true, line), |pattern| (false, pattern));
        if speaks_of(pattern, path, is_folder) {
            by = keeps.then(|| KeptOutBy::Line(line.to_owned()));
        }
    }
    by
}

fn speaks_of(pattern: &str, path: &str, is_folder: bool) -> bool {
    let (pattern, only_folders) = match pattern.strip_suffix('/') {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    if only_folders && !is_folder {
        return false;
    }
    if pattern.contains('/') {
        return matches_path(pattern.trim_start_matches('/'), path);
    }
    glob(pattern, path.rsplit('/').next().unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_kept_out_as_git_would_ignore_it() {
        for (text, below, line) in [
            ("*.iso", "Film/Film.iso", Some("*.iso")),
            ("# *.iso\n\n*.mkv\r\n", "Film/Film.mkv", Some("*.mkv")),
            ("Film", "Film/Film.mkv", Some("Film")),
            ("Film/", "Film/Film.mkv", Some("Film/")),
            ("Film.mkv/", "Film/Film.mkv", None),
            ("/Film.mkv", "Film/Film.mkv", None),
            ("/Film/*.mkv", "Film/Film.mkv", Some("/Film/*.mkv")),
            ("/*.mkv", "Film/Film.mkv", None),
            ("**/Extras/**", "Show/Extras/a/b.mkv", Some("**/Extras/**")),
            ("*.mkv\n!Film.mkv", "Film/Film.mkv", None),
            ("Film\n!Film.mkv", "Film/Film.mkv", Some("Film")),
            ("Other", "Film/Film.mkv", None),
            ("F?lm.mkv", "Film/Film.mkv", Some("F?lm.mkv")),
        ] {
            let expected = line.map(|line| KeptOutBy::Line(line.to_owned()));
            assert_eq!(keeps_out(text, below), expected, "{text:?} {below}");
        }
        assert_eq!(keeps_out("\u{feff} \n\n", "a.mkv"), Some(KeptOutBy::BeingEmpty));
    }
}
