use std::io;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::pretend::library::PretendLibrary;
use crate::pretend::stage::{Play, Recorded, Reply, Stage, lock, segments};

/// A Plex Media Server as far as scans go.
pub struct PretendPlex {
    /// Its port, its log and its trouble.
    pub stage: Stage,
    plex: Arc<Plex>,
}

/// A scan that Plex really started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlexScan {
    /// The library's key.
    pub section: String,
    /// The folder; none for the whole library.
    pub path: Option<String>,
}

/// By which method a scan is started. Another method is answered with 404 or 405.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlexMethod {
    /// Both work.
    #[default]
    Both,
    /// Only `GET`; `POST` is answered with this status.
    OnlyGet(u16),
    /// Only `POST`; `GET` is answered with this status.
    OnlyPost(u16),
    /// Neither; both are answered with this status.
    Neither(u16),
}

/// Makes a [`PretendPlex`].
#[derive(Clone, Debug)]
pub struct PlexBuilder {
    token: String,
    version: String,
    under: String,
    numbers_as_text: bool,
    libraries: Vec<PretendLibrary>,
}

impl PlexBuilder {
    /// The token it accepts; `plex-token` unless told.
    #[must_use]
    pub fn token(mut self, token: &str) -> Self {
        token.clone_into(&mut self.token);
        self
    }

    /// Its version.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self
    }

    /// The sub-path it answers under: `/plex`.
    #[must_use]
    pub fn under(mut self, sub_path: &str) -> Self {
        sub_path.clone_into(&mut self.under);
        self
    }

    /// Writes numbers and booleans as text, and keys as numbers.
    #[must_use]
    pub fn numbers_as_text(mut self) -> Self {
        self.numbers_as_text = true;
        self
    }

    /// Adds a library.
    #[must_use]
    pub fn library(mut self, library: PretendLibrary) -> Self {
        self.libraries.push(library);
        self
    }

    /// Opens its port.
    pub async fn start(self) -> io::Result<PretendPlex> {
        let under = self.under.clone();
        let state = Mutex::new(State { libraries: self.libraries.clone(), ..State::default() });
        let plex = Arc::new(Plex { made: self, state });
        let play: Arc<dyn Play> = Arc::clone(&plex) as Arc<dyn Play>;
        Ok(PretendPlex { stage: Stage::open(play, &under).await?, plex })
    }
}

impl PretendPlex {
    /// A Plex without libraries.
    pub fn builder() -> PlexBuilder {
        PlexBuilder {
            token: "plex-token".to_owned(),
            version: "1.43.4.10000-abcdef".to_owned(),
            under: String::new(),
            numbers_as_text: false,
            libraries: Vec::new(),
        }
    }

    /// The scans it started. A call for a folder outside the library is answered with 200 too, but starts none.
    pub fn scans(&self) -> Vec<PlexScan> {
        lock(&self.plex.state).scans.clone()
    }

    /// Replaces its libraries.
    pub fn set_libraries(&self, libraries: Vec<PretendLibrary>) {
        lock(&self.plex.state).libraries = libraries;
    }

    /// Start-up maintenance with this note: every path is answered with 503 and XML.
    pub fn set_maintenance(&self, note: Option<&str>) {
        lock(&self.plex.state).maintenance = note.map(str::to_owned);
    }

    /// The `startState` of `/identity`.
    pub fn set_start_state(&self, state: Option<&str>) {
        lock(&self.plex.state).starting = state.map(str::to_owned);
    }

    /// By which method scans are started.
    pub fn set_method(&self, method: PlexMethod) {
        lock(&self.plex.state).method = method;
    }
}

struct Plex {
    made: PlexBuilder,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    libraries: Vec<PretendLibrary>,
    scans: Vec<PlexScan>,
    maintenance: Option<String>,
    starting: Option<String>,
    method: PlexMethod,
}

