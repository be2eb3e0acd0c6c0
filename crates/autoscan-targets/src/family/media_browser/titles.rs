//! What to search for: the title in a name of a folder.

/// The title in a name: without year, braces, and dots for spaces.
pub(crate) fn title(name: &str) -> String {
    let end = name.char_indices().skip(1).find(|(_, sign)| matches!(sign, '(' | '[' | '{'));
    let bare = &name[..end.map_or(name.len(), |(at, _)| at)];
    let bare = if bare.trim().contains(' ') { bare.to_owned() } else { bare.replace(['.', '_'], " ") };
    let bare = bare.trim().trim_end_matches(['-', '.', ' ']);
    if bare.is_empty() { name.trim().to_owned() } else { bare.to_owned() }
}

/// The longest word of a title: it is found also where the signs between the words are others than in the name of the
/// folder, which holds no colon and no question mark.
pub(crate) fn longest_word(title: &str) -> Option<&str> {
    let words = title.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let longest = words.max_by_key(|word| word.chars().count())?;
    (longest.len() >= 3 && longest != title).then_some(longest)
}

/// The number of a season in the name of its folder: `Season 01`, `S1`, `Staffel 2`, `Specials`.
pub(crate) fn season(name: &str) -> Option<u32> {
    let name = name.trim();
    if name.eq_ignore_ascii_case("specials") {
        return Some(0);
    }
    let word = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &name[word.len()..];
    let word = word.trim_end_matches([' ', '.', '_', '-']);
    let is_word = !word.is_empty() && word.chars().all(char::is_alphabetic);
    (is_word && (1..=4).contains(&digits.len())).then(|| digits.parse().ok()).flatten()
}

/// The number of the first episode in the name of a file: `S01E05`, `s1e5`, `1x05`.
pub(crate) fn episode(name: &str) -> Option<u32> {
    let lower = name.to_ascii_lowercase();
    let number_before = |at: usize| lower[..at].ends_with(|c: char| c.is_ascii_digit());
    let found =
        lower.match_indices(['e', 'x']).filter(|(at, _)| number_before(*at)).find_map(|(at, sign)| {
            let digits = lower[at + 1..].bytes().take_while(u8::is_ascii_digit).count();
            let season = lower[..at].bytes().rev().take_while(u8::is_ascii_digit).count();
            let is_cross = sign == "x" && season <= 2;
            let has_season = is_cross || (sign == "e" && season <= 4 && lower[..at - season].ends_with('s'));
            (has_season && (1..=4).contains(&digits)).then(|| &lower[at + 1..at + 1 + digits])
        })?;
    found.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_what_stands_before_year_and_braces() {
        for (name, expected) in [
            ("Mr. Robot (2015) {tvdb-289590}", "Mr. Robot"),
            ("Heat [1995]", "Heat"),
            ("Show.Name_Two", "Show Name Two"),
            ("Ocean's Eleven", "Ocean's Eleven"),
            ("(500) Days of Summer (2009)", "(500) Days of Summer"),
            ("Spider-Man - Far From Home (2019)", "Spider-Man - Far From Home"),
            ("日本の映画 (2001)", "日本の映画"),
            ("Film - (2001)", "Film"),
            ("[REC]", "[REC]"),
        ] {
            assert_eq!(title(name), expected, "{name}");
        }
    }

    #[test]
    fn the_longest_word_is_searched_when_the_title_was_in_vain() {
        assert_eq!(longest_word("Spider-Man Far From Home"), Some("Spider"));
        assert_eq!(longest_word("The Two Towers"), Some("Towers"));
        assert_eq!(longest_word("Heat"), None);
        assert_eq!(longest_word("It"), None);
    }

    #[test]
    fn an_episode_is_known_by_the_number_behind_that_of_its_season() {
        for (name, number) in [
            ("Show - S01E05 - Name.mkv", Some(5)),
            ("show.s1e105.x265.mkv", Some(105)),
            ("Show 2x07.mkv", Some(7)),
            ("Show - S01E01-E02.mkv", Some(1)),
            ("Show - 1080p.x264.mkv", None),
            ("Show 1920x1080.mkv", None),
            ("Show - 05.mkv", None),
            ("Ünïcode S01Eé.mkv", None),
            ("e1.mkv", None),
        ] {
            assert_eq!(episode(name), number, "{name}");
        }
    }

    #[test]
    fn a_season_is_known_by_the_number_at_its_end() {
        for (name, number) in [
            ("Season 01", Some(1)),
            ("S2", Some(2)),
            ("Staffel 12", Some(12)),
            ("Season.3", Some(3)),
            ("specials", Some(0)),
            ("Season One", None),
            ("01", None),
            ("The 4400 Season 1 Extras", None),
            ("Show (2010)", None),
        ] {
            assert_eq!(season(name), number, "{name}");
        }
    }
}
