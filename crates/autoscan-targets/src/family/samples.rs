//! A few files of each library, from places that are spread over it: neighbours in a list are mostly one series or album.

use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::fault::Fault;
use autoscan_core::ports::Library;
use tokio::time::Instant;

/// Files of a page: of episodes about 30 kB.
pub(crate) const PAGE: usize = 6;
/// Pages of a library.
const PAGES: usize = 6;
/// Libraries that are looked into.
const LIBRARIES: usize = 20;
/// After this what was found has to do: whoever asks waits little longer.
const PATIENCE: Duration = Duration::from_secs(4);

/// A page of the list of a library's files.
#[derive(Debug, Default)]
pub(crate) struct SamplePage {
    /// Their paths, in the server's eyes.
    pub(crate) files: Vec<String>,
    /// How many entries the whole list has, where the server says so.
    pub(crate) total: Option<usize>,
}

/// A server that lists the files of a library page by page.
#[async_trait]
pub(crate) trait Pages: Sync {
    /// [`PAGE`] entries from `start` on; nothing of a library whose files are not listed.
    async fn page(&self, library: &Library, start: usize) -> Result<SamplePage, Fault>;
}

/// Paths of a few files of each library. The first page of every library comes before the second of any, so that no
/// large library uses up the time of the others. A library that cannot be listed is left out.
pub(crate) async fn spread(server: &impl Pages, libraries: &[Library]) -> Vec<String> {
    let end = Instant::now() + PATIENCE;
    let mut open: Vec<(&Library, usize)> = libraries.iter().take(LIBRARIES).map(|one| (one, 1)).collect();
    let mut found: Vec<String> = Vec::new();
    for round in 0..PAGES {
        for (library, total) in &mut open {
            let Some(start) = start_of(round, *total) else { continue };
            match tokio::time::timeout_at(end, server.page(library, start)).await {
                Ok(Ok(page)) => {
                    *total = page.total.unwrap_or(*total);
                    found.extend(page.files);
                }
                Ok(Err(fault)) if fault.stops_the_lane() => return found,
                Ok(Err(_not_listed)) => *total = 0,
                Err(_elapsed) => return found,
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Where the pages begin, so that they cover a short list and are spread over a long one.
fn start_of(round: usize, total: usize) -> Option<usize> {
    let pages = total.div_ceil(PAGE).min(PAGES);
    // Nobody knows how long a list a server claims to have.
    (round < pages).then(|| total / pages * round + total % pages * round / pages)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Lists of these lengths; one that is longer than a million hangs, one of none is refused.
    struct Lists(Mutex<Vec<(String, usize)>>);

    #[async_trait]
    impl Pages for Lists {
        async fn page(&self, library: &Library, start: usize) -> Result<SamplePage, Fault> {
            self.0.lock().unwrap().push((library.id.clone(), start));
            let total: usize = library.id.parse().unwrap();
            if total > 1_000_000 {
                std::future::pending::<()>().await;
            }
            if total == 0 {
                return Err(Fault::wrong("no list"));
            }
            let files = (start..total.min(start + PAGE)).map(|n| format!("/{total}/{n}")).collect();
            Ok(SamplePage { files, total: Some(total) })
        }
    }

    async fn asked(lengths: &[usize]) -> (Vec<String>, Vec<(String, usize)>) {
        let library = |total: &usize| Library {
            id: total.to_string(),
            title: String::new(),
            kind: String::new(),
            folders: Vec::new(),
        };
        let lists = Lists(Mutex::default());
        let libraries: Vec<Library> = lengths.iter().map(library).collect();
        let found = spread(&lists, &libraries).await;
        (found, lists.0.into_inner().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_list_is_read_whole_and_a_long_one_in_places() {
        for total in [1, 5, 6, 7, 20, 35, 36] {
            let (found, pages) = asked(&[total]).await;
            assert_eq!((found.len(), pages.len()), (total, total.div_ceil(PAGE)), "{total}");
        }
        let (found, pages) = asked(&[500_000]).await;
        let starts: Vec<usize> = pages.into_iter().map(|(_, start)| start).collect();
        assert_eq!((found.len(), starts), (36, vec![0, 83_333, 166_666, 250_000, 333_333, 416_666]));
    }

    #[test]
    fn a_list_of_any_length_has_its_places() {
        for total in [1, 7, 35, 37, 500_000, usize::MAX - 1, usize::MAX] {
            let starts: Vec<usize> = (0..PAGES).filter_map(|round| start_of(round, total)).collect();
            assert!(starts.iter().all(|start| *start < total) && starts.is_sorted(), "{total}: {starts:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_library_has_its_turn_and_one_that_fails_costs_the_others_nothing() {
        let (found, pages) = asked(&[13, 0, 7]).await;
        let pages: Vec<(&str, usize)> = pages.iter().map(|(id, start)| (id.as_str(), *start)).collect();
        assert_eq!(pages, [("13", 0), ("0", 0), ("7", 0), ("13", 4), ("7", 3), ("13", 8)]);
        assert_eq!(found.len(), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_list_that_hangs_nothing_comes_and_what_came_before_is_kept() {
        let began = Instant::now();
        let (found, _) = asked(&[3, 2_000_000, 4]).await;
        assert_eq!((found.len(), began.elapsed()), (3, PATIENCE));
    }
}