impl Play for Plex {
    fn answer(&self, call: &Recorded) -> Reply {
        let Some(segments) = segments(call, &self.made.under) else { return self.error(404) };
        if let Some(note) = &lock(&self.state).maintenance {
            let body = format!(
                "<?xml version=\"1.0\"?><Response code=\"503\" title=\"Maintenance\" status=\"{note}\"/>"
            );
            return Reply::new(503, "text/xml;charset=utf-8", body);
        }
        if segments == ["identity"] {
            return self.container(call, &self.identity());
        }
        let token = call.header("x-plex-token").or_else(|| call.param("X-Plex-Token"));
        if token != Some(&self.made.token) {
            return self.error(401);
        }
        match (call.method.as_str(), segments.as_slice()) {
            ("GET", []) => {
                let mut server = self.identity();
                server["friendlyName"] = json!("Pretend Plex");
                self.container(call, &server)
            }
            ("GET", ["library", "sections"] | ["library", "sections", "all"]) => {
                self.container(call, &self.sections())
            }
            (method, ["library", "sections", key, "refresh"]) => self.refresh(method, key, call),
            _ => self.error(404),
        }
    }

    /// Plex answers errors with a page, whatever was asked for.
    fn error(&self, status: u16) -> Reply {
        let body = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>");
        Reply::new(status, "text/html", body)
    }
}

impl Plex {
    fn number(&self, number: usize) -> Value {
        if self.made.numbers_as_text { json!(number.to_string()) } else { json!(number) }
    }

    fn flag(&self, flag: bool) -> Value {
        if self.made.numbers_as_text { json!(if flag { "1" } else { "0" }) } else { json!(flag) }
    }

    fn identity(&self) -> Value {
        let mut identity = json!({
            "size": self.number(0),
            "claimed": self.flag(true),
            "machineIdentifier": "0123456789abcdef0123456789abcdef01234567",
            "version": self.made.version,
        });
        if let Some(state) = &lock(&self.state).starting {
            identity["startState"] = json!(state);
        }
        identity
    }

    fn sections(&self) -> Value {
        let state = lock(&self.state);
        let sections: Vec<Value> = state.libraries.iter().map(|library| self.section(library)).collect();
        json!({"size": self.number(sections.len()), "allowSync": self.flag(false), "Directory": sections})
    }

    fn section(&self, library: &PretendLibrary) -> Value {
        let key = match library.id.parse::<u64>() {
            Ok(number) if self.made.numbers_as_text => json!(number),
            _ => json!(library.id),
        };
        let locations: Vec<Value> = library
            .folders
            .iter()
            .enumerate()
            .map(|(id, path)| json!({"id": self.number(id + 1), "path": path}))
            .collect();
        json!({
            "key": key,
            "type": library.kind,
            "title": library.title,
            "agent": "tv.plex.agents.series",
            "scanner": "Plex TV Series",
            "language": "en-US",
            "refreshing": self.flag(false),
            "scannedAt": self.number(1_700_000_000),
            "Location": locations,
        })
    }

    /// XML unless JSON is asked for.
    fn container(&self, call: &Recorded, container: &Value) -> Reply {
        if call.header("accept").is_some_and(|accept| accept.contains("application/json")) {
            return Reply::json(&json!({ "MediaContainer": container }));
        }
        let body = format!("<?xml version=\"1.0\"?><MediaContainer version=\"{}\"/>", self.made.version);
        Reply::new(200, "text/xml;charset=utf-8", body)
    }

    /// An action answers with an empty page, and with success whatever the path is.
    fn refresh(&self, method: &str, key: &str, call: &Recorded) -> Reply {
        let mut state = lock(&self.state);
        match (method, state.method) {
            ("GET", PlexMethod::OnlyPost(status))
            | ("POST", PlexMethod::OnlyGet(status))
            | (_, PlexMethod::Neither(status)) => {
                return self.error(status);
            }
            ("GET" | "POST", _) => {}
            _ => return self.error(405),
        }
        let Some(library) = state.libraries.iter().find(|library| library.id == key) else {
            return self.error(404);
        };
        let path = call.param("path");
        if path.is_none_or(|path| library.holds(path)) {
            state.scans.push(PlexScan { section: key.to_owned(), path: path.map(str::to_owned) });
        }
        Reply::new(200, "text/html", "")
    }
}
