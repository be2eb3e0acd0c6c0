//! How a path in one program's eyes becomes the same file in another's.

use regex::Regex;

use crate::path::{AbsolutePath, MAX_LENGTH, PathRefusal};

/// Plain prefixes by whole components (the longest wins), then regular expressions (the first that matches at the
/// start of the path wins). A path that nothing matches stays as it is.
#[derive(Clone, Debug, Default)]
pub struct PathMap {
    prefixes: Vec<(AbsolutePath, AbsolutePath)>,
    rewrites: Vec<(Regex, String)>,
}

/// What a map made of a path, and by which rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// The path in the other program's eyes.
    pub path: AbsolutePath,
    /// The rule that was used, for a person: `/tv → /data/tv`; none when the path stayed as it was.
    pub rule: Option<String>,
}

impl PathMap {
    /// A map of plain prefixes and of regular expressions with their replacements (`$1` is the first group). The error
    /// names the rule that is wrong.
    pub fn new<'a>(
        prefixes: impl IntoIterator<Item = (&'a str, &'a str)>,
        rewrites: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, String> {
        let mut map = Self::default();
        for (from, to) in prefixes {
            let read = |text| AbsolutePath::parse(text).map_err(|refusal| format!("map {from:?}: {refusal}"));
            map.prefixes.push((read(from)?, read(to)?));
        }
        map.prefixes.sort_by_key(|(from, _)| std::cmp::Reverse(from.depth()));
        for (from, to) in rewrites {
            let pattern = Regex::new(from)
                .map_err(|error| format!("rewrite {from:?} is not a regular expression: {error}"))?;
            map.rewrites.push((pattern, to.to_owned()));
        }
        Ok(map)
    }

    /// Whether the map changes nothing.
    pub fn is_empty(&self) -> bool {
        self.prefixes.is_empty() && self.rewrites.is_empty()
    }

    /// The prefixes on the far side: the roots that this map leads to.
    pub fn destinations(&self) -> impl Iterator<Item = &AbsolutePath> {
        self.prefixes.iter().map(|(_, to)| to)
    }

    /// The prefixes on the near side.
    pub fn sources(&self) -> impl Iterator<Item = &AbsolutePath> {
        self.prefixes.iter().map(|(from, _)| from)
    }

    /// The folders on the near side that become `path`, or lie below it once they are mapped. None are found where that is
    /// not sure: a path that two prefixes lead to, or that a regular expression may have made.
    pub fn origins(&self, path: &AbsolutePath) -> Vec<AbsolutePath> {
        let leads_here = |origin: &AbsolutePath| self.apply(origin).is_ok_and(|mapped| mapped.path == *path);
        let mut above: Vec<AbsolutePath> = Vec::new();
        let mut is_reached = false;
        for (from, to) in &self.prefixes {
            let Some(names) = path.names_below(to) else { continue };
            is_reached = true;
            let origin = from.join(names);
            if leads_here(&origin) && !above.contains(&origin) {
                above.push(origin);
            }
        }
        match above.len() {
            0 => {}
            1 => return above,
            _ => return Vec::new(),
        }
        let below: Vec<_> =
            self.prefixes.iter().filter(|(_, to)| to.is_within(path)).map(|(from, _)| from.clone()).collect();
        if below.is_empty() && !is_reached && self.rewrites.is_empty() && leads_here(path) {
            return vec![path.clone()];
        }
        below
    }

    /// The same file in the other program's eyes. A result that is no absolute path is refused.
    pub fn apply(&self, path: &AbsolutePath) -> Result<Mapped, PathRefusal> {
        for (from, to) in &self.prefixes {
            if let Some(names) = path.names_below(from) {
                let path = to.join(names);
                return match path.as_str().len() {
                    length if length > MAX_LENGTH => Err(PathRefusal::TooLong(length)),
                    _ => Ok(Mapped { path, rule: Some(format!("{from} → {to}")) }),
                };
            }
        }
        for (pattern, replacement) in &self.rewrites {
            if let Some(text) = rewrite(pattern, replacement, path.as_str()) {
                return AbsolutePath::parse(&text)
                    .map(|path| Mapped { path, rule: Some(format!("{pattern} → {replacement}")) });
            }
        }
        Ok(Mapped { path: path.clone(), rule: None })
    }
}

