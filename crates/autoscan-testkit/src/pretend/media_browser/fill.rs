//! Fills a pretend server with many items, quickly, and on no disk.

use crate::pretend::library::PretendLibrary;
use crate::pretend::media_browser::tree::Kind;
use crate::pretend::media_browser::world::World;

impl World {
    /// Fills the libraries with this many files, none of which is on any disk.
    pub(crate) fn fill(&mut self, count: usize) {
        let libraries: Vec<PretendLibrary> =
            self.libraries.iter().filter(|library| !library.folders.is_empty()).cloned().collect();
        let films = libraries.iter().find(|library| library.kind == "movies");
        let series = libraries.iter().find(|library| library.kind != "movies");
        let of_films = match (films, series) {
            (Some(_), Some(_)) => count / 10,
            (Some(_), None) => count,
            _ => 0,
        };
        if let Some(at) = films.and_then(|library| self.tree.at(&library.folders[0])) {
            for number in 0..of_films {
                let name = format!("{} (1999)", invented(number));
                self.put(at, &format!("{name}/{name} - 1080p.mkv"), Kind::Movie);
            }
        }
        if let Some(at) = series.and_then(|library| self.tree.at(&library.folders[0])) {
            self.fill_series(at, count - of_films);
        }
    }

    /// Series of five seasons with ten episodes each.
    fn fill_series(&mut self, location: u32, count: usize) {
        let (mut show, mut season) = (location, location);
        for number in 0..count {
            let name = invented(number / 50);
            if number % 50 == 0 {
                show = self.put(location, &format!("{name} (2001)"), Kind::Series);
            }
            if number % 10 == 0 {
                season = self.put(show, &format!("Season {:02}", number % 50 / 10 + 1), Kind::Season);
            }
            let (of_season, of_episode) = (number % 50 / 10 + 1, number % 10 + 1);
            let file = format!("{name} - S{of_season:02}E{of_episode:02} - 1080p.mkv");
            self.put(season, &file, Kind::Episode);
        }
    }

    fn put(&mut self, parent: u32, tail: &str, kind: Kind) -> u32 {
        let at = self.tree.add(parent, tail, kind, 1_000_000_000, 0);
        self.tree.node_mut(at).filled = true;
        at
    }
}

/// A title that nobody gave: two words and a number.
fn invented(number: usize) -> String {
    const FIRST: [&str; 16] = [
        "Silent", "Broken", "Golden", "Hidden", "Crimson", "Distant", "Frozen", "Hollow", "Iron", "Lost",
        "Midnight", "Northern", "Paper", "Quiet", "Savage", "Velvet",
    ];
    const SECOND: [&str; 16] = [
        "River", "Garden", "Harbour", "Mountain", "Empire", "Letter", "Mirror", "Ocean", "Planet", "Queen",
        "Road", "Shadow", "Tower", "Valley", "Winter", "Zero",
    ];
    format!("{} {} {}", FIRST[number % 16], SECOND[number / 16 % 16], number / 256)
}
