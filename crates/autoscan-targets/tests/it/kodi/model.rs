//! Whatever happens on the disk, in whatever mood Kodi is: what is called shown is true, what is on the disk is shown in the end
//! or named with its cause, what is gone is forgotten with its show, and no source is ever scanned for a folder in it.

#![expect(clippy::panic, reason = "a test may fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use autoscan_core::change::Change;
use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{Target, TargetScan};
use autoscan_core::proof::Observation;
use autoscan_testkit::{KodiContent, PretendKodi};
use proptest::prelude::*;
use serde_json::json;

use super::{gone, there};
use crate::support::{changed, connect, path, same_cases};

/// Rounds of askings after each telling, and tellings until a file is given up.
const ROUNDS: usize = 8;
const TELLINGS: usize = 4;

const SOURCES: [&str; 4] = ["/srv/films", "/srv/shows", "/srv/music", "/smb:/nas/clips"];

/// What happens.
#[derive(Clone, Debug)]
enum Event {
    /// A file is written, of so many seconds.
    Put(usize, u64),
    /// A file is deleted, and its folder left empty or not.
    Delete(usize, bool),
    /// The folder so many levels above a file is deleted.
    DeleteFolder(usize, usize),
    /// The folder of a file gets another name, with all that is in it.
    Rename(usize),
    /// Somebody browses the folders above a file.
    Browse(usize),
    /// So many looks do not show a scan yet, and so many after these do.
    Pace(usize, usize),
    /// Somebody else has Kodi scan.
    ScanElsewhere(usize),
    /// So many looks show a cleaning.
    CleaningTakes(usize),
    /// Kodi is started anew.
    Restart,
    /// A source is out of Kodi's sight until the next time it is waited for.
    Hide(usize),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let file = || 0_usize..21;
    let event = prop_oneof![
        6 => (file(), 1_u64..4).prop_map(|(file, seconds)| Event::Put(file, seconds)),
        3 => (file(), any::<bool>()).prop_map(|(file, keeps)| Event::Delete(file, keeps)),
        2 => (file(), 1_usize..3).prop_map(|(file, above)| Event::DeleteFolder(file, above)),
        2 => file().prop_map(Event::Rename),
        1 => file().prop_map(Event::Browse),
        1 => (0_usize..4, 0_usize..4).prop_map(|(unseen, seen)| Event::Pace(unseen, seen)),
        1 => (1_usize..60).prop_map(Event::ScanElsewhere),
        1 => (0_usize..60).prop_map(Event::CleaningTakes),
        1 => Just(Event::Restart),
        1 => (0_usize..3).prop_map(Event::Hide),
    ];
    prop::collection::vec(event, 1..16)
}

/// Twenty-one files: films, episodes, songs, and a clip in a source whose content is not set.
fn file(number: usize) -> String {
    let (a, b, c) = (number % 2, number / 2 % 2, number / 4 % 2);
    match number {
        0..6 => format!("/srv/films/Film {}/{a}.mkv", number / 2),
        6..12 => format!("/srv/shows/Show {a}/Season {b}/{c}.mkv"),
        12..20 => format!("/srv/music/Artist {a}/Album {b}/{c}.flac"),
        _ => "/smb:/nas/clips/Clip/1.mkv".to_owned(),
    }
}

/// A path as Kodi writes it.
fn at_kodi(path: &str) -> String {
    path.replace("/smb:/", "smb://")
}

fn above(path: &str) -> &str {
    path.rsplit_once('/').unwrap().0
}

fn source_of(path: &str) -> &'static str {
    SOURCES.iter().find(|source| path.starts_with(*source)).unwrap()
}

/// A Kodi, what lies on its disk, and what was touched.
struct Story {
    kodi: PretendKodi,
    server: Arc<dyn Target>,
    disk: BTreeMap<String, u64>,
    /// Folders that were left empty.
    empty: BTreeSet<String>,
    touched: BTreeSet<String>,
}

