use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

use crate::pretend::http_server::{Behavior, HttpServer, Recorded, Reply, lock, segments};

/// A Sonarr or Radarr as far as rescans go.
pub struct PretendArr {
    /// Its port, its log and its trouble.
    pub http: HttpServer,
    arr: Arc<Arr>,
}

struct Arr {
    sonarr: bool,
    key: String,
    state: Mutex<ArrState>,
}

/// A series or film.
#[derive(Clone, Debug)]
struct Entry {
    id: u64,
    path: String,
    database: u64,
}

/// What its page of files that it did not take says of one (measured at Sonarr 10.0.0.15072).
#[derive(Clone, Debug)]
enum Untaken {
    /// It reads no episode in the name: `episodes` is empty.
    Unreadable,
    /// It gives this reason: `Unknown Series`, `Sample`.
    Rejected(String),
}

#[derive(Default)]
struct ArrState {
    entries: Vec<Entry>,
    disk: BTreeMap<String, u64>,
    known: BTreeMap<String, u64>,
    /// Files that it does not take in, with what it says of them.
    untaken: BTreeMap<String, Untaken>,
    rescans: Vec<u64>,
    rescans_of_all: usize,
}

impl PretendArr {
    /// A Sonarr with this key.
    pub async fn sonarr(key: &str) -> io::Result<Self> {
        Self::open(true, key).await
    }

    /// A Radarr with this key.
    pub async fn radarr(key: &str) -> io::Result<Self> {
        Self::open(false, key).await
    }

    async fn open(sonarr: bool, key: &str) -> io::Result<Self> {
        let arr = Arc::new(Arr { sonarr, key: key.to_owned(), state: Mutex::default() });
        let behavior: Arc<dyn Behavior> = Arc::clone(&arr) as Arc<dyn Behavior>;
        Ok(Self { http: HttpServer::open(behavior, "").await?, arr })
    }

    /// Adds a series or film with its folder and the id that its database gave it.
    pub fn add(&self, id: u64, path: &str, database: u64) {
        self.state().entries.push(Entry { id, path: path.to_owned(), database });
    }

    /// Puts a file of this size on its disk.
    pub fn put(&self, file: &str, size: u64) {
        self.state().disk.insert(file.to_owned(), size);
    }

    /// Puts a file on its disk in whose name it reads no episode.
    pub fn put_unreadable(&self, file: &str) {
        self.put(file, 1);
        self.state().untaken.insert(file.to_owned(), Untaken::Unreadable);
    }

    /// Puts a file on its disk that it does not take for this reason.
    pub fn put_rejected(&self, file: &str, reason: &str) {
        self.put(file, 1);
        self.state().untaken.insert(file.to_owned(), Untaken::Rejected(reason.to_owned()));
    }

    /// Takes a file from its disk.
    pub fn take(&self, file: &str) {
        self.state().disk.remove(file);
    }

    /// The ids of what it was told to look at, in order.
    pub fn rescans(&self) -> Vec<u64> {
        self.state().rescans.clone()
    }

    /// How often it was told, perhaps without meaning it, to look at all it has.
    pub fn rescans_of_all(&self) -> usize {
        self.state().rescans_of_all
    }

    fn state(&self) -> MutexGuard<'_, ArrState> {
        lock(&self.arr.state)
    }
}

impl Arr {
    fn words(&self) -> [&'static str; 6] {
        if self.sonarr {
            ["Sonarr", "series", "tvdbId", "RescanSeries", "seriesId", "episodefile"]
        } else {
            ["Radarr", "movie", "tmdbId", "RescanMovie", "movieId", "moviefile"]
        }
    }
}

impl Behavior for Arr {
    fn answer(&self, call: &Recorded) -> Reply {
        if call.header("x-api-key") != Some(&self.key) {
            return self.error(401);
        }
        let [product, list, by, command, id, files] = self.words();
        let mut state = lock(&self.state);
        let segments = segments(call, "").unwrap_or_default();
        match (call.method.as_str(), segments.as_slice()) {
            ("GET", ["api", "v3", "system", "status"]) => {
                Reply::json(&json!({"appName": product, "instanceName": product, "version": "4.0.1"}))
            }
            ("GET", ["api", "v3", "rootfolder"]) => Reply::json(&state.roots()),
            ("GET", ["api", "v3", "history"]) => {
                let item = if self.sonarr { "series" } else { "movie" };
                let page = call.param("pageSize").and_then(|size| size.parse().ok()).unwrap_or(10);
                let wanted = call.param(if self.sonarr { "includeSeries" } else { "includeMovie" });
                Reply::json(&state.history(item, page, wanted == Some("true")))
            }
            ("GET", ["api", "v3", name]) if *name == list => Reply::json(&state.entries(by, call.param(by))),
            ("GET", ["api", "v3", name]) if *name == files => match call.param(id) {
                Some(id) => Reply::json(&state.files(id)),
                None => self.error(400),
            },
            ("GET", ["api", "v3", "manualimport"]) => {
                Reply::json(&state.manual_import(call.param("folder").unwrap_or_default(), self.sonarr))
            }
            ("POST", ["api", "v3", "command"]) => {
                let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
                if body["name"] != command {
                    return self.error(400);
                }
                state.rescan(body[id].as_u64());
                let mut reply = Reply::json(&json!({"id": 1, "name": command, "status": "queued"}));
                reply.status = 201;
                reply
            }
            _ => self.error(404),
        }
    }

