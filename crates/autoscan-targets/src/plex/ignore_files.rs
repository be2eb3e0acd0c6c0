//! The files `.plexignore` by which a person keeps others out of Plex: each counts for its folder and all that is below it. A line
//! without a slash is the name of a file or folder anywhere below, one with a slash is a path from there.

use autoscan_core::cause::{IgnoreFile, KeptOutBy};
use autoscan_core::filter::glob;

/// How Plex reads its ignore files.
pub(super) const IGNORE_FILE: IgnoreFile =
    IgnoreFile { name: ".plexignore", only_the_nearest: false, keeps_out };

fn keeps_out(text: &str, below: &str) -> Option<KeptOutBy> {
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    let mut patterns = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let line = patterns.find(|pattern| match pattern.trim_start_matches('/') {
        path if path.contains('/') => glob(path, below),
        name => below.split('/').any(|part| glob(name, part)),
    })?;
    Some(KeptOutBy::Line(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_out_what_it_names_and_what_lies_in_it() {
        for (text, below, line) in [
            ("*.iso", "Film/Film.iso", Some("*.iso")),
            ("\u{feff}# nothing else\r\n\r\n*sample*\r\n", "Film/a sample.mkv", Some("*sample*")),
            ("Other/*\nFilm/*", "Film/deep/Film.mkv", Some("Film/*")),
            ("Film", "Film/Film.mkv", Some("Film")),
            ("*", "Film/Film.mkv", Some("*")),
            ("# Film/*", "Film/Film.mkv", None),
            ("Film/*", "Other/Film/Film.mkv", None),
            ("", "Film.mkv", None),
        ] {
            let expected = line.map(|line| KeptOutBy::Line(line.to_owned()));
            assert_eq!(keeps_out(text, below), expected, "{text:?} {below}");
        }
    }
}