/// The path with what `pattern` matches at its start replaced. A folder is tried with its closing slash too, because
/// people write `^/tv/` and mean `/tv` as well.
fn rewrite(pattern: &Regex, replacement: &str, path: &str) -> Option<String> {
    let with_slash = format!("{path}/");
    for text in [path, &with_slash] {
        if let Some(groups) = pattern.captures(text)
            && let Some(whole) = groups.get(0)
            && whole.start() == 0
            && !whole.is_empty()
        {
            let mut out = String::with_capacity(text.len() + replacement.len());
            groups.expand(replacement, &mut out);
            out.push_str(&text[whole.end()..]);
            return Some(out);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mapped(map: &PathMap, path: &str) -> String {
        map.apply(&AbsolutePath::parse(path).unwrap()).unwrap().path.to_string()
    }

    #[test]
    fn real_layouts_map_as_people_mean_them() {
        let map = PathMap::new(
            [
                ("/tv", "/mnt/unionfs/Media/TV"),
                ("/tv/anime", "/mnt/anime"),
                ("C:\\Media", "/mnt/media"),
                ("\\\\tower\\media", "/mnt/user/media"),
                ("/volume1/video", "V:\\video"),
            ],
            [],
        )
        .unwrap();
        for (given, becomes) in [
            ("/tv", "/mnt/unionfs/Media/TV"),
            ("/tv/Show/S01/a.mkv", "/mnt/unionfs/Media/TV/Show/S01/a.mkv"),
            ("/tv/anime/Frieren", "/mnt/anime/Frieren"),
            ("/tv4k/Show", "/tv4k/Show"),
            ("c:\\media\\TV\\Doctor Who", "/mnt/media/TV/Doctor Who"),
            ("\\\\TOWER\\Media\\tv\\a b", "/mnt/user/media/tv/a b"),
            ("/volume1/video/Æ/b.mkv", "V:\\video\\Æ\\b.mkv"),
            ("/other", "/other"),
        ] {
            assert_eq!(mapped(&map, given), becomes, "{given}");
        }
    }

    #[test]
    fn expressions_match_only_at_the_start_and_the_first_wins() {
        let map = PathMap::new(
            [],
            [("/tv/", "/mnt/tv/"), ("^/movies/(\\d+)/", "/mnt/movies-$1/"), ("/tv", "/never")],
        )
        .unwrap();
        for (given, becomes) in [
            ("/tv/Show", "/mnt/tv/Show"),
            ("/tv", "/mnt/tv"),
            ("/data/tv/Show", "/data/tv/Show"),
            ("/movies/4/x", "/mnt/movies-4/x"),
        ] {
            assert_eq!(mapped(&map, given), becomes, "{given}");
        }
    }

    #[test]
    fn a_rewrite_to_nowhere_is_refused() {
        let map = PathMap::new([], [("^/tv/", "tv/")]).unwrap();
        assert!(map.apply(&AbsolutePath::parse("/tv/Show").unwrap()).is_err());
        assert!(PathMap::new([("tv", "/x")], []).is_err());
        let longer = PathMap::new([("/tv", "/a/much/longer/name")], []).unwrap();
        let path = AbsolutePath::parse(&format!("/tv/{}", "x".repeat(4090))).unwrap();
        assert!(matches!(longer.apply(&path), Err(PathRefusal::TooLong(_))));
        assert!(PathMap::new([], [("(", "/x")]).is_err());
    }

    #[test]
    fn where_a_folder_comes_from_is_said_only_where_it_is_sure() {
        let origins = |map: &PathMap, path: &str| {
            let mut origins: Vec<_> =
                map.origins(&AbsolutePath::parse(path).unwrap()).iter().map(ToString::to_string).collect();
            origins.sort();
            origins
        };
        let none: [&str; 0] = [];
        let map = PathMap::new(
            [
                ("/mnt/media", "/data"),
                ("/mnt/media/kids", "/kids"),
                ("/one", "/both"),
                ("/two", "/both"),
                ("/mnt/a", "/all/a"),
                ("/mnt/b", "/all/b"),
            ],
            [],
        )
        .unwrap();
        assert_eq!(origins(&map, "/data/tv"), ["/mnt/media/tv"]);
        assert_eq!(origins(&map, "/kids"), ["/mnt/media/kids"]);
        assert_eq!(origins(&map, "/data/kids"), none, "/mnt/media/kids becomes /kids");
        assert_eq!(origins(&map, "/both/tv"), none);
        assert_eq!(origins(&map, "/all"), ["/mnt/a", "/mnt/b"]);
        assert_eq!(origins(&map, "/elsewhere"), ["/elsewhere"]);
        assert_eq!(origins(&map, "/mnt/media"), none, "it is something else there");
        assert_eq!(origins(&PathMap::default(), "/tv"), ["/tv"]);
        let rewrites = PathMap::new([], [("^/mnt/(.)/", "/data/$1/")]).unwrap();
        assert_eq!(origins(&rewrites, "/data/tv"), none);
    }

    proptest! {
        #[test]
        fn a_prefix_map_and_its_reverse_give_the_path_back(names in prop::collection::vec("[^/\\\\\\p{C}]{1,12}", 1..6)) {
            prop_assume!(names.iter().all(|name| name != "." && name != ".."));
            let forth = PathMap::new([("/tv", "D:\\TV Shows")], []).unwrap();
            let back = PathMap::new([("D:\\TV Shows", "/tv")], []).unwrap();
            let path = format!("/tv/{}", names.join("/"));
            prop_assert_eq!(mapped(&back, &mapped(&forth, &path)), path);
        }

        #[test]
        fn a_longer_first_name_is_another_folder(tail in "[a-zA-Z0-9]{1,8}") {
            let map = PathMap::new([("/tv", "/x")], []).unwrap();
            let path = format!("/tv{tail}/Show");
            prop_assert_eq!(mapped(&map, &path), path);
        }
    }
}
