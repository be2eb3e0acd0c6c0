mod scanner;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

use crate::pretend::audiobookshelf::scanner::{Scanner, located};
use crate::pretend::http_server::{Behavior, HttpServer, Recorded, Reply, lock, segments};
use crate::pretend::library::PretendLibrary;

/// An Audiobookshelf, as measured at 2.36.0. It answers 200 to every report that is well written, and drops what it cannot use
/// without a word: for a library that it does not know or does not watch, outside of it, of a dot folder. What it takes it
/// holds in memory for ten seconds, and loses by a restart. It answers 200 to a scan of a library that is being scanned, and
/// drops it. A report of one file lets it look at the whole book, and one of a book that is gone marks it as missing; a report of
/// a file that was renamed lets it look at the new place alone.
pub struct PretendAudiobookshelf {
    /// Its port, its log and its trouble.
    pub http: HttpServer,
    shelf: Arc<Shared>,
}

struct Shared {
    key: String,
    state: Mutex<AudiobookshelfState>,
}

#[derive(Default)]
struct AudiobookshelfState {
    libraries: Vec<(PretendLibrary, bool)>,
    is_user: bool,
    is_watcher_off: bool,
    scanner: Scanner,
    taken: Vec<Value>,
    /// Reports that it has taken and not looked at yet.
    held: Vec<Value>,
    scans: Vec<String>,
    /// The libraries that are scanned just now.
    scanned: BTreeSet<String>,
}

impl PretendAudiobookshelf {
    /// Opens its port. The key is an admin's.
    pub async fn start(key: &str) -> io::Result<Self> {
        let shelf = Arc::new(Shared { key: key.to_owned(), state: Mutex::default() });
        let behavior: Arc<dyn Behavior> = Arc::clone(&shelf) as Arc<dyn Behavior>;
        Ok(Self { http: HttpServer::open(behavior, "").await?, shelf })
    }

    /// Adds a library, whose watcher may be disabled.
    pub fn add(&self, library: PretendLibrary, is_watched: bool) {
        self.state().libraries.push((library, is_watched));
    }

    /// Makes the key one of a user.
    pub fn set_user(&self) {
        self.state().is_user = true;
    }

    /// Disables the watcher of the whole server, or enables it again.
    pub fn set_watcher_off(&self, is_off: bool) {
        self.state().is_watcher_off = is_off;
    }

    /// Makes a library one of audiobooks only.
    pub fn set_audio_only(&self, library: &str) {
        self.state().scanner.audio_only.insert(library.to_owned());
    }

    /// What it calls `prefix` is this folder of this machine.
    pub fn sees(&self, prefix: &str, local: &Path) {
        self.state().scanner.disk.sees(prefix, local);
    }

    /// Lays a file on its disk.
    pub fn lay(&self, path: &str, size: u64) {
        self.state().scanner.disk.lay(path, size);
    }

    /// Removes a file, or a folder with all that is in it, from its disk.
    pub fn remove(&self, path: &str) {
        self.state().scanner.disk.take(path);
    }

    /// Lets the ten seconds pass for which it holds reports: it looks at what they name.
    pub fn look(&self) {
        self.state().look();
    }

    /// Starts it anew: reports that it held are lost.
    pub fn restart(&self) {
        let mut state = self.state();
        state.held.clear();
        state.scanned.clear();
    }

    /// Adds so many books of which nothing lies on its disk: `folder` and a number of four digits.
    pub fn fill(&self, library: &str, folder: &str, count: usize) {
        let mut state = self.state();
        for at in 0..count {
            state.scanner.hold(library, &format!("{folder}/{at:04}"), BTreeMap::new());
        }
    }

    /// Removes every item, as a person may; the files stay.
    pub fn forget_items(&self) {
        self.state().scanner.items.clear();
    }

    /// Begins a scan of a library, which goes on until it is ended.
    pub fn begin_scan(&self, library: &str) {
        self.state().scanned.insert(library.to_owned());
    }

    /// Ends a scan of a library. What came to the disk since it began may have been passed already, and is not shown.
    pub fn end_scan(&self, library: &str) {
        self.state().scanned.remove(library);
    }

    /// The size with which it shows a file; none when it shows none, or takes its book for missing.
    pub fn shown(&self, path: &str) -> Option<u64> {
        let state = self.state();
        let mut items = state.scanner.items.iter().filter(|item| !item.is_missing);
        items.find_map(|item| item.files.get(path).copied())
    }

    /// The reports that it used, in order.
    pub fn taken(&self) -> Vec<Value> {
        self.state().taken.clone()
    }

    /// The ids of the libraries that it was told to scan and scanned, in order.
    pub fn scans(&self) -> Vec<String> {
        self.state().scans.clone()
    }

    fn state(&self) -> MutexGuard<'_, AudiobookshelfState> {
        lock(&self.shelf.state)
    }
}

