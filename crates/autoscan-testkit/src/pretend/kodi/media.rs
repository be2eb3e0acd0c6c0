use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// What Kodi makes of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KodiContent {
    /// A video source whose content was set to films.
    Films,
    /// A video source whose content was set to shows.
    Shows,
    /// A video source that is the folder of one show.
    OneShow,
    /// A video source whose content was not set.
    NotSet,
    /// A music source.
    Music,
}

#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) file: String,
    pub(super) content: KodiContent,
}

/// An item of the library: its list (`movies`), its number and its file.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) list: &'static str,
    pub(super) id: u64,
    pub(super) file: String,
    /// How long the file lasted when it was read, in seconds.
    pub(super) runtime: u64,
}

/// The disk that Kodi sees, its sources and its library. Paths are as Kodi writes them.
#[derive(Default)]
pub(super) struct Media {
    pub(super) sources: Vec<Source>,
    pub(super) disk: BTreeSet<String>,
    /// The folders that are there without a file in them.
    pub(super) folders: BTreeSet<String>,
    pub(super) items: Vec<Item>,
    /// Shows. As measured at Kodi 20.1, one stays when its episodes are gone.
    pub(super) shows: Vec<Item>,
    /// How long files last, in seconds, where that was said.
    pub(super) runtimes: BTreeMap<String, u64>,
    /// What lay in folders when they were scanned or listed. As measured at Kodi 20.1, that is believed until the folder is listed
    /// again: a folder that came since is not there for a scan, and a file that went since still is.
    cached: BTreeMap<String, BTreeSet<String>>,
}

const VIDEO: [&str; 3] = ["avi", "mkv", "mp4"];
const AUDIO: [&str; 2] = ["flac", "mp3"];

impl Media {
    /// Scans a folder that ends with a slash, unless Kodi believes that it is not there.
    pub(super) fn scan(&mut self, is_video: bool, folder: &str) {
        if !self.believes(folder) {
            return;
        }
        let holds = |source: &&Source| folder.starts_with(&source.file);
        let fits = |source: &&Source| (source.content == KodiContent::Music) != is_video;
        let Some(source) = self.sources.iter().filter(fits).find(holds).cloned() else { return };
        let below = folder[source.file.len()..].trim_end_matches('/').matches('/').count();
        let (list, endings): (_, &[&str]) = match source.content {
            KodiContent::NotSet => return,
            KodiContent::Films => ("movies", &VIDEO),
            // A folder that is no show's is taken for a show of its own, in which nothing is found.
            KodiContent::Shows if below > 0 => return,
            KodiContent::OneShow if folder != source.file => return,
            KodiContent::Shows | KodiContent::OneShow => ("episodes", &VIDEO),
            KodiContent::Music => ("songs", &AUDIO),
        };
        for folder in self.folders_below(folder) {
            self.cached.insert(folder.clone(), self.entries(&folder));
        }
        // As measured at Kodi 20.1: a song that went out of a folder is forgotten, those of a folder that went are not.
        let stays = |item: &Item| {
            let (at, _) = split(&item.file);
            item.list != "songs"
                || !item.file.starts_with(folder)
                || self.disk.contains(&item.file)
                || !self.has_folder(at)
        };
        let items = self.items.iter().filter(|item| stays(item)).cloned().collect();
        self.items = items;
        let is_media =
            |file: &&String| file.rsplit_once('.').is_some_and(|(_, ending)| endings.contains(&ending));
        let found: Vec<String> =
            self.disk.iter().filter(|file| file.starts_with(folder)).filter(is_media).cloned().collect();
        for file in found {
            self.add(list, &file);
        }
    }

    /// Forgets what lay in folders when they were listed.
    pub(super) fn believe_nothing(&mut self) {
        self.cached.clear();
    }

    /// Takes out songs whose files are gone, of every source. As measured at Kodi 20.1: it reads them by the thousand, and passes as
    /// many as it took out of the thousand before.
    pub(super) fn clean_music(&mut self) {
        const AT_A_TIME: usize = 1000;
        let mut passed = 0;
        loop {
            let songs = self.items.iter().filter(|item| item.list == "songs");
            let read: Vec<u64> = songs.skip(passed).take(AT_A_TIME).map(|item| item.id).collect();
            if read.is_empty() {
                return;
            }
            let Self { items, disk, .. } = self;
            items
                .retain(|item| item.list != "songs" || !read.contains(&item.id) || disk.contains(&item.file));
            passed += AT_A_TIME;
        }
    }

    /// Whether Kodi believes that a file, or a folder that ends with a slash, is there.
    pub(super) fn believes(&self, path: &str) -> bool {
        let (at, name) = split(path);
        match self.cached.get(at) {
            Some(names) => names.contains(name),
            None => self.disk.contains(path) || self.has_folder(path),
        }
    }

    /// Lists a folder, whether it is there or not, and believes from now on what it saw.
    pub(super) fn list(&mut self, folder: &str) -> Option<usize> {
        self.cached.remove(folder);
        if !self.has_folder(folder) {
            return None;
        }
        let names = self.entries(folder);
        let count = names.len();
        self.cached.insert(folder.to_owned(), names);
        Some(count)
    }

