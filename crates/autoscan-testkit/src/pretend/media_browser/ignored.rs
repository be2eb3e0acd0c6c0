//! The names that Jellyfin passes by: its `IgnorePatterns`, by version.

/// Folders that are passed by with all that is in them.
const FOLDERS: &[&str] = &[
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
];

/// Hidden folders that are passed by with all that is in them; of other hidden ones only the folder itself is.
const HIDDEN_FOLDERS: &[&str] = &[".actors", ".wd_tv", ".@__thumb", ".grab", ".zfs"];

/// Files of these names.
const FILES: &[&str] = &["small.jpg", "albumart.jpg", "thumbs.db"];

/// Longest ending of a file called `sample`.
const SAMPLE_ENDING: usize = 5;

/// A version by what it passes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Era {
    /// 59 patterns.
    Ten,
    /// 65: also folders of subtitles and of snapshots.
    Eleven,
    /// 76: also samples that are called `minta`.
    #[default]
    Twelve,
}

impl Era {
    /// The era of a version such as `10.11.3`.
    pub(crate) fn of(version: &str) -> Self {
        let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        match (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) {
            (12.., _) => Self::Twelve,
            (10, 11..) | (11, _) => Self::Eleven,
            _ => Self::Ten,
        }
    }
}

/// Whether the path is passed by. Case does not matter.
pub(crate) fn is_ignored(era: Era, path: &str) -> bool {
    let lower = path.to_lowercase();
    let names: Vec<&str> = lower.split(['/', '\\']).filter(|name| !name.is_empty()).collect();
    let Some((own, above)) = names.split_last() else { return false };
    let samples: &[&str] = if era >= Era::Twelve { &["sample", "minta"] } else { &["sample"] };
    names.iter().any(|name| is_folder(era, name))
        || above.iter().any(|name| name.ends_with(".trickplay"))
        || above.last().is_some_and(|name| samples.contains(name))
        || samples.iter().any(|sample| is_sample(own, sample))
        || FILES.contains(own)
        || own.starts_with('.')
        || [".trickplay", ".bts", ".sync"].iter().any(|ending| own.ends_with(ending))
}

fn is_folder(era: Era, name: &str) -> bool {
    FOLDERS.contains(&name)
        || HIDDEN_FOLDERS.contains(&name)
        || (era >= Era::Eleven && matches!(name, "subs" | ".snapshots" | ".snapshot"))
}

/// `sample.mkv` and `x.sample.mkv`; no `sampler.mkv`, and no `the sample.mkv`.
fn is_sample(name: &str, sample: &str) -> bool {
    let Some((stem, ending)) = name.rsplit_once('.') else { return false };
    let length = ending.chars().count();
    (1..=SAMPLE_ENDING).contains(&length)
        && (stem == sample || stem.strip_suffix(sample).is_some_and(|rest| rest.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_passed_by_as_the_real_one_does() {
        for (path, ignored) in [
            ("/media/small.jpg", true),
            ("/media/movie.sample.mp4", true),
            ("/media/movie/sample.mp4", true),
            ("/media/movie/sample/movie.mp4", true),
            ("/foo/sample/bar/baz.mkv", false),
            ("/media/movies/the sample/the sample.mkv", false),
            ("/media/movies/sampler.mkv", false),
            ("/media/movies/#Recycle/test.txt", true),
            ("/media/.hidden", true),
            ("/media/.hidden/film.mkv", false),
            ("/media/.grab/film.mkv", true),
            ("/media/a.trickplay/320/0.jpg", true),
            ("C:\\media\\$RECYCLE.BIN\\a.mkv", true),
            ("/media/Film (2000)/Film.mkv", false),
        ] {
            for era in [Era::Ten, Era::Eleven, Era::Twelve] {
                assert_eq!(is_ignored(era, path), ignored, "{path} in {era:?}");
            }
        }
    }

    #[test]
    fn later_versions_pass_more_by() {
        for (path, since) in [
            ("/media/A/Subs/a.mkv", Era::Eleven),
            ("/media/.snapshots/a/b.mkv", Era::Eleven),
            ("/media/A/minta.mkv", Era::Twelve),
        ] {
            for era in [Era::Ten, Era::Eleven, Era::Twelve] {
                assert_eq!(is_ignored(era, path), era >= since, "{path} in {era:?}");
            }
        }
        for (version, era) in
            [("10.10.7", Era::Ten), ("10.11.11", Era::Eleven), ("12.0.0", Era::Twelve), ("12.1", Era::Twelve)]
        {
            assert_eq!(Era::of(version), era, "{version}");
        }
    }
}