impl Behavior for Shared {
    fn answer(&self, call: &Recorded) -> Reply {
        let segments = segments(call, "").unwrap_or_default();
        if segments == ["status"] {
            return Reply::json(&json!({"app": "audiobookshelf", "serverVersion": "2.36.0", "isInit": true}));
        }
        if call.header("authorization") != Some(&format!("Bearer {}", self.key)) {
            return self.error(401);
        }
        let mut state = lock(&self.state);
        let user = json!({"id": "1", "type": if state.is_user { "user" } else { "root" }});
        let status = match (call.method.as_str(), segments.as_slice()) {
            ("GET", ["api", "me"]) => return Reply::json(&user),
            ("POST", ["api", "authorize"]) => {
                let settings = json!({"scannerDisableWatcher": state.is_watcher_off});
                return Reply::json(&json!({"user": user, "serverSettings": settings}));
            }
            ("GET", ["api", "libraries"]) => return Reply::json(&state.libraries()),
            ("GET", ["api", "libraries", id, "items"]) => return Reply::json(&state.items(id, call)),
            ("GET", ["api", "items", id]) => match state.scanner.items.iter().find(|item| item.id == *id) {
                Some(item) => return Reply::json(&item.json(true)),
                None => 404,
            },
            ("GET", ["api", "tasks"]) => return Reply::json(&state.tasks()),
            ("POST", _) if state.is_user => 403,
            ("POST", ["api", "filesystem", "pathexists"]) => match state.exists(&body(call)) {
                Some(answer) => return Reply::json(&answer),
                None => 404,
            },
            ("POST", ["api", "watcher", "update"]) => state.take(body(call)),
            ("POST", ["api", "libraries", id, "scan"]) => state.scan(id),
            _ => 404,
        };
        drop(state);
        if status == 200 { Reply::new(200, "text/plain", "OK") } else { self.error(status) }
    }

    fn error(&self, status: u16) -> Reply {
        Reply::new(status, "text/plain", "Error")
    }
}

fn body(call: &Recorded) -> Value {
    serde_json::from_str(&call.body).unwrap_or_default()
}

impl AudiobookshelfState {
    fn libraries(&self) -> Value {
        let json = |(library, is_watched): &(PretendLibrary, bool)| {
            let folders: Vec<Value> =
                library.folders.iter().map(|path| json!({"id": path, "fullPath": path})).collect();
            let is_audio_only = self.scanner.audio_only.contains(&library.id);
            json!({
                "id": library.id, "name": library.title, "mediaType": library.kind, "folders": folders,
                "settings": {"disableWatcher": !is_watched, "audiobooksOnly": is_audio_only},
            })
        };
        json!({"libraries": self.libraries.iter().map(json).collect::<Vec<_>>()})
    }

    fn items(&self, library: &str, call: &Recorded) -> Value {
        let mut items: Vec<_> = self.scanner.items.iter().filter(|item| item.library == library).collect();
        // Measured: sorted by `updatedAt`, they come in no order that helps.
        match call.param("sort") {
            Some("addedAt") => items.sort_by_key(|item| item.added),
            Some("mtimeMs") => items.sort_by_key(|item| item.changed),
            _ => {}
        }
        if call.param("desc") == Some("1") {
            items.reverse();
        }
        let total = items.len();
        let limit = call.param("limit").and_then(|limit| limit.parse().ok()).filter(|limit| *limit > 0);
        let limit = limit.unwrap_or(total);
        let number: usize = call.param("page").and_then(|page| page.parse().ok()).unwrap_or_default();
        items.drain(..(number * limit).min(total));
        items.truncate(limit);
        json!({"results": items.iter().map(|item| item.json(false)).collect::<Vec<_>>(), "total": total})
    }

    fn tasks(&self) -> Value {
        let task = |library: &String| json!({"id": "t", "action": "library-scan", "data": {"libraryId": library}, "isFinished": false});
        json!({"tasks": self.scanned.iter().map(task).collect::<Vec<_>>()})
    }

    /// Whether a path exists, and also when an item lies one or two levels above it.
    fn exists(&self, asked: &Value) -> Option<Value> {
        let (below, root) = (asked["directory"].as_str()?, asked["folderPath"].as_str()?);
        let is_root =
            |(library, _): &(PretendLibrary, bool)| library.folders.iter().any(|known| known == root);
        if below.is_empty() || !self.libraries.iter().any(is_root) {
            return None;
        }
        let path = format!("{root}/{below}");
        if !self.scanner.disk.files(&path).is_empty() {
            return Some(json!({"exists": true}));
        }
        let (above, _) = path.rsplit_once('/')?;
        let above_that = above.rsplit_once('/').map(|(above, _)| above);
        let is_above = |item: &&scanner::Item| item.path == above || Some(item.path.as_str()) == above_that;
        Some(match self.scanner.items.iter().find(is_above) {
            Some(item) => json!({"exists": true, "libraryItemTitle": item.id}),
            None => json!({"exists": false}),
        })
    }

    /// Takes a report, or drops it; the status that it answers.
    fn take(&mut self, report: Value) -> u16 {
        let Some(path) = report["path"].as_str().filter(|path| !path.is_empty()) else { return 400 };
        let is_whole = match report["type"].as_str() {
            Some("add" | "unlink") => true,
            Some("rename") => report["oldPath"].is_string(),
            _ => false,
        };
        if !is_whole {
            return 400;
        }
        let is_used = self.libraries.iter().any(|(library, is_watched)| {
            let place = located(library, path).filter(|_| *is_watched && report["libraryId"] == library.id);
            place.is_some_and(|(root, path)| {
                let names = path.names_below(&root).unwrap_or_default();
                !names.iter().any(|name| name.starts_with('.'))
            })
        });
        if is_used && !self.is_watcher_off {
            self.taken.push(report.clone());
            self.held.push(report);
        }
        200
    }

    fn look(&mut self) {
        for report in std::mem::take(&mut self.held) {
            let library = self.libraries.iter().find(|(library, _)| report["libraryId"] == library.id);
            if let (Some((library, _)), Some(path)) = (library, report["path"].as_str()) {
                self.scanner.look(library, path);
            }
        }
    }

    /// Scans a library, or drops the request where it is scanned already; the status that it answers.
    fn scan(&mut self, id: &str) -> u16 {
        let Some((library, _)) = self.libraries.iter().find(|(library, _)| library.id == id) else {
            return 404;
        };
        if !self.scanned.contains(id) {
            self.scans.push(id.to_owned());
            self.scanner.scan(library);
        }
        200
    }
}