    /// Puts an item into the library, unless it is there, and the show of an episode.
    pub(super) fn add(&mut self, list: &'static str, file: &str) {
        if list == "episodes"
            && let Some(show) = self.show_of(file)
            && !self.shows.iter().any(|known| known.file == show)
        {
            let id = next_id("tvshows", &self.shows);
            self.shows.push(Item { list: "tvshows", id, file: show, runtime: 0 });
        }
        if self.items.iter().any(|item| item.file == file) {
            return;
        }
        let runtime = self.runtimes.get(file).copied().unwrap_or_default();
        let id = next_id(list, &self.items);
        self.items.push(Item { list, id, file: file.to_owned(), runtime });
    }

    /// Takes out what has this number. One that nothing has is no error.
    pub(super) fn remove(&mut self, list: &str, id: &Value) {
        let stays = |item: &Item| item.list != list || json!(item.id) != *id;
        self.items.retain(stays);
        self.shows.retain(stays);
    }

    /// Reads the file of an item anew. The item gets a new number.
    pub(super) fn refresh(&mut self, list: &'static str, id: &Value) -> Option<()> {
        let file = self.items.iter().find(|item| item.list == list && json!(item.id) == *id)?.file.clone();
        self.remove(list, id);
        self.add(list, &file);
        Some(())
    }

    /// The folder on the disk and those below it.
    fn folders_below(&self, folder: &str) -> BTreeSet<String> {
        let of =
            |path: &String| path.match_indices('/').map(|(at, _)| path[..=at].to_owned()).collect::<Vec<_>>();
        self.disk.iter().chain(&self.folders).flat_map(of).filter(|path| path.starts_with(folder)).collect()
    }

    /// Whether Kodi sees this folder.
    pub(super) fn has_folder(&self, folder: &str) -> bool {
        self.folders.contains(folder) || self.disk.iter().any(|file| file.starts_with(folder))
    }

    /// What lies in a folder.
    fn entries(&self, folder: &str) -> BTreeSet<String> {
        let below = |path: &String| {
            path.strip_prefix(folder).map(|rest| rest.split('/').next().unwrap_or_default().to_owned())
        };
        self.disk.iter().chain(&self.folders).filter_map(below).filter(|name| !name.is_empty()).collect()
    }

    /// The items of a list that a filter lets through, as JSON, and how many there are.
    pub(super) fn listed(&self, list: &str, filter: &Value, end: usize) -> (Vec<Value>, usize) {
        if list == "tvshows" {
            let found: Vec<&Item> = self.shows.iter().filter(|show| passes(filter, &show.file, "")).collect();
            let episodes = |show: &Item| {
                let of_it = |item: &&Item| item.list == "episodes" && item.file.starts_with(&show.file);
                self.items.iter().filter(of_it).count()
            };
            let json = found.iter().take(end).map(|show| {
                json!({"tvshowid": show.id, "label": "a show", "file": show.file, "episode": episodes(show)})
            });
            return (json.collect(), found.len());
        }
        let name = list.trim_end_matches('s');
        let found: Vec<&Item> = self
            .items
            .iter()
            .filter(|item| item.list == list)
            .filter(|item| {
                let first = item
                    .file
                    .strip_prefix("stack://")
                    .map_or(item.file.as_str(), |parts| parts.split(" , ").next().unwrap_or_default());
                let (folder, file) = first.rsplit_once('/').unwrap_or_default();
                let file = if item.file.starts_with("stack://") { &item.file } else { file };
                passes(filter, &format!("{folder}/"), file)
            })
            .collect();
        let id = format!("{name}id");
        let json =
            found.iter().take(end).map(|item| json!({id.as_str(): item.id, "label": "x", "file": item.file}));
        (json.collect(), found.len())
    }

    /// The folder of the show that an episode belongs to.
    fn show_of(&self, file: &str) -> Option<String> {
        let source = self.sources.iter().find(|source| file.starts_with(&source.file))?;
        if source.content == KodiContent::OneShow {
            return Some(source.file.clone());
        }
        let (show, _) = file[source.file.len()..].split_once('/')?;
        Some(format!("{}{show}/", source.file))
    }
}

/// The next number: as measured at Kodi 20.1, that of the newest item is given again once it is gone.
fn next_id(list: &str, items: &[Item]) -> u64 {
    items.iter().rfind(|item| item.list == list).map_or(1, |item| item.id + 1)
}

/// The folder that a path lies in, with its slash, and its name without one.
fn split(path: &str) -> (&str, &str) {
    let path = path.trim_end_matches('/');
    path.rfind('/').map_or(("", path), |at| (&path[..=at], &path[at + 1..]))
}

/// Rules are compared as SQL's LIKE does, without case; `%` and `_` are ordinary letters here.
fn passes(filter: &Value, folder: &str, file: &str) -> bool {
    if let Some(all) = filter["and"].as_array() {
        return all.iter().all(|one| passes(one, folder, file));
    }
    if let Some(any) = filter["or"].as_array() {
        return any.iter().any(|one| passes(one, folder, file));
    }
    let given = if filter["field"] == "path" { folder } else { file };
    let (given, value) = (given.to_lowercase(), filter["value"].as_str().unwrap_or_default().to_lowercase());
    match filter["operator"].as_str() {
        Some("is") => given == value,
        Some("contains") => given.contains(&value),
        Some("startswith") => given.starts_with(&value),
        _ => false,
    }
}