impl Story {
    async fn new() -> Self {
        let kodi = PretendKodi::start(None).await.unwrap();
        let contents = [KodiContent::Films, KodiContent::Shows, KodiContent::Music, KodiContent::NotSet];
        for (source, content) in SOURCES.into_iter().zip(contents) {
            kodi.source(&format!("{}/", at_kodi(source)), content);
        }
        let server = connect("kodi", &json!({"url": kodi.http.url()}));
        let (disk, empty, touched) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        let story = Self { kodi, server, disk, empty, touched };
        story.shows_its_disk();
        story
    }

    /// All of the disk is in Kodi's sight. An empty source would look like a mount that is gone.
    fn shows_its_disk(&self) {
        for source in SOURCES {
            self.kodi.put(&format!("{}/Other/readme.txt", at_kodi(source)));
        }
        for (file, seconds) in &self.disk {
            self.kodi.put_lasting(&at_kodi(file), *seconds);
        }
        for folder in &self.empty {
            self.kodi.keep_folder(&at_kodi(folder));
        }
    }

    fn is_folder(&self, folder: &str) -> bool {
        let prefix = format!("{folder}/");
        self.disk.keys().chain(&self.empty).any(|path| path.starts_with(&prefix))
    }

    /// One of the files that are there, as far as there are any.
    fn one(&self, number: usize) -> String {
        let there = self.disk.keys().nth(number % self.disk.len().max(1));
        there.cloned().unwrap_or_else(|| file(number))
    }

    /// The folder that the engine tells: the nearest that is there, and below the source.
    fn told(&self, folder: &str) -> String {
        let mut told = folder;
        while !self.is_folder(told) && above(told) != source_of(folder) {
            told = above(told);
        }
        told.to_owned()
    }

    async fn tell(&self, scan: &TargetScan) {
        for _ in 0..60 {
            match self.server.scan(std::slice::from_ref(scan)).await.remove(0) {
                Ok(()) => return,
                Err(Fault::Later { after, .. }) => {
                    self.shows_its_disk();
                    tokio::time::sleep(after).await;
                }
                Err(fault) => panic!("{scan:?}: {fault:?}"),
            }
        }
        panic!("put off again and again: {scan:?}");
    }

    async fn changed(&mut self, folder: &str, changes: Vec<Change<TargetPath>>) {
        for change in &changes {
            let paths = change.from.iter().chain([&change.path]);
            self.touched.extend(paths.map(ToString::to_string));
        }
        self.tell(&changed(&self.told(folder), changes)).await;
    }

    async fn happens(&mut self, event: Event) {
        match event {
            Event::Put(number, seconds) => {
                let file = file(number);
                let is_new = self.disk.insert(file.clone(), seconds).is_none();
                self.kodi.put_lasting(&at_kodi(&file), seconds);
                let change = if is_new { Change::created } else { Change::modified };
                self.changed(above(&file), vec![change(path(&file))]).await;
            }
            Event::Delete(number, keeps_folder) => {
                let file = self.one(number);
                if self.disk.remove(&file).is_some() {
                    self.kodi.take(&at_kodi(&file));
                    if keeps_folder {
                        let folder = format!("{}/", above(&file));
                        self.kodi.keep_folder(&at_kodi(&folder));
                        self.empty.insert(folder);
                    }
                    self.changed(above(&file), vec![Change::deleted(path(&file))]).await;
                }
            }
            Event::DeleteFolder(number, levels) => {
                let file = self.one(number);
                let folder = if levels == 2 && above(above(&file)) != source_of(&file) {
                    above(above(&file))
                } else {
                    above(&file)
                };
                self.delete_folder(folder).await;
            }
            Event::Rename(number) => self.rename(&self.one(number)).await,
            Event::Browse(number) => {
                let file = file(number);
                self.kodi.browse(&format!("{}/", at_kodi(above(&file))));
                self.kodi.browse(&format!("{}/", at_kodi(above(above(&file)))));
            }
            Event::Pace(unseen, seen) => self.kodi.set_pace(unseen, seen),
            Event::ScanElsewhere(looks) => self.kodi.set_scanning(looks),
            Event::CleaningTakes(looks) => self.kodi.set_cleaning_takes(looks),
            Event::Restart => self.kodi.restart(),
            Event::Hide(source) => self.kodi.take(&format!("{}/", at_kodi(SOURCES[source]))),
        }
    }

