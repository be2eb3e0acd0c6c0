use std::io;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::pretend::jellyfin::{read_updates, virtual_folders};
use crate::pretend::library::PretendLibrary;
use crate::pretend::stage::{Play, Recorded, Reply, Stage, lock, segments};

/// An Emby server as far as scans go.
pub struct PretendEmby {
    /// Its port, its log and its trouble.
    pub stage: Stage,
    emby: Arc<Emby>,
}

/// Which lists of libraries a server has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmbyLists {
    /// `/Library/VirtualFolders/Query` and `/Library/SelectableMediaFolders`.
    #[default]
    Documented,
    /// Only `/Library/SelectableMediaFolders`.
    Selectable,
    /// Only `/Library/VirtualFolders`.
    Old,
}

/// Makes a [`PretendEmby`].
#[derive(Clone, Debug)]
pub struct EmbyBuilder {
    key: String,
    version: String,
    under: String,
    lists: EmbyLists,
    accepted: u16,
    libraries: Vec<PretendLibrary>,
}

impl EmbyBuilder {
    /// The API key it accepts; `emby-key` unless told.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        key.clone_into(&mut self.key);
        self
    }

    /// Its version.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self
    }

    /// The sub-path of a proxy before it. Below it, routes work with and without `/emby`.
    #[must_use]
    pub fn under(mut self, sub_path: &str) -> Self {
        sub_path.clone_into(&mut self.under);
        self
    }

    /// Which lists of libraries it has.
    #[must_use]
    pub fn lists(mut self, lists: EmbyLists) -> Self {
        self.lists = lists;
        self
    }

    /// The status by which it accepts a report: 204 unless told.
    #[must_use]
    pub fn accepts_with(mut self, status: u16) -> Self {
        self.accepted = status;
        self
    }

    /// Adds a library.
    #[must_use]
    pub fn library(mut self, library: PretendLibrary) -> Self {
        self.libraries.push(library);
        self
    }

    /// Opens its port.
    pub async fn start(self) -> io::Result<PretendEmby> {
        let under = self.under.clone();
        let state = Mutex::new(State { libraries: self.libraries.clone(), ..State::default() });
        let emby = Arc::new(Emby { made: self, state });
        let play: Arc<dyn Play> = Arc::clone(&emby) as Arc<dyn Play>;
        Ok(PretendEmby { stage: Stage::open(play, &under).await?, emby })
    }
}

impl PretendEmby {
    /// An Emby without libraries.
    pub fn builder() -> EmbyBuilder {
        EmbyBuilder {
            key: "emby-key".to_owned(),
            version: "4.9.1.90".to_owned(),
            under: String::new(),
            lists: EmbyLists::default(),
            accepted: 204,
            libraries: Vec::new(),
        }
    }

    /// Replaces its libraries.
    pub fn set_libraries(&self, libraries: Vec<PretendLibrary>) {
        lock(&self.emby.state).libraries = libraries;
    }

    /// Maintenance mode.
    pub fn set_maintenance(&self, maintenance: bool) {
        lock(&self.emby.state).maintenance = maintenance;
    }

    /// The reported paths with their types, in order.
    pub fn updates(&self) -> Vec<(String, String)> {
        lock(&self.emby.state).updates.clone()
    }
}

struct Emby {
    made: EmbyBuilder,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    libraries: Vec<PretendLibrary>,
    maintenance: bool,
    updates: Vec<(String, String)>,
}

impl Play for Emby {
    fn answer(&self, call: &Recorded) -> Reply {
        let Some(mut segments) = segments(call, &self.made.under) else { return self.error(404) };
        if segments.first().is_some_and(|name| name.eq_ignore_ascii_case("emby")) {
            segments.remove(0);
        }
        let state = &mut *lock(&self.state);
        if segments == ["System", "Info", "Public"] {
            return Reply::json(&self.info(state));
        }
        let key = call.header("x-emby-token").or_else(|| call.param("api_key"));
        if key != Some(&self.made.key) {
            return self.error(401);
        }
        match (call.method.as_str(), segments.as_slice(), self.made.lists) {
            ("GET", ["System", "Info"], _) => Reply::json(&self.info(state)),
            ("GET", ["Library", "VirtualFolders", "Query"], EmbyLists::Documented) => {
                Reply::json(&json!({"Items": virtual_folders(&state.libraries), "TotalRecordCount": 0}))
            }
            ("GET", ["Library", "SelectableMediaFolders"], EmbyLists::Documented | EmbyLists::Selectable) => {
                Reply::json(&selectable(&state.libraries))
            }
            ("GET", ["Library", "VirtualFolders"], EmbyLists::Old) => {
                Reply::json(&virtual_folders(&state.libraries))
            }
            ("POST", ["Library", "Media", "Updated"], _) => match read_updates(&call.body) {
                Some(updates) => {
                    state.updates.extend(updates);
                    Reply::empty(self.made.accepted)
                }
                None => self.error(400),
            },
            _ => self.error(404),
        }
    }

    fn error(&self, status: u16) -> Reply {
        match status {
            401 => Reply::new(status, "text/plain", "Access token is invalid or expired."),
            _ => Reply::new(status, "text/plain", "Error"),
        }
    }
}

impl Emby {
    fn info(&self, state: &State) -> Value {
        json!({
            "ServerName": "Pretend Emby",
            "Version": self.made.version,
            "Id": "0123456789abcdef0123456789abcdef",
            "IsInMaintenanceMode": state.maintenance,
            "HasPendingRestart": false,
        })
    }
}

fn selectable(libraries: &[PretendLibrary]) -> Value {
    let folder = |(id, path): (usize, &String)| json!({"Name": path, "Id": id.to_string(), "Path": path});
    libraries
        .iter()
        .map(|library| {
            let folders: Vec<Value> = library.folders.iter().enumerate().map(folder).collect();
            json!({"Name": library.title, "Id": library.id, "Guid": library.id, "SubFolders": folders})
        })
        .collect()
}
