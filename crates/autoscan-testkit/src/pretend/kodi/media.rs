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
}

/// The disk that Kodi sees, its sources and its library. Paths are as Kodi writes them.
#[derive(Default)]
pub(super) struct Media {
    pub(super) sources: Vec<Source>,
    pub(super) disk: BTreeSet<String>,
    /// The folders that are there without a file in them.
    pub(super) folders: BTreeSet<String>,
    pub(super) items: Vec<Item>,
    /// What lay in the folders when they were scanned: it is believed until a folder is listed.
    remembered: BTreeSet<String>,
    last: BTreeMap<&'static str, u64>,
}

const VIDEO: [&str; 3] = ["avi", "mkv", "mp4"];
const AUDIO: [&str; 2] = ["flac", "mp3"];

impl Media {
    /// Scans a folder that ends with a slash, whether it is there or not.
    pub(super) fn scan(&mut self, is_video: bool, folder: &str) {
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
            KodiContent::Music => {
                self.items.retain(|item| item.list != "songs" || !item.file.starts_with(folder));
                ("songs", &AUDIO)
            }
        };
        let is_media =
            |file: &&String| file.rsplit_once('.').is_some_and(|(_, ending)| endings.contains(&ending));
        let found: Vec<String> =
            self.disk.iter().filter(|file| file.starts_with(folder)).filter(is_media).cloned().collect();
        for file in found {
            self.remembered.insert(file.clone());
            self.add(list, &file);
        }
    }

    /// Whether Kodi believes that a file is there.
    pub(super) fn believes(&self, file: &str) -> bool {
        self.disk.contains(file) || self.remembered.contains(file)
    }

    /// Lists a folder, whether it is there or not, and forgets what lay in it.
    pub(super) fn list(&mut self, folder: &str) -> Option<usize> {
        self.remembered
            .retain(|file| file.rsplit_once('/').is_none_or(|(at, _)| at != folder.trim_end_matches('/')));
        self.has_folder(folder).then(|| self.entries(folder).len())
    }

    /// Puts an item into the library, unless it is there.
    pub(super) fn add(&mut self, list: &'static str, file: &str) {
        if self.items.iter().any(|item| item.file == file) {
            return;
        }
        let id = self.last.entry(list).or_default();
        *id += 1;
        self.items.push(Item { list, id: *id, file: file.to_owned() });
    }

    /// Whether Kodi sees this folder.
    fn has_folder(&self, folder: &str) -> bool {
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
            let shows = self.shows();
            let found: Vec<&String> = shows.iter().filter(|folder| passes(filter, folder, "")).collect();
            let json =
                found.iter().take(end).map(|file| json!({"tvshowid": 1, "label": "a show", "file": file}));
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

    /// The folders of shows that have an episode.
    fn shows(&self) -> BTreeSet<String> {
        let root = |file: &str| {
            let source = self.sources.iter().find(|source| file.starts_with(&source.file))?;
            if source.content == KodiContent::OneShow {
                return Some(source.file.clone());
            }
            let (show, _) = file[source.file.len()..].split_once('/')?;
            Some(format!("{}{show}/", source.file))
        };
        self.items.iter().filter(|item| item.list == "episodes").filter_map(|item| root(&item.file)).collect()
    }
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
