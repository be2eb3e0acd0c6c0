//! Whatever happens on the disk, in whatever mood the server is: what is called shown is true, what is on the disk is shown in
//! the end or named with its cause, and what lies in a known series never costs a scan of its library.

#![expect(clippy::panic, reason = "a test may fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::media::{gone, libraries, there, wait};
use crate::support::{changed, path, rescan, target};
use autoscan_core::change::Change;
use autoscan_core::fault::Fault;
use autoscan_core::ports::{Target, TargetScan};
use autoscan_core::proof::{ExpectedFile, Observation};
use autoscan_testkit::PretendJellyfin;
use proptest::prelude::*;

/// Rounds of askings after each telling, and tellings until a file is given up.
const ROUNDS: usize = 12;
const TELLINGS: usize = 5;

/// What happens.
#[derive(Clone, Debug)]
enum Event {
    /// A file is written, with this size.
    Put(usize, u64),
    /// A file is deleted.
    Delete(usize),
    /// The server starts anew.
    Restart,
    /// Walks of whole libraries take so many seconds from now on.
    Walks(u64),
    /// No tags name this artist from now on.
    Untag(usize),
    /// So many seconds go by.
    Pass(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        6 => (0_usize..24, 1_u64..4).prop_map(|(file, size)| Event::Put(file, size)),
        3 => (0_usize..24).prop_map(Event::Delete),
        1 => Just(Event::Restart),
        1 => (0_u64..9).prop_map(Event::Walks),
        1 => (0_usize..2).prop_map(Event::Untag),
        2 => (0_u64..6).prop_map(Event::Pass),
    ];
    prop::collection::vec(event, 1..14)
}

/// Twenty-four files: episodes, films, songs, and some that no item is made of.
fn file(number: usize) -> String {
    let (a, b) = (number / 4 % 2, number % 4);
    match number / 8 {
        0 => format!("/media/tv/Show {a}/Season {}/E{b}.mkv", b % 2 + 1),
        1 if b == 3 => format!("/media/movies/Film {a}/Subs/Film {a}.mkv"),
        1 => format!("/media/movies/Film {a}{b}/Film {a}{b}.mkv"),
        _ => format!("/media/music/Artist {a}/Album {}/{b}.flac", b % 2),
    }
}

/// A server, what lies on its disk, and what was touched.
struct Story {
    jellyfin: PretendJellyfin,
    server: Arc<dyn Target>,
    disk: BTreeMap<String, u64>,
    touched: BTreeSet<String>,
}

impl Story {
    async fn new() -> Self {
        let mut builder = PretendJellyfin::builder();
        for library in libraries() {
            builder = builder.library(library);
        }
        let jellyfin = builder.start().await.unwrap();
        let server = target("jellyfin", &jellyfin.http.url());
        server.libraries().unwrap().read().await.unwrap();
        Self { jellyfin, server, disk: BTreeMap::new(), touched: BTreeSet::new() }
    }

    async fn pass(&self, seconds: u64) {
        wait(Duration::from_secs(seconds)).await;
        self.jellyfin.advance(Duration::from_secs(seconds));
    }

    async fn tell(&self, scan: &TargetScan) {
        for _ in 0..40 {
            match self.server.scan(std::slice::from_ref(scan)).await.remove(0) {
                Ok(()) => return,
                Err(Fault::Later { after, .. }) => self.pass(after.as_secs() + 1).await,
                Err(fault) => panic!("{scan:?}: {fault:?}"),
            }
        }
        panic!("put off again and again: {scan:?}");
    }

    async fn happens(&mut self, event: Event) {
        match event {
            Event::Put(number, size) => {
                let file = file(number);
                let is_new = self.disk.insert(file.clone(), size).is_none();
                self.jellyfin.holdings.place(&file, size);
                let change = if is_new { Change::created } else { Change::modified };
                self.changed(&file, change(path(&file))).await;
            }
            Event::Delete(number) => {
                let file = file(number);
                if self.disk.remove(&file).is_some() {
                    self.jellyfin.holdings.lose(&file);
                    self.changed(&file, Change::deleted(path(&file))).await;
                }
            }
            Event::Restart => self.jellyfin.holdings.restart(),
            Event::Walks(seconds) => self.jellyfin.holdings.set_walk_takes(Duration::from_secs(seconds)),
            Event::Untag(artist) => self.jellyfin.holdings.untag(&format!("/media/music/Artist {artist}")),
            Event::Pass(seconds) => self.pass(seconds).await,
        }
    }

    /// Tells of a change. What lies in a known series never costs a scan of the library.
    async fn changed(&mut self, file: &str, change: Change<autoscan_core::path::TargetPath>) {
        self.touched.insert(file.to_owned());
        let (folder, _) = file.rsplit_once('/').unwrap();
        let (show, _) = folder.rsplit_once('/').unwrap();
        let is_known = file.starts_with("/media/tv/") && self.jellyfin.holdings.has(show);
        let walks = self.jellyfin.holdings.walks();
        self.tell(&changed(folder, vec![change])).await;
        assert!(!is_known || self.jellyfin.holdings.walks() == walks, "{file} lies in a known series");
    }

    fn expected(&self, file: &str) -> ExpectedFile {
        self.disk.get(file).map_or_else(|| gone(file), |size| there(file, *size))
    }

    /// Asks for a file; what is called shown must be so.
    async fn is_proven(&self, file: &str) -> Option<Observation> {
        let expected = self.expected(file);
        let folder = expected.path.parent().unwrap();
        let proof = self.server.proof().unwrap();
        let found = proof.find(&folder, std::slice::from_ref(&expected)).await.unwrap().remove(0);
        if found == Observation::Proven {
            let truth = self.disk.get(file).map(|size| (*size, true));
            assert_eq!(self.jellyfin.holdings.shown(file), truth, "{file} is called shown");
        }
        Some(found).filter(|found| *found != Observation::Proven)
    }

    /// Asks for what was touched, and tells it again, as the engine does.
    async fn settles(&self, file: &str) {
        let (folder, name) = file.rsplit_once('/').unwrap();
        let mut last = None;
        for telling in 0..TELLINGS {
            for _ in 0..ROUNDS {
                last = self.is_proven(file).await;
                if last.is_none() {
                    return;
                }
                self.pass(2).await;
            }
            let again = match self.disk.get(file) {
                None => changed(folder, vec![Change::deleted(path(file))]),
                Some(_) if telling == 0 => rescan(folder),
                Some(_) => changed(folder, vec![Change::created(path(&format!("{folder}/{name}")))]),
            };
            self.tell(&again).await;
        }
        let cause = self.server.proof().unwrap().why_missing(&self.expected(file)).await.unwrap_or_default();
        let is_named = file.contains("/Subs/") && cause.contains("\"subs\"");
        assert!(is_named, "{file}: {last:?}: {cause}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn what_is_shown_is_true_and_what_is_on_the_disk_is_shown_or_named(events in events()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut story = Story::new().await;
            for event in events {
                story.happens(event).await;
                // The songs of this artist have no tags from the first on.
                story.jellyfin.holdings.untag("/media/music/Artist 1");
            }
            let touched: Vec<String> = story.touched.iter().cloned().collect();
            for file in touched {
                story.settles(&file).await;
            }
            assert!(story.jellyfin.updates().is_empty(), "nothing is reported to a Jellyfin that scans libraries");
        });
    }
}
