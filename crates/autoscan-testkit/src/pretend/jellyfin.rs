use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::pretend::library::PretendLibrary;
use crate::pretend::monitor::LibraryMonitor;
use crate::pretend::stage::{Play, Recorded, Reply, Stage, lock, segments};

/// A Jellyfin server as far as scans go, by default one that knows no authentication but its own (12.0).
pub struct PretendJellyfin {
    /// Its port, its log and its trouble.
    pub stage: Stage,
    jellyfin: Arc<Jellyfin>,
}

/// Makes a [`PretendJellyfin`].
#[derive(Clone, Debug)]
pub struct JellyfinBuilder {
    key: String,
    version: String,
    under: String,
    legacy: bool,
    libraries: Vec<PretendLibrary>,
}

impl JellyfinBuilder {
    /// The API key it accepts; `jellyfin-key` unless told.
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

    /// The base URL it was given: `/jellyfin`.
    #[must_use]
    pub fn under(mut self, sub_path: &str) -> Self {
        sub_path.clone_into(&mut self.under);
        self
    }

    /// Accepts the older authentication too, as 10.11 does.
    #[must_use]
    pub fn legacy(mut self) -> Self {
        self.legacy = true;
        self
    }

    /// Adds a library.
    #[must_use]
    pub fn library(mut self, library: PretendLibrary) -> Self {
        self.libraries.push(library);
        self
    }

    /// Opens its port.
    pub async fn start(self) -> io::Result<PretendJellyfin> {
        let under = self.under.clone();
        let mut state = State::default();
        state.set_libraries(self.libraries.clone());
        let jellyfin = Arc::new(Jellyfin { made: self, state: Mutex::new(state) });
        let play: Arc<dyn Play> = Arc::clone(&jellyfin) as Arc<dyn Play>;
        Ok(PretendJellyfin { stage: Stage::open(play, &under).await?, jellyfin })
    }
}

impl PretendJellyfin {
    /// A Jellyfin without libraries.
    pub fn builder() -> JellyfinBuilder {
        JellyfinBuilder {
            key: "jellyfin-key".to_owned(),
            version: "12.0.0".to_owned(),
            under: String::new(),
            legacy: false,
            libraries: Vec::new(),
        }
    }

    /// Replaces its libraries.
    pub fn set_libraries(&self, libraries: Vec<PretendLibrary>) {
        self.state().set_libraries(libraries);
    }

    /// Start-up: everything but the public information is answered with 503, `Retry-After` and a page.
    pub fn set_starting(&self, starting: bool) {
        self.state().starting = starting;
    }

    /// Whether it lets autoscan's address in; if not, everything is answered with an empty 503.
    pub fn set_address_allowed(&self, allowed: bool) {
        self.state().shut_out = !allowed;
    }

    /// An item with this path is in its database.
    pub fn know(&self, path: &str) {
        self.state().monitor.know(path);
    }

    /// The item's file or folder is no longer on the disk.
    pub fn lose(&self, path: &str) {
        self.state().monitor.lose(path);
    }

    /// Moves its clock.
    pub fn advance(&self, time: Duration) {
        self.state().monitor.advance(time);
    }

    /// The items that it looked at, in order.
    pub fn refreshed(&self) -> Vec<String> {
        self.state().monitor.refreshed()
    }

    /// The reported paths with their types, in order.
    pub fn updates(&self) -> Vec<(String, String)> {
        self.state().updates.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.jellyfin.state)
    }
}

struct Jellyfin {
    made: JellyfinBuilder,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    libraries: Vec<PretendLibrary>,
    starting: bool,
    shut_out: bool,
    updates: Vec<(String, String)>,
    monitor: LibraryMonitor,
}

impl State {
    fn set_libraries(&mut self, libraries: Vec<PretendLibrary>) {
        for folder in libraries.iter().flat_map(|library| &library.folders) {
            self.monitor.know(folder);
        }
        self.libraries = libraries;
    }
}

