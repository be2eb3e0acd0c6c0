//! Patterns with `*` and `?`, as people write them into ignore files.

/// Whether the whole text is like the pattern: `*` is any run of characters, also none, and `?` is one.
pub(crate) fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut of) = (0, 0);
    // Where the last star was, and how much of the text it takes so far.
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(of) {
            Some('*') => {
                star = Some((of, at));
                of += 1;
            }
            Some(&one) if one == '?' || one == text[at] => {
                at += 1;
                of += 1;
            }
            _ => {
                let Some((known, taken)) = star else { return false };
                star = Some((known, taken + 1));
                (of, at) = (known + 1, taken + 1);
            }
        }
    }
    pattern[of..].iter().all(|rest| *rest == '*')
}

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
            } else if names.get(at).is_some_and(|name| is_like(part, name)) {
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
            assert_eq!(is_like(pattern, text), is_it, "{pattern} {text}");
        }
    }

    #[test]
    fn a_long_pattern_of_stars_is_no_burden() {
        let text = "a".repeat(5_000);
        assert!(!is_like(&"*a".repeat(200), &text[..150]));
        assert!(!is_like(&format!("{}b", "*a".repeat(100)), &text));
    }

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
