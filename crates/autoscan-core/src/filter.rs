//! Which paths are looked at.

use regex::Regex;

use crate::change::Subject;
use crate::path::AbsolutePath;

/// `include` and `exclude` of a trigger or target: regular expressions over the local path.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    include: Vec<Regex>,
    exclude: Vec<Regex>,
}

impl Filter {
    /// Reads the expressions. The error names the one that is wrong.
    pub fn new<'a>(
        include: impl IntoIterator<Item = &'a str>,
        exclude: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, String> {
        let read = |text: &str| {
            Regex::new(text).map_err(|error| format!("{text:?} is not a regular expression: {error}"))
        };
        Ok(Self {
            include: include.into_iter().map(read).collect::<Result<_, _>>()?,
            exclude: exclude.into_iter().map(read).collect::<Result<_, _>>()?,
        })
    }

    /// Why the path is left out, or none when it passes. An exclude beats an include. A folder needs no include: what
    /// lies in it is not known yet.
    pub fn reject(&self, path: &AbsolutePath, subject: Subject) -> Option<String> {
        if let Some(pattern) = self.exclude.iter().find(|pattern| pattern.is_match(path.as_str())) {
            return Some(format!("excluded by {pattern}"));
        }
        let included = self.include.is_empty()
            || subject == Subject::Folder
            || self.include.iter().any(|pattern| pattern.is_match(path.as_str()));
        (!included).then(|| "matches no include".to_owned())
    }
}

/// The regular expression for an `exclude` of a folder and everything in it.
pub fn pattern_of_folder(folder: &AbsolutePath) -> String {
    format!("^{}(/|$)", regex::escape(folder.as_str().trim_end_matches('/')))
}

/// `files.ignore`: names that never matter, compared without case. `/name/` is a folder anywhere on the way,
/// anything else is a file or folder name in which `*` and `?` stand for any characters and any one character.
#[derive(Clone, Debug, Default)]
pub struct IgnoreList {
    folders: Vec<Vec<String>>,
    names: Vec<String>,
}

impl IgnoreList {
    /// Reads the patterns.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Self {
        let mut list = Self::default();
        for pattern in patterns {
            let pattern = pattern.to_lowercase();
            if pattern.contains('/') {
                let names: Vec<String> =
                    pattern.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
                if !names.is_empty() {
                    list.folders.push(names);
                }
            } else if !pattern.is_empty() {
                list.names.push(pattern);
            }
        }
        list
    }

    /// The pattern that ignores this path, or none.
    pub fn matches(&self, path: &AbsolutePath) -> Option<String> {
        let names: Vec<String> = path.components().map(str::to_lowercase).collect();
        if let Some(pattern) = self.names.iter().find(|pattern| names.iter().any(|name| glob(pattern, name)))
        {
            return Some(pattern.clone());
        }
        self.folders
            .iter()
            .find(|folders| {
                names
                    .windows(folders.len())
                    .any(|run| run.iter().zip(*folders).all(|(name, pat)| glob(pat, name)))
            })
            .map(|folders| format!("/{}/", folders.join("/")))
    }
}

/// Whether the whole `name` matches `pattern`, where `*` is any run of characters, also none, and `?` any one.
pub fn glob(pattern: &str, name: &str) -> bool {
    let (mut wanted, mut rest) = (pattern.chars(), name.chars());
    // What follows the last star, and what of the name it has not taken yet.
    let mut star = None;
    loop {
        let here = rest.clone();
        let Some(found) = rest.next() else { return wanted.all(|c| c == '*') };
        match wanted.next() {
            Some('*') => {
                star = Some((wanted.clone(), here.clone()));
                rest = here;
            }
            Some(c) if c == '?' || c == found => {}
            _ => {
                let Some((after, mut untaken)) = star.take() else { return false };
                untaken.next();
                (wanted, rest) = (after.clone(), untaken.clone());
                star = Some((after, untaken));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(text: &str) -> AbsolutePath {
        AbsolutePath::parse(text).unwrap()
    }

    #[test]
    fn an_exclude_beats_an_include_and_a_folder_needs_none() {
        let filter = Filter::new(["\\.(mkv|mp4)$"], ["/trailers/"]).unwrap();
        assert_eq!(filter.reject(&path("/tv/a.mkv"), Subject::File), None);
        assert!(filter.reject(&path("/tv/a.txt"), Subject::File).is_some());
        assert!(filter.reject(&path("/tv/trailers/a.mkv"), Subject::File).is_some());
        assert_eq!(filter.reject(&path("/tv/Show"), Subject::Folder), None);
        assert!(Filter::new(["("], []).is_err());
    }

    #[test]
    fn the_pattern_of_a_folder_matches_it_and_what_is_in_it_and_no_neighbour() {
        for folder in ["/tv/Show (2020) [x]", "/tv/a.b+c", "/"] {
            let filter = Filter::new([], [pattern_of_folder(&path(folder)).as_str()]).unwrap();
            let is_out = |text: String| filter.reject(&path(&text), Subject::File).is_some();
            assert!(is_out(folder.to_owned()) && is_out(format!("{folder}/Season 1/e.mkv")), "{folder}");
            assert!(
                folder == "/" || !(is_out(format!("{folder}x")) || is_out(format!("/x{folder}"))),
                "{folder}"
            );
        }
    }

    #[test]
    fn the_ignore_list_knows_folders_names_and_stars() {
        let list = IgnoreList::new([
            "/.grab/",
            ".DS_Store",
            "Thumbs.db",
            "*.partial~",
            "/@eaDir/",
            "/#recycle/tmp/",
        ]);
        for ignored in [
            "/tv/.grab/a.mkv",
            "/tv/.ds_store",
            "/tv/THUMBS.DB",
            "/tv/a.mkv.partial~",
            "/tv/@eaDir",
            "/x/#recycle/tmp/a",
        ] {
            assert!(list.matches(&path(ignored)).is_some(), "{ignored}");
        }
        for kept in
            ["/tv/x.grab/a.mkv", "/tv/DS_Store", "/tv/a.partial", "/tv/#recycle/a", "/tv/Thumbs.db.mkv"]
        {
            assert_eq!(list.matches(&path(kept)), None, "{kept}");
        }
    }

    proptest! {
        #[test]
        fn a_glob_of_a_name_with_stars_around_a_part_matches(head in "[a-z]{0,5}", part in "[a-z]{1,5}", tail in "[a-z]{0,5}") {
            let name = format!("{head}{part}{tail}");
            let around = format!("*{part}*");
            prop_assert!(glob(&around, &name));
            prop_assert!(glob(&name, &name));
            let longer = format!("{name}?");
            prop_assert!(!glob(&longer, &name));
        }
    }

    #[test]
    fn a_pattern_is_the_whole_text() {
        for (pattern, text, is_it) in [
            ("*", "", true),
            ("*.iso", "a.iso", true),
            ("*.iso", "a.iso.mkv", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("?ä*", "xäö", true),
            ("", "a", false),
            ("**", "a/b", true),
        ] {
            assert_eq!(glob(pattern, text), is_it, "{pattern} {text}");
        }
    }

    #[test]
    fn a_long_pattern_of_stars_is_no_burden() {
        let text = "a".repeat(5_000);
        assert!(!glob(&"*a".repeat(200), &text[..150]));
        assert!(!glob(&format!("{}b", "*a".repeat(100)), &text));
    }
}
