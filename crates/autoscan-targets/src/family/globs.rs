//! Patterns of paths, as people write them into ignore files.

use autoscan_core::filter::glob;

/// Whether a path is like a pattern, name by name: a star stays within a name, and `**` is any number of names.
pub(crate) fn matches_path(pattern: &str, path: &str) -> bool {
    let names: Vec<&str> = path.split('/').collect();
    // Which beginnings of the path the pattern so far is like.
    let mut reached = vec![false; names.len() + 1];
    reached[0] = true;
    for part in pattern.split('/') {
        let mut next = vec![false; names.len() + 1];
        for (at, _) in reached.iter().enumerate().filter(|(_, is_reached)| **is_reached) {
            if part == "**" {
                next[at..].fill(true);
            } else if names.get(at).is_some_and(|name| glob(part, name)) {
                next[at + 1] = true;
            }
        }
        reached = next;
    }
    reached[names.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_matched_name_by_name() {
        for (pattern, path, is_it) in [
            ("a/*", "a/b", true),
            ("a/*", "a/b/c", false),
            ("a/**", "a/b/c", true),
            ("**/c", "a/b/c", true),
            ("**/c", "c", true),
            ("a/**/c", "a/c", true),
            ("a/b", "a", false),
        ] {
            assert_eq!(matches_path(pattern, path), is_it, "{pattern} {path}");
        }
    }
}