    async fn delete_folder(&mut self, folder: &str) {
        let prefix = format!("{folder}/");
        let (lost, kept): (BTreeMap<_, _>, _) =
            std::mem::take(&mut self.disk).into_iter().partition(|(file, _)| file.starts_with(&prefix));
        self.disk = kept;
        if !lost.is_empty() {
            self.empty.retain(|folder| !folder.starts_with(&prefix));
            self.kodi.take(&at_kodi(&prefix));
            self.touched.extend(lost.into_keys());
            let deletion = Change::folder_deleted(path(folder));
            self.tell(&changed(&self.told(folder), vec![deletion])).await;
        }
    }

    /// As a sender reports it: the moves of the files, to the new folder and to the old one.
    async fn rename(&mut self, file: &str) {
        let (old, new) = (above(file).to_owned(), format!("{}, renamed", above(file)));
        let prefix = format!("{old}/");
        let moved: Vec<String> = self.disk.keys().filter(|file| file.starts_with(&prefix)).cloned().collect();
        if moved.is_empty() {
            return;
        }
        self.kodi.take(&at_kodi(&prefix));
        self.empty.retain(|folder| !folder.starts_with(&prefix));
        let mut changes = Vec::new();
        for file in moved {
            let to = file.replace(&old, &new);
            let seconds = self.disk.remove(&file).unwrap();
            self.kodi.put_lasting(&at_kodi(&to), seconds);
            self.disk.insert(to.clone(), seconds);
            changes.push(Change::moved(path(&file), path(&to)));
        }
        self.changed(&new, changes.clone()).await;
        self.changed(&old, changes).await;
    }

    /// Asks for a file; what is called shown must be so. Why it is not, else.
    async fn unproven(&self, file: &str) -> Option<Observation> {
        let expected = if self.disk.contains_key(file) { there(file) } else { gone(file) };
        let proof = self.server.proof().unwrap();
        let found = proof.find(&path(above(file)), std::slice::from_ref(&expected)).await.unwrap().remove(0);
        if found == Observation::Proven {
            let is_song = file.contains("/music/");
            let lasts = |seconds: &u64| if is_song { 0 } else { *seconds };
            let shown = self.kodi.runtime(&at_kodi(file)).map(|seconds| lasts(&seconds));
            assert_eq!(shown, self.disk.get(file).map(lasts), "{file} is called shown");
        }
        Some(found).filter(|found| *found != Observation::Proven)
    }

    /// Asks for what was touched, and tells it again, as the engine does.
    async fn settles(&self, file: &str) {
        let mut last = None;
        for telling in 0..TELLINGS {
            for _ in 0..ROUNDS {
                last = self.unproven(file).await;
                if last.is_none() {
                    return;
                }
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
            let change = if self.disk.contains_key(file) { Change::created } else { Change::deleted };
            let folder = self.told(above(file));
            let wider =
                if telling > 1 && above(&folder) != source_of(file) { above(&folder) } else { &folder };
            self.tell(&changed(wider, vec![change(path(file))])).await;
        }
        let cause = self.server.proof().unwrap().why_missing(&there(file)).await.unwrap_or_default();
        assert!(
            file.contains("/clips/") && cause.contains("is its content set"),
            "{file}: {last:?}: {cause}"
        );
    }

    /// What is left when all is settled.
    fn ends_well(&self) {
        for source in SOURCES {
            let root = format!("{}/", at_kodi(source));
            assert!(!self.kodi.scans().contains(&root), "the source {source} was scanned for a folder in it");
        }
        for show in self.kodi.shows() {
            assert!(self.kodi.has_folder(&show), "{show} is left without episodes");
        }
    }
}

proptest! {
    #![proptest_config(same_cases(64))]

    #[test]
    fn what_kodi_is_said_to_show_is_true_and_what_is_on_the_disk_is_shown_or_named(events in events()) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut story = Story::new().await;
            for event in events {
                story.happens(event).await;
            }
            story.shows_its_disk();
            for file in &story.touched {
                story.settles(file).await;
            }
            story.ends_well();
        });
    }
}
