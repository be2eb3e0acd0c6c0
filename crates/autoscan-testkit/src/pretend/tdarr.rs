use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

use crate::pretend::http_server::{Behavior, HttpServer, Recorded, Reply, lock, segments};
use crate::pretend::library::PretendLibrary;

/// A Tdarr server as far as scans of files go.
pub struct PretendTdarr {
    /// Its port, its log and its trouble.
    pub http: HttpServer,
    tdarr: Arc<Tdarr>,
}

struct Tdarr {
    key: Option<String>,
    state: Mutex<TdarrState>,
}

#[derive(Default)]
struct TdarrState {
    libraries: Vec<PretendLibrary>,
    scans: Vec<(String, Vec<String>)>,
}

impl PretendTdarr {
    /// Opens its port. Without a key its authentication is off.
    pub async fn start(key: Option<&str>) -> io::Result<Self> {
        let tdarr = Arc::new(Tdarr { key: key.map(str::to_owned), state: Mutex::default() });
        let behavior: Arc<dyn Behavior> = Arc::clone(&tdarr) as Arc<dyn Behavior>;
        Ok(Self { http: HttpServer::open(behavior, "").await?, tdarr })
    }

    /// Adds a library; its first folder counts.
    pub fn add(&self, library: PretendLibrary) {
        self.state().libraries.push(library);
    }

    /// What it was told to scan, by library, in order.
    pub fn scans(&self) -> Vec<(String, Vec<String>)> {
        self.state().scans.clone()
    }

    fn state(&self) -> MutexGuard<'_, TdarrState> {
        lock(&self.tdarr.state)
    }
}

impl Behavior for Tdarr {
    fn answer(&self, call: &Recorded) -> Reply {
        let segments = segments(call, "").unwrap_or_default();
        let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
        if (call.method.as_str(), segments.as_slice()) == ("GET", &["api", "v2", "status"]) {
            return Reply::json(&json!({"status": "good", "isProduction": true, "version": "2.45.01"}));
        }
        if self.key.is_some() && call.header("x-api-key") != self.key.as_deref() {
            return self.error(401);
        }
        let mut state = lock(&self.state);
        match (call.method.as_str(), segments.as_slice()) {
            ("POST", ["api", "v2", "cruddb"]) if body["data"]["collection"] == "LibrarySettingsJSONDB" => {
                let json = |library: &PretendLibrary| json!({"_id": library.id, "name": library.title, "folder": library.folders.first(), "schedule": []});
                Reply::json(&state.libraries.iter().map(json).collect::<Vec<_>>().into())
            }
            ("POST", ["api", "v2", "scan-files"]) => {
                let config = &body["data"]["scanConfig"];
                let paths = config["arrayOrPath"].as_array().into_iter().flatten().filter_map(Value::as_str);
                let paths: Vec<String> = paths.map(str::to_owned).collect();
                let Some(id) = config["dbID"].as_str().filter(|_| config["mode"] == "scanFolderWatcher")
                else {
                    return self.error(400);
                };
                state.scans.push((id.to_owned(), paths));
                Reply::new(200, "text/plain", "OK")
            }
            _ => self.error(404),
        }
    }

    fn error(&self, status: u16) -> Reply {
        Reply::new(status, "text/plain", "Error")
    }
}
