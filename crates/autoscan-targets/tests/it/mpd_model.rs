//! Whatever happens on the disk, in whatever mood MPD is: what is called shown is true, what is on the disk is shown in the end,
//! what is gone is forgotten, and all music is never updated for a file or folder in it.

#![expect(clippy::panic, reason = "a test may fail")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use autoscan_core::change::{Change, Subject};
use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{Target, TargetScan};
use autoscan_core::proof::{ExpectedFile, Observation, Presence};
use autoscan_testkit::PretendMpd;
use proptest::prelude::*;
use serde_json::json;
use tokio::time::Instant;

use crate::media::wait;
use crate::support::{changed, connect, path, same_cases};

const ROOT: &str = "/srv/music";

/// How long a file is asked for before it is told again, and how often it is told until it is given up.
const ROUNDS: usize = 6;
const TELLINGS: usize = 4;

/// What happens.
#[derive(Clone, Debug)]
enum Event {
    /// A song is written, of so many seconds; where there was one, with its time of change or not.
    Put(usize, u64, bool),
    /// A song is deleted.
    Delete(usize),
    /// The folder so many levels above a song is deleted.
    DeleteFolder(usize, usize),
    /// A song gets another name.
    Move(usize, usize),
    /// MPD works at nothing from now on, or at all that waits.
    Hold(bool),
    /// MPD is killed and started anew.
    Restart,
    /// So many seconds go by.
    Pass(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let song = || 0_usize..18;
    let event = prop_oneof![
        6 => (song(), 1_u64..4, any::<bool>()).prop_map(|(song, seconds, same)| Event::Put(song, seconds, same)),
        3 => song().prop_map(Event::Delete),
        2 => (song(), 1_usize..4).prop_map(|(song, above)| Event::DeleteFolder(song, above)),
        2 => (song(), song()).prop_map(|(song, to)| Event::Move(song, to)),
        2 => any::<bool>().prop_map(Event::Hold),
        2 => Just(Event::Restart),
        2 => (1_u64..4).prop_map(Event::Pass),
    ];
    prop::collection::vec(event, 1..16)
}

/// Eighteen songs, zero to three folders deep.
fn song(number: usize) -> String {
    let (a, b, c) = (number % 2, number / 2 % 2, number / 4 % 2);
    match number {
        0..8 => format!("Artist {a}/Album {b}/{c}.mp3"),
        8..12 => format!("Artist {a}/Album 0/CD {b}/1.flac"),
        12..14 => format!("Artist {a}/single.ogg"),
        14..16 => format!("Box {a}/Set/CD 1/1.wav"),
        _ => format!("{a}.mp3"),
    }
}

fn above(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(above, _)| above)
}

fn at(song: &str) -> TargetPath {
    path(&if song.is_empty() { ROOT.to_owned() } else { format!("{ROOT}/{song}") })
}

/// A song on the disk: when it was changed, and how long it plays.
#[derive(Clone, Copy)]
struct OnDisk {
    changed: u64,
    seconds: u64,
}

/// An MPD, what lies on its disk, and what it was told of each song last.
struct Story {
    mpd: PretendMpd,
    server: Arc<dyn Target>,
    disk: BTreeMap<String, OnDisk>,
    told: BTreeMap<String, (TargetScan, Instant)>,
    clock: u64,
}

impl Story {
    async fn new() -> Self {
        let mpd = PretendMpd::start(None).await.unwrap();
        let server =
            connect("mpd", &json!({"host": "127.0.0.1", "port": mpd.port(), "music-directory": ROOT}));
        Self { mpd, server, disk: BTreeMap::new(), told: BTreeMap::new(), clock: 0 }
    }

    async fn pass(&self, seconds: u64) {
        let time = Duration::from_secs(seconds);
        wait(time).await;
        self.mpd.has_been_up(time);
    }

    async fn tell(&mut self, songs: &[String], scan: TargetScan) {
        for _ in 0..40 {
            match self.server.scan(std::slice::from_ref(&scan)).await.remove(0) {
                Ok(()) => {
                    let at = Instant::now();
                    self.told.extend(songs.iter().map(|song| (song.clone(), (scan.clone(), at))));
                    return;
                }
                Err(Fault::Later { after, .. }) => {
                    self.mpd.hold_updates(false);
                    self.pass(after.as_secs()).await;
                }
                Err(fault) => panic!("{scan:?}: {fault:?}"),
            }
        }
        panic!("put off again and again: {scan:?}");
    }

