use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Endings of names that it takes for songs.
pub(super) const SONGS: [&str; 4] = ["flac", "mp3", "ogg", "wav"];

/// How many updates MPD queues.
const LONGEST_QUEUE: usize = 32;

/// A file as far as MPD tells two apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SongFile {
    /// The second of its last change.
    pub(super) changed: u64,
    /// How long it plays.
    pub(super) seconds: u64,
}

impl SongFile {
    pub(super) fn bytes(self) -> u64 {
        43 + self.seconds
    }
}

/// An update that waits.
struct Update {
    job: u32,
    path: String,
    /// Whether songs are read whose time of change is the known one: `rescan`.
    reads_all: bool,
}

/// What is on the disk below the music directory, and what MPD knows of it.
#[derive(Default)]
pub(super) struct Database {
    pub(super) disk: BTreeMap<String, SongFile>,
    known: BTreeMap<String, SongFile>,
    queue: VecDeque<Update>,
    last_job: u32,
    /// Whether updates wait until they are let go.
    pub(super) held: bool,
}

impl Database {
    /// Queues an update; none when the queue is full.
    pub(super) fn update(&mut self, path: &str, reads_all: bool) -> Option<u32> {
        if self.queue.len() == LONGEST_QUEUE {
            return None;
        }
        self.last_job = if self.last_job == 1 << 15 { 1 } else { self.last_job + 1 };
        self.queue.push_back(Update { job: self.last_job, path: path.to_owned(), reads_all });
        if !self.held {
            self.work();
        }
        Some(self.last_job)
    }

    /// Does every queued update.
    pub(super) fn work(&mut self) {
        while let Some(update) = self.queue.pop_front() {
            self.walk(&update);
        }
    }

    /// Forgets what waits, and counts from the beginning, as an MPD does that is killed and started anew.
    pub(super) fn restart(&mut self) {
        self.queue.clear();
        self.last_job = 0;
    }

    /// The update that runs.
    pub(super) fn running(&self) -> Option<u32> {
        self.queue.front().map(|update| update.job)
    }

    /// MPD 0.23 looks for an unknown parent right below the music directory, wherever it is: only there it finds it. Of a path
    /// that is gone it forgets everything, however many of the folders above are gone too, and a song whose time of change is
    /// the known one keeps what is known of it unless all is read (both measured at MPD 0.23.12).
    fn walk(&mut self, Update { path, reads_all, .. }: &Update) {
        if let Some((parent, _)) = path.rsplit_once('/')
            && parent.contains('/')
            && !self.knows_folder(parent)
        {
            return;
        }
        if let Some((parent, _)) = path.rsplit_once('/')
            && !self.knows_folder(parent)
            && !self.disk.keys().any(|file| is_below(file, parent))
        {
            return;
        }
        self.known.retain(|file, _| !is_below(file, path) || self.disk.contains_key(file));
        for (file, found) in self.disk.iter().filter(|(file, _)| is_below(file, path) && is_song(file)) {
            let is_read =
                *reads_all || self.known.get(file).is_none_or(|known| known.changed != found.changed);
            if is_read {
                self.known.insert(file.clone(), *found);
            }
        }
    }

    /// MPD keeps no folder that holds no song.
    pub(super) fn knows_folder(&self, path: &str) -> bool {
        path.is_empty() || self.known.keys().any(|file| file != path && is_below(file, path))
    }

    /// A known song.
    pub(super) fn song(&self, path: &str) -> Option<SongFile> {
        self.known.get(path).copied()
    }

    /// Every known song.
    pub(super) fn songs(&self) -> Vec<String> {
        self.known.keys().cloned().collect()
    }

    /// What lies on the disk in a folder: folders and files; none when there is no such folder.
    pub(super) fn listed(&self, folder: &str) -> Option<(BTreeSet<String>, BTreeMap<String, SongFile>)> {
        let (mut folders, mut files) = (BTreeSet::new(), BTreeMap::new());
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        for (file, found) in &self.disk {
            match file.strip_prefix(&prefix).map(|rest| (rest, rest.split_once('/'))) {
                Some((_, Some((folder, _)))) => drop(folders.insert(folder.to_owned())),
                Some((name, None)) => drop(files.insert(name.to_owned(), *found)),
                None => {}
            }
        }
        (folder.is_empty() || !folders.is_empty() || !files.is_empty()).then_some((folders, files))
    }
}

fn is_below(file: &str, path: &str) -> bool {
    path.is_empty() || file.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_song(file: &str) -> bool {
    file.rsplit_once('.').is_some_and(|(_, ending)| SONGS.contains(&ending.to_lowercase().as_str()))
}
