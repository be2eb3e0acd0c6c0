//! Films in several files: the first part is the item, and the others have none. A lone second part is an item like any other
//! (Jellyfin 12.0.0, measured).

use autoscan_core::media::stem;

use crate::family::library_index::Owner;
use crate::family::media_browser::view::View;

/// The words before the number of a part.
const WORDS: [&str; 6] = ["cd", "disc", "disk", "dvd", "part", "pt"];

/// Whether the file is a later part of a film whose earlier part is shown.
pub(crate) fn is_hidden_part(owner: &Owner, path: &str, view: &View) -> bool {
    let Some((title, number)) = part(path).filter(|_| owner.library.kind != "tvshows") else { return false };
    view.files
        .keys()
        .filter_map(|other| part(other))
        .any(|(other, earlier)| other == title && earlier < number)
}

/// The path up to the number of its part, and that number: `Film-cd2.mkv`.
fn part(path: &str) -> Option<(String, u32)> {
    let stem = stem(path).to_lowercase();
    let digits = stem.len() - stem.trim_end_matches(|sign: char| sign.is_ascii_digit()).len();
    let number = stem[stem.len() - digits..].parse().ok()?;
    let title = stem[..stem.len() - digits].trim_end_matches([' ', '.', '-', '_']);
    let before = WORDS.iter().find_map(|word| title.strip_suffix(word))?;
    before.ends_with([' ', '.', '-', '_']).then(|| (title.to_owned(), number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_film_are_known_by_their_names() {
        for (name, expected) in [
            ("/m/Film.mkv", None),
            ("/m/Film-cd1.mkv", Some(1)),
            ("/m/Film-cd2.mkv", Some(2)),
            ("/m/Film - part 2.mkv", Some(2)),
            ("/m/Film.disc3.mkv", Some(3)),
            ("/m/Kill Bill Vol 2.mkv", None),
            ("/m/Counterpart 2.mkv", None),
        ] {
            assert_eq!(part(name).map(|(_, number)| number), expected, "{name}");
        }
        assert_eq!(part("/m/Film-CD1.avi").unwrap().0, part("/m/Film-cd2.mkv").unwrap().0);
    }
}
