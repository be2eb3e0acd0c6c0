use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

use crate::pretend::http_server::{Behavior, HttpServer, Recorded, Reply, lock, segments};
use crate::pretend::library::PretendLibrary;

/// An Audiobookshelf as far as reports of files go: it answers 200 to each, and drops what it cannot use without a word.
pub struct PretendAudiobookshelf {
    /// Its port, its log and its trouble.
    pub http: HttpServer,
    shelf: Arc<Shelf>,
}

struct Shelf {
    key: String,
    state: Mutex<AudiobookshelfState>,
}

#[derive(Default)]
struct AudiobookshelfState {
    libraries: Vec<(PretendLibrary, bool)>,
    is_user: bool,
    taken: Vec<Value>,
    scans: Vec<String>,
}

impl PretendAudiobookshelf {
    /// Opens its port. The key is an admin's.
    pub async fn start(key: &str) -> io::Result<Self> {
        let shelf = Arc::new(Shelf { key: key.to_owned(), state: Mutex::default() });
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

    /// The reports that it used, in order.
    pub fn taken(&self) -> Vec<Value> {
        self.state().taken.clone()
    }

    /// The ids of the libraries that it was told to look at, in order.
    pub fn scans(&self) -> Vec<String> {
        self.state().scans.clone()
    }

    fn state(&self) -> MutexGuard<'_, AudiobookshelfState> {
        lock(&self.shelf.state)
    }
}

impl Behavior for Shelf {
    fn answer(&self, call: &Recorded) -> Reply {
        let segments = segments(call, "").unwrap_or_default();
        if segments == ["status"] {
            return Reply::json(&json!({"app": "audiobookshelf", "serverVersion": "2.36.0", "isInit": true}));
        }
        if call.header("authorization") != Some(&format!("Bearer {}", self.key)) {
            return self.error(401);
        }
        let mut state = lock(&self.state);
        match (call.method.as_str(), segments.as_slice()) {
            ("GET", ["api", "me"]) => {
                Reply::json(&json!({"id": "1", "type": if state.is_user { "user" } else { "root" }}))
            }
            ("GET", ["api", "libraries"]) => Reply::json(&state.libraries()),
            ("POST", _) if state.is_user => self.error(403),
            ("POST", ["api", "watcher", "update"]) => {
                let report = serde_json::from_str(&call.body).unwrap_or_default();
                state.take(report);
                Reply::new(200, "text/plain", "OK")
            }
            ("POST", ["api", "libraries", id, "scan"]) => {
                state.scans.push((*id).to_owned());
                Reply::new(200, "text/plain", "OK")
            }
            _ => self.error(404),
        }
    }

    fn error(&self, status: u16) -> Reply {
        Reply::new(status, "text/plain", "Error")
    }
}

impl AudiobookshelfState {
    fn libraries(&self) -> Value {
        let json = |(library, is_watched): &(PretendLibrary, bool)| {
            let folders: Vec<Value> =
                library.folders.iter().map(|path| json!({"id": path, "fullPath": path})).collect();
            json!({
                "id": library.id, "name": library.title, "mediaType": library.kind, "folders": folders,
                "settings": {"disableWatcher": !is_watched},
            })
        };
        json!({"libraries": self.libraries.iter().map(json).collect::<Vec<_>>()})
    }

    fn take(&mut self, report: Value) {
        let path = report["path"].as_str().unwrap_or_default();
        let known = self.libraries.iter().any(|(library, is_watched)| {
            *is_watched && report["libraryId"] == library.id && library.holds(path)
        });
        if known && path.rsplit('/').next().is_some_and(|name| name.contains('.')) {
            self.taken.push(report);
        }
    }
}