impl Play for Jellyfin {
    fn answer(&self, call: &Recorded) -> Reply {
        let mut state = lock(&self.state);
        if state.shut_out {
            return Reply::empty(503);
        }
        let Some(segments) = segments(call, &self.made.under) else { return self.error(404) };
        let lower: Vec<String> = segments.iter().map(|name| name.to_lowercase()).collect();
        let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
        if lower == ["system", "info", "public"] {
            return Reply::json(&self.info(!state.starting));
        }
        if lower == ["health"] {
            return Reply::new(200, "text/plain", if state.starting { "Degraded" } else { "Healthy" });
        }
        if state.starting {
            let mut reply =
                Reply::new(503, "text/html", "<!DOCTYPE html><html><title>Jellyfin Startup</title>");
            reply.headers.push(("retry-after", "005".to_owned()));
            return reply;
        }
        if !self.lets_in(call) {
            return self.error(401);
        }
        match (call.method.as_str(), lower.as_slice()) {
            ("GET", ["system", "info"]) => Reply::json(&self.info(true)),
            ("GET", ["library", "virtualfolders"]) => Reply::json(&virtual_folders(&state.libraries)),
            ("POST", ["library", "media", "updated"]) => state.media_updated(call),
            ("POST", ["library", "refresh"]) => {
                state.monitor.scan_everything();
                Reply::empty(204)
            }
            (
                _,
                ["system", "info"]
                | ["library", "virtualfolders" | "refresh"]
                | ["library", "media", "updated"],
            ) => self.error(405),
            _ => self.error(404),
        }
    }

    fn error(&self, status: u16) -> Reply {
        match status {
            400 | 500 => Reply::new(status, "text/plain", "Error processing request."),
            _ => Reply::empty(status),
        }
    }
}

impl Jellyfin {
    fn info(&self, set_up: bool) -> Value {
        json!({
            "ServerName": "Pretend Jellyfin",
            "Version": self.made.version,
            "ProductName": "Jellyfin Server",
            "Id": "0123456789abcdef0123456789abcdef",
            "StartupWizardCompleted": set_up,
        })
    }

    fn lets_in(&self, call: &Recorded) -> bool {
        let modern = call.header("authorization").and_then(token);
        let query = call.param("ApiKey").map(str::to_owned);
        let legacy =
            [call.header("x-emby-token"), call.header("x-mediabrowser-token"), call.param("api_key")];
        let legacy = legacy.into_iter().flatten().next().filter(|_| self.made.legacy).map(str::to_owned);
        modern.or(query).or(legacy).is_some_and(|token| token == self.made.key)
    }
}

/// The token of `MediaBrowser Token="…", Client="…"`: the values are decoded as a URL's are, where `+` is a space.
fn token(header: &str) -> Option<String> {
    let (scheme, pairs) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("MediaBrowser") {
        return None;
    }
    pairs.split(',').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        let value = value.strip_prefix('"')?.strip_suffix('"')?.replace('+', " ");
        (name == "Token").then(|| percent_decode_str(&value).decode_utf8_lossy().into_owned())
    })
}

pub(crate) fn virtual_folders(libraries: &[PretendLibrary]) -> Value {
    let mut folders: Vec<Value> = libraries
        .iter()
        .map(|library| {
            json!({
                "Name": library.title,
                "Locations": library.folders,
                "CollectionType": library.kind,
                "ItemId": library.id,
                "LibraryOptions": {"Enabled": true, "EnableRealtimeMonitor": false},
                "RefreshStatus": "Idle",
            })
        })
        .collect();
    // Collections have no folder that anybody could scan.
    folders.push(
        json!({"Name": "Collections", "Locations": [], "CollectionType": "boxsets", "ItemId": "boxsets"}),
    );
    Value::Array(folders)
}

impl State {
    /// Success whatever the paths are; a path that is none is refused after those before it were taken.
    fn media_updated(&mut self, call: &Recorded) -> Reply {
        if call.header("content-type").is_none_or(|kind| !kind.starts_with("application/json")) {
            return Reply::empty(415);
        }
        let Some(updates) = read_updates(&call.body) else {
            return Reply::new(400, "text/plain", "Error processing request.");
        };
        for (path, update_type) in updates {
            if path.is_empty() {
                return Reply::new(400, "text/plain", "Error processing request.");
            }
            self.monitor.report(&path);
            self.updates.push((path, update_type));
        }
        Reply::empty(204)
    }
}

/// The entries of `{"Updates": [{"Path", "UpdateType"}]}`, names without case; a missing path is empty.
pub(crate) fn read_updates(body: &str) -> Option<Vec<(String, String)>> {
    let field = |value: &Value, name: &str| {
        let fields = value.as_object()?;
        fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
    };
    let text = |value: &Value, name: &str| {
        field(value, name).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let body: Value = serde_json::from_str(body).ok()?;
    let updates = field(&body, "Updates")?;
    Some(
        updates.as_array()?.iter().map(|update| (text(update, "Path"), text(update, "UpdateType"))).collect(),
    )
}
