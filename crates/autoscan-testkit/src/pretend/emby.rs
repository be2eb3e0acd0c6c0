use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::pretend::http_server::{Behavior, HttpServer, Recorded, Reply, segments};
use crate::pretend::library::PretendLibrary;
use crate::pretend::media_browser::ignored::Era;
use crate::pretend::media_browser::{
    Dialect, Holdings, World, directory, field, items, media_updated, refresh, sessions, tasks, validate,
    virtual_folders,
};

/// How long it waits after the last report before it looks. What the real one does is not published; people measured a
/// minute and a half.
const DELAY: Duration = Duration::from_secs(90);

/// An Emby server as far as scans go.
pub struct PretendEmby {
    /// Its port, its log and its trouble.
    pub http: HttpServer,
    /// Its items, its files, its clock and its faults.
    pub holdings: Holdings,
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
    delay: Option<Duration>,
    walks: bool,
    tells_no_status: bool,
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

    /// Does not tell what it does with its libraries.
    #[must_use]
    pub fn tells_no_status(mut self) -> Self {
        self.tells_no_status = true;
        self
    }

    /// Answers 404 to the refresh of a whole library.
    #[must_use]
    pub fn refuses_walks(mut self) -> Self {
        self.walks = false;
        self
    }

    /// Adds a library.
    #[must_use]
    pub fn library(mut self, library: PretendLibrary) -> Self {
        self.libraries.push(library);
        self
    }

    /// How long it waits after the last report before it looks; 90 s unless told. Its clock runs from the start.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }

    /// Opens its port.
    pub async fn start(self) -> io::Result<PretendEmby> {
        let under = self.under.clone();
        let holdings = Holdings::new(World::new(Era::Ten, DELAY, self.libraries.clone()));
        if let Some(delay) = self.delay {
            holdings.set_delay(delay);
        }
        let emby =
            Arc::new(Emby { made: self, holdings: holdings.clone(), maintenance: AtomicBool::new(false) });
        let behavior: Arc<dyn Behavior> = Arc::clone(&emby) as Arc<dyn Behavior>;
        Ok(PretendEmby { http: HttpServer::open(behavior, &under).await?, holdings, emby })
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
            delay: None,
            tells_no_status: false,
            walks: true,
        }
    }

    /// Replaces its libraries.
    pub fn set_libraries(&self, libraries: Vec<PretendLibrary>) {
        self.holdings.world().set_libraries(libraries);
    }

    /// Maintenance mode.
    pub fn set_maintenance(&self, maintenance: bool) {
        self.emby.maintenance.store(maintenance, Ordering::Relaxed);
    }

    /// The reported paths with their types, in order.
    pub fn updates(&self) -> Vec<(String, String)> {
        self.holdings.updates()
    }
}

struct Emby {
    made: EmbyBuilder,
    holdings: Holdings,
    maintenance: AtomicBool,
}

impl Behavior for Emby {
    fn answer(&self, call: &Recorded) -> Reply {
        let Some(mut segments) = segments(call, &self.made.under) else { return self.error(404) };
        if segments.first().is_some_and(|name| name.eq_ignore_ascii_case("emby")) {
            segments.remove(0);
        }
        if segments == ["System", "Info", "Public"] {
            return Reply::json(&self.info());
        }
        let key = call.header("x-emby-token").or_else(|| call.param("api_key"));
        if key != Some(&self.made.key) {
            return self.error(401);
        }
        let world = &mut *self.holdings.world();
        match call.method.as_str() {
            "GET" => self.read(world, &segments, call),
            "POST" => self.act(world, &segments, call),
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
    fn read(&self, world: &mut World, route: &[&str], call: &Recorded) -> Reply {
        let answer = match (route, self.made.lists) {
            (["System", "Info"], _) => self.info(),
            (["System", "Configuration"], _) => {
                json!({"LibraryMonitorDelaySeconds": world.monitor.delay().as_secs()})
            }
            (["Library", "VirtualFolders", "Query"], EmbyLists::Documented) => {
                let mut folders = virtual_folders(world);
                if self.made.tells_no_status {
                    for folder in
                        folders.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut)
                    {
                        folder.retain(|key, _| !key.starts_with("Refresh"));
                    }
                }
                json!({"Items": folders, "TotalRecordCount": 0})
            }
            (["Library", "SelectableMediaFolders"], EmbyLists::Documented | EmbyLists::Selectable) => {
                selectable(&world.libraries)
            }
            (["Library", "VirtualFolders"], EmbyLists::Old) => virtual_folders(world),
            (["Items"], _) => match items(world, Dialect::Emby, call) {
                Some(items) => items,
                None => return self.error(404),
            },
            (["Environment", "DirectoryContents"], _) => {
                match directory(world, call.param("Path").unwrap_or_default()) {
                    Some(entries) => entries,
                    None => return self.error(404),
                }
            }
            (["Sessions"], _) => sessions(world),
            (["ScheduledTasks"], _) => tasks(world),
            _ => return self.error(404),
        };
        Reply::json(&answer)
    }

    fn act(&self, world: &mut World, route: &[&str], call: &Recorded) -> Reply {
        match route {
            ["Library", "Media", "Updated"] => match media_updated(world, call, self.made.accepted) {
                status if status == self.made.accepted => Reply::empty(status),
                status => self.error(status),
            },
            ["Library", "Refresh"] => {
                world.scan_everything();
                Reply::empty(204)
            }
            ["Items", id, "Refresh"] => {
                let is_library = world.libraries.iter().any(|library| library.id == *id);
                if (self.made.walks || !is_library) && refresh(world, Dialect::Emby, id, call) {
                    Reply::empty(204)
                } else {
                    self.error(404)
                }
            }
            ["Environment", "ValidatePath"] => {
                let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
                let is_file = field(&body, "IsFile").and_then(|is_file| is_file.as_bool());
                match call.param("Path") {
                    Some(path) if validate(world, path, is_file) => Reply::empty(200),
                    Some(_) => self.error(404),
                    None => self.error(400),
                }
            }
            _ => self.error(404),
        }
    }

    fn info(&self) -> Value {
        json!({
            "ServerName": "Pretend Emby",
            "Version": self.made.version,
            "Id": "0123456789abcdef0123456789abcdef",
            "IsInMaintenanceMode": self.maintenance.load(Ordering::Relaxed),
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