    /// The folder that the engine tells: the nearest that is there, or all music.
    fn nearest<'a>(&self, mut folder: &'a str) -> &'a str {
        while !folder.is_empty() && !self.disk.keys().any(|song| song.starts_with(&format!("{folder}/"))) {
            folder = above(folder);
        }
        folder
    }

    async fn changed(&mut self, song: &str, change: Change<TargetPath>) {
        let scan = changed(at(self.nearest(above(song))).as_str(), vec![change]);
        self.tell(&[song.to_owned()], scan).await;
    }

    /// One of the songs that are there, as far as there are any.
    fn one(&self, number: usize) -> String {
        let there = self.disk.keys().nth(number % self.disk.len().max(1));
        there.cloned().unwrap_or_else(|| song(number))
    }

    fn put(&mut self, song: &str, seconds: u64, changed: u64) {
        self.mpd.put_song(song, changed, seconds);
        self.disk.insert(song.to_owned(), OnDisk { changed, seconds });
    }

    fn take(&mut self, song: &str) -> Option<OnDisk> {
        self.mpd.take(song);
        self.disk.remove(song)
    }

    async fn happens(&mut self, event: Event) {
        self.clock += 1;
        match event {
            Event::Put(number, seconds, keeps_time) => {
                let song = song(number);
                let known = self.disk.get(&song).copied();
                let changed = known.filter(|_| keeps_time).map_or(self.clock, |known| known.changed);
                self.put(&song, seconds, changed);
                let change = if known.is_some() { Change::modified } else { Change::created };
                self.changed(&song, change(at(&song))).await;
            }
            Event::Delete(number) => {
                let song = self.one(number);
                if self.take(&song).is_some() {
                    self.changed(&song, Change::deleted(at(&song))).await;
                }
            }
            Event::DeleteFolder(number, levels) => {
                let song = self.one(number);
                let mut folder = song.as_str();
                for _ in 0..levels {
                    folder = Some(above(folder)).filter(|above| !above.is_empty()).unwrap_or(folder);
                }
                self.delete_folder(folder).await;
            }
            Event::Move(from, to) => self.moves(&self.one(from), &song(to)).await,
            Event::Hold(held) => self.mpd.hold_updates(held),
            Event::Restart => self.mpd.restart(),
            Event::Pass(seconds) => self.pass(seconds).await,
        }
    }

    async fn delete_folder(&mut self, folder: &str) {
        let prefix = format!("{folder}/");
        let lost: Vec<String> = self.disk.keys().filter(|song| song.starts_with(&prefix)).cloned().collect();
        for song in &lost {
            self.take(song);
        }
        if !lost.is_empty() {
            let nearest = at(self.nearest(folder));
            self.tell(&lost, changed(nearest.as_str(), vec![Change::folder_deleted(at(folder))])).await;
        }
    }

    /// A move is two scans: of the new folder and of the old one.
    async fn moves(&mut self, from: &str, to: &str) {
        if self.disk.contains_key(to) {
            return;
        }
        let Some(OnDisk { seconds, .. }) = self.take(from) else { return };
        self.put(to, seconds, self.clock);
        for song in [to, from] {
            self.changed(song, Change::moved(at(from), at(to))).await;
        }
    }

    /// Asks for a song; what is called shown must be so. Why it is not, else.
    async fn unproven(&self, song: &str, scan: &TargetScan) -> Option<String> {
        let size = |song: &OnDisk| 43 + song.seconds;
        let presence = match self.disk.get(song) {
            Some(song) => Presence::There { size: Some(size(song)) },
            None => Presence::Gone,
        };
        let expected = ExpectedFile { path: at(song), subject: Subject::File, presence };
        match self.server.proof().unwrap().find(&scan.folder, &[expected]).await.unwrap().remove(0) {
            Observation::Proven => {
                let seconds = self.disk.get(song).map(|song| song.seconds);
                assert_eq!(self.mpd.seconds(song), seconds, "{song} is called shown");
                None
            }
            Observation::NotYet(reason) | Observation::Unknowable(reason) => Some(reason),
        }
    }

    /// Asks for what was touched, and tells it again, as the engine does: at once what is believed lost.
    async fn settles(&mut self, song: &str) {
        let mut last = None;
        for _ in 0..TELLINGS {
            let (scan, told_at) = self.told[song].clone();
            for _ in 0..ROUNDS {
                last = self.unproven(song, &scan).await;
                if last.is_none() {
                    return;
                }
                if self.server.proof().unwrap().lost(&scan, told_at.elapsed()).await.is_some() {
                    break;
                }
                self.pass(2).await;
            }
            self.tell(&[song.to_owned()], scan).await;
            self.pass(2).await;
        }
        panic!("{song}: {last:?}");
    }
}

proptest! {
    #![proptest_config(same_cases(64))]

    #[test]
    fn what_mpd_is_said_to_list_is_true_and_what_is_on_the_disk_is_listed_in_the_end(events in events()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut story = Story::new().await;
            for event in events {
                story.happens(event).await;
            }
            story.mpd.hold_updates(false);
            let touched: Vec<String> = story.told.keys().cloned().collect();
            for song in touched {
                story.settles(&song).await;
            }
            let of_all = |command: &String| command.starts_with("update \"\"") || command.starts_with("rescan \"\"");
            assert!(!story.mpd.commands().iter().any(of_all), "all music was updated for a part of it");
        });
    }
}
