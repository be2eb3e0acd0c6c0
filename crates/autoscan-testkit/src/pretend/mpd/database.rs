use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Endings of names that it takes for songs.
pub(super) const SONGS: [&str; 4] = ["flac", "mp3", "ogg", "wav"];

/// How many updates MPD queues.
const LONGEST_QUEUE: usize = 32;

/// What is on the disk below the music directory, and what MPD knows of it. A file is its path and the second of its last
/// change.
#[derive(Default)]
pub(super) struct Database {
    pub(super) disk: BTreeMap<String, u64>,
    known: BTreeMap<String, u64>,
    queue: VecDeque<(u32, String)>,
    last_job: u32,
    /// Whether updates wait until they are let go.
    pub(super) held: bool,
}

impl Database {
    /// Queues an update; none when the queue is full.
    pub(super) fn update(&mut self, path: &str) -> Option<u32> {
        if self.queue.len() == LONGEST_QUEUE {
            return None;
        }
        self.last_job = if self.last_job == 1 << 15 { 1 } else { self.last_job + 1 };
        self.queue.push_back((self.last_job, path.to_owned()));
        if !self.held {
            self.work();
        }
        Some(self.last_job)
    }

    /// Does every queued update.
    pub(super) fn work(&mut self) {
        while let Some((_, path)) = self.queue.pop_front() {
            self.walk(&path);
        }
    }

    /// The update that runs.
    pub(super) fn running(&self) -> Option<u32> {
        self.queue.front().map(|(job, _)| *job)
    }

    /// MPD 0.23 looks for an unknown parent right below the music directory, wherever it is: only there it finds it.
    fn walk(&mut self, path: &str) {
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
        self.known.retain(|file, _| !is_below(file, path));
        let songs = self.disk.iter().filter(|(file, _)| is_below(file, path) && is_song(file));
        self.known.extend(songs.map(|(file, changed)| (file.clone(), *changed)));
    }

    /// MPD keeps no folder that holds no song.
    pub(super) fn knows_folder(&self, path: &str) -> bool {
        path.is_empty() || self.known.keys().any(|file| file != path && is_below(file, path))
    }

    /// A known song.
    pub(super) fn song(&self, path: &str) -> Option<u64> {
        self.known.get(path).copied()
    }

    /// Every known song.
    pub(super) fn songs(&self) -> Vec<String> {
        self.known.keys().cloned().collect()
    }

    /// What lies on the disk in a folder: folders and files; none when there is no such folder.
    pub(super) fn listed(&self, folder: &str) -> Option<(BTreeSet<String>, BTreeSet<String>)> {
        let (mut folders, mut files) = (BTreeSet::new(), BTreeSet::new());
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        for rest in self.disk.keys().filter_map(|file| file.strip_prefix(&prefix)) {
            match rest.split_once('/') {
                Some((folder, _)) => folders.insert(folder.to_owned()),
                None => files.insert(rest.to_owned()),
            };
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
