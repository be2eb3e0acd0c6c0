//! Whatever happens on the disk, in whatever mood Audiobookshelf is: what is called shown is true, what is on the disk is shown in
//! the end, what is gone is not, and no library is scanned where a report suffices.

#![expect(clippy::panic, reason = "a test may fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use autoscan_core::change::Change;
use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{Target, TargetScan};
use autoscan_core::proof::Observation;
use autoscan_testkit::PretendAudiobookshelf;
use proptest::prelude::*;

use crate::media::wait;
use crate::shelf::{gone, shelf, there};
use crate::support::{changed, path, same_cases};

/// Rounds of askings after each telling, and tellings until a file is given up.
const ROUNDS: usize = 8;
const TELLINGS: usize = 4;

/// The libraries, by folder.
const LIBRARIES: [(&str, &str); 3] = [("/books", "b1"), ("/books2", "p1"), ("/quiet", "u1")];

/// What happens.
#[derive(Clone, Debug)]
enum Event {
    /// A file is written, with this size.
    Put(usize, u64),
    /// A file is deleted.
    Delete(usize),
    /// The folder so many levels above a file is deleted.
    DeleteFolder(usize, usize),
    /// A file gets another name.
    Move(usize, usize),
    /// A library is being scanned from now on, or no longer.
    Scan(usize, bool),
    /// The server's watcher is switched off, or on again.
    Watcher(bool),
    /// So many other books come to a library.
    Fill(usize),
    /// A person removes every item.
    ForgetItems,
    /// It is started anew.
    Restart,
    /// So many times ten seconds go by.
    Pass(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let file = || 0_usize..20;
    let event = prop_oneof![
        6 => (file(), 1_u64..4).prop_map(|(file, size)| Event::Put(file, size)),
        3 => file().prop_map(Event::Delete),
        2 => (file(), 1_usize..4).prop_map(|(file, above)| Event::DeleteFolder(file, above)),
        2 => (file(), file()).prop_map(|(file, to)| Event::Move(file, to)),
        1 => (0_usize..3, any::<bool>()).prop_map(|(library, on)| Event::Scan(library, on)),
        1 => any::<bool>().prop_map(Event::Watcher),
        1 => (20_usize..70).prop_map(Event::Fill),
        1 => Just(Event::ForgetItems),
        1 => Just(Event::Restart),
        2 => (1_u64..4).prop_map(Event::Pass),
    ];
    prop::collection::vec(event, 1..16)
}

/// Twenty files: of books, of books of several discs, of single files, of podcasts and of a library without a watcher.
fn file(number: usize) -> String {
    let (a, b, c) = (number % 2, number / 2 % 2, number / 4 % 2);
    match number {
        0..8 => format!("/books/Author {a}/Book {b}/{c}.mp3"),
        8..12 => format!("/books/Author {a}/Discs/CD {b}/1.mp3"),
        12..14 => format!("/books/{a}.m4b"),
        14..18 => format!("/books2/Podcast {a}/{b}.mp3"),
        _ => format!("/quiet/Author/Book {a}/1.mp3"),
    }
}

fn above(path: &str) -> &str {
    path.rsplit_once('/').unwrap().0
}

fn library_of(file: &str) -> (&'static str, &'static str) {
    *LIBRARIES.iter().find(|(root, _)| file.starts_with(&format!("{root}/"))).unwrap()
}

/// An Audiobookshelf, what lies on its disk, and what was touched.
struct Story {
    shelf: PretendAudiobookshelf,
    server: Arc<dyn Target>,
    disk: BTreeMap<String, u64>,
    touched: BTreeSet<String>,
    is_watched: bool,
    filled: usize,
}

impl Story {
    async fn new() -> Self {
        let (shelf, server) = shelf().await;
        let (disk, touched) = (BTreeMap::new(), BTreeSet::new());
        Self { shelf, server, disk, touched, is_watched: true, filled: 0 }
    }

    /// Time goes by, in which it looks at what was reported.
    async fn pass(&self, seconds: u64) {
        wait(Duration::from_secs(seconds)).await;
        if seconds >= 10 {
            self.shelf.look();
        }
    }

    /// Where a report suffices no library is scanned.
    async fn tell(&self, scan: &TargetScan) {
        let scans = self.shelf.scans();
        for _ in 0..40 {
            match self.server.scan(std::slice::from_ref(scan)).await.remove(0) {
                Ok(()) => {
                    let (_, library) = library_of(&format!("{}/", scan.folder));
                    let suffices = self.is_watched && library != "u1";
                    assert!(!suffices || self.shelf.scans() == scans, "{library} was scanned for {scan:?}");
                    return;
                }
                Err(Fault::Later { after, .. }) => {
                    for (_, library) in LIBRARIES {
                        self.shelf.end_scan(library);
                    }
                    self.pass(after.as_secs()).await;
                }
                Err(fault) => panic!("{scan:?}: {fault:?}"),
            }
        }
        panic!("put off again and again: {scan:?}");
    }