    fn error(&self, status: u16) -> Reply {
        let mut reply = Reply::json(&json!({"message": "error"}));
        reply.status = status;
        reply
    }
}

impl ArrState {
    fn roots(&self) -> Value {
        let root = |entry: &Entry| {
            entry.path.trim_end_matches('/').rsplit_once('/').map(|(root, _)| root.to_owned())
        };
        let roots: BTreeSet<String> = self.entries.iter().filter_map(root).collect();
        roots
            .iter()
            .enumerate()
            .map(|(at, path)| json!({"id": at + 1, "path": path, "accessible": true}))
            .collect()
    }

    /// What was imported last: one event an entry.
    fn history(&self, item: &str, page: usize, with_item: bool) -> Value {
        let record = |entry: &Entry| {
            let mut record = json!({"id": entry.id, "eventType": "downloadFolderImported", "sourceTitle": "x", "data": {}});
            if with_item {
                record[item] = json!({"id": entry.id, "path": entry.path, "title": "x"});
            }
            record
        };
        let records: Vec<Value> = self.entries.iter().rev().take(page).map(record).collect();
        json!({"page": 1, "pageSize": page, "totalRecords": self.entries.len(), "records": records})
    }

    fn entries(&self, by: &str, wanted: Option<&str>) -> Value {
        let fits = |entry: &&Entry| wanted.is_none_or(|wanted| entry.database.to_string() == wanted);
        let json = |entry: &Entry| json!({"id": entry.id, "title": entry.path, "path": entry.path, by: entry.database, "overview": "x".repeat(500)});
        self.entries.iter().filter(fits).map(json).collect()
    }

    fn files(&self, id: &str) -> Value {
        let Some(entry) = self.entries.iter().find(|entry| entry.id.to_string() == id) else {
            return json!([]);
        };
        let inside = |(file, _): &(&String, &u64)| file.starts_with(&entry.path);
        self.known
            .iter()
            .filter(inside)
            .map(|(file, size)| json!({"id": 1, "path": file, "size": size}))
            .collect()
    }

    /// The files below a folder that it did not take in.
    fn manual_import(&self, folder: &str, of_series: bool) -> Value {
        let below = |(file, _): &(&String, &u64)| file.starts_with(folder) && !self.known.contains_key(*file);
        let file = |(path, size): (&String, &u64)| {
            let untaken = self.untaken.get(path);
            let rejections = match untaken {
                Some(Untaken::Rejected(reason)) => json!([{"reason": reason, "type": "permanent"}]),
                _ => json!([]),
            };
            let mut file = json!({"path": path, "size": size, "rejections": rejections});
            if of_series {
                let is_read = !matches!(untaken, Some(Untaken::Unreadable));
                file["episodes"] = if is_read { json!([{"id": 1, "episodeNumber": 1}]) } else { json!([]) };
            }
            file
        };
        self.disk.iter().filter(below).map(file).collect()
    }

    /// Without an id, or with one that is 0, all is looked at.
    fn rescan(&mut self, id: Option<u64>) {
        let id = id.filter(|id| *id > 0);
        self.rescans.extend(id);
        self.rescans_of_all += usize::from(id.is_none());
        for entry in self.entries.iter().filter(|entry| id.is_none_or(|id| entry.id == id)) {
            self.known.retain(|file, _| !file.starts_with(&entry.path));
            let untaken = &self.untaken;
            let taken =
                |(file, _): &(&String, &u64)| file.starts_with(&entry.path) && !untaken.contains_key(*file);
            let found = self.disk.iter().filter(taken);
            self.known.extend(found.map(|(file, size)| (file.clone(), *size)));
        }
    }
}