    /// The folder that the engine tells: the nearest that is there, and below the library's own.
    fn told<'a>(&self, mut folder: &'a str) -> &'a str {
        let (root, _) = library_of(&format!("{folder}/"));
        let is_there = |folder: &str| self.disk.keys().any(|file| file.starts_with(&format!("{folder}/")));
        while folder != root && above(folder) != root && !is_there(folder) {
            folder = above(folder);
        }
        folder
    }

    async fn changed(&mut self, file: &str, change: Change<TargetPath>) {
        self.touched.insert(file.to_owned());
        self.tell(&changed(self.told(above(file)), vec![change])).await;
    }

    /// One of the files that are there, as far as there are any.
    fn one(&self, number: usize) -> String {
        let there = self.disk.keys().nth(number % self.disk.len().max(1));
        there.cloned().unwrap_or_else(|| file(number))
    }

    fn put(&mut self, file: &str, size: u64) -> bool {
        self.shelf.lay(file, size);
        self.disk.insert(file.to_owned(), size).is_none()
    }

    fn take(&mut self, file: &str) -> Option<u64> {
        self.shelf.remove(file);
        self.disk.remove(file)
    }

    async fn happens(&mut self, event: Event) {
        match event {
            Event::Put(number, size) => {
                let file = file(number);
                let change = if self.put(&file, size) { Change::created } else { Change::modified };
                self.changed(&file, change(path(&file))).await;
            }
            Event::Delete(number) => {
                let file = self.one(number);
                if self.take(&file).is_some() {
                    self.changed(&file, Change::deleted(path(&file))).await;
                }
            }
            Event::DeleteFolder(number, levels) => {
                let file = self.one(number);
                let (root, _) = library_of(&file);
                let mut folder = file.as_str();
                for _ in 0..levels {
                    folder = Some(above(folder)).filter(|above| *above != root).unwrap_or(folder);
                }
                self.delete_folder(folder).await;
            }
            Event::Move(from, to) => self.moves(&self.one(from), &file(to)).await,
            Event::Scan(library, true) => self.shelf.begin_scan(LIBRARIES[library].1),
            Event::Scan(library, false) => self.shelf.end_scan(LIBRARIES[library].1),
            Event::Watcher(is_on) => {
                self.is_watched = is_on;
                self.shelf.set_watcher_off(!is_on);
                self.server.libraries().unwrap().read().await.unwrap();
            }
            Event::Fill(count) => {
                self.filled += 1;
                self.shelf.fill("b1", &format!("/books/Others {}", self.filled), count);
            }
            Event::ForgetItems => self.shelf.forget_items(),
            Event::Restart => self.shelf.restart(),
            Event::Pass(times) => self.pass(10 * times).await,
        }
    }

    async fn delete_folder(&mut self, folder: &str) {
        let prefix = format!("{folder}/");
        let lost: Vec<String> = self.disk.keys().filter(|file| file.starts_with(&prefix)).cloned().collect();
        if lost.is_empty() {
            return;
        }
        for file in lost {
            self.take(&file);
            self.touched.insert(file);
        }
        self.tell(&changed(self.told(above(folder)), vec![Change::folder_deleted(path(folder))])).await;
    }

    /// A move is two scans: of the new folder and of the old one.
    async fn moves(&mut self, from: &str, to: &str) {
        if self.disk.contains_key(to) {
            return;
        }
        let Some(size) = self.take(from) else { return };
        self.put(to, size);
        for file in [to, from] {
            self.changed(file, Change::moved(path(from), path(to))).await;
        }
    }

    /// Asks for a file; what is called shown must be so. Why it is not, else.
    async fn unproven(&self, file: &str) -> Option<Observation> {
        let expected = self.disk.get(file).map_or_else(|| gone(file), |size| there(file, *size));
        let proof = self.server.proof().unwrap();
        let found = proof.find(&path(above(file)), std::slice::from_ref(&expected)).await.unwrap().remove(0);
        if found == Observation::Proven {
            assert_eq!(self.shelf.shown(file), self.disk.get(file).copied(), "{file} is called shown");
        }
        Some(found).filter(|found| *found != Observation::Proven)
    }

    /// Asks for what was touched, and tells it again, as the engine does.
    async fn settles(&self, file: &str) {
        let mut last = None;
        for _ in 0..TELLINGS {
            for _ in 0..ROUNDS {
                last = self.unproven(file).await;
                if last.is_none() {
                    return;
                }
                self.pass(10).await;
            }
            let change = if self.disk.contains_key(file) { Change::created } else { Change::deleted };
            self.tell(&changed(self.told(above(file)), vec![change(path(file))])).await;
        }
        panic!("{file}: {last:?}");
    }
}

proptest! {
    #![proptest_config(same_cases(64))]

    #[test]
    fn what_audiobookshelf_is_said_to_show_is_true_and_what_is_on_the_disk_is_shown(events in events()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut story = Story::new().await;
            for event in events {
                story.happens(event).await;
            }
            for (_, library) in LIBRARIES {
                story.shelf.end_scan(library);
            }
            for file in &story.touched {
                story.settles(file).await;
            }
        });
    }
}
